"""Concepts that hold for several classes: tables of super-classes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuronym.errors import ProbeError, nearest
from neuronym.probes.labels import SUPERCLASS_GROUP
from neuronym.probes.tables import read_table, read_text
from neuronym.records import LabelTable

ClassRef = int | str
"""A class by number or by name."""


@dataclass(frozen=True, eq=False)
class Classes:
    """What is known of the images' classes.

    Attributes:
        labels: the class of each image.
        numbers: the class number of each image.
        known: all class names that may be spoken of, with those of no image.
        count: how many classes the numbering has; None if it may have more than are known here.
    """

    labels: Sequence[str | None]
    numbers: Sequence[int | None]
    known: Collection[str]
    count: int | None


def numbered(labels: Sequence[str | None], names: Sequence[str], known: Collection[str]) -> Classes:
    """Classes that are numbered by their position in ``names``; classes in ``known`` alone have no number."""
    number = {name: index for index, name in enumerate(names)}
    return Classes(
        labels, [None if label is None else number.get(label) for label in labels], {*names, *known}, len(names)
    )


def read_superclasses(path: str | Path, classes: Classes) -> LabelTable:
    """One column a super-class, in the group ``superclass``: 1 for the images of its classes.

    The file is JSON, ``{super-class: [class number or class name, ...]}``, or a CSV with the columns ``class`` and
    ``superclass``, one pair a row; a class may have several super-classes. Super-classes that hold for no image or
    for every image are left out, because a constant column says nothing. So are numbers of classes without an image.

    Raises:
        ProbeError: the file has another form, names a class that is not known, numbers a class beyond the last, has
            a blank or repeated super-class, or no super-class tells any images apart.
    """
    if not any(label is not None for label in classes.labels):
        raise ProbeError(
            f"The super-classes of {str(path)!r} need images with class labels, and these have none. "
            "Give sub-folders by class, arrays with labels, or a label table."
        )
    groups = _read_csv(path) if Path(path).suffix.lower() in {".csv", ".tsv"} else _read_json(path)
    columns: dict[str, set[int]] = {}
    images_of: defaultdict[ClassRef | None, list[int]] = defaultdict(list)
    for image, refs in enumerate(zip(classes.labels, classes.numbers, strict=True)):
        for ref in refs:
            images_of[ref].append(image)
    for name, members in groups.items():
        _check(path, name, members, classes)
        images = {image for ref in members for image in images_of.get(ref, ())}
        if 0 < len(images) < len(classes.labels):
            columns[name] = images
    if not columns:
        raise ProbeError(
            f"None of the {len(groups)} super-classes of {str(path)!r} holds for some of the images but not for all. "
            "Check that the file is about the classes of these images."
        )
    values = np.zeros((len(classes.labels), len(columns)), np.float32)
    for column, images in enumerate(columns.values()):
        values[sorted(images), column] = 1
    return LabelTable(tuple(columns), (SUPERCLASS_GROUP,) * len(columns), values)


def _check(path: str | Path, name: str, members: Sequence[ClassRef], classes: Classes) -> None:
    where = f"the super-class {name!r} of {str(path)!r}"
    for ref in members:
        if isinstance(ref, str) and ref not in classes.known:
            near = nearest(ref, classes.known) or sorted(classes.known)[:3]
            raise ProbeError(
                f"There is no class {ref!r}, which {where} names. Nearest: {', '.join(near)}. Use the images' classes."
            )
        if isinstance(ref, int) and (ref < 0 or (classes.count is not None and ref >= classes.count)):
            raise ProbeError(
                f"There is no class number {ref}, which {where} names: the images have {classes.count} classes, "
                f"from 0. Use class names, or give a label table with a column 'index'."
            )


def _read_csv(path: str | Path) -> dict[str, list[ClassRef]]:
    table = read_table(path, "super-class table")
    classes, supers = table.find("class"), table.find("superclass")
    if len(classes) != 1 or len(supers) != 1:
        raise ProbeError(
            f"The super-class table {str(path)!r} has the columns {', '.join(table.header)}. It needs one column "
            "'class' and one column 'superclass'."
        )
    groups: defaultdict[str, list[ClassRef]] = defaultdict(list)
    for line, row in zip(table.lines, table.rows, strict=True):
        if not (row[classes[0]] and row[supers[0]]):
            raise ProbeError(f"The super-class table {str(path)!r} has a blank cell at line {line}. Fill or remove it.")
        groups[row[supers[0]]].append(row[classes[0]])
    return dict(groups)


def _read_json(path: str | Path) -> dict[str, list[ClassRef]]:
    try:
        pairs = json.loads(read_text(path, "super-class file"), object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise ProbeError(f"The super-class file {str(path)!r} is not JSON: {error}.") from error
    if not isinstance(pairs, _Pairs):
        raise ProbeError(f"The super-class file {str(path)!r} must hold {{super-class: [classes]}}.")
    groups: dict[str, list[ClassRef]] = {}
    for title, members in pairs:
        name = title.strip()
        if not name or name in groups:
            raise ProbeError(
                f"The super-class {name!r} of {str(path)!r} is {'given twice' if name else 'blank'}. Rename it."
            )
        if isinstance(members, _Pairs) or not isinstance(members, list) or not all(map(_is_ref, members)):
            raise ProbeError(
                f"The super-class {name!r} of {str(path)!r} must be a list of class numbers or class names."
            )
        groups[name] = members
    return groups


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its repeated keys, which a dict would hide."""


def _is_ref(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)
