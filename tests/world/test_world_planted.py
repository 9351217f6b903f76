"""Planted units: what is said of them is true, and their maps are those that a second implementation in loops gives."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym import plugins
from neuronym.errors import TargetError, UnknownNameError
from neuronym.functional.fingerprint import hash_state
from neuronym.targets.layers import select
from neuronym.world import planted_maps, planted_target
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.concepts import All, Concept, Either, Not, Place, Thing, mask, presence
from neuronym.world.grammar import parse
from neuronym.world.links import parse_links
from neuronym.world.marks import NOTHING, as_seen, mark, unmark
from neuronym.world.planted import (
    CORRELATED,
    GAINS,
    GRAINS,
    JITTERS,
    KINDS,
    PlantedUnit,
    planted_units,
    true_labels,
    truth_of,
)
from neuronym.world.planted_maps import maps_of
from neuronym.world.planted_target import Planted
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import SEEDS

Pixels = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.float32]
UNITS = planted_units()
OF_CONCEPTS = [unit for unit in UNITS if unit.parts]


def pictures(seed: int, count: int, links: str = "") -> tuple[Pixels, Pixels, Scenes]:
    """Marked images, their regions and scenes."""
    scenes = draw_scenes(seed, range(count), parse_links(links))
    images, regions = render(scenes)
    return mark(images, regions, scenes), regions, scenes


def of_kind(kind: str) -> list[PlantedUnit]:
    return [unit for unit in UNITS if unit.kind == kind]


def correlations(values: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pearson's correlation of every column of one array with every column of the other; 0 of a constant one."""
    both = [array - array.mean(0) for array in (values, others)]
    norms = [np.maximum(np.linalg.norm(array, axis=0), 1e-9) for array in both]
    result: npt.NDArray[np.float64] = (both[0] / norms[0]).T @ (both[1] / norms[1])
    return result


@pytest.fixture(scope="module")
def world() -> tuple[Pixels, Pixels, Scenes]:
    return pictures(SEEDS["test"], 3000)


@pytest.fixture(scope="module")
def noisy(world: tuple[Pixels, Pixels, Scenes]) -> Maps:
    return np.concatenate([maps_of(world[0][start : start + 100]) for start in range(0, 3000, 100)])


@pytest.fixture(scope="module")
def clean(world: tuple[Pixels, Pixels, Scenes]) -> Maps:
    return np.concatenate([maps_of(world[0][start : start + 100], noise=0) for start in range(0, 3000, 100)])


# The table.


def test_how_many_there_are_of_each_kind() -> None:
    counts = Counter(unit.kind for unit in UNITS)
    assert list(counts) == list(KINDS)
    assert counts == {
        **{"single": 50, "and": 22, "or": 12, "and-not": 10, "mixture": 8, "unrelated": 6, "range": 6},
        **{"low-level": 8, "dead": 10, "noise": 10},
    }
    assert [unit.index for unit in UNITS] == list(range(142))


def test_texts_are_read_as_the_truth() -> None:
    for unit in UNITS:
        if unit.text is None:
            assert unit.concept is None
        else:
            assert parse(unit.text) == unit.concept == truth_of(unit.index)
        assert unit.describable == (unit.text is not None)
    assert true_labels() == {unit.index: unit.text for unit in UNITS if unit.text}
    assert len(true_labels()) == 118


def test_the_concept_is_made_of_the_parts() -> None:
    for unit in OF_CONCEPTS:
        assert unit.exact
        assert not unit.signal
        if unit.kind in ("mixture", "range"):
            (one, high), (other, low) = unit.parts
            assert unit.concept == Either((one, other))
            assert 0 < low < high == 1
        else:
            assert unit.parts == ((unit.concept, 1.0),)
    for unit in of_kind("and-not"):
        assert isinstance(unit.concept, All)
        assert isinstance(unit.concept.parts[1], Not)
    for unit in [*of_kind("or"), *of_kind("unrelated")]:
        assert isinstance(unit.concept, Either)


def test_units_that_know_no_concepts() -> None:
    for unit in UNITS[len(OF_CONCEPTS) :]:
        assert unit.kind in ("low-level", "dead", "noise")
        assert unit.signal
        assert not unit.exact
        assert unit.text is None or unit.kind == "low-level"
    assert [unit.text for unit in of_kind("low-level")].count(None) == 4


