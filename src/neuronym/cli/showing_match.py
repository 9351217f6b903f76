"""The tables of ``neuronym compare`` in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.evaluate.text_match import Agreement, Group, Match

_WORDS = {"constant": "best constant", "random": "random labels", "shuffled": "  shuffled"}


def show_match(match: Match, console: Console) -> None:
    """A table for each choice of units, and what its columns mean."""
    over = "the units that all sets share" if match.common else "the units that a set shares"
    title = f"{match.similarity}, {match.references} over references, over {over} with the reference"
    console.print(title, style="bold", highlight=False, markup=False)
    for group in match.groups:
        _show_group(group, console)
    console.print(
        "In brackets 95% intervals over units. exact: share of labels that are a reference, or a synonym that it lists "
        "with commas. test half: over the half of the units that the constant label was not chosen on.",
        style="dim",
        highlight=False,
    )


def _show_group(group: Group, console: Console) -> None:
    units = f"{group.units:,} unit{'' if group.units == 1 else 's'}"
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column(units, overflow="fold", style="cyan")
    for name in ("similarity", "exact", "test half", "exact"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in group.rows:
        name = str(row.labels) if row.row == "descriptions" else _WORDS[row.row]
        shown.add_row(Text(name), *_cells(row.every), *_cells(row.half))
    console.print(shown)
    for row in group.rows:
        if row.text is not None:
            chosen = f"best constant: {row.text!r}, of {group.tried:,} texts the best on the other half."
            console.print(chosen, highlight=False, markup=False)


def _cells(found: Agreement | None) -> tuple[Text, Text]:
    if found is None:
        return Text("-"), Text("-")
    return Text(f"{found.value:.3f} ({found.low:.3f}, {found.high:.3f})"), Text(f"{found.exact:.1%}")
