"""The rows of a host: their order, their names, and which columns they have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from neuronym.present.benchmark.markup import Content, Markup, said, tag
from neuronym.records.benchmark import COLUMNS, BenchHost, BenchRow, Role

ROLES: Mapping[Role, str] = MappingProxyType(
    {
        "truth": "what is true of each unit: the ceiling",
        "list": "for each unit the best text of the concept list, by the explain images: what a perfect choice reaches",
        "method": "a method",
        "labels": "labels from a file",
        "constant": "one label for all, the one that goes best with all units",
        "random": "labels drawn at random: the floor",
        "shuffled": "the true labels, dealt out anew",
    }
)
"""What a row of each role holds."""

_NOTES: Mapping[Role, str] = MappingProxyType(
    {
        "truth": "the ceiling",
        "list": "a perfect choice from the list",
        "labels": "from a file",
        "random": "the floor",
        "shuffled": "the true ones, dealt out anew",
    }
)
_PARTS = re.compile(r"(?=[?&])|(?<==)")
"""Where a name may be broken: before each key, and between key and value."""

_JUDGED: tuple[Role, ...] = ("method", "labels")
_TALKING: tuple[Role, ...] = ("list", "method", "labels")


def ordered(rows: Sequence[BenchRow]) -> list[BenchRow]:
    """Rows by role; methods by falling score, those without one last."""
    roles = list(ROLES)
    return sorted(rows, key=lambda row: (roles.index(row.role), row.failed is not None, -score(row)))


def score(row: BenchRow) -> float:
    """The normalised score; minus infinity without one."""
    measure = row.measures.get("normalised")
    return float("-inf") if measure is None or measure.value is None else measure.value


def judged(row: BenchRow) -> bool:
    """Whether a row is compared with others, and is not what they are compared with."""
    return row.role in _JUDGED


def talking(host: BenchHost) -> list[BenchRow]:
    """Rows that say something of each unit that could be read with interest."""
    return [row for row in ordered(host.rows) if row.role in _TALKING and row.said]


def truth_of(host: BenchHost) -> BenchRow | None:
    """The row of the true labels."""
    return next((row for row in host.rows if row.role == "truth"), None)


def columns(host: BenchHost) -> list[str]:
    """The columns that at least one row has a value in, in their order."""
    had = {name for row in host.rows for name, measure in row.measures.items() if measure.value is not None}
    return [name for name in COLUMNS if name in had]


def kinds(host: BenchHost) -> dict[str, int]:
    """How many units are of each kind, in the order in which they come."""
    counts: dict[str, int] = {}
    for unit in host.units:
        counts[unit.kind] = counts.get(unit.kind, 0) + 1
    return counts


def name(row: BenchRow) -> Markup:
    """What a row is called: the method, and smaller what it was given."""
    head, *given = _PARTS.split(row.name)
    return tag("span", said(head), tag("bdi", _whole(given), class_="given code") if given else None)


def inline(text: str) -> Markup:
    """The name of a row or a host within a sentence."""
    head, *given = _PARTS.split(text)
    return tag("bdi", head, _whole(given))


def _whole(parts: Sequence[str]) -> list[Markup]:
    """Parts of a name, each of which stays in one line if it fits."""
    return [tag("span", part, class_="part-of") for part in parts if part]


def head(row: BenchRow, content: Content = None) -> Markup:
    """The first cell of a row."""
    note: Content = None
    if row.text is not None:
        note = tag("span", said(row.text, "said"), class_="note")
    elif row.role in _NOTES:
        note = tag("span", _NOTES[row.role], class_="note")
    return tag("th", content, name(row), note, scope="row", title=None if judged(row) else ROLES[row.role])
