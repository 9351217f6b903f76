"""Correlations and cosine against SciPy and plain sums."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import agreement, cosine, pearson, pearson_matrix, spearman

ALL = [pearson, spearman, cosine]

# Few distinct values, so that ties are common.
values = st.sampled_from([-3.0, -1.0, -0.0, 0.0, 0.25, 1.0, 2.0, 7.5])
columns = st.lists(st.tuples(values, values), min_size=1, max_size=30)


def sides(drawn: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    x, y = zip(*drawn, strict=True)
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def varied(x: Tensor) -> bool:
    return bool(x.min() < x.max())


@settings(max_examples=150, deadline=None)
@given(columns)
def test_spearman_is_scipys(drawn: list[tuple[float, float]]) -> None:
    x, y = sides(drawn)
    expected = scipy.stats.spearmanr(x, y).statistic if varied(x) and varied(y) else 0
    assert float(spearman(x, y)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(columns)
def test_pearson_is_scipys(drawn: list[tuple[float, float]]) -> None:
    x, y = sides(drawn)
    expected = scipy.stats.pearsonr(x, y).statistic if varied(x) and varied(y) else 0
    assert float(pearson(x, y)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(columns)
def test_cosine_is_the_plain_sum(drawn: list[tuple[float, float]]) -> None:
    x, y = sides(drawn)
    norms = math.hypot(*x.tolist()) * math.hypot(*y.tolist())
    expected = math.fsum(a * b for a, b in drawn) / norms if norms else 0
    assert float(cosine(x, y)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
@settings(max_examples=60, deadline=None)
@given(drawn=columns, seed=st.integers(0, 99))
def test_order_sides_and_scale_do_not_matter(
    metric: Callable[[Tensor, Tensor], Tensor], drawn: list[tuple[float, float]], seed: int
) -> None:
    x, y = sides(drawn)
    own = float(metric(x, y))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    assert -1 <= own <= 1
    assert float(metric(x[order], y[order])) == pytest.approx(own, abs=1e-12)
    assert float(metric(y, x)) == pytest.approx(own, abs=1e-12)
    assert float(metric(x * 1e200, y * 1e-200)) == pytest.approx(own, abs=1e-12)


wild = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("metric", ALL)
@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(st.tuples(wild, wild), min_size=1, max_size=6))
def test_any_finite_values_give_a_value_in_range(
    metric: Callable[[Tensor, Tensor], Tensor], drawn: list[tuple[float, float]]
) -> None:
    assert -1 <= float(metric(*sides(drawn))) <= 1


@pytest.mark.parametrize("metric", ALL)
def test_useless_sides_score_zero(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    ramp, nothing = torch.arange(5.0), torch.zeros(5)
    assert float(metric(ramp, nothing)) == float(metric(nothing, ramp)) == float(metric(nothing, nothing)) == 0
    if metric is not cosine:
        assert float(metric(ramp, nothing + 0.1)) == float(metric(nothing + 0.1, ramp)) == 0


@pytest.mark.parametrize("metric", [*ALL, lambda c, a: pearson_matrix(c[:, None], a[:, None])[0, 0]])
def test_other_types_and_bad_input(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    concept, activations = torch.tensor([1, 0, 0, 1, 0]), torch.tensor([3, -1, 2, 2**53 - 1, 0])
    whole = metric(concept.double(), activations.double())
    assert whole.dtype == torch.float64
    assert torch.equal(metric(concept.bool(), activations), whole)
    assert torch.equal(metric(concept.half(), activations), whole)
    for bad in (torch.nan, torch.inf, -torch.inf):
        with pytest.raises(NonFiniteError, match=r"The activations contain NaN or infinite values\. Check"):
            metric(concept.double(), torch.tensor([0, 1, bad, 3, 4]))
        with pytest.raises(NonFiniteError, match=r"The concepts contain NaN or infinite values\. Check"):
            metric(torch.tensor([0, 1, bad, 3, 4]), activations)
    with pytest.raises(ValueError, match="there are no images"):
        metric(concept[:0], activations[:0])


@pytest.mark.parametrize("metric", ALL)
def test_images_are_as_many(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match="concepts have 3 images, activations have 4"):
        inspect.unwrap(metric)(torch.zeros(3), torch.zeros(4))


def test_matrix_is_numpys_and_comes_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    concepts, units = generator.random((40, 7)), generator.normal(size=(40, 4))
    units[:, 2] = 3
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.nan_to_num(np.corrcoef(units.T, concepts.T)[:4, 4:])
    for elements in (1 << 24, 100):
        monkeypatch.setattr(agreement, "_ELEMENTS", elements)
        got = pearson_matrix(torch.tensor(concepts), torch.tensor(units))
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-12)
    assert pearson_matrix(torch.tensor(concepts[:, :0]), torch.tensor(units)).shape == (4, 0)


def test_inputs_are_left_as_they_were_and_without_gradients() -> None:
    concept, activations = torch.rand(9, dtype=torch.float64, requires_grad=True), torch.rand(9, dtype=torch.float64)
    before = concept.detach().clone(), activations.clone()
    for metric in ALL:
        assert not metric(concept, activations).requires_grad
    assert torch.equal(concept, before[0])
    assert torch.equal(activations, before[1])
