"""Masks in an array file, beside their images.

masks             integers N x H x W, or N x P x H x W: P planes, and what lies in different planes may overlap
mask_names        N strings, what each value means from 0; names such as ``unlabelled`` mean nothing; without it
                  ``class_names``, unless these name the classes of ``labels``
mask_categories   as many strings, their categories; all are ``object`` without it
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import concept_of
from neuronym.probes.annotations.legend import Legend, Numbering
from neuronym.probes.annotations.planes import Labelled, image_masks
from neuronym.probes.annotations.subjects import Subjects, no_image, unused
from neuronym.probes.array_files import header, open_arrays, texts
from neuronym.probes.decode import content_id
from neuronym.probes.handles import Handle
from neuronym.records import ImageMasks, ImageRecord, MaskConcept

MASKS = "masks"

_IMAGES, _NAMES, _CLASSES, _CATEGORIES, _LABELS = "images", "mask_names", "class_names", "mask_categories", "labels"
_OBJECT = "object"
_VERSION = "1"
"""Goes into every stamp; another one makes studies read masks anew."""


@dataclass(frozen=True, eq=False)
class StackAnnotator:
    """An :class:`~neuronym.probes.annotations.annotator.Annotator` of an array file, which is read at the first mask.

    Attributes:
        name: what the user gave.
        concepts: by number.
        stamp: over the concepts and the size and time of change of the file.
        notes: sentences for the user.
        legend: what values mean.
        places: the number in the file of the image with an id; None where images are named by it.
        values: integers [images, planes, height, width].
    """

    name: str
    concepts: tuple[MaskConcept, ...]
    stamp: str
    notes: tuple[str, ...]
    legend: Legend
    places: Mapping[str, int] | None
    values: Handle[npt.NDArray[np.integer[Any]]]

    def masks(self, record: ImageRecord) -> ImageMasks | None:
        """As :meth:`Annotator.masks`."""
        number = int(record.member) if self.places is None else self.places.get(record.id)
        if number is None:
            return None
        stack = self.values.get()
        if number >= len(stack):
            raise ProbeError(
                f"{self.name!r} has masks of {len(stack)} images and none of the image {record.member!r}. Put the old "
                "file back, or make a new study."
            )
        where = f"label image {number} of {self.name!r}"
        return image_masks([Labelled(plane, self.legend, where) for plane in stack[number]], (), record)


def own_stack(name: str) -> StackAnnotator | None:
    """The masks of an array file for its own images, which are named by their number; None if it has none.

    Raises:
        ProbeError: the file cannot be read, or its arrays are not as the module says.
    """
    if Path(name).suffix.lower() != ".npz":
        return None
    with open_arrays(name) as arrays:
        return _annotator(name, arrays, None, ()) if MASKS in arrays else None


def read_stack(name: str, subjects: Subjects) -> StackAnnotator:
    """The masks of an array file for those images of a study that are in it, told by their content.

    Raises:
        ProbeError: as :func:`own_stack`; or the file has no images or no masks, or other images.
    """
    with open_arrays(name) as arrays:
        missing = [key for key in (_IMAGES, MASKS) if key not in arrays]
        if missing:
            found = ", ".join(arrays.files) or "none"
            raise ProbeError(
                f"{name!r} has no array named {missing[0]!r}; it has: {found}. Save the masks as {MASKS!r} and beside "
                f"them their images as {_IMAGES!r}."
            )
        numbers = {content_id(image): number for number, image in enumerate(arrays[_IMAGES])}
        places = {s.key: numbers[s.key] for s in subjects.images if s.key in numbers}
        if not places:
            raise no_image(name, subjects, [f"number {number}" for number in numbers.values()])
        notes = unused(name, len(numbers) - len(places))
        return _annotator(name, arrays, places, notes)


def _annotator(name: str, arrays: NpzFile, places: Mapping[str, int] | None, notes: tuple[str, ...]) -> StackAnnotator:
    _check_form(name, arrays)
    concepts, legend = _concepts(name, arrays)
    status = Path(name).expanduser().stat()
    told = repr((_VERSION, concepts, sorted(legend.numbers.items()), status.st_size, status.st_mtime_ns))
    stamp = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    return StackAnnotator(name, concepts, stamp, notes, legend, places, Handle(partial(_values, name), inherit=True))


def _values(name: str) -> npt.NDArray[np.integer[Any]]:
    with open_arrays(name) as arrays:
        masks = arrays[MASKS]
    return masks if masks.ndim == 4 else masks[:, None]


def _check_form(name: str, arrays: NpzFile) -> None:
    found, images = header(arrays, MASKS), header(arrays, _IMAGES)
    if found.dtype.kind not in "iu" or len(found.shape) not in (3, 4) or found.shape[0] != images.shape[0]:
        raise ProbeError(
            f"The masks in {name!r} are {found}, not integers N x H x W or N x P x H x W for its {images.shape[0]} "
            "images. Save one mask an image, or P planes that overlap."
        )
    if 0 in found.shape[1:]:
        raise ProbeError(f"The masks in {name!r} are {found} and have no pixels. Leave them out, or fill them.")


def _concepts(name: str, arrays: NpzFile) -> tuple[tuple[MaskConcept, ...], Legend]:
    key = _NAMES if _NAMES in arrays else _CLASSES
    if key not in arrays or (key == _CLASSES and _LABELS in arrays):
        other = "'class_names' names the classes of its labels" if key in arrays else f"it has: {', '.join(arrays)}"
        raise ProbeError(
            f"{name!r} has masks and no array {_NAMES!r}; {other}. Save what each value of the masks means, from 0, as "
            f"{_NAMES!r}."
        )
    names = texts(name, key, arrays[key])
    categories = texts(name, _CATEGORIES, arrays[_CATEGORIES]) if _CATEGORIES in arrays else [_OBJECT] * len(names)
    if len(categories) != len(names):
        raise ProbeError(
            f"{_CATEGORIES!r} in {name!r} has {len(categories)} entries, and {key!r} {len(names)}. Save a category for "
            "every name."
        )
    numbering = Numbering(name)
    numbers = {
        value: numbering.name(value, concept_of(text, category or _OBJECT))
        for value, (text, category) in enumerate(zip(names, categories, strict=True))
    }
    remedy = (
        f"Name all values from 0 in {key!r}, with 'unlabelled' for those that mean nothing; values below 0 can have "
        "none."
    )
    return numbering.concepts, Legend(numbers, remedy)
