"""Label tables: how much of each concept is in each image, from class names and users' tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError
from neuronym.probes.matching import match
from neuronym.probes.sources import Source
from neuronym.probes.tables import Table, read_table
from neuronym.records import ImageRecord, LabelTable

CLASS_GROUP = "class"
SUPERCLASS_GROUP = "superclass"

CLASS_COLUMNS = ("class", "class_name", "label", "category", "name", "synset", "wnid")
"""Titles that a table's column of classes may bear, the most telling first."""

_INDEX_COLUMN = "index"
_NUMBERINGS = (_INDEX_COLUMN, "idx", "id", "class_index", "class_id", "label_id", "row")
_WORDS = {"true": "1", "false": "0"}


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """What a user's table says of the images, in their order.

    Attributes:
        classes: the class of each image, None where it has no row; None altogether without a column of classes.
        indices: the class number of each image, from a column ``index``; None without one.
        known: all classes that the table names, with those of other images.
        concepts: the columns of numbers, with zeros for images without a row; None if there are none.
        images_without_row: how many images the table says nothing about.
        rows_without_image: how many rows name no image of the set.
    """

    classes: tuple[str | None, ...] | None
    indices: tuple[int | None, ...] | None
    known: tuple[str, ...]
    concepts: LabelTable | None
    images_without_row: int
    rows_without_image: int


def class_table(labels: Sequence[str | None]) -> LabelTable | None:
    """One column a class, sorted by name, in the group ``class``: 1 for its images, 0 for others and unlabelled ones.

    None if no image has a label.
    """
    classes = sorted({label for label in labels if label is not None})
    if not classes:
        return None
    column = {name: index for index, name in enumerate(classes)}
    values = np.zeros((len(labels), len(classes)), np.float32)
    for row, label in enumerate(labels):
        if label is not None:
            values[row, column[label]] = 1
    return LabelTable(tuple(classes), (CLASS_GROUP,) * len(classes), values)


def join(tables: Iterable[LabelTable | None]) -> LabelTable | None:
    """The columns of several tables over the same images, side by side; None if there are none."""
    given = [table for table in tables if table is not None]
    if not given:
        return None
    return LabelTable(
        tuple(concept for table in given for concept in table.concepts),
        tuple(group for table in given for group in table.groups),
        np.concatenate([table.values for table in given], axis=1),
    )


def own_tables(records: Sequence[ImageRecord], sources: Sequence[Source]) -> LabelTable | None:
    """What sources know of their own images, in the order of ``records``; None if none of them knows anything.

    A concept that some source does not know counts as absent from its images.
    """
    rows_of: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        rows_of.setdefault(record.source, []).append(row)
    tables = [
        (rows, source.concept_table([records[row].member for row in rows]))
        for source in sources
        if hasattr(source, "concept_table") and (rows := rows_of.get(source.name))
    ]
    if not tables:
        return None
    names = list(dict.fromkeys(pair for _, table in tables for pair in zip(table.concepts, table.groups, strict=True)))
    columns = {pair: column for column, pair in enumerate(names)}
    values = np.zeros((len(records), len(names)), np.float32)
    for rows, table in tables:
        places = [columns[pair] for pair in zip(table.concepts, table.groups, strict=True)]
        values[np.ix_(rows, places)] = table.values
    return LabelTable(tuple(name for name, _ in names), tuple(group for _, group in names), values)


