"""Coarse to fine: exact where it asks, bilinear between, against loops over places."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.regions.coarse import MATTERS, coarse_to_fine, first_places

shapes = st.tuples(st.integers(1, 9), st.integers(1, 11))
steps = st.integers(2, 4)


def first(count: int, step: int) -> list[int]:
    return sorted({*range(0, count, step), count - 1})


def between(table: dict[tuple[int, int], float], rows: list[int], columns: list[int], at: tuple[int, int]) -> float:
    """One place, bilinear between the four known ones about it."""

    def around(known: list[int], place: int) -> tuple[int, int, float]:
        low, high = max(k for k in known if k <= place), min(k for k in known if k >= place)
        return low, high, (place - low) / (high - low) if high > low else 0.0

    (top, bottom, down), (left, right, across) = around(rows, at[0]), around(columns, at[1])
    upper, lower = (table[row, left] * (1 - across) + table[row, right] * across for row in (top, bottom))
    return upper * (1 - down) + lower * down


@settings(max_examples=60, deadline=None)
@given(shapes, steps, st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.5]))
def test_it_is_exact_where_it_asks_and_bilinear_between(
    shape: tuple[int, int], step: int, seed: int, share: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(3, *shape, generator=generator) * (torch.rand(3, *shape, generator=generator) < share)
    calls: list[list[int]] = []

    def ask(places: Tensor) -> Tensor:
        calls.append(places.tolist())
        return truth.flatten(1)[:, places]

    found = coarse_to_fine(shape, step, ask).unflatten(1, shape)
    rows, columns = first(shape[0], step), first(shape[1], step)
    assert [part.tolist() for part in first_places(shape, step)] == [rows, columns]
    early = {(row, column) for row in rows for column in columns}
    assert calls[0] == sorted(row * shape[1] + column for row, column in early)
    mattering = {
        place
        for place in early
        for unit in truth
        if (most := max(float(unit[one]) for one in early)) > 0 and unit[place] >= MATTERS * most
    }
    near = {
        (row, column)
        for row in range(shape[0])
        for column in range(shape[1])
        if any(max(abs(row - y), abs(column - x)) < step for y, x in mattering)
    }
    later = sorted(row * shape[1] + column for row, column in near - early)
    assert calls[1:] == ([later] if later else [])
    for unit, values in enumerate(truth):
        table = {place: float(values[place]) for place in early}
        for row in range(shape[0]):
            for column in range(shape[1]):
                asked = (row, column) in near | early
                expected = float(values[row, column]) if asked else between(table, rows, columns, (row, column))
                assert float(found[unit, row, column]) == pytest.approx(expected, abs=1e-6)


def test_the_larger_the_step_the_fewer_places_are_asked_for() -> None:
    asked: list[int] = []

    def ask(places: Tensor) -> Tensor:
        asked.append(len(places))
        return (places == 0).float()[None]  # only the first corner matters

    found = coarse_to_fine((20, 20), 4, ask)
    assert asked == [6 * 6, 4 * 4 - 1]
    assert found[0, 0] == 1
    assert found.sum() == 1
