"""Views of a layer that never was: with shuffled units, with the explain images drawn anew, without test images.

All are :class:`~neuronym.store.layer_view.LayerView`, so that whatever runs on a layer runs on them, and each may be
derived from another. The target computes nothing but new masks and answers to occluded images, and nothing is written
to the study but these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuronym.records import Grid, ImageRecord, LayerInfo, MaskRule, OcclusionRule, Split, Summary
from neuronym.store.derived_masks import DealtMasks, MovedAnnotations, MovedMasks
from neuronym.store.derived_occlusions import DealtOcclusions, MovedOcclusions
from neuronym.store.layer_tables import Doubles, Floats, Ints, LayerTables, Top
from neuronym.store.layer_view import Contents, LayerView
from neuronym.store.mask_tables import UnitMasks
from neuronym.store.occlusion_tables import Occlusions

if TYPE_CHECKING:
    from PIL import Image

    from neuronym.store.layer_view import EncodesImages, Services


def with_shuffled(view: LayerView, units: Sequence[int], seed: int) -> LayerView:
    """The layer with further units, each of which responds as one of its units does, but to other images.

    The added unit of ``units[i]`` is unit ``view.layer.units + i``. What its source gives for one image it gives for
    another, by a permutation of its own of the images of each split: all its summaries, and its exemplars with their
    values and maps (ties by image id; where several images tie for the last place, those that the source has), its
    masks, and its answers to occluded images. Copies of an image, as :func:`resampled` makes, keep one value. Dead,
    constant, quantiles and moments are the source's. For images that the study does not have, in
    :meth:`~neuronym.store.layer_view.LayerView.respond`, the added unit answers as its source.

    Args:
        view: the layer.
        units: positions of the sources; one may be there several times.
        seed: of the permutations; 0 or more.

    Raises:
        ValueError: the layer has no such unit, or the seed is below 0.
    """
    sources = np.asarray(units, np.int64).reshape(-1)
    contents, count = view.contents, view.layer.units
    if seed < 0 or not bool(((sources >= 0) & (sources < count)).all()):
        raise ValueError(f"units {sources.tolist()} of a layer of {count} and the seed {seed}")
    columns = np.concatenate([np.arange(count), sources])
    dealt = _Dealt(contents.images, count, seed)
    return LayerView(
        replace(
            contents,
            layer=replace(contents.layer, units=len(columns)),
            tables=_Shuffled(contents.tables, columns, count, dealt),
            services=replace(
                contents.services,
                respond=_answers(contents.services, contents.layer, columns),
                unit_masks=_dealt_masks(contents, columns, dealt),
                occlusions=_dealt_occlusions(contents, columns, dealt),
            ),
        ),
        view.run,
    )


def resampled(view: LayerView, rows: npt.NDArray[np.integer[Any]]) -> LayerView:
    """The layer on other explain images: some of those that there are, in any order, also several times.

    Images, labels, embeddings and summaries follow. Exemplars are those stored ones that are among the new images, each
    once, with the position where it is first: fewer than before, so a study for this keeps some to spare. Quantiles and
    moments, and with them dead and constant, stay those of all images. The test images are as before.

    Args:
        view: the layer.
        rows: positions among the explain images, [images], at least one.

    Raises:
        ValueError: there is no row, or no such image.
    """
    contents, count = view.contents, len(view.images("explain"))
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not chosen.size:
        raise ValueError(f"rows of type {chosen.dtype} and shape {chosen.shape} instead of positions")
    if not 0 <= chosen.min() <= chosen.max() < count:
        raise ValueError(f"rows {chosen.min()} to {chosen.max()} of {count} explain images")
    known = contents.tables
    if isinstance(known, _Resampled):  # of which exemplars know one position of several that an image has
        tables = _Resampled(known.base, known.rows[chosen], known.count)
    else:
        tables = _Resampled(known, chosen.astype(np.int64), count)
    positions = np.concatenate([chosen, np.arange(count, len(contents.images))]).astype(np.int64)
    return LayerView(replace(_moved(contents, positions, len(chosen)), tables=tables), view.run)


def without_test(view: LayerView) -> LayerView:
    """The layer as in a study without test images: what a method is given, so that it cannot look at them."""
    explain = len(view.images("explain"))
    contents = _moved(view.contents, np.arange(explain), explain)

    def embed(encoder: EncodesImages, split: Split) -> Floats:
        # Even to return no row: only the encoder's own embeddings tell how wide the table is.
        rows = view.contents.services.embed(encoder, "explain")
        return rows if split == "explain" else rows[:0]

    return LayerView(replace(contents, services=replace(contents.services, embed=embed)), view.run)


class _Dealt:
    """To which image each added unit of :func:`with_shuffled` responds as its source does to another.

    Args:
        images: the images of all splits.
        real: how many units the layer itself has.
        seed: of the permutations.
    """

    def __init__(self, images: Sequence[ImageRecord], real: int, seed: int) -> None:
        self.real, self._seed = real, seed
        splits: tuple[Split, Split] = ("explain", "test")
        self._ids = {split: [image.id for image in images if image.split == split] for split in splits}

    def image_of(self, unit: int, split: Split) -> Ints:
        """For each image of a split the one to which the source of an added unit responds so, [images]."""
        first, numbers = self.distinct[split]
        return first[self._sources(unit, split)][numbers]

    def shown(self, unit: int, positions: Ints) -> Ints:
        """The explain images, at their first places, at which an added unit responds as its source does at some."""
        first, numbers = self.distinct["explain"]
        inverse = np.argsort(self._sources(unit, "explain"))
        return first[inverse[numbers[positions]]]

    def _sources(self, unit: int, split: Split) -> Ints:
        """For each distinct image of a split the one to which the source of an added unit responds so, [distinct]."""
        generator = np.random.default_rng([self._seed, ("explain", "test").index(split), unit - self.real])
        return generator.permutation(len(self.distinct[split][0]))

    @cached_property
    def distinct(self) -> dict[Split, tuple[Ints, Ints]]:
        """By split, the first place of each distinct image, and for each place which of them is there."""
        return {split: _distinct(ids) for split, ids in self._ids.items()}

    @cached_property
    def rank(self) -> Ints:
        """The place of each explain image in the order of their ids; images drawn anew need not be in it."""
        ids = self._ids["explain"]
        order = sorted(range(len(ids)), key=lambda position: (ids[position], position))
        return np.argsort(np.array(order, np.int64))


class _Shuffled:
    """The :class:`LayerTables` of :func:`with_shuffled`.

    Args:
        base: of the layer.
        columns: for every unit the unit of ``base`` that it is or is made of, [units].
        real: how many of them are the layer's own.
        dealt: which images the others respond to.
    """

    def __init__(self, base: LayerTables, columns: Ints, real: int, dealt: _Dealt) -> None:
        self._base, self._columns, self._real, self._dealt = base, columns, real, dealt

    def keeps(self, summary: Summary) -> bool:
        return self._base.keeps(summary)

    def summaries(self, summary: Summary, split: Split) -> Floats:
        known = self._base.summaries(summary, split)
        found = np.empty((len(known), len(self._columns)), known.dtype)
        found[:, : self._real] = known
        for unit in range(self._real, len(self._columns)):
            found[:, unit] = known[self._dealt.image_of(unit, split), self._columns[unit]]
        return found

    def top(self, summary: Summary, unit: int) -> Top:
        known = self._base.top(summary, int(self._columns[unit]))
        if unit < self._real:
            return known
        shown = self._dealt.shown(unit, known.positions)
        order = self._order(shown, known)
        return Top(known.values[order], shown[order])

    def maps(self, summary: Summary, unit: int) -> Floats:
        source = int(self._columns[unit])
        found = self._base.maps(summary, source)
        if unit < self._real:
            return found
        known = self._base.top(summary, source)
        return found[self._order(self._dealt.shown(unit, known.positions), known)]

    def quantiles(self) -> Doubles:
        return self._base.quantiles()[:, self._columns]

    def moments(self) -> Doubles:
        return self._base.moments()[:, self._columns]

    def _order(self, shown: Ints, known: Top) -> Ints:
        return np.lexsort((self._dealt.rank[shown], -known.values))


class _Resampled:
    """The :class:`LayerTables` of :func:`resampled`.

    Args:
        base: of the layer.
        rows: the explain images, as positions among those of ``base``.
        count: how many explain images ``base`` has.
    """

    def __init__(self, base: LayerTables, rows: Ints, count: int) -> None:
        self.base, self.rows, self.count = base, rows, count
        self._first = np.full(count, -1, np.int64)
        images, first = np.unique(rows, return_index=True)
        self._first[images] = first

    def keeps(self, summary: Summary) -> bool:
        return self.base.keeps(summary)

    def summaries(self, summary: Summary, split: Split) -> Floats:
        known = self.base.summaries(summary, split)
        return known[self.rows] if split == "explain" else known

    def top(self, summary: Summary, unit: int) -> Top:
        known = self.base.top(summary, unit)
        first = self._first[known.positions]
        return Top(known.values[first >= 0], first[first >= 0])

    def maps(self, summary: Summary, unit: int) -> Floats:
        return self.base.maps(summary, unit)[self._first[self.base.top(summary, unit).positions] >= 0]

    def quantiles(self) -> Doubles:
        return self.base.quantiles()

    def moments(self) -> Doubles:
        return self.base.moments()


def _distinct(ids: Sequence[str]) -> tuple[Ints, Ints]:
    """The first place of each distinct id, in that order, and for each place the number of its id."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(name, len(numbers)) for name in ids]
    found = np.array(places, np.int64)
    return np.unique(found, return_index=True)[1], found


