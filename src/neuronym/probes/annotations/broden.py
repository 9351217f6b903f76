"""The folder layout of Broden, the annotated images of Network Dissection (Bau et al. 2017).

    index.csv       image, split, ih, iw, sh, sw and a column for each category. Its cells hold entries separated by
                    ``;``: the number of a label that is true of the whole image, or the path below ``images`` of a PNG
                    whose pixels are labels, R + 256 G. Label 0 is nothing. The sizes and the split are not read.
    label.csv       number, name, category: ``object(1234);part(12)``, the categories in which the label occurs
    category.csv    name: the categories; may be left out
    images/         the images and the PNG files

A label in the column of a category is the concept of its name in this category.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import concept_of
from neuronym.probes.annotations.files import Entry, FileAnnotator, Plane
from neuronym.probes.annotations.label_images import red_green
from neuronym.probes.annotations.legend import Legend, Numbering
from neuronym.probes.annotations.subjects import BY_FILE, Subjects, unused
from neuronym.probes.tables import Table, read_table

INDEX, LABELS, CATEGORIES = "index.csv", "label.csv", "category.csv"
IMAGES = "images"

_OTHER_COLUMNS = ("image", "split", "ih", "iw", "sh", "sw")
_COUNT = re.compile(r"\([^()]*\)$")


def is_broden(folder: Path) -> bool:
    """Whether a folder is of this layout."""
    return (folder / INDEX).is_file() and (folder / LABELS).is_file()


def image_names(root: Path) -> list[str]:
    """The images of the index, as paths below ``images``, each once.

    Raises:
        ProbeError: the index cannot be read or has no column of images.
    """
    table = _index(root)
    return list(dict.fromkeys(table.column(table.need("image"))))


def read_broden(name: str, root: Path, subjects: Subjects) -> FileAnnotator:
    """What a folder of this layout says of some images.

    Args:
        name: what the user typed.
        root: the folder.
        subjects: the images.

    Raises:
        ProbeError: a table is not as the module says, or its images are others.
    """
    table = _index(root)
    found = subjects.pair(table.column(table.need("image")), BY_FILE, table.path)
    categories = _categories(root, table)
    numbering = Numbering(str(root / LABELS))
    legends = _legends(read_table(root / LABELS, "table of labels"), list(categories), numbering)
    rows = {subject.key: row for row, subject in enumerate(found) if subject is not None}
    every = {key: _entry(table, row, categories, legends) for key, row in rows.items()}
    entries = {key: entry for key, entry in every.items() if entry != Entry()}
    notes = unused(name, found.count(None))
    return FileAnnotator(name, numbering.concepts, notes, root, subjects.by, entries)


def _index(root: Path) -> Table:
    return read_table(root / INDEX, "index of images")


def _categories(root: Path, table: Table) -> dict[str, int]:
    """The column of each category."""
    columns = {title: column for column, title in enumerate(table.header) if title.lower() not in _OTHER_COLUMNS}
    if (root / CATEGORIES).is_file():
        listed = read_table(root / CATEGORIES, "table of categories")
        known = set(listed.column(listed.need("name")))
        columns = {title: column for title, column in columns.items() if title in known}
    if not columns:
        raise ProbeError(
            f"{table.path!r} has no column of a category; its columns are: {', '.join(table.header)}. Give it one for "
            "each category of labels."
        )
    return columns


def _legends(table: Table, categories: Sequence[str], numbering: Numbering) -> dict[str, Legend]:
    """What labels mean in the column of each category."""
    numbers: dict[str, dict[int, int | None]] = defaultdict(lambda: {0: None})
    rows = zip(*(table.column(table.need(title)) for title in ("number", "name", "category")), strict=True)
    for (number, name, cell), line in zip(rows, table.lines, strict=True):
        label = _label(table, number, line)
        for category in dict.fromkeys(_COUNT.sub("", part).strip() for part in cell.split(";")):
            if category not in categories or not label:
                continue
            if label in numbers[category]:
                raise ProbeError(
                    f"The label {label} stands twice in {table.path!r}, again at line {line}. Keep one line."
                )
            numbers[category][label] = numbering.name(label, concept_of(name, category))
    return {
        category: Legend(numbers[category], f"Give it a line in {table.path!r} that names the category {category!r}.")
        for category in categories
    }


def _label(table: Table, cell: str, line: int) -> int:
    if not (cell.isascii() and cell.isdecimal()):
        raise ProbeError(
            f"The number {cell!r} at line {line} of {table.path!r} is not a whole number. Give the label's number."
        )
    return int(cell)


def _entry(table: Table, row: int, categories: Mapping[str, int], legends: Mapping[str, Legend]) -> Entry:
    planes: list[Plane] = []
    whole: list[int] = []
    for category, column in categories.items():
        where = f"column {category!r} at line {table.lines[row]} of {table.path!r}"
        for part in filter(None, map(str.strip, table.rows[row][column].split(";"))):
            if not (part.isascii() and part.isdecimal()):
                planes.append(Plane(f"{IMAGES}/{part}", legends[category], red_green))
            elif (number := legends[category].number(int(part), where)) is not None:
                whole.append(number)
    return Entry(tuple(planes), tuple(whole))
