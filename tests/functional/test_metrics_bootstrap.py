"""Resampling against correlations of the images that were drawn, one draw at a time."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import bootstrap, bootstrap_mean, bootstrap_pearson, interval, pearson


def drawn(images: int, draws: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(images, (images,), generator=generator) for _ in range(draws)]


def data(images: int, pairs: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rare concepts, so that some draws have none of them; large offsets, so that sums lose precision."""
    generator = torch.Generator().manual_seed(seed)
    concepts = (torch.rand(images, pairs, generator=generator) < 2 / images).double()
    return concepts, 1e6 + concepts + torch.randn(images, pairs, generator=generator)


@pytest.mark.parametrize("images", [1, 2, 3, 10, 60])
def test_draws_are_correlations_of_the_images_drawn(images: int) -> None:
    concepts, activations = data(images, 6)
    concepts[:, 1], activations[:, 2] = 0.3, -7
    activations[0, 3] = 1e15  # where it is not drawn, the rest looks constant beside it
    concepts[:, 4] = torch.arange(images)
    got = bootstrap_pearson(concepts, activations, draws=30, seed=4)
    expected = [[float(pearson(concepts[i, p], activations[i, p])) for p in range(6)] for i in drawn(images, 30, 4)]
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-6)
    assert images == 1 or bool((got[:, 0] == 0).any())
    assert bool((got[:, 1:3] == 0).all())


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    concepts, activations = data(20, 7)
    whole = bootstrap_pearson(concepts, activations, draws=25, seed=1)
    assert torch.equal(whole, bootstrap_pearson(concepts, activations, draws=25, seed=1))
    assert not torch.equal(whole, bootstrap_pearson(concepts, activations, draws=25, seed=2))
    monkeypatch.setattr(bootstrap, "_ELEMENTS", 60)
    torch.testing.assert_close(bootstrap_pearson(concepts, activations, draws=25, seed=1), whole, atol=1e-12, rtol=0)
    assert bootstrap_pearson(concepts[:, :0], activations[:, :0], draws=3).shape == (3, 0)
    assert bootstrap_pearson(concepts.bool(), activations.long(), draws=3).dtype == torch.float64


def test_the_interval_covers_the_truth_and_is_as_wide_as_theory_has_it() -> None:
    generator = torch.Generator().manual_seed(0)
    concepts = torch.randn(400, 50, generator=generator)
    activations = concepts + torch.randn(400, 50, generator=generator)
    low, high = interval(bootstrap_pearson(concepts, activations, draws=400))
    covered = float(((low < 0.5**0.5) & (high > 0.5**0.5)).double().mean())
    assert 0.8 <= covered <= 1
    own = [scipy.stats.pearsonr(concepts[:, p], activations[:, p]).confidence_interval(0.95) for p in range(50)]
    width = np.mean([bounds.high - bounds.low for bounds in own])
    assert float((high - low).mean()) == pytest.approx(width, rel=0.1)


def test_interval_is_numpys_quantile() -> None:
    draws = torch.randn(37, 5, generator=torch.Generator().manual_seed(0))
    for level in (0.95, 0.5, 0.999):
        low, high = interval(draws, level)
        np.testing.assert_allclose(low, np.quantile(draws.double(), (1 - level) / 2, axis=0))
        np.testing.assert_allclose(high, np.quantile(draws.double(), (1 + level) / 2, axis=0))
    low, high = interval(draws[:1])
    assert torch.equal(low, draws[0].double())
    assert torch.equal(high, draws[0].double())


def test_bootstrap_mean_is_the_plain_loop_and_scipys() -> None:
    values = torch.rand(30, generator=torch.Generator().manual_seed(0))
    mean, low, high = bootstrap_mean(values, draws=500, seed=3)
    means = [values.double()[i].mean() for i in drawn(30, 500, 3)]
    assert mean == pytest.approx(float(values.double().mean()))
    assert [low, high] == pytest.approx(np.quantile(means, [0.025, 0.975]).tolist())
    theirs = scipy.stats.bootstrap([values.double().numpy()], np.mean, method="percentile", n_resamples=4000, rng=0)
    assert [low, high] == pytest.approx([*theirs.confidence_interval], abs=0.015)
    wide = bootstrap_mean(values, level=0.99)
    assert wide[1] < low < mean < high < wide[2]


def test_one_unit_has_no_interval() -> None:
    assert bootstrap_mean(torch.tensor([0.25])) == (0.25, 0.25, 0.25)
    assert bootstrap_mean(torch.tensor([True])) == (1, 1, 1)


def test_bad_input_is_named() -> None:
    concepts, activations = data(5, 2)
    raw = inspect.unwrap(bootstrap_pearson)
    with pytest.raises(ValueError, match="draws is 0, and must be at least 1"):
        raw(concepts, activations, draws=0)
    with pytest.raises(ValueError, match="concepts have 2 pairs, activations have 1"):
        raw(concepts, activations[:, :1])
    with pytest.raises(ValueError, match="concepts have 5 images, activations have 4"):
        raw(concepts, activations[:4])
    with pytest.raises(ValueError, match="there are no images"):
        raw(concepts[:0], activations[:0])
    with pytest.raises(NonFiniteError, match="The activations contain NaN"):
        raw(concepts, activations / 0)
    with pytest.raises(ValueError, match="level is 1, and must be between 0 and 1"):
        interval(torch.zeros(3, 1), 1)
    with pytest.raises(ValueError, match="there are no draws"):
        interval(torch.zeros(0, 1))
    with pytest.raises(ValueError, match="there are no units"):
        bootstrap_mean(torch.zeros(0))
    with pytest.raises(ValueError, match="draws is 0, and must be at least 1"):
        bootstrap_mean(torch.zeros(2), draws=0)
    with pytest.raises(NonFiniteError, match="The values contain NaN"):
        bootstrap_mean(torch.tensor([0, torch.nan]))
