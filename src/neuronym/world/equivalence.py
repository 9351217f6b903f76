"""Whether two concepts of the world are true of the same scenes, exactly.

Two concepts are equivalent if no scene that the world can draw (without links) tells them apart: one in which their
presence differs and that has a probability above zero. So the edge of a circle is equivalent to a circle, for this is
about scenes and not about pixels, and concepts that no scene shows, such as two red objects, are all equivalent.

Scenes drawn at random refute most pairs at once; what they do not refute is decided by enumeration. What a concept says
of a scene depends on the things, backgrounds, words and relations in its formula alone, so of each property the values
that are mentioned and one that is not stand for all, and of the combinations that all these leaves of the formula see
alike, one is enough. Long formulas have too many combinations all the same: beyond :data:`WORK` concepts that drawn
scenes do not tell apart are not shown to be equivalent, and count as different.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache, lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.world.arrangements import arrangements
from neuronym.world.concepts import (
    CLEARLY,
    All,
    Beside,
    Concept,
    Either,
    Flags,
    Not,
    Part,
    Place,
    Thing,
    Together,
    Writing,
    presence,
)
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.scenes import MAIN, SECOND, Scenes, draw_scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES, WORDS

CHUNK = 2**15
"""Scenes that are looked at at a time."""

WORK = 250_000_000
"""How much is enumerated for one pair at most: scenes, or rows of a table that they are made from, times the leaves of
both formulas. About three seconds; nearly all random formulas of a dozen things need less than a tenth of it."""

_DRAWN, _SEED = 4096, 0x5CE4E
"""How many scenes are drawn to refute pairs, and from which seed; neither changes any answer that is exact."""

_KEPT = 2**14
"""Answers, texts and tables that are remembered."""

_DIGITS = 24
"""Digits of three values, of which with the number of a row one 64-bit number can hold as many."""

_KINDS = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS}
_DIFFERENT = ("shape", "colour")
"""What the objects of a scene never share."""

_PLACES = {"size": SIZES, "column": COLUMNS, "row": ROWS}

Leaf = Thing | Place | Writing | Beside
Numbers = npt.NDArray[np.int16]
Table = dict[str, npt.NDArray[Any]]
"""Columns of :class:`~neuronym.world.scenes.Scenes`, by name, of equally many rows."""


class _TooMuchError(Exception):
    """To enumerate the scenes of a pair would be more than :data:`WORK`."""


def equivalent(one: Concept, other: Concept) -> bool:
    """Whether two concepts are shown to be true of exactly the same scenes of all that the world can draw.

    True is exact. So is False, unless to enumerate the scenes would be more than :data:`WORK`: it then means that the
    two cannot be shown to be equal, though no drawn scene tells them apart. This happens to formulas of about
    twenty things or more, with sizes, positions, backgrounds and words, and never to two of one canonical text.

    Most pairs that differ take 0.01 ms, equivalent ones about 1 ms, formulas of a dozen things with positions up to a
    second, and none more than a few; answers are remembered.
    """
    texts = str(one), str(other)
    if texts[0] == texts[1]:
        return True
    return _compared(one, other) if texts[0] < texts[1] else _compared(other, one)


def equivalent_texts(one: str, other: str) -> bool:
    """Whether two texts are shown to be true of exactly the same scenes, as by :func:`equivalent`.

    False where one of them is not understood, and where they are too long together to be shown equal.
    """
    first, second = _read(one), _read(other)
    return first is not None and second is not None and equivalent(first, second)


@lru_cache(maxsize=_KEPT)
def _read(text: str) -> Concept | None:
    concept = parse(text)
    return None if isinstance(concept, Unparsed) else concept


@lru_cache(maxsize=_KEPT)
def _compared(one: Concept, other: Concept) -> bool:
    if _shown(one) != _shown(other):
        return False
    try:
        return all(np.array_equal(presence(one, scenes), presence(other, scenes)) for scenes in _told_apart(one, other))
    except _TooMuchError:
        return False


@lru_cache(maxsize=_KEPT)
def _shown(concept: Concept) -> bytes:
    """Which of the drawn scenes show a concept."""
    return np.packbits(presence(concept, _drawn())).tobytes()


@cache
def _drawn() -> Scenes:
    return draw_scenes(_SEED, np.arange(_DRAWN))


def _told_apart(*concepts: Concept) -> Iterator[Scenes]:
    """One scene at least of each kind that the leaves of concepts tell apart, in tables of :data:`CHUNK` at most.

    Raises:
        _TooMuchError: before the first, if they are too many.
    """
    every = [leaf for concept in concepts for leaf in _leaves(concept)]
    leaves, most = list(dict.fromkeys(every)), WORK // len(every)
    backgrounds = _values([leaf.name for leaf in leaves if isinstance(leaf, Place)], BACKGROUNDS)
    parts: list[Table] = [_kinds(leaves, most), _arranged(leaves), {"background": np.array(backgrounds, np.int16)}]
    counts = [_count(part) for part in parts]
    total = _checked(math.prod(counts), most)
    for start in range(0, total, CHUNK):
        places = np.unravel_index(np.arange(start, min(start + CHUNK, total)), counts)
        yield _scenes([_rows(part, chosen) for part, chosen in zip(parts, places, strict=True)])


def _checked(rows: int, most: int) -> int:
    if rows > most:
        raise _TooMuchError
    return rows


def _leaves(concept: Concept) -> Iterator[Leaf]:
    """All that a concept's presence is computed from; of a relation, its two things as well."""
    match concept:
        case Part(_, of) | Not(of):
            yield from _leaves(of)
        case Together(parts) | All(parts) | Either(parts):
            for part in parts:
                yield from _leaves(part)
        case Beside(first, _, second):
            yield from (concept, first, second)
        case _:
            yield concept


