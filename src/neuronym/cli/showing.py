"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.evaluate.figures import FLOOR, METRIC, HeldOut

if TYPE_CHECKING:
    import pyarrow as pa

    from neuronym.study import Study


def note_images(study: Study, console: Console) -> None:
    """Say which images there are, and what became of those that could not be used."""
    images, store = study.images, study.store
    explain = sum(image.split == "explain" for image in images)
    made = store.manifest.provenance
    text = f"{len(images):,} images, {explain:,} to explain and {len(images) - explain:,} to test"
    if made.get("duplicates"):
        text += f"; {made['duplicates']} duplicates left out"
    if store.skipped:
        text += f"; {len(store.skipped)} could not be read"
    console.print(text, highlight=False)
    for skipped in store.skipped[:5]:
        console.print(f"  {skipped.member}: {skipped.reason}", markup=False, highlight=False, soft_wrap=True)
    if len(store.skipped) > 5:
        console.print(f"  ... all of them: {store.folder / 'skipped.parquet'}", markup=False, highlight=False)
    notes = made.get("notes")
    for note in notes if isinstance(notes, list) else ():
        console.print(str(note), markup=False, highlight=False, soft_wrap=True)


def show_table(table: pa.Table, console: Console, limit: int | None = None) -> None:
    """One row per explanation; the run is a column where there are several."""
    rows: list[dict[str, Any]] = table.to_pylist()
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    several = len({row["run"] for row in rows}) > 1
    scored = METRIC in table.column_names
    if several:
        shown.add_column("run", style="dim")
    for name, style in (("layer", "cyan"), ("unit", "bold")):
        shown.add_column(name, style=style, justify="right" if name == "unit" else "left", no_wrap=True)
    shown.add_column("description", overflow="fold")
    shown.add_column("score", justify="right")
    if scored:
        shown.add_column("held-out r", justify="right")
    shown.add_column("also", style="dim", overflow="ellipsis", no_wrap=True)
    for row in rows[:limit]:
        cells = [Text(row["run"])] if several else []
        cells += [Text(row["layer"]), Text(str(row["unit"])), _description(row), Text(_number(row["score"]))]
        if scored:
            cells.append(_correlation(row))
        also = [candidate["text"] for candidate in row["candidates"] or () if candidate["text"] != row["description"]]
        cells.append(Text(", ".join(also[:3])))
        shown.add_row(*cells)
    console.print(shown)
    if limit is not None and len(rows) > limit:
        console.print(f"{limit} of {len(rows):,} shown.", style="dim", highlight=False)
    _note_ties(rows, console)


def show_figures(figures: Mapping[tuple[str, str], HeldOut], console: Console) -> None:
    """Held-out figures, a row per run and layer."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "layer"):
        shown.add_column(name, style="cyan" if name == "layer" else "dim", no_wrap=True)
    for name in ("units", "scored", "mean r", "above random"):
        shown.add_column(name, justify="right")
    for (run, layer), figure in figures.items():
        mean = "-" if figure.mean is None else f"{figure.mean:.3f}"
        above = "-" if figure.above_random is None else f"{figure.above_random:.1%}"
        shown.add_row(run, layer, f"{figure.units:,}", f"{figure.scored:,}", mean, above)
    console.print(shown)
    console.print(
        "mean r: correlation of unit and description over the test images. above random: share of the scored units "
        "whose r exceeds the 95th percentile of random labels (5% if the descriptions were random).",
        style="dim",
        highlight=False,
    )


def _description(row: Mapping[str, Any]) -> Text:
    if row["description"] is not None:
        return Text(row["description"])
    return Text(f"{row['state']}: {row['reason']}", style="yellow" if row["state"] == "abstained" else "red")


def _correlation(row: Mapping[str, Any]) -> Text:
    value, floor = row[METRIC], row.get(FLOOR)
    above = value is not None and floor is not None and value > floor
    return Text("" if value is None else f"{value:.2f}", style="green" if above else "red")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _note_ties(rows: list[dict[str, Any]], console: Console) -> None:
    tied = sum(any(part["kind"] == "tie" for part in row["evidence"] or ()) for row in rows)
    if tied:
        console.print(
            f"{tied} of {len(rows):,} descriptions share the best score with other concepts; how it was decided stands "
            "in their evidence.",
            style="dim",
            highlight=False,
        )
