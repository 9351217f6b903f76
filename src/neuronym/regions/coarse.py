"""Trying a few places of the occluder first, and only then those about the places that mattered."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

MATTERS = 0.25
"""A place matters to a unit that its occlusion moves by this share of the most that any place moved it."""


def first_places(shape: tuple[int, int], step: int) -> tuple[Int[Tensor, " rows"], Int[Tensor, " columns"]]:
    """The rows and columns of a grid of places that are tried first: every ``step``-th, and the last."""
    rows, columns = (
        torch.unique(torch.cat([torch.arange(0, count, step), torch.tensor([count - 1])])) for count in shape
    )
    return rows, columns


def coarse_to_fine(
    shape: tuple[int, int], step: int, ask: Callable[[Int[Tensor, " places"]], Float32[Tensor, "units places"]]
) -> Float32[Tensor, "units positions"]:
    """Discrepancies at all places of a grid, most of them interpolated.

    Every ``step``-th place in each direction is asked for. Closer than a step to those that matter to some unit all
    others are asked for as well; the others are interpolated bilinearly between the first ones.

    Args:
        shape: rows and columns of the grid of places.
        step: 2 or more.
        ask: the discrepancies at some places, numbered row by row.
    """
    rows, columns = first_places(shape, step)
    places = (rows[:, None] * shape[1] + columns).flatten()
    known = ask(places)
    found = _interpolated(known.reshape(len(known), len(rows), len(columns)), rows, columns, shape)
    found[:, places] = known
    near = _near((known >= MATTERS * known.amax(1, keepdim=True).clamp(min=1e-30)).any(0), rows, columns, shape, step)
    near[places] = False
    more = near.nonzero().flatten()
    if len(more):
        found[:, more] = ask(more)
    return found


def _interpolated(
    known: Float[Tensor, "units rows columns"],
    rows: Int[Tensor, " rows"],
    columns: Int[Tensor, " columns"],
    shape: tuple[int, int],
) -> Float32[Tensor, "units positions"]:
    """Bilinear between the known places, which need not be evenly spaced."""
    down, across = (_weights(known_at, count) for known_at, count in zip((rows, columns), shape, strict=True))
    return (down @ known.float() @ across.T).flatten(1)


def _weights(known_at: Int[Tensor, " known"], count: int) -> Float32[Tensor, "count known"]:
    """How much of each known place is in each place: two neighbours, or one."""
    places = torch.arange(count)
    after = torch.searchsorted(known_at, places).clamp(min=1, max=max(1, len(known_at) - 1))
    found = torch.zeros(count, len(known_at))
    if len(known_at) == 1:
        return found + 1
    low, high = known_at[after - 1], known_at[after]
    share = (places - low) / (high - low)
    found[places, after - 1] = 1 - share
    found[places, after] = share
    return found


def _near(
    matters: Bool[Tensor, " places"],
    rows: Int[Tensor, " rows"],
    columns: Int[Tensor, " columns"],
    shape: tuple[int, int],
    step: int,
) -> Bool[Tensor, " positions"]:
    """All places closer than a step to a first place that matters, by the larger of the two distances."""
    close_rows = (torch.arange(shape[0])[:, None] - rows).abs() < step
    close_columns = (torch.arange(shape[1])[:, None] - columns).abs() < step
    kept = matters.reshape(len(rows), len(columns)).float()
    near: Tensor = close_rows.float() @ kept @ close_columns.float().T > 0
    return near.flatten()
