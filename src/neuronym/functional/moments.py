"""Mean, variance, range and number of non-zero values of each unit over all positions of all images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from neuronym.functional import _reading
from neuronym.functional._checks import finite, home


class Moments:
    """Running moments of each unit, in float64 (Chan, Golub and LeVeque 1979: sums of squares around a moving mean).

    Images are taken in one after the other, so batches do not matter. Their order, and ``merge``, which is commutative,
    change ``mean`` and ``m2`` by rounding only; the counts, ``min`` and ``max`` are exact.

    Attributes:
        count: values per unit so far.
        mean: float64 [units].
        m2: float64 [units], the sum of squared deviations from the mean.
        min: float32 [units]; infinity before the first update.
        max: float32 [units]; minus infinity before the first update.
        nonzero: int64 [units], how many values are not zero.
    """

    def __init__(self, units: int, device: torch.device | str = "cpu") -> None:
        self.device = home(torch.device(device))
        self.units, self.count = units, 0
        self.mean = torch.zeros(units, dtype=torch.float64, device=self.device)
        self.m2 = torch.zeros(units, dtype=torch.float64, device=self.device)
        self.min = torch.full((units,), torch.inf, device=self.device)
        self.max = torch.full((units,), -torch.inf, device=self.device)
        self.nonzero = torch.zeros(units, dtype=torch.int64, device=self.device)

    def update(self, x: Float[Tensor, "images units height width"] | Float[Tensor, "images units"]) -> None:
        """Take in all positions of some images.

        Raises:
            ValueError: another number of units.
            NonFiniteError: a value is NaN or infinite; the state is then spoilt and must be thrown away.
        """
        values = _reading.read(x, self.units, self.device)
        if self.device.type == "cpu":
            _reading.scan(values, moments=self.arrays())
            self.count += len(values) * values.shape[2]
        else:
            finite(values, "The activations")
            self.add_torch(values)

    def arrays(self) -> tuple[Any, ...]:
        """What the kernel needs, in its order; it changes all but the count in place."""
        parts = (self.mean, self.m2, self.min, self.max, self.nonzero)
        return (self.count, *(part.numpy() for part in parts))

    def add_torch(self, values: Float[Tensor, "images units positions"]) -> None:
        """As the kernel, for any device, all images at once."""
        if not values.numel():
            return
        other = Moments(self.units, self.device)
        wide = values.double()
        other.count = len(values) * values.shape[2]
        other.mean = wide.mean((0, 2))
        other.m2 = (wide - other.mean[:, None]).square().sum((0, 2))
        other.min, other.max = (values + 0.0).amin((0, 2)), (values + 0.0).amax((0, 2))
        other.nonzero = values.count_nonzero((0, 2))
        self.__dict__.update(self.merge(other).__dict__)

    @property
    def variance(self) -> Float64[Tensor, " units"]:
        """Mean squared deviation over all values; NaN before the first update."""
        return self.m2 / self.count if self.count else torch.full_like(self.m2, torch.nan)

    def dead(self) -> Bool[Tensor, " units"]:
        """Units that were exactly zero everywhere."""
        return (self.max == 0) & (self.min == 0)

    def constant(self) -> Bool[Tensor, " units"]:
        """Units that had one value everywhere; dead ones too."""
        return self.min == self.max

    def merge(self, other: Moments) -> Moments:
        """The state after the values of both; neither is changed.

        Raises:
            ValueError: another number of units.
        """
        if self.units != other.units:
            raise ValueError(f"moments of {self.units} units cannot be merged with those of {other.units}")
        merged = Moments(self.units, self.device)
        merged.count = self.count + other.count
        total = max(1, merged.count)
        mean, m2 = other.mean.to(self.device), other.m2.to(self.device)
        merged.mean = (self.mean * self.count + mean * other.count) / total
        apart = self.mean - mean
        merged.m2 = (self.m2 + m2) + apart.square() * (self.count * other.count / total)
        merged.min = torch.minimum(self.min, other.min.to(self.device))
        merged.max = torch.maximum(self.max, other.max.to(self.device))
        merged.nonzero = self.nonzero + other.nonzero.to(self.device)
        return merged

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The state as arrays."""
        parts = {"mean": self.mean, "m2": self.m2, "min": self.min, "max": self.max, "nonzero": self.nonzero}
        arrays = {name: part.cpu().numpy().copy() for name, part in parts.items()}
        return {"count": np.array(self.count), **arrays}

    @classmethod
    def from_state(cls, state: dict[str, npt.NDArray[Any]], device: torch.device | str = "cpu") -> Moments:
        """The inverse of :meth:`state_dict`."""
        made = cls(len(state["mean"]), device)
        made.count = int(state["count"])
        for name in ("mean", "m2", "min", "max", "nonzero"):
            setattr(made, name, torch.tensor(state[name], device=made.device))
        return made
