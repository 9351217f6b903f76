"""Unit masks of a study: where the units of a layer are active in every image, as the mask pass wrote them.

Below ``masks/RULE-ROWSxCOLUMNS/`` of a layer's arrays lie ``words``, uint64 [images, units, words] (see
:mod:`neuronym.records.masks`; the images are those of the study in order, explain first), and ``thresholds``,
float64 [units], strictly above which a unit is active. Masks of other thresholds than those that are asked for count
as not there: what was made of other quantiles is never read by mistake.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from neuronym.records import Grid, MaskRule, word_count
from neuronym.store.arrays import Arrays
from neuronym.store.mask_tables import AT_A_TIME, Ints, Words

BLOCK = AT_A_TIME
"""Images whose masks are written and read together."""

BUDGET = 2**30
"""Bytes of masks that are kept in memory, unless one says otherwise."""

Thresholds = npt.NDArray[np.float64]


def mask_name(rule: MaskRule, grid: Grid) -> str:
    """Where among the arrays of a layer its masks of a rule on a grid are."""
    return f"masks/{rule.name}-{grid[0]}x{grid[1]}"


class StoredUnitMasks:
    """The :class:`~neuronym.store.mask_tables.UnitMasks` of a finished mask pass; may be asked by several threads.

    Masks stay in memory as far as ``budget`` goes: all of them where they fit, else the blocks of images used last.

    Args:
        arrays: of the layer.
        name: see :func:`mask_name`.
        grid: the cells of a mask.
        budget: bytes of masks to keep in memory; two blocks are kept in any case.

    Raises:
        StudyError: there are no such masks.
        ValueError: they are on another grid.
    """

    def __init__(self, arrays: Arrays, name: str, grid: Grid, budget: int = BUDGET) -> None:
        self._grid = grid
        images, self.units, words = shape = arrays.shape(f"{name}/words")
        if words != word_count(grid):
            raise ValueError(f"masks of {words} words are on another grid than {grid[0]}x{grid[1]}")
        fits = images * self.units * words * 8 <= budget
        blocks = _Blocks(arrays, f"{name}/words", shape)
        self._kept: _Whole | _Recent = _Whole(blocks) if fits else _Recent(blocks, budget)
        self._shape = shape

    @property
    def grid(self) -> Grid:
        """The cells of a mask."""
        return self._grid

    def __len__(self) -> int:
        """How many images."""
        return int(self._shape[0])

    def rows(self, positions: Ints, units: Ints | None = None) -> Words:
        """Uint64 [images, units, words] of some images; see :class:`~neuronym.store.mask_tables.UnitMasks`.

        Raises:
            IndexError: there is no such image or unit.
            StudyError: masks are missing or damaged.
        """
        asked = _within(positions, len(self), "images")
        return self._kept.rows(asked, None if units is None else _within(units, self.units, "units"))


def stored_masks(
    arrays: Arrays, rule: MaskRule, grid: Grid, thresholds: Thresholds | None = None, budget: int = BUDGET
) -> StoredUnitMasks | None:
    """The masks of a layer by a rule on a grid that earlier passes left; None unless all of them are there.

    Args:
        arrays: of the layer.
        rule: where a unit counts as active.
        grid: the cells of a mask.
        thresholds: what the rule means now, [units], as
            :meth:`~neuronym.store.layer_view.LayerView.mask_thresholds` gives it: masks of others count as not there.
            None to take what there is.
        budget: see :class:`StoredUnitMasks`.

    Raises:
        StudyError: what is there is damaged.
    """
    name = mask_name(rule, grid)
    if not (_is_of(arrays, name, thresholds) and bool(arrays.written(f"{name}/words").all())):
        return None
    return StoredUnitMasks(arrays, name, grid, budget)


def make_room(arrays: Arrays, rule: MaskRule, grid: Grid, thresholds: Thresholds, images: int) -> str:
    """Makes room for masks, or keeps what an interrupted pass of the same thresholds wrote, and returns their name.

    Raises:
        StudyError: the folder cannot be written.
    """
    name = mask_name(rule, grid)
    if not _is_of(arrays, name, thresholds):
        # In this order, so that a kill on the way leaves no masks of others beside these thresholds.
        arrays.delete(f"{name}/words")
        arrays.put(f"{name}/thresholds", thresholds)
        arrays.flush()
    arrays.create(f"{name}/words", (images, len(thresholds), word_count(grid)), np.uint64, rows=BLOCK)
    return name


def remove_masks(arrays: Arrays, grid: Grid) -> None:
    """Removes the masks on a grid, of all rules: nothing is compared on it any more, and they are large.

    Raises:
        StudyError: the folder cannot be written.
    """
    for place in sorted((arrays.folder / "masks").glob(f"*-{grid[0]}x{grid[1]}")):
        for part in ("words", "thresholds"):
            arrays.delete(f"masks/{place.name}/{part}")
        with suppress(OSError):  # something of somebody else's is in it
            place.rmdir()


def _is_of(arrays: Arrays, name: str, thresholds: Thresholds | None) -> bool:
    """Whether there are masks of this name, complete or not, and they are of these thresholds."""
    known = f"{name}/thresholds"
    if not (arrays.has(f"{name}/words") and arrays.has(known) and bool(arrays.written(known).all())):
        return False
    return thresholds is None or np.array_equal(arrays.read(known), thresholds)


class _Blocks:
    """The masks on disk, by blocks of images."""

    def __init__(self, arrays: Arrays, name: str, shape: tuple[int, ...]) -> None:
        self._arrays, self._name, self.shape = arrays, name, shape

    def read(self, block: int) -> Words:
        words: Words = self._arrays.read(self._name, slice(block * BLOCK, (block + 1) * BLOCK))
        return words


class _Whole:
    """All masks in one piece of memory, each block of it filled when it is first asked for."""

    def __init__(self, blocks: _Blocks) -> None:
        self._blocks, self._lock = blocks, threading.Lock()
        self._words = np.empty(blocks.shape, np.uint64)  # takes memory as it is filled
        self._filled = np.zeros(-(-blocks.shape[0] // BLOCK), np.bool_)

    def rows(self, positions: Ints, units: Ints | None) -> Words:
        touched = np.unique(positions // BLOCK)
        if not self._filled[touched].all():
            with self._lock:
                for block in touched[~self._filled[touched]].tolist():
                    self._words[block * BLOCK : (block + 1) * BLOCK] = self._blocks.read(block)
                    self._filled[block] = True
        return self._words[positions] if units is None else self._words[positions[:, None], units]


class _Recent:
    """The blocks used last, as many as the budget allows."""

    def __init__(self, blocks: _Blocks, budget: int) -> None:
        self._blocks, self._lock = blocks, threading.Lock()
        self._room = max(2, budget // (BLOCK * blocks.shape[1] * blocks.shape[2] * 8))
        self._kept: OrderedDict[int, Words] = OrderedDict()

    def rows(self, positions: Ints, units: Ints | None) -> Words:
        count = self._blocks.shape[1] if units is None else len(units)
        found = np.empty((len(positions), count, self._blocks.shape[2]), np.uint64)
        of = positions // BLOCK
        for block in np.unique(of).tolist():
            at = np.flatnonzero(of == block)
            words, within = self._block(block), positions[at] - block * BLOCK
            found[at] = words[within] if units is None else words[within[:, None], units]
        return found

    def _block(self, block: int) -> Words:
        with self._lock:
            if block not in self._kept:
                while len(self._kept) >= self._room:
                    self._kept.popitem(last=False)
                self._kept[block] = self._blocks.read(block)
            self._kept.move_to_end(block)
            return self._kept[block]


def _within(given: Ints, count: int, what: str) -> Ints:
    """Positions that are there, none of them counted from the end."""
    asked = np.asarray(given, np.int64).reshape(-1)
    if len(asked) and not 0 <= int(asked.min()) <= int(asked.max()) < count:
        raise IndexError(f"{what} {asked.min()} to {asked.max()} of {count}")
    return asked
