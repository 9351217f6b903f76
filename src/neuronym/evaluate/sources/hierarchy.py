"""A table of what is a kind of what: names above the images' labels, given when descriptions are judged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from neuronym.errors import UserError, nearest
from neuronym.evaluate.sources.labels import columns_of, plain
from neuronym.probes.tables import read_table, read_text
from neuronym.records import LabelTable

GROUP = "hierarchy"
"""The group of the names that a hierarchy adds."""

_SHOWN = 8
"""Names of a circle that a message lists."""


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

    Names are compared as :class:`LabelSource` compares them, synonyms included. A label that stands above others gets
    what is below it in its own column.

    Raises:
        UserError: a name is below itself, or none of the lowest names is a label.
    """
    columns = columns_of(labels.concepts)
    titles: dict[str, str] = {}
    lower: defaultdict[str, list[str]] = defaultdict(list)
    for name, names in below.items():
        titles.setdefault(plain(name), name)
        lower[plain(name)] += map(plain, names)
    under = _labels_under(lower, columns, path)
    if not any(under[name] - {columns.get(name)} for name in titles):
        raise UserError(
            f"No name in the hierarchy {str(path)!r} leads to a label of these images.{_hint(below, labels)}"
        )
    values = labels.values.copy()
    for name in titles:
        if name in columns:
            values[:, columns[name]] = labels.values[:, sorted(under[name])].max(1)
    made = [name for name in titles if under[name] and name not in columns]
    above = [labels.values[:, sorted(under[name])].max(1) for name in made]
    return LabelTable(
        (*labels.concepts, *(titles[name] for name in made)),
        (*labels.groups, *(GROUP,) * len(made)),
        np.concatenate([values, *(column[:, None] for column in above)], 1),
    )


def _hint(below: Mapping[str, Sequence[str]], labels: LabelTable) -> str:
    lowest = sorted({one for names in below.values() for one in names} - set(below))
    near = nearest(lowest[0], labels.concepts) if lowest else []
    return f" Nearest to {lowest[0]!r}: {', '.join(near)}." if near else ""


def _labels_under(
    below: Mapping[str, Sequence[str]], columns: Mapping[str, int], path: str | Path
) -> dict[str, frozenset[int]]:
    """For each name the columns of the labels at or under it.

    Walked with a stack of its own, because a hierarchy may be deeper than Python calls functions.
    """
    known: dict[str, frozenset[int]] = {}
    for start in below:
        way: dict[str, Iterator[str]] = {} if start in known else {start: iter(below[start])}
        while way:
            name, left = next(reversed(way.items()))
            one = next((one for one in left if one not in known), None)
            if one in way:
                raise UserError(_circle([*list(way)[list(way).index(one) :], one], path))
            if one is not None:
                way[one] = iter(below.get(one, ()))
                continue
            own = frozenset([columns[name]]) if name in columns else frozenset[int]()
            known[name] = own.union(*(known[lower] for lower in below.get(name, ())))
            del way[name]
    return known


def _circle(names: Sequence[str], path: str | Path) -> str:
    shown = names if len(names) <= _SHOWN else [*names[: _SHOWN - 2], "…", names[-1]]
    return (
        f"The hierarchy {str(path)!r} puts {names[0]!r} above itself: {' > '.join(shown)}. Remove one of these pairs."
    )


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
    except RecursionError as error:
        raise UserError(f"{wanted}, and not lists in lists without end.") from error
    if not isinstance(content, dict):
        raise UserError(f"{wanted}.")
    for name, lower in content.items():
        if not isinstance(lower, list) or not all(isinstance(one, str) and one.strip() for one in lower):
            raise UserError(f"{wanted}; what is below {name!r} is no list of names.")
    return [(one, name) for name, lower in content.items() for one in lower]
