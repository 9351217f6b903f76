"""Where units are active, as Network Dissection defines it (Bau et al. 2017, section 2.3).

A unit's map is upsampled bilinearly to the size of the annotations, and the unit is active where it is above the
unit's threshold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from neuronym.functional import _upsampling
from neuronym.records import Grid, packed


def masks_above(
    maps: Float[Tensor, "images units height width"] | Float[Tensor, "images units"],
    thresholds: npt.NDArray[np.float64],
    grid: Grid,
) -> npt.NDArray[np.uint64]:
    """Where each unit's map, upsampled bilinearly to the grid, is strictly above its threshold.

    Centres of cells and of the map's values are at half pixels, values at the edges go on beyond them, and nothing is
    smoothed where the grid is coarser than the map: torch's ``interpolate(mode="bilinear", align_corners=False)``. The
    arithmetic is in float64, and a cell among values not above the threshold is never above it by rounding. A unit
    without a map is active everywhere or nowhere.

    The maps may lie contiguously or channels last. Those on another device are moved to the CPU. NaN is not above
    anything, nor is what lies between it or infinity and other values: whoever reads the maps checks them.

    Args:
        maps: activations; other types than float32 are rounded to it.
        thresholds: float64 [units], in the units of the activation.
        grid: rows and columns of the cells, at least one each.

    Returns:
        Packed masks, uint64 [images, units, words]; see :mod:`neuronym.records.masks`.

    Raises:
        ValueError: another number of thresholds than units, a map without positions, or a grid without cells.
    """
    if thresholds.shape != maps.shape[1:2]:
        raise ValueError(f"thresholds {thresholds.shape} for maps {tuple(maps.shape)}: one is needed for each unit")
    if min(grid) < 1 or 0 in maps.shape[2:]:
        raise ValueError(f"maps {tuple(maps.shape)} on a grid of {grid[0]}x{grid[1]} cells: neither may be empty")
    values = maps.detach().cpu().float()
    levels = np.ascontiguousarray(thresholds, np.float64)
    full = packed(np.ones(grid, np.bool_))
    if values.ndim == 2:
        return (values.numpy() > levels)[..., None] * full
    return _upsampling.draw(values, levels, grid, full)
