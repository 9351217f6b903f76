"""Reading a CSV of labels in one of the published layouts, or with columns of units and descriptions."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import UserError
from neuronym.evaluate.label_layouts import TEXTS, UNITS, Cells, Layout, folded, layout_of, title_of
from neuronym.probes.tables import Table, read_table

_KIND = "label file"
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a file says of one unit.

    Attributes:
        line: where it stands in the file, from 1; the first of several.
        layer: as the file names it; None where the file has no column of layers.
        unit: from 0.
        texts: the description, then further labels or candidates.
        scores: one for each text, where the file has them.
    """

    line: int
    layer: str | None
    unit: int
    texts: tuple[str, ...]
    scores: tuple[float | None, ...]


@dataclass(frozen=True)
class LabelFile:
    """Labels as they were read.

    Attributes:
        name: the file's name without its ending.
        path: where it was read.
        layout: which layout it is in; see :data:`neuronym.evaluate.label_layouts.LAYOUTS`.
        rows: one for each unit that has a description, in the order of the file.
        has_layers: whether it has a column of layers.
        first_unit: the number that the file gives to the first unit of a layer, 0 or 1.
        key: sixteen hex digits of the SHA-256 of its bytes.
        left_out: why rows were left out, and how many.
    """

    name: str
    path: str
    layout: str
    rows: tuple[LabelRow, ...]
    has_layers: bool
    first_unit: int
    key: str
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it names, in order of appearance."""
        return tuple(dict.fromkeys(row.layer for row in self.rows if row.layer is not None))

    @property
    def notes(self) -> tuple[str, ...]:
        """What became of the file's rows where it is not plain, a sentence each."""
        counted = (f"{self.path}: its units are counted from 1.",) if self.first_unit else ()
        lines = (f"{self.path}: {count:,} {_rows(count)} left out, {reason}." for reason, count in self.left_out)
        return (*counted, *lines)


def read_label_file(path: str | Path, *, first_unit: int | None = None) -> LabelFile:
    """The labels of a CSV file; its layout is told by its columns, upper or lower case, blanks or underscores.

    Rows without a description say nothing of their unit: they are left out and counted. Repeated rows count once.

    Args:
        path: the file; cells are separated by commas, semicolons or tabs.
        first_unit: the number of a layer's first unit in this file, 0 or 1. By default what the layout says: 1 for
            Network Dissection, 0 for all others.

    Raises:
        UserError: the file cannot be read, is not UTF-8, has no rows or no descriptions, or lacks a column; a unit is
            no whole number or below the first; a unit has two descriptions.
    """
    if first_unit not in (None, 0, 1):
        raise UserError(f"Units are counted from 0 or from 1, not from {first_unit}. Give 0 or 1 as the first unit.")
    content = _content(path)
    table = read_table(path, _KIND)
    titles = [folded(title) for title in table.header]
    layout = layout_of(titles)
    if layout is None:
        raise UserError(_missing(table, titles))
    _check_once(table, titles, layout)
    first = layout.first_unit if first_unit is None else first_unit
    layer = title_of(titles, layout.layers)
    rows, left_out = _read(table, titles, layout, first)
    key = hashlib.sha256(content).hexdigest()[:16]
    name = Path(path).stem
    return LabelFile(name, str(path), layout.name, rows, layer is not None, first, key, left_out)


def _content(path: str | Path) -> bytes:
    """The file's bytes; empty where it cannot be read, which the reading of the table then reports.

    Raises:
        UserError: it begins like a text in another encoding than UTF-8.
    """
    place = Path(path).expanduser()
    content = place.read_bytes() if place.is_file() else b""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            raise UserError(
                f"The {_KIND} {str(path)!r} is {encoding} text, to judge by how it begins. Save it as UTF-8."
            )
    return content


def _missing(table: Table, titles: Sequence[str]) -> str:
    """Which columns a file lacks."""
    lacks = [
        f"one of {thing} ({', '.join(names)})"
        for thing, names in (("units", UNITS), ("descriptions", TEXTS))
        if not set(names).intersection(titles)
    ]
    found = listed((title or "''" for title in table.header), 8)
    return f"The {_KIND} {table.path!r} has the columns {found}, and lacks {' and '.join(lacks)}. Rename a column."


