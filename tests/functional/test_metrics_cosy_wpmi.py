"""CoSy's pair and WPMI against plain loops."""

from __future__ import annotations

import inspect
import math
import statistics

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import cosy_auc, cosy_mad, wpmi

values = st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 4.0])
samples = st.lists(values, min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(samples, samples)
def test_cosy_auc_counts_pairs(control: list[float], concept: list[float]) -> None:
    wins = sum((b > a) + (b == a) / 2 for a in control for b in concept)
    got = float(cosy_auc(torch.tensor(control), torch.tensor(concept)))
    assert got == pytest.approx(wins / len(control) / len(concept), abs=1e-12)
    statistic = (
        scipy.stats.mannwhitneyu(concept, control, method="asymptotic").statistic if len(set(control)) > 1 else None
    )
    assert statistic is None or got == pytest.approx(statistic / len(control) / len(concept), abs=1e-12)
    assert float(cosy_auc(torch.tensor(concept), torch.tensor(control))) == pytest.approx(1 - got, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(samples, samples)
def test_cosy_mad_is_the_plain_formula(control: list[float], concept: list[float]) -> None:
    spread = statistics.pstdev(control)
    expected = (statistics.fmean(concept) - statistics.fmean(control)) / spread if spread else 0
    got = float(cosy_mad(torch.tensor(control), torch.tensor(concept)))
    assert got == pytest.approx(expected, abs=1e-12)
    shifted = float(cosy_mad(1e180 * torch.tensor(control).double(), 1e180 * torch.tensor(concept).double()))
    assert shifted == pytest.approx(got, abs=1e-9)


def test_cosy_of_nothing_is_chance() -> None:
    some, none = torch.arange(3.0), torch.zeros(0)
    for control, concept in ((some, none), (none, some), (none, none)):
        assert float(cosy_auc(control, concept)) == 0.5
        assert float(cosy_mad(control, concept)) == 0
    assert float(cosy_mad(torch.full((3,), 0.1), some)) == 0
    with pytest.raises(NonFiniteError, match="The control activations contain NaN"):
        cosy_auc(some / 0, some)
    with pytest.raises(NonFiniteError, match="The concept's activations contain NaN"):
        cosy_mad(some, some / 0)


def plain_wpmi(concept: list[float], fires: list[bool], lam: float, floor: float) -> float:
    if not any(fires):
        return 0
    logs = [math.log(max(c, floor)) for c, fired in zip(concept, fires, strict=True) if fired]
    return math.fsum(logs) / len(logs) - lam * math.log(max(math.fsum(concept) / len(concept), floor))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=25), values, st.sampled_from([0.0, 0.6, 1.0]))
def test_wpmi_is_the_plain_loop(drawn: list[tuple[float, float]], threshold: float, lam: float) -> None:
    concept, activations = ([pair[side] for pair in drawn] for side in (0, 1))
    got = wpmi(torch.tensor(concept), torch.tensor(activations), lam, 1e-4, threshold=threshold)
    expected = plain_wpmi(concept, [value > threshold for value in activations], lam, 1e-4)
    assert float(got) == pytest.approx(expected, abs=1e-9)


def test_wpmi_of_useless_sides_is_zero_and_of_the_truth_its_surprise() -> None:
    ramp, fires = torch.arange(100.0), torch.arange(100) >= 95
    assert float(wpmi(torch.full((100,), 0.2), ramp)) == pytest.approx(0, abs=1e-15)
    assert float(wpmi(ramp / 99, torch.zeros(100))) == 0
    assert float(wpmi(fires, ramp)) == pytest.approx(math.log(20))
    assert float(wpmi(~fires, ramp)) == pytest.approx(math.log(1e-8) - math.log(0.95))
    with pytest.raises(ValueError, match="floor is 0, and must be above 0"):
        inspect.unwrap(wpmi)(ramp, ramp, floor=0)
