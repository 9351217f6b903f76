"""Views with shuffled units and of images drawn anew, against plain NumPy on activations that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuronym.errors import MethodError
from neuronym.records import (
    Annotated,
    ConceptMasks,
    Geometry,
    Grid,
    ImageRecord,
    LabelTable,
    LayerInfo,
    MaskConcept,
    MaskRule,
    Occluded,
    OcclusionRule,
    Split,
    packed,
    unpacked,
)
from neuronym.store.arrays import Arrays
from neuronym.store.derived_view import resampled, with_shuffled, without_test
from neuronym.store.layer_tables import StoredTables
from neuronym.store.layer_view import LEVELS, Contents, LayerView, Services
from small_study import make_study

EXPLAIN, TEST, UNITS, KEPT = 23, 9, 6, 7
GRID = (2, 3)
ENCODER = SimpleNamespace(key="numbers")

ints = npt.NDArray[np.int64]


def _activations() -> npt.NDArray[np.float32]:
    """Small whole numbers, so that many images tie; unit 0 is dead, unit 1 constant."""
    values = np.random.default_rng(0).integers(-1, 4, (EXPLAIN + TEST, UNITS, 2, 3)).astype(np.float32)
    values[:, 0], values[:, 1] = 0, 3
    return values


MAPS = _activations()
IDS = [f"{number:03d}" for number in range(EXPLAIN)] + [f"t{number:03d}" for number in range(TEST)]
LABELS = LabelTable(("a", "b"), ("class",) * 2, np.random.default_rng(1).random((len(IDS), 2), np.float32))
NUMBERS = np.arange(len(IDS), dtype=np.float32)[:, None] * np.ones(UNITS, np.float32)
"""The summary q99 of this layer is the number of the image, from which every permutation can be read."""


VALUES = tuple(0.5 + np.arange(UNITS) % 3)
RULE = MaskRule(None, VALUES)
"""Unit masks are the maps above these values; their grid is that of the maps."""


class UnitTable:
    """Masks of the units of the layer, from the activations."""

    def __init__(self, grid: Grid, thresholds: npt.NDArray[np.float64]) -> None:
        self.grid, self.masks = grid, packed(thresholds[:, None, None] < MAPS)

    def rows(self, positions: ints, units: ints | None = None) -> npt.NDArray[np.uint64]:
        return self.masks[positions] if units is None else self.masks[np.ix_(positions, units)]


class ConceptTable:
    """Two concepts; the cells of the first are the image's number in binary, the second is in every other image."""

    about = Annotated((MaskConcept("number", "object"), MaskConcept("even", "object")), GRID, "k", "table", len(IDS))

    def rows(self, positions: ints) -> ConceptMasks:
        concepts = [[0] if position % 2 else [0, 1] for position in positions]
        words = [[position + 1, 63][: 1 + (position % 2 == 0)] for position in positions]
        starts = np.cumsum([0, *map(len, concepts)])
        return ConceptMasks(
            starts,
            np.array([number for row in concepts for number in row], np.int64),
            np.array([word for row in words for word in row], np.uint64)[:, None],
            np.full((len(positions), 1), 63, np.uint64),
        )


class OcclusionTable:
    """Tells of a pair that was made, and of which the image is an exemplar of the unit, which pair it is."""

    colour = (1, 2, 3)

    def __init__(self, kept: Sequence[Sequence[int]]) -> None:
        self.kept, self.made = kept, set[tuple[int, int]]()

    def make(self, images: ints, units: ints) -> None:
        pairs = list(zip(images.tolist(), units.tolist(), strict=True))
        assert all(image in self.kept[unit] for image, unit in pairs)
        self.made |= set(pairs)

    def found(self, image: int, unit: int) -> Occluded | None:
        if (image, unit) not in self.made:
            return None
        return Occluded(np.float32([image, unit]), np.zeros((2, 4), np.int64), *np.zeros((2, 1, 1), np.float32))


