"""The layouts that label files are published in: which columns tell them, and what a row says of its unit."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Cells: TypeAlias = Mapping[str, str]
"""The cells of one row by the folded titles of their columns."""

Said: TypeAlias = list[tuple[str, float | None]]
"""Texts for one unit, the description first, each with its score where the file has one."""

LAYERS = ("layer", "layer name", "layer id", "module")
UNITS = ("unit", "neuron", "neuron id", "unit id", "unit index", "neuron index", "index", "channel", "feature")
TEXTS = ("description", "label", "explanation", "concept", "text", "name", "class name")
SCORES = ("similarity", "score", "sim correlation", "correlation", "metric", "iou")
"""Titles of columns as they are found in the wild, the likeliest first."""


@dataclass(frozen=True)
class Layout:
    """One way of laying out labels.

    Attributes:
        name: how it is named in messages.
        needs: folded titles that tell it; all of them must be there.
        said: what a row says of its unit; nothing where the method said nothing.
        units: titles that the column of units may have.
        layers: titles that the column of layers may have.
        first_unit: the number that its first unit bears.
        repeats: whether several rows of one unit are several texts of it.
    """

    name: str
    needs: tuple[str, ...]
    said: Callable[[Cells], Said]
    units: tuple[str, ...] = UNITS
    layers: tuple[str, ...] = LAYERS
    first_unit: int = 0
    repeats: bool = False


def folded(title: str) -> str:
    """A column's title in lower case, with single blanks for its blanks, hyphens and underscores."""
    return " ".join(re.split(r"[\s_-]+", title.strip().lower())).strip()


def layout_of(titles: Sequence[str]) -> Layout | None:
    """The layout that folded titles tell, or None if they hold no column of units or none of descriptions."""
    known = set(titles)
    for layout in LAYOUTS:
        if known.issuperset(layout.needs) and known.intersection(layout.units):
            return layout
    return PLAIN if known.intersection(TEXTS) and known.intersection(UNITS) else None


def title_of(titles: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of ``names`` that is among the titles."""
    return next((name for name in names if name in titles), None)


def number(text: str) -> float | None:
    """A score; None for an empty cell or one that is not finite.

    Raises:
        ValueError: it is no number.
    """
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None


def _plain(cells: Cells) -> Said:
    score = title_of(list(cells), SCORES)
    text = cells[title_of(list(cells), TEXTS) or ""]
    return [(text, number(cells[score]) if score else None)] if text else []


def _annotations(cells: Cells) -> Said:
    return [(cells["summary"], None)] if cells["summary"] else []


def _numbered(cells: Cells) -> Said:
    """Describe-and-Dissect's ``Label 1``, ``Label 2`` ..., the best first."""
    titles = sorted((title for title in cells if re.fullmatch(r"label \d+", title)), key=lambda one: int(one[6:]))
    return [(cells[title], None) for title in titles if cells[title]]


def _dissected(cells: Cells) -> Said:
    """Network Dissection's best label with its IoU.

    Broden marks colours and scenes (``green-c``, ``ball_pit-s``) so that their names differ from those of objects; the
    marks and underscores are no part of the words and are taken off.
    """
    mark = {"color": "-c", "scene": "-s"}.get(cells["category"].lower(), "")
    text = cells["label"].removesuffix(mark).replace("_", " ").strip()
    return [(text, number(cells["score"]))] if text else []


def _weighted(cells: Cells) -> Said:
    """Linear Explanations' concepts with weights other than zero, the largest first."""
    numbers = [title.removeprefix("concept") for title in cells if re.fullmatch(r"concept\d+", title)]
    found = [(cells[f"concept{one}"], number(cells.get(f"weight{one}", ""))) for one in numbers]
    return sorted(((text, weight) for text, weight in found if text and weight), key=lambda one: -(one[1] or 0))


def _literal(cells: Cells) -> Said:
    """FALCON's list of (word, score), which its files hold as a Python literal."""
    words = ast.literal_eval(cells["concept set words"] or "[]")
    if not isinstance(words, list) or not all(_is_scored(word) for word in words):
        raise ValueError("concept_set_words is no list of (word, score)")
    found = [(" ".join(text.split()), number(str(score))) for text, score in words if text.strip()]
    return sorted(found, key=lambda one: -math.inf if one[1] is None else one[1], reverse=True)


def _is_scored(word: object) -> bool:
    match word:
        case (str(), int() | float()):
            return True
    return False


def _own(cells: Cells) -> Said:
    """A row of ``neuronym table --format csv``; its candidates are one text, ``text (score); ...``."""
    if not cells["description"]:
        return []
    listed = re.findall(r"(.+?) \(([-+.e\dinfa]+)\)(?:; |$)", cells["candidates"], re.DOTALL)
    others = [(text, number(score)) for text, score in listed if text != cells["description"]]
    return [(cells["description"], number(cells["score"])), *others]


LAYOUTS = (
    Layout("FALCON", ("group", "concept set words"), _literal, units=("group",), layers=("layer",)),
    Layout("Network Dissection", ("unit", "category", "label", "score"), _dissected, units=("unit",), first_unit=1),
    Layout("Linear Explanations", ("weight0", "concept0"), _weighted),
    Layout("Describe-and-Dissect", ("label 1",), _numbered),
    Layout("MILANNOTATIONS", ("summary",), _annotations, repeats=True),
    Layout("Neuronym", ("unit", "state", "description", "score", "reason", "run", "candidates"), _own, units=("unit",)),
)
"""Layouts of their own, the most particular first."""

PLAIN = Layout("plain", (), _plain)
"""One description a row, with or without a score: CLIP-Dissect, MILAN, INVERT and nearly everything else."""
