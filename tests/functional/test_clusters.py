"""The clustered bootstrap against plain loops, and how often its interval holds the truth."""

from __future__ import annotations

import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional.clusters import clustered_mean


def by_loops(values: list[float], clusters: list[int], resamples: int) -> tuple[float, float]:
    """2.5 and 97.5 % of the means of whole clusters drawn with replacement."""
    dice, names = random.Random(1), sorted(set(clusters))
    means = []
    for _ in range(resamples):
        drawn = [dice.choice(names) for _ in names]
        means.append(
            statistics.mean(value for name in drawn for value, own in zip(values, clusters, strict=True) if own == name)
        )
    means.sort()
    return means[round(0.025 * resamples)], means[round(0.975 * resamples) - 1]


def test_the_interval_is_that_of_loops() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(12), rng.integers(1, 5, 12))
    values = rng.integers(1, 6, len(clusters)) + rng.normal(0, 0.3, 12)[clusters]
    mean, interval = clustered_mean(values, clusters)
    assert mean == pytest.approx(values.mean())
    assert interval == pytest.approx(by_loops(list(values), list(clusters), 4000), abs=0.05)
    assert clustered_mean(values, clusters) == (mean, interval)
    assert clustered_mean(values, clusters, seed=1)[1] != interval


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 6)), min_size=1, max_size=30))
def test_mean_and_interval_lie_among_the_values(rows: list[tuple[float, int]]) -> None:
    values, clusters = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    mean, interval = clustered_mean(values, clusters, resamples=200)
    assert values.min() - 1e-9 <= mean <= values.max() + 1e-9
    assert (interval is None) == (len(set(clusters)) == 1)
    if interval is not None:
        assert values.min() - 1e-9 <= interval[0] <= interval[1] <= values.max() + 1e-9


def test_the_interval_holds_the_truth_where_answers_to_a_unit_are_alike() -> None:
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(40), 5)
    held = 0
    for trial in range(200):
        values = rng.normal(0, 1, 40)[clusters] + rng.normal(0, 0.2, 200)
        _, interval = clustered_mean(values, clusters, seed=trial, resamples=400)
        assert interval is not None
        held += interval[0] <= 0 <= interval[1]
    assert 0.89 <= held / 200 <= 0.99


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="0 values in 0 clusters"):
        clustered_mean(np.zeros(0), np.zeros(0, int))
