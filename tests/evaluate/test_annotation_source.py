"""Annotated masks as what judges descriptions: which names they go by, and where the things of a text are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_masks import CATALOGUE, GRID, Bools, concept_masks, dense, drawn, source_of
from neuronym.evaluate.abilities import KnowsSome, MaskSource, counted
from neuronym.evaluate.sources import LabelSource
from neuronym.evaluate.sources.annotations import renumbered
from neuronym.evaluate.vectors import resolve
from neuronym.records import ConceptSource, LabelTable, Split, packed


@pytest.fixture(scope="module")
def parts() -> tuple[dict[Split, Bools], dict[Split, Bools]]:
    masks: dict[Split, Bools] = {}
    valid: dict[Split, Bools] = {}
    for split, images, seed in (("explain", 9, 0), ("test", 7, 1)):
        masks[split], valid[split] = drawn(images, len(CATALOGUE), GRID, seed)  # type: ignore[index]
    return masks, valid


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ball", [0]),
        (" A  BALL.", [0]),
        ("red", [1, 2]),
        ("the Red", [1, 2]),
        ("water", [3]),
        ("sea, water", [3]),
        ("Traffic light", [4]),
        ("light", []),
        ("", []),
    ],
)
def test_a_text_goes_by_the_names_of_concepts(
    parts: tuple[dict[Split, Bools], dict[Split, Bools]], text: str, numbers: list[int]
) -> None:
    masks, valid = parts
    source = source_of(masks, valid)
    images = np.array([2, 0, 6, 2], np.int64)
    [found] = source.concepts([text], "test")
    if not numbers:
        assert found is None
    else:
        assert found is not None
        for image, share in enumerate(found):
            count = valid["test"][image].sum()
            wanted = max(masks["test"][image, number].sum() for number in numbers) / max(1, count)
            assert share == pytest.approx(wanted, abs=1e-7)
    there = dense(source.text_masks(["nothing", text], "test", images), 2, GRID)
    wanted_masks = masks["test"][images][:, numbers].any(1)
    assert np.array_equal(there[:, 1], wanted_masks)
    assert not there[:, 0].any()


def test_what_the_source_says_of_itself(parts: tuple[dict[Split, Bools], dict[Split, Bools]]) -> None:
    source = source_of(*parts)
    assert isinstance(source, ConceptSource)
    assert isinstance(source, KnowsSome)
    assert isinstance(source, MaskSource)
    assert (source.name, source.complete) == ("annotations", False)
    assert source.vocabulary == ("Ball", "red", "sea, water", "traffic_light")


def test_images_without_masks_do_not_count(parts: tuple[dict[Split, Bools], dict[Split, Bools]]) -> None:
    source = source_of(*parts)
    assert source.known_images("test").tolist() == [True] * 6 + [False]
    assert counted(source, "test").tolist() == [0, 1, 2, 3, 4, 5]  # type: ignore[union-attr]
    vectors = resolve(source, ["a ball", "zebra"], (), 0)
    assert vectors.explain.shape == (8, 5)
    assert vectors.test.shape == (6, 5)
    assert vectors.test[:, vectors.columns["a ball"]].tolist() == source.shares["test"][:6, 0].tolist()
    labels = LabelTable(("x",), ("class",), np.eye(3, 1, dtype=np.float32))
    assert counted(LabelSource.of(labels, labels), "test") == slice(None)


@given(st.integers(0, 4), st.integers(0, 3), st.integers(0, 99), st.data())
@settings(deadline=None, max_examples=60)
def test_masks_of_texts_are_unions_of_those_of_concepts(
    images: int, concepts: int, seed: int, data: st.DataObject
) -> None:
    masks, valid = drawn(images + 1, concepts, (3, 30), seed)
    several = st.lists(st.integers(0, concepts - 1), unique=True) if concepts else st.just([])
    asked = data.draw(st.lists(several, max_size=5))
    found = renumbered(concept_masks(masks, valid), [np.array(some, np.int64) for some in asked], concepts)
    assert np.array_equal(found.valid, packed(valid))
    wanted = np.zeros((images + 1, len(asked), 3, 30), np.bool_)
    for text, some in enumerate(asked):
        for number in some:
            wanted[:, text] |= masks[:, number]
    assert np.array_equal(dense(found, len(asked), (3, 30)), wanted)
