"""What is annotated in the images of hosts, brought to the grid once for all that see the same scenes."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from neuronym.bench.probing import Probed, Version
from neuronym.errors import NeuronymError, NeuronymWarning
from neuronym.records import Geometry, ImageRecord, Split
from neuronym.store.derived_masks import MovedAnnotations
from neuronym.store.mask_tables import Annotations

Ints = npt.NDArray[np.int64]
Seen = tuple[Split, str]
"""The split of a scene, and its number there; noise on its picture changes neither, nor a mask."""


class SharedAnnotations:
    """Gives the layers of hosts the masks of the world's concepts, as a study of their own would find them.

    The first study of some scenes is annotated as any is; the others, whose images are the same scenes in another
    order, with noise or before another network, borrow from it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, Geometry], tuple[Annotations, dict[Seen, int]]] = {}

    def of(self, host: Probed, version: Version) -> Annotations:
        """The annotations of one version of a host, in the order of its images.

        Raises:
            MethodError: the images know no masks.
        """
        study, plain = host.studies[version], host.studies["plain"]
        key = (host.host.links, plain.view(host.host.layer).geometry(0))
        if key not in self._known:
            with warnings.catch_warnings():
                # Of few scenes some show none of the rarer pairs, which the user did not choose.
                warnings.simplefilter("ignore", NeuronymWarning)
                plain.annotate()
            found = plain.store.annotations
            if found is None:
                raise NeuronymError(f"the study of {host.host.name} has no annotations after it was annotated")
            self._known[key] = (found, {_seen(one): at for at, one in enumerate(plain.probe_set.images)})
        base, places = self._known[key]
        return MovedAnnotations(base, np.array([places[_seen(one)] for one in study.probe_set.images], np.int64))


def _seen(image: ImageRecord) -> Seen:
    return image.split, image.member
