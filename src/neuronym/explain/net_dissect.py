"""Network Dissection: the annotated concept whose place in the images is most like the unit's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.explain.variation import still
from neuronym.functional.iou import Overlaps
from neuronym.records import Candidate, Evidence, Explanation, MaskConcept, MaskRule, Summary, Unit
from neuronym.store.detectors import BEST, CATEGORY, THRESHOLD, category_order
from neuronym.store.layer_view import LEVELS, LayerView

Preset: TypeAlias = Literal["paper", "reference"]

Ranked: TypeAlias = tuple[MaskConcept, float]
"""A concept and its IoU with a unit."""

EXEMPLARS = 5
"""Images that are given as evidence."""


@dataclass(frozen=True)
class NetDissect:
    """Network Dissection: the intersection over union (IoU) of where a unit fires and where a concept is annotated.

    A unit is active where its activation map, upsampled to the grid of the annotations, is strictly above its
    threshold. Cells are counted over all explain images, and the concept with the highest IoU describes the unit if
    that is above ``min_iou``. Where IoUs are equal, the alphabet decides, by name and then by category.

    Attributes:
        quantile: the threshold is this quantile of the unit's activations over all positions of all explain images, one
            of those that a study keeps; the paper's leaves the top 0.5 %.
        threshold: an activation to take instead, for all units; 0 fits units that are on or off.
        min_iou: an IoU of this or less is no description (section 2.3 of the paper).
        preset: ``paper``, or ``reference``, as the authors' code has it: for concepts of a category, a unit's active
            cells count only in images where at least one of them lies on a concept of that category.
        candidates: how many of the best concepts are kept.
    """

    quantile: float = 0.995
    threshold: float | None = None
    min_iou: float = 0.04
    preset: Preset = "paper"
    candidates: int = 10

    name: ClassVar[str] = "net-dissect"
    citation: ClassVar[str] = (
        "D. Bau, B. Zhou, A. Khosla, A. Oliva and A. Torralba: Network Dissection: Quantifying Interpretability of "
        "Deep Visual Representations. CVPR 2017."
    )
    summary: ClassVar[Summary] = "max"
    needs_annotations: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.quantile not in LEVELS:
            known = ", ".join(f"{level:g}" for level in LEVELS)
            raise MethodError(f"net-dissect got quantile={self.quantile}; a study keeps {known}.")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise MethodError(f"net-dissect got threshold={self.threshold}; it must be a finite activation.")
        if not 0 <= self.min_iou < 1:
            raise MethodError(f"net-dissect got min_iou={self.min_iou}; it must be 0 or more and below 1.")
        if self.preset not in get_args(Preset):
            raise MethodError(f"net-dissect has no preset {self.preset!r}. Use {', '.join(get_args(Preset))}.")
        if self.candidates < 1:
            raise MethodError(f"net-dissect got candidates={self.candidates}; it must be at least 1.")

    @property
    def mask_rule(self) -> MaskRule:
        """Where a unit counts as active."""
        return MaskRule(self.quantile) if self.threshold is None else MaskRule(None, float(self.threshold))

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit; see :class:`~neuronym.explain.explainer.Explainer`."""
        if not units:
            return
        silent, found = still(view), self._compared(units, view)
        for row, unit in enumerate(units):
            if unit.index in silent:
                yield Explanation(unit, self.name, view.run, "abstained", reason=silent[unit.index])
            else:
                yield self._explanation(unit, row, found, view)

    def _compared(self, units: Sequence[Unit], view: LayerView) -> _Compared:
        """How the units and the concepts overlap, counted in one sweep over the explain images."""
        concept_masks = view.concept_masks("explain")
        unit_masks = view.unit_masks(self.mask_rule, "explain", units=[unit.index for unit in units])
        assert view.annotated is not None  # or there would be no concept masks
        concepts = view.annotated.concepts
        kinds = sorted({concept.category for concept in concepts}, key=category_order)
        of_kind = np.array([kinds.index(concept.category) for concept in concepts], np.int64)
        overlaps, cells = Overlaps(len(units), len(concepts), of_kind), 0
        for block in unit_masks.blocks():
            masks = concept_masks.rows(block)
            overlaps.update(unit_masks.rows(block), masks)
            cells += int(np.bitwise_count(masks.valid).sum())
        present = [number for number in _alphabetical(concepts) if overlaps.concept_cells[number]]
        if not present:
            raise _nothing_there(view, len(concepts))
        iou = overlaps.iou_touched() if self.preset == "reference" else overlaps.iou()
        shown = tuple(concepts[number] for number in present)
        return _Compared(shown, iou[:, present], overlaps.unit_cells, cells, view.mask_thresholds(self.mask_rule))

    def _explanation(self, unit: Unit, row: int, found: _Compared, view: LayerView) -> Explanation:
        ranked = found.ranked(row)
        evidence = (
            *(
                Evidence("exemplar", exemplar.image_id)
                for exemplar in view.exemplars(unit.index, self.summary, maps=False)[:EXEMPLARS]
            ),
            *_best_by_category(ranked),
            Evidence(THRESHOLD, text=self._threshold(unit, row, found, view)),
        )
        kept = tuple(_distinct(ranked)[: self.candidates])
        reason = self._why_not(unit, row, found, ranked, view)
        if reason:
            return Explanation(unit, self.name, view.run, "abstained", None, None, kept, evidence, reason)
        (concept, score), tied = ranked[0], sum(iou == ranked[0][1] for _, iou in ranked)
        told = [Evidence(CATEGORY, text=concept.category)]
        if tied > 1:
            told.append(Evidence("tie", text=f"{tied} concepts have the best IoU; the first in the alphabet was taken"))
        return Explanation(unit, self.name, view.run, "described", concept.name, score, kept, (*told, *evidence))

    def _threshold(self, unit: Unit, row: int, found: _Compared, view: LayerView) -> str:
        whose = "" if self.threshold is not None else f" (its {self.quantile:g} quantile)"
        share = f"{100 * found.active[row] / found.cells:.3g} %" if found.cells else "none"
        text = f"active strictly above {found.thresholds[unit.index]:.4g}{whose}, in {share} of the cells that count"
        if view.layer.map_size in (None, (1, 1)):
            text += "; it has one activation per image, and is active everywhere or nowhere in it"
        return text

    def _why_not(self, unit: Unit, row: int, found: _Compared, ranked: Sequence[Ranked], view: LayerView) -> str:
        """Why a unit is not described; empty for one that is."""
        threshold = float(found.thresholds[unit.index])
        if not found.active[row]:
            return self._why_nowhere(unit, threshold, view)
        if found.active[row] == found.cells:
            return f"it is above its threshold, {threshold:.4g}, in every cell of every annotated explain image"
        if not ranked:
            return "none of the annotated concepts is where it is active"
        concept, iou = ranked[0]
        if iou <= self.min_iou:
            return (
                f"its best concept, {concept.name!r} ({concept.category}), has an IoU of {iou:.3g}, which is not above "
                f"{self.min_iou:g}"
            )
        return ""

    def _why_nowhere(self, unit: Unit, threshold: float, view: LayerView) -> str:
        """Why a unit that varies is active nowhere, and the remedy."""
        moments = view.moments
        low, high = float(moments.min[unit.index]), float(moments.max[unit.index])
        if high > threshold:
            return f"it is above its threshold, {threshold:.4g}, in no cell that counts of the annotated explain images"
        if self.threshold is not None:
            return f"it is nowhere above the threshold {threshold:g}; the highest of its activations is {high:.4g}"
        between = 0.0 if low <= 0 < high else (low + high) / 2
        remedy = f"Describe it with --threshold {between:.9g}"
        if moments.count * (1 - self.quantile) < 1:
            return (
                f"no cell is strictly above its threshold, {threshold:.4g}: of {moments.count} activations none is "
                f"above the quantile {self.quantile:g}. {remedy}, or with more images"
            )
        return (
            f"no cell is strictly above its threshold, {threshold:.4g}: that is the highest of its activations, and it "
            f"reaches it at more than the {100 * (1 - self.quantile):g} % of all positions that the quantile "
            f"{self.quantile:g} leaves. {remedy}"
        )


