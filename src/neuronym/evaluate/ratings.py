"""What people found of descriptions: figures by method, how valid the answers are, and how far the raters agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa

from neuronym.evaluate.rating_files import LEVELS, Response
from neuronym.functional.agreement import krippendorff_alpha, rank_correlation, weighted_kappa
from neuronym.functional.clusters import clustered_mean
from neuronym.records import Json
from neuronym.store.rating_key import RatingKey

RATINGS = pa.schema(
    {
        **{name: pa.string() for name in ("rater", "item", "layer")},
        "unit": pa.int64(),
        **{name: pa.string() for name in ("option", "description")},
        "runs": pa.list_(pa.string()),
        "rating": pa.int64(),
        "best": pa.bool_(),
        "state": pa.string(),
    }
)
"""The columns of :func:`ratings_table`."""

_LEAST_SHARED = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over responses with its 95 % interval (bootstrap over units).

    Attributes:
        value: the mean.
        low: the interval's lower end; None where there is one unit only.
        high: its upper end.
        responses: over how many responses.
        units: over how many units.
    """

    value: float
    low: float | None
    high: float | None
    responses: int
    units: int


@dataclass(frozen=True, slots=True)
class MethodFigures:
    """How one run fared.

    Attributes:
        run: its id.
        title: what it is called.
        rating: its mean rating, 1 to 5, higher is better; None without ratings.
        chosen: in what share of the responses it was chosen as best where it could be, 0 to 1; None where it could not.
            Descriptions that two runs share count for both.
    """

    run: str
    title: str
    rating: Estimate | None
    chosen: Estimate | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree on what several of them rated; None where that is not defined.

    Attributes:
        ordinal: Krippendorff's alpha of the ratings as ranks, 1 for perfect agreement, 0 for chance.
        interval: the same with differences of ratings.
        rank_correlation: Spearman's, mean over pairs of raters.
        kappa: Cohen's with quadratic weights, mean over pairs of raters.
        pairs: pairs of raters that share at least two ratings.
        shared: descriptions that at least two raters rated.
    """

    ordinal: float | None
    interval: float | None
    rank_correlation: float | None
    kappa: float | None
    pairs: int
    shared: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of some responses."""

    responses: int
    methods: tuple[MethodFigures, ...]
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class RaterCounts:
    """What one rater did: complete responses, how many of these are invalid, and how many more were begun only."""

    rater: str
    complete: int
    invalid: int
    incomplete: int


@dataclass(frozen=True, slots=True)
class RatingReport:
    """What came of a rating.

    Attributes:
        units: how many units the page asks about.
        unchecked: complete responses about units with one description, where validity cannot be checked.
        raters: what each rater did.
        valid: figures of the complete responses that are not invalid.
        kept: figures of all complete responses.
    """

    units: int
    unchecked: int
    raters: tuple[RaterCounts, ...]
    valid: Figures
    kept: Figures

    @property
    def invalid(self) -> int:
        """Complete responses that contradict themselves; see :attr:`Response.is_invalid`."""
        return sum(one.invalid for one in self.raters)

    @property
    def incomplete(self) -> int:
        """Responses that leave a question open; they are in no figure."""
        return sum(one.incomplete for one in self.raters)

    def to_json(self) -> Json:
        """All of it as plain values."""
        content: dict[str, Json] = asdict(self)
        return {"format": "neuronym-rating-figures", "schema": 1, **content}


def rating_report(responses: Sequence[Response], key: RatingKey, *, seed: int = 0) -> RatingReport:
    """The figures of some responses.

    Args:
        responses: each of another rater or unit.
        key: of the page they are about.
        seed: of the intervals' resamples.
    """
    complete = [one for one in responses if one.is_complete]
    valid = [one for one in complete if not one.is_invalid]
    return RatingReport(
        len(key.items),
        sum(not one.item.best for one in complete),
        tuple(_counts(rater, responses) for rater in sorted({one.rater for one in responses})),
        _figures(valid, key, seed),
        _figures(complete, key, seed),
    )


def ratings_table(responses: Sequence[Response], key: RatingKey) -> pa.Table:
    """Every description of every response, a row each, with the runs behind it; ``state`` is that of the response."""
    rows = [
        {
            **{"rater": one.rater, "item": one.item.item, "layer": one.item.layer, "unit": one.item.unit},
            **{"option": option.option, "description": option.description},
            "runs": [run for run in option.runs if run in key.runs],
            "rating": one.ratings.get(option.option),
            "best": None if one.best is None else one.best == option.option,
            "state": "incomplete" if not one.is_complete else "invalid" if one.is_invalid else "valid",
        }
        for one in responses
        for option in one.item.options
    ]
    return pa.Table.from_pylist(rows, schema=RATINGS)


def _counts(rater: str, responses: Sequence[Response]) -> RaterCounts:
    own = [one for one in responses if one.rater == rater]
    complete = sum(one.is_complete for one in own)
    return RaterCounts(rater, complete, sum(one.is_invalid for one in own), len(own) - complete)


def _figures(responses: Sequence[Response], key: RatingKey, seed: int) -> Figures:
    methods = tuple(_method(responses, run, title, seed) for run, title in key.runs.items())
    return Figures(len(responses), methods, agreement(responses))


def _method(responses: Sequence[Response], run: str, title: str, seed: int) -> MethodFigures:
    own = [(one, option.option) for one in responses for option in one.item.options if run in option.runs]
    rated = [(float(one.ratings[option]), one.item.item) for one, option in own]
    asked = [(float(one.best == option), one.item.item) for one, option in own if one.best is not None]
    return MethodFigures(run, title, _estimate(rated, seed), _estimate(asked, seed))


def _estimate(rows: Sequence[tuple[float, str]], seed: int) -> Estimate | None:
    if not rows:
        return None
    names = {name: number for number, name in enumerate(dict.fromkeys(name for _, name in rows))}
    values, clusters = np.array([value for value, _ in rows]), np.array([names[name] for _, name in rows])
    mean, interval = clustered_mean(values, clusters, seed=seed)
    low, high = (None, None) if interval is None else interval
    return Estimate(mean, low, high, len(rows), len(names))


def agreement(responses: Sequence[Response]) -> Agreement:
    """How far the raters of complete responses agree; each description of a unit is an item of its own."""
    raters = {name: row for row, name in enumerate(sorted({one.rater for one in responses}))}
    options = dict.fromkeys(option for one in responses for option in one.ratings)
    columns = {option: column for column, option in enumerate(options)}
    table = np.full((len(raters), len(columns)), math.nan)
    for one in responses:
        for option, rating in one.ratings.items():
            table[raters[one.rater], columns[option]] = rating
    known = np.isfinite(table)
    shared = [(one, other, known[one] & known[other]) for one, other in combinations(range(len(raters)), 2)]
    pairs = [
        (table[one, both].astype(int), table[other, both].astype(int))
        for one, other, both in shared
        if both.sum() >= _LEAST_SHARED
    ]
    return Agreement(
        _known(krippendorff_alpha(table, "ordinal")),
        _known(krippendorff_alpha(table, "interval")),
        _mean([rank_correlation(*pair) for pair in pairs]),
        _mean([weighted_kappa(*pair, LEVELS) for pair in pairs]),
        len(pairs),
        int((known.sum(0) >= 2).sum()),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: Sequence[float]) -> float | None:
    """The mean of those that are defined."""
    found = [value for value in values if not math.isnan(value)]
    return sum(found) / len(found) if found else None
