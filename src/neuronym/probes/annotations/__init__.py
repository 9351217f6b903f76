"""Annotated images: which concepts are where, from masks in several layouts on disk.

``find_annotations`` gives an :class:`Annotator` for the images of a probe set. The layouts: arrays beside their images
(:mod:`~neuronym.probes.annotations.stacked`), a folder of masks (:mod:`~neuronym.probes.annotations.simple`), Broden
(:mod:`~neuronym.probes.annotations.broden`) and COCO panoptic (:mod:`~neuronym.probes.annotations.panoptic`).
"""

from neuronym.probes.annotations.annotator import NOTHING, Annotator
from neuronym.probes.annotations.finding import find_annotations

__all__ = ["NOTHING", "Annotator", "find_annotations"]