def _check_once(table: Table, titles: Sequence[str], layout: Layout) -> None:
    """Refuse two columns of one name, if it is one that is read."""
    read = {*layout.units, *layout.layers, *layout.needs, *TEXTS}
    for title, count in Counter(titles).items():
        if count > 1 and title in read:
            raise UserError(f"The {_KIND} {table.path!r} has {count} columns {title!r}. Keep one.")


def _read(
    table: Table, titles: Sequence[str], layout: Layout, first: int
) -> tuple[tuple[LabelRow, ...], tuple[tuple[str, int], ...]]:
    """The rows with a description, one for each unit, and why others were left out."""
    rows: dict[tuple[str | None, int], LabelRow] = {}
    left_out: Counter[str] = Counter()
    for values, line in zip(table.rows, table.lines, strict=True):
        cells = dict(zip(titles, values, strict=True))
        row = _row(cells, line, layout, first, table.path)
        if not row.texts:
            left_out[_why_nothing(cells, layout)] += 1
            continue
        place = (row.layer, row.unit)
        rows[place] = _joined(rows[place], row, layout, first, table.path) if place in rows else row
    if not rows:
        raise UserError(f"The {_KIND} {table.path!r} has no description in any of its rows.")
    return tuple(rows.values()), tuple(left_out.items())


def _row(cells: Cells, line: int, layout: Layout, first: int, path: str) -> LabelRow:
    layer = title_of(list(cells), layout.layers)
    if layer is not None and not cells[layer]:
        raise UserError(f"The {_KIND} {path!r} names no layer at line {line}, in its column {layer!r}. Fill it in.")
    unit = _unit(cells[title_of(list(cells), layout.units) or ""], line, layout, first, path)
    try:
        said = layout.said(cells)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise UserError(f"The {_KIND} {path!r} cannot be read at line {line}: {error}.") from error
    kept = said if layout.repeats else [one for i, one in enumerate(said) if one[0] not in {t for t, _ in said[:i]}]
    texts, scores = tuple(text for text, _ in kept), tuple(score for _, score in kept)
    return LabelRow(line, None if layer is None else cells[layer], unit, texts, scores)


def _unit(text: str, line: int, layout: Layout, first: int, path: str) -> int:
    """A unit's position from 0; tables that were once floating point write 3 as 3.0."""
    if not re.fullmatch(r"[0-9]{1,9}(\.0+)?", text):
        raise UserError(f"The {_KIND} {path!r} has {text!r} for a unit at line {line}. Units are whole numbers from 0.")
    found = int(text.partition(".")[0])
    if found < first:
        why = "" if layout.first_unit != first else f", as the files of {layout.name} do"
        raise UserError(
            f"The {_KIND} {path!r} has unit 0 at line {line}, but its units were to be counted from 1{why}. "
            "Give --first-unit 0."
        )
    return found - first


def _joined(row: LabelRow, other: LabelRow, layout: Layout, first: int, path: str) -> LabelRow:
    """Two rows of one unit as one."""
    if layout.repeats:
        return LabelRow(row.line, row.layer, row.unit, row.texts + other.texts, row.scores + other.scores)
    if row.texts == other.texts:
        return row
    where = "" if row.layer is None else f" of layer {row.layer!r}"
    if layout.name == "Neuronym":
        remedy = "It seems to hold several runs; export one with --run."
    else:
        remedy = "Keep one row for each unit, or name the column 'summary' if they are several references of it."
    raise UserError(
        f"The {_KIND} {path!r} describes unit {row.unit + first}{where} as {row.texts[0]!r} at line {row.line} and as "
        f"{other.texts[0]!r} at line {other.line}. {remedy}"
    )


def _why_nothing(cells: Cells, layout: Layout) -> str:
    if layout.name == "Neuronym":
        return f"whose units are in the state {cells['state']!r}"
    return "which have no description"


def _rows(count: int) -> str:
    return "row was" if count == 1 else "rows were"


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names for a message, at most six of them."""
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
