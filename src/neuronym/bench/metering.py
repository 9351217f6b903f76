"""What a row asks of models, counted; and what is made once for all rows: embeddings of probe images, mask passes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.activations.embed import embed_images
from neuronym.backends import ImageTextEncoder
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, LayerInfo, MaskRule, Split
from neuronym.store.layer_view import Services
from neuronym.store.mask_tables import UnitMasks

Floats = npt.NDArray[np.float32]
MasksAsked: TypeAlias = tuple[Services, LayerInfo, MaskRule, Grid]


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


class MaskPasses:
    """The seconds that mask passes took, whichever row waited for them: a study keeps the masks for all."""

    def __init__(self) -> None:
        self._seconds: dict[MasksAsked, float] = {}

    def seconds(self, asked: MasksAsked, waited: float) -> float:
        """What the pass for some masks took, which is what the first to ask for them waited.

        Args:
            asked: the masks.
            waited: how long they were waited for now.
        """
        return self._seconds.setdefault(asked, waited)


class Meter:
    """Counts what one row asks of models on one host.

    Args:
        passes: those of all rows.

    Attributes:
        calls: by kind: ``images`` and ``texts`` that were encoded, ``forward`` for images that the target answered, in
            a mask pass too.
        backend_seconds: for the embeddings of the probe images and for mask passes, whichever row made them.
        spent: seconds that this row waited for either.
    """

    def __init__(self, passes: MaskPasses) -> None:
        self.calls: Counter[str] = Counter()
        self.backend_seconds = self.spent = 0.0
        self._passes = passes
        self._embedded: set[tuple[str, str, Split]] = set()
        self._masked: set[MasksAsked] = set()

    def encoder(self, encoder: ImageTextEncoder) -> ImageTextEncoder:
        """The same encoder, counted."""
        return _Counted(encoder, self.calls)

    def services(self, services: Services, probe: ProbeSet, embeddings: Embeddings) -> Services:
        """The same services, counted; the images' embeddings are those that all rows share."""

        def embed(encoder: Any, split: Split) -> Floats:
            inner = encoder.inner if isinstance(encoder, _Counted) else encoder
            began = time.perf_counter()
            rows, seconds = embeddings.of(inner, probe, split)
            self.spent += time.perf_counter() - began
            key = (inner.key, probe.fingerprint, split)
            if key not in self._embedded:
                self._embedded.add(key)
                self.calls["images"] += len(rows)
                self.backend_seconds += seconds
            return rows

        def respond(layer: LayerInfo, images: Sequence[Image.Image]) -> Floats:
            self.calls["forward"] += len(images)
            return services.respond(layer, images)

        def unit_masks(layer: LayerInfo, rule: MaskRule, grid: Grid) -> UnitMasks:
            began = time.perf_counter()
            found = services.unit_masks(layer, rule, grid)
            waited = time.perf_counter() - began
            self.spent += waited
            key = (services, layer, rule, grid)
            if key not in self._masked:
                self._masked.add(key)
                self.calls["forward"] += len(probe)
                self.backend_seconds += self._passes.seconds(key, waited)
            return found

        return replace(services, embed=embed, respond=respond, unit_masks=unit_masks)


class _Counted:
    """An encoder that counts what it is asked for."""

    def __init__(self, inner: ImageTextEncoder, calls: Counter[str]) -> None:
        self.inner, self._calls = inner, calls
        self.name, self.key, self.dim = inner.name, inner.key, inner.dim

    def encode_images(self, images: Sequence[Image.Image]) -> Floats:
        self._calls["images"] += len(images)
        return self.inner.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        self._calls["texts"] += len(texts)
        return self.inner.encode_texts(texts)
