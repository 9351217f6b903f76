"""Ranges of ranks, histograms and which images are shown, against plain counting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from neuronym.present import survey as module
from neuronym.present.survey import SAMPLES, SHARES, histogram, sample_ranges, survey, used
from neuronym.study import Study


@pytest.mark.parametrize("count", [1, 3, 40, 700, 5000])
@pytest.mark.parametrize("values", ["distinct", "tied", "sparse"])
def test_samples_lie_in_their_ranges(count: int, values: str) -> None:
    rng = np.random.default_rng(count)
    numbers = {
        "distinct": rng.normal(size=count),
        "tied": rng.integers(0, 4, count),
        "sparse": rng.normal(size=count) * (rng.random(count) < 0.02),
    }[values].astype(np.float32)
    ranked = sorted(range(count), key=lambda at: (-numbers[at], at))
    ranges = sample_ranges(numbers, seed=3)
    assert [(one.above, one.to) for one in ranges] == [(0, 0.001), (0.001, 0.01), (0.01, 0.05)]
    assert ranges[0].first == 1
    assert ranges[-1].last == math.ceil(0.05 * count)
    for before, after in itertools.pairwise(ranges):
        assert after.first == before.last + 1
    for one in ranges:
        inside = list(range(one.first, one.last + 1))
        assert len(one.taken) == min(SAMPLES, len(inside))
        assert [rank for rank, _, _ in one.taken] == sorted({rank for rank, _, _ in one.taken} & set(inside))
        assert all(ranked[rank - 1] == at and numbers[at] == value for rank, at, value in one.taken)
        assert one.least == (numbers[ranked[one.last - 1]] if inside else None)


def test_samples_are_seeded() -> None:
    numbers = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    assert sample_ranges(numbers, 1) == sample_ranges(numbers, 1)
    assert sample_ranges(numbers, 1)[2].taken != sample_ranges(numbers, 2)[2].taken


def test_a_histogram_counts_every_value_once() -> None:
    numbers = np.random.default_rng(0).normal(size=1000)
    view = histogram(numbers, 40)
    width = (view.high - view.low) / 40
    expected = [0] * 40
    for number in numbers:
        expected[min(39, max(0, int((number - view.low) / width)))] += 1
    assert sum(view.counts) == 1000
    assert np.abs(np.array(view.counts) - expected).max() <= 1  # the ends are rounded to six digits
    assert histogram(np.full(7, 2.0), 40) == module.HistogramView(2.0, 2.0, (7,))


@pytest.mark.parametrize("blocks", [1, 100])
def test_a_layer_is_surveyed_alike_in_blocks_of_any_size(
    study: Study, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = study.view("relu")
    monkeypatch.setattr(module, "_BLOCK_BYTES", blocks * 4 * len(view.images("explain")))
    seen: list[int] = []
    made = survey(study.store, view, "max", seen.append)
    values = view.summaries("max", "explain")
    assert seen[-1] == 5
    assert [sum(one.counts) for one in made.histograms] == [len(values)] * 5
    for unit in range(3):
        ranked = np.argsort(-values[:, unit], kind="stable")
        assert made.indices[unit].tolist() == ranked[:8].tolist()
        assert np.array_equal(made.values[unit], values[ranked[:8], unit])
        assert made.ranges[unit] == sample_ranges(values[:, unit], _seed(study, unit))
    assert made.ranges[3] == made.ranges[4] == ()  # dead, constant


def test_silent_units_ask_for_no_image(study: Study) -> None:
    view = study.view("relu")
    made = survey(study.store, view, "mean")
    wanted = used([made], view.constant)
    assert wanted >= {int(index) for unit in range(3) for index in made.indices[unit]}
    assert used([made], np.ones(5, bool)) == {at for unit in made.ranges for one in unit for _, at, _ in one.taken}
    assert len(SHARES) == 4


def _seed(study: Study, unit: int) -> int:
    return int(module.digest([study.store.manifest.key, "relu", unit, "max"]), 16)
