from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.topk import TopK


def stream(images: int, units: int, size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values with many ties, indices with gaps, and maps."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(-3, 4, (images, units), generator=generator) / 2.0
    indices = torch.randperm(5 * images, generator=generator)[:images]
    return values, indices, torch.randn(images, units, *size, generator=generator)


def plain(values: Tensor, indices: Tensor, maps: Tensor, k: int) -> tuple[list, list, list]:
    out: tuple[list, list, list] = ([], [], [])
    for u in range(values.shape[1]):
        rows = sorted(range(len(values)), key=lambda i: (-float(values[i, u]), int(indices[i])))[:k]
        out[0].append([float(values[i, u]) for i in rows])
        out[1].append([int(indices[i]) for i in rows])
        out[2].append([maps[i, u].tolist() for i in rows])
    return out


def in_torch(state: TopK) -> TopK:
    """The same state, updated by the code for other devices."""
    state._take = state._take_torch  # type: ignore[method-assign]
    return state


def content(state: TopK) -> tuple[list, list, list]:
    values, indices, maps = state.finish()
    assert maps is not None
    return values.tolist(), indices.tolist(), maps.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 8), st.integers(1, 7), st.booleans())
def test_any_order_batches_and_merges_give_the_plain_answer(
    seed: int, images: int, k: int, batch: int, channels_last: bool
) -> None:
    values, indices, maps = stream(images, 3, (2, 3), seed)
    expected = plain(values, indices, maps, k)
    order = torch.randperm(images, generator=torch.Generator().manual_seed(seed + 1))
    parts = [TopK(3, k, (2, 3)), in_torch(TopK(3, k, (2, 3))), TopK(3, k, (2, 3))]
    for number, rows in enumerate(order.split(batch)):
        part = maps[rows]
        if channels_last:
            part = part.contiguous(memory_format=torch.channels_last)
        parts[number % 3].update(values[rows], indices[rows], part)
    first, second, third = parts
    assert content(first.merge(second).merge(third)) == expected
    assert content(third.merge(second.merge(first))) == expected
    whole, kernel = in_torch(TopK(3, k, (2, 3))), TopK(3, k, (2, 3))
    for rows in order.split(batch):
        whole.update(values[rows], indices[rows], maps[rows])
        kernel.update(values[rows], indices[rows], maps[rows])
    assert content(whole) == content(kernel) == expected
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(array, kernel.state_dict()[name])


def test_state_survives_being_stored_and_goes_on() -> None:
    values, indices, maps = stream(20, 3, (1, 2), 0)
    for kept_maps in (maps, None):
        size = None if kept_maps is None else (1, 2)
        state = TopK(3, 4, size)
        state.update(values[:3], indices[:3], None if kept_maps is None else maps[:3])
        state = TopK.from_state(state.state_dict())
        assert state.seen == 3
        assert state.finish()[0].shape == (3, 3)
        state.update(values[3:], indices[3:], None if kept_maps is None else maps[3:])
        expected = plain(values, indices, maps, 4)
        got = state.finish()
        assert (got[0].tolist(), got[1].tolist()) == expected[:2]
        assert (got[2] is None) if kept_maps is None else (got[2].tolist() == expected[2])


def test_nothing_seen_and_an_empty_batch() -> None:
    state = TopK(2, 3, (1, 1))
    state.update(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2, 1, 1))
    assert state.finish()[0].shape == (2, 0)
    merged = in_torch(state).merge(TopK(2, 3, (1, 1)))
    assert merged.seen == 0


def test_what_cannot_be_taken() -> None:
    state = TopK(2, 3)
    raw = inspect.unwrap(TopK.update)
    index = torch.arange(1)
    with pytest.raises(ValueError, match=r"values \(1, 3\), indices \(1,\) and maps None do not fit 2 units"):
        raw(state, torch.zeros(1, 3), index, None)
    with pytest.raises(ValueError, match=r"maps \(1, 2, 1, 1\) do not fit 2 units with maps None"):
        raw(state, torch.zeros(1, 2), index, torch.zeros(1, 2, 1, 1))
    with pytest.raises(ValueError, match="units 0 and k 3 must be at least 1"):
        TopK(0, 3)
    with pytest.raises(ValueError, match="k = 3, maps None cannot be merged with one of 2 units, k = 4"):
        state.merge(TopK(2, 4))
    for made in (TopK(2, 3), in_torch(TopK(2, 3))):
        for value in (torch.nan, torch.inf, -torch.inf):
            with pytest.raises(NonFiniteError, match=r"The values contain NaN or infinite ones\."):
                made.update(torch.tensor([[0.0, value]]), index)
