"""Between the states and the kernel that reads activations: shapes, devices and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional import _numba, _scan
from neuronym.functional._checks import at_home

_WORTH_THREADS = 1 << 15  # values below which starting other threads costs more than it saves


def read(x: Tensor, units: int, device: torch.device) -> Tensor:
    """Activations [images, units, ...] as float32 [images, units, positions] on ``device``, a view where possible."""
    if x.ndim not in (2, 4) or x.shape[1] != units:
        raise ValueError(f"activations {tuple(x.shape)} do not have the {units} units of this state")
    values = at_home(x).to(device).float()
    return values.flatten(2) if values.ndim == 4 else values.unsqueeze(2)


def bases(exponent: Tensor) -> tuple[Tensor, Tensor]:
    """The leading bits of the lowest octave, in steps of the positive and of the negative buckets."""
    biased = exponent + 127
    return biased << (23 - _scan.POSITIVE_SHIFT), biased << (23 - _scan.NEGATIVE_SHIFT)


def histogram_arrays(offset: Tensor, exponent: Tensor, cells: Tensor) -> tuple[Any, ...]:
    """What the kernel needs of a histogram."""
    positive, negative = bases(exponent)
    table = cells.numpy()
    return offset.numpy(), positive.numpy(), negative.numpy(), table.view(np.int64), table.view(np.float32)


def scan(
    values: Tensor, histogram: tuple[Any, ...] | None = None, moments: tuple[Any, ...] | None = None
) -> tuple[Tensor, Tensor]:
    """Run the kernel over [images, units, positions]; the mean and the maximum [images, units]."""
    images, units, positions = values.shape
    mean, highest = torch.empty(images, units), torch.empty(images, units)
    if not values.numel():
        if positions:
            return mean, highest
        raise ValueError("activations have no positions")
    if histogram is None:
        none = torch.zeros(0, dtype=torch.int32)
        histogram = histogram_arrays(torch.zeros(0), none, none.view(0, 1, 1).expand(0, 1, 4).contiguous())
    if moments is None:
        none_64, none_32 = np.zeros(0), np.zeros(0, np.float32)
        moments = (0, none_64, none_64, none_32, none_32, np.zeros(0, np.int64))
    # With channels last, units side by side share cache lines; otherwise a unit's histogram best stays in the cache.
    tile = 1 if values.stride(2) == 1 or positions == 1 else 16
    arrays = (values.numpy(), mean.numpy(), highest.numpy(), histogram, moments, tile)
    spoilt: list[int] = []

    def part(start: int, stop: int) -> None:
        if not _scan.scan(*arrays, start, stop):
            spoilt.append(start)

    # Few pieces, because between two of them a thread needs Python; twice as many as threads even out their speed.
    step = max(16, units // (2 * torch.get_num_threads()))
    _numba.run(part, _numba.ranges(units, step, 16) if values.numel() > _WORTH_THREADS else [(0, units)])
    if spoilt:
        raise NonFiniteError("The activations contain NaN or infinite values.")
    return mean, highest
