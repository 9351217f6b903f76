"""From labels to the figures of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from neuronym.bench.labels import Right, right, true_labels
from neuronym.bench.pixels import Pixels
from neuronym.evaluate.baselines import rows as baseline_rows
from neuronym.evaluate.figures import DISCRIMINATION, HEADLINE, MASK_IOU
from neuronym.evaluate.measures import Measures
from neuronym.evaluate.vectors import resolve, tidy
from neuronym.functional.metrics import bootstrap_means, normalised
from neuronym.records import ConceptSource, Explanation, Summary, Unit
from neuronym.records.benchmark import BenchRow, BenchUnit, Measure, Role, Said
from neuronym.store.layer_view import LayerView

SUMMARY: Summary = "mean"
"""What becomes of a map when labels are judged: one choice for all rows, whatever summary a method looks at."""

TRUE, LIST = "true labels", "best of the list"

TITLES: dict[Role, str] = {"constant": "best constant", "random": "random labels", "shuffled": "shuffled truth"}
"""What the rows of labels that know nothing are called."""

_K = 20
_JUDGED = {"f1": "f1", "auprc": "auprc", DISCRIMINATION: "discrimination"}
"""Metrics of pairs beside the headline, and the columns that they go to; of masks there is one more."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class HostScorer:
    """Scores labels of one host's units on its test images.

    Means are over the judged units that have a true label. A unit of which nothing is said, or nothing that the
    world's grammar reads, is worth a correlation of 0.

    Args:
        view: the layer.
        truth: says how much of a text is in each image.
        units: the units that are judged.
        draws: resamples of units behind each interval.
        seed: of these, and of random labels.
        pixels: compares units with texts pixel by pixel; None where that is not measured, as of layers without maps.
    """

    def __init__(
        self,
        view: LayerView,
        truth: ConceptSource,
        units: Sequence[BenchUnit],
        draws: int = 1000,
        seed: int = 0,
        pixels: Pixels | None = None,
    ) -> None:
        self.units, self.draws, self.seed = tuple(units), draws, seed
        self.layer = view.layer.name
        self._explain, self._test = view.summaries(SUMMARY, "explain"), view.summaries(SUMMARY, "test")
        self._truth, self.pixels = truth, pixels
        self._judged = _JUDGED if pixels is None else {**_JUDGED, MASK_IOU: "mask_iou"}
        self._shares = np.full(view.layer.units, 0.05)
        for unit in units:
            if unit.frequency is not None:
                self._shares[unit.unit] = unit.frequency
        self.alive: npt.NDArray[np.bool_] = (np.ptp(self._explain, 0) > 0) & (np.ptp(self._test, 0) > 0)

    @cached_property
    def named(self) -> tuple[BenchUnit, ...]:
        """The judged units that have a true label: what every mean is over."""
        return tuple(unit for unit in self.units if unit.truth is not None)

    @cached_property
    def ceiling(self) -> Floats:
        """The held-out correlation of the true labels, [named]."""
        return self._pearson(true_labels(self.layer, self.units))

    @cached_property
    def floor(self) -> Floats:
        """The mean held-out correlation of random labels, [named]."""
        return self._means("random")[HEADLINE]

    def row(self, name: str, role: Role, labels: Mapping[int, Explanation]) -> BenchRow:
        """The figures of labels by unit; those of units that are not judged do not matter."""
        measures = self._measures(labels)
        columns = _columns(measures, self.units, labels)
        values, rights = self._values(measures, columns), self._rights(labels)
        at = [place for place, unit in enumerate(self.units) if unit.truth is not None]
        table = {
            **{column: values[metric][at] for metric, column in self._judged.items()},
            **{part: np.array([getattr(rights[one], part) for one in at], float) for part in ("top1", "top5")},
            "equivalent": np.array([rights[one].equivalent for one in at], float),
        }
        said = [place for place in at if _text(labels, self.units[place]) is not None]
        resolved = {"resolved": (columns[said] >= 0).astype(float)}
        pearson = values[HEADLINE][at]
        return BenchRow(
            name,
            role,
            self._headline(pearson) | self._measured(table) | self._measured(resolved),
            self._by_kind(pearson),
            tuple(self._said(place, labels, values, columns, rights) for place in range(len(self.units))),
        )

    def correlations(self, labels: Mapping[int, Explanation]) -> Measure:
        """The held-out correlation alone."""
        return self._measured({HEADLINE: self._pearson(labels)})[HEADLINE]

    def best_of_list(self) -> dict[int, Explanation]:
        """For each judged unit that lives the concept of the world's list that correlates most on the explain images.

        Concepts that are in all test images, or in none, are left out: nothing could be said of them there.

        Its score is this correlation. What a method loses against this row is the method's; what this row loses
        against the true labels is the list's.
        """
        measures = self._measures({})
        shown = measures.vectors.random_shown
        texts, found = measures.vectors.texts, {}
        for unit in self.units:
            if self.alive[unit.unit]:
                of_unit = measures.explain_table[unit.unit, shown]
                best = int(np.argmax(of_unit))
                name = Unit(self.layer, unit.unit)
                text = texts[int(shown[best])]
                found[unit.unit] = Explanation(name, "list", "list", "described", text, float(of_unit[best]))
        return found

    def baselines(self) -> list[BenchRow]:
        """The best constant label, random labels, and the true labels dealt out anew."""
        found = []
        for role in self._dealt:
            means = self._means(role)
            text = self._base.vectors.texts[int(self._dealt[role][0, 0])] if role == "constant" else None
            table = {column: means[metric] for metric, column in self._judged.items()}
            measures = self._headline(means[HEADLINE]) | self._measured(table)
            kinds = self._by_kind(means[HEADLINE])
            found.append(BenchRow(TITLES[role], role, measures, kinds, text=text))
        return found

    @cached_property
    def _base(self) -> Measures:
        return self._measures(true_labels(self.layer, self.units))

    @cached_property
    def _dealt(self) -> dict[Role, Ints]:
        """The labels of each baseline, [draws, named]."""
        columns = _columns(self._base, self.named, true_labels(self.layer, self.units))
        dealt = baseline_rows(self._base, _numbers(self.named), columns, self.seed)
        return {role: dealt[role] for role in ("constant", "random", "shuffled") if role in dealt}

    def _means(self, role: Role) -> dict[str, Floats]:
        """The metrics of a baseline, [named] each: the means over its draws."""
        dealt = self._dealt[role]
        found = self._base.of_labels(np.tile(_numbers(self.named), len(dealt)), dealt.ravel())
        return {metric: found[metric].reshape(dealt.shape).mean(0) for metric in (HEADLINE, *self._judged)}

    def _pearson(self, labels: Mapping[int, Explanation]) -> Floats:
        measures = self._measures(labels)
        return self._values(measures, _columns(measures, self.named, labels), self.named)[HEADLINE]

    def _measures(self, labels: Mapping[int, Explanation]) -> Measures:
        said = [one.description for one in labels.values() if one.description is not None]
        vectors = resolve(self._truth, said, (), self.seed)
        ious = None if self.pixels is None else self.pixels.ious(vectors.texts)
        return Measures(self._explain, self._test, vectors, self._shares, _K, ious)

    def _values(self, measures: Measures, columns: Ints, units: Sequence[BenchUnit] | None = None) -> dict[str, Floats]:
        """Metrics of units with their labels; of a unit that does not vary everything is 0."""
        numbers = _numbers(self.units if units is None else units)
        found = measures.of_labels(numbers, columns)
        return {metric: np.where(self.alive[numbers], found[metric], 0) for metric in (HEADLINE, *self._judged)}

    def _rights(self, labels: Mapping[int, Explanation]) -> list[Right]:
        return [right(labels.get(unit.unit), unit.truth) for unit in self.units]

    def _headline(self, pearson: Floats) -> dict[str, Measure]:
        """The mean correlation, as it is and between random and true labels."""
        found = self._measured({HEADLINE: pearson})
        if len(pearson):
            own, ceiling, floor = (torch.from_numpy(one) for one in (pearson, self.ceiling, self.floor))
            value, *ends = normalised(own, ceiling, floor, draws=self.draws, seed=self.seed)
            if not np.isnan(value):
                low, high = (None if np.isnan(end) or len(pearson) == 1 else end for end in ends)
                found["normalised"] = Measure(value, low, high, len(pearson))
        return found

    def _measured(self, table: Mapping[str, Floats]) -> dict[str, Measure]:
        """Means with intervals over units, by column."""
        return {column: measure(values, self.draws, self.seed) for column, values in table.items()}

    def _by_kind(self, pearson: Floats) -> dict[str, Measure]:
        kinds = [unit.kind for unit in self.named]
        return {
            kind: measure(pearson[[one == kind for one in kinds]], self.draws, self.seed)
            for kind in dict.fromkeys(kinds)
        }

    def _said(
        self,
        place: int,
        labels: Mapping[int, Explanation],
        values: Mapping[str, Floats],
        columns: Ints,
        rights: Sequence[Right],
    ) -> Said:
        unit = self.units[place]
        one = labels.get(unit.unit)
        text = _text(labels, unit)
        alive = self.alive[unit.unit] and text is not None
        value = float(values[HEADLINE][place]) if alive else None
        iou = float(values[MASK_IOU][place]) if alive and unit.truth is not None and MASK_IOU in values else None
        resolved = text is not None and bool(columns[place] >= 0)
        state = "abstained" if one is None else one.state
        score = None if one is None else one.score
        return Said(unit.unit, state, text, score, None, value, resolved, rights[place].equivalent, iou)


def measure(values: Floats, draws: int, seed: int) -> Measure:
    """A mean over units with its interval; of no units there is none."""
    if not len(values):
        return Measure(None)
    mean, low, high = (float(one[0]) for one in bootstrap_means(torch.from_numpy(values[:, None]), draws, seed=seed))
    return Measure(mean, low, high, len(values)) if len(values) > 1 else Measure(mean, units=1)


def _numbers(units: Sequence[BenchUnit]) -> Ints:
    return np.array([unit.unit for unit in units], np.int64)


def _text(labels: Mapping[int, Explanation], unit: BenchUnit) -> str | None:
    one = labels.get(unit.unit)
    return None if one is None else one.description


def _columns(measures: Measures, units: Sequence[BenchUnit], labels: Mapping[int, Explanation]) -> Ints:
    """The column of each unit's label; -1 where there is none or it is not understood."""
    texts = [_text(labels, unit) for unit in units]
    known = measures.vectors.columns
    return np.array([-1 if text is None else known.get(tidy(text), -1) for text in texts], np.int64)
