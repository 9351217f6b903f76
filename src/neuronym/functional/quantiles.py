"""Quantiles of each unit over all positions of all images, from a histogram of fixed size.

The buckets grow with the distance from an offset, as in DDSketch (Masson, Rim and Lee, PVLDB 2019), so that the tail is
resolved relative to its own height. Each bucket also keeps the lowest and the highest of its values: values that occur
often (zeros after a ReLU, the two values of a binary unit) are exact, and no answer leaves the bucket's own range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Float32, Float64, Int32, Int64
from torch import Tensor

from neuronym.functional import _reading, _scan
from neuronym.functional._checks import at_home, finite, home

_OCTAVES_BELOW = 9  # of the 24, so many lie below the typical distance from the offset


class Quantiles:
    """Histograms of the values of each unit, 27 KiB per unit whatever the number of images.

    Above the offset there are 64 buckets per octave, below it 8, over 24 octaves of distance from it; what is nearer
    or farther shares the end buckets. Counts, lowest and highest values are exact, so states do not depend on the order
    or the batches of the images, and ``merge`` is exact, associative and commutative.

    Args:
        offset: [units] where the buckets start, for example the unit's median.
        exponent: [units] the lowest octave above the offset begins at 2**exponent.
        device: where the state lives; the CPU where the device has no float64.
    """

    def __init__(
        self, offset: Float32[Tensor, " units"], exponent: Int32[Tensor, " units"], device: torch.device | str = "cpu"
    ) -> None:
        self.device = home(torch.device(device))
        self.offset = offset.detach().to(self.device, copy=True) + 0.0  # both zeros become the same
        # Octaves begin where float32 is normal and end before infinity.
        self.exponent = exponent.to(self.device).clamp(-126, 103)
        self.units = len(offset)
        # Per bucket 16 bytes side by side, for one visit to memory: the count, and the lowest and highest value.
        self._cells = torch.zeros(self.units, _scan.BUCKETS, 4, dtype=torch.int32, device=self.device)
        self._cells.view(torch.float32)[..., 2] = torch.inf
        self._cells.view(torch.float32)[..., 3] = -torch.inf

    @classmethod
    def calibrated(
        cls,
        activations: Float[Tensor, "images units height width"] | Float[Tensor, "images units"],
        device: torch.device | str | None = None,
    ) -> Quantiles:
        """An empty state whose offset is each unit's median here, and whose octaves lie around its typical distance.

        The typical distance is the median of those from the offset that are not zero; a unit that is constant here
        takes the median of the other units' distances. States merge only if they were calibrated on the same values.

        Raises:
            ValueError: no values.
            NonFiniteError: a value is NaN or infinite.
        """
        if not activations.numel():
            raise ValueError("Quantiles cannot be calibrated without values.")
        finite(activations, "The activations")
        values = at_home(activations).float()
        by_unit = values.transpose(0, 1).flatten(1)
        offset = by_unit.median(1).values
        distance = (by_unit - offset[:, None]).abs().masked_fill(by_unit == offset[:, None], torch.nan)
        typical = distance.nanmedian(1).values
        typical = torch.where(typical.isnan(), typical.nanmedian(), typical).nan_to_num(1.0, posinf=1.0)
        exponent = torch.frexp(typical).exponent - _OCTAVES_BELOW
        return cls(offset, exponent.int(), values.device if device is None else device)

    @property
    def counts(self) -> Int64[Tensor, "units buckets"]:
        """How many values fell into each bucket, from the lowest to the highest."""
        return self._cells.view(torch.int64)[..., 0]

    @property
    def lowest(self) -> Float32[Tensor, "units buckets"]:
        """The lowest value of each bucket; infinity where it is empty."""
        return self._cells.view(torch.float32)[..., 2]

    @property
    def highest(self) -> Float32[Tensor, "units buckets"]:
        """The highest value of each bucket; minus infinity where it is empty."""
        return self._cells.view(torch.float32)[..., 3]

    def update(self, x: Float[Tensor, "images units height width"] | Float[Tensor, "images units"]) -> None:
        """Take in all positions of some images.

        Raises:
            ValueError: another number of units.
            NonFiniteError: a value is NaN or infinite; the state is then spoilt and must be thrown away.
        """
        values = _reading.read(x, self.units, self.device)
        if self.device.type == "cpu":
            _reading.scan(values, self.arrays())
        else:
            finite(values, "The activations")
            self.add_torch(values)

    def arrays(self) -> tuple[Any, ...]:
        """What the kernel needs, in its order; it changes the buckets in place."""
        return _reading.histogram_arrays(self.offset, self.exponent, self._cells)

    def add_torch(self, x: Float32[Tensor, "images units positions"]) -> None:
        """As the kernel, for any device."""
        values = x.transpose(0, 1).flatten(1) + 0.0
        bits = (values - self.offset[:, None]).view(torch.int32)
        magnitude = bits & 0x7FFFFFFF
        positive, negative = _reading.bases(self.exponent)
        above = ((magnitude >> _scan.POSITIVE_SHIFT) - positive[:, None]).clamp(0, _scan.POSITIVE - 1)
        below = ((magnitude >> _scan.NEGATIVE_SHIFT) - negative[:, None]).clamp(0, _scan.NEGATIVE - 1)
        bucket = torch.where(bits >= 0, above + (_scan.NEGATIVE + 1), (_scan.NEGATIVE - 1) - below).long()
        bucket = bucket.masked_fill(magnitude == 0, _scan.ZERO)
        self.counts.scatter_add_(1, bucket, torch.ones_like(bucket))
        self.lowest.scatter_reduce_(1, bucket, values, "amin")
        self.highest.scatter_reduce_(1, bucket, values, "amax")

    def quantile(self, q: float | int) -> Float64[Tensor, " units"]:
        """The value at position q (N - 1) of the N sorted values of each unit, as near as the buckets tell.

        Within a bucket the values are taken as evenly spaced from its lowest to its highest. See :meth:`rank_error`.

        Raises:
            ValueError: q outside 0..1, or no values yet.
        """
        return self.table([q])[0][0]

    def rank_error(self, q: float | int) -> Float64[Tensor, " units"]:
        """How far, as a share of all N values, the position of :meth:`quantile`'s answer may be from q (N - 1).

        The position of a value between two neighbours of the sorted values is anything from the lower's to the
        higher's. A bucket of one value, or an end of a bucket, is exact: 0.
        """
        return self.table([q])[1][0]

    def table(self, levels: Sequence[float | int]) -> tuple[Float64[Tensor, "levels units"], ...]:
        """:meth:`quantile` and :meth:`rank_error` at several levels at once.

        Raises:
            ValueError: a level outside 0..1, or no values yet.
        """
        if not all(0 <= q <= 1 for q in levels):
            raise ValueError(f"the levels are {list(levels)}, and must be in 0..1")
        counts = self.counts.contiguous()
        ends = counts.cumsum(1)
        total = ends[:, -1:].double()
        if not bool((total > 0).all()):
            raise ValueError("There are no quantiles before the first update.")
        place = torch.tensor(levels, dtype=torch.float64, device=self.device) * (total - 1)
        whole = torch.cat([place.floor(), place.ceil()], 1)
        bucket = torch.searchsorted(ends, whole.long(), right=True)
        count = counts.gather(1, bucket).double()
        first = ends.gather(1, bucket).double() - count
        low, high = self.lowest.gather(1, bucket).double(), self.highest.gather(1, bucket).double()
        below, above = torch.lerp(low, high, (whole - first) / (count - 1).clamp_min(1)).chunk(2, 1)
        # An inner value lies above the lowest and below the highest, so the second and the last but one bound it.
        twice = torch.cat([place, place], 1)
        worst = torch.maximum(twice - first - 1, first + count - 2 - twice).clamp_min(0).masked_fill(low == high, 0)
        error = torch.maximum(*worst.chunk(2, 1)) / total
        return torch.lerp(below, above, place - place.floor()).T.contiguous(), error.T.contiguous()

    def merge(self, other: Quantiles) -> Quantiles:
        """The state after the values of both; neither is changed.

        Raises:
            ValueError: the states were calibrated differently.
        """
        offset, exponent = other.offset.to(self.device), other.exponent.to(self.device)
        if not (torch.equal(self.offset, offset) and torch.equal(self.exponent, exponent)):
            raise ValueError("Quantiles of different calibration cannot be merged: their offsets or octaves differ.")
        merged = Quantiles(self.offset, self.exponent, self.device)
        merged.counts.copy_(self.counts + other.counts.to(self.device))
        merged.lowest.copy_(torch.minimum(self.lowest, other.lowest.to(self.device)))
        merged.highest.copy_(torch.maximum(self.highest, other.highest.to(self.device)))
        return merged

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The state as arrays: of the buckets only those with values, unit by unit."""
        filled = self.counts > 0
        return {
            "offset": self.offset.cpu().numpy().copy(),
            "exponent": self.exponent.cpu().numpy().copy(),
            "filled": filled.sum(1).cpu().numpy(),
            "bucket": filled.nonzero()[:, 1].cpu().numpy().astype(np.int16),
            "count": self.counts[filled].cpu().numpy(),
            "lowest": self.lowest[filled].cpu().numpy(),
            "highest": self.highest[filled].cpu().numpy(),
        }

    @classmethod
    def from_state(cls, state: dict[str, npt.NDArray[Any]], device: torch.device | str = "cpu") -> Quantiles:
        """The inverse of :meth:`state_dict`."""
        made = cls(torch.tensor(state["offset"]), torch.tensor(state["exponent"]), device)
        units = torch.arange(made.units).repeat_interleave(torch.tensor(state["filled"])).to(made.device)
        at = (units, torch.tensor(state["bucket"].astype(np.int64), device=made.device))
        made.counts[at] = torch.tensor(state["count"], device=made.device)
        made.lowest[at] = torch.tensor(state["lowest"], device=made.device)
        made.highest[at] = torch.tensor(state["highest"], device=made.device)
        return made
