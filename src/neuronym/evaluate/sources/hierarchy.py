"""A table of what is a kind of what: names above the images' labels, given when descriptions are judged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neuronym.errors import UserError, nearest
from neuronym.evaluate.sources.labels import plain
from neuronym.probes.tables import read_table, read_text
from neuronym.records import LabelTable

GROUP = "hierarchy"
"""The group of the names that a hierarchy adds."""


def read_hierarchy(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Names with what is directly below them.

    The file is JSON, ``{name: [names below it]}``, or a CSV of two columns, the lower name and the one above it, under
    any headings: one pair a row. Names below may have names below them.

    Raises:
        UserError: the file has another form.
    """
    rows = _read_csv(path) if Path(path).suffix.lower() in {".csv", ".tsv"} else _read_json(path)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for lower, upper in rows:
        if lower not in below[upper]:
            below[upper].append(lower)
    if not below:
        raise UserError(f"The hierarchy {str(path)!r} is empty. Give pairs of a name and the one above it.")
    return {upper: tuple(lower) for upper, lower in below.items()}


def with_hierarchy(labels: LabelTable, below: Mapping[str, Sequence[str]], path: str | Path = "") -> LabelTable:
    """The labels, and a column for each name above them: as much as the most of what is below it, at any depth.

    Raises:
        UserError: a name is below itself, or none of the lowest names is a label.
    """
    columns = {plain(name): column for column, name in reversed(list(enumerate(labels.concepts)))}
    upper = {plain(name): [plain(one) for one in lower] for name, lower in below.items()}
    known: dict[str, frozenset[int]] = {}
    for name in upper:
        _labels_under(name, upper, columns, known, (), path)
    made = [name for name in below if known[plain(name)] and plain(name) not in columns]
    if not made:
        lowest = sorted({one for lower in below.values() for one in lower} - set(below))
        near = nearest(lowest[0], labels.concepts) if lowest else []
        hint = f" Nearest to {lowest[0]!r}: {', '.join(near)}." if near else ""
        raise UserError(f"No name in the hierarchy {str(path)!r} leads to a label of these images.{hint}")
    values = [labels.values[:, sorted(known[plain(name)])].max(1) for name in made]
    return LabelTable(
        (*labels.concepts, *made),
        (*labels.groups, *(GROUP,) * len(made)),
        np.concatenate([labels.values, np.stack(values, 1)], 1),
    )


def _labels_under(
    name: str,
    below: Mapping[str, Sequence[str]],
    columns: Mapping[str, int],
    known: dict[str, frozenset[int]],
    above: tuple[str, ...],
    path: str | Path,
) -> frozenset[int]:
    """The columns of the labels at or under a name."""
    if name in above:
        circle = " > ".join([*above[above.index(name) :], name])
        raise UserError(f"The hierarchy {str(path)!r} puts {name!r} above itself: {circle}. Remove one of these pairs.")
    if name not in known:
        own = frozenset([columns[name]]) if name in columns else frozenset[int]()
        under = (_labels_under(one, below, columns, known, (*above, name), path) for one in below.get(name, ()))
        known[name] = own.union(*under)
    return known[name]


def _read_csv(path: str | Path) -> list[tuple[str, str]]:
    table = read_table(path, "hierarchy")
    if len(table.header) != 2:
        raise UserError(
            f"The hierarchy {str(path)!r} has the columns {', '.join(table.header)}. It needs two: a name, and the one "
            "above it."
        )
    for line, row in zip(table.lines, table.rows, strict=True):
        if not all(row):
            raise UserError(f"The hierarchy {str(path)!r} has a blank cell at line {line}. Fill or remove it.")
    return [(lower, upper) for lower, upper in table.rows]


def _read_json(path: str | Path) -> list[tuple[str, str]]:
    wanted = f"The hierarchy {str(path)!r} must hold {{name: [names below it]}}"
    try:
        content = json.loads(read_text(path, "hierarchy"))
    except json.JSONDecodeError as error:
        raise UserError(f"{wanted}, and is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{wanted}.")
    for name, lower in content.items():
        if not isinstance(lower, list) or not all(isinstance(one, str) and one.strip() for one in lower):
            raise UserError(f"{wanted}; what is below {name!r} is no list of names.")
    return [(one, name) for name, lower in content.items() for one in lower]
