"""Occlusion: what of an image makes a unit respond, found by covering one part after another.

M. D. Zeiler and R. Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014; synthesised receptive
fields: B. Zhou, A. Khosla, A. Lapedriza, A. Oliva and A. Torralba: Object Detectors Emerge in Deep Scene CNNs, ICLR
2015; patches from them: C. Zhao, W. Qian, Y. Shi, M. Huai and N. Liu: Automated Natural Language Explanation of Deep
Visual Neurons with Large Models, section 3, "Image Patches Collection".

Boxes are x0, y0, x1, y1 in pixels, x to the right and y down, ``x1`` and ``y1`` exclusive.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32, Float64, Int
from torch import Tensor

from neuronym.functional.otsu import otsu_threshold
from neuronym.records import MASKINGS, Masking


def windows(image_size: tuple[int, int], size: int, stride: int) -> Int[Tensor, "positions 4"]:
    """The places of a square occluder on an image, row by row.

    They start in the top left corner; where the last one of a row or column would leave pixels uncovered, one more lies
    at the edge, so that every pixel is covered at least once.

    Args:
        image_size: (height, width).
        size: side of the occluder.
        stride: distance of neighbouring places.

    Raises:
        ValueError: the occluder is larger than the image, or a number is below 1.
    """
    height, width = image_size
    if size < 1 or stride < 1 or size > min(height, width):
        raise ValueError(f"an occluder of {size} px every {stride} px on an image of {height} x {width}")
    rows, columns = _starts(height, size, stride), _starts(width, size, stride)
    corners = torch.cartesian_prod(rows, columns)
    return torch.stack([corners[:, 1], corners[:, 0], corners[:, 1] + size, corners[:, 0] + size], 1)


def grid_shape(image_size: tuple[int, int], size: int, stride: int) -> tuple[int, int]:
    """In how many rows and columns the places of :func:`windows` lie."""
    return len(_starts(image_size[0], size, stride)), len(_starts(image_size[1], size, stride))


def _starts(side: int, size: int, stride: int) -> Int[Tensor, " starts"]:
    starts = torch.arange(0, side - size + 1, stride)
    last = torch.tensor([side - size])
    return starts if starts[-1] == last[0] else torch.cat([starts, last])


def discrepancies(
    occluded: Float[Tensor, "positions units"], plain: Float[Tensor, " units"]
) -> Float32[Tensor, "units positions"]:
    """By how much each unit's answer to each occluded image differs from that to the whole one: |f(x_m) - f(x)|."""
    return (occluded.float() - plain.float()).abs().T.contiguous()


def receptive_field(
    discrepancy: Float[Tensor, "*units positions"],
    windows: Int[Tensor, "positions 4"],
    image_size: tuple[int, int],
    *,
    corrected: bool = False,
) -> Float64[Tensor, "*units height width"]:
    """The mean of the occluders' windows, weighted by the discrepancies: sum of d · window / sum of d.

    How often a pixel is covered is not corrected for, unless that is asked for: where the stride does not divide the
    occluder's side, some pixels are covered more often than their neighbours, and the field is a lattice. Corrected, it
    is the mean discrepancy of the windows that cover a pixel, over the largest of all. A unit that no occlusion changes
    has a field of zeros.

    Args:
        discrepancy: 0 or more, of one unit or of several.
        windows: what was covered; parts outside of the image are left out.
        image_size: (height, width) of the field.
        corrected: for how often each pixel is covered.

    Returns:
        Between 0 and 1, summed in float64: what lies under no window that matters may differ from 0 by rounding.

    Raises:
        ValueError: there is not one window for each discrepancy, or a discrepancy is negative or not finite.
    """
    if discrepancy.shape[-1] != len(windows):
        raise ValueError(f"{discrepancy.shape[-1]} discrepancies for {len(windows)} windows")
    weights = discrepancy.double()
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise ValueError("discrepancies are finite and 0 or more")
    summed = _spread(weights, windows, image_size)
    if corrected:
        covered = _spread(torch.ones(len(windows), dtype=torch.float64), windows, image_size).round()
        summed, total = summed / covered.clamp(min=1), weights.amax(-1)
    else:
        total = weights.sum(-1)
    tiny = torch.finfo(torch.float64).tiny
    return torch.where((total > 0)[..., None, None], summed / total.clamp(min=tiny)[..., None, None], 0).clamp(0, 1)


def _spread(
    weights: Float64[Tensor, "*units positions"], windows: Int[Tensor, "positions 4"], image_size: tuple[int, int]
) -> Float64[Tensor, "*units height width"]:
    """The sum of the windows, each as high as its weight."""
    height, width = image_size
    x0, y0, x1, y1 = (windows[:, side].clamp(0, (width, height)[side % 2]) for side in range(4))
    # Each window adds its weight where it begins and takes it off where it ends; two running sums fill it in.
    steps = weights.new_zeros((*weights.shape[:-1], (height + 1) * (width + 1)))
    signed = weights * ((x1 > x0) & (y1 > y0))
    for rows, columns, sign in ((y0, x0, 1), (y1, x1, 1), (y0, x1, -1), (y1, x0, -1)):
        steps.index_add_(-1, (rows * (width + 1) + columns).long(), sign * signed)
    grid = steps.reshape(*steps.shape[:-1], height + 1, width + 1)
    filled: Tensor = grid.cumsum(-1).cumsum(-2)[..., :height, :width]
    return filled


def field_mask(field: Float[Tensor, "height width"], masking: Masking = "half") -> Float32[Tensor, "height width"]:
    """How much of each pixel belongs to what the unit responds to: 0 or 1, or for ``soft`` the field over its maximum.

    ``half`` takes what is at or above half of the maximum, ``otsu`` what is above the threshold that separates two
    classes best (N. Otsu: A Threshold Selection Method from Gray-Level Histograms, 1979). A field of zeros has an empty
    mask, whichever is asked for; one that is the same everywhere, and not zero, a full one.

    Raises:
        ValueError: there is no such masking.
    """
    if masking not in MASKINGS:
        raise ValueError(f"masking {masking!r} is none of {', '.join(MASKINGS)}")
    highest = field.max()
    if not highest > 0:
        return torch.zeros(field.shape, dtype=torch.float32)
    if masking == "soft":
        return (field / highest).float()
    if masking == "otsu" and field.min() < highest:
        return (field > otsu_threshold(field)).float()
    chosen = field >= highest / 2
    if masking == "box":
        rows, columns = chosen.any(1).nonzero(), chosen.any(0).nonzero()
        chosen[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1] = True
    return chosen.float()


def patch(
    image: Float[Tensor, "channels height width"], mask: Float[Tensor, "height width"]
) -> Float[Tensor, "channels height width"]:
    """The image times the mask: in normalised space, so that what is outside becomes the data set's mean."""
    return image * mask.to(image.dtype)
