"""Two results of the benchmark side by side, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.bench.comparing import JUDGED, Change, Comparison, Relabelled, RowChange
from neuronym.bench.pairing import HEADLINE, SCORE
from neuronym.cli.figures import ends, mean, milliseconds, short
from neuronym.cli.showing import counted
from neuronym.records.benchmark import COLUMNS, Benchmark

_STYLES = {"better": "green", "worse": "red", "same": ""}
_HEAD = (SCORE, HEADLINE)
_WIDE = 124
"""Columns of a terminal that has room for the whole first table."""


def show_comparison(
    old: Benchmark, new: Benchmark, found: Comparison, console: Console, *, every: bool = False, units: int = 3
) -> None:
    """What changed on every host, then gates, what only one result has, and why figures may not be comparable.

    Args:
        old: the earlier result.
        new: the later one.
        found: the two compared.
        console: where to.
        every: show measures that did not change beyond chance too.
        units: how many units to show of each row, at either end.
    """
    for name, result in (("old", old), ("new", new)):
        version = result.environment.get("neuronym", "?")
        _say(console, f"{name}: {result.made}, neuronym {version}, {result.command}", "dim")
    _warn("These figures are not of the same thing", found.notes, console)
    for host in dict.fromkeys(row.host for row in found.rows):
        title = next((one.title for one in new.hosts if one.name == host), "")
        console.print()
        console.print(Text.assemble((host, "bold cyan"), f"  {title}"), soft_wrap=True)
        _show_host([row for row in found.rows if row.host == host], console, every=every, units=units)
    _show_gates(found, console)
    _show_only(found, console)
    _warn("Seconds cannot be compared", found.timing, console)
    _conclude(found, console)


def _say(console: Console, text: str, style: str = "") -> None:
    """A sentence as it is, on one line."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _warn(what: str, reasons: Sequence[str], console: Console) -> None:
    if reasons:
        _say(console, f"{what}: {' '.join(reasons)}", "yellow")


def _show_host(rows: Sequence[RowChange], console: Console, *, every: bool, units: int) -> None:
    console.print(_headlines(rows, wide=console.width >= _WIDE))
    more = [(row, one) for row in rows for one in row.changes if every or (one.measure not in _HEAD and _is_shown(one))]
    if more:
        console.print(_measures(more))
    for row in rows:
        _show_failure(row, console)
        if row.relabelled and units:
            _show_units(row, console, units)


def _show_failure(row: RowChange, console: Console) -> None:
    if row.new_failed is not None:
        when = "fails now" if row.old_failed is None else "failed in both"
        _say(console, f"{row.row} {when}: {row.new_failed}", "red")
    elif row.old_failed is not None:
        _say(console, f"{row.row} failed before: {row.old_failed}", "green")


def _is_shown(change: Change) -> bool:
    return change.verdict != "same"