@dataclass(frozen=True, eq=False)
class _Compared:
    """How the asked units and the concepts overlap over the explain images.

    Attributes:
        concepts: those that are in at least one cell that counts, by the alphabet.
        iou: of each unit and each of these, [asked, concepts].
        active: in how many cells that count each unit is active, [asked].
        cells: how many cells count.
        thresholds: of all units of the layer, [units].
    """

    concepts: tuple[MaskConcept, ...]
    iou: npt.NDArray[np.float64]
    active: npt.NDArray[np.int64]
    cells: int
    thresholds: npt.NDArray[np.float64]

    def ranked(self, row: int) -> list[Ranked]:
        """The concepts that overlap with a unit and their IoU, best first."""
        values = self.iou[row]
        overlapping = np.flatnonzero(values > 0)
        order = overlapping[np.argsort(-values[overlapping], kind="stable")]  # equal ones stay in the alphabet's order
        return [(self.concepts[number], iou) for number, iou in zip(order, values[order].tolist(), strict=True)]


def _alphabetical(concepts: Sequence[MaskConcept]) -> list[int]:
    """The numbers of concepts in the order of their names, then of their categories."""
    return sorted(range(len(concepts)), key=lambda number: concepts[number])


def _distinct(ranked: Sequence[Ranked]) -> list[Candidate]:
    """Each name once, with its best score."""
    best: dict[str, float] = {}
    for concept, iou in ranked:
        best.setdefault(concept.name, iou)
    return [Candidate(name, iou) for name, iou in best.items()]


def _best_by_category(ranked: Sequence[Ranked]) -> list[Evidence]:
    """The best concept of each category that overlaps with a unit."""
    best: dict[str, Ranked] = {}
    for concept, iou in ranked:
        best.setdefault(concept.category, (concept, iou))
    chosen = (best[category] for category in sorted(best, key=category_order))
    return [
        Evidence(BEST, text=f"{concept.category}: {concept.name}, IoU {f'{iou:.3f}'.removeprefix('0')}")
        for concept, iou in chosen
    ]


def _nothing_there(view: LayerView, concepts: int) -> MethodError:
    images = len(view.images("explain"))
    return MethodError(
        f"None of the {concepts:,} annotated concepts is in any of the {images:,} explain images, or only where "
        "the network does not see it. Give annotations of these images with --annotations."
    )
