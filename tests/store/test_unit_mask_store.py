"""Stored unit masks: any rows in any order, each block decoded once, never more memory than allowed, never stale."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuronym.errors import StudyError
from neuronym.records import MaskRule, word_count
from neuronym.store.arrays import Arrays
from neuronym.store.unit_mask_store import BLOCK, StoredUnitMasks, make_room, mask_name, stored_masks

IMAGES, UNITS, GRID, RULE = 150, 5, (9, 16), MaskRule(0.995)
NAME = "masks/quantile-0.995-9x16"
BLOCK_BYTES = BLOCK * UNITS * word_count(GRID) * 8
BUDGETS = {"whole": 2**20, "recent": 3 * BLOCK_BYTES, "least": 0}
ABOVE = np.linspace(0, 1, UNITS)
WORDS = np.random.default_rng(0).integers(0, 2**63, (IMAGES, UNITS, word_count(GRID)), np.uint64)


class Counted(Arrays):
    """Counts how often each block of masks is read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: Counter[int] = Counter()

    def read(self, name: str, rows: slice = slice(None), columns: slice = slice(None)) -> npt.NDArray[Any]:
        if name.endswith("/words"):
            self.reads[rows.start // BLOCK] += 1
        return super().read(name, rows, columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("layer")
    write(Arrays(place))
    return place


def write(arrays: Arrays) -> None:
    assert make_room(arrays, RULE, GRID, ABOVE, IMAGES) == NAME == mask_name(RULE, GRID)
    arrays.write(f"{NAME}/words", 0, WORDS)


positions = st.lists(st.integers(0, IMAGES - 1), max_size=40)
units = st.none() | st.lists(st.integers(0, UNITS - 1), max_size=8)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS.keys())
def test_rows_are_those_asked_for_in_any_order_with_repetitions(folder: Path, budget: int) -> None:
    masks = stored_masks(Arrays(folder), RULE, GRID, ABOVE, budget)
    assert masks is not None
    assert (masks.grid, len(masks), masks.units) == (GRID, IMAGES, UNITS)

    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(positions, units)
    def check(rows: list[int], columns: list[int] | None) -> None:
        found = masks.rows(np.array(rows, np.int64), None if columns is None else np.array(columns, np.int64))
        expected = [[WORDS[row, unit] for unit in (range(UNITS) if columns is None else columns)] for row in rows]
        shape = (len(rows), UNITS if columns is None else len(columns), word_count(GRID))
        assert found.dtype == np.uint64
        assert np.array_equal(found, np.array(expected, np.uint64).reshape(shape))

    check()


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS.keys())
def test_a_sweep_reads_each_block_once_however_it_is_cut(folder: Path, budget: int) -> None:
    arrays = Counted(folder)
    masks = StoredUnitMasks(arrays, NAME, GRID, budget)
    for start in range(0, IMAGES, 20):  # so that most calls touch two blocks
        masks.rows(np.arange(start, min(start + 20, IMAGES)))
    assert arrays.reads == dict.fromkeys(range(5), 1)


def test_what_fits_is_read_once_and_what_does_not_is_forgotten_by_age(folder: Path) -> None:
    firsts = np.arange(0, IMAGES, BLOCK)
    whole, recent = Counted(folder), Counted(folder)
    masks = {arrays: StoredUnitMasks(arrays, NAME, GRID, BUDGETS[name]) for name, arrays in
             (("whole", whole), ("recent", recent))}  # fmt: skip
    for one in masks.values():
        for order in (firsts, firsts[::-1], firsts[[1, 3, 1, 0]]):
            one.rows(order, np.array([2]))
    assert whole.reads == dict.fromkeys(range(5), 1)
    kept = masks[recent]._kept
    assert len(kept._kept) == 3  # type: ignore[union-attr, arg-type]
    before = recent.reads.copy()
    masks[recent].rows(firsts[[3]])
    assert recent.reads == before
    masks[recent].rows(firsts[[4]])
    assert recent.reads == before + Counter([4])


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS.keys())
def test_several_threads_may_ask(folder: Path, budget: int) -> None:
    arrays = Counted(folder)
    masks = StoredUnitMasks(arrays, NAME, GRID, budget)

    def ask(seed: int) -> bool:
        rows = np.random.default_rng(seed).integers(0, IMAGES, 30)
        return np.array_equal(masks.rows(rows), WORDS[rows])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(40)))
    if budget == BUDGETS["whole"]:
        assert set(arrays.reads.values()) == {1}


