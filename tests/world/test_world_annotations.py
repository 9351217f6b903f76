"""The masks that the world's images bring, and those of any text: what people are told of a scene, pixel by pixel."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from neuronym.errors import ProbeError
from neuronym.probes import ProbeSet, index
from neuronym.probes.annotations import Annotator, find_annotations
from neuronym.records import ImageMasks, ImageRecord, MaskConcept
from neuronym.world.catalogue import catalogue
from neuronym.world.handle import World
from neuronym.world.masks import BLOCK
from neuronym.world.source import load

SCENES = World("explain", 40)


def record(number: int | str, source: str = "bundled:world/explain/40") -> ImageRecord:
    return ImageRecord(f"id-{number}", source, str(number), 64, 64)


def by_name(found: ImageMasks | None, concepts: tuple[MaskConcept, ...]) -> dict[str, npt.NDArray[np.bool_]]:
    assert found is not None
    return {concepts[number].name: mask for number, mask in zip(found.concepts, found.masks, strict=True)}


def test_every_concept_of_the_list_has_the_pixels_that_its_scene_says() -> None:
    annotator = load("world/explain/40").annotations()
    assert isinstance(annotator, Annotator)
    assert (annotator.name, tuple(annotator.notes)) == ("bundled:world/explain/40", ())
    for number, scene in enumerate(SCENES):
        found = annotator.masks(record(number))
        assert (found.masks.dtype.name, found.masks.shape[1:], len(found.whole)) == ("bool", (64, 64), 0)
        assert (np.diff(found.concepts) > 0).all()
        masks = by_name(found, annotator.concepts)
        for concept in catalogue():
            wanted = scene.mask(concept) if scene.shows(concept) else np.zeros((64, 64), bool)
            assert np.array_equal(masks.pop(str(concept), np.zeros((64, 64), bool)), wanted), concept
        assert not masks


def test_concepts_are_sorted_into_categories() -> None:
    concepts = load("world/explain/40").annotations().concepts
    assert [one.name for one in concepts] == [str(concept) for concept in catalogue()]
    kinds = Counter(one.category for one in concepts)
    pairs = 12 * 10 + 12 * 6 + 10 * 6 + 12 * 8
    known = {"object": 12, "colour": 10, "texture": 6, "size": 4, "position": 6, "scene": 8, "text": 11, "pair": pairs}
    assert kinds == known
    of = {one.name: one.category for one in concepts}
    assert (of["fish"], of["red object"], of["striped object"], of["tiny object"]) == (
        *("object", "colour", "texture"),
        "size",
    )
    assert (of["object at the left"], of["object at the top"], of["sea"]) == ("position", "position", "scene")
    assert (of["a written word"], of["the word STOP"], of["red fish"], of["fish on the sea"]) == (
        *("text", "text"),
        *("pair", "pair"),
    )


def all_masks(name: str, numbers: range) -> list[npt.NDArray[np.bool_]]:
    annotator = load(name).annotations()
    dense = np.zeros((len(numbers), len(annotator.concepts), 64, 64), bool)
    for row, number in enumerate(numbers):
        found = annotator.masks(record(number))
        dense[row, found.concepts] = found.masks
    return list(dense)


def test_options_change_masks_where_they_change_scenes_and_nowhere_else() -> None:
    plain = all_masks("world/test/30", range(30))
    for same in ("world/test/30?noise=0.3", "world/test/30?marked", "world/test/30?noise=0.02&marked"):
        assert np.array_equal(all_masks(same, range(30)), plain), same
    assert np.array_equal(all_masks("world/test/10?start=20", range(20, 30)), plain[20:])
    linked = all_masks("world/test/30?links=circle:sea:0.9", range(30))
    assert not np.array_equal(linked, plain)
    for one, scene in zip(linked, World("test", 30, "circle:sea:0.9"), strict=True):
        for name in ("circle", "sea"):
            assert np.array_equal(one[[str(concept) for concept in catalogue()].index(name)], scene.mask(name))


def test_stamps_tell_apart_what_may_have_other_masks() -> None:
    stamps = {load(name).annotations().stamp for name in ("world/test/30", "world/explain/30", "world/test/30?start=1")}
    assert len(stamps) == 3
    assert load("world/test/30").annotations().stamp in stamps


def test_order_threads_and_processes_do_not_matter() -> None:
    annotator = load(f"world/explain/{2 * BLOCK}").annotations()
    numbers = np.random.default_rng(0).permutation(2 * BLOCK)[:60]
    expected = [annotator.masks(record(int(number))) for number in numbers]
    for fresh in (load(f"world/explain/{2 * BLOCK}").annotations(), pickle.loads(pickle.dumps(annotator))):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(fresh.masks, [record(int(number)) for number in numbers]))
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.concepts, other.concepts)
            assert np.array_equal(one.masks, other.masks)
        assert (fresh.name, fresh.stamp, fresh.concepts) == (annotator.name, annotator.stamp, annotator.concepts)


def test_a_scene_that_is_not_there_has_no_masks() -> None:
    annotator = load("world/explain/40").annotations()
    text = "there is no scene number '40'; bundled:world/explain/40 has 40"
    with pytest.raises(ProbeError, match=f"^{re.escape(text)}$"):
        annotator.masks(record(40))


@pytest.fixture(scope="module")
def probe() -> ProbeSet:
    return index([load("world/explain/30")], test_paths=[load("world/test/20")])


def test_a_probe_set_finds_the_masks_of_its_own_images(probe: ProbeSet) -> None:
    found = find_annotations(None, probe)
    assert found is not None
    assert len(found.concepts) == len(catalogue())
    worlds = {split: World(split) for split in ("explain", "test")}
    for image in probe.images[::7]:
        masks = by_name(found.masks(image), tuple(found.concepts))
        scene = worlds[image.split][int(image.member)]
        assert set(masks) == set(scene.concepts)
        assert all(np.array_equal(mask, scene.mask(name)) for name, mask in masks.items())


@pytest.mark.parametrize(
    "text",
    [
        "a red object",
        "sea",
        "a fish or a heart",
        "a fish but not on the sea",
        "the edge of a star",
        "no circle",
        "scarlet",
    ],
)
def test_a_text_covers_its_pixels_in_the_scenes_that_it_is_true_of(text: str) -> None:
    knowledge = load("world/explain/300").knowledge([str(number) for number in range(299, -1, -1)])
    rows = np.array([5, 299, 5, 0, 120, *range(200, 260)])
    found = knowledge.masks(text, rows)
    assert found is not None
    assert (found.dtype.name, found.shape) == ("bool", (len(rows), 64, 64))
    scenes = World("explain", 300)
    shown = [scenes[299 - int(row)] for row in rows]
    for one, scene in zip(found, shown, strict=True):
        assert np.array_equal(one, scene.mask(text) if scene.shows(text) else np.zeros((64, 64), bool))
    assert found.any()


def test_texts_of_other_rows_are_not_mixed_up() -> None:
    knowledge = load("world/explain/50").knowledge([str(number) for number in range(50)])
    scenes = World("explain", 50)
    for rows in (np.arange(10), np.arange(10, 20), np.array([], np.int64), np.arange(10)):
        for text in ("circle", "sea or sky"):
            found = knowledge.masks(text, rows)
            assert found is not None
            expected = [scenes[int(row)].mask(text) for row in rows]
            assert np.array_equal(found, np.array(expected).reshape(-1, 64, 64))


def test_a_text_that_is_not_understood_has_no_masks() -> None:
    knowledge = load("world/explain/5").knowledge(["0", "1"])
    assert knowledge.masks("a giraffe", np.arange(2)) is None
    assert knowledge.presence("a giraffe") is None
