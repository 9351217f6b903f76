from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional.summary import summarise

PLAIN = {
    "mean": np.mean,
    "max": np.max,
    "abs-mean": lambda v: np.mean(np.abs(v)),
    "q99": lambda v: np.quantile(v, 0.99),
}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 21), st.integers(1, 21), st.sampled_from(sorted(PLAIN)))
def test_summaries_are_the_plain_ones(seed: int, height: int, width: int, summary: str) -> None:
    maps = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(seed))
    for layout in (torch.contiguous_format, torch.channels_last):
        got = summarise(maps.contiguous(memory_format=layout), summary)
        assert got.dtype == torch.float32
        expected = [[PLAIN[summary](maps[i, u].double().numpy()) for u in range(3)] for i in range(2)]
        np.testing.assert_allclose(got.numpy(), np.array(expected), rtol=1e-6, atol=1e-7)


def test_one_number_per_image_is_its_own_summary() -> None:
    values = torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16)
    for summary in ("mean", "max", "q99"):
        assert summarise(values, summary).tolist() == [[1.5, -2.0]]
    assert summarise(values, "abs-mean").tolist() == [[1.5, 2.0]]


def test_unknown_summary() -> None:
    with pytest.raises((ValueError, TypeError), match="median"):
        summarise(torch.zeros(1, 1), "median")