def _write(arrays: Arrays) -> None:
    summaries = {"mean": MAPS.mean((2, 3)), "max": MAPS.max((2, 3)), "q99": NUMBERS}
    for name, values in summaries.items():
        arrays.put(f"summaries/{name}/explain", values[:EXPLAIN])
        arrays.put(f"summaries/{name}/test", values[EXPLAIN:])
    for name in ("mean", "max"):
        values = summaries[name][:EXPLAIN]
        order = np.array([sorted(range(EXPLAIN), key=lambda i: (-values[i, u], IDS[i]))[:KEPT] for u in range(UNITS)])
        arrays.put(f"exemplars/{name}/index", order)
        arrays.put(f"exemplars/{name}/values", np.take_along_axis(values.T, order, 1))
        arrays.put(f"exemplars/{name}/maps", np.stack([MAPS[order[u], u] for u in range(UNITS)]))
    flat = MAPS[:EXPLAIN].transpose(1, 0, 2, 3).reshape(UNITS, -1).astype(np.float64)
    arrays.put("quantiles", np.concatenate([np.quantile(flat, LEVELS, axis=1), np.full((len(LEVELS), UNITS), 0.01)]))
    rows = [flat.mean(1), flat.var(1), flat.min(1), flat.max(1), (flat != 0).sum(1), np.full(UNITS, flat.shape[1])]
    arrays.put("moments", np.stack(rows).astype(np.float64))


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> LayerView:
    arrays = Arrays(tmp_path_factory.mktemp("layer"))
    _write(arrays)
    layer = LayerInfo("conv", False, None, "Conv2d", UNITS, (2, 3), "nchw")
    images = tuple(
        ImageRecord(name, "here", name, 4 + at, 5, split="explain" if at < EXPLAIN else "test")
        for at, name in enumerate(IDS)
    )

    def embed(encoder: Any, split: Split) -> npt.NDArray[np.float32]:
        assert encoder is ENCODER
        return NUMBERS[:EXPLAIN] if split == "explain" else NUMBERS[EXPLAIN:]

    def respond(asked: LayerInfo, given: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        assert asked == layer
        return MAPS[[image.getpixel((0, 0))[0] for image in given]]  # type: ignore[index]

    def unit_masks(asked: LayerInfo, rule: MaskRule, grid: Grid) -> UnitTable:
        assert (asked, grid) == (layer, GRID)
        return UnitTable(grid, found.mask_thresholds(rule))

    kept = arrays.read("exemplars/max/index").tolist()

    def occlusions(asked: LayerInfo, rule: OcclusionRule) -> OcclusionTable:
        assert (asked, rule) == (layer, OcclusionRule(7))
        return OcclusionTable(kept)

    services = Services(
        lambda position: Image.new("RGB", (5, 4), (position, 0, 0)),
        lambda height, width: Geometry((height, width), (height, width), 0, 0, (height, width)),
        embed,
        respond,
        unit_masks,
        occlusions,
    )
    found = LayerView(Contents(layer, StoredTables(arrays), images, LABELS, ConceptTable(), services), "a-run")
    return found


def lit(view: LayerView, split: Split, rule: MaskRule = RULE) -> npt.NDArray[np.bool_]:
    """Where the units are active in all images of a split, bool [images, units, height, width]."""
    window = view.unit_masks(rule, split)
    return unpacked(window.rows(np.arange(len(window))), GRID)


def numbers_of(view: LayerView, split: Split) -> list[int]:
    """The numbers of the images of a split, as the masks of its first concept tell."""
    window = view.concept_masks(split)
    found = window.rows(np.arange(len(window)))
    assert found.valid.tolist() == [[63]] * len(window)
    for image in range(len(window)):
        concepts, words = found.of(image)
        assert concepts.tolist() == ([0, 1] if words[0, 0] % 2 else [0])
    return [int(found.of(image)[1][0, 0]) - 1 for image in range(len(window))]


def moves(view: LayerView, unit: int, split: Split) -> list[int]:
    """To which image the source of a unit responds as the unit does, for each image of a split."""
    return [int(number) for number in view.summaries("q99", split)[:, unit]]


def occluded(view: LayerView) -> dict[tuple[int, int], tuple[int, int]]:
    """By the image and the unit of each exemplar of a view, the image and the unit of the layer that it is told of."""
    table = view.occlusions(OcclusionRule(7))
    pairs = [(one.index, unit.index) for unit in view.units for one in view.exemplars(unit.index, "max", maps=False)]
    assert table.colour == (1, 2, 3)
    assert all(table.found(*pair) is None for pair in pairs)
    images, units = np.array(pairs, np.int64).reshape(-1, 2).T
    table.make(images, units)
    found = {pair: table.found(*pair) for pair in pairs}
    return {pair: tuple(one.discrepancy.astype(int).tolist()) for pair, one in found.items() if one is not None}  # type: ignore[misc]


def shown(view: LayerView, unit: int, summary: Any) -> list[tuple[float, str, bytes]]:
    found = view.exemplars(unit, summary)
    assert [one.rank for one in found] == list(range(len(found)))
    assert all(one.unit == view.units[unit] and one.summary == summary for one in found)
    assert [one.image_id for one in found] == [view.images("explain")[one.index].id for one in found]
    assert [one.image_id for one in view.exemplars(unit, summary, maps=False)] == [one.image_id for one in found]
    return [(one.value, one.image_id, np.asarray(one.map).tobytes()) for one in found]


sources = st.lists(st.integers(0, UNITS - 1), max_size=8)
seeds = st.integers(0, 2**40)
rows = st.lists(st.integers(0, EXPLAIN - 1), min_size=1, max_size=2 * EXPLAIN).map(np.array)


@settings(max_examples=30, deadline=None)
@given(sources, seeds)
def test_a_shuffled_unit_responds_to_other_images_as_its_source_does(
    view: LayerView, units: list[int], seed: int
) -> None:
    wider = with_shuffled(view, units, seed)
    assert wider.run == "a-run"
    assert wider.units[:UNITS] == view.units
    assert len(wider.units) == wider.layer.units == UNITS + len(units)
    for split, first, count in (("explain", 0, EXPLAIN), ("test", EXPLAIN, TEST)):
        for summary, known in (("mean", MAPS.mean((2, 3))), ("max", MAPS.max((2, 3)))):
            found = wider.summaries(summary, split)  # type: ignore[arg-type]
            assert found.dtype == np.float32
            assert np.array_equal(found[:, :UNITS], view.summaries(summary, split))  # type: ignore[arg-type]
            for at, source in enumerate(units):
                moved = moves(wider, UNITS + at, split)  # type: ignore[arg-type]
                assert sorted(moved) == list(range(first, first + count))
                assert found[:, UNITS + at].tolist() == [known[image, source] for image in moved]


@settings(max_examples=30, deadline=None)
@given(sources, seeds)
def test_exemplars_of_a_shuffled_unit_have_its_sources_maps_on_other_images(
    view: LayerView, units: list[int], seed: int
) -> None:
    wider = with_shuffled(view, units, seed)
    for summary in ("mean", "max"):
        for unit in range(UNITS):
            assert shown(wider, unit, summary) == shown(view, unit, summary)
        for at, source in enumerate(units):
            place = {image: number for number, image in enumerate(moves(wider, UNITS + at, "explain"))}
            expected = [
                (one.value, IDS[place[one.index]], np.asarray(one.map).tobytes())
                for one in view.exemplars(source, summary)  # type: ignore[arg-type]
            ]
            assert shown(wider, UNITS + at, summary) == sorted(expected, key=lambda one: (-one[0], one[1]))


@settings(max_examples=20, deadline=None)
@given(sources, seeds)
def test_a_shuffled_unit_has_its_sources_statistics_and_answers(view: LayerView, units: list[int], seed: int) -> None:
    wider = with_shuffled(view, units, seed)
    columns = [*range(UNITS), *units]
    for name in ("dead", "constant"):
        assert getattr(wider, name).tolist() == [bool(getattr(view, name)[unit]) for unit in columns]
    for name in ("mean", "variance", "min", "max", "nonzero"):
        assert getattr(wider.moments, name).tolist() == [getattr(view.moments, name)[unit] for unit in columns]
    assert wider.moments.count == view.moments.count == EXPLAIN * 6
    for level in LEVELS:
        assert wider.quantile(level).tolist() == [view.quantile(level)[unit] for unit in columns]
        assert len(wider.quantile_error(level)) == len(columns)
    answers = wider.respond([wider.image(5), wider.image(2, "test")])
    assert np.array_equal(answers, MAPS[[5, EXPLAIN + 2]][:, columns])
    assert wider.images("explain") == view.images("explain")
    assert np.array_equal(wider.embeddings(ENCODER, "test"), view.embeddings(ENCODER, "test"))
    labels = wider.labels("test")
    assert labels is not None
    assert np.array_equal(labels.values, LABELS.values[EXPLAIN:])


def test_permutations_are_of_the_seed_the_unit_and_the_split(view: LayerView) -> None:
    wider, again, other = (with_shuffled(view, [2, 2, 3], seed) for seed in (5, 5, 6))
    found = [moves(wider, UNITS + at, "explain") for at in range(3)]
    assert found == [moves(again, UNITS + at, "explain") for at in range(3)]
    assert len({tuple(one) for one in found}) == 3
    assert all(one != moves(other, UNITS + at, "explain") for at, one in enumerate(found))
    assert found[0] != list(range(EXPLAIN))
    tests = [moves(wider, UNITS + at, "test") for at in range(3)]
    assert len({tuple(one) for one in tests}) == 3
    assert found[2] == moves(with_shuffled(view, [4, 1, 3], 5), UNITS + 2, "explain")
    first = [image for image in found[0] if image < TEST]
    assert [image - EXPLAIN for image in tests[0]] != first


@settings(max_examples=40, deadline=None)
@given(rows)
def test_images_drawn_anew_are_followed_by_all_that_is_said_of_them(view: LayerView, chosen: ints) -> None:
    drawn = resampled(view, chosen)
    assert drawn.run == "a-run"
    assert drawn.layer == view.layer
    assert [image.id for image in drawn.images("explain")] == [IDS[row] for row in chosen]
    assert drawn.images("test") == view.images("test")
    for at, row in enumerate(chosen):
        assert drawn.image(at).getpixel((0, 0)) == (row, 0, 0)
        assert drawn.geometry(at).image == (4 + row, 5)
    assert [drawn.image(at, "test").getpixel((0, 0)) for at in range(TEST)] == [
        (EXPLAIN + at, 0, 0) for at in range(TEST)
    ]
    with pytest.raises(IndexError):
        drawn.image(len(chosen))
    for summary, known in (("mean", MAPS.mean((2, 3))), ("max", MAPS.max((2, 3)))):
        assert drawn.summaries(summary, "explain").tolist() == [known[row].tolist() for row in chosen]  # type: ignore[arg-type]
        assert drawn.summaries(summary, "test").tolist() == known[EXPLAIN:].tolist()  # type: ignore[arg-type]
    assert drawn.embeddings(ENCODER, "explain")[:, 0].tolist() == chosen.tolist()
    assert drawn.embeddings(ENCODER, "test")[:, 0].tolist() == list(range(EXPLAIN, EXPLAIN + TEST))
    labels, others = drawn.labels("explain"), drawn.labels("test")
    assert labels is not None
    assert others is not None
    assert labels.values.tolist() == [LABELS.values[row].tolist() for row in chosen]
    assert others.values.tolist() == LABELS.values[EXPLAIN:].tolist()
    assert not labels.values.flags.writeable
    assert drawn.constant.tolist() == view.constant.tolist()
    assert np.array_equal(drawn.quantile(0.99), view.quantile(0.99))
    assert np.array_equal(drawn.respond([drawn.image(0)]), MAPS[[chosen[0]]])


@settings(max_examples=40, deadline=None)
@given(rows)
def test_exemplars_of_images_drawn_anew_are_the_stored_ones_among_them(view: LayerView, chosen: ints) -> None:
    drawn = resampled(view, chosen)
    for summary in ("mean", "max"):
        for unit in range(UNITS):
            kept = [one for one in view.exemplars(unit, summary) if one.index in chosen]  # type: ignore[arg-type]
            expected = [(one.value, one.image_id, np.asarray(one.map).tobytes()) for one in kept]
            assert shown(drawn, unit, summary) == expected
            found = [one.index for one in drawn.exemplars(unit, summary)]  # type: ignore[arg-type]
            assert found == [chosen.tolist().index(one.index) for one in kept]


@settings(max_examples=30, deadline=None)
@given(rows, st.data())
def test_images_drawn_twice_are_images_drawn_once(view: LayerView, first: ints, data: st.DataObject) -> None:
    then = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), min_size=1, max_size=30)))
    twice, once = resampled(resampled(view, first), then), resampled(view, first[then])
    assert twice.images("explain") == once.images("explain")
    assert np.array_equal(twice.summaries("q99", "explain"), once.summaries("q99", "explain"))
    assert np.array_equal(twice.summaries("q99", "test"), once.summaries("q99", "test"))
    assert [twice.image(at).getpixel((0, 0)) for at in range(len(then))] == [(row, 0, 0) for row in first[then]]
    for unit in range(UNITS):
        assert shown(twice, unit, "mean") == shown(once, unit, "mean")


