"""Covering parts of images to see what a unit responds to: how it is done, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from neuronym.records.masks import Grid
from neuronym.records.values import Json, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Fill: TypeAlias = Literal["mean", "noise", "blur"]
"""What stands where an image is covered: the data set's mean, seeded noise about it, or the image itself, blurred."""

Masking: TypeAlias = Literal["half", "otsu", "soft", "box"]
"""How a receptive field becomes a mask: at or above half of its maximum, above Otsu's threshold, by degrees, or the
smallest box about what is at or above half."""

FILLS: tuple[Fill, ...] = get_args(Fill)
MASKINGS: tuple[Masking, ...] = get_args(Masking)


@dataclass(frozen=True, slots=True)
class OcclusionRule:
    """How images are covered, and what of a unit is watched meanwhile. All sizes are pixels of the network's input.

    Attributes:
        size: side of the square occluder, in whole pixels or, below 1, as a share of the input's shorter side; None for
            max(5, round(11 side / 224)).
        stride: distance of neighbouring places, likewise; None for 3 where the shorter side is 48 or more, and 2 below.
        fill: what stands where the image is covered.
        summary: what of a unit's map is watched.
        seed: of ``noise``.
        coarse: 1 to watch the units at every place. With c only every c-th place in each direction is tried at first,
            then those about the places that mattered to some unit; what lies between is interpolated, and approximate.
        masking: what of the receptive field belongs to the unit's patch.
        corrected: whether the field is corrected for how often each pixel was covered.
    """

    size: float | None = None
    stride: float | None = None
    fill: Fill = "mean"
    summary: Summary = "max"
    seed: int = 0
    coarse: int = 1
    masking: Masking = "half"
    corrected: bool = False

    def __post_init__(self) -> None:
        if self.fill not in FILLS or self.masking not in MASKINGS:
            raise ValueError(f"an occlusion with the fill {self.fill!r} and the masking {self.masking!r}")
        if not all(value is None or is_extent(value) for value in (self.size, self.stride)) or self.coarse < 1:
            raise ValueError(f"an occlusion of size {self.size}, stride {self.stride} and coarse {self.coarse}")

    def resolved(self, input_size: Grid) -> tuple[int, int]:
        """Side and stride for an input of (height, width); the side may be larger than the input."""
        side = min(input_size)
        size = max(5, round(11 * side / 224)) if self.size is None else _pixels(self.size, side)
        return size, (3 if side >= 48 else 2) if self.stride is None else _pixels(self.stride, side)

    @property
    def exact(self) -> bool:
        """Whether the units are watched at every place."""
        return self.coarse == 1

    @property
    def name(self) -> str:
        """Short, fit for a folder, and different for rules under which units answer differently, however masked."""
        parts = [
            "auto" if self.size is None else f"size{self.size:.15g}",
            "" if self.stride is None else f"step{self.stride:.15g}",
            f"noise{self.seed}" if self.fill == "noise" else self.fill,
            self.summary,
            "" if self.exact else f"coarse{self.coarse}",
        ]
        return "-".join(part for part in parts if part)

    def spec(self) -> dict[str, Json]:
        """Its parts as plain JSON values, as manifests have them; :meth:`from_spec` reads them."""
        return asdict(self)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> OcclusionRule:
        """The rule that :meth:`spec` wrote."""
        return cls(**spec)


def is_extent(value: float) -> bool:
    """Whether a number is a number of pixels, which is whole, or a share of a side, which is above 0 and below 1."""
    return 0 < value < 1 or (value >= 1 and float(value).is_integer())


def _pixels(extent: float, side: int) -> int:
    return max(1, round(extent * side)) if extent < 1 else int(extent)


@dataclass(frozen=True, eq=False)
class Occluded:
    """How one unit answered when parts of one image were covered, one after another.

    Attributes:
        discrepancy: by how much its answer differed from that to the whole image, float32 [positions], 0 or more.
        windows: what was covered, x0, y0, x1, y1 in pixels of the network's input, int64 [positions, 4].
        field: the receptive field synthesised from these, float32 [height, width] of the input, 0 to 1.
        mask: how much of each pixel belongs to the unit's patch, float32 [height, width], 0 to 1; all 0 where nothing
            that was covered changed its answer.
    """

    discrepancy: npt.NDArray[np.float32]
    windows: npt.NDArray[np.int64]
    field: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]
