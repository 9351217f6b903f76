"""Risk against coverage, beside plain loops over units and thresholds."""

from __future__ import annotations

import inspect
import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.selective import RiskCoverage, aurc, bootstrap_aurc, risk_coverage

SILENT = (-math.inf, math.nan)
confidences = st.one_of(st.sampled_from([*SILENT, 0.0, 1.0, -2.5]), st.floats(-3, 3, width=32))
units = st.lists(st.tuples(confidences, st.floats(0, 1, width=32)), min_size=1, max_size=12)


def sides(pairs: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    table = torch.tensor(pairs, dtype=torch.float64)
    return table[:, 0], table[:, 1]


def area(pairs: list[tuple[float, float]]) -> float:
    return aurc(risk_coverage(*sides(pairs)))


def by_thresholds(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The curve, one threshold at a time."""
    levels = {sure for sure, _ in pairs if not math.isnan(sure) and sure != -math.inf}
    points = []
    for threshold in sorted(levels, reverse=True):
        kept = [loss for sure, loss in pairs if sure >= threshold]
        points.append((len(kept) / len(pairs), sum(kept) / len(kept)))
    return points


def by_units(pairs: list[tuple[float, float]]) -> float:
    """The area as the mean, over units, of the risk at the unit's own threshold; silent units are tied and lost."""
    told = [(-math.inf, 1.0) if math.isnan(sure) or sure == -math.inf else (sure, loss) for sure, loss in pairs]
    risks = []
    for own, _ in told:
        kept = [loss for sure, loss in told if sure >= own]
        risks.append(sum(kept) / len(kept))
    return sum(risks) / len(risks)


@given(units)
def test_curve_and_area_are_those_of_plain_loops(pairs: list[tuple[float, float]]) -> None:
    curve = risk_coverage(*sides(pairs))
    expected = by_thresholds(pairs)
    assert curve.coverage.tolist() == pytest.approx([coverage for coverage, _ in expected])
    assert curve.risk.tolist() == pytest.approx([risk for _, risk in expected], abs=1e-12)
    assert aurc(curve) == pytest.approx(by_units(pairs), abs=1e-12)
    assert 0 <= aurc(curve) <= 1


@given(units, st.randoms(use_true_random=False))
def test_the_order_of_units_changes_nothing(pairs: list[tuple[float, float]], dice: Random) -> None:
    mixed = list(pairs)
    dice.shuffle(mixed)
    one, other = risk_coverage(*sides(pairs)), risk_coverage(*sides(mixed))
    assert torch.equal(one.coverage, other.coverage)
    assert torch.equal(one.risk, other.risk)


@given(units, st.randoms(use_true_random=False))
def test_no_order_is_better_than_by_the_loss_itself(pairs: list[tuple[float, float]], dice: Random) -> None:
    losses = sorted(loss for _, loss in pairs)
    ranks = range(len(losses))
    best = area([(-rank, losses[rank]) for rank in ranks])
    worst = area([(rank, losses[rank]) for rank in ranks])
    assert best <= area(pairs) + 1e-12  # whatever ties and silence
    some = area(list(zip(dice.sample(ranks, len(losses)), losses, strict=True)))
    blind = area([(0.0, loss) for loss in losses])
    assert best - 1e-12 <= some <= worst + 1e-12
    assert best - 1e-12 <= blind <= worst + 1e-12
    assert blind == pytest.approx(sum(losses) / len(losses))


@given(st.floats(0, 1), st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_equal_losses_have_their_own_area_in_any_order(loss: float, sure: list[float]) -> None:
    assert area([(one, loss) for one in sure]) == pytest.approx(loss, abs=1e-12)


@given(units, st.floats(0, 1), st.floats(0, 1))
def test_a_unit_more_with_less_confidence_than_all_others_is_never_worse(
    pairs: list[tuple[float, float]], loss: float, unread: float
) -> None:
    least = min((sure for sure, _ in pairs if sure > -math.inf), default=0.0) - 1
    silent, last, lost = area([*pairs, (math.nan, unread)]), area([*pairs, (least, loss)]), area([*pairs, (least, 1)])
    assert last <= lost + 1e-12
    assert lost <= silent + 1e-12


def test_a_unit_more_with_more_confidence_than_others_may_be_worse() -> None:
    assert area([(1, 0), (math.nan, 0)]) == 0.25
    assert area([(1, 0), (0, 1)]) == 0.25
    assert area([(1, 0), (2, 1)]) == 0.75
    assert area([(1, 0), (1, 1)]) == 0.5


def test_a_curve_by_hand() -> None:
    nan = math.nan
    curve = risk_coverage(torch.tensor([0.9, 0.5, 0.5, 0.1, nan]), torch.tensor([0.0, 1.0, 0.5, 0.3, 0.0]))
    assert curve.coverage.tolist() == pytest.approx([0.2, 0.6, 0.8])
    assert curve.risk.tolist() == pytest.approx([0, 0.5, 0.45])
    assert aurc(curve) == pytest.approx(0.2 * 0 + 0.4 * 0.5 + 0.2 * 0.45 + 0.2 * (0.8 * 0.45 + 0.2))
    whole = risk_coverage(torch.tensor([3, 2, 1]), torch.tensor([False, False, True]))
    assert whole.coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert aurc(whole) == pytest.approx(1 / 9)
    assert aurc(risk_coverage(torch.tensor([math.inf, 0.0]), torch.tensor([0.0, 1.0]))) == pytest.approx(0.25)


def test_without_a_word_there_is_no_curve_and_the_whole_area() -> None:
    curve = risk_coverage(torch.tensor([math.nan, -math.inf]), torch.tensor([0.0, 0.0]))
    assert curve.coverage.shape == curve.risk.shape == (0,)
    assert aurc(curve) == 1
    assert aurc(RiskCoverage(torch.zeros(0).double(), torch.zeros(0).double())) == 1
    assert bootstrap_aurc(torch.tensor([math.nan, -math.inf]), torch.tensor([0.0, 0.0])) == (1, 1, 1)


@settings(max_examples=25)
@given(st.lists(st.tuples(confidences, st.floats(0, 1, width=32)), min_size=1, max_size=6))
def test_the_interval_is_that_of_areas_of_resampled_units(pairs: list[tuple[float, float]]) -> None:
    value, low, high = bootstrap_aurc(*sides(pairs), draws=20, level=0.9, seed=5)
    told = [(-math.inf, 1.0) if not sure > -math.inf else (sure, loss) for sure, loss in pairs]
    told.sort(key=lambda pair: (-pair[0], pair[1]))
    drawn = torch.randint(len(told), (20, len(told)), generator=torch.Generator().manual_seed(5))
    areas = [by_units([told[at] for at in row]) for row in drawn.tolist()]
    assert value == area(pairs)
    assert [low, high] == pytest.approx(np.quantile(areas, [0.05, 0.95]).tolist(), abs=1e-12)
    assert bootstrap_aurc(*sides(pairs[::-1]), draws=20, level=0.9, seed=5) == (value, low, high)


def test_one_unit_has_no_interval_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap_aurc(torch.tensor([1.0]), torch.tensor([0.25])) == (0.25, 0.25, 0.25)
    sure, loss = torch.randn(30, generator=torch.Generator().manual_seed(0)), torch.linspace(0, 1, 30)
    whole = bootstrap_aurc(sure, loss, draws=50, seed=1)
    assert whole[1] < whole[0] < whole[2]
    monkeypatch.setattr("neuronym.functional.selective._ELEMENTS", 70)
    assert bootstrap_aurc(sure, loss, draws=50, seed=1) == whole


def test_bad_input_is_named() -> None:
    raw, draw = inspect.unwrap(risk_coverage), inspect.unwrap(bootstrap_aurc)
    two = torch.tensor([0.5, 1.0])
    with pytest.raises(ValueError, match="there are 2 confidences and 1 losses"):
        raw(two, two[:1])
    with pytest.raises(ValueError, match="there are no units"):
        raw(two[:0], two[:0])
    with pytest.raises(ValueError, match=r"losses reach from 0\.5 to 1\.5, and must be in 0\.\.1"):
        raw(two, torch.tensor([0.5, 1.5]))
    with pytest.raises(ValueError, match=r"losses reach from -0\.5 to 0, and must be in 0\.\.1"):
        raw(two, torch.tensor([0, -0.5]))
    with pytest.raises(NonFiniteError, match="The losses contain NaN"):
        raw(two, torch.tensor([0.5, torch.nan]))
    with pytest.raises(ValueError, match="draws is 0, and must be at least 1"):
        draw(two, two, draws=0)
    with pytest.raises(ValueError, match="level is 2, and must be between 0 and 1"):
        draw(two, two, level=2)
