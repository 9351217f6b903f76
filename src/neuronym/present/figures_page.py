"""What the pages show of evaluations, as data; see :mod:`neuronym.present.pages`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neuronym.present.unit_page import HistogramView


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What is said of a metric wherever it is shown.

    Attributes:
        name: the metric's name.
        title: what it is called.
        meaning: what its value says.
        share: whether the value is a share, which is shown in percent.
    """

    name: str
    title: str
    meaning: str
    share: bool = False


@dataclass(frozen=True, slots=True)
class StateInfo:
    """What is said of a state wherever it is shown.

    Attributes:
        name: the state.
        meaning: what it says of a unit.
    """

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """What the descriptions of a run were judged with.

    Attributes:
        source: what said how much of a description is in each image.
        at: when, in ISO format.
        settings: of the scores, by name.
        marks: metrics that fail a test of metrics, and which test.
    """

    source: str
    at: str
    settings: Mapping[str, str]
    marks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ConceptDetectors:
    """The detectors of one annotated concept: the units of a layer that a run describes by it.

    Attributes:
        concept: the concept's name.
        units: how many detectors it has, at least one.
    """

    concept: str
    units: int


@dataclass(frozen=True, slots=True)
class CategoryDetectors:
    """The detectors of the concepts of one category in a layer.

    Attributes:
        category: such as ``object``.
        concepts: those that have a detector, which are the unique detectors; that with most first, then by the
            alphabet.
    """

    category: str
    concepts: tuple[ConceptDetectors, ...]


@dataclass(frozen=True, slots=True)
class FigureView:
    """The mean of one metric over units.

    Attributes:
        metric: the metric's name.
        units: over how many.
        value: the mean; None if there are none.
        low: lower end of its 95 % interval over units.
        high: upper end.
    """

    metric: str
    units: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The figures of one kind of labels.

    Attributes:
        row: ``descriptions`` for what the run says; ``constant`` for the one label that fits all units best, ``random``
            for labels drawn at random, ``shuffled`` for the descriptions given to other units.
        text: the label of ``constant``.
        figures: means over the units that have a score, by metric.
    """

    row: str
    text: str | None
    figures: tuple[FigureView, ...]


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What came out of one run on one layer.

    Attributes:
        run: the position of the run among the study's runs.
        described: units with a description.
        states: how many units are in each of the report's states; states of no unit are left out.
        scored: descriptions with a held-out correlation.
        unresolved: how many of these the source made nothing of, so that they count as 0.
        unscored: why other descriptions have none, and how many, the most frequent reason first.
        held_out: histogram of the held-out correlations; None if there are none.
        floor: mean random floor of the scored ones.
        scores: histogram of the method's own scores; None if there are none.
        rows: held-out figures, of the descriptions and of other labels; empty if it was not evaluated.
        detectors: units by the annotated concept that describes them, object before part and so on; empty for methods
            that describe by other things.
    """

    run: int
    described: int
    states: Mapping[str, int]
    scored: int
    unresolved: int
    unscored: Mapping[str, int]
    held_out: HistogramView | None
    floor: float | None
    scores: HistogramView | None
    rows: tuple[FigureRow, ...]
    detectors: tuple[CategoryDetectors, ...]

    def figure(self, metric: str, row: str = "descriptions") -> FigureView | None:
        """The figure of a metric, if there is one."""
        some = (one for rows in self.rows if rows.row == row for one in rows.figures)
        return next((one for one in some if one.metric == metric), None)