def _headlines(rows: Iterable[RowChange], *, wide: bool) -> Table:
    """The score of each row; with its correlation and its time where there is room."""
    table = _table()
    table.add_column("row", overflow="fold")
    for title in ("score", "was", "change", "95 %", "verdict", "other labels"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("r", "was", "ms/unit", "was") if wide else ():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        labels = f"{len(row.relabelled)} of {row.labels}" if row.labels else ""
        cells = [*_change(row.change(SCORE), row), labels]
        if wide:
            seconds = milliseconds(row.new_seconds), milliseconds(row.old_seconds)
            cells += [*_change(row.change(HEADLINE), row)[:2], *seconds]
        table.add_row(Text(row.row), *cells, style="" if row.role in JUDGED else "dim")
    return table


def _measures(changes: Iterable[tuple[RowChange, Change]]) -> Table:
    table = _table()
    table.add_column("row", overflow="fold")
    table.add_column("measure", no_wrap=True)
    for title in ("is", "was", "change", "95 %", "verdict"):
        table.add_column(title, justify="right", no_wrap=True)
    last = ""
    for row, one in changes:
        name = "" if row.row == last else row.row
        cells = _change(one, row)
        table.add_row(Text(name), COLUMNS[one.measure].title, *cells, style="" if row.role in JUDGED else "dim")
        last = row.row
    return table


def _change(one: Change | None, row: RowChange) -> list[str | Text]:
    """The cells of a measure: new, old, difference, its interval and the verdict."""
    if one is None:
        return [""] * 5
    share = COLUMNS[one.measure].share
    cells = [*(mean(value, share=share, none="-") for value in (one.new, one.old)), _difference(one), _ends(one)]
    judged = row.role in JUDGED and one.verdict != "same"
    return [*cells, Text(one.verdict if judged else "", style=_STYLES[one.verdict])]


def _show_units(row: RowChange, console: Console, units: int) -> None:
    """The units that lost most by another label, and those that gained most."""
    told = [one for one in row.relabelled if one.truth is not None]  # of noise no label is better than another
    lost = [one for one in told if one.gain < 0][:units]
    gained = [one for one in told if one.gain > 0][-units:]
    if not lost and not gained:
        return
    text = f"{row.row}: {counted(len(row.relabelled), 'unit')} with another label"
    _say(console, f"{text}; {len(lost)} that lost most and {len(gained)} that gained most by it")
    table = _table()
    for title, right in (("unit", True), ("kind", False)):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for title in ("truth", "label was", "label is"):
        table.add_column(title, overflow="fold")
    for title in ("r was", "is"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in (*lost, *gained):
        table.add_row(*_unit(one))
    console.print(table)


def _unit(one: Relabelled) -> list[Text]:
    style = "red" if one.gain < 0 else "green"
    texts = [Text("-" if text is None else text) for text in (one.truth, one.old, one.new)]
    figures = [Text("-" if r is None else short(r)) for r in (one.old_pearson, one.new_pearson)]
    figures[1].stylize(style)
    return [Text(str(one.unit)), Text(one.kind), *texts, *figures]


def _show_gates(found: Comparison, console: Console) -> None:
    words = {True: "holds", False: "fails", None: "is not checked"}
    was = {True: "held", False: "failed", None: "was not checked"}
    for gate in found.gates:
        where = " ".join(part for part in (gate.host, gate.row) if part)
        style = {True: "green", False: "red", None: "yellow"}[gate.new]
        of = f" ({where})" if where else ""
        text = f"Gate {gate.name}{of} {words[gate.new]} and {was[gate.old]}: {gate.text}"
        _say(console, text, style)


def _show_only(found: Comparison, console: Console) -> None:
    for name, pairs in (("old", found.only_old), ("new", found.only_new)):
        if pairs:
            words = [f"{row} on {host}" if row else f"the host {host}" for host, row in pairs]
            _say(console, f"Only in the {name} result: {', '.join(words)}.", "yellow")


def _conclude(found: Comparison, console: Console) -> None:
    judged = [row for row in found.rows if row.role in JUDGED]
    better = sum(any(one.measure == SCORE and one.verdict == "better" for one in row.changes) for row in judged)
    worse = len(found.worse)
    text = f"{counted(len(judged), 'judged row')} in both: score better in {better}, worse in {worse}"
    console.print()
    _say(console, f"{text}, no change beyond chance in {len(judged) - better - worse}.", "bold")
    text = (
        "95 %: interval of the change over units, the same units drawn on both sides; the verdict is given where it "
        "leaves 0 out. Where results do not tell by unit, it is given where the two intervals have nothing in common."
    )
    console.print(text, style="dim", highlight=False, markup=False)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))


def _difference(one: Change) -> str:
    if not one.difference:
        return "-" if one.difference is None else "="
    share = COLUMNS[one.measure].share
    return f"{100 * one.difference:+.0f} pp" if share else short(one.difference, sign="+")


def _ends(one: Change) -> str:
    if one.low is None or one.high is None or one.low == one.high == 0:
        return ""
    if COLUMNS[one.measure].share:
        return f"{100 * one.low:+.0f} to {100 * one.high:+.0f}"
    return ends(one.low, one.high, sign="+")
