"""The masks of a study's units: read where the mask pass has made them, made where it has not."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.activations.mask_pass import MasksOf
from neuronym.records import Grid, LayerInfo, MaskRule
from neuronym.store.arrays import Arrays
from neuronym.store.beside import Beside
from neuronym.store.study_folder import is_writable
from neuronym.store.study_store import StudyStore
from neuronym.store.unit_mask_store import BUDGET, StoredUnitMasks, stored_masks

_OPEN = 2
"""The masks of so many layers or rules stay in memory, and share the budget."""

Thresholds = npt.NDArray[np.float64]

RunPass: TypeAlias = Callable[[Sequence[MasksOf], MaskRule, Grid], None]
"""Makes what is missing of the masks of some layers; see :func:`neuronym.activations.mask_pass.run_mask_pass`."""


class UnitMaskMaker:
    """Gives the unit masks of a study, and makes them where they are missing; several threads may ask.

    What was made is kept in the study. Where that may only be read, it is kept in a temporary folder for as long as
    this object lives, with a warning: the masks of thousands of images need not fit into memory.

    Args:
        store: the study.
        run_pass: makes masks.
    """

    def __init__(self, store: StudyStore, run_pass: RunPass) -> None:
        self._store, self._run_pass = store, run_pass
        self._beside = Beside(store.folder, "masks")
        self._lock = threading.RLock()
        self._open: OrderedDict[tuple[str, MaskRule, Grid], tuple[Thresholds, StoredUnitMasks]] = OrderedDict()

    def masks(self, layer: LayerInfo, rule: MaskRule, grid: Grid, thresholds: Thresholds) -> StoredUnitMasks:
        """The masks of a layer.

        Args:
            layer: a layer of the study.
            rule: where a unit counts as active.
            grid: the cells of a mask.
            thresholds: what the rule means for this layer, [units].

        Raises:
            UserError: they are missing and cannot be made, or another process is writing the study.
        """
        key = (layer.name, rule, grid)
        with self._lock:
            known = self._open.pop(key, None)
            if known is None or not np.array_equal(known[0], thresholds):
                while len(self._open) >= _OPEN:  # before others take their room
                    self._open.popitem(last=False)
                known = thresholds, self._found(layer, rule, grid, thresholds)
            self._open[key] = known
            return known[1]

    def make(self, layers: Mapping[LayerInfo, Thresholds], rule: MaskRule, grid: Grid) -> None:
        """Make the masks of several layers in one pass, as far as they are missing.

        Args:
            layers: layers of the study, each with what the rule means for it, [units].
            rule: where a unit counts as active.
            grid: the cells of a mask.

        Raises:
            UserError: they cannot be made, or another process is writing the study.
        """
        with self._lock:
            missing = [layer for layer, above in layers.items() if self._stored(layer, rule, grid, above) is None]
            if not missing:
                return
            if not is_writable(self._store.folder):
                self._beside.warn([layer.name for layer in missing])
                self._run_pass([MasksOf(one, self._elsewhere(one), layers[one]) for one in missing], rule, grid)
                return
            # Methods run while the study is locked for them already. Whatever another process has made until the lock
            # is taken the pass finds.
            with nullcontext() if self._store.is_locked else self._store.lock():
                wanted = [MasksOf(one, self._store.arrays(one.name), layers[one]) for one in missing]
                self._run_pass(wanted, rule, grid)

    def _found(self, layer: LayerInfo, rule: MaskRule, grid: Grid, thresholds: Thresholds) -> StoredUnitMasks:
        found = self._stored(layer, rule, grid, thresholds)
        if found is None:
            self.make({layer: thresholds}, rule, grid)
            found = self._stored(layer, rule, grid, thresholds)
            assert found is not None  # it was just made
        return found

    def _stored(self, layer: LayerInfo, rule: MaskRule, grid: Grid, thresholds: Thresholds) -> StoredUnitMasks | None:
        """What there is of it, in the study or else beside it."""
        own = stored_masks(self._store.arrays(layer.name), rule, grid, thresholds, BUDGET // _OPEN)
        if own is not None or not self._beside.there:
            return own
        return stored_masks(self._elsewhere(layer), rule, grid, thresholds, BUDGET // _OPEN)

    def _elsewhere(self, layer: LayerInfo) -> Arrays:
        """Where the masks of a layer go if the study may only be read."""
        return Arrays(self._beside.folder / str(self._store.layers.index(layer)))
