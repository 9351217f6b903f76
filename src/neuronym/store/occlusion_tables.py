"""What covering parts of images did to the units of a layer, as a view shows it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from neuronym.records import Occluded

Ints = npt.NDArray[np.int64]


class Occlusions(Protocol):
    """Answers of a layer's units to occluded images; of each image those of the units that have it as an exemplar."""

    @property
    def colour(self) -> tuple[int, int, int]:
        """The data set's mean, which stands for what is not there: red, green and blue, 0 to 255."""

    def make(self, images: Ints, units: Ints) -> None:
        """Pass the occluded images that are missing, of some pairs of an image and a unit, all in one go.

        Args:
            images: positions among the explain images, [pairs].
            units: positions in the layer, [pairs]; the image is among the stored exemplars of the unit.

        Raises:
            UserError: they cannot be made, or another process is writing the study.
        """

    def found(self, image: int, unit: int) -> Occluded | None:
        """What is known of a pair; None where it was not made."""
