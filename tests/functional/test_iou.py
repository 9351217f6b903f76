"""Intersection over union against plain loops, in whatever blocks and order the images come."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional.iou import Overlaps, mask_iou
from neuronym.records import ConceptMasks, packed


class Scenes:
    """Random masks of units and concepts, dense, on a few images; some images are not annotated, some cells hidden."""

    def __init__(self, seed: int, images: int, units: int, concepts: int, grid: tuple[int, int]) -> None:
        random = np.random.default_rng(seed)
        self.grid, self.concepts = grid, concepts
        shape = (images, units, *grid)
        self.units = (random.random(shape) < random.choice([0.01, 0.5, 1.0])) & (
            random.random((*shape[:2], 1, 1)) < 0.7
        )
        self.shown = random.random((images, concepts)) < random.choice([0.0, 0.3, 1.0])
        self.masks = random.random((images, concepts, *grid)) < random.choice([0.05, 0.5, 1.0])
        self.masks &= self.shown[..., None, None]
        self.valid = (random.random((images, *grid)) < 0.8) & (random.random((images, 1, 1)) < 0.8)
        self.categories = random.integers(0, 3, concepts)

    def packed(self, images: np.ndarray) -> tuple[np.ndarray, ConceptMasks]:
        entries = [np.flatnonzero(self.shown[i]) for i in images]
        starts = np.cumsum([0, *(len(entry) for entry in entries)])
        masks = [self.masks[i, entry] for i, entry in zip(images, entries, strict=True)]
        words = packed(np.concatenate([np.zeros((0, *self.grid), np.bool_), *masks]))
        concepts = np.concatenate([np.zeros(0, np.int64), *entries])
        return packed(self.units[images]), ConceptMasks(starts, concepts, words, packed(self.valid[images]))


def plain(scenes: Scenes, kinds: int) -> dict[str, np.ndarray]:
    """All counts and both ratios, cell by cell."""
    units, concepts = scenes.units.shape[1], scenes.concepts
    shared, areas, sizes = np.zeros((units, concepts), int), np.zeros(units, int), np.zeros(concepts, int)
    touched = np.zeros((units, kinds), int)
    for mine, masks, valid in zip(scenes.units, scenes.masks, scenes.valid, strict=True):
        cells = [[{*np.flatnonzero(mask & valid).tolist()} for mask in side] for side in (mine, masks)]
        for c, theirs in enumerate(cells[1]):
            sizes[c] += len(theirs)
        for u, own in enumerate(cells[0]):
            areas[u] += len(own)
            for c, theirs in enumerate(cells[1]):
                shared[u, c] += len(own & theirs)
            for kind in {int(scenes.categories[c]) for c, theirs in enumerate(cells[1]) if own & theirs}:
                touched[u, kind] += len(own)
    iou, restricted = np.zeros((2, units, concepts))
    for u in range(units):
        for c in range(concepts):
            for table, area in ((iou, areas[u]), (restricted, touched[u, scenes.categories[c]])):
                union = area + sizes[c] - shared[u, c]
                table[u, c] = shared[u, c] / union if union else 0
    return {"shared": shared, "areas": areas, "sizes": sizes, "touched": touched, "iou": iou, "restricted": restricted}


def same(one: Overlaps, other: Overlaps) -> bool:
    pairs = zip(one._counts(), other._counts(), strict=True)
    return one.images == other.images and all(np.array_equal(a, b) for a, b in pairs)


SCENES = st.builds(
    Scenes,
    st.integers(0, 10**6),
    st.integers(0, 5),
    st.integers(0, 20),
    st.integers(1, 20),
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
)


@settings(max_examples=60, deadline=None)
@given(SCENES)
def test_counts_equal_a_plain_loop(scenes: Scenes) -> None:
    kinds = int(scenes.categories.max()) + 1
    expected = plain(scenes, kinds)
    state = Overlaps(scenes.units.shape[1], scenes.concepts, scenes.categories)
    state.update(*scenes.packed(np.arange(len(scenes.units))))
    assert np.array_equal(state.intersections, expected["shared"])
    assert np.array_equal(state.unit_cells, expected["areas"])
    assert np.array_equal(state.concept_cells, expected["sizes"])
    assert np.array_equal(state.touched_cells, expected["touched"])
    assert np.array_equal(state.iou(), expected["iou"])
    assert np.array_equal(state.iou_touched(), expected["restricted"])
    assert state.images == len(scenes.units)


@settings(max_examples=40, deadline=None)
@given(SCENES, st.data())
def test_neither_the_blocks_nor_the_order_of_images_matter(scenes: Scenes, data: st.DataObject) -> None:
    images, units = scenes.units.shape[:2]
    whole = Overlaps(units, scenes.concepts, scenes.categories)
    whole.update(*scenes.packed(np.arange(images)))
    order = np.array(data.draw(st.permutations(range(images))), np.int64)
    cuts = sorted(data.draw(st.lists(st.integers(0, images), max_size=3)))
    parts = []
    for start, stop in pairwise([0, *cuts, images]):
        parts.append(Overlaps(units, scenes.concepts, scenes.categories))
        parts[-1].update(*scenes.packed(order[start:stop]))
    forwards, backwards = parts[0], parts[-1]
    for part in parts[1:]:
        forwards = forwards.merge(part)
    for part in parts[-2::-1]:
        backwards = part.merge(backwards)
    assert same(forwards, whole)
    assert same(backwards, whole)
    assert same(pickle.loads(pickle.dumps(forwards)), whole)


@pytest.mark.parametrize(("units", "concepts", "side", "threads"), [(45, 150, 91, 2), (70, 77, 8, 2), (3, 300, 9, 1)])
def test_large_layers_equal_a_matrix_product(units: int, concepts: int, side: int, threads: int) -> None:
    scenes = Scenes(units, 9, units, concepts, (side, side))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    state = Overlaps(units, concepts, scenes.categories)
    state.update(*scenes.packed(np.arange(9)))
    torch.set_num_threads(before)
    mine = (scenes.units & scenes.valid[:, None]).reshape(9, units, -1).astype(float)
    theirs = (scenes.masks & scenes.valid[:, None]).reshape(9, concepts, -1).astype(float)
    shared = np.einsum("iup,icp->iuc", mine, theirs, optimize=True)
    touches = np.stack([(shared[..., scenes.categories == kind] > 0).any(2) for kind in range(3)], 2)
    assert np.array_equal(state.intersections, shared.sum(0))
    assert np.array_equal(state.touched_cells, (mine.sum(2)[..., None] * touches).sum(0))
    assert np.array_equal(state.concept_cells, theirs.sum((0, 2)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 20), st.integers(0, 20), st.sampled_from([0, 1, 63, 64, 65, 4095, 9000]))
def test_the_formula_equals_a_plain_loop(seed: int, units: int, concepts: int, pixels: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = (torch.rand(count, pixels, generator=generator) < 0.1 for count in (units, concepts))
    found = mask_iou(ours, theirs)
    assert found.dtype == torch.float64
    assert found.shape == (units, concepts)
    for u in range(units):
        for c in range(concepts):
            union = int((ours[u] | theirs[c]).sum())
            assert found[u, c].item() == (int((ours[u] & theirs[c]).sum()) / union if union else 0)


def test_the_formula_works_through_many_blocks_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = torch.rand(3, 50_000) < 0.3, torch.rand(5, 50_000) < 0.6
    whole = mask_iou(ours, theirs)
    monkeypatch.setattr("neuronym.functional.iou._BLOCK", 1)
    assert torch.equal(mask_iou(ours, theirs), whole)
    assert torch.equal(mask_iou(ours.T.contiguous().T, theirs), whole)


def test_masks_of_other_pixels_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^unit masks of 9 pixels and concept masks of 8 pixels: both must cover the "
    ):
        mask_iou(torch.ones(2, 9, dtype=torch.bool), torch.ones(2, 8, dtype=torch.bool))


def test_bits_beyond_what_counts_are_not_counted() -> None:
    every = ~np.uint64(0)
    masks = ConceptMasks(np.array([0, 1]), np.array([1]), np.full((1, 2), every), packed(np.ones((1, 9, 9), np.bool_)))
    state = Overlaps(1, 2)
    state.update(np.full((1, 1, 2), every), masks)
    assert (state.unit_cells.tolist(), state.concept_cells.tolist()) == ([81], [0, 81])
    assert state.iou().tolist() == [[0, 1]]


def test_an_area_that_touches_another_category_only_does_not_count() -> None:
    unit = np.zeros((2, 1, 1, 4), np.bool_)
    unit[0, 0, 0, :2] = unit[1, 0, 0, 2:] = True
    masks = np.zeros((2, 1, 4), np.bool_)
    masks[0, 0, :1] = masks[1, 0, 3:] = True  # a concept of category 0 in the first image, of 1 in the second
    state = Overlaps(1, 2, np.array([0, 1]))
    concepts = ConceptMasks(np.array([0, 1, 2]), np.array([0, 1]), packed(masks), packed(np.ones((2, 1, 4), np.bool_)))
    state.update(packed(unit), concepts)
    assert state.touched_cells.tolist() == [[2, 2]]
    assert state.iou().tolist() == [[1 / 4, 1 / 4]]
    assert state.iou_touched().tolist() == [[1 / 2, 1 / 2]]


def test_a_state_without_categories_restricts_nothing() -> None:
    with pytest.raises(ValueError, match=r"^This state was made without the categories of its concepts\.$"):
        Overlaps(1, 1).iou_touched()
    for categories in ([0], [0, -1]):
        with pytest.raises(ValueError, match="of 2 concepts: each needs one, a number from 0 up"):
            Overlaps(1, 2, np.array(categories))


def test_states_of_other_things_are_not_merged() -> None:
    with pytest.raises(
        ValueError, match=r"^overlaps of 1 units and 2 concepts cannot be merged .* 2 units and 2 concepts$"
    ):
        Overlaps(1, 2).merge(Overlaps(2, 2))
    for other in (Overlaps(1, 2), Overlaps(1, 2, np.array([1, 0]))):
        with pytest.raises(ValueError, match=r"in other categories$"):
            Overlaps(1, 2, np.array([0, 1])).merge(other)


def test_masks_that_do_not_fit_are_refused() -> None:
    scenes = Scenes(1, 3, 4, 5, (9, 9))
    scenes.shown[:] = True
    units, masks = scenes.packed(np.arange(3))
    state = Overlaps(4, 5)
    for wrong in (units[:2], units[:, :3], units[..., :1]):
        with pytest.raises(ValueError, match=r"do not fit 4 units and 5 concepts$"):
            state.update(wrong, masks)
    for starts in ([0, 5, 15], [0, 5, 4, 15], [0, 5, 10, 14], [1, 5, 10, 15]):
        with pytest.raises(ValueError, match="do not cut 15 concepts and 15 masks into images"):
            state.update(units, replace(masks, starts=np.array(starts)))
    for place, concept in ((14, 5), (0, -1), (1, 0)):
        concepts = masks.concepts.copy()
        concepts[place] = concept
        with pytest.raises(ValueError, match=r"within an image they must rise, and this state has 5$"):
            state.update(units, replace(masks, concepts=concepts))
    assert state.images == 0