def read_labels(path: str | Path, records: Sequence[ImageRecord]) -> ImageLabels:
    """A CSV with one row an image: its class, or numbers from 0 to 1 that say how much of a concept it shows.

    The column that names the image is found as :func:`neuronym.probes.matching.match` says. A column titled class,
    class_name, label, category, name, synset or wnid (the first of these that there is) holds classes. Columns of
    numbers (or true and false) are concepts, named by their titles, in a group named like the file; next to a column
    of classes only those within 0..1 are, and columns that number rows or classes never are. Other text is ignored.

    Raises:
        ProbeError: the file is no UTF-8 CSV, no row or more than one fits an image, a concept has no name or that of
            another one, a value is missing or outside 0..1, or there are neither classes nor concepts.
    """
    table = read_table(path, "label table")
    found = match(table, records)
    class_column = next((column for column in table.find(*CLASS_COLUMNS) if column != found.column), None)
    concepts = _concepts(table, found.column, class_column)
    if class_column is None and not concepts:
        raise ProbeError(
            f"The label table {table.path!r} has neither a column of classes ({', '.join(CLASS_COLUMNS)}) nor columns "
            f"of numbers from 0 to 1. Its columns: {', '.join(table.header)}."
        )
    classes = None if class_column is None else [name or None for name in table.column(class_column)]
    indices = None if class_column is None else _indices(table, found.column)
    matched = sum(row is not None for row in found.rows)
    return ImageLabels(
        None if classes is None else tuple(None if row is None else classes[row] for row in found.rows),
        None if indices is None else tuple(None if row is None else indices[row] for row in found.rows),
        tuple(sorted({name for name in classes or () if name})),
        _concept_table(table, concepts, found.rows),
        len(records) - matched,
        len(table.rows) - matched,
    )


def _concepts(table: Table, image_column: int, class_column: int | None) -> dict[int, npt.NDArray[np.float32]]:
    """The columns that hold concepts, with their values for all rows of the table."""
    leave = {image_column, *table.find(*_NUMBERINGS), *table.find(*CLASS_COLUMNS)}
    concepts: dict[int, npt.NDArray[np.float32]] = {}
    for column in range(len(table.header)):
        values = None if column in leave else _numbers(table, column)
        if values is None:
            continue
        outside = np.flatnonzero(~((values >= 0) & (values <= 1)))
        if not outside.size:
            concepts[column] = values.astype(np.float32)
        elif class_column is None:
            row = int(outside[0])
            raise ProbeError(
                f"The concept {table.header[column]!r} of {table.path!r} is {table.rows[row][column] or 'missing'} at "
                f"line {table.lines[row]}. Give every image a number from 0 to 1, or remove the column."
            )
    _check_names(table, list(concepts))
    return concepts


def _numbers(table: Table, column: int) -> npt.NDArray[np.float64] | None:
    """The column as numbers, NaN where it is blank; None if it is text or blank altogether."""
    cells = [_WORDS.get(cell.lower(), cell) for cell in table.column(column)]
    if not any(cells):
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None


def _check_names(table: Table, columns: Sequence[int]) -> None:
    seen: set[str] = set()
    for column in columns:
        name = table.header[column]
        if not name:
            raise ProbeError(f"Column {column + 1} of {table.path!r} has no title. Name the concept, or remove it.")
        if name in seen:
            raise ProbeError(f"The concept {name!r} stands twice in the header of {table.path!r}. Keep or rename one.")
        seen.add(name)


def _concept_table(
    table: Table, concepts: dict[int, npt.NDArray[np.float32]], rows: Sequence[int | None]
) -> LabelTable | None:
    if not concepts:
        return None
    group = Path(table.path).stem
    if group in (CLASS_GROUP, SUPERCLASS_GROUP):
        raise ProbeError(
            f"The file name of {table.path!r} would name its concepts' group {group!r}, which is taken. "
            "Rename the file."
        )
    values = np.zeros((len(rows), len(concepts)), np.float32)
    images = [image for image, row in enumerate(rows) if row is not None]
    picked = [row for row in rows if row is not None]
    for position, column in enumerate(concepts.values()):
        values[images, position] = column[picked]
    return LabelTable(tuple(table.header[column] for column in concepts), (group,) * len(concepts), values)


def _indices(table: Table, image_column: int) -> list[int | None] | None:
    columns = [column for column in table.find(_INDEX_COLUMN) if column != image_column]
    if not columns:
        return None
    indices: list[int | None] = []
    for line, cell in zip(table.lines, table.column(columns[0]), strict=True):
        digits = cell.removesuffix(".0")
        if digits and not digits.isdecimal():
            raise ProbeError(
                f"The class number {cell!r} at line {line} of {table.path!r} is not a whole number. "
                f"Correct it, or rename the column {_INDEX_COLUMN!r}."
            )
        indices.append(int(digits) if digits else None)
    return indices