@settings(max_examples=30, deadline=None)
@given(rows, sources, seeds)
def test_each_may_be_derived_of_the_other(view: LayerView, chosen: ints, units: list[int], seed: int) -> None:
    inner = with_shuffled(view, units, seed)
    drawn = resampled(inner, chosen)
    assert np.array_equal(drawn.summaries("max", "explain"), inner.summaries("max", "explain")[chosen])
    for unit in range(len(inner.units)):
        kept = [one.image_id for one in inner.exemplars(unit, "max") if one.index in chosen]
        assert [one[1] for one in shown(drawn, unit, "max")] == kept

    base = resampled(view, chosen)
    wider = with_shuffled(base, units, seed)
    known = MAPS[chosen].max((2, 3))
    numbers = wider.summaries("q99", "explain").astype(int)
    assert np.array_equal(wider.summaries("max", "explain")[:, :UNITS], known)
    for at, source in enumerate(units):
        column = wider.summaries("max", "explain")[:, UNITS + at]
        assert column.tolist() == [MAPS[image, source].max() for image in numbers[:, UNITS + at]]
        found = wider.exemplars(UNITS + at, "max")
        assert sorted(one.value for one in found) == sorted(one.value for one in base.exemplars(source, "max"))
        assert [column[one.index] for one in found] == [one.value for one in found]
        assert all(np.asarray(one.map).max() == one.value for one in found)
        assert all(chosen.tolist().index(chosen[one.index]) == one.index for one in found)  # each image at its first
        pairs = [(-one.value, one.image_id) for one in found]
        assert pairs == sorted(pairs)


