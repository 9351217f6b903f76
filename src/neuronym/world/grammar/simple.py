"""The parts of a scene that hold no formula: places, written words, parts of objects, objects and their relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from neuronym.world.concepts import All, Beside, Concept, Either, Part, Place, Relation, Thing, Together, Writing
from neuronym.world.grammar.noun_phrases import Described, begins, concept_of, noun_phrase
from neuronym.world.grammar.reading import Reader
from neuronym.world.grammar.refusal import Refusal


def at_place(reader: Reader, ahead: int = 0) -> bool:
    """Whether a place comes next."""
    kinds = [reader.peek(ahead + further).kind for further in range(3)]
    return kinds[0] == "place" or kinds[:2] == ["backdrop", "place"] or kinds == ["backdrop", "of", "place"]


def places(reader: Reader, after: str) -> Concept:
    """One place, or several joined by ``or``."""
    found = list[Concept]()
    while True:
        if not at_place(reader):
            raise Refusal(f"no place follows '{after}'", (after,))
        found.append(place(reader))
        more = 2 if reader.peek(1).kind == "at" else 1
        if not (reader.peek()[:2] == ("join", "or") and reader.peek(more).kind == "place"):
            found = list(dict.fromkeys(found))
            return found[0] if len(found) == 1 else Either(tuple(found))
        reader.at += more


def place(reader: Reader) -> Place:
    """``the sea``, ``a sea background``, ``a background of sea``."""
    if reader.accept("backdrop"):
        reader.accept("of")
    name = reader.accept("place")
    if name is None:
        raise reader.stuck()
    reader.accept("backdrop")
    return Place(name.value)


def written(reader: Reader) -> Concept:
    """``the word STOP``, ``a STOP sign``, ``STOP or EXIT``, or ``text``."""
    marked = reader.accept("writing")
    reader.accept("says")
    first = reader.accept("written")
    if first is None:
        if marked is None:
            raise reader.stuck()
        return Writing()
    words: list[Concept] = [Writing(first.value)]
    while reader.peek()[:2] == ("join", "or") and reader.peek(1).kind == "written":
        reader.take()
        words.append(Writing(reader.take().value))
    if marked is None:
        reader.accept("writing")
    return words[0] if len(words) == 1 else Either(tuple(words))


def part(reader: Reader) -> Concept:
    """``the edge of a circle``, or ``edges``."""
    name = reader.take().value
    if reader.accept("of") or (name == "inside" and begins(reader)):
        found = noun_phrase(reader)
        return _joined(reader, found, [Part(name, thing) for thing in _things(found)])
    return Part(name, Thing())


def an_object(reader: Reader) -> Concept:
    """An object, part of one (``circle edges``), or an object and how it lies to another."""
    found = noun_phrase(reader)
    if reader.peek().kind == "part" and not begins(reader, 1) and reader.peek(1).kind != "of":
        name = reader.take().value
        return _joined(reader, found, [Part(name, thing) for thing in _things(found)])
    if reader.peek().kind == "relation" and reader.peek(1).kind != "place":
        return _relation(reader, found)
    return concept_of(found, same_pixels=reader.brackets > 0)


def _relation(reader: Reader, first: Described) -> Concept:
    """Two objects; where one is ``a red or blue circle``, either of two relations."""
    way = reader.take()
    if not begins(reader):
        raise Refusal(f"no object follows '{way.text}'", (way.text,))
    second = noun_phrase(reader)
    relation = cast(Relation, way.value)
    pairs = [Beside(one, relation, other) for one in _things(first) for other in _things(second)]
    if len(pairs) > 1 and "and" in (first.join, second.join):
        raise Refusal(f"'{way.text}' joins one object with one other", (way.text,))
    again = reader.peek()
    if again.kind == "relation" and reader.peek(1).kind != "place":
        raise Refusal(f"'{way.text}' and '{again.text}' relate three objects; a relation has two", (again.text,))
    return pairs[0] if len(pairs) == 1 else Either(tuple(pairs))


def _things(found: Described) -> list[Thing]:
    if found.lacks:
        raise Refusal("what an object lacks cannot be said where a part or a relation is")
    return [Thing(**option) for option in found.options]


def _joined(reader: Reader, found: Described, parts: Sequence[Concept]) -> Concept:
    if len(parts) == 1:
        return parts[0]
    if found.join == "or":
        return Either(tuple(parts))
    return All(tuple(parts)) if reader.brackets else Together(tuple(parts))
