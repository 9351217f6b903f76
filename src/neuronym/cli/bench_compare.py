"""``neuronym bench compare``: what became better or worse from one result of the benchmark to the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuronym.cli.console import errors, output
from neuronym.errors import UserError

if TYPE_CHECKING:
    from neuronym.bench.comparing import Comparison

FORMAT = "neuronym-benchmark-comparison"
SCHEMA = 1


def bench_compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The earlier result, as bench --json writes it.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The later result.")],
    every: Annotated[
        bool, typer.Option("--all", help="Show every measure, not only those that changed beyond chance.")
    ] = False,
    units: Annotated[
        int, typer.Option("--units", min=0, help="How many of the units that lost and gained most by another label.")
    ] = 3,
    write: Annotated[str | None, typer.Option("--json", help="Write all differences there.")] = None,
    worse_fails: Annotated[
        bool,
        typer.Option(
            "--worse-fails", help="Exit with 1 if the score of a row became worse beyond chance, or the row fails now."
        ),
    ] = False,
) -> None:
    """Compare two results of the benchmark, row by row and unit by unit."""
    from neuronym.bench.comparing import compare
    from neuronym.bench.result_files import read_benchmark
    from neuronym.cli.showing_benchmarks import show_comparison
    from neuronym.store.atomic import check_writable

    place = None if write is None else Path(write).expanduser()
    if place is not None and place.is_dir():
        raise UserError(f"--json {write!r} is a folder. Name a file.")
    if place is not None:
        check_writable(place)
    before, after = read_benchmark(old), read_benchmark(new)
    found = compare(before, after)
    show_comparison(before, after, found, output(), every=every, units=units)
    if place is not None:
        _write(found, place)
        errors().print(f"All differences written to {write}.", markup=False, highlight=False, soft_wrap=True)
    if worse_fails and found.worse:
        rows = ", ".join(f"{row.row} on {row.host}" for row in found.worse)
        errors().print(f"Worse than before: {rows}.", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


def _write(found: Comparison, place: Path) -> None:
    from neuronym.bench.coding import pack
    from neuronym.bench.result_files import write_lines

    write_lines(place, {"format": FORMAT, "schema": SCHEMA, **pack(found)})
