"""A layer that is held in memory as dense arrays, with annotated concepts: what masks are checked against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neuronym.errors import MethodError
from neuronym.records import (
    Annotated,
    ConceptMasks,
    Grid,
    ImageRecord,
    LayerInfo,
    MaskConcept,
    MaskRule,
    Split,
    Summary,
    packed,
)
from neuronym.store.layer_tables import Top
from neuronym.store.layer_view import LEVELS, Contents, LayerView, Services

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


CONCEPTS = (
    MaskConcept("sky", "object"),
    MaskConcept("red", "colour"),
    MaskConcept("wood", "object"),
    MaskConcept("wood", "material"),
    MaskConcept("street", "scene"),
    MaskConcept("absent", "part"),
    MaskConcept("zigzag", "something else"),
)
GRID = (5, 14)  # 70 cells: a word and a bit


@dataclass(frozen=True, eq=False)
class DenseConcepts:
    """The :class:`~neuronym.store.mask_tables.Annotations` of masks bool [images, concepts, height, width].

    ``valid``, bool [images, height, width], says which cells count.
    """

    concepts: tuple[MaskConcept, ...]
    masks: Bools
    valid: Bools

    @property
    def about(self) -> Annotated:
        grid: Grid = (self.masks.shape[2], self.masks.shape[3])
        return Annotated(self.concepts, grid, "dense", "memory", int(self.valid.any((1, 2)).sum()))

    def rows(self, positions: Ints) -> ConceptMasks:
        found = [np.flatnonzero(self.masks[at].any((1, 2))) for at in positions]
        words = [packed(self.masks[at][numbers]) for at, numbers in zip(positions, found, strict=True)]
        starts = np.cumsum([0, *map(len, found)])
        return ConceptMasks(starts, np.concatenate(found), np.concatenate(words), packed(self.valid[positions]))


@dataclass(frozen=True, eq=False)
class DenseUnits:
    """The :class:`~neuronym.store.mask_tables.UnitMasks` of masks bool [images, units, height, width]."""

    masks: Bools

    @property
    def grid(self) -> Grid:
        return self.masks.shape[2], self.masks.shape[3]

    def rows(self, positions: Ints, units: Ints | None = None) -> npt.NDArray[np.uint64]:
        rows = packed(self.masks[positions])
        return rows if units is None else rows[:, units]


def masks_of(maps: npt.NDArray[np.floating[Any]], thresholds: npt.NDArray[np.float64], grid: Grid) -> Bools:
    """Where maps [images, units, height, width] or [images, units] are above thresholds [units], by torch."""
    values = torch.from_numpy(np.asarray(maps, np.float64))
    if values.ndim == 2:
        values = values[:, :, None, None].expand(-1, -1, *grid)
    else:
        values = torch.nn.functional.interpolate(values, grid, mode="bilinear", align_corners=False)
    return (values > torch.from_numpy(thresholds.copy())[:, None, None]).numpy()


class DenseTables:
    """The :class:`~neuronym.store.layer_tables.LayerTables` of maps, of which the first ``explain`` are explained."""

    def __init__(self, maps: npt.NDArray[np.float32], explain: int) -> None:
        self._maps = maps.reshape(*maps.shape[:2], *(maps.shape[2:] or (1, 1)))
        self._explain = explain

    def keeps(self, summary: Summary) -> bool:
        return summary in ("mean", "max")

    def summaries(self, summary: Summary, split: Split) -> npt.NDArray[np.float32]:
        part = self._maps[: self._explain] if split == "explain" else self._maps[self._explain :]
        return part.max((2, 3)) if summary == "max" else part.mean((2, 3))

    def top(self, summary: Summary, unit: int) -> Top:
        values = self.summaries(summary, "explain")[:, unit]
        order = np.argsort(-values, kind="stable")[:7]
        return Top(values[order], order)

    def maps(self, summary: Summary, unit: int) -> npt.NDArray[np.float32]:
        return self._maps[self.top(summary, unit).positions, unit]

    def quantiles(self) -> npt.NDArray[np.float64]:
        flat = self._flat()
        exact = np.quantile(flat, LEVELS, axis=1, method="inverted_cdf")
        return np.concatenate([exact, np.zeros_like(exact)])

    def moments(self) -> npt.NDArray[np.float64]:
        flat = self._flat()
        count = np.full(len(flat), flat.shape[1])
        rows = [flat.mean(1), flat.var(1), flat.min(1), flat.max(1), (flat != 0).sum(1), count]
        return np.stack(rows).astype(np.float64)

    def _flat(self) -> npt.NDArray[np.float64]:
        return self._maps[: self._explain].transpose(1, 0, 2, 3).reshape(self._maps.shape[1], -1).astype(np.float64)


def dense_view(
    maps: npt.NDArray[np.float32],
    concepts: Sequence[MaskConcept] = (),
    masks: Bools | None = None,
    valid: Bools | None = None,
    explain: int | None = None,
) -> LayerView:
    """A layer whose activations are known.

    Args:
        maps: of all images, [images, units, height, width] or [images, units].
        concepts: what is annotated.
        masks: where, [images, concepts, height, width]; None for images that nothing is known of.
        valid: the cells that count; all of them if not given.
        explain: how many images are explained, the first; all but a quarter if not given.
    """
    count = len(maps)
    explain = count - count // 4 if explain is None else explain
    images = tuple(
        ImageRecord(f"{at:04d}", "memory", str(at), 8, 8, split="explain" if at < explain else "test")
        for at in range(count)
    )
    size = (maps.shape[2], maps.shape[3]) if maps.ndim == 4 else None
    layer = LayerInfo("conv", False, None, "Conv2d", maps.shape[1], size, "nchw" if size else "flat")
    annotations = None
    if masks is not None:
        everywhere = np.ones((count, *masks.shape[2:]), np.bool_)
        annotations = DenseConcepts(tuple(concepts), masks, everywhere if valid is None else valid)
    contents = Contents(layer, DenseTables(maps, explain), images, None, annotations, _NO_SERVICES)

    def unit_masks(asked: LayerInfo, rule: MaskRule, grid: Grid) -> DenseUnits:
        return DenseUnits(masks_of(maps, LayerView(contents).mask_thresholds(rule), grid))

    return LayerView(replace(contents, services=replace(_NO_SERVICES, unit_masks=unit_masks)), "a-run")


def _none(*_: object) -> Any:
    raise MethodError("The layer in memory has no model and no pictures.")


_NO_SERVICES = Services(_none, _none, _none, _none, _none, _none)


def known_layer(seed: int, images: int = 24, units: int = 6) -> tuple[npt.NDArray[np.float32], Bools, Bools]:
    """Maps, concept masks and counting cells; units 2 and up follow a concept each, 0 is dead and 1 constant."""
    generator = np.random.default_rng(seed)
    masks = np.zeros((images, len(CONCEPTS), *GRID), np.bool_)
    for number in (0, 1, 2, 3, 6):
        masks[:, number] = (generator.random((images, *GRID)) < 0.3) & (generator.random((images, 1, 1)) < 0.6)
    masks[:, 4] = generator.random((images, 1, 1)) < 0.3  # true of whole images
    valid = np.ones((images, *GRID), np.bool_)
    valid[::3, :, 10:] = False  # padding
    valid[1] = False  # not annotated
    masks &= valid[:, None]
    maps = generator.random((images, units, *GRID), np.float32)
    maps[:, 2:] += masks[:, [0, 2, 4, 6][: units - 2]]
    maps[:, 0], maps[:, 1] = 0, 3
    return maps, masks, valid


def known_view(seed: int = 0, images: int = 24, units: int = 6) -> LayerView:
    maps, masks, valid = known_layer(seed, images, units)
    return dense_view(maps, CONCEPTS, masks, valid)
