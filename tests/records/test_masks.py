"""Packed masks: what is packed comes back, cell by cell where the format says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuronym.records import ConceptMasks, MaskRule, packed, unpacked, word_count

SHAPES = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 20), st.integers(1, 20))


@given(hnp.arrays(np.bool_, SHAPES))
def test_packing_is_undone_by_unpacking(masks: np.ndarray) -> None:
    words = packed(masks)
    assert words.dtype == np.uint64
    assert words.shape == (*masks.shape[:2], word_count(masks.shape[2:]))
    assert np.array_equal(unpacked(words, masks.shape[2:]), masks)


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_a_cell_is_the_bit_that_the_format_names_and_no_other_bit_is_set(mask: np.ndarray) -> None:
    numbers = [int(word) for word in packed(mask)]
    whole = sum(number << (64 * place) for place, number in enumerate(numbers))
    expected = sum(1 << place for place, cell in enumerate(mask.ravel().tolist()) if cell)
    assert whole == expected


def test_words_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^1 words for a grid of 9x9$"):
        unpacked(np.zeros(1, np.uint64), (9, 9))


def test_a_rule_is_a_quantile_or_a_value() -> None:
    names = [MaskRule(), MaskRule(0.99), MaskRule(None, 0.0), MaskRule(None, (0.0, 1.0)), MaskRule(None, (0.0, 2.0))]
    assert [rule.name for rule in names[:3]] == ["quantile-0.995", "quantile-0.99", "above-0.0"]
    assert len({rule.name for rule in names}) == 5
    assert MaskRule(None, 0).name == MaskRule(None, 0.0).name
    for quantile, value in ((None, None), (0.995, 0.0)):
        with pytest.raises(ValueError, match="give one of them"):
            MaskRule(quantile, value)


@pytest.mark.parametrize("rule", [MaskRule(), MaskRule(None, 0.0), MaskRule(None, (0.5, -1.0))])
def test_a_rule_comes_back_from_a_manifest(rule: MaskRule) -> None:
    assert MaskRule.from_spec(json.loads(json.dumps(rule.spec()))) == rule


def test_the_masks_of_one_image_are_found_by_its_number() -> None:
    words = np.arange(3, dtype=np.uint64)[:, None]
    masks = ConceptMasks(np.array([0, 1, 1, 3]), np.array([4, 2, 5]), words, np.ones((3, 1), np.uint64))
    assert len(masks) == 3
    for image, concepts in enumerate(([4], [], [2, 5])):
        found, theirs = masks.of(image)
        assert found.tolist() == concepts
        assert len(theirs) == len(concepts)
