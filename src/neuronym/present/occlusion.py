"""What covering parts of exemplars did to the units of a layer, by what is stored; the model is never run."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuronym.present.labels import Labels
from neuronym.present.masks import drawn_sides, fitted
from neuronym.present.occlusion_page import ImageOcclusion, OcclusionView
from neuronym.present.run_made import Made, occlusion_rule, run_parameters
from neuronym.present.survey import rounded
from neuronym.records import Box, Grid, ImageRecord, Occluded, OcclusionRule, Summary
from neuronym.store.layer_view import LayerView
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records

Floats = npt.NDArray[np.float32]

_FIELD_BYTES = 7e6
_PATCH_BYTES = 5e6
_ROW_BYTES = 4
"""What a row of a patch takes at most as it is written; in units of a real network 1 to 3."""

_HALVED = 112
_DECIMALS = 5


@dataclass(frozen=True)
class Drawn:
    """The fields of an :class:`~neuronym.present.occlusion_page.ImageOcclusion` between its number and its box."""

    highest: float
    share: float
    field: str | None
    patch: str | None


@dataclass(frozen=True)
class _Covered:
    """What a run looked at.

    Attributes:
        run: its id.
        rule: how images were covered.
        count: how many exemplars of a unit it looks at.
        exemplars: the positions of the images that it looked at, strongest first, by the unit's position.
        boxes: of the patches that it recorded, in pixels of the image, by the unit's position and the image's id.
    """

    run: str
    rule: OcclusionRule
    count: int
    exemplars: Mapping[int, Sequence[int]]
    boxes: Mapping[tuple[int, str], Box]


class LayerOcclusions:
    """What the pages of a layer draw of occlusion: of the exemplars that a run looked at and whose answers are stored.

    Args:
        store: the study.
        view: one of its layers.
        labels: what runs said of its units.
    """

    def __init__(self, store: StudyStore, view: LayerView, labels: Labels) -> None:
        self._store, self._view, self._labels = store, view, labels
        self._same: dict[Summary, npt.NDArray[np.bool_]] = {}

    def of_unit(self, unit: int, numbers: Mapping[str, int]) -> tuple[OcclusionView, ...]:
        """What each run saw that covered parts of images.

        Args:
            unit: its position.
            numbers: the number of each image in the report, by its id.
        """
        return tuple(
            self._page(one, unit, numbers)
            for label in self._labels.get(unit, ())
            for one in self._covered
            if one.run == label.run
        )

    def _page(self, one: _Covered, unit: int, numbers: Mapping[str, int]) -> OcclusionView:
        rule, size, images = one.rule, self._store.input_size, self._view.images("explain")
        drawn = [(images[at], self._drawn[one.run, unit, at]) for at in one.exemplars[unit]]
        return OcclusionView(
            one.run,
            *rule.resolved(size),
            rule.fill,
            rule.corrected,
            rule.masking,
            rule.summary,
            one.count,
            rule.coarse,
            size,
            *self._sizes[0],
            *self._sizes[1],
            self._view.occlusions(rule).colour,
            tuple(
                ImageOcclusion(
                    numbers[image.id],
                    found.highest,
                    found.share,
                    found.field,
                    found.patch,
                    fractions(one.boxes.get((unit, image.id)), image),
                )
                for image, found in drawn
                if found is not None and image.id in numbers
            ),
        )

    @cached_property
    def _covered(self) -> Sequence[_Covered]:
        """The runs that covered images of this layer."""
        made = [(run, made_with, occlusion_rule(made_with)) for run, made_with in self._store.manifest.runs.items()]
        return [self._looked_at(run, made_with, rule) for run, made_with, rule in made if rule is not None]

    def _looked_at(self, run: str, made_with: Made, rule: OcclusionRule) -> _Covered:
        asked = run_parameters(made_with).get("exemplars")
        count = min(asked, self._store.top_k) if isinstance(asked, int) else self._store.top_k
        units = [unit for unit, some in self._labels.items() if any(label.run == run for label in some)]
        return _Covered(
            run, rule, count, {unit: self._exemplars(unit, rule, count) for unit in units}, self._boxes(run)
        )

    def _exemplars(self, unit: int, rule: OcclusionRule, count: int) -> list[int]:
        if self._view.constant[unit] or self._unvarying(rule.summary)[unit]:
            return []  # a unit that never changes is not looked at
        return [one.index for one in self._view.exemplars(unit, rule.summary, maps=False)[:count]]

    def _unvarying(self, summary: Summary) -> npt.NDArray[np.bool_]:
        """Which units have one summary on all explain images, [units]."""
        if summary not in self._same:
            values = self._view.summaries(summary, "explain")
            self._same[summary] = (values == values[:1]).all(0)
        return self._same[summary]

    def _boxes(self, run: str) -> dict[tuple[int, str], Box]:
        said = self._store.parts(run, self._view.layer.name).read()
        return {
            (one.unit.index, piece.region.image_id): piece.region.box
            for one in (() if said is None else explanations_records(said))
            for piece in one.evidence
            if piece.kind == "patch" and piece.region is not None
        }

    @cached_property
    def _sizes(self) -> tuple[Grid, Grid]:
        """Rows and columns of fields and of patches."""
        size = self._store.input_size
        images = sum(len(some) for one in self._covered for some in one.exemplars.values())
        return field_size(size, images), patch_size(size, images)

    @cached_property
    def _drawn(self) -> Mapping[tuple[str, int, int], Drawn | None]:
        """What is drawn, by run, unit and position of the image: read in the order in which it is stored."""
        found: dict[tuple[str, int, int], Drawn | None] = {}
        for one in self._covered:
            occlusions = self._view.occlusions(one.rule)
            for at, unit in sorted((at, unit) for unit, some in one.exemplars.items() for at in some):
                known = occlusions.found(at, unit)
                soft = one.rule.masking == "soft"
                found[one.run, unit, at] = None if known is None else drawn(known, *self._sizes, soft=soft)
        return found


def field_size(grid: Grid, images: int) -> Grid:
    """Rows and columns of fields: as many as keep a layer's fields within their share of the report.

    Args:
        grid: (height, width) of the network's input.
        images: on how many images of all units fields are drawn.
    """
    sizes = [fitted(grid, side) for side in drawn_sides(grid)]
    return next((size for size in sizes if images * size[0] * size[1] * 4 / 3 <= _FIELD_BYTES), sizes[-1])


def patch_size(grid: Grid, images: int) -> Grid:
    """The same of patches, which are the input's pixels wherever there is room: their holes may be a pixel wide."""
    sides = (max(grid), *(side for side in (_HALVED, *drawn_sides(grid)) if side < max(grid)))
    return fitted(grid, next((side for side in sides if images * _ROW_BYTES * side <= _PATCH_BYTES), sides[-1]))


