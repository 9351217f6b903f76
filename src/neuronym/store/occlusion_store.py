"""Answers of units to occluded images, as the occlusion pass wrote them: a file for each image and layer.

Below ``occlusion/RULE/`` of a layer lie ``IMAGE.parquet``, named by the image's position: which units have the image
among their stored exemplars, what each gives for the whole image, and by how much that changes at each place of the
occluder. A file appears whole, so a pass that is killed goes on with the next image.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neuronym.errors import StudyError
from neuronym.records import OcclusionRule
from neuronym.store.atomic import write_table
from neuronym.store.occlusion_tables import Ints
from neuronym.store.tables import read_table

Floats = npt.NDArray[np.float32]

_BUDGET = 2**28
"""Bytes of answers that are kept in memory; those of one image in any case."""


@dataclass(frozen=True, eq=False)
class ImageAnswers:
    """What the units of a layer answer to one image and its occluded copies.

    Attributes:
        units: positions of the units, rising, int64 [units].
        plain: their answers to the whole image, float32 [units].
        discrepancy: by how much the answers to the occluded copies differ from these, float32 [units, positions].
    """

    units: Ints
    plain: Floats
    discrepancy: Floats

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return int(self.discrepancy.nbytes)

    def of(self, unit: int) -> Floats:
        """The discrepancies of one unit, [positions].

        Raises:
            ValueError: the image is none of its exemplars.
        """
        row = int(np.searchsorted(self.units, unit))
        if row == len(self.units) or self.units[row] != unit:
            raise ValueError(f"the image is no stored exemplar of unit {unit}")
        found: Floats = self.discrepancy[row]
        return found


class OcclusionStore:
    """The answers of one layer's units under one rule.

    Args:
        folder: of the layer.
        rule: how images are covered.
    """

    def __init__(self, folder: Path, rule: OcclusionRule) -> None:
        self.folder = folder / "occlusion" / rule.name
        self._recent: OrderedDict[int, ImageAnswers] = OrderedDict()

    def missing(self, images: Iterable[int]) -> list[int]:
        """Those of some images that have no answers yet, each once, rising."""
        asked = sorted(set(map(int, images)))
        return [image for image in asked if not self._path(image).is_file()]

    def write(self, image: int, answers: ImageAnswers) -> None:
        """Keep the answers to an image.

        Raises:
            StudyError: the disk is full or the folder cannot be written.
        """
        count = answers.discrepancy.shape[1]
        flat = pa.array(np.ascontiguousarray(answers.discrepancy, np.float32).ravel())
        table = pa.table(
            {
                "unit": pa.array(answers.units, pa.int64()),
                "plain": pa.array(answers.plain, pa.float32()),
                "discrepancy": pa.FixedSizeListArray.from_arrays(flat, count),
            }
        )
        write_table(self._path(image), table)

    def read(self, image: int) -> ImageAnswers | None:
        """The answers to an image; None where there are none yet.

        Raises:
            StudyError: they are damaged.
        """
        if image in self._recent:
            self._recent.move_to_end(image)
            return self._recent[image]
        if not self._path(image).is_file():
            return None
        found = self._recent[image] = self._unpacked(image)
        while len(self._recent) > 1 and sum(one.nbytes for one in self._recent.values()) > _BUDGET:
            self._recent.popitem(last=False)
        return found

    def _unpacked(self, image: int) -> ImageAnswers:
        table = read_table(self._path(image))
        try:
            column = table["discrepancy"].combine_chunks()
            flat = column.flatten().to_numpy(zero_copy_only=False)
            units = table["unit"].to_numpy()
            return ImageAnswers(units, table["plain"].to_numpy(), flat.reshape(len(units), column.type.list_size))
        except (KeyError, AttributeError, ValueError) as error:
            raise StudyError(
                f"The table {str(self._path(image))!r} does not hold answers to occluded images. Remove it and run the "
                "step that made it again."
            ) from error

    def _path(self, image: int) -> Path:
        return self.folder / f"{image:07d}.parquet"
