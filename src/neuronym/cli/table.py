"""``neuronym table``: what was said of the units."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from neuronym.cli import options as given
from neuronym.cli.console import errors, output
from neuronym.errors import UserError


def table(
    study: given.StudyFolder,
    layer: Annotated[str | None, typer.Option("--layer", help="Only this layer.")] = None,
    units: Annotated[str | None, typer.Option("--units", help="Only some units: 0,5,10-19.")] = None,
    search: Annotated[
        str | None, typer.Option("--search", help="Only descriptions with this text, in upper or lower case.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            help="Only units in this state: supported, weak, unsupported, abstained, failed, or described for all with "
            "a description.",
        ),
    ] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only this method.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Figures by this concept source, instead of the last one's.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", help="csv, parquet, json, or a peer's CSV: clip-dissect, milan or dnd."),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="Write there instead of to standard output.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Show only the first rows.")] = None,
) -> None:
    """Show, search and export the descriptions of a study."""
    from neuronym.cli.showing import show_table
    from neuronym.store.query import export
    from neuronym.store.study_store import StudyStore

    store = StudyStore(Path(study).expanduser())
    rows = store.table(
        layer, search=search, units=given.unit_list(units), state=state, method=method, run=run, source=source
    )
    if not len(rows):
        none = "No description fits what was asked."
        errors().print(none if store.manifest.runs else "Nothing was explained yet in this study.")
    if format is None and out is None:
        if len(rows):
            show_table(rows, output(), limit)
        return
    if format is None:
        format = _format_of(cast("str", out))
    place = None if out is None else Path(out).expanduser()
    if place is not None and place.is_dir():
        raise UserError(f"--out {out!r} is a folder. Name a file.")
    made = export(rows if limit is None else rows.slice(0, limit), place, cast("Any", format))
    if out is None:
        sys.stdout.buffer.write(made.data)
        sys.stdout.flush()
    else:
        errors().print(f"{made.rows:,} rows written to {out}.", markup=False, highlight=False, soft_wrap=True)
    if made.left_out:
        errors().print(f"{made.left_out:,} units without a description have no place in {format} and were left out.")


def _format_of(path: str) -> str:
    """The format that a file's name tells.

    Raises:
        UserError: it tells none.
    """
    ending = Path(path).suffix.lstrip(".").lower()
    if ending not in ("csv", "parquet", "json"):
        raise UserError(f"--out {path!r} does not tell the format. Add --format csv, parquet, json, clip-dissect ...")
    return ending