def drawn(found: Occluded, field: Grid, patch: Grid, *, soft: bool) -> Drawn:
    """What a page shows of one unit on one image.

    Args:
        found: what is known.
        field: rows and columns of the field.
        patch: rows and columns of the patch.
        soft: whether pixels belong to the patch by degrees.
    """
    highest = float(found.field.max())
    if not highest > 0:
        return Drawn(0.0, 0.0, None, None)
    cells = means(found.field, field)
    shades = np.rint(255 * cells / cells.max()).astype(np.uint8)
    runs = None if soft else _text(run_lengths(reduced_mask(found.mask, patch)))
    return Drawn(rounded(highest), rounded(found.mask.mean(dtype=np.float64)), _text(shades.tobytes()), runs)


def reduced_mask(mask: Floats, size: Grid) -> npt.NDArray[np.bool_]:
    """The cells at least half of which lie in a mask [height, width]; all that it touches where there is none."""
    shares = means(mask, size)
    chosen: npt.NDArray[np.bool_] = shares >= 0.5
    return chosen if chosen.any() else shares > 0


def run_lengths(mask: npt.NDArray[np.bool_]) -> bytes:
    """Lengths of runs of equal cells, row by row, as :class:`~neuronym.present.occlusion_page.ImageOcclusion` says."""
    flat = mask.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))  # the first run, of cells outside, may be empty
    return b"".join(_number(length) for length in np.diff(changes, prepend=0, append=flat.size).tolist())


def means(field: Floats, size: Grid) -> npt.NDArray[np.float64]:
    """The mean of a field [height, width] in each of fewer cells, which cover it without overlap, [rows, columns]."""
    down, across = (np.arange(cells) * given // cells for cells, given in zip(size, field.shape, strict=True))
    sums = np.add.reduceat(np.add.reduceat(field, down, 0, np.float64), across, 1)
    areas = np.outer(*(np.diff(s, append=given) for s, given in zip((down, across), field.shape, strict=True)))
    found: npt.NDArray[np.float64] = sums / areas
    return found


def fractions(box: Box | None, image: ImageRecord) -> tuple[float, float, float, float] | None:
    """A box in pixels of an image as fractions of its width and height."""
    if box is None:
        return None
    width, height = image.width, image.height
    x0, y0, x1, y1 = (
        round(part, _DECIMALS) for part in (box.x0 / width, box.y0 / height, box.x1 / width, box.y1 / height)
    )
    return x0, y0, x1, y1


def _number(value: int) -> bytes:
    """Groups of 7 bits, the lowest first; all bytes but the last have the bit 128."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _number(value >> 7)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
