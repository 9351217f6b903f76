"""Everything that is kept of a layer's activations in one reading of them."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from neuronym.functional import _reading
from neuronym.functional._checks import finite, home
from neuronym.functional.moments import Moments
from neuronym.functional.quantiles import Quantiles


def scan(
    x: Float[Tensor, "images units height width"] | Float[Tensor, "images units"],
    quantiles: Quantiles | None = None,
    moments: Moments | None = None,
) -> tuple[Float32[Tensor, "images units"], Float32[Tensor, "images units"]]:
    """Update the states, where given, with all positions of ``x``, and return each map's mean and maximum.

    On the CPU the activations are read once, contiguous or channels last; the mean is summed in float64 in an order
    that depends on the number of positions only, so that it is the same in any batch. The states must live on one
    device, which the work happens on; without states it happens where ``x`` is.

    Raises:
        ValueError: states of another number of units or on different devices.
        NonFiniteError: a value is NaN or infinite; the states are then spoilt and must be thrown away.
    """
    homes = {state.device for state in (quantiles, moments) if state is not None}
    if len(homes) > 1:
        raise ValueError("The states to update live on different devices.")
    device = homes.pop() if homes else home(x.device)
    for state in (quantiles, moments):
        values = _reading.read(x, x.shape[1] if state is None else state.units, device)
    if device.type != "cpu":
        return _scan_torch(values, quantiles, moments)
    mean, highest = _reading.scan(
        values, None if quantiles is None else quantiles.arrays(), None if moments is None else moments.arrays()
    )
    if moments is not None:
        moments.count += len(values) * values.shape[2]
    return mean, highest


def _scan_torch(
    values: Float32[Tensor, "images units positions"], quantiles: Quantiles | None, moments: Moments | None
) -> tuple[Float32[Tensor, "images units"], Float32[Tensor, "images units"]]:
    """As the kernel, for any device."""
    finite(values, "The activations")
    if quantiles is not None:
        quantiles.add_torch(values)
    if moments is not None:
        moments.add_torch(values)
    return values.mean(2, dtype=torch.float64).float(), (values + 0.0).amax(2)