def test_images_and_units_that_are_not_there_are_refused(folder: Path) -> None:
    masks = StoredUnitMasks(Arrays(folder), NAME, GRID)
    for asked in ([-1], [IMAGES]):
        with pytest.raises(IndexError, match=f"images {asked[0]} to {asked[0]} of 150"):
            masks.rows(np.array(asked))
    with pytest.raises(IndexError, match="units 1 to 5 of 5"):
        masks.rows(np.array([0]), np.array([1, 5]))
    with pytest.raises(ValueError, match="masks of 3 words are on another grid than 8x8"):
        StoredUnitMasks(Arrays(folder), NAME, (8, 8))


def test_only_whole_masks_of_the_same_thresholds_count(folder: Path, tmp_path: Path) -> None:
    arrays = Arrays(tmp_path)
    assert stored_masks(arrays, RULE, GRID) is None
    make_room(arrays, RULE, GRID, ABOVE, IMAGES)
    arrays.write(f"{NAME}/words", 0, WORDS[:BLOCK])
    assert stored_masks(arrays, RULE, GRID, ABOVE) is None
    make_room(arrays, RULE, GRID, ABOVE, IMAGES)
    assert arrays.written(f"{NAME}/words").tolist() == [True, False, False, False, False]
    arrays.write(f"{NAME}/words", 0, WORDS)
    assert stored_masks(arrays, RULE, GRID, ABOVE) is not None
    assert stored_masks(arrays, RULE, GRID) is not None
    assert stored_masks(arrays, RULE, GRID, np.nextafter(ABOVE, 2)) is None
    assert stored_masks(arrays, RULE, GRID, ABOVE[:-1]) is None
    assert stored_masks(arrays, MaskRule(0.99), GRID, ABOVE) is None
    assert stored_masks(arrays, RULE, (16, 9), ABOVE) is None
    make_room(arrays, RULE, GRID, ABOVE + 1, IMAGES)
    assert not arrays.written(f"{NAME}/words").any()


def test_rules_have_places_of_their_own() -> None:
    rules = [MaskRule(), MaskRule(0.99), MaskRule(None, 0.0), MaskRule(None, -1.5), MaskRule(None, (0.0, 1.0))]
    assert len({mask_name(rule, grid) for rule in rules for grid in (GRID, GRID[::-1])}) == 10
    assert mask_name(MaskRule(None, -1.5), (3, 4)) == "masks/above--1.5-3x4"


def test_masks_that_are_damaged_later_are_refused(tmp_path: Path) -> None:
    arrays = Arrays(tmp_path)
    write(arrays)
    masks = stored_masks(arrays, RULE, GRID, ABOVE)
    assert masks is not None
    (tmp_path / NAME / "words" / "c.1.0.0").write_bytes(b"x" * 100)
    (tmp_path / NAME / "words" / "c.2.0.0").unlink()
    assert np.array_equal(masks.rows(np.array([0])), WORDS[:1])
    with pytest.raises(StudyError, match=r"is damaged: .* does not fit its checksum"):
        masks.rows(np.array([BLOCK]))
    with pytest.raises(StudyError, match="is incomplete: rows 64 to 95 are missing"):
        masks.rows(np.array([2 * BLOCK]))
    assert stored_masks(arrays, RULE, GRID, ABOVE) is None
