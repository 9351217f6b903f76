"""Whether descriptions are true of their units on images that their makers did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuronym.errors import UserError
from neuronym.evaluate.abilities import counted
from neuronym.evaluate.baselines import rows
from neuronym.evaluate.figures import ABOVE_RANDOM, DISCRIMINATION, HEADLINE, STABILITY, LayerEvaluation
from neuronym.evaluate.mask_iou import Masked
from neuronym.evaluate.measures import Measures
from neuronym.evaluate.standing import standing
from neuronym.evaluate.vectors import Vectors, resolve, tidy
from neuronym.functional.metrics import bootstrap_means, bootstrap_pearson, interval
from neuronym.records import Assessment, ConceptSource, Explanation, Figure, Row, Score, Summary
from neuronym.store.layer_view import LayerView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_LEVEL = 0.95


@dataclass(frozen=True)
class Settings:
    """How descriptions are judged.

    Attributes:
        share: of the explain images on which a unit counts as active, above 0 and below 1.
        k: how many of the strongest images recall@k looks at.
        draws: resamples of the images behind each interval, 100 to 100,000.
        seed: decides resamples and random labels; 0 to 2**32 - 1.
    """

    share: float = 0.05
    k: int = 20
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UserError(f"The share of active images is {self.share}. Give a number between 0 and 1, such as 0.05.")
        for name, least, most in (("k", 1, None), ("draws", 100, 100_000), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if value < least:
                raise UserError(f"{name} is {value}. Give at least {least}.")
            if most is not None and value > most:
                raise UserError(f"{name} is {value}. Give at most {most:,}.")


def evaluate_layer(
    explanations: Sequence[Explanation],
    view: LayerView,
    source: ConceptSource,
    *,
    summary: Summary = "mean",
    pool: Sequence[str] = (),
    settings: Settings | None = None,
    masked: Masked | None = None,
) -> LayerEvaluation:
    """Scores, states and figures of descriptions of one layer by one run.

    The headline is Pearson's correlation of unit and concept over all test images (Oikarinen et al. 2025), with its
    interval over resampled images. Thresholds (where a unit is active, where a concept is present, what random labels
    reach) come from the explain images. Images that the source knows nothing of do not count.

    Args:
        explanations: of one run, of units of the view's layer.
        view: the layer.
        source: what says how much of a text is in each image.
        summary: g, what becomes of an activation map.
        pool: descriptions by others, which random labels are drawn from where the source lists nothing.
        settings: how.
        masked: what the units' masks are compared with; there is no IoU of masks without.
    """
    settings = settings or Settings()
    run = explanations[0].run if explanations else ""
    said = [one.description for one in explanations if one.description is not None]
    vectors = resolve(source, said, pool, settings.seed)
    explain = view.summaries(summary, "explain")[counted(source, "explain")]
    test = view.summaries(summary, "test")[counted(source, "test")]
    said_of = [one.unit.index for one in explanations if one.description is not None]
    ious = None if masked is None else masked.ious(view, said_of, vectors.texts, "test")
    measures = Measures(explain, test, vectors, settings.share, settings.k, ious)
    reasons = [_unscored(one, measures, source) for one in explanations]
    judged = [one for one, reason in zip(explanations, reasons, strict=True) if reason is None]
    units = np.array([one.unit.index for one in judged], np.int64)
    columns = np.array([_column(one, vectors) for one in judged], np.int64)
    found = _own(measures, units, columns, settings)
    scores = _scores(explanations, reasons, found, source.name)
    assessments = _assessments(explanations, reasons, found, source, vectors)
    figures = [
        *_row_figures(run, view.layer.name, source.name, "descriptions", found.metrics, settings),
        *_baselines(run, view.layer.name, source.name, measures, found, settings),
    ]
    return LayerEvaluation(run, view.layer.name, source.name, tuple(assessments), tuple(scores), tuple(figures))


@dataclass(frozen=True, eq=False)
class _Found:
    """What was found of the descriptions that have a score: arrays [pairs]."""

    units: Ints
    columns: Ints
    metrics: dict[str, Floats]
    low: Floats
    high: Floats
    floor: Floats


def _own(measures: Measures, units: Ints, columns: Ints, settings: Settings) -> _Found:
    """The metrics of units with their own descriptions; a column of -1 is a text that the source made nothing of."""
    resolved = np.flatnonzero(columns >= 0)
    metrics = measures.of_labels(units, columns)
    metrics[STABILITY], low, high = (np.zeros(len(units)) for _ in range(3))
    # Random labels reach the same floor, whether or not the unit's own text means anything.
    floor = measures.explain_floors(units, columns)
    step = max(1, 2**24 // settings.draws)
    for start in range(0, len(resolved), step):
        part = resolved[start : start + step]
        drawn = bootstrap_pearson(
            torch.from_numpy(measures.vectors.test[:, columns[part]]),
            torch.from_numpy(measures.test[:, units[part]]),
            draws=settings.draws,
            seed=settings.seed,
        )
        low[part], high[part] = (end.numpy() for end in interval(drawn, _LEVEL))
        metrics[STABILITY][part] = (drawn.numpy() > floor[part]).mean(0)
    return _Found(units, columns, metrics, low, high, floor)


_MISSING = {
    DISCRIMINATION: "there is no other unit to compare with",
    "wpmi": "its description means nothing to the source",
}
"""Why a description that is scored has no value of a metric."""


def _column(explanation: Explanation, vectors: Vectors) -> int:
    return vectors.columns.get(tidy(explanation.description or ""), -1)


def _unscored(explanation: Explanation, measures: Measures, source: ConceptSource) -> str | None:
    """Why there is no score, or None if there is one."""
    if explanation.description is None:
        return "it has no description"
    column = _column(explanation, measures.vectors)
    if column < 0 and not source.complete:
        return "its description is the name of no label"
    if column >= 0 and not measures.vectors.varies(column):
        return "what it says is the same on every test image"
    kinds, random = measures.vectors.kinds, measures.vectors.random
    if not (len(random) if column < 0 else (kinds[random] != kinds[column]).any()):
        return "there is no other label to compare with"
    if not measures.alive[explanation.unit.index]:
        return "it is constant on the explain or the test images"
    return None


def _scores(
    explanations: Sequence[Explanation], reasons: Sequence[str | None], found: _Found, source: str
) -> list[Score]:
    """A row for each explanation and metric."""
    scores: list[Score] = []
    place = 0
    for one, reason in zip(explanations, reasons, strict=True):
        for metric, values in found.metrics.items():
            if metric == ABOVE_RANDOM:
                continue
            value = None if reason is not None else _number(values[place])
            why = reason if reason is not None or value is not None else _MISSING.get(metric, "it is not defined")
            own = metric == HEADLINE and reason is None
            low, high = (float(end[place]) if own else None for end in (found.low, found.high))
            scores.append(Score(one.id, metric, source, "test", value, low, high, why))
        place += reason is None
    return scores


def _assessments(
    explanations: Sequence[Explanation],
    reasons: Sequence[str | None],
    found: _Found,
    source: ConceptSource,
    vectors: Vectors,
) -> list[Assessment]:
    made: list[Assessment] = []
    place = 0
    for one, reason in zip(explanations, reasons, strict=True):
        resolved = one.description is None or _column(one, vectors) >= 0
        if reason is not None:
            made.append(Assessment(one.id, source.name, None, None, None, None, None, resolved, reason))
            continue
        value, low, high, floor = (
            float(values[place]) for values in (found.metrics[HEADLINE], found.low, found.high, found.floor)
        )
        state = standing(value, low, floor)
        made.append(Assessment(one.id, source.name, state, value, low, high, floor, resolved))
        place += 1
    return made


def _baselines(
    run: str, layer: str, source: str, measures: Measures, found: _Found, settings: Settings
) -> list[Figure]:
    """The figures of what other labels reach with the same units."""
    figures: list[Figure] = []
    for row, labels in rows(measures, found.units, found.columns, settings.seed).items():
        values = measures.of_labels(np.tile(found.units, len(labels)), labels.ravel())
        means = {name: _by_unit(all_draws.reshape(labels.shape)) for name, all_draws in values.items()}
        text = measures.vectors.texts[int(labels[0, 0])] if row == "constant" else None
        figures += _row_figures(run, layer, source, row, means, settings, text)
    return figures


def _by_unit(values: Floats) -> Floats:
    """The mean over draws, [units], of values [draws, units] with NaN where there is none."""
    known = ~np.isnan(values)
    counts = known.sum(0)
    sums = np.where(known, values, 0).sum(0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _row_figures(
    run: str,
    layer: str,
    source: str,
    row: Row,
    metrics: dict[str, Floats],
    settings: Settings,
    text: str | None = None,
) -> list[Figure]:
    table = np.stack(list(metrics.values()), 1)
    known = ~np.isnan(table)
    ends = np.full((3, len(metrics)), np.nan)
    for pattern in np.unique(known, axis=1).T:  # metrics of the same units share their draws
        alike = (known == pattern[:, None]).all(0)
        if pattern.any():
            values = torch.from_numpy(table[np.ix_(pattern, alike)])
            ends[:, alike] = torch.stack(bootstrap_means(values, level=_LEVEL, seed=settings.seed)).numpy()
    means, lows, highs = ([_number(value) for value in one] for one in ends)
    columns = zip(metrics, known.sum(0).tolist(), means, lows, highs, strict=True)
    return [
        Figure(run, layer, source, row, metric, units, mean, low, high, text)
        for metric, units, mean, low, high in columns
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
