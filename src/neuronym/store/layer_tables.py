"""The numbers of one layer that a :class:`~neuronym.store.layer_view.LayerView` shows, and where they are stored."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.records import Split, Summary
from neuronym.store.arrays import Arrays

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Top(NamedTuple):
    """A unit's exemplars, most activating first, ties by image id; both [exemplars].

    Attributes:
        values: their summaries.
        positions: where they are among the explain images.
    """

    values: Floats
    positions: Ints


class LayerTables(Protocol):
    """What is known of the units of one layer; all of the explain images, and summaries of the test images too."""

    def keeps(self, summary: Summary) -> bool:
        """Whether there are summaries of this kind."""

    def summaries(self, summary: Summary, split: Split) -> Floats:
        """One number per image and unit, float32 [images, units], for a split that has images."""

    def top(self, summary: Summary, unit: int) -> Top:
        """The exemplars of a unit.

        Raises:
            MethodError: there are none by this summary.
        """

    def maps(self, summary: Summary, unit: int) -> Floats:
        """Their activation maps, float32 [exemplars, height, width], for a layer that has maps."""

    def quantiles(self) -> Doubles:
        """The values at all stored levels, then their rank errors, [2 levels, units]."""

    def moments(self) -> Doubles:
        """Mean, variance, least, most, non-zero values and all values, [6, units]."""


class StoredTables:
    """The :class:`LayerTables` that an activation pass has written."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def keeps(self, summary: Summary) -> bool:
        """See :class:`LayerTables`."""
        return any(self._arrays.has(f"summaries/{summary}/{split}") for split in ("explain", "test"))

    def summaries(self, summary: Summary, split: Split) -> Floats:
        """See :class:`LayerTables`."""
        return self._arrays.read(f"summaries/{summary}/{split}")

    def top(self, summary: Summary, unit: int) -> Top:
        """See :class:`LayerTables`."""
        if summary not in self._exemplars:
            if not self._arrays.has(f"exemplars/{summary}/values"):
                raise MethodError(f"Exemplars are kept for the summaries mean and max, not for {summary!r}.")
            parts = (self._arrays.read(f"exemplars/{summary}/{part}") for part in ("values", "index"))
            self._exemplars[summary] = Top(*parts)
        values, positions = self._exemplars[summary]
        return Top(values[unit], positions[unit])

    def maps(self, summary: Summary, unit: int) -> Floats:
        """See :class:`LayerTables`."""
        found: Floats = self._arrays.read(f"exemplars/{summary}/maps", slice(unit, unit + 1))[0]
        return found

    def quantiles(self) -> Doubles:
        """See :class:`LayerTables`."""
        return self._arrays.read("quantiles")

    def moments(self) -> Doubles:
        """See :class:`LayerTables`."""
        return self._arrays.read("moments")

    @cached_property
    def _exemplars(self) -> dict[str, Top]:
        """By summary those of all units, [units, exemplars]."""
        return {}
