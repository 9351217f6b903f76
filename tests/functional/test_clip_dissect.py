"""The similarity functions against plain loops in double precision."""

from __future__ import annotations

import inspect
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import MethodError, NonFiniteError
from neuronym.functional import clip_dissect, pointwise

ALL = [
    clip_dissect.cosine,
    clip_dissect.cosine_cubed,
    clip_dissect.rank_reorder,
    lambda s, a: clip_dissect.wpmi(s, a, top_k=5),
    lambda s, a: clip_dissect.soft_wpmi(s, a, top_k=5),
]


def data(images: int = 60, concepts: int = 7, units: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    similarity = 0.2 + 0.05 * torch.randn(images, concepts, generator=generator)
    return similarity, torch.randn(images, units, generator=generator)


def softmax_rows(similarity: Tensor, temperature: float) -> list[list[float]]:
    rows = []
    for row in similarity.double().tolist():
        exps = [math.exp(temperature * (value - max(row))) for value in row]
        rows.append([e / sum(exps) for e in exps])
    return rows


def best(column: list[float], k: int) -> list[int]:
    return sorted(range(len(column)), key=lambda i: (-column[i], i))[:k]


def plain_likelihood(
    p: list[list[float]], tops: list[list[int]], weights: list[float], floor: float
) -> list[list[float]]:
    concepts = range(len(p[0]))
    return [
        [sum(math.log(1 + w * (p[i][c] - 1) + floor) for i, w in zip(top, weights, strict=True)) for c in concepts]
        for top in tops
    ]


def plain_information(likelihood: list[list[float]], lam: float) -> np.ndarray:
    table = np.array(likelihood)
    for c in range(table.shape[1]):
        largest = table[:, c].max()
        prior = largest + math.log(sum(math.exp(v - largest) for v in table[:, c]) / len(table))
        table[:, c] -= lam * prior
    return table


def tops_of(activations: Tensor, k: int) -> list[list[int]]:
    return [best(column, k) for column in activations.T.tolist()]


@pytest.mark.parametrize(("top_k", "lam", "temperature"), [(5, 1, 10), (40, 1, 10), (33, 0.5, 3)])
def test_soft_wpmi_is_the_plain_loop(top_k: int, lam: float, temperature: float) -> None:
    similarity, activations = data()
    weights = [0.998 - i / top_k * (0.998 - 0.97) for i in range(top_k)]
    likelihood = plain_likelihood(softmax_rows(similarity, temperature), tops_of(activations, top_k), weights, 1e-7)
    got = clip_dissect.soft_wpmi(similarity, activations, top_k=top_k, lam=lam, temperature=temperature)
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got.numpy(), plain_information(likelihood, lam), atol=2e-4)
    exact = clip_dissect.soft_wpmi(
        similarity.double(), activations.double(), top_k=top_k, lam=lam, temperature=temperature
    )
    np.testing.assert_allclose(exact.numpy(), plain_information(likelihood, lam), atol=1e-9)


def test_wpmi_is_the_plain_loop_with_the_papers_parameters() -> None:
    similarity, activations = data()
    likelihood = plain_likelihood(softmax_rows(similarity, 2), tops_of(activations, 28), [1.0] * 28, 1e-7)
    got = clip_dissect.wpmi(similarity, activations)
    np.testing.assert_allclose(got.numpy(), plain_information(likelihood, 0.6), atol=1e-4)


