"""What a benchmark found, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.cli.figures import ends, mean, milliseconds
from neuronym.cli.showing import counted
from neuronym.records.benchmark import COLUMNS, BenchHost, Benchmark, BenchRow, Gate, PatchFit

_TRUE = ("normalised", "pearson", "f1", "auprc", "mask_iou", "top1", "top5", "equivalent")
_STEADY = ("resolved", "discrimination", "stable_images", "stable_noise", "silent", "lost", "aurc", "random_weights")
_WIDE = 110
"""Columns of a terminal in which whole names of rows have room."""

_NAME = 22
"""Columns that a row's name has at least."""

_DIM = ("constant", "random", "shuffled")


def show_benchmark(found: Benchmark, console: Console) -> None:
    """The tables of every host, and what must hold."""
    for host in found.hosts:
        _show_host(host, console)
    _explain(found, console)
    _show_gates(found.gates, console)


def _show_host(host: BenchHost, console: Console) -> None:
    named = sum(unit.truth is not None for unit in host.units)
    hopeless = sum(unit.hopeless for unit in host.units)
    text = f"  {host.title}: {counted(named, 'unit')} with a true label"
    text += f", {hopeless} dead or noise" if hopeless else ""
    console.print(
        Text.assemble((host.name, "bold cyan"), text, (f"  ({host.model}, {host.layer})", "dim")), soft_wrap=True
    )
    rows = ranked(host.rows)
    for columns, costs in ((_TRUE, False), (_STEADY, True)):
        shown = [column for column in columns if any(mean(row.measures.get(column)) for row in rows)]
        some = [row for row in rows if costs is False or row.role in ("truth", "list", "method", "labels")]
        if shown:
            console.print(_table(some, shown, console, costs=costs))
    if any(len(row.kinds) > 1 for row in rows):
        console.print(_kinds(host, rows, console))
    for row in rows:
        if row.patches is not None:
            console.print(_patches(row.name, row.patches), style="dim", markup=False, highlight=False, soft_wrap=True)
        if row.failed is not None:
            console.print(f"{row.name} failed: {row.failed}", style="red", markup=False, highlight=False)
    console.print()


def ranked(rows: Iterable[BenchRow]) -> list[BenchRow]:
    """The true labels first, then what is judged by its headline, then the reference rows."""
    order = {"truth": 0, "list": 1, "method": 2, "labels": 2}

    def key(row: BenchRow) -> tuple[int, float]:
        headline = row.measures.get("pearson")
        value = 0.0 if headline is None or headline.value is None else headline.value
        return order.get(row.role, 3), -value if row.role in ("method", "labels") else 0.0

    return sorted(rows, key=key)


def _table(rows: Sequence[BenchRow], columns: Sequence[str], console: Console, *, costs: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("row", overflow="fold", min_width=_NAME)
    for column in columns:
        table.add_column(COLUMNS[column].title, justify="right")
        if column == "normalised":
            table.add_column("95 %", justify="right", no_wrap=True)
    for title in ("ms/unit", "calls/unit") if costs else ():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        cells: list[str] = []
        for column in columns:
            one = row.measures.get(column)
            cells.append(mean(one, share=COLUMNS[column].share))
            if column == "normalised":
                cells.append("" if one is None else ends(one.low, one.high))
        if costs:
            cost = row.cost
            cells += ["", ""] if cost is None else [milliseconds(cost.seconds_per_unit), f"{cost.calls_per_unit:.1f}"]
        table.add_row(_name(row, console), *cells, style=_style(row))
    return table


def _kinds(host: BenchHost, rows: Sequence[BenchRow], console: Console) -> Table:
    """The mean correlation by kind of unit."""
    kinds = list(dict.fromkeys(kind for row in rows for kind in row.kinds))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("r by kind", overflow="fold", min_width=_NAME)
    for kind in kinds:
        count = sum(unit.kind == kind and unit.truth is not None for unit in host.units)
        table.add_column(f"{kind} {count}", justify="right")
    for row in rows:
        if row.kinds:
            table.add_row(_name(row, console), *(mean(row.kinds.get(kind)) for kind in kinds), style=_style(row))
    return table


def _patches(name: str, fit: PatchFit) -> str:
    """Where a method looked, beside where the units fired on the same images."""
    shares = [
        f"{what} {mean(one)}{f' ({ends(one.low, one.high)})' if one.low is not None else ''}"
        for what, one in (("of patches", fit.patch), ("of activation masks", fit.activation))
    ]
    text = f"IoU with the true concept's pixels on {counted(fit.exemplars, 'exemplar')} of {name}: {', '.join(shares)}"
    return f"{text}; without {', '.join(fit.left_out)}" if fit.left_out else text


def _explain(found: Benchmark, console: Console) -> None:
    rows = [row for host in found.hosts for row in host.rows]
    used = [column for column in COLUMNS if any(mean(row.measures.get(column)) for row in rows)]
    for column in used:
        console.print(f"{COLUMNS[column].title}: {COLUMNS[column].meaning}", style="dim", highlight=False, markup=False)
    text = (
        "Intervals are over units. calls/unit: images and texts encoded and passes of the network, those for the probe "
        f"images included. The whole run took {found.seconds:.0f} s."
    )
    console.print(text, style="dim", highlight=False, markup=False)


def _show_gates(gates: Sequence[Gate], console: Console) -> None:
    console.print()
    for name in dict.fromkeys(gate.name for gate in gates):
        some = [gate for gate in gates if gate.name == name]
        checked = [gate for gate in some if gate.passed is not None]
        failed = [gate for gate in checked if not gate.passed]
        mark = Text("fails", style="bold red") if failed else Text("holds", style="green")
        mark = mark if checked else Text("-    ", style="yellow")
        console.print(Text.assemble(mark, f"  {name}", (f"  ({counted(len(checked), 'case')})", "dim")), soft_wrap=True)
        for gate in some:
            if gate.passed is None:
                console.print(f"       {gate.host}: {gate.text}", style="yellow", markup=False, highlight=False)
        for gate in failed:
            where = " ".join(part for part in (gate.host, gate.row) if part)
            console.print(f"       {where}: {gate.text}", style="red", markup=False, highlight=False, soft_wrap=True)


def _name(row: BenchRow, console: Console) -> Text:
    """What a row is called; where the terminal is narrow, a method above its backend and parameters."""
    name = f"{row.name}: {row.text}" if row.text is not None else row.name
    method, question, query = name.partition("?")
    if console.width >= _WIDE or not question:
        return Text(name)
    first, *others = query.split("&")
    return Text("\n".join([method, f" ?{first}", *(f" &{one}" for one in others)]))


def _style(row: BenchRow) -> str:
    return "dim" if row.role in _DIM else "bold" if row.role in ("method", "labels") else ""