@settings(max_examples=40, deadline=None)
@given(rows, sources.filter(len), seeds)
def test_copies_of_an_image_keep_one_value_and_images_change_places(
    view: LayerView, chosen: ints, units: list[int], seed: int
) -> None:
    numbers = with_shuffled(resampled(view, chosen), units, seed).summaries("q99", "explain").astype(int)
    for added in range(UNITS, UNITS + len(units)):
        moved: dict[int, set[int]] = {}
        for image, source in zip(chosen, numbers[:, added], strict=True):
            moved.setdefault(int(image), set()).add(int(source))
        assert all(len(places) == 1 for places in moved.values())
        assert sorted(source for places in moved.values() for source in places) == sorted(moved)
    # Without copies a permutation is of the places, whatever the images are.
    once = np.array(list(dict.fromkeys(chosen.tolist())))
    found = with_shuffled(resampled(view, once), units, seed).summaries("q99", "explain")
    for at in range(len(units)):
        order = np.random.default_rng([seed, 0, at]).permutation(len(once))
        assert found[:, UNITS + at].tolist() == once[order].tolist()


def test_shuffled_units_may_be_shuffled_again(view: LayerView) -> None:
    twice = with_shuffled(with_shuffled(view, [3, 4], 1), [UNITS, 5], 2)
    assert len(twice.units) == UNITS + 4
    assert sorted(moves(twice, UNITS + 2, "explain")) == list(range(EXPLAIN))
    moved = moves(twice, UNITS + 2, "explain")
    assert twice.summaries("max", "explain")[:, UNITS + 2].tolist() == MAPS[moved, 3].max((1, 2)).tolist()
    assert np.array_equal(twice.respond([view.image(4)]), MAPS[[4]][:, [*range(UNITS), 3, 4, 3, 5]])


