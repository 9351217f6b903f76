"""The read-only window that explainers and evaluators have on one layer of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError, unknown_name
from neuronym.records import (
    Annotated,
    ConceptMasks,
    Exemplar,
    Geometry,
    Grid,
    ImageRecord,
    LabelTable,
    LayerInfo,
    MaskRule,
    OcclusionRule,
    Split,
    Summary,
    Unit,
)
from neuronym.store.layer_tables import Floats, LayerTables
from neuronym.store.mask_tables import Annotations, UnitMasks, Window, Words, not_annotated
from neuronym.store.occlusion_tables import Occlusions

if TYPE_CHECKING:
    from PIL import Image

Part = TypeVar("Part")

LEVELS = (0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999)
"""The quantiles that every study stores."""


class EncodesImages(Protocol):
    """The part of an image-text encoder that a view needs to know."""

    @property
    def key(self) -> str:
        """Its identity."""


@dataclass(frozen=True)
class Services:
    """What a view cannot read from the study's folder by itself.

    Attributes:
        image: the upright RGB image at a position among all images of the study (explain first, then test).
        geometry: how an image of (height, width) becomes the target's input.
        embed: the embeddings of a split's images under an encoder, float32 [images, dim], made once and cached.
        respond: a layer's activations for new images, float32 [images, units] or [images, units, height, width].
        unit_masks: where the units of a layer are active in all images, by a rule on a grid: the mask pass, which is
            made once and kept.
        occlusions: what covering parts of explain images does to the units of a layer: the occlusion pass, which is
            made for the images that are asked for, and kept.
    """

    image: Callable[[int], Image.Image]
    geometry: Callable[[int, int], Geometry]
    embed: Callable[[Any, Split], Floats]
    respond: Callable[[LayerInfo, Sequence[Image.Image]], Floats]
    unit_masks: Callable[[LayerInfo, MaskRule, Grid], UnitMasks]
    occlusions: Callable[[LayerInfo, OcclusionRule], Occlusions]


@dataclass(frozen=True, eq=False)
class Contents:
    """What a view shows; views that are derived from another one (:mod:`neuronym.store.derived_view`) change parts.

    Attributes:
        layer: the layer.
        tables: the numbers of its units.
        images: the images, explain first, then test.
        labels: of all these images, if they have any.
        annotations: which concepts are where in all these images, if that is known.
        services: what is not stored.
    """

    layer: LayerInfo
    tables: LayerTables
    images: tuple[ImageRecord, ...]
    labels: LabelTable | None
    annotations: Annotations | None
    services: Services


@dataclass(frozen=True)
class Moments:
    """Per unit over all positions of all explain images: float64 [units] each, ``count`` values per unit."""

    count: int
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    min: npt.NDArray[np.float64]
    max: npt.NDArray[np.float64]
    nonzero: npt.NDArray[np.int64]


class LayerView:
    """One layer of a study. Exemplars, quantiles and moments come from the explain split; summaries exist for both.

    Attributes:
        contents: what it shows.
        run: identity of the run that looks, for :class:`~neuronym.records.Explanation`; empty outside of a run.
    """

    def __init__(self, contents: Contents, run: str = "") -> None:
        self.contents, self.run = contents, run
        self._explain = sum(image.split == "explain" for image in contents.images)

    @property
    def layer(self) -> LayerInfo:
        """The layer."""
        return self.contents.layer

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units of the layer."""
        return tuple(Unit(self.layer.name, index) for index in range(self.layer.units))

    def images(self, split: Split) -> tuple[ImageRecord, ...]:
        """The images of a split, in the order of every table about them."""
        return self.contents.images[self._span(split)]

    def image(self, index: int, split: Split = "explain") -> Image.Image:
        """The upright RGB image at a position of a split."""
        return self.contents.services.image(self._position(index, split))

    def geometry(self, index: int, split: Split = "explain") -> Geometry:
        """How that image became the target's input."""
        record = self.contents.images[self._position(index, split)]
        return self.contents.services.geometry(record.height, record.width)

    def summaries(self, summary: Summary, split: Split) -> Floats:
        """One number per image and unit, float32 [images, units].

        Raises:
            MethodError: the study does not keep this summary.
        """
        tables = self.contents.tables
        if not tables.keeps(summary):
            raise MethodError(
                f"The study does not keep the summary {summary!r} of {self.layer.name}. "
                f"Make it with --summaries mean,max,{summary}."
            )
        span = self._span(split)
        if span.start == span.stop:
            return np.zeros((0, self.layer.units), np.float32)  # of no images there is no array
        return tables.summaries(summary, split)

    def exemplars(self, unit: int, summary: Summary, *, maps: bool = True) -> list[Exemplar]:
        """The images a unit responds to most, most activating first; ties are ordered by image id.

        Args:
            unit: position of the unit in its layer.
            summary: ``mean`` or ``max``.
            maps: whether to read the activation maps, which takes milliseconds a unit.

        Raises:
            MethodError: exemplars are kept for ``mean`` and ``max`` only.
        """
        tables = self.contents.tables
        top = tables.top(summary, unit)
        found = tables.maps(summary, unit) if maps and self.layer.map_size else None
        name = Unit(self.layer.name, unit)
        return [
            Exemplar(
                name,
                rank,
                int(index),
                self.contents.images[int(index)].id,
                float(value),
                summary,
                None if found is None else found[rank],
            )
            for rank, (value, index) in enumerate(zip(*top, strict=True))
        ]

    def quantile(self, level: float) -> npt.NDArray[np.float64]:
        """Each unit's quantile over all positions of all explain images, float64 [units].

        Raises:
            UnknownNameError: the level is none of :data:`LEVELS`.
        """
        values: npt.NDArray[np.float64] = self._quantiles[_level(level)]
        return values

    def quantile_error(self, level: float) -> npt.NDArray[np.float64]:
        """The largest possible distance of :meth:`quantile`'s rank from its level, as a share of all values.

        Raises:
            UnknownNameError: the level is none of :data:`LEVELS`.
        """
        errors: npt.NDArray[np.float64] = self._quantiles[len(LEVELS) + _level(level)]
        return errors

    @cached_property
    def _quantiles(self) -> npt.NDArray[np.float64]:
        """The values at all levels, then their rank errors, [2 levels, units]."""
        return self.contents.tables.quantiles()

    @cached_property
    def moments(self) -> Moments:
        """Mean, variance, range and number of non-zero values of every unit."""
        mean, variance, low, high, nonzero, count = self.contents.tables.moments()
        return Moments(int(count[0]), mean, variance, low, high, nonzero.astype(np.int64))

    @property
    def dead(self) -> npt.NDArray[np.bool_]:
        """Units that were zero at every position of every explain image, bool [units]."""
        flags: npt.NDArray[np.bool_] = (self.moments.min == 0) & (self.moments.max == 0)
        return flags

    @property
    def constant(self) -> npt.NDArray[np.bool_]:
        """Units that had one value at every position of every explain image (dead ones too), bool [units]."""
        return np.equal(self.moments.min, self.moments.max)

    def labels(self, split: Split) -> LabelTable | None:
        """How much of each labelled concept is in each image of a split; None if the images have no labels.

        The values are read-only: they are a part of the whole study's, not a copy.
        """
        if self.contents.labels is None:
            return None
        values = self.contents.labels.values[self._span(split)]
        values.flags.writeable = False
        return replace(self.contents.labels, values=values)

    def embeddings(self, encoder: EncodesImages, split: Split) -> Floats:
        """The images' embeddings under an image-text encoder, float32 [images, dim], rows of length 1."""
        return self.contents.services.embed(encoder, split)

    def respond(self, images: Sequence[Image.Image]) -> Floats:
        """The layer's activations for any RGB images: float32 [images, units] or [images, units, height, width]."""
        return self.contents.services.respond(self.layer, images)

    @property
    def annotated(self) -> Annotated | None:
        """What is annotated in the images; None where nothing is."""
        return None if self.contents.annotations is None else self.contents.annotations.about

    def concept_masks(self, split: Split) -> Window[ConceptMasks]:
        """Which annotated concepts are where in the images of a split.

        Raises:
            MethodError: nothing is annotated.
        """
        return self._window(self._annotations().rows, split)

    def unit_masks(
        self, rule: MaskRule, split: Split, grid: Grid | None = None, units: Sequence[int] | None = None
    ) -> Window[Words]:
        """Where each unit is active in the images of a split: its map, upsampled bilinearly, above a threshold.

        The first call of a rule and a grid passes all images through the target; what comes out is kept in the study.
        A unit that gives one number per image is active everywhere or nowhere in it.

        Args:
            rule: the thresholds.
            split: the images.
            grid: the cells; those of the annotations if not given.
            units: positions of the units whose masks are wanted, in that order; all of them if not given.

        Returns:
            Rows are uint64 [images, units, words]; see :mod:`neuronym.records.masks`.

        Raises:
            MethodError: no grid was given, and nothing is annotated.
            UnknownNameError: the rule's quantile is none of :data:`LEVELS`.
        """
        cells = self._annotations().about.grid if grid is None else grid
        table = self.contents.services.unit_masks(self.layer, rule, cells)
        asked = None if units is None else np.asarray(units, np.int64).reshape(-1)
        return self._window(lambda positions: table.rows(positions, asked), split)

    def occlusions(self, rule: OcclusionRule) -> Occlusions:
        """What covering parts of explain images does to the layer's units, for pairs of a unit and its exemplars."""
        return self.contents.services.occlusions(self.layer, rule)

    def mask_thresholds(self, rule: MaskRule) -> npt.NDArray[np.float64]:
        """Strictly above what each unit is active under a rule, float64 [units].

        Raises:
            UnknownNameError: the rule's quantile is none of :data:`LEVELS`.
            ValueError: the rule has values for another number of units.
        """
        if rule.quantile is not None:
            return self.quantile(rule.quantile)
        values = np.asarray(rule.value, np.float64)
        if values.shape not in ((), (self.layer.units,)):
            raise ValueError(f"a rule with {values.size} values for {self.layer.units} units")
        return np.broadcast_to(values, (self.layer.units,))

    def _annotations(self) -> Annotations:
        if self.contents.annotations is None:
            raise not_annotated()
        return self.contents.annotations

    def _window(self, read: Callable[[npt.NDArray[np.int64]], Part], split: Split) -> Window[Part]:
        span = self._span(split)
        return Window(span.stop - span.start, span.start, read)

    def _span(self, split: Split) -> slice:
        return slice(0, self._explain) if split == "explain" else slice(self._explain, len(self.contents.images))

    def _position(self, index: int, split: Split) -> int:
        span = self._span(split)
        if not 0 <= index < span.stop - span.start:
            raise IndexError(f"image {index} of the {span.stop - span.start} of the split {split!r}")
        start: int = span.start
        return start + index


def _level(level: float) -> int:
    if level not in LEVELS:
        raise unknown_name("stored quantile", str(level), [str(known) for known in LEVELS])
    return LEVELS.index(level)
