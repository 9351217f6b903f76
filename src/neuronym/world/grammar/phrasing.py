"""The words between the names: how parts of a scene are joined, and the frames that texts are put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import TypeVar

from neuronym.world.grammar.synonyms import PLACE, RELATION, WRITTEN, Rows
from neuronym.world.vocabulary import COLUMNS, ROWS

Choice = TypeVar("Choice")

TEMPLATES = (
    "{}",
    "a photo of {}",
    "a photo of a {}",
    "a picture of {}",
    "a picture of a {}",
    "an image of {}",
    "an image with {}",
    "an image with a {}",
    "a scene with {}",
    "a scene with a {}",
    "there is {}",
    "a drawing of {}",
)
"""Frames that may be put around any text; :func:`neuronym.world.grammar.parse` sees through them."""

PLACE_TAILS: Rows = {
    "sky": ("in the {}", "against the {}", "under the {}"),
    "sea": ("on the {}", "in the {}", "above the {}"),
    "grass": ("on the {}", "in the {}", "above the {}"),
    "sand": ("on the {}", "over the {}", "in the {}"),
    "snow": ("on the {}", "in the {}", "over the {}"),
    "night": ("at {}", "in the {}", "under the {}"),
    "brick": ("on {}", "against {}", "in front of {}"),
    "wood": ("on {}", "against {}", "over {}"),
}
"""How something is said to be at a place; ``{}`` stands for one of its names."""

WORD_TAILS = ("with the word {}", "with the text {}", "saying {}", "with a sign saying {}")
WORD_FORMS = ("the word {}", "the text {}", "a sign saying {}", "the letters {}", "the written word {}")
"""How a certain written word is said to be there, after something else and alone."""

TEXT_FORMS = ("a written word", "text", "some text", "writing", "some letters")
"""How any written word is said to be there."""


def picked(options: Sequence[Choice], dice: Random) -> Choice:
    """One of the options, all equally probable."""
    return options[int(dice.random() * len(options))]


def indefinite(phrase: str) -> str:
    """The phrase after ``a`` or ``an``."""
    return f"an {phrase}" if phrase[0] in "aeio" or phrase.startswith("upper") else f"a {phrase}"


def _weighted(phrases: tuple[str, ...]) -> tuple[str, ...]:
    """The name itself half of the time, its synonyms the other half."""
    name, *others = phrases
    return (name,) * max(len(others), 1) + tuple(others)


NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    kind: {value: _weighted(phrases) for value, phrases in rows.items()} for kind, rows in WRITTEN.items()
}
"""What a name is called, to be picked from."""


def _tails(place: str) -> Iterator[str]:
    for name in _weighted(PLACE[place]):
        yield from (way.format(name) for way in PLACE_TAILS[place] * 3)
        yield f"with the {name} in the background"
        yield f"on {indefinite(name)} background"


TAILS = {place: tuple(_tails(place)) for place in PLACE}
"""Every way to say that something is at a place."""

WAYS = {
    relation: tuple(name.replace("to ", "to the ", 1) if name.endswith(" of") else name for name in names)
    for relation, names in RELATION.items()
}
"""Every way to say how one object lies to another."""

_UPRIGHT = {"top": ("top", "upper"), "middle": ("middle",), "bottom": ("bottom", "lower")}
_ACROSS = {"left": ("left",), "centre": ("central", "centre"), "right": ("right",)}


def _before(row: str | None, column: str | None) -> Iterator[str]:
    """Positions as adjectives: ``upper left``."""
    for words in product(_UPRIGHT[row] if row else ("",), _ACROSS[column] if column else ("",)):
        yield " ".join(word for word in words if word)


def _after(row: str | None, column: str | None) -> Iterator[str]:
    """Positions as they follow an object: ``at the top left``."""
    centre = ("at the centre", "in the centre", "in the center", "in the central part")
    if row is None:
        yield from centre if column == "centre" else (f"{way} {column}" for way in ("at the", "on the", "to the"))
        if column != "centre":
            yield f"on the {column} side"
    elif column is None:
        yield from (f"at the {row}", f"in the {row} part", f"in the {_UPRIGHT[row][-1]} part")
    else:
        yield from (f"at the {row} {column}", f"in the {_UPRIGHT[row][-1]} {column}")
        if row != "middle" and column != "centre":
            yield f"in the {row} {column} corner"


_SPOTS = [(row, column) for row in (None, *ROWS) for column in (None, *COLUMNS) if row or column]
BEFORE = {spot: tuple(_before(*spot)) for spot in _SPOTS}
AFTER = {spot: tuple(_after(*spot)) for spot in _SPOTS}
"""Every way to say where in the scene an object is, by (row, column): before its name, and after it."""
