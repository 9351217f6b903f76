"""The masks of derived views (:mod:`neuronym.store.derived_view`): of images at other positions, of shuffled units."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from neuronym.records import Annotated, ConceptMasks, Grid, Split, word_count
from neuronym.store.atomic import guarded
from neuronym.store.mask_tables import AT_A_TIME, Annotations, Ints, UnitMasks, Words


class Dealt(Protocol):
    """To which image each added unit responds as its source does to another."""

    @property
    def real(self) -> int:
        """How many units the layer itself has; those added come after them."""

    def image_of(self, unit: int, split: Split) -> Ints:
        """For each image of a split the one to which the source of an added unit responds so, [images]."""


class DealtMasks:
    """The unit masks of a layer with added units, each of which responds as its source does, to other images.

    Args:
        base: of the layer.
        columns: for every unit the unit of ``base`` that it is or is made of, [units].
        dealt: which images the added ones respond to.
        explain: how many of all images are explain images.
    """

    def __init__(self, base: UnitMasks, columns: Ints, dealt: Dealt, explain: int) -> None:
        self._base, self._columns, self._dealt, self._explain = base, columns, dealt, explain

    @property
    def grid(self) -> Grid:
        """The cells of a mask."""
        return self._base.grid

    def rows(self, positions: Ints, units: Ints | None = None) -> Words:
        """See :class:`~neuronym.store.mask_tables.UnitMasks`."""
        asked = np.arange(len(self._columns)) if units is None else units
        own = asked < self._dealt.real
        found = np.empty((len(positions), len(asked), word_count(self.grid)), np.uint64)
        if own.any():
            found[:, own] = self._base.rows(positions, asked[own])
        if len(positions) and not own.all():
            added = asked[~own] - self._dealt.real
            found[:, ~own] = self._gathered[self._images[added][:, positions].T, self._column[added]]
        return found

    @cached_property
    def _images(self) -> Ints:
        """For each added unit and image of all splits the image to which its source responds so, [added, images]."""
        return np.stack(
            [
                np.concatenate(
                    [self._dealt.image_of(unit, "explain"), self._explain + self._dealt.image_of(unit, "test")]
                )
                for unit in range(self._dealt.real, len(self._columns))
            ]
        )

    @cached_property
    def _column(self) -> Ints:
        """Which of the gathered units is the source of each added unit, [added]."""
        return np.unique(self._columns[self._dealt.real :], return_inverse=True)[1]

    @cached_property
    def _gathered(self) -> Words:
        """All masks of the sources, [images, sources, words].

        Each unit has another order of images, and where not all masks fit into memory, to read single images would be
        to read nearly all blocks of them for every few images of every unit. So the sources' are read once, in order,
        and lie in a temporary file, where the system keeps in memory what it can.
        """
        sources, images = np.unique(self._columns[self._dealt.real :]), self._images.shape[1]
        folder = Path(tempfile.gettempdir())
        with guarded(folder, "write a temporary file"), tempfile.TemporaryFile(dir=folder) as file:
            for start in range(0, images, AT_A_TIME):
                positions = np.arange(start, min(start + AT_A_TIME, images))
                file.write(self._base.rows(positions, sources).tobytes())
            file.flush()
            return np.memmap(file, np.uint64, "r", shape=(images, len(sources), word_count(self.grid)))


class MovedMasks:
    """Unit masks of images that were at other positions; of others there are none."""

    def __init__(self, base: UnitMasks, positions: Ints) -> None:
        self._base, self._positions = base, positions

    @property
    def grid(self) -> Grid:
        """The cells of a mask."""
        return self._base.grid

    def rows(self, positions: Ints, units: Ints | None = None) -> Words:
        """See :class:`~neuronym.store.mask_tables.UnitMasks`."""
        return self._base.rows(self._positions[positions], units)


class MovedAnnotations:
    """Annotations of images that were at other positions; of others there are none."""

    def __init__(self, base: Annotations, positions: Ints) -> None:
        self._base, self._positions = base, positions

    @property
    def about(self) -> Annotated:
        """The concepts, and the cells of a mask."""
        return self._base.about

    def rows(self, positions: Ints) -> ConceptMasks:
        """See :class:`~neuronym.store.mask_tables.Annotations`."""
        return self._base.rows(self._positions[positions])
