"""The figures of a held-out check, from its scores alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from neuronym.records import Score

METRIC = "pearson"
FLOOR = "pearson-random-95"
"""The 95th percentile of a unit's correlation over all labels but its own: one random label in twenty exceeds it."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out figures of one layer under one run.

    Attributes:
        units: how many explanations.
        scored: how many of them have a score.
        mean: mean correlation of the scored ones, -1 to 1; None if there are none.
        above_random: share of the scored ones that exceed the 95th percentile of random labels, 0 to 1.
        unscored: why the others have none, and how many, the most frequent reason first.
    """

    units: int
    scored: int
    mean: float | None
    above_random: float | None
    unscored: tuple[tuple[str, int], ...] = ()


def summary_of(scores: Iterable[Score]) -> HeldOut:
    """The figures of the scores of one layer."""
    by_metric: dict[str, dict[str, float | None]] = {METRIC: {}, FLOOR: {}}
    reasons: Counter[str] = Counter()
    for score in scores:
        if score.metric in by_metric:
            by_metric[score.metric][score.explanation] = score.value
        if score.metric == METRIC and score.unscored is not None:
            reasons[score.unscored] += 1
    unscored = tuple(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0])))
    pairs = [(value, by_metric[FLOOR][name]) for name, value in by_metric[METRIC].items()]
    scored = [(own, floor) for own, floor in pairs if own is not None and floor is not None]
    if not scored:
        return HeldOut(len(pairs), 0, None, None, unscored)
    mean = sum(own for own, _ in scored) / len(scored)
    above = sum(own > floor for own, floor in scored) / len(scored)
    return HeldOut(len(pairs), len(scored), mean, above, unscored)
