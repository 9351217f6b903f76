"""The occlusions of derived views (:mod:`neuronym.store.derived_view`): of images elsewhere, of shuffled units."""

from __future__ import annotations

import numpy as np

from neuronym.records import Occluded
from neuronym.store.derived_masks import Dealt
from neuronym.store.occlusion_tables import Ints, Occlusions


class DealtOcclusions:
    """Those of a layer with added units, each of which answers as its source does, to other images.

    Args:
        base: of the layer.
        columns: for every unit the unit of ``base`` that it is or is made of, [units].
        dealt: which images the added ones respond to.
    """

    def __init__(self, base: Occlusions, columns: Ints, dealt: Dealt) -> None:
        self._base, self._columns, self._dealt = base, columns, dealt

    @property
    def colour(self) -> tuple[int, int, int]:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        return self._base.colour

    def make(self, images: Ints, units: Ints) -> None:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        sources = np.array(images, np.int64)
        for unit in np.unique(units[units >= self._dealt.real]):
            own = units == unit
            sources[own] = self._dealt.image_of(int(unit), "explain")[images[own]]
        self._base.make(sources, self._columns[units])

    def found(self, image: int, unit: int) -> Occluded | None:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        source = image if unit < self._dealt.real else int(self._dealt.image_of(unit, "explain")[image])
        return self._base.found(source, int(self._columns[unit]))


class MovedOcclusions:
    """Those of images that were at other positions; of others there are none."""

    def __init__(self, base: Occlusions, positions: Ints) -> None:
        self._base, self._positions = base, positions

    @property
    def colour(self) -> tuple[int, int, int]:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        return self._base.colour

    def make(self, images: Ints, units: Ints) -> None:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        self._base.make(self._positions[images], units)

    def found(self, image: int, unit: int) -> Occluded | None:
        """See :class:`~neuronym.store.occlusion_tables.Occlusions`."""
        return self._base.found(int(self._positions[image]), unit)
