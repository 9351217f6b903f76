"""Numbers as the page writes them: three decimals as in the terminal, shares in per cent, a proper minus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from neuronym.present.benchmark.markup import Markup, tag
from neuronym.records.benchmark import COLUMNS, Measure

NOTHING = "\N{EN DASH}"
"""Stands where there is no number."""


def figure(value: float | None, *, share: bool = False) -> str:
    """A number with three decimals and no nought before the point, or a share in per cent."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if share:
        return f"{_percent(value)} %"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return _minus(text.replace("0.", ".", 1) if abs(value) < 1 else text)


def interval(low: float | None, high: float | None, *, share: bool = False) -> str:
    """The ends of an interval; empty if there is none."""
    if low is None or high is None:
        return ""
    if share:
        return f"{_percent(low)} to {_percent(high)} %"
    return f"{figure(low)} to {figure(high)}"


def worded(measure: Measure, *, share: bool = False) -> str:
    """A mean with its interval and over how many units, as one line."""
    ends = interval(measure.low, measure.high, share=share)
    words = f"{figure(measure.value, share=share)}{f', 95 % interval {ends}' if ends else ''}"
    return f"{words}, {counted(measure.units, 'unit')}"


def is_share(column: str) -> bool:
    """Whether a column is shown in per cent."""
    return column in COLUMNS and COLUMNS[column].share


def small(value: float) -> str:
    """A positive quantity of any size with two or three digits that count."""
    if not math.isfinite(value):
        return NOTHING
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def seconds(value: float) -> str:
    """A time as minutes and seconds, or as seconds where they are few."""
    if value < 120:
        return f"{small(value)} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes:,} min {rest} s"


def count(value: int) -> str:
    """A count with commas."""
    return f"{value:,}"


def counted(value: int, thing: str) -> str:
    """A count and of what."""
    return f"{value:,} {thing}{'' if value == 1 else 's'}"


def moment(text: str) -> str:
    """A time in ISO 8601 to the minute, in UTC; text that is none stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at:%Y-%m-%d %H:%M}" if at.tzinfo is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def facts(pairs: Mapping[str, str | Markup | None]) -> Markup:
    """Names and values side by side, without those that have no value."""
    told = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs.items() if value)
    return tag("dl", told, class_="facts")


def _percent(value: float) -> str:
    text = f"{100 * value:.1f}"
    return _minus(text.removesuffix(".0") if value in (0, 1) else text)


def _minus(text: str) -> str:
    """Text of a number with a proper minus, and none before a nought."""
    return text.replace("-", "\N{MINUS SIGN}") if text.strip("-.0 ") else text.removeprefix("-")
