"""What occlusion does to a study's units: read where the occlusion pass has asked, asked where it has not."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from neuronym.functional.occlusion import field_mask, receptive_field
from neuronym.records import Grid, LayerInfo, Occluded, OcclusionRule
from neuronym.regions.covering import mean_colour
from neuronym.regions.occlusion import AnswersOf, places
from neuronym.store.beside import Beside
from neuronym.store.layer_view import LayerView
from neuronym.store.occlusion_store import Floats, ImageAnswers, OcclusionStore
from neuronym.store.occlusion_tables import Ints, Occlusions
from neuronym.store.study_folder import is_writable
from neuronym.store.study_store import StudyStore
from neuronym.targets.preprocessing import Preprocessing

RunPass: TypeAlias = Callable[[Sequence[AnswersOf], OcclusionRule], None]
"""Asks what is missing of the answers of some layers; see :func:`neuronym.regions.occlusion.run_occlusion_pass`."""

Table: TypeAlias = tuple[LayerInfo, OcclusionRule]


class OcclusionMaker:
    """Gives the answers of a study's units to occluded images, and makes them where they are missing.

    What was made is kept in the study. Where that may only be read, it is kept in a temporary folder for as long as
    this object lives, with a warning. Several threads may ask.

    Args:
        store: the study.
        preprocessing: of its target.
        view: the window on a layer by its name.
        run_pass: asks the target.
    """

    def __init__(
        self,
        store: StudyStore,
        preprocessing: Callable[[], Preprocessing],
        view: Callable[[str], LayerView],
        run_pass: RunPass,
    ) -> None:
        self._store, self._preprocessing, self._view, self._run_pass = store, preprocessing, view, run_pass
        self._lock = threading.RLock()
        self._beside = Beside(store.folder, "occlusions")
        self._stores: dict[Table, list[OcclusionStore]] = {}
        self._holders: dict[Table, Mapping[int, Sequence[int]]] = {}

    @property
    def colour(self) -> tuple[int, int, int]:
        """The mean of the data set that the target was trained on: red, green and blue, 0 to 255."""
        return mean_colour(self._preprocessing())

    def table(self, layer: LayerInfo, rule: OcclusionRule) -> Occlusions:
        """The answers of a layer under a rule."""
        return _Table(self, layer, rule)

    def make(self, images: Mapping[LayerInfo, Sequence[int]], rule: OcclusionRule) -> None:
        """Ask what is missing of some images, of several layers in one pass.

        Args:
            images: by layer, positions among the explain images.
            rule: how they are covered.

        Raises:
            UserError: they cannot be made, or another process is writing the study.
        """
        with self._lock:
            if not any(self._missing(layer, rule, some) for layer, some in images.items()):
                return
            if not is_writable(self._store.folder):
                self._beside.warn([layer.name for layer in images])
                self._ask(images, rule)
                return
            # Methods run while the study is locked for them already. Whatever another process has made until the lock
            # is taken is found then.
            with nullcontext() if self._store.is_locked else self._store.lock():
                self._ask(images, rule)

    def found(self, layer: LayerInfo, rule: OcclusionRule, image: int) -> ImageAnswers | None:
        """The answers of a layer's units to one image; None where it was not asked yet."""
        with self._lock:
            for store in self._kept(layer, rule):
                answers = store.read(image)
                if answers is not None:
                    return answers
            return None

    def synthesised(self, image: int, rule: OcclusionRule, discrepancy: Floats) -> Occluded:
        """What follows from a unit's discrepancies, [positions], on an image."""
        record = self._store.images[image]
        size = self._preprocessing().input_size((record.height, record.width))
        boxes = _places(rule, size)
        # In float32 pixels under windows of equal sums are equal, so that rounding does not decide what is masked.
        field = receptive_field(torch.tensor(discrepancy), boxes, size, corrected=rule.corrected).float()
        mask = field_mask(field, rule.masking)
        return Occluded(discrepancy, boxes.numpy(), field.numpy(), mask.numpy())

    def _ask(self, images: Mapping[LayerInfo, Sequence[int]], rule: OcclusionRule) -> None:
        missing = {layer: self._missing(layer, rule, some) for layer, some in images.items()}
        wanted = [
            AnswersOf(layer, self._open(layer, rule), {at: self._holding(layer, rule)[at] for at in some})
            for layer, some in missing.items()
            if some
        ]
        if wanted:
            self._run_pass(wanted, rule)

    def _missing(self, layer: LayerInfo, rule: OcclusionRule, images: Sequence[int]) -> list[int]:
        missing = list(images)
        for store in self._kept(layer, rule):
            missing = store.missing(missing)
        return missing

    def _kept(self, layer: LayerInfo, rule: OcclusionRule) -> list[OcclusionStore]:
        """Where answers are: in the study, and if some were made while that may only be read, beside it."""
        key = (layer, rule)
        if key not in self._stores:
            self._stores[key] = [OcclusionStore(self._store.arrays(layer.name).folder, rule)]
        return self._stores[key]

    def _open(self, layer: LayerInfo, rule: OcclusionRule) -> OcclusionStore:
        """Where new answers go."""
        kept = self._kept(layer, rule)
        if len(kept) == 1 and not is_writable(self._store.folder):
            beside = self._beside.folder / str(self._store.layers.index(layer))
            kept.append(OcclusionStore(beside, rule))
        return kept[-1]

    def _holding(self, layer: LayerInfo, rule: OcclusionRule) -> Mapping[int, Sequence[int]]:
        """By image, the units that have it among their stored exemplars; units that never change have none."""
        key = (layer, rule)
        if key not in self._holders:
            view, found = self._view(layer.name), defaultdict[int, list[int]](list)
            for unit in np.flatnonzero(~view.constant).tolist():
                for exemplar in view.exemplars(unit, rule.summary, maps=False):
                    found[exemplar.index].append(unit)
            self._holders[key] = found
        return self._holders[key]


class _Table:
    """The :class:`~neuronym.store.occlusion_tables.Occlusions` of one layer of a study."""

    def __init__(self, maker: OcclusionMaker, layer: LayerInfo, rule: OcclusionRule) -> None:
        self._maker, self._layer, self._rule = maker, layer, rule

    @property
    def colour(self) -> tuple[int, int, int]:
        return self._maker.colour

    def make(self, images: Ints, units: Ints) -> None:
        # An image is asked for all units that have it among their exemplars, so which are asked does not matter.
        self._maker.make({self._layer: np.unique(images).tolist()}, self._rule)

    def found(self, image: int, unit: int) -> Occluded | None:
        answers = self._maker.found(self._layer, self._rule, image)
        if answers is None:
            return None
        return self._maker.synthesised(image, self._rule, answers.of(unit))


@lru_cache(maxsize=8)
def _places(rule: OcclusionRule, size: Grid) -> Tensor:
    return places(rule, size)
