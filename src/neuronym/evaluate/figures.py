"""The figures of a layer under one source: what came out, as means over its units, beside what other labels reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neuronym.records import Assessment, Figure, Row, Score, Standing

HEADLINE = "pearson"
"""The metric by which descriptions are judged."""

ABOVE_RANDOM = "above-random"
"""The share of units whose held-out correlation exceeds the 95th percentile of random labels for the same unit."""

DISCRIMINATION = "discrimination"
"""The share of the layer's other units that go less with the description than its own unit does; 0.5 by chance."""

STABILITY = "stability"
"""The share of resamples of the held-out images in which the correlation exceeds the explain images' random floor."""

MASK_IOU = "mask_iou"
"""Intersection over union of the masks of unit and description over the held-out images, where masks are known."""

METRICS = (
    *(HEADLINE, "auprc", "f1", "iou", "auroc", "inverse_auroc", "recall_at_k", "spearman", "cosine", "wpmi"),
    *("cosy_auc", "cosy_mad"),
)
"""Metrics of :mod:`neuronym.functional.metrics` that every description gets."""


@dataclass(frozen=True)
class LayerEvaluation:
    """What an evaluation found for one layer under one run.

    Attributes:
        run: the run.
        layer: the layer.
        source: what said how much of a text is in each image.
        assessments: of every explanation.
        scores: of every explanation and metric.
        figures: means over the scored units, by metric and row.
    """

    run: str
    layer: str
    source: str
    assessments: tuple[Assessment, ...]
    scores: tuple[Score, ...]
    figures: tuple[Figure, ...]

    @property
    def units(self) -> int:
        """How many explanations there are."""
        return len(self.assessments)

    @property
    def scored(self) -> int:
        """How many of them have a score."""
        return sum(one.value is not None for one in self.assessments)

    @property
    def unresolved(self) -> int:
        """How many of the scored ones the source made nothing of, so that they count as 0."""
        return sum(one.value is not None and not one.resolved for one in self.assessments)

    @property
    def unscored(self) -> tuple[tuple[str, int], ...]:
        """Why the others have none, and how many, the most frequent reason first."""
        reasons = Counter(one.unscored for one in self.assessments if one.unscored is not None)
        return tuple(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0])))

    @property
    def states(self) -> Mapping[Standing, int]:
        """How many descriptions are in each state."""
        found: Counter[Standing] = Counter(one.state for one in self.assessments if one.state is not None)
        return {state: found[state] for state in ("supported", "weak", "unsupported")}

    def figure(self, metric: str, row: Row = "descriptions") -> Figure | None:
        """The figure of a metric and row, if there is one."""
        return next((one for one in self.figures if (one.metric, one.row) == (metric, row)), None)

    @property
    def mean(self) -> float | None:
        """Mean held-out correlation of the scored descriptions; None if there are none."""
        return self._value(HEADLINE)

    @property
    def above_random(self) -> float | None:
        """Share of the scored units above the 95th percentile of random labels, 0 to 1."""
        return self._value(ABOVE_RANDOM)

    def _value(self, metric: str) -> float | None:
        found = self.figure(metric)
        return None if found is None else found.value


def metrics_of(figures: Iterable[Figure]) -> Sequence[str]:
    """The metrics that figures are of, in their order."""
    return tuple(dict.fromkeys(one.metric for one in figures))