def test_weights_are_those_of_the_published_code() -> None:
    weights = clip_dissect.rank_weights(100)
    assert weights[0] == 0.998
    assert float(weights[99]) == pytest.approx(0.97 + 0.028 / 100)
    with pytest.raises(ValueError, match=r"p_end -0\.1 in 0\.\.1 needed"):
        clip_dissect.rank_weights(3, 0.9, -0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 70),
    st.sampled_from([0.0, 0.3, 0.998, 1.0]),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_kernel_torch_and_loop_agree_to_the_edges(seed: int, top_k: int, weight: float, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    p = torch.rand(80, 9, generator=generator, dtype=dtype) ** 8
    p[torch.rand(80, 9, generator=generator) < 0.4] = 0
    p[0] = 1
    top = torch.stack([torch.randperm(80, generator=generator)[:top_k] for _ in range(3)])
    weights = torch.full((top_k,), weight, dtype=torch.float64)
    got = pointwise.concept_log_likelihood(p, top, weights)
    expected = plain_likelihood(p.double().tolist(), top.tolist(), weights.tolist(), 1e-7)
    np.testing.assert_allclose(got.numpy(), np.array(expected), rtol=1e-9, atol=1e-9)
    in_torch = torch.zeros_like(got)
    ends = [0, *pointwise._groups(weights, 1e-7)]
    for start, stop in pairwise(ends):
        in_torch += pointwise._products_torch(p, top[:, start:stop], weights[start:stop], 1e-7).log()
    torch.testing.assert_close(got, in_torch, rtol=1e-9, atol=1e-9)


def test_more_concepts_than_a_block_and_more_images_than_a_window() -> None:
    generator = torch.Generator().manual_seed(1)
    p = torch.rand(700, 6001, generator=generator)
    top = torch.stack([torch.randperm(700, generator=generator)[:100] for _ in range(5)])
    weights = clip_dissect.rank_weights(100)
    expected = (1 + weights[:, None] * (p[top].double() - 1) + 1e-7).log().sum(1)
    torch.testing.assert_close(clip_dissect.concept_log_likelihood(p, top, weights), expected)


@pytest.mark.parametrize("concepts", [1, 15, 16, 17, 300])
@pytest.mark.parametrize("top_k", [1, 7, 8, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_number_of_concepts_and_images_fills_the_vectors(concepts: int, top_k: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(concepts + top_k)
    p = torch.rand(30, concepts, generator=generator, dtype=dtype)
    top = torch.stack([torch.randperm(30, generator=generator)[:top_k] for _ in range(3)])
    weights = clip_dissect.rank_weights(top_k)
    expected = (1 + weights[:, None] * (p[top].double() - 1) + 1e-7).log().sum(1)
    torch.testing.assert_close(clip_dissect.concept_log_likelihood(p, top, weights), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("floor", [1e-7, 1e-300, 1e-310, 5e-324])
def test_logarithms_are_right_to_the_last_bits(floor: float) -> None:
    """Of one image with weight 1 the likelihood is log(p + floor), p from 0 over the least doubles to 1."""
    p = torch.cat([torch.zeros(1), torch.logspace(-320, 0, 5000, dtype=torch.float64)])[None].double()
    got = clip_dissect.concept_log_likelihood(p, torch.tensor([[0]]), torch.ones(1, dtype=torch.float64), floor)
    np.testing.assert_allclose(got.numpy(), np.log(p.numpy() + floor), rtol=4e-16, atol=0)


def test_groups_never_underflow() -> None:
    ends = pointwise._groups(torch.ones(100, dtype=torch.float64), 1e-7)
    assert ends == [41, 82, 100]
    top = torch.arange(100)[None]
    got = pointwise.concept_log_likelihood(torch.zeros(100, 3), top, torch.ones(100, dtype=torch.float64))
    np.testing.assert_allclose(got.numpy(), 100 * math.log(1e-7))


def test_blocks_of_concepts_give_the_whole() -> None:
    similarity, activations = data(concepts=11)
    top = clip_dissect.top_images(activations, 20)
    weights = clip_dissect.rank_weights(20)
    normaliser = None
    for block in similarity.split(4, 1):
        normaliser = clip_dissect.log_normaliser(block, 10, normaliser)
    parts = []
    for block in similarity.split(4, 1):
        p = clip_dissect.probabilities(block, 10, normaliser)
        parts.append(clip_dissect.pointwise_information(clip_dissect.concept_log_likelihood(p, top, weights), 1))
    torch.testing.assert_close(
        torch.cat(parts, 1), clip_dissect.soft_wpmi(similarity, activations, top_k=20), atol=1e-4, rtol=0
    )


def test_temporary_tables_are_cut_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, activations = data(concepts=13, units=6)
    whole = [function(similarity, activations) for function in ALL]
    monkeypatch.setattr(clip_dissect, "_ELEMENTS", 128)
    monkeypatch.setattr(pointwise, "_ELEMENTS", 128)
    for function, expected in zip(ALL, whole, strict=True):
        torch.testing.assert_close(function(similarity, activations), expected, atol=1e-4, rtol=1e-5)


def test_one_unit_alone_scores_zero_and_has_a_prior_of_random_sets() -> None:
    similarity, activations = data(units=1)
    assert (clip_dissect.soft_wpmi(similarity, activations, top_k=20) == 0).all()
    p = clip_dissect.probabilities(similarity, 10, clip_dissect.log_normaliser(similarity, 10))
    weights = clip_dissect.rank_weights(20)
    prior = clip_dissect.random_set_prior(p, weights, sets=16, seed=3)
    sets = clip_dissect.random_sets(60, 20, 16, 3).tolist()
    assert all(len(set(chosen)) == 20 for chosen in sets)
    likelihood = np.array(plain_likelihood(p.double().tolist(), sets, weights.tolist(), 1e-7))
    largest = likelihood.max(0)
    np.testing.assert_allclose(prior.numpy(), largest + np.log(np.exp(likelihood - largest).mean(0)), atol=1e-9)
    halves = [clip_dissect.random_set_prior(part, weights, 16, 3) for part in p.split(3, 1)]
    torch.testing.assert_close(torch.cat(halves), prior)
    top = clip_dissect.top_images(activations, 20)
    scores = clip_dissect.pointwise_information(clip_dissect.concept_log_likelihood(p, top, weights), 1, prior)
    assert scores.unique().numel() == scores.numel()


def test_ties_at_the_cap_keep_their_order() -> None:
    """Scores crowd at log(units); float64 still tells them apart where float32 would not."""
    similarity, activations = data(images=200, concepts=40, units=8, seed=5)
    similarity = similarity * 8
    scores = clip_dissect.soft_wpmi(similarity, activations, top_k=100)
    assert (scores <= math.log(8) + 1e-9).all()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    shuffled = clip_dissect.soft_wpmi(similarity[:, order], activations, top_k=100)
    assert torch.equal(order[shuffled.argmax(1)], scores.argmax(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([-2.5, -0.0, 0.0, 1.0, 1e-30, 3e38]), min_size=3, max_size=30), st.integers(1, 3))
def test_top_images_with_ties(column: list[float], k: int) -> None:
    activations = torch.tensor(column)[:, None]
    expected = [best(activations[:, 0].tolist(), k)]
    assert clip_dissect.top_images(activations, k).tolist() == expected
    assert clip_dissect.top_images(activations.double(), k).tolist() == expected


def test_top_images_of_half_precision_and_no_units() -> None:
    activations = torch.tensor([[1.0], [3.0], [2.0]], dtype=torch.bfloat16)
    assert clip_dissect.top_images(activations, 2).tolist() == [[1, 2]]
    assert clip_dissect.top_images(torch.zeros(3, 0), 2).shape == (0, 2)


def plain_cosine(a: np.ndarray, b: np.ndarray, least: float) -> float:
    return float(a @ b / max(np.sqrt(a @ a), least) / max(np.sqrt(b @ b), least))


def test_cosines_are_the_plain_loops() -> None:
    similarity, activations = data()
    s, a = similarity.double().numpy(), activations.double().numpy()
    plain = [[plain_cosine(a[:, u], s[:, c], 1e-30) for c in range(7)] for u in range(4)]
    np.testing.assert_allclose(clip_dissect.cosine(similarity, activations).numpy(), plain, atol=1e-6)
    s, a = (s - s.mean(0)) ** 3, (a - a.mean(0)) ** 3
    plain = [[plain_cosine(a[:, u], s[:, c], 1e-3) for c in range(7)] for u in range(4)]
    np.testing.assert_allclose(clip_dissect.cosine_cubed(similarity, activations).numpy(), plain, atol=1e-6)


def test_cosines_of_nothing_are_zero_and_of_huge_values_finite() -> None:
    similarity, activations = data()
    activations[:, 0] = 0
    activations[:, 1] *= 1e30
    similarity[:, 0] = 0
    for function in (clip_dissect.cosine, clip_dissect.cosine_cubed):
        scores = function(similarity, activations)
        assert torch.isfinite(scores).all()
        assert (scores[0] == 0).all()
        assert (scores[:, 0] == 0).all()
        assert (scores.abs() <= 1).all()


def plain_rank_reorder(similarity: np.ndarray, column: list[float], count: int, shuffles: np.ndarray) -> list[float]:
    images = sorted(best(column, count))
    own = [column[i] for i in images]
    ascending = sorted(own)
    baseline = np.mean([[abs(ascending[i] - ascending[j]) ** 3 for i, j in enumerate(row)] for row in shuffles])
    scores = []
    for c in range(similarity.shape[1]):
        values = [similarity[i, c] for i in images]
        by_similarity = sorted(range(count), key=lambda i: values[i])
        handed = dict(zip(by_similarity, ascending, strict=True))
        error = np.mean([abs(handed[i] - own[i]) ** 3 for i in range(count)])
        scores.append(-error / baseline / max(float(np.mean(values)), 1e-6) ** 0.5)
    return scores


def test_rank_reorder_is_the_plain_loop() -> None:
    similarity, activations = data(images=300)
    shuffles = clip_dissect._shuffles(15, 5, 0).numpy()
    s = similarity.double().numpy()
    plain = [plain_rank_reorder(s, column, 15, shuffles) for column in activations.double().T.tolist()]
    np.testing.assert_allclose(clip_dissect.rank_reorder(similarity, activations).numpy(), plain, rtol=1e-6)


def test_rank_reorder_is_best_for_the_same_order() -> None:
    _, activations = data(images=200, units=3)
    similarity = torch.cat([activations.sigmoid(), 1 - activations.sigmoid()], 1)
    scores = clip_dissect.rank_reorder(similarity, activations)
    assert (scores.diagonal() == 0).all()
    assert scores.argmax(1).tolist() == [0, 1, 2]


def test_rank_reorder_has_no_nan() -> None:
    similarity, activations = data(images=40)
    activations[:, 0] = 3
    similarity[:, 0] = 0
    similarity[:, 1] *= -1
    scores = clip_dissect.rank_reorder(similarity, activations)
    assert torch.isfinite(scores).all()
    assert (scores[0] == 0).all()
    assert torch.isfinite(clip_dissect.rank_reorder(similarity[:2], activations[:2])).all()
    with pytest.raises(
        ValueError,
        match=r"top_fraction in 0\.\.1 and not 0, p above 0 and permutations of at least 1 needed, got top_fraction 0,",
    ):
        clip_dissect.rank_reorder(similarity, activations, top_fraction=0)


@pytest.mark.parametrize("function", ALL)
def test_bad_input_is_named(function: object) -> None:
    similarity, activations = data()
    raw = inspect.unwrap(function)  # below the shape checker, which says the same in its own words
    with pytest.raises((ValueError, TypeError)):
        raw(similarity[:-1], activations)
    similarity[3, 2] = torch.nan
    with pytest.raises(NonFiniteError, match=r"The similarities contain NaN or infinite values\. Check"):
        raw(similarity, activations)
    with pytest.raises(NonFiniteError, match=r"The activations contain NaN or infinite values\. Check"):
        raw(data()[0], activations / 0)


def test_too_few_images_and_wrong_shapes_say_what_to_do() -> None:
    similarity, activations = data()
    message = r"needs at least 100 images \(top_k\), but there are 60. Add images, or set the parameter top_k lower."
    with pytest.raises(MethodError, match=message):
        clip_dissect.soft_wpmi(similarity, activations)
    with pytest.raises(MethodError, match=r"needs at least 2 images \(top images\), but there are 1"):
        clip_dissect.rank_reorder(similarity[:1], activations[:1])
    with pytest.raises(ValueError, match="top_k is 0, and must be at least 1"):
        clip_dissect.wpmi(similarity, activations, top_k=0)
    with pytest.raises(ValueError, match="similarity has 59 images, activations have 60"):
        inspect.unwrap(clip_dissect.cosine)(similarity[:-1], activations)
    weights = clip_dissect.rank_weights(3)
    with pytest.raises(ValueError, match="positions 0 to 60 point outside the 60 images"):
        clip_dissect.concept_log_likelihood(similarity, torch.tensor([[0, 60, 1]]), weights)
    with pytest.raises(ValueError, match=r"weights in 0\.\.1 and a floor above 0 needed"):
        clip_dissect.concept_log_likelihood(similarity, torch.tensor([[0, 2, 1]]), weights, 0)


def test_inputs_are_left_as_they_were() -> None:
    similarity, activations = data()
    before = similarity.clone(), activations.clone()
    for function in ALL:
        function(similarity, activations)
    assert torch.equal(similarity, before[0])
    assert torch.equal(activations, before[1])


def test_a_unit_that_outdoes_all_others_scores_log_units_exactly() -> None:
    """Rounding must not order what ties: the likelihood decides between such concepts, if anything."""
    generator = torch.Generator().manual_seed(0)
    likelihood = -400 + 50 * torch.randn(128, 1000, generator=generator, dtype=torch.float64)
    likelihood[3] = -40 * torch.rand(1000, generator=generator, dtype=torch.float64) - 60
    scores = clip_dissect.pointwise_information(likelihood)[3]
    assert scores.unique().tolist() == [math.log(128)]
