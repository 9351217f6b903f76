"""Images as one array: ``.npz`` with ``images`` and perhaps labels, or ``.npy``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import Annotator
from neuronym.probes.annotations.stacked import own_stack
from neuronym.probes.array_files import open_arrays, texts, told
from neuronym.probes.decode import UnreadableImageError
from neuronym.probes.handles import Handle
from neuronym.probes.sources import Member


@dataclass(frozen=True, eq=False)
class _Content:
    images: npt.NDArray[np.uint8]
    labels: list[str] | None
    class_names: list[str] | None


class ArraySource:
    """uint8 images, N x H x W x 3 or N x H x W; members are named by their number.

    An ``.npz`` file holds them as ``images``, and may hold ``labels``: N strings, or N class numbers with
    ``class_names`` (without these the number is the label), and ``masks``, as
    :mod:`neuronym.probes.annotations.stacked` says. An ``.npy`` file is the images alone; it is mapped into memory
    rather than read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._content = Handle(partial(_load, name), inherit=True)

    @property
    def class_names(self) -> Sequence[str] | None:
        """The class at each class number, if the file says."""
        return self._content.get().class_names

    def members(self) -> list[Member]:
        """As :meth:`Source.members`."""
        content = self._content.get()
        labels = content.labels
        return [Member(str(number), labels[number] if labels else None) for number in range(len(content.images))]

    def read(self, member: str) -> npt.NDArray[np.uint8]:
        """As :meth:`Source.read`."""
        images = self._content.get().images
        if not member.isdecimal() or int(member) >= len(images):
            raise UnreadableImageError(f"there is no image number {member}; the file holds {len(images)}")
        return np.array(images[int(member)])

    def annotations(self) -> Annotator | None:
        """As :class:`Source` says: the masks of the file, if it has any.

        Raises:
            ProbeError: they are not as they must be.
        """
        return own_stack(self.name)


def _load(name: str) -> _Content:
    path = Path(name).expanduser()
    if path.suffix.lower() == ".npy":
        with told(name):
            return _Content(_checked(name, np.load(path, mmap_mode="r", allow_pickle=False)), None, None)
    with open_arrays(name) as arrays:
        if "images" not in arrays:
            found = ", ".join(arrays.files) or "none"
            raise ProbeError(f"{name!r} has no array named 'images'; it has: {found}. Save the images as 'images'.")
        images = _checked(name, arrays["images"])
        labels, class_names = arrays.get("labels"), arrays.get("class_names")
        if labels is None and "masks" in arrays:
            class_names = None  # they name what the masks' values mean
    names = None if class_names is None else _names(name, "class_names", class_names)
    return _Content(images, None if labels is None else _labels(name, labels, names, len(images)), names)


def _checked(name: str, images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    shape = " x ".join(map(str, images.shape))
    wanted = "uint8 N x H x W x 3 or N x H x W"
    if images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3:
        remedy = "Put the channels last: images.transpose(0, 2, 3, 1)"
    elif images.ndim == 4 and images.shape[3] == 1:
        remedy = "Leave the last axis out: images[..., 0]"
    elif images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        remedy = "Save them in this form"
    elif np.issubdtype(images.dtype, np.floating):
        remedy = "Scale them to 0..255 and convert: numpy.rint(images * 255).astype(numpy.uint8) if they are 0..1"
    elif images.dtype != np.uint8:
        remedy = "Convert them: images.astype(numpy.uint8) if they are 0..255"
    else:
        return images
    raise ProbeError(f"The images in {name!r} are {images.dtype} {shape}, not {wanted}. {remedy}.")


def _labels(name: str, labels: npt.NDArray[Any], names: list[str] | None, count: int) -> list[str]:
    if labels.shape != (count,):
        raise ProbeError(
            f"The labels in {name!r} have shape {list(labels.shape)} for {count} images. Save one label an image."
        )
    if labels.dtype.kind == "U":
        return _names(name, "labels", labels)
    if labels.dtype.kind not in "iu":
        raise ProbeError(f"The labels in {name!r} are {labels.dtype}. Save class numbers (integers) or strings.")
    numbers = [int(number) for number in labels]
    if names is None:
        return [str(number) for number in numbers]
    beyond = [number for number in numbers if not 0 <= number < len(names)]
    if beyond:
        raise ProbeError(
            f"The labels in {name!r} go to class {beyond[0]}, but 'class_names' names {len(names)} classes (from 0). "
            "Save a name for every class."
        )
    return [names[number] for number in numbers]


def _names(name: str, array: str, values: npt.NDArray[Any]) -> list[str]:
    names = texts(name, array, values)
    if array == "class_names" and len(set(names)) < len(names):
        twice = next(text for text in names if names.count(text) > 1)
        raise ProbeError(f"'class_names' in {name!r} names two classes {twice!r}. Give them different names.")
    if "" in names:
        raise ProbeError(f"{array!r} in {name!r} has a blank name at position {names.index('')}. Name every class.")
    return names
