"""What a row asks of models on one host, counted; what is made once for all rows is not in a row's own time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.backends import ImageTextEncoder
from neuronym.bench.sharing import Embeddings, Shared
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, LayerInfo, MaskRule, OcclusionRule, Split
from neuronym.store.layer_view import Services
from neuronym.store.mask_tables import UnitMasks
from neuronym.store.occlusion_tables import Occlusions

Floats = npt.NDArray[np.float32]


class Meter:
    """Counts what one row asks of models on one host.

    Args:
        shared: what was made for all rows.

    Attributes:
        calls: by kind: ``images`` and ``texts`` that were encoded, ``forward`` for images that the target answered, in
            a mask pass or occluded too.
        backend_seconds: for the embeddings of images, for mask passes and for occlusion passes, whichever row made
            them.
        spent: seconds that this row waited for any of them.
    """

    def __init__(self, shared: Shared) -> None:
        self.calls: Counter[str] = Counter()
        self.backend_seconds = self.spent = 0.0
        self.shared = shared
        self._embedded: set[tuple[str, str, Split]] = set()
        self._masked: set[tuple[Services, LayerInfo, MaskRule, Grid]] = set()

    def encoder(self, encoder: ImageTextEncoder) -> ImageTextEncoder:
        """The same encoder, counted; it encodes an image once for all rows."""
        return _Counted(encoder, self)

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
                self.backend_seconds += self.shared.masks.setdefault(key, waited)
            return found

        tables: dict[tuple[LayerInfo, OcclusionRule], Occlusions] = {}

        def occlusions(layer: LayerInfo, rule: OcclusionRule) -> Occlusions:
            key = (layer, rule)
            if key not in tables:
                seconds = self.shared.occlusions.setdefault((services, layer, rule), {})
                tables[key] = CountedOcclusions(services.occlusions(layer, rule), self, seconds)
            return tables[key]

        return replace(services, embed=embed, respond=respond, unit_masks=unit_masks, occlusions=occlusions)


class CountedOcclusions:
    """The occlusions of a layer, counted: each occluded copy is an image that the target answers, and so is the whole.

    A coarse pass counts as an exact one, which is the most it takes.

    Args:
        base: the occlusions.
        meter: of the row.
        seconds: what the pass of each image took that some row has asked for.
    """

    def __init__(self, base: Occlusions, meter: Meter, seconds: dict[int, float]) -> None:
        self._base, self._meter, self._seconds = base, meter, seconds
        self._asked: set[int] = set()
        self._copies: int | None = None

    @property
    def colour(self) -> tuple[int, int, int]:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        return self._base.colour

    def make(self, images: npt.NDArray[np.int64], units: npt.NDArray[np.int64]) -> None:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        began = time.perf_counter()
        self._base.make(images, units)
        waited = time.perf_counter() - began
        self._meter.spent += waited
        wanted = set(images.tolist())
        missing = wanted - self._seconds.keys()
        self._seconds.update(dict.fromkeys(missing, waited / max(1, len(missing))))
        fresh = wanted - self._asked
        if fresh:
            self._asked |= fresh
            self._meter.calls["forward"] += len(fresh) * self._passes(int(images[0]), int(units[0]))
            self._meter.backend_seconds += sum(self._seconds[image] for image in fresh)

    def found(self, image: int, unit: int) -> Any:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        return self._base.found(image, unit)

    def _passes(self, image: int, unit: int) -> int:
        """Of one image: it is whole once, and then at every place of the occluder."""
        if self._copies is None:
            found = self._base.found(image, unit)
            assert found is not None  # it was made just now
            self._copies = 1 + len(found.windows)
        return self._copies


class _Counted:
    """An encoder that counts what it is asked for."""

    def __init__(self, inner: ImageTextEncoder, meter: Meter) -> None:
        self.inner, self._meter = inner, meter
        self.name, self.key, self.dim = inner.name, inner.key, inner.dim

    def encode_images(self, images: Sequence[Image.Image]) -> Floats:
        self._meter.calls["images"] += len(images)
        began = time.perf_counter()
        rows, seconds = self._meter.shared.pictures.of(self.inner, images)
        self._meter.spent += time.perf_counter() - began
        self._meter.backend_seconds += seconds
        return rows

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        self._meter.calls["texts"] += len(texts)
        return self.inner.encode_texts(texts)
