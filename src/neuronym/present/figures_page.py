"""What the pages show of evaluations, as data; see :mod:`neuronym.present.pages`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
