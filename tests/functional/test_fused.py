from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import NonFiniteError
from neuronym.functional import fused
from neuronym.functional.moments import Moments
from neuronym.functional.quantiles import Quantiles
from neuronym.functional.summary import summarise

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 6),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(LAYOUTS),
)
def test_one_reading_equals_the_separate_ones(
    seed: int, images: int, units: int, height: int, width: int, layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images + 1, units, height, width, generator=generator).relu_() - 0.1
    states = Quantiles.calibrated(x[:1]), Moments(units)
    alone = Quantiles.calibrated(x[:1]), Moments(units)
    x = x[1:].contiguous(memory_format=layout)
    mean, highest = fused.scan(x, *states)
    assert torch.equal(highest, x.flatten(2).amax(2))
    torch.testing.assert_close(mean, summarise(x, "mean"), rtol=3e-7, atol=1e-7)
    for state, other in zip(states, alone, strict=True):
        other.update(x)
        for name, array in state.state_dict().items():
            np.testing.assert_array_equal(array, other.state_dict()[name])
    plain = fused.scan(x)
    assert torch.equal(plain[0], mean)
    assert torch.equal(plain[1], highest)


def test_the_mean_does_not_depend_on_the_batch() -> None:
    x = torch.randn(37, 8, 7, 7)
    whole = fused.scan(x)[0]
    assert torch.equal(whole, torch.cat([fused.scan(part)[0] for part in x.split(5)]))
    assert torch.equal(whole, fused.scan(x.contiguous(memory_format=torch.channels_last))[0])


def test_extremes_of_float32_are_exact() -> None:
    x = torch.tensor([[-1e30, 1e-30], [3.4e38, -3.4e38], [-0.0, -1e-45], [-2.0, -1.0]])
    mean, highest = fused.scan(x[None, :, None])
    assert highest.tolist() == [[*x.amax(1).tolist()]]
    np.testing.assert_allclose(mean[0].numpy(), x.double().mean(1).numpy(), rtol=1e-7, atol=1e-44)


def test_half_precision_and_flat_activations() -> None:
    x = torch.randn(9, 5).bfloat16()
    moments = Moments(5)
    mean, highest = fused.scan(x, moments=moments)
    assert torch.equal(mean, x.float())
    assert torch.equal(highest, x.float())
    assert moments.count == 9


def test_the_code_for_other_devices_says_the_same() -> None:
    x = torch.randn(6, 4, 3, 3).relu_()
    states = Quantiles.calibrated(x), Moments(4)
    others = Quantiles.calibrated(x), Moments(4)
    mean, highest = fused.scan(x, *states)
    torch_mean, torch_highest = fused._scan_torch(x.flatten(2), *others)
    torch.testing.assert_close(mean, torch_mean, rtol=3e-7, atol=1e-7)
    assert torch.equal(highest, torch_highest)
    for state, other in zip(states, others, strict=True):
        for name, array in state.state_dict().items():
            np.testing.assert_allclose(array, other.state_dict()[name], rtol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [torch.nan, -torch.nan, torch.inf, -torch.inf])
def test_non_finite_values_are_found_anywhere(value: float, layout: torch.memory_format) -> None:
    for place in [(0, 0, 0, 0), (2, 17, 3, 4), (1, 5, 2, 2)]:
        x = torch.randn(3, 18, 4, 5)
        x[place] = value
        with pytest.raises(NonFiniteError, match=r"The activations contain NaN or infinite values\."):
            fused.scan(x.contiguous(memory_format=layout))
        with pytest.raises(NonFiniteError):
            fused._scan_torch(x.flatten(2), None, None)


def test_what_cannot_be_scanned() -> None:
    with pytest.raises(ValueError, match=r"activations \(2, 3, 1, 1\) do not have the 4 units"):
        fused.scan(torch.zeros(2, 3, 1, 1), moments=Moments(4))
    with pytest.raises(ValueError, match="activations have no positions"):
        fused.scan(torch.zeros(2, 3, 0, 1))
