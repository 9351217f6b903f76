"""Objects as texts describe them: ``small red or blue discs with stripes at the top, but not dotted``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, TypeAlias

from neuronym.world.concepts import All, Concept, Either, Not, Thing, Together
from neuronym.world.grammar.lexicon import Lexeme
from neuronym.world.grammar.properties import clash, given
from neuronym.world.grammar.reading import Reader
from neuronym.world.grammar.refusal import Refusal

Properties: TypeAlias = dict[str, str]
Join: TypeAlias = Literal["and", "or"]

MODIFIERS = ("colour", "pattern", "size", "column", "row", "form")
"""Kinds of lexemes that say what an object is like; ``form`` is a shape as an adjective."""

_SPOTS = ("column", "row")
_HEADS = ("shape", "texture", "object", "pronoun")
_MOST_OPTIONS = 64


@dataclass(slots=True)
class Described:
    """An object, or several that the text joins: ``red or blue discs``.

    Attributes:
        options: the properties of each.
        join: how they are joined, where there is more than one.
        lacks: properties that they must not have besides; not one of these.
        headed: whether a noun was said: ``red`` has none.
    """

    options: list[Properties]
    join: Join | None = None
    lacks: list[Properties] = field(default_factory=list)
    headed: bool = True

    @property
    def of_surface(self) -> bool:
        """Whether it is a pattern that something can be *with*, rather than an object: ``red stripes``."""
        plain = not self.headed and not self.lacks
        return plain and all("pattern" in option and option.keys() <= {"pattern", "colour"} for option in self.options)


def noun_phrase(reader: Reader) -> Described:
    """An object with all that follows and belongs to it.

    Raises:
        Refusal: there is none at this place, or it contradicts itself.
    """
    found = Described([{}]) if reader.peek().kind == "at" and reader.peek(1).kind in _SPOTS else _core(reader)
    while _further(reader, found):
        pass
    return found


def concept_of(found: Described, *, same_pixels: bool) -> Concept:
    """The concept of a noun phrase; ``same_pixels`` says what ``and`` means: All, or else Together."""
    concepts = [_without(Thing(**option), found.lacks) for option in found.options]
    if len(concepts) == 1:
        return concepts[0]
    if found.join == "or":
        return Either(tuple(concepts))
    return All(tuple(concepts)) if same_pixels else Together(tuple(concepts))


def begins(reader: Reader, ahead: int = 0) -> bool:
    """Whether a noun phrase may begin here."""
    return reader.peek(ahead).kind in (*MODIFIERS, *_HEADS, "non")


def _without(thing: Thing, lacks: Sequence[Properties]) -> Concept:
    """The thing, and no such thing that has what it lacks."""
    own = given(thing)
    # Red things are never blue: "red but not blue" can only mean that nothing blue is there.
    absent = [Thing(**(lack if clash(own, lack) else own | lack)) for lack in lacks]
    return All((thing, *map(Not, absent))) if absent else thing


def _core(reader: Reader) -> Described:
    """Adjectives and a noun, either of which may be missing."""
    start, lacks = reader.at, list[Properties]()
    while reader.accept("non"):
        lacks += _one_adjective(reader)
    options, join = _joined_adjectives(reader)
    found = Described(options, join, lacks, headed=False)
    head = _head(reader, alone=reader.at == start)
    if head is None and reader.at == start:
        raise reader.stuck()
    if head is not None:
        found.headed = head.kind != "texture"
        if head.kind in ("shape", "texture"):
            _merge(found, [{"pattern" if head.kind == "texture" else "shape": head.value}], None)
        if head.kind == "shape":
            reader.accept("object")
    return found


def _head(reader: Reader, *, alone: bool) -> Lexeme | None:
    """The noun, if one comes; ``nothing`` takes no adjectives before it."""
    head = reader.accept("shape") or reader.accept("texture") or reader.accept("object")
    return head or reader.accept("pronoun", "some", *(["no"] if alone else []))


def _said_once(reader: Reader) -> Described:
    """Adjectives and a noun after a word that may deny them; denying twice is not read."""
    found = _core(reader)
    if found.lacks:
        raise Refusal("a negation stands within a negation")
    return found


def _one_adjective(reader: Reader) -> list[Properties]:
    lexeme = reader.take()
    if lexeme.kind not in MODIFIERS:
        reader.at -= 1
        raise reader.stuck()
    return [{_property(lexeme.kind): lexeme.value}]


def _property(kind: str) -> str:
    return {"form": "shape", "texture": "pattern"}.get(kind, kind)


@dataclass(slots=True)
class _Group:
    """Values of one property, next to each other: ``red, blue or green``."""

    before: str
    kind: str
    values: list[str]
    joins: set[str]


def _joined_adjectives(
    reader: Reader, kinds: Sequence[str] = MODIFIERS, *, after_noun: bool = False
) -> tuple[list[Properties], Join | None]:
    """Adjectives, which may be joined by commas, ``and`` and ``or``, as sets of properties."""
    groups = list[_Group]()
    while True:
        join, length = _join_before(reader, kinds) if groups else ("", 0)
        if reader.peek(length).kind not in kinds or (after_noun and join and _of_another(reader, length)):
            return _resolved(groups)
        reader.at += length
        lexeme = reader.take()
        kind = _property(lexeme.kind)
        if groups and join and groups[-1].kind == kind:
            groups[-1].values.append(lexeme.value)
            groups[-1].joins.add(join)
        else:
            groups.append(_Group(join, kind, [lexeme.value], set()))


def _join_before(reader: Reader, kinds: Sequence[str]) -> tuple[str, int]:
    """What joins the next adjective to the one before, and how many lexemes that takes."""
    length, join = 0, ""
    while reader.peek(length).kind == "join" and not reader.contrast(length):
        join = reader.peek(length).value if join in ("", "comma") else join
        length += 1
    if kinds == _SPOTS and reader.peek(length).kind == "at":
        length += 1
    return join, length


def _of_another(reader: Reader, ahead: int) -> bool:
    """Whether adjectives belong to a noun after them: ``a disc at the top and a left star``."""
    while reader.peek(ahead).kind in MODIFIERS:
        ahead += 1
    return reader.peek(ahead).kind in _HEADS


def _resolved(groups: Sequence[_Group]) -> tuple[list[Properties], Join | None]:
    """The options that groups of adjectives leave, and how these are joined."""
    outer = {group.before for group in groups[1:]} - {"", "comma"}
    inner = set().union(*(group.joins for group in groups))
    if "or" in outer:
        return _branches(groups, outer | inner)
    several = {join for group in groups if len(set(group.values)) > 1 for join in [_join_of(group.joins)]}
    if len(several) > 1:
        raise Refusal("'and' and 'or' are mixed among adjectives")
    return _product(groups), next(iter(several), None)


def _branches(groups: Sequence[_Group], joins: set[str]) -> tuple[list[Properties], Join | None]:
    """``striped or small red``: what stands between one ``or`` and the next belongs together."""
    if "and" in joins:
        raise Refusal("'and' and 'or' are mixed among adjectives")
    starts = [at for at, group in enumerate(groups) if at == 0 or group.before in ("or", "comma")]
    ends = [*starts[1:], len(groups)]
    return [o for start, end in zip(starts, ends, strict=True) for o in _product(groups[start:end])], "or"


def _join_of(joins: set[str]) -> Join:
    if joins >= {"and", "or"}:
        raise Refusal("'and' and 'or' are mixed among adjectives")
    return "or" if "or" in joins else "and"


def _product(groups: Sequence[_Group]) -> list[Properties]:
    options: list[Properties] = [{}]
    for group in groups:
        values = list(dict.fromkeys(group.values))
        options = [_both(option, {group.kind: value}) for option, value in product(options, values)]
        if len(options) > _MOST_OPTIONS:
            raise Refusal(f"it joins more than {_MOST_OPTIONS} kinds of objects")
    return options


def _both(first: Properties, second: Properties) -> Properties:
    found = clash(first, second)
    if found:
        raise Refusal(f"one thing cannot be both {found[0]} and {found[1]}", found)
    return first | second


def _merge(found: Described, options: list[Properties], join: Join | None) -> None:
    """Say more of an object."""
    if len(options) > 1 and len(found.options) > 1 and join != found.join:
        raise Refusal("'and' and 'or' are mixed among adjectives")
    if len(options) * len(found.options) > _MOST_OPTIONS:
        raise Refusal(f"it joins more than {_MOST_OPTIONS} kinds of objects")
    found.options = [_both(first, second) for first, second in product(found.options, options)]
    found.join = found.join or join


def _further(reader: Reader, found: Described) -> bool:
    """Read one more thing that is said of an object, and whether there was one."""
    kind, after = reader.peek().kind, reader.peek(1).kind
    if kind == "at" and (after in _SPOTS or (after == "colour" and reader.peek().text.lower() == "in")):
        reader.take()
        _merge(found, *_joined_adjectives(reader, _SPOTS if after in _SPOTS else ("colour",), after_noun=True))
    elif kind in MODIFIERS and found.headed:
        _merge(found, *_joined_adjectives(reader, after_noun=True))
    elif kind == "surface":
        _merge(found, [{"pattern": reader.take().value}], None)
    elif kind in ("with", "without"):
        return _surface(reader, found)
    elif kind == "that":
        return _clause(reader, found)
    elif kind in ("but", "not") or (kind == "join" and reader.peek().value == "comma" and after in ("but", "not")):
        return _lack(reader, found)
    else:
        return False
    return True


def _surface(reader: Reader, found: Described) -> bool:
    """``with stripes`` or ``without stripes or dots``; what is no pattern is left for the scene."""
    start, lacks = reader.at, reader.take().kind == "without"
    if reader.peek().kind not in ("pattern", "colour", "texture"):
        reader.at = start
        return False
    options, join = list[Properties](), None
    while True:
        one = _core(reader)
        if not one.of_surface:
            reader.at = start
            return False
        options, join = options + one.options, join or one.join
        if not (reader.peek().kind == "join" and reader.peek().value != "comma" and reader.peek(1).kind == "texture"):
            break
        join = "or" if reader.take().value == "or" else "and"
    if lacks:
        found.lacks += options
    else:
        _merge(found, options, join)
    return True


def _clause(reader: Reader, found: Described) -> bool:
    """``that is red``, ``that are not red``, ``that is at the left``."""
    start, lacks = reader.at, reader.take().value == "not"
    if begins(reader):
        one = _said_once(reader)
        if lacks:
            found.lacks += one.options
        else:
            _merge(found, one.options, one.join)
        return True
    if lacks:
        reader.at = start
    return not lacks


def _lack(reader: Reader, found: Described) -> bool:
    """``but not red``; with a noun (``but not red things``) it is said of the scene, and left."""
    start = reader.at
    reader.accept("join")
    reader.take()
    if begins(reader):
        one = _said_once(reader)
        if not one.headed:
            found.lacks += one.options
            return True
    reader.at = start
    return False
