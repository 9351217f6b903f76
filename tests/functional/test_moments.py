from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import NonFiniteError
from neuronym.functional.moments import Moments


def check(state: Moments, values: np.ndarray) -> None:
    """Against numpy's two passes; ``values`` [units, all]."""
    wide = values.astype(np.float64)
    scale = np.abs(wide).max() + 1e-30
    assert state.count == values.shape[1]
    np.testing.assert_allclose(state.mean.numpy(), wide.mean(1), rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(state.variance.numpy(), wide.var(1), rtol=1e-9, atol=1e-12 * scale**2)
    np.testing.assert_array_equal(state.min.numpy(), values.min(1))
    np.testing.assert_array_equal(state.max.numpy(), values.max(1))
    np.testing.assert_array_equal(state.nonzero.numpy(), (values != 0).sum(1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 9), st.sampled_from([0.0, 1e4, -3.0]))
def test_any_batches_and_merges_give_the_plain_moments(seed: int, images: int, batch: int, offset: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(images, 3, 2, 5, generator=generator) + offset
    values[:, 1].relu_()
    plain = values.transpose(0, 1).flatten(1).numpy()
    whole, first, second = Moments(3), Moments(3), Moments(3)
    for number, part in enumerate(values.split(batch)):
        whole.update(part)
        (first, second)[number % 2].update(part.contiguous(memory_format=torch.channels_last))
    check(whole, plain)
    check(first.merge(second), plain)
    check(second.merge(first), plain)
    assert torch.equal(first.merge(second).mean, second.merge(first).mean)
    assert torch.equal(first.merge(second).m2, second.merge(first).m2)
    in_torch = Moments(3)
    for part in values.split(batch):
        in_torch.add_torch(part.flatten(2))
    check(in_torch, plain)
    one = Moments(3)
    one.update(values)
    assert torch.equal(one.mean, whole.mean)
    assert torch.equal(one.m2, whole.m2)


def test_large_offset_with_tiny_noise_keeps_its_variance() -> None:
    noise = torch.randint(0, 2, (200, 1, 3, 3)) * 2.0**-7
    state = Moments(1)
    state.update(noise + 2.0**16)
    assert float(state.variance) == pytest.approx(float(noise.double().var(correction=0)), rel=1e-9)


def test_dead_and_constant() -> None:
    values = torch.tensor([[0.0, 2.0, 0.0, -1.0, -0.0], [0.0, 2.0, 1.0, 0.0, 0.0]])
    state = Moments(5)
    assert not state.dead().any()
    assert state.variance.isnan().all()
    state.update(values)
    assert state.dead().tolist() == [True, False, False, False, True]
    assert state.constant().tolist() == [True, True, False, False, True]
    assert (state.m2[:2] == 0).all()


def test_state_survives_being_stored() -> None:
    state = Moments(2)
    state.update(torch.randn(4, 2, 3, 3))
    again = Moments.from_state(state.state_dict())
    for name, array in state.state_dict().items():
        np.testing.assert_array_equal(array, again.state_dict()[name])
    more = torch.randn(3, 2, 3, 3)
    state.update(more)
    again.update(more)
    assert torch.equal(state.m2, again.m2)


def test_what_cannot_be_done() -> None:
    with pytest.raises(ValueError, match="moments of 2 units cannot be merged with those of 3"):
        Moments(2).merge(Moments(3))
    with pytest.raises(ValueError, match=r"activations \(4, 2\) do not have the 3 units"):
        Moments(3).update(torch.zeros(4, 2))
    with pytest.raises(NonFiniteError, match="The activations contain NaN or infinite values"):
        Moments(1).update(torch.tensor([[torch.inf]]))
