"""The function g that turns one image's activation map into one number."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from neuronym.functional._checks import at_home
from neuronym.records import Summary


def summarise(
    activations: Float[Tensor, "images units height width"] | Float[Tensor, "images units"], summary: Summary
) -> Float32[Tensor, "images units"]:
    """One number per image and unit: the ``mean``, ``max``, ``abs-mean`` or ``q99`` over the positions of the map.

    ``mean`` and ``abs-mean`` are summed in float64. ``q99`` is the 0.99 quantile, linear between the two nearest of the
    sorted values. Where a unit gives one number per image, that number is its own summary (its magnitude for
    ``abs-mean``).

    Raises:
        ValueError: an unknown summary.
    """
    maps = at_home(activations)
    maps = maps.flatten(2) if maps.ndim == 4 else maps.unsqueeze(2)
    if summary == "mean":
        return maps.mean(2, dtype=torch.float64).float()
    if summary == "abs-mean":
        return maps.abs().mean(2, dtype=torch.float64).float()
    if summary == "max":
        return maps.amax(2).float()
    if summary == "q99":
        return _upper_quantile(maps, 0.99)
    raise ValueError(f"summary {summary!r} is none of 'mean', 'max', 'abs-mean', 'q99'")


def _upper_quantile(maps: Float[Tensor, "images units positions"], q: float) -> Float32[Tensor, "images units"]:
    """Only the few values above the quantile are sorted; torch.quantile sorts all and refuses large inputs."""
    place = q * (maps.shape[2] - 1)
    below = math.floor(place)
    top = maps.topk(maps.shape[2] - below, 2).values.double()
    if below == maps.shape[2] - 1:
        return top[:, :, -1].float()
    return torch.lerp(top[:, :, -1], top[:, :, -2], place - below).float()
