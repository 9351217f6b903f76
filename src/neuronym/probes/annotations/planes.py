"""From label images, in which each pixel has a value, to masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError
from neuronym.probes.annotations.legend import Legend
from neuronym.records import ImageMasks, ImageRecord

Values = npt.NDArray[np.integer[Any]]


class Labelled(NamedTuple):
    """A label image: integers [height, width], what they mean, and what it is called, for messages."""

    values: Values
    legend: Legend
    where: str


def image_masks(planes: Sequence[Labelled], whole: Sequence[int], record: ImageRecord) -> ImageMasks:
    """What label images that lie over each other say of an image; a concept in several of them is in their union.

    Args:
        planes: of one size; without any, nothing is somewhere, at the image's own size.
        whole: concepts that are true of the whole image.
        record: the image.

    Raises:
        ProbeError: the planes have different sizes or other proportions than the image, or a value has no name.
    """
    places: dict[int, list[tuple[Values, int]]] = {}
    for plane in planes:
        _check_size(plane, planes[0], record)
        for value in present(plane.values):
            number = plane.legend.number(value, plane.where)
            if number is not None:
                places.setdefault(number, []).append((plane.values, value))
    height, width = planes[0].values.shape if planes else (record.height, record.width)
    masks = np.zeros((len(places), height, width), np.bool_)
    numbers = sorted(places)
    for mask, number in zip(masks, numbers, strict=True):
        for values, value in places[number]:
            np.logical_or(mask, values == value, out=mask)
    return ImageMasks(np.array(numbers, np.int64), masks, np.array(sorted(set(whole)), np.int64))


def present(values: Values) -> list[int]:
    """The different values, rising."""
    if values.dtype in (np.uint8, np.uint16):
        return [int(value) for value in np.flatnonzero(np.bincount(values.reshape(-1)))]
    flat = values.reshape(-1)
    # Every value begins a run of equal ones; label images have few runs, and only these need sorting.
    begins = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return [int(value) for value in np.unique(flat[np.concatenate([[0], begins])])]


def covers(size: tuple[int, int], image: tuple[int, int]) -> bool:
    """Whether a label image (height, width) may be its image (height, width) at another scale, rounded to pixels.

    True where one scale s brings both sides to within one pixel: abs(size - s image) < 1.
    """
    (height, width), (image_height, image_width) = size, image
    return (height - 1) * image_width < (width + 1) * image_height and (width - 1) * image_height < (
        height + 1
    ) * image_width


def _check_size(plane: Labelled, first: Labelled, record: ImageRecord) -> None:
    size, other = plane.values.shape, first.values.shape
    if not covers((size[0], size[1]), (record.height, record.width)):
        raise ProbeError(
            f"The {plane.where} is {size[0]} x {size[1]} pixels (height x width), but its image "
            f"{record.member!r} is {record.height} x {record.width}. A label image must cover its image: give it the "
            "same proportions."
        )
    if size != other:
        raise ProbeError(
            f"The {first.where} and the {plane.where} of the image {record.member!r} are {other[0]} x "
            f"{other[1]} and {size[0]} x {size[1]} pixels (height x width). Save them in one size."
        )