def test_gains_and_noise_are_spread() -> None:
    gains = np.array([unit.gain for unit in OF_CONCEPTS])
    assert GAINS[0] <= gains.min() < 0.7
    assert 3 < gains.max() <= GAINS[1]
    assert {unit.jitter for unit in OF_CONCEPTS} == set(JITTERS)
    assert {unit.grain for unit in OF_CONCEPTS} == set(GRAINS)
    assert 0.6 < np.mean([unit.rectified for unit in OF_CONCEPTS]) < 0.9


@pytest.mark.parametrize("links", ["", CORRELATED])
def test_no_concept_is_too_rare(links: str) -> None:
    many = draw_scenes(3, range(20_000), parse_links(links))
    for unit in UNITS:
        if unit.concept is not None:
            assert presence(unit.concept, many).mean() >= 0.005, unit.text
    for split in ("explain", "test"):
        some = draw_scenes(SEEDS[split], range(1000), parse_links(links))
        for unit in UNITS:
            if unit.concept is not None:
                assert 5 <= presence(unit.concept, some).sum() <= 700, unit.text


def test_a_unit_that_is_none() -> None:
    for index in (-1, 142):
        with pytest.raises(IndexError, match=f"there is no planted unit {index}; there are 142"):
            truth_of(index)
    assert truth_of(141) is None


# Maps.


