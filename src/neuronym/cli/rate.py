"""``neuronym rate``: a page on which people rate descriptions blindly, and figures of what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, errors, output
from neuronym.errors import UserError


def rate(
    study: given.StudyFolder,
    layers: Annotated[list[str] | None, typer.Option("--layers", help="Only these layers, with commas.")] = None,
    runs: Annotated[list[str] | None, typer.Option("--runs", help="Only these runs, with commas.")] = None,
    units: Annotated[
        int | None,
        typer.Option("--units", help="How many units to ask about, drawn evenly from the layers; 20 by default."),
    ] = None,
    images: Annotated[
        int | None, typer.Option("--images", help="How many of a unit's strongest images to show; 10 by default.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Decides which units are drawn and every order; with --import, the intervals.")
    ] = 0,
    out: Annotated[
        str | None, typer.Option("--out", help="The rating's folder; by default `rating` within the study.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a rating page that is there.")] = False,
    ratings: Annotated[
        list[str] | None, typer.Option("--import", help="Read ratings that were made on the page; can be repeated.")
    ] = None,
) -> None:
    """Write a page for blind rating of descriptions by people, or with --import show what they found."""
    if ratings:
        page_only = {"--layers": layers, "--runs": runs, "--units": units, "--images": images}
        _refuse([name for name, value in page_only.items() if value is not None] + ["--overwrite"] * overwrite)
        _import(study, ratings, out, seed)
        return
    from neuronym.rating import Asked, write_rating

    asked = Asked(
        None if layers is None else given.split_list(layers),
        None if runs is None else given.split_list(runs),
        20 if units is None else units,
        10 if images is None else images,
        seed,
    )
    with Reporter("Stopped. No rating page was written.") as progress:
        written = write_rating(study, out, asked, overwrite=overwrite, report=progress)
    errors().print(f"{written.units:,} of {written.eligible:,} units with descriptions.", highlight=False)
    place = written.page.absolute()
    output().print(f"Open {place}", markup=False, highlight=False, soft_wrap=True)
    note = "The page is all that raters need; key.json beside it says whose descriptions are whose. Keep it from them."
    errors().print(note, style="dim", markup=False, highlight=False, soft_wrap=True)


def _refuse(named: list[str]) -> None:
    if named:
        raise UserError(f"{named[0]} is for writing a rating page. Leave it out with --import.")


def _import(study: str, ratings: list[str], out: str | None, seed: int) -> None:
    from neuronym.cli.showing_ratings import show_ratings
    from neuronym.rating import FOLDER, import_ratings

    show_ratings(import_ratings(study, ratings, out, seed=seed), output())
    folder = Path(out if out is not None else Path(study) / FOLDER)
    errors().print(
        f"Written to {folder}: ratings.parquet, figures.json.", markup=False, highlight=False, soft_wrap=True
    )
