"""Otsu's threshold against a search of all thresholds in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional.otsu import BINS, otsu_threshold

whole = st.lists(st.integers(0, BINS - 1), min_size=1, max_size=30)


def brute(places: list[int]) -> list[int]:
    """After which bins to cut so that the variance between the two classes is greatest, for values by their bins."""
    found = {}
    for cut in range(BINS):
        lower, upper = [p for p in places if p <= cut], [p for p in places if p > cut]
        if lower and upper:
            apart = Fraction(sum(lower), len(lower)) - Fraction(sum(upper), len(upper))
            found[cut] = len(lower) * len(upper) * apart**2
    most = max(found.values())
    return [cut for cut, between in found.items() if between == most]


@settings(max_examples=60, deadline=None)
@given(whole, st.integers(-5, 5), st.sampled_from([0.001, 1.0, 37.0]))
def test_it_separates_best_of_all_thresholds(places: list[int], low: int, width: float) -> None:
    # The middles of the bins, between ends that fix the histogram.
    values = torch.tensor([low + (place + 0.5) * width for place in places], dtype=torch.float64)
    ends = {"low": float(low), "high": low + BINS * width}
    found = otsu_threshold(values, **ends)
    if len(set(places)) == 1:
        assert (values > found).sum() in (0, len(places))  # nothing to separate
        return
    cuts = brute(places)
    assert found == pytest.approx(low + (cuts[(len(cuts) - 1) // 2] + 1) * width, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40))
def test_both_classes_have_values_unless_all_are_equal(numbers: list[float]) -> None:
    values = torch.tensor(numbers)
    found = otsu_threshold(values)
    above = int((values.double() > found).sum())
    assert above == 0 if len(set(numbers)) == 1 else 0 < above < len(numbers)


def test_two_heaps_are_cut_in_the_middle_of_the_gap() -> None:
    values = torch.tensor([0.0] * 5 + [1.0] * 3)
    # Of the 255 cuts that separate them the middle one, the 128th; scikit-image takes the middle of the first bin.
    assert otsu_threshold(values) == 128 / 256
    assert otsu_threshold(values, -1.0, 3.0) == pytest.approx(-1 + 4 * 96 / 256)


def test_equal_values_are_their_own_threshold() -> None:
    assert otsu_threshold(torch.full((2, 3), 0.25)) == 0.25
    assert otsu_threshold(torch.tensor([1.0]), 1.0, 0.0) == 0.0


def test_a_range_too_small_to_divide_by_is_one_value() -> None:
    tiny = torch.tensor([0.0, 5e-324], dtype=torch.float64)
    assert otsu_threshold(tiny) in (0.0, 5e-324)
