"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod, OverflowMethod
from rich.table import Table
from rich.text import Text

from neuronym.evaluate.figures import HEADLINE, MASK_IOU

if TYPE_CHECKING:
    import pyarrow as pa

    from neuronym.demo import Demonstration
    from neuronym.explain.concepts import ConceptSet
    from neuronym.study import Study

_DESCRIPTION = 24
"""Columns that a description has at least, before layers are folded to make room."""
_ALSO = 10
"""Columns below which other candidates are not shown at all."""
_GAP = 3
"""Columns between two columns of a table."""


def note_images(study: Study, console: Console) -> None:
    """Say which images there are, and what became of those that could not be used."""
    images, store = study.images, study.store
    explain = sum(image.split == "explain" for image in images)
    made = store.manifest.provenance
    text = f"{len(images):,} images, {explain:,} to explain and {len(images) - explain:,} to test"
    if (duplicates := made.get("duplicates")) and isinstance(duplicates, int):
        text += f"; {counted(duplicates, 'duplicate')} left out"
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


def note_concepts(concepts: ConceptSet | None, console: Console) -> None:
    """Say how many concepts there are to choose among, and what was left out of their file."""
    if concepts is None:
        return
    left_out = [
        counted(count, thing)
        for count, thing in ((concepts.blank, "blank line"), (concepts.duplicates, "repetition"))
        if count
    ]
    text = f"{len(concepts):,} concepts" + (f"; {' and '.join(left_out)} left out" if left_out else "")
    console.print(text, highlight=False)


def described_first(table: pa.Table) -> pa.Table:
    """The units that have a description, then the others; for a look at some of many."""
    import pyarrow as pa
    import pyarrow.compute as pc

    described = table["description"].is_valid()
    return pa.concat_tables([table.filter(described), table.filter(pc.invert(described))])


def show_table(table: pa.Table, console: Console, limit: int | None = None) -> None:
    """One row per explanation; the run is a column where there are several.

    Descriptions are shown in full. Where the terminal is narrow, the other candidates are cut first, then layers and
    runs are folded.
    """
    rows: list[dict[str, Any]] = table.to_pylist()
    columns = _columns(
        rows[:limit],
        several=len({row["run"] for row in rows}) > 1,
        scored=any(row.get(HEADLINE) is not None for row in rows),
        masked=any(row.get(MASK_IOU) is not None for row in rows),
    )
    widths = _widths({name: _width(name, cells) for name, cells in columns.items()}, console.width)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, width in widths.items():
        justify: JustifyMethod = "right" if name in ("unit", "score", "held-out r", "mask IoU") else "left"
        cut: OverflowMethod = "ellipsis" if name == "also" else "fold"
        style = _STYLES.get(name, "")
        shown.add_column(name, style=style, justify=justify, no_wrap=name == "also", overflow=cut, width=width)
    for cells in zip(*(columns[name] for name in widths), strict=True):
        shown.add_row(*cells)
    console.print(shown)
    if limit is not None and len(rows) > limit:
        console.print(f"{limit} of {len(rows):,} shown.", style="dim", highlight=False)
    _note_ties(rows, console)


