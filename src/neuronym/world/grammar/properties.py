"""Objects as sets of properties: what two descriptions of an object share, and whether one object can have both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from neuronym.world.concepts import Concept, Not, Thing

KINDS = ("shape", "colour", "pattern", "size", "column", "row")
"""The properties of an object."""

MANNERS = ("size", "colour", "pattern")
"""Those that are said by one adjective."""


def given(thing: Thing) -> dict[str, str]:
    """The properties that a description of an object gives."""
    return {kind: value for kind in KINDS if (value := getattr(thing, kind)) is not None}


def clash(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[str, str] | None:
    """Two values of one property, where the descriptions cannot be of one object."""
    return next(((first[k], second[k]) for k in first.keys() & second.keys() if first[k] != second[k]), None)


def differing(parts: Sequence[Concept]) -> str | None:
    """The one adjective's property in which descriptions of objects differ, where that is all they differ in."""
    things = [part for part in parts if isinstance(part, Thing)]
    if len(things) < len(parts):
        return None
    for kind in MANNERS:
        values = {getattr(thing, kind) for thing in things}
        if None not in values and len(values) == len(things) and len({replace(t, **{kind: None}) for t in things}) == 1:
            return kind
    return None


def lacking(parts: Sequence[Concept]) -> str | None:
    """The property of ``A and not B`` where B is A with just that adjective's property added."""
    match parts:
        case (Thing() as thing, Not(Thing() as other)):
            return next((k for k in MANNERS if other != thing and replace(other, **{k: None}) == thing), None)
    return None