@pytest.mark.parametrize("units", [[UNITS], [-1]])
def test_units_that_the_layer_does_not_have_are_not_shuffled(view: LayerView, units: list[int]) -> None:
    with pytest.raises(ValueError, match=f"of a layer of {UNITS}"):
        with_shuffled(view, units, 0)
    with pytest.raises(ValueError, match="the seed -1"):
        with_shuffled(view, [0], -1)


@pytest.mark.parametrize("chosen", [[], [-1], [EXPLAIN], [[1]], [0.5]])
def test_images_that_are_not_there_are_not_drawn(view: LayerView, chosen: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"rows (-1 to|0 to|23 to|of type)"):
        resampled(view, np.array(chosen))


def test_what_a_study_lacks_its_derived_views_lack_too(view: LayerView) -> None:
    for derived in (with_shuffled(view, [2], 0), resampled(view, np.array([1, 2]))):
        with pytest.raises(MethodError, match="does not keep the summary 'abs-mean'"):
            derived.summaries("abs-mean", "explain")
        with pytest.raises(MethodError, match="Exemplars are kept for the summaries mean and max, not for 'q99'"):
            derived.exemplars(0, "q99")


def test_on_a_real_study_with_and_without_maps(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", per_class=10).probe(device="cpu")
    for name in ("relu", "head"):
        view = study.view(name, "r")
        chosen = np.random.default_rng(0).integers(0, len(view.images("explain")), 40)
        derived = with_shuffled(resampled(view, chosen), [3, 2], 1)
        assert derived.summaries("mean", "explain").shape == (40, len(view.units) + 2)
        assert (derived.exemplars(len(view.units), "mean")[0].map is None) == (name == "head")
        image = derived.image(0)
        assert np.array_equal(derived.respond([image])[:, : len(view.units)], view.respond([image]))
        assert derived.images("explain")[0] == view.images("explain")[chosen[0]]


def test_without_test_images_everything_else_is_as_before(view: LayerView) -> None:
    found = without_test(view)
    assert found.images("test") == ()
    assert found.images("explain") == view.images("explain")
    for summary in ("mean", "max", "q99"):
        np.testing.assert_array_equal(found.summaries(summary, "explain"), view.summaries(summary, "explain"))
        assert found.summaries(summary, "test").shape == (0, UNITS)
    explain, test = found.labels("explain"), found.labels("test")
    assert explain is not None
    assert test is not None
    np.testing.assert_array_equal(explain.values, LABELS.values[:EXPLAIN])
    assert len(test.values) == 0
    np.testing.assert_array_equal(found.embeddings(ENCODER, "explain"), NUMBERS[:EXPLAIN])
    assert found.embeddings(ENCODER, "test").shape == (0, UNITS)
    with pytest.raises(IndexError):
        found.image(0, "test")
    for derived in (with_shuffled(found, [2, 3], 1), resampled(found, np.arange(5))):
        assert derived.summaries("mean", "test").shape[0] == 0
        assert len(derived.exemplars(2, "max")) > 0


@settings(max_examples=30, deadline=None)
@given(sources, seeds)
def test_masks_of_a_shuffled_unit_are_its_sources_where_its_summaries_are(
    view: LayerView, units: list[int], seed: int
) -> None:
    wider = with_shuffled(view, units, seed)
    rule = MaskRule(None, (*VALUES, *[VALUES[unit] for unit in units]))
    for split in ("explain", "test"):
        found, known = lit(wider, split, rule), np.array(VALUES)[:, None, None] < MAPS  # type: ignore[arg-type]
        assert np.array_equal(found[:, :UNITS], lit(view, split))  # type: ignore[arg-type]
        for at, source in enumerate(units):
            assert np.array_equal(found[:, UNITS + at], known[moves(wider, UNITS + at, split), source])  # type: ignore[arg-type]
        assert numbers_of(wider, split) == numbers_of(view, split)  # type: ignore[arg-type]
    window, asked = wider.unit_masks(rule, "explain"), np.array([UNITS + len(units) - 1, 2, 2, 0])
    some = np.array([5, 0, 5])
    assert np.array_equal(window.rows(some), window.rows(np.arange(EXPLAIN))[some])
    services = wider.contents.services.unit_masks(wider.layer, rule, GRID)
    assert np.array_equal(services.rows(some, asked), services.rows(some)[:, asked])


@settings(max_examples=30, deadline=None)
@given(rows, sources, seeds)
def test_masks_of_images_drawn_anew_are_those_of_the_images(
    view: LayerView, chosen: ints, units: list[int], seed: int
) -> None:
    quantile = MaskRule(0.5)
    drawn = resampled(view, chosen)
    for rule in (RULE, quantile):
        assert np.array_equal(lit(drawn, "explain", rule), lit(view, "explain", rule)[chosen])
        assert np.array_equal(lit(drawn, "test", rule), lit(view, "test", rule))
    assert numbers_of(drawn, "explain") == chosen.tolist()
    assert numbers_of(drawn, "test") == list(range(EXPLAIN, EXPLAIN + TEST))

    for derived in (with_shuffled(drawn, units, seed), resampled(with_shuffled(view, units, seed), chosen)):
        above = np.quantile(MAPS[:EXPLAIN].transpose(1, 0, 2, 3).reshape(UNITS, -1), 0.5, axis=1)[:, None, None] < MAPS
        for split in ("explain", "test"):
            found = lit(derived, split, quantile)  # type: ignore[arg-type]
            for at, source in enumerate(units):
                moved = moves(derived, UNITS + at, split)  # type: ignore[arg-type]
                assert np.array_equal(found[:, UNITS + at], above[moved, source])
        assert numbers_of(derived, "explain") == chosen.tolist()


def test_masks_of_shuffled_units_are_read_from_the_study_once(view: LayerView) -> None:
    asked: list[tuple[list[int], list[int]]] = []

    class Counted(UnitTable):
        def rows(self, positions: ints, units: ints | None = None) -> npt.NDArray[np.uint64]:
            asked.append((positions.tolist(), list(range(UNITS)) if units is None else units.tolist()))
            return super().rows(positions, units)

    services = replace(
        view.contents.services,
        unit_masks=lambda layer, rule, grid: Counted(grid, view.mask_thresholds(rule)),
    )
    counted = LayerView(replace(view.contents, services=services))
    wider = with_shuffled(counted, [3, 5, 3, 2], 1)
    window = wider.unit_masks(MaskRule(0.9), "explain", units=[UNITS, UNITS + 1, 4, UNITS + 2, UNITS + 3])
    for block in window.blocks(4):
        window.rows(block)
    assert [units for _, units in asked if units != [4]] == [[2, 3, 5]]
    assert [positions for positions, units in asked if units != [4]] == [list(range(EXPLAIN + TEST))]
    assert [positions for positions, units in asked if units == [4]] == [b.tolist() for b in window.blocks(4)]


def test_without_test_images_there_are_no_masks_of_them(view: LayerView) -> None:
    found = without_test(view)
    assert found.annotated == view.annotated
    assert np.array_equal(lit(found, "explain"), lit(view, "explain"))
    assert numbers_of(found, "explain") == list(range(EXPLAIN))
    for window in (found.unit_masks(RULE, "test"), found.concept_masks("test")):
        assert len(window) == 0
        assert list(window.blocks()) == []
        with pytest.raises(IndexError, match="images 0 to 0 of the 0 of the split"):
            window.rows(np.array([0]))
    shuffled = with_shuffled(found, [3], 1)
    services = shuffled.contents.services
    beyond = np.array([EXPLAIN])
    for reach in (
        lambda: services.image(EXPLAIN),
        lambda: found.contents.services.unit_masks(found.layer, RULE, GRID).rows(beyond),
        lambda: services.unit_masks(shuffled.layer, RULE, GRID).rows(beyond),
        lambda: services.unit_masks(shuffled.layer, RULE, GRID).rows(beyond, np.array([UNITS])),
        lambda: found.contents.annotations.rows(beyond),  # type: ignore[union-attr]
    ):
        with pytest.raises(IndexError, match=f"index {EXPLAIN} is out of bounds"):
            reach()
    assert shuffled.mask_thresholds(MaskRule(0.9)).shape == (UNITS + 1,)
    assert lit(shuffled, "explain", MaskRule(0.9)).shape == (EXPLAIN, UNITS + 1, *GRID)


def test_a_view_of_what_nobody_annotated(view: LayerView) -> None:
    bare = LayerView(replace(view.contents, annotations=None))
    for derived in (bare, without_test(bare), resampled(bare, np.array([1])), with_shuffled(bare, [0], 0)):
        assert derived.annotated is None
        for ask in (lambda d=derived: d.concept_masks("explain"), lambda d=derived: d.unit_masks(RULE, "explain")):
            with pytest.raises(MethodError, match=r"Nothing is annotated in the images of the study\. Give masks with"):
                ask()
    assert np.array_equal(
        bare.unit_masks(RULE, "test", GRID).rows(np.array([1])), UnitTable(GRID, np.array(VALUES)).masks[[EXPLAIN + 1]]
    )


@settings(max_examples=25, deadline=None)
@given(rows, sources, seeds)
def test_occlusions_follow_images_and_units(view: LayerView, chosen: ints, units: list[int], seed: int) -> None:
    columns = [*range(UNITS), *units]
    plain = occluded(view)
    assert plain == {pair: pair for pair in plain}
    assert len(plain) == UNITS * KEPT
    for derived in (
        with_shuffled(view, units, seed),
        resampled(view, chosen),
        without_test(view),
        without_test(with_shuffled(view, units, seed)),
        with_shuffled(resampled(view, chosen), units, seed),
        resampled(with_shuffled(view, units, seed), chosen),
        resampled(resampled(with_shuffled(without_test(view), units, seed), chosen), np.arange(len(chosen))[::-1]),
    ):
        # The summary q99 says of which of all images each place of each unit is.
        numbers = derived.summaries("q99", "explain").astype(int)
        found = occluded(derived)
        assert found == {(image, unit): (numbers[image, unit], columns[unit]) for image, unit in found}
        assert len(found) == sum(len(derived.exemplars(unit.index, "max")) for unit in derived.units)


def test_shuffled_units_shuffled_again_are_occluded_as_the_first_source(view: LayerView) -> None:
    twice = with_shuffled(with_shuffled(view, [3, 4], 1), [UNITS, 5], 2)
    numbers = twice.summaries("q99", "explain").astype(int)
    columns = [*range(UNITS), 3, 4, 3, 5]
    assert occluded(twice) == {pair: (numbers[pair], columns[pair[1]]) for pair in occluded(twice)}


def test_images_that_are_out_of_reach_are_not_occluded(view: LayerView) -> None:
    table = resampled(without_test(view), np.array([3, 1])).occlusions(OcclusionRule(7))
    with pytest.raises(IndexError):
        table.make(np.array([2]), np.array([0]))
    with pytest.raises(IndexError):
        table.found(2, 0)