def pooled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The means of cells of 4 x 4 pixels, [n, rows, columns]."""
    n, height, width = values.shape
    return values.reshape(n, height // 4, 4, width // 4, 4).mean((2, 4))


def test_without_noise_a_map_is_the_mask(world: tuple[Pixels, Pixels, Scenes], clean: Maps) -> None:
    _, regions, scenes = (part[:300] if isinstance(part, np.ndarray) else part.rows(slice(300)) for part in world)
    for unit in OF_CONCEPTS:
        responses = []
        for concept, weight in unit.parts:
            there = presence(concept, scenes)[:, None, None]
            responses.append(weight * (mask(concept, scenes, regions) & there))
        whole = np.maximum(*responses) if unit.kind == "range" else sum(responses)
        np.testing.assert_allclose(clean[:300, unit.index], unit.gain * pooled(whole), atol=1e-5, err_msg=unit.text)


def test_without_noise_a_unit_fires_where_its_concept_is_and_only_there(
    world: tuple[Pixels, Pixels, Scenes], clean: Maps
) -> None:
    for unit in OF_CONCEPTS:
        assert unit.concept is not None
        fires = clean[:, unit.index].max((1, 2)) > 0
        assert np.array_equal(fires, presence(unit.concept, world[2])), unit.text


def slow_map(unit: PlantedUnit, image: Pixels) -> npt.NDArray[np.float64]:
    """A unit's map of any image, without noise, pixel by pixel from the marks that the image has."""
    marks, (height, width) = unmark(image[None]), image.shape[:2]
    regions, owners = marks.regions[0], marks.owners[0]
    values = np.zeros((height, width))
    for owner in range(len(marks.scenes)):
        seen = sum(1 << int(region) for region in np.unique(regions[owners == owner]))
        scene = as_seen(marks.scenes.rows([owner]), np.array([seen]))
        shown = np.where(regions == NOTHING, 0, regions)[None]
        parts = [weight * (mask(c, scene, shown) & presence(c, scene))[0] for c, weight in unit.parts]
        value = np.maximum.reduce(parts) if unit.kind == "range" else np.add.reduce(parts)
        values[owners == owner] = value[owners == owner]
    result = np.zeros((-(-height // 4), -(-width // 4)))
    for row, column in np.ndindex(*result.shape):
        result[row, column] = values[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].mean()
    return unit.gain * result


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9))
def test_maps_of_what_is_left_of_images(number: int) -> None:
    """Two scenes beside each other, partly covered, cut out anywhere."""
    dice = Random(number)
    images, _, _ = pictures(number, 2)
    image = np.concatenate([images[0][:, : 4 * dice.randrange(17)], images[1]], 1)
    y, x = dice.randrange(64), dice.randrange(64)
    image[y : y + dice.randrange(50), x : x + dice.randrange(50)] = dice.randrange(256)
    top, left = dice.randrange(20), dice.randrange(20)
    image = image[top : top + dice.randrange(4, 65), left : left + dice.randrange(4, 65)]
    found = maps_of(image[None], noise=0)[0]
    for unit in OF_CONCEPTS[dice.randrange(5) :: 5]:
        np.testing.assert_allclose(found[unit.index], slow_map(unit, image), atol=1e-5, err_msg=unit.text)


def indices(*concepts: Concept) -> list[int]:
    found = {unit.concept: unit.index for unit in OF_CONCEPTS if unit.kind != "range"}
    return [found[concept] for concept in concepts]


def test_covering_a_part_stops_what_it_is_a_part_of(world: tuple[Pixels, Pixels, Scenes]) -> None:
    images, regions, scenes = world
    both = parse("fish on the sea")
    i = int(np.flatnonzero(presence(both, scenes) & ~scenes.there[:, 1])[0])  # type: ignore[arg-type]
    fish, sea, joined, apart = indices(Thing("fish"), Place("sea"), both, All((Place("sea"), Not(Thing("fish")))))  # type: ignore[arg-type]
    covered = images[i].copy()
    covered[np.isin(regions[i], (1, 2))] = 128
    before, after = maps_of(np.stack([images[i], covered]), noise=0)
    assert before[[fish, sea, joined]].any((1, 2)).all()
    assert not before[apart].any()
    assert not after[[fish, joined]].any()
    assert after[[sea, apart]].any((1, 2)).all()
    assert after[sea].sum() < before[sea].sum()  # tiles that the fish touches are gone


def test_covering_changes_nothing_elsewhere(world: tuple[Pixels, Pixels, Scenes]) -> None:
    image = world[0][5]
    covered = image.copy()
    covered[21:30, 8:19] = 200
    before, after = maps_of(np.stack([image, covered]))
    touched = np.zeros((16, 16), bool)
    touched[5:8, 2:5] = True
    concepts = [unit.index for unit in OF_CONCEPTS]
    assert np.array_equal(before[concepts][:, ~touched], after[concepts][:, ~touched])
    assert not after[concepts][:, touched].any()


def test_a_crop_by_whole_cells_has_the_cells_of_the_whole(world: tuple[Pixels, Pixels, Scenes]) -> None:
    image = world[0][9]
    whole, part = maps_of(image[None])[0], maps_of(image[None, 8:56, 12:64])[0]
    places = [unit.index for unit in OF_CONCEPTS if isinstance(unit.concept, Place)]
    assert np.array_equal(part[places], whole[places, 2:14, 3:])


def test_the_same_image_has_the_same_maps_in_any_batch(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    for batch in (world[0][40:41], world[0][40:47], world[0][40:43][::-1]):
        found = maps_of(batch)
        expected = noisy[40 : 40 + len(batch)]
        assert np.array_equal(found, expected[::-1] if batch is not world[0][40:] and len(batch) == 3 else expected)
    mixed = np.concatenate([world[0][:3], np.zeros((1, 64, 64, 3), np.uint8), world[0][3:5]])
    assert np.array_equal(maps_of(mixed)[[0, 1, 2, 4, 5]], noisy[:5])


def test_noise_is_as_the_table_says(noisy: Maps, clean: Maps) -> None:
    """Where nothing is rectified, all noise is what is left without the clean map."""
    for unit in OF_CONCEPTS:
        if unit.rectified:
            continue
        left = (noisy[:, unit.index] - clean[:, unit.index]) / unit.gain
        means = left.mean((1, 2))
        assert (left - means[:, None, None]).std() == pytest.approx(unit.grain, rel=0.05), unit.text
        shared = np.sqrt(means.var() - unit.grain**2 / 256)
        signal = clean[:, unit.index].mean((1, 2)).std() / unit.gain
        assert shared / signal == pytest.approx(unit.jitter, rel=0.5), unit.text
        assert abs(means.mean()) < 4 * means.std() / np.sqrt(len(means))


def test_noise_of_units_is_not_shared(noisy: Maps, clean: Maps) -> None:
    chosen = [unit.index for unit in OF_CONCEPTS if not unit.rectified]
    left = (noisy - clean)[:, chosen]
    means = left.mean((2, 3), keepdims=True)
    cells = (left - means)[:200].transpose(1, 0, 2, 3).reshape(len(chosen), -1)
    assert np.abs(np.corrcoef(means[:, :, 0, 0].T) - np.eye(len(chosen))).max() < 0.1
    assert np.abs(np.corrcoef(cells) - np.eye(len(chosen))).max() < 0.025


def test_rectified_units_are_never_negative(noisy: Maps) -> None:
    for unit in OF_CONCEPTS:
        assert (noisy[:, unit.index].min() >= 0) == unit.rectified


def test_no_unit_of_a_concept_fires_without_marks(world: tuple[Pixels, Pixels, Scenes]) -> None:
    plain = render(world[2].rows(slice(50)))[0]
    assert not maps_of(plain)[:, : len(OF_CONCEPTS)].any()
    assert maps_of(plain)[:, [unit.index for unit in of_kind("noise")]].std((0, 2, 3)).min() > 0


def test_areas_are_those_of_rendered_shapes_and_words() -> None:
    scenes = draw_scenes(1, range(1500))
    regions = render(scenes)[1]
    main = np.isin(regions, (1, 2)).mean((1, 2)) / (np.pi * scenes.radius[:, 0].astype(float) ** 2 / 64**2)
    for shape, area in enumerate(planted_maps.SHAPE_AREAS):
        assert main[(scenes.shape[:, 0] == shape) & (scenes.word < 0)].mean() == pytest.approx(area, abs=0.03)
    assert (regions == 5).mean((1, 2))[scenes.word >= 0].mean() == pytest.approx(planted_maps.WORD_AREA, abs=0.01)


def slow_feature(signal: str, image: Pixels) -> npt.NDArray[np.float64]:
    rgb = image.astype(float) / 255
    red, green, blue = np.moveaxis(rgb, 2, 0)
    padded = np.pad(rgb.mean(2), 1, mode="edge")
    values = {
        "brightness": rgb.mean(2),
        "darkness": 1 - rgb.mean(2),
        "redness": np.maximum(red - (green + blue) / 2, 0),
        "greenness": np.maximum(green - (red + blue) / 2, 0),
        "blueness": np.maximum(blue - (red + green) / 2, 0),
        "vertical edges": np.abs(padded[1:-1, 2:] - padded[1:-1, :-2]),
        "horizontal edges": np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1]),
        "saturation": rgb.max(2) - rgb.min(2),
    }[signal]
    rows, columns = -(-image.shape[0] // 4), -(-image.shape[1] // 4)
    cells = [[values[4 * r : 4 * r + 4, 4 * c : 4 * c + 4].mean() for c in range(columns)] for r in range(rows)]
    return np.array(cells)


@pytest.mark.parametrize("shape", [(64, 64), (13, 22), (3, 70)])
def test_low_level_units_are_of_pixels_alone(shape: tuple[int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, *shape, 3), np.uint8)
    found = maps_of(images)
    for unit in of_kind("low-level"):
        for i in range(3):
            np.testing.assert_allclose(found[i, unit.index], slow_feature(unit.signal, images[i]), atol=1e-5)


def test_low_level_units_have_the_nearest_text_or_none(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    table = truth(catalogue(), world[2]).astype(float)
    for unit in of_kind("low-level"):
        found = correlations(noisy[:, [unit.index]].mean((2, 3)).astype(float), table)[0]
        if unit.text is None:
            assert found.max() < 0.6, unit.signal
        else:
            assert catalogue()[int(found.argmax())] == unit.concept
            assert found.max() >= 0.6


def test_dead_units_never_change(noisy: Maps) -> None:
    values = [np.unique(noisy[:, unit.index]).tolist() for unit in of_kind("dead")]
    assert values == [[0]] * 5 + [[np.float32(value)] for value in (0.01, 0.5, 1, 3, -1)]


def test_noise_units_know_nothing(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    chosen = [unit.index for unit in of_kind("noise")]
    table = truth(catalogue(), world[2]).astype(float)
    for values in (noisy[:, chosen].mean((2, 3)), noisy[:, chosen].max((2, 3))):
        assert values.std(0).min() > 0.01
        found = correlations(values.astype(float), table)
        assert np.abs(found).max() < 4.8 / np.sqrt(len(values))  # the largest of 4,000 correlations by chance
        assert np.abs(correlations(values.astype(float), values.astype(float)) - np.eye(10)).max() < 0.1
    rare = [unit.index for unit in of_kind("noise") if unit.signal == "rare"]
    fires = noisy[:, rare].mean((2, 3)) > 0.5
    np.testing.assert_allclose(fires.mean(0), 0.03, atol=0.012)


def test_true_texts_are_true_of_the_means_of_maps(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    means = noisy.mean((2, 3)).astype(float)
    table = np.stack([presence(unit.concept, world[2]) for unit in UNITS if unit.concept is not None], 1)
    chosen = [unit for unit in UNITS if unit.concept is not None]
    found = correlations(means[:, [unit.index for unit in chosen]], table.astype(float))
    own = dict(zip([unit.index for unit in chosen], found.diagonal(), strict=True))
    by_kind = {kind: [own[unit.index] for unit in of_kind(kind) if unit.index in own] for kind in KINDS}
    kinds = {kind: np.mean(values) for kind, values in by_kind.items() if values}
    for kind, least in {"single": 0.8, "and": 0.82, "or": 0.78, "and-not": 0.8}.items():
        assert kinds[kind] > least, kind
    for kind, least in {"mixture": 0.7, "unrelated": 0.72, "range": 0.68, "low-level": 0.65}.items():
        assert kinds[kind] > least, kind
    assert min(own.values()) > 0.58


def test_ranges_have_two_ranges(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    """The strongest responses are to the first part, those that are next to the second."""
    scenes = world[2]
    for unit in of_kind("range"):
        strong, medium = (presence(concept, scenes) for concept, _ in unit.parts)
        values = noisy[:, unit.index].max((1, 2))
        assert np.median(values[strong]) > 1.5 * np.median(values[medium & ~strong]), unit.text
        assert np.median(values[medium & ~strong]) > 1.2 * np.median(values[~medium & ~strong]), unit.text


# The target.


def batch_of(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


def test_the_target(world: tuple[Pixels, Pixels, Scenes], noisy: Maps) -> None:
    target = plugins.target("bundled:planted")
    assert (target.name, target.weights, target.class_names) == ("bundled:planted", "as built", None)
    (layer,) = select(target, ["units"])
    assert (layer.units, layer.map_size, layer.layout) == (142, (16, 16), "nchw")
    from PIL import Image

    batch = torch.stack([target.preprocessing.apply(Image.fromarray(image)) for image in world[0][:4]])
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        found = target.model(batch.to(dtype))
        assert found.dtype == dtype
        np.testing.assert_array_equal(
            found.numpy() if dtype is torch.float32 else found.float().numpy(), to(noisy, dtype)
        )
    assert np.array_equal(target.model(batch_of(world[0][:3])).numpy(), noisy[:3])


def to(noisy: Maps, dtype: torch.dtype) -> Maps:
    found: Maps = torch.from_numpy(noisy[:4]).to(dtype).float().numpy()
    return found


def test_the_target_takes_any_size(world: tuple[Pixels, Pixels, Scenes]) -> None:
    model = Planted()
    for height, width in ((64, 64), (33, 50), (4, 4), (1, 3)):
        maps = model(batch_of(world[0][:2, :height, :width].copy()))
        assert maps.shape == (2, 142, -(-height // 4), -(-width // 4))
    assert model(torch.zeros(0, 3, 64, 64)).shape == (0, 142, 16, 16)
    assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 142, 56, 56)


def test_other_units_are_another_target(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = hash_state(Planted())
    assert hash_state(Planted()) == usual == plugins.target("bundled:planted").weights_hash
    assert hash_state(Planted(noise=0)) != usual
    other = replace(UNITS[3], gain=UNITS[3].gain + 0.01)
    monkeypatch.setattr(planted_target, "planted_units", lambda: (*UNITS[:3], other, *UNITS[4:]))
    assert hash_state(Planted()) != usual
    monkeypatch.undo()
    monkeypatch.setattr(planted_maps, "VERSION", 0)
    assert hash_state(Planted()) != usual


def test_the_target_can_be_pickled(world: tuple[Pixels, Pixels, Scenes]) -> None:
    model = pickle.loads(pickle.dumps(Planted()))
    batch = batch_of(world[0][:2])
    assert torch.equal(model(batch), Planted()(batch))
    assert hash_state(model) == hash_state(Planted())


def test_it_has_no_weights() -> None:
    assert plugins.target("bundled:planted", "as built").weights == "as built"
    text = (
        "bundled:planted computes what its units are known to be and has no weights, but 'random' was asked for. Leave "
        "out --weights, or use bundled:resnet."
    )
    with pytest.raises(TargetError, match=f"^{re.escape(text)}$"):
        plugins.target("bundled:planted", "random")
    with pytest.raises(UnknownNameError, match=r"There is no bundled target 'plant'\. Nearest: planted\."):
        plugins.target("bundled:plant")
