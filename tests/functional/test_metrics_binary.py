"""Metrics of binarised sides against scikit-learn and plain counting."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import auprc, auroc, cosy_auc, f1, inverse_auroc, iou, recall_at_k, wpmi
from neuronym.functional.metrics._rows import labelled

ALL = [auroc, inverse_auroc, auprc, f1, iou, recall_at_k]

values = st.sampled_from([-2.0, -0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 4.0])
columns = st.lists(st.tuples(values, values), min_size=1, max_size=25)


def sides(drawn: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    x, y = zip(*drawn, strict=True)
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def plain_labels(activations: list[float], share: Fraction) -> list[bool]:
    """Straight from the definition, with exact fractions."""
    if min(activations) == max(activations):
        return [False] * len(activations)
    place = min(math.ceil(share * len(activations)) + 1, len(activations))
    level = sorted(activations, reverse=True)[place - 1]
    above = [value > level for value in activations]
    return above if any(above) else [value == max(activations) for value in activations]


@settings(max_examples=200, deadline=None)
@given(st.lists(values, min_size=1, max_size=60), st.sampled_from(["0.05", "0.1", "0.3", "0.005", "1"]))
def test_top_share_is_the_definition(column: list[float], share: str) -> None:
    got = labelled(torch.tensor(column, dtype=torch.float64)[None], share=float(share))
    assert got[0].tolist() == plain_labels(column, Fraction(share))


def test_top_share_is_that_many_images_where_nothing_ties() -> None:
    column = torch.randperm(1000, generator=torch.Generator().manual_seed(0)).double()[None]
    for share, count in ((0.05, 50), (0.001, 1), (0.0005, 1), (0.1, 100), (0.0501, 51), (0.999, 999), (1, 999)):
        assert int(labelled(column, share=share).sum()) == count


@pytest.mark.parametrize("positives", [1, 2, 5, 6, 7, 50, 99])
def test_two_valued_activations_binarise_to_themselves(positives: int) -> None:
    fires = torch.arange(100) < positives
    for activations in (fires, fires.double() * 3 - 7, fires.to(torch.int64)):
        assert float(f1(fires, activations)) == float(iou(fires, activations)) == 1
        assert float(auroc(fires, activations)) == float(auprc(fires, activations)) == 1


def both(drawn: list[tuple[float, float]], threshold: float) -> tuple[list[bool], list[bool]]:
    return [c > 0.5 for c, _ in drawn], [a > threshold for _, a in drawn]


@settings(max_examples=200, deadline=None)
@given(columns, values)
def test_auroc_is_scikit_learns(drawn: list[tuple[float, float]], threshold: float) -> None:
    x, y = sides(drawn)
    shown, fires = both(drawn, threshold)
    expected = sk.roc_auc_score(fires, x) if 0 < sum(fires) < len(fires) else 0.5
    assert float(auroc(x, y, threshold=threshold)) == pytest.approx(expected, abs=1e-12)
    expected = sk.roc_auc_score(shown, y) if 0 < sum(shown) < len(shown) else 0.5
    assert float(inverse_auroc(x, y)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(columns, values)
def test_auprc_is_scikit_learns(drawn: list[tuple[float, float]], threshold: float) -> None:
    x, y = sides(drawn)
    _, fires = both(drawn, threshold)
    expected = sk.average_precision_score(fires, x) if any(fires) else 0
    assert float(auprc(x, y, threshold=threshold)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(columns, values)
def test_f1_and_iou_are_scikit_learns(drawn: list[tuple[float, float]], threshold: float) -> None:
    x, y = sides(drawn)
    shown, fires = both(drawn, threshold)
    expected = [float(score(fires, shown, zero_division=0)) for score in (sk.f1_score, sk.jaccard_score)]
    got = [float(metric(x, y, threshold=threshold)) for metric in (f1, iou)]
    assert got == pytest.approx(expected, abs=1e-12)
    assert float(f1(x, y, threshold=threshold, cut=-0.5)) == pytest.approx(
        sk.f1_score(fires, [c > -0.5 for c, _ in drawn], zero_division=0)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=6), st.integers(1, 7))
def test_recall_is_the_mean_over_all_orders_of_ties(drawn: list[tuple[bool, float]], k: int) -> None:
    top = min(k, len(drawn))
    orders = [sorted(order, key=lambda one: -one[1]) for order in itertools.permutations(drawn)]
    expected = sum(sum(shown for shown, _ in order[:top]) for order in orders) / len(orders) / top
    got = recall_at_k(torch.tensor([c for c, _ in drawn]), torch.tensor([a for _, a in drawn]), k)
    assert float(got) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
@settings(max_examples=80, deadline=None)
@given(drawn=columns, seed=st.integers(0, 99))
def test_bounds_order_and_rising_maps(
    metric: Callable[[Tensor, Tensor], Tensor], drawn: list[tuple[float, float]], seed: int
) -> None:
    x, y = sides(drawn)
    own = float(metric(x, y))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    assert 0 <= own <= 1
    assert float(metric(x[order], y[order])) == pytest.approx(own, abs=1e-12)
    assert float(metric(x, torch.exp(y) - 3)) == pytest.approx(own, abs=1e-12)


def test_useless_sides_have_the_value_that_is_said() -> None:
    ramp, flat, quarter = torch.arange(8.0), torch.full((8,), 0.3), (torch.arange(8) < 2).double()
    for side in (ramp, flat):
        assert float(auroc(flat, side)) == float(inverse_auroc(side, flat)) == 0.5
        assert float(auroc(side, flat)) == float(inverse_auroc(flat, side)) == 0.5
        assert float(f1(side, flat)) == float(iou(side, flat)) == float(f1(flat, side)) == float(iou(flat, side)) == 0
        assert float(auprc(side, flat)) == 0
    assert float(auprc(flat, quarter)) == 0.25
    assert float(auprc(ramp, quarter, threshold=9)) == 0
    assert float(recall_at_k(quarter, flat, 3)) == 0.25


def test_which_side_is_the_label() -> None:
    """The concept is in ten times as many images as the unit fires on, and in all of those."""
    fires, shown = torch.arange(1000) < 5, torch.arange(1000) < 50
    assert float(auroc(shown, fires)) == pytest.approx((1 + 950 / 995) / 2)
    assert float(inverse_auroc(shown, fires)) == pytest.approx(0.1 + 0.9 / 2)
    assert float(auprc(shown, fires)) == pytest.approx(0.1)
    assert float(recall_at_k(shown, fires, 5)) == 1
    assert float(recall_at_k(fires, shown, 5)) == pytest.approx(0.1)


@pytest.mark.parametrize("metric", [*ALL, wpmi])
def test_bad_input_is_named(metric: Callable[..., Tensor]) -> None:
    raw = inspect.unwrap(metric)  # below the shape checker, which says the same in its own words
    with pytest.raises(ValueError, match="concepts have 3 images, activations have 4"):
        raw(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match="there are no images"):
        raw(torch.zeros(0), torch.zeros(0))
    with pytest.raises(NonFiniteError, match="The activations contain NaN or infinite values"):
        raw(torch.zeros(2), torch.tensor([0, torch.nan]))
    with pytest.raises(NonFiniteError, match="The concepts contain NaN or infinite values"):
        raw(torch.tensor([0, torch.inf]), torch.zeros(2))
    if metric not in (inverse_auroc, recall_at_k):
        with pytest.raises(ValueError, match="share is 0, and must be above 0 and at most 1"):
            raw(torch.zeros(2), torch.arange(2), share=0)
        with pytest.raises(NonFiniteError, match="The thresholds contain NaN or infinite values"):
            raw(torch.zeros(2), torch.arange(2), threshold=math.nan)


def test_recall_wants_an_image() -> None:
    with pytest.raises(ValueError, match="k is 0, and must be at least 1"):
        recall_at_k(torch.zeros(2), torch.zeros(2), 0)


def test_inverse_auroc_is_cosys_against_the_rest() -> None:
    """Two ways to the same figure: control images are those without the concept."""
    generator = torch.Generator().manual_seed(0)
    activations, shown = torch.randn(200, generator=generator).round(decimals=1), torch.rand(200) < 0.3
    expected = cosy_auc(activations[~shown], activations[shown])
    assert float(inverse_auroc(shown, activations)) == pytest.approx(float(expected), abs=1e-12)
