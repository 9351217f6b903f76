"""Sources of how much of a description is in each image: see :class:`neuronym.records.ConceptSource`."""

from __future__ import annotations

from neuronym.evaluate.sources.annotations import AnnotationSource
from neuronym.evaluate.sources.encoder import EncoderSource
from neuronym.evaluate.sources.labels import LabelSource
from neuronym.evaluate.sources.truth import TruthSource
from neuronym.evaluate.sources.truth_masks import TruthMasks

__all__ = ["AnnotationSource", "EncoderSource", "LabelSource", "TruthMasks", "TruthSource"]
