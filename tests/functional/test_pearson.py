from __future__ import annotations

import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional import metrics
from neuronym.functional.metrics import METRICS, pearson, pearson_matrix


def plain(x: list[float], y: list[float]) -> float:
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    sxy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    sxx, syy = math.fsum((a - mx) ** 2 for a in x), math.fsum((b - my) ** 2 for b in y)
    return sxy / math.sqrt(sxx * syy) if min(x) < max(x) and min(y) < max(y) else 0.0


numbers = st.floats(-100, 100, width=32).map(lambda v: round(v, 2))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40))
def test_pearson_is_the_plain_formula(pairs: list[tuple[float, float]]) -> None:
    x, y = ([p[i] for p in pairs] for i in (0, 1))
    got = pearson(torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64))
    assert float(got) == pytest.approx(plain(x, y), abs=1e-9)
    assert -1 <= float(got) <= 1


def test_constant_sides_score_zero() -> None:
    ramp, flat = torch.arange(5.0), torch.full((5,), 0.1)
    assert float(pearson(ramp, flat)) == float(pearson(flat, ramp)) == float(pearson(flat, flat)) == 0
    assert float(pearson(ramp, 1e30 * ramp)) == pytest.approx(1)
    assert float(pearson(ramp, -1e-30 * ramp)) == pytest.approx(-1)
    assert float(pearson(ramp.double() * 1e-200, ramp)) == pytest.approx(1)


def test_matrix_is_the_pairs() -> None:
    concepts, activations = torch.rand(30, 4), torch.randn(30, 3)
    table = pearson_matrix(concepts, activations)
    for u in range(3):
        for c in range(4):
            assert float(table[u, c]) == pytest.approx(plain(concepts[:, c].tolist(), activations[:, u].tolist()))


def test_it_declares_what_it_means() -> None:
    metric = METRICS["pearson"]
    assert (metric.range, metric.direction, metric.unit) == ((-1.0, 1.0), "up", "1")
    assert all(getattr(metrics, name) and metric.name == name and metric.source for name, metric in METRICS.items())


def test_images_must_match() -> None:
    with pytest.raises(ValueError, match="concepts have 3 images, activations have 4"):
        inspect.unwrap(pearson_matrix)(torch.zeros(3, 1), torch.zeros(4, 1))
