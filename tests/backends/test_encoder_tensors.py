"""Normalised rows and the fingerprints that keys are made of."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuronym.backends.tensors import settings_hash, unit_rows
from neuronym.errors import UserError

numbers = st.floats(-100, 100, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)
rows = st.lists(st.tuples(numbers, numbers, numbers).filter(any), max_size=5)


@given(rows)
def test_unit_rows_by_plain_loops(values: list[tuple[float, float, float]]) -> None:
    got = unit_rows(torch.tensor(values, dtype=torch.float64).reshape(-1, 3), "test")
    assert got.dtype == np.float32
    assert got.shape == (len(values), 3)
    for row, value in zip(got, values, strict=True):
        length = math.sqrt(sum(x * x for x in value))
        np.testing.assert_allclose(row, [x / length for x in value], atol=1e-6)


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_rows_without_direction(bad: float) -> None:
    with pytest.raises(UserError, match=r"The encoder hf:x gave embeddings that are zero, NaN or infinite\."):
        unit_rows(torch.tensor([[1.0, 2.0], [bad, bad]]), "hf:x")


def test_settings_hash_is_of_what_a_model_does_not_where_it_came_from() -> None:
    settings = {"size": {"height": 3}, "mean": (0.5, 1), "inner": {"_name_or_path": "a"}, "dtype": "float16"}
    moved = OrderedDict(inner={"_name_or_path": "b"}, mean=[0.5, 1], size={"height": 3}, transformers_version="9")
    assert settings_hash(settings) == settings_hash(moved)
    assert settings_hash(settings) != settings_hash({**settings, "mean": (0.5, 2)})
    assert settings_hash({1: torch.float32}) == settings_hash({"1": "torch.float32"})
