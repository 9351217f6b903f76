"""The table of a host: every row with its means, their intervals and what it took."""

from __future__ import annotations

from collections.abc import Sequence

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.gauge import gauge
from neuronym.present.benchmark.markup import Content, Markup, hidden, tag
from neuronym.records.benchmark import COLUMNS, BenchHost, BenchRow, Cost, Measure

DRAWN = ("normalised", "pearson")
"""Columns whose intervals are drawn."""

_TIME = "Seconds that the method took for each unit, without what its backend does once for all."
_CALLS = "What models were asked for, for each unit: images and texts encoded, forward passes of the target."
COSTS = {"seconds": ("s / unit", _TIME), "calls": ("calls / unit", _CALLS)}
"""Titles and meanings of the columns of cost."""


def table(host: BenchHost) -> Markup:
    """The table in a box of its own, which scrolls where it is too wide."""
    there, shown = rows.columns(host), rows.ordered(host.rows)
    costs = list(COSTS) if any(row.cost for row in shown) else []
    best = {column: _best(shown, column) for column in there}
    heads = [tag("th", "Labels", scope="col"), *(_heading(name) for name in there), *(_cost(name) for name in costs)]
    ceiling = _value(rows.truth_of(host), "pearson")
    body = [_row(row, there, len(costs), best, ceiling) for row in shown]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), class_="bench"),
        class_="scroll pinned",
        tabindex="0",
        role="region",
        aria_label=f"Results on {host.name}",
    )


def direction(column: str) -> Markup:
    """An arrow that says which way is better, and the same in words."""
    up = COLUMNS[column].better == "up"
    arrow = tag("span", "\N{UPWARDS ARROW}" if up else "\N{DOWNWARDS ARROW}", aria_hidden="true", class_="way")
    return tag("span", "\N{NO-BREAK SPACE}", arrow, hidden(f" ({'higher' if up else 'lower'} is better)"))


def mean(measure: Measure, *, share: bool = False, leads: bool = False) -> Markup:
    """A mean and below it its interval; in bold if it leads."""
    value = tag("span", numbers.figure(measure.value, share=share), class_="value best" if leads else "value")
    ends = numbers.interval(measure.low, measure.high, share=share)
    return tag("span", value, [" ", tag("span", ends, class_="interval")] if ends else None, class_="mean")


def patches(row: BenchRow) -> Content:
    """Where the method of a row looked, beside where the units fired on the same images."""
    fit = row.patches
    if fit is None:
        return None
    return [
        f"IoU with the true concept's pixels on {numbers.count(fit.exemplars)} exemplars of ",
        rows.inline(row.name),
        *(": of patches ", mean(fit.patch), ", of activation masks ", mean(fit.activation)),
        *("; without ", tag("bdi", ", ".join(fit.left_out))) * bool(fit.left_out),
        ".",
    ]


def _heading(column: str) -> Markup:
    one = COLUMNS[column]
    words = tag("span", one.title, class_=None if " " in one.title else "whole")
    link = tag("a", words, direction(column), href=f"#column-{column}", title=one.meaning)
    return tag("th", link, scope="col", class_="figure", data_column=column)


def _cost(name: str) -> Markup:
    title, meaning = COSTS[name]
    link = tag("a", tag("span", title, class_="whole"), href=f"#column-{name}", title=meaning)
    return tag("th", link, scope="col", class_="figure", data_column=name)


def _row(
    row: BenchRow, columns: Sequence[str], costs: int, best: dict[str, float | None], ceiling: float | None
) -> Markup:
    if row.failed is not None:
        words = tag("td", tag("strong", "failed"), ": ", tag("bdi", row.failed), colspan=len(columns) + costs)
        return tag("tr", rows.head(row), words, class_=f"row-{row.role} failed-row", data_row=row.name)
    cells = [
        _cell(row, column, best[column], ceiling if column == "pearson" and row.role != "truth" else None)
        for column in columns
    ]
    return tag(
        "tr", rows.head(row), cells, _costs(row.cost) if costs else None, class_=f"row-{row.role}", data_row=row.name
    )


def _cell(row: BenchRow, column: str, best: float | None, ceiling: float | None) -> Markup:
    measure, share = row.measures.get(column), numbers.is_share(column)
    if measure is None or measure.value is None:
        return tag("td", numbers.NOTHING, class_="figure", data_column=column)
    leads = best is not None and rows.judged(row) and measure.value == best
    drawn = gauge(measure, ceiling) if column in DRAWN else None
    return tag(
        "td",
        drawn,
        mean(measure, share=share, leads=leads),
        class_="figure plotted" if drawn else "figure",
        title=numbers.worded(measure, share=share),
        data_column=column,
    )


def _costs(cost: Cost | None) -> list[Markup]:
    if cost is None:
        return [tag("td", numbers.NOTHING, class_="figure", data_column=name) for name in COSTS]
    units = numbers.counted(cost.units, "unit")
    time = f"{numbers.seconds(cost.seconds)} for {units}, and {numbers.seconds(cost.backend_seconds)} of its backend"
    asked = ", ".join(f"{numbers.count(many)} {kind}" for kind, many in cost.calls.items()) or "no call of a model"
    return [
        tag("td", numbers.small(cost.seconds_per_unit), class_="figure", title=time, data_column="seconds"),
        tag(
            "td",
            numbers.small(cost.calls_per_unit),
            class_="figure",
            title=f"{asked}, for {units}",
            data_column="calls",
        ),
    ]


def _best(shown: Sequence[BenchRow], column: str) -> float | None:
    """The best value of a column among methods and labels; None if there are no two to compare."""
    found = [value for row in shown if rows.judged(row) and (value := _value(row, column)) is not None]
    if len(found) < 2 or len(set(found)) < 2:
        return None
    return max(found) if COLUMNS[column].better == "up" else min(found)


def _value(row: BenchRow | None, column: str) -> float | None:
    measure: Measure | None = None if row is None else row.measures.get(column)
    return None if measure is None else measure.value