def show_demonstration(found: Demonstration, console: Console) -> None:
    """What the demonstration found, a row per encoder under the name of each layer."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("described with")
    for name in ("units", "named", "held-out r", "supported", "weak"):
        shown.add_column(name, justify="right", no_wrap=True)
    above = ""
    for row in found.rows:
        if (place := f"{row.model}, {row.layer}") != above:
            above = place
            shown.add_row(Text(place, style="cyan"))
        figure = row.held_out
        named = "" if row.named is None else f"{row.named[0]} of {row.named[1]}"
        states = (f"{figure.states[state]:,}" for state in ("supported", "weak"))
        cells = (f"{row.method}, {row.encoder}", f"{figure.units:,}", named, _number(figure.mean), *states)
        shown.add_row(*map(Text, cells))
    console.print(shown)
    console.print(
        "named: units described by a name of their class. held-out r: mean correlation of unit and description over "
        "scenes that were not looked at. supported: the 95 % interval of a unit's r is above what one random label in "
        "twenty reaches; weak: r alone is.",
        style="dim",
        highlight=False,
    )
    parts = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in found.seconds.items() if seconds >= 0.5)
    console.print(f"{sum(found.seconds.values()):.0f} s: {parts}.", style="dim", highlight=False)


STATES = {"supported": "green", "weak": "yellow", "unsupported": "red", "abstained": "yellow", "failed": "red"}
"""The colour of a state; its word says the same."""

_STYLES = {"run": "dim", "layer": "cyan", "unit": "bold", "also": "dim"}


def _columns(rows: Sequence[Mapping[str, Any]], *, several: bool, scored: bool, masked: bool) -> dict[str, list[Text]]:
    """The cells of a table of explanations, by column."""
    columns = {"run": [Text(row["run"]) for row in rows]} if several else {}
    columns["layer"] = [Text(row["layer"]) for row in rows]
    columns["unit"] = [Text(str(row["unit"])) for row in rows]
    columns["description"] = [_description(row) for row in rows]
    columns["score"] = [Text(_number(row["score"])) for row in rows]
    if scored:
        columns["held-out r"] = [_correlation(row) for row in rows]
        if masked:
            columns["mask IoU"] = [Text(_number(row[MASK_IOU])) for row in rows]
        columns["state"] = [Text(row["state"], style=STATES.get(row["state"], "")) for row in rows]
    return columns | {"also": [_also(row) for row in rows]}


def _width(name: str, cells: Sequence[Text]) -> int:
    """Columns of the terminal that a column of a table needs."""
    return max(cell_len(name), *(cell_len(line) for cell in cells for line in cell.plain.split("\n")), 0)


def _widths(natural: Mapping[str, int], total: int) -> dict[str, int]:
    """The width of each column that is shown, given those that they need and that of the terminal."""
    widths = dict(natural)
    also = widths.pop("also")
    over = sum(widths.values()) + _GAP * len(widths) - total
    for name, least in (("description", _DESCRIPTION), ("layer", 8), ("run", 8), ("description", 8)):
        if over > 0 and name in widths:
            kept = max(min(least, widths[name]), widths[name] - over)
            over -= widths[name] - kept
            widths[name] = kept
    left = -over - _GAP
    if left >= min(_ALSO, also):
        widths["also"] = min(also, left)
    return widths


def _also(row: Mapping[str, Any]) -> Text:
    """Other candidates, best first."""
    texts = [candidate["text"] for candidate in row["candidates"] or () if candidate["text"] != row["description"]]
    return Text(", ".join(texts[:3]))


def _description(row: Mapping[str, Any]) -> Text:
    if row["description"] is not None:
        return Text(row["description"])
    return Text(f"{row['state']}: {row['reason']}", style="yellow" if row["state"] == "abstained" else "red")


def _correlation(row: Mapping[str, Any]) -> Text:
    value, low, high = row[HEADLINE], row.get("low"), row.get("high")
    if value is None:
        return Text("")
    interval = Text(f" [{low:.2f}, {high:.2f}]", style="dim") if low is not None and high is not None else ""
    return Text(f"{value:.2f}").append(interval)


def counted(count: int, thing: str) -> str:
    """A number of things in words."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def chosen_by(made_with: Mapping[str, Any]) -> str:
    """The method of a run, and what it chose with."""
    chosen = made_with.get("encoder") or made_with.get("concepts")
    words = [str(made_with["method"]), *([str(chosen)] if chosen else [])]
    rule = [] if made_with.get("abstain") is None else [f"abstaining at {made_with['abstain']}"]
    return ", ".join([*words, *rule])


def _note_ties(rows: list[dict[str, Any]], console: Console) -> None:
    tied = sum(any(part["kind"] == "tie" for part in row["evidence"] or ()) for row in rows)
    if tied:
        console.print(
            f"{tied} of {len(rows):,} descriptions share the best score with other concepts; how it was decided stands "
            "in their evidence.",
            style="dim",
            highlight=False,
        )
