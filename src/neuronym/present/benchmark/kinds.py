"""Mean correlation by kind of unit, as a table whose ground gets stronger with the value."""

from __future__ import annotations

from collections import Counter

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.markup import Markup, tag
from neuronym.records.benchmark import BenchHost, BenchRow, Measure

STEPS = 10
"""Strengths of the ground beside none: a value of ``v`` has step ``round(10 v)``, and none below 0."""


def kinds_table(host: BenchHost) -> Markup | None:
    """Rows of labels by kinds of units; None where no row tells kinds apart, or there is one kind only."""
    counts = Counter(unit.kind for unit in host.units if unit.truth is not None)
    shown = [row for row in rows.ordered(host.rows) if _told(row)]
    there = [kind for kind in counts if any(_value(row, kind) is not None for row in shown)]
    there += sorted({kind for row in shown for kind in row.kinds} - set(counts))
    if len(there) < 2:
        return None
    heads = [tag("th", "Labels", scope="col"), *(_heading(kind, counts.get(kind, 0)) for kind in there)]
    body = [
        tag("tr", rows.head(row), [_cell(row.kinds.get(kind), kind) for kind in there], class_=f"row-{row.role}")
        for row in shown
    ]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), class_="bench heat"),
        class_="scroll pinned",
        tabindex="0",
        role="region",
        aria_label=f"Correlation by kind of unit on {host.name}",
    )


def left_out(host: BenchHost) -> str:
    """How many units have no correlation with a label, because nothing is true of them; empty if all have one."""
    rest = Counter(unit.kind for unit in host.units if unit.truth is None)
    told = ", ".join(f"{numbers.counted(many, 'unit')} of kind {kind}" for kind, many in rest.items())
    return f"Without a true label and so not here: {told}." if told else ""


def step(value: float | None) -> int:
    """How strong the ground of a value is, 0 to :data:`STEPS`."""
    return 0 if value is None else round(STEPS * min(max(value, 0.0), 1.0))


def scale() -> Markup:
    """What the grounds mean."""
    swatches = [tag("span", class_=f"swatch h{at}") for at in range(STEPS + 1)]
    return tag(
        "span", "0 and below", tag("span", swatches, class_="swatches", aria_hidden="true"), "1", class_="scale tabular"
    )


def _heading(kind: str, many: int) -> Markup:
    units = tag("span", numbers.counted(many, "unit"), class_="note")
    return tag("th", tag("bdi", kind), units, scope="col", class_="figure")


def _cell(measure: Measure | None, kind: str) -> Markup:
    if measure is None or measure.value is None:
        return tag("td", numbers.NOTHING, class_="figure", data_kind=kind)
    return tag(
        "td",
        numbers.figure(measure.value),
        class_=f"figure h{step(measure.value)}",
        title=numbers.worded(measure),
        data_kind=kind,
    )


def _told(row: BenchRow) -> bool:
    return any(measure.value is not None for measure in row.kinds.values())


def _value(row: BenchRow, kind: str) -> float | None:
    return row.kinds[kind].value if kind in row.kinds else None
