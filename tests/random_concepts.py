"""Random concepts of every kind, for tests of the grammar and of what concepts mean."""

from __future__ import annotations

from random import Random

from neuronym.world.concepts import (
    All,
    Beside,
    Concept,
    Either,
    Not,
    Part,
    Place,
    Thing,
    Together,
    Writing,
)
from neuronym.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    COLUMNS,
    PARTS,
    PATTERNS,
    RELATIONS,
    ROWS,
    SHAPES,
    SIZES,
    WORDS,
)

KINDS = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS, "size": SIZES, "column": COLUMNS, "row": ROWS}


def random_thing(dice: Random) -> Thing:
    share = dice.choice((0.15, 0.3, 0.6))
    return Thing(**{kind: dice.choice(names) for kind, names in KINDS.items() if dice.random() < share})


def random_simple(dice: Random) -> Concept:
    match dice.randrange(7):
        case 0:
            return Place(dice.choice(BACKGROUNDS))
        case 1:
            return Writing(dice.choice((None, *WORDS)))
        case 2:
            return Part(dice.choice(PARTS), random_thing(dice))
        case 3:
            return Beside(random_thing(dice), dice.choice(RELATIONS), random_thing(dice))
        case _:
            return random_thing(dice)


def random_concept(dice: Random, depth: int = 3) -> Concept:
    """A concept whose formula is nested ``depth`` deep at most."""
    kind = dice.randrange(7) if depth else 6
    if kind == 0:
        return Not(random_concept(dice, depth - 1))
    if kind == 1:
        thing = random_thing(dice)
        free = [name for name in ("colour", "pattern", "size") if getattr(thing, name) is None] or ["colour"]
        name = dice.choice(free)
        given = {kind: getattr(thing, kind) for kind in KINDS} | {name: dice.choice(KINDS[name])}
        return dice.choice((All((thing, Not(Thing(**given)))), Either((thing, Thing(**given)))))
    if kind < 5:
        joined = (Together, All, Either)[kind - 2]
        return joined(tuple(random_concept(dice, depth - 1) for _ in range(dice.choice((2, 2, 2, 3, 4)))))
    return random_simple(dice)
