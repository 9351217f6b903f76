"""The normalised score beside plain loops over draws and units."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import bootstrap_mean, mean_draws, normalised
from neuronym.functional.metrics.normalised import _end

values = st.floats(-1, 1, width=32)
tables = st.lists(st.tuples(values, values, values), min_size=1, max_size=8)


def ratio(rows: list[tuple[float, float, float]]) -> float | None:
    """Of the means of score, ceiling and floor, summed one unit after the other; None without a scale."""
    score, ceiling, floor = (math.fsum(row[side] for row in rows) / len(rows) for side in range(3))
    return (score - floor) / (ceiling - floor) if ceiling > floor else None


def sides(rows: list[tuple[float, float, float]]) -> list[Tensor]:
    return [torch.tensor([row[side] for row in rows], dtype=torch.float64) for side in range(3)]


def units(count: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    score, ceiling, floor = torch.rand(3, count, generator=generator).double()
    return [0.2 + 0.5 * score, 0.6 + 0.4 * ceiling, 0.1 * floor]


@settings(max_examples=60)
@given(tables)
def test_value_and_ends_are_those_of_plain_loops(rows: list[tuple[float, float, float]]) -> None:
    length = math.fsum(row[1] - row[2] for row in rows) / len(rows)
    if abs(length) < 1e-6 and length != 0:
        return  # whether it is positive is then a matter of rounding
    got = normalised(*sides(rows), draws=30, level=0.8, seed=2)
    expected = ratio(rows)
    if expected is None:
        assert all(math.isnan(one) for one in got)
        return
    assert got[0] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    drawn = torch.randint(len(rows), (30, len(rows)), generator=torch.Generator().manual_seed(2)).tolist()
    lengths = [math.fsum(rows[at][1] - rows[at][2] for at in one) / len(one) for one in drawn]
    if any(abs(one) < 1e-6 and one != 0 for one in lengths):
        return
    ratios = [ratio([rows[at] for at in one]) for one in drawn]
    for end, none, q in ((got[1], -math.inf, 0.1), (got[2], math.inf, 0.9)):
        ordered = sorted(none if one is None else one for one in ratios)
        below, above = ordered[math.floor(q * 29)], ordered[math.floor(q * 29) + 1]
        if math.isinf(below) or math.isinf(above):
            assert math.isnan(end)
        else:
            assert end == pytest.approx(below + (q * 29 % 1) * (above - below), rel=1e-6, abs=1e-9)


@given(tables, st.floats(0.25, 4), st.floats(-2, 2))
def test_the_ends_of_the_scale_and_other_units_of_measurement(
    rows: list[tuple[float, float, float]], factor: float, offset: float
) -> None:
    score, ceiling, floor = sides(rows)
    if float((ceiling - floor).mean()) < 1e-3:
        return
    assert normalised(ceiling, ceiling, floor, draws=5)[0] == 1
    assert normalised(floor, ceiling, floor, draws=5)[0] == 0
    moved = normalised(*(factor * side + offset for side in (score, ceiling, floor)), draws=5)[0]
    assert moved == pytest.approx(normalised(score, ceiling, floor, draws=5)[0], rel=1e-6, abs=1e-6)


def test_the_true_labels_reach_one_in_every_draw_and_random_ones_nothing() -> None:
    _, ceiling, floor = units(40)
    assert normalised(ceiling, ceiling, floor) == (1, 1, 1)
    assert normalised(floor, ceiling, floor) == (0, 0, 0)


def test_the_interval_is_as_wide_as_the_theory_of_ratios_has_it() -> None:
    score, ceiling, floor = units(200)
    value, low, high = normalised(score, ceiling, floor, draws=4000)
    # The delta method: the ratio moves with the mean of what is left of the score beyond value times the scale.
    left = (score - floor) - value * (ceiling - floor)
    half = 1.96 * float(left.std()) / 200**0.5 / float((ceiling - floor).mean())
    assert low < value < high
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert normalised(score, ceiling, floor, seed=1) == normalised(score, ceiling, floor, seed=1)
    assert normalised(score, ceiling, floor, seed=1) != normalised(score, ceiling, floor, seed=2)


def test_a_fixed_scale_leaves_the_interval_of_the_mean() -> None:
    score, one = units(30)[0], torch.ones(30)
    assert normalised(score, one, 0 * one, draws=500) == pytest.approx(bootstrap_mean(score, draws=500))


def test_without_a_scale_there_is_no_value_and_ends_that_run_away_are_none() -> None:
    score, ceiling, floor = units(5)
    assert all(math.isnan(one) for one in normalised(score, floor, floor))
    assert all(math.isnan(one) for one in normalised(score, floor, ceiling))
    # One unit in four carries the whole scale: a third of all draws do not have it.
    rare = torch.tensor([1.0, 0, 0, 0])
    value, low, high = normalised(torch.tensor([0.5, 0, 0, 0]), rare, torch.zeros(4))
    assert value == 0.5
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize("level", [0.95, 0.9, 0.8])
@pytest.mark.parametrize("draws", [1001, 101, 100])
def test_an_end_that_falls_on_a_draw_needs_no_other(draws: int, level: float) -> None:
    place = (1 - level) / 2 * (draws - 1)
    last = round(place) if abs(place - round(place)) < 1e-6 else math.ceil(place)
    ratios = torch.arange(draws).double()[torch.randperm(draws, generator=torch.Generator().manual_seed(0))]
    for missing in range(last + 3):
        low = ratios.masked_fill(ratios < missing, -math.inf)
        high = ratios.masked_fill(ratios >= draws - missing, math.inf)
        ends = _end(low, (1 - level) / 2), _end(high, (1 + level) / 2)
        if missing <= math.floor(place + 1e-6):
            assert ends == pytest.approx((place, draws - 1 - place), abs=1e-9)
        else:
            assert all(math.isnan(end) for end in ends)


def test_an_end_beside_draws_without_a_scale_is_finite() -> None:
    # One unit of four carries the whole scale; in 1,001 draws the level puts both ends on the last ones that have it.
    score, ceiling, floor = torch.tensor([0.5, 0, 0, 0]), torch.tensor([1.0, 0, 0, 0]), torch.zeros(4)
    without = int((mean_draws(ceiling[:, None], 1001, 0) == 0).sum())
    got = normalised(score, ceiling, floor, draws=1001, level=1 - 2 * without / 1000)
    assert got == (0.5, 0.5, 0.5)
    assert all(math.isnan(end) for end in normalised(score, ceiling, floor, 1001, 1 - 2 * (without - 1) / 1000)[1:])


def test_one_unit_has_no_interval() -> None:
    assert normalised(torch.tensor([0.5]), torch.tensor([1]), torch.tensor([0])) == (0.5, 0.5, 0.5)


def test_mean_draws_are_means_of_the_units_drawn() -> None:
    table = torch.rand(7, 3, generator=torch.Generator().manual_seed(1))
    drawn = torch.randint(7, (20, 7), generator=torch.Generator().manual_seed(9)).tolist()
    expected = [[np.mean([float(table[at, column]) for at in one]) for column in range(3)] for one in drawn]
    np.testing.assert_allclose(mean_draws(table, draws=20, seed=9).numpy(), expected)


def test_bad_input_is_named() -> None:
    raw, two = inspect.unwrap(normalised), torch.tensor([0.5, 1.0])
    with pytest.raises(ValueError, match="there are 2 scores, 1 ceilings and 2 floors"):
        raw(two, two[:1], two)
    with pytest.raises(ValueError, match="there are no units"):
        raw(two[:0], two[:0], two[:0])
    with pytest.raises(ValueError, match="draws is 0, and must be at least 1"):
        raw(two, two, two, draws=0)
    with pytest.raises(ValueError, match="level is 1, and must be between 0 and 1"):
        raw(two, two, two, level=1)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(NonFiniteError, match="The values contain NaN or infinite"):
            raw(two, two, torch.tensor([0, bad]))