def _answers(services: Services, layer: LayerInfo, columns: Ints) -> Any:
    """What a layer with added units gives for new images: each of them what its source gives."""

    def respond(_: LayerInfo, images: Sequence[Image.Image]) -> Floats:
        return services.respond(layer, images)[:, columns]

    return respond


def _moved(contents: Contents, positions: Ints, explain: int) -> Contents:
    """All but the tables for images that were at other positions; the first ``explain`` are those to explain with.

    Images at no position are out of reach.
    """
    services = contents.services

    def image(position: int) -> Image.Image:
        return services.image(int(positions[position]))

    def embed(encoder: EncodesImages, split: Split) -> Floats:
        rows = services.embed(encoder, split)
        return rows[positions[:explain]] if split == "explain" else rows

    def unit_masks(layer: LayerInfo, rule: MaskRule, grid: Grid) -> UnitMasks:
        return MovedMasks(services.unit_masks(layer, rule, grid), positions)

    def occlusions(layer: LayerInfo, rule: OcclusionRule) -> Occlusions:
        return MovedOcclusions(services.occlusions(layer, rule), positions)

    return replace(
        contents,
        images=tuple(contents.images[position] for position in positions),
        labels=None if contents.labels is None else contents.labels.rows(positions),
        annotations=None if contents.annotations is None else MovedAnnotations(contents.annotations, positions),
        services=replace(services, image=image, embed=embed, unit_masks=unit_masks, occlusions=occlusions),
    )


def _dealt_masks(contents: Contents, columns: Ints, dealt: _Dealt) -> Any:
    """The masks of a layer with added units: theirs are their sources', of other images."""

    def unit_masks(_: LayerInfo, rule: MaskRule, grid: Grid) -> UnitMasks:
        value = rule.value
        own = replace(rule, value=value[: dealt.real]) if isinstance(value, tuple) else rule
        base = contents.services.unit_masks(contents.layer, own, grid)
        return DealtMasks(base, columns, dealt, sum(image.split == "explain" for image in contents.images))

    return unit_masks


def _dealt_occlusions(contents: Contents, columns: Ints, dealt: _Dealt) -> Any:
    """The occlusions of a layer with added units: theirs are their sources', of other images."""

    def occlusions(_: LayerInfo, rule: OcclusionRule) -> Occlusions:
        return DealtOcclusions(contents.services.occlusions(contents.layer, rule), columns, dealt)

    return occlusions
