"""``neuronym report``: pages that any browser opens from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, output
from neuronym.errors import UserError


def report(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY...", help="The folders of one or more studies.")],
    out: Annotated[
        str | None, typer.Option("--out", help="The report's folder; by default `report` within the study.")
    ] = None,
    layers: Annotated[list[str] | None, typer.Option("--layers", help="Only these layers, with commas.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="What the report is called.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report that is there.")] = False,
) -> None:
    """Write pages about the units: what makes them fire, what was said of them, how true it is."""
    from neuronym.reporting import write_report

    if out is None and len(studies) > 1:
        raise UserError("A report of several studies needs a folder of its own. Name one with --out.")
    folder = Path(out) if out is not None else Path(studies[0]) / "report"
    chosen = given.split_list(layers) if layers else None
    with Reporter("Stopped. No report was written.") as progress:
        page = write_report(folder, studies, layers=chosen, title=title, overwrite=overwrite, report=progress)
    output().print(f"Open {page.absolute()}", markup=False, highlight=False, soft_wrap=True)