def _kinds(leaves: Sequence[Leaf], most: int) -> Table:
    """Shapes, colours and patterns of both objects, [n, 2] each; on the way no table has more than ``most`` rows."""
    things, table = _things(leaves), dict[str, npt.NDArray[Any]]()
    for name, known in _KINDS.items():
        mentioned = [value for thing in things if (value := getattr(thing, name)) is not None]
        pairs = {name: np.array(_pairs(mentioned, known, name in _DIFFERENT), np.int16)}
        _checked(_count(pairs) * (_count(table) if table else 1), most)
        table = _crossed(table, pairs) if table else pairs
        so_far = {key: _KINDS[key] for key in table}
        table = _distinct(table, (_fits(thing, table, so_far) for thing in things))
    return table


def _pairs(mentioned: Collection[str], known: Sequence[str], different: bool) -> list[tuple[int, int]]:
    """The values of the two objects. Where they have to differ, both can be unmentioned if two values are."""
    spare = len(known) - len(set(mentioned)) > 1

    def possible(one: int, other: int) -> bool:
        return not different or one != other or (spare and known[one] not in mentioned)

    return [pair for pair in product(_values(mentioned, known), _values(mentioned, known)) if possible(*pair)]


def _arranged(leaves: Sequence[Leaf]) -> Table:
    """Which objects there are, their sizes and places, [n, 2] each, and the written word, [n]."""
    known, things = arrangements(), _things(leaves)
    size = np.zeros((len(known), 2), np.int16)  # the second object is tiny
    size[:, MAIN] = known.size
    there = np.ones((len(known), 2), bool)
    there[:, SECOND] = known.second
    table: Table = {"there": there, "size": size, "column": known.column, "row": known.row}
    table |= {"x": _apart(known.across), "y": _apart(known.down)}
    seen: list[npt.NDArray[Any]] = [_fits(thing, table, _PLACES) & there for thing in things]
    relations = {leaf.relation for leaf in leaves if isinstance(leaf, Beside)}
    seen += [known.across[:, None]] if relations & {"left of", "right of"} else []
    seen += [known.down[:, None]] if relations & {"above", "below"} else []
    writings = [leaf for leaf in leaves if isinstance(leaf, Writing)]
    seen += [known.word[:, None]] if writings else []
    words = _values([leaf.word for leaf in writings if leaf.word is not None], WORDS) if writings else []
    table = _distinct(table | {"written": known.word}, seen)
    table = _crossed(table, {"word": np.array([-1, *words], np.int16)})
    fitting = (table["word"] >= 0) == table.pop("written")
    return _rows(table, fitting) if writings else table


def _apart(sides: Numbers) -> npt.NDArray[np.float32]:
    """Positions of both objects that lie to each other as ``sides`` say: clearly before, or after, or neither."""
    return np.stack([np.zeros(len(sides)), 2 * CLEARLY * sides], 1).astype(np.float32)


def _things(leaves: Sequence[Leaf]) -> list[Thing]:
    return [leaf for leaf in leaves if isinstance(leaf, Thing)]


def _values(mentioned: Collection[str], known: Sequence[str]) -> list[int]:
    """The numbers of the values that are mentioned, and of the first that is not if there is one."""
    others = [number for number, value in enumerate(known) if value not in mentioned]
    return [known.index(value) for value in dict.fromkeys(mentioned)] + others[:1]


def _fits(thing: Thing, table: Table, properties: Mapping[str, Sequence[str]]) -> Flags:
    """Which objects have those of a thing's properties that are asked about, bool [n, 2]."""
    found = np.ones((_count(table), 2), bool)
    for name, known in properties.items():
        value = getattr(thing, name)
        if value is not None:
            found &= table[name] == known.index(value)
    return found


def _count(table: Table) -> int:
    return len(next(iter(table.values())))


def _rows(table: Table, chosen: npt.NDArray[Any]) -> Table:
    return {name: column[chosen] for name, column in table.items()}


def _crossed(one: Table, other: Table) -> Table:
    """Every row of one table with every row of the other."""
    first, second = np.divmod(np.arange(_count(one) * _count(other)), _count(other))
    return _rows(one, first) | _rows(other, second)


def _distinct(table: Table, seen: Iterable[npt.NDArray[Any]]) -> Table:
    """One row of those that are alike in all that is ``seen`` of them: columns of -1, 0 and 1, [n, k] each."""
    alike = np.zeros(_count(table), np.int64)
    for number, column in enumerate(column for columns in seen for column in columns.T):
        alike = 3 * alike + column
        if number % _DIGITS == _DIGITS - 1:
            alike = np.unique(alike, return_inverse=True)[1]
    return _rows(table, np.unique(alike, return_index=True)[1])


def _scenes(parts: Sequence[Table]) -> Scenes:
    """Scenes with these columns. The others, which no presence depends on, are zero."""
    columns: Table = {name: column for part in parts for name, column in part.items()}
    unread = np.zeros((_count(columns), 2))
    return Scenes(**{field.name: columns.get(field.name, unread) for field in fields(Scenes)})
