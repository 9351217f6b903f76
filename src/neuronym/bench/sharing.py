"""What is made once for all rows, with the seconds that it took: embeddings, mask passes, occlusion passes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.activations.embed import embed_images
from neuronym.backends import ImageTextEncoder
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, LayerInfo, MaskRule, OcclusionRule, Split
from neuronym.store.layer_view import Services

Floats = npt.NDArray[np.float32]

_ROOM = 1 << 28  # bytes of embeddings: 130,000 pictures in 512 dimensions


class Embeddings:
    """Embeddings of sets of probe images, made when they are first asked for, with the seconds that took.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, str, Split], tuple[Floats, float]] = {}

    def of(self, encoder: ImageTextEncoder, probe: ProbeSet, split: Split) -> tuple[Floats, float]:
        """Float32 [images, dim], and the seconds that it took to make them."""
        key = (encoder.key, probe.fingerprint, split)
        if key not in self._kept:
            began = time.perf_counter()
            rows = embed_images(encoder, probe, split, self._folder)
            self._kept[key] = (rows, time.perf_counter() - began)
        return self._kept[key]


class Pictures:
    """Embeddings of pictures that methods make, such as patches: of equal ones, on images drawn anew, by one pass.

    The first are kept, up to 256 MiB; further ones are encoded each time.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], tuple[Floats, float]] = {}
        self._room = _ROOM

    def of(self, encoder: ImageTextEncoder, images: Sequence[Image.Image]) -> tuple[Floats, float]:
        """Float32 [images, dim], and the seconds that encoding them took, or would have taken anew."""
        keys = [(encoder.key, _digest(image)) for image in images]
        fresh = [at for at, key in enumerate(keys) if key not in self._kept]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        if fresh or not images:
            began = time.perf_counter()
            rows = encoder.encode_images([images[at] for at in fresh])
            each = (time.perf_counter() - began) / max(1, len(fresh))
            if not images or len(rows) != len(fresh):  # whoever asked refuses what is no embedding of each
                return rows, each * len(fresh)
            found.update((keys[at], (row, each)) for at, row in zip(fresh, rows, strict=True))
            self._keep({keys[at]: found[keys[at]] for at in fresh})
        return np.stack([found[key][0] for key in keys]), sum(found[key][1] for key in keys)

    def _keep(self, rows: dict[tuple[str, bytes], tuple[Floats, float]]) -> None:
        size = sum(row.nbytes for row, _ in rows.values())
        if size <= self._room:
            self._kept.update(rows)
            self._room -= size


@dataclass(frozen=True, eq=False)
class Shared:
    """What all rows share.

    Attributes:
        pictures: embeddings of what methods make.
        masks: the seconds of each mask pass: what the first to ask for its masks waited, for the study keeps them.
        occlusions: so of each explain image's occlusion pass, by the position of the image.
    """

    pictures: Pictures = field(default_factory=Pictures)
    masks: dict[tuple[Services, LayerInfo, MaskRule, Grid], float] = field(default_factory=dict)
    occlusions: dict[tuple[Services, LayerInfo, OcclusionRule], dict[int, float]] = field(default_factory=dict)


def _digest(image: Image.Image) -> bytes:
    kind = f"{image.mode}{image.width}x{image.height}".encode()
    return blake2b(image.tobytes(), digest_size=16, person=kind[:16]).digest()
