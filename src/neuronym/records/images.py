"""Probe images and what is labelled in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuronym.records.values import Split

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One probe image.

    ``id`` is a hash of its content; ``source`` and ``member`` say where it was read (a folder, archive or array file,
    and the name or number in it). ``height`` and ``width`` are those of the decoded, upright image. ``label`` is the
    class name, if known.
    """

    id: str
    source: str
    member: str
    height: int
    width: int
    label: str | None = None
    split: Split = "explain"


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that could not be used, and why."""

    source: str
    member: str
    reason: str


@dataclass(frozen=True, eq=False)
class LabelTable:
    """How much of each concept is in each probe image, from labels instead of a model.

    ``values`` is float32 [images, concepts], 0 to 1, in the order of the images it was made for. ``groups`` names the
    table each concept came from: ``class``, ``superclass`` or the CSV's name.
    """

    concepts: tuple[str, ...]
    groups: tuple[str, ...]
    values: npt.NDArray[np.float32]

    def group(self, name: str) -> LabelTable:
        """Only the concepts of one group."""
        keep = [i for i, group in enumerate(self.groups) if group == name]
        return LabelTable(
            tuple(self.concepts[i] for i in keep), tuple(self.groups[i] for i in keep), self.values[:, keep]
        )

    def rows(self, indices: npt.NDArray[np.integer[Any]]) -> LabelTable:
        """The same concepts for some of the images, in the order given."""
        return LabelTable(self.concepts, self.groups, self.values[indices])
