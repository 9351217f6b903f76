"""Concepts as text, in varied words; :func:`neuronym.world.grammar.parse` reads every one back as the same concept.

Texts are lower-case words without hyphens or quotes, but for written words, which are in capitals and always follow a
phrase that says so (``the word STOP``): a tokenizer that lowers capitals loses nothing. Parentheses appear around a
formula within a formula only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np

from neuronym.world.concepts import All, Beside, Concept, Either, Not, Part, Place, Thing, Together, Writing
from neuronym.world.grammar.phrasing import (
    AFTER,
    BEFORE,
    NAMES,
    TAILS,
    TEXT_FORMS,
    WAYS,
    WORD_FORMS,
    WORD_TAILS,
    indefinite,
    picked,
)
from neuronym.world.grammar.properties import differing, given, lacking
from neuronym.world.grammar.synonyms import plurals

Seed = np.random.Generator | int


def write(concept: Concept, rng: Seed) -> str:
    """A text that means the concept, in words that depend on ``rng`` alone.

    Args:
        concept: any concept.
        rng: a generator, which gives one number, or a seed of any size.
    """
    return worded(concept, seeded(rng))


def seeded(rng: Seed) -> Random:
    """A source of choices that depends on one number of a generator, or on a seed."""
    return Random(int(rng.integers(2**62)) if isinstance(rng, np.random.Generator) else int(rng))


def worded(concept: Concept, dice: Random) -> str:
    """A text that means the concept; ``dice`` decides among words."""
    match concept:
        case Thing():
            text = _alone(concept, dice)
        case Place(name):
            text = _place(name, dice)
        case Together(parts):
            text = together(parts, dice)
        case All(parts):
            text = _all(parts, dice)
        case Either(parts):
            text = _either(parts, dice)
        case Not(of):
            text = _not(of, dice)
        case _:
            text = _operand(concept, dice)
    return text


def bare_phrase(thing: Thing, dice: Random, *, several: bool = False) -> str:
    """An object by its properties, without an article: ``large red disc with stripes at the top left``."""
    words, after = [], ""
    if thing.size:
        words.append(picked(NAMES["size"][thing.size], dice))
    if thing.colour:
        words.append(picked(NAMES["colour"][thing.colour], dice))
    if thing.pattern:
        chance = dice.random()
        if chance < 0.25:
            after = f" with {picked(NAMES['texture'][thing.pattern], dice)}"
        else:
            words.insert(len(words) - (chance < 0.5), picked(NAMES["pattern"][thing.pattern], dice))
    name = picked(NAMES["shape"][thing.shape] if thing.shape else NAMES["object"]["object"], dice)
    words.append(next(plurals(name), name) if several else name)
    if thing.row or thing.column:
        if dice.random() < 0.2:
            words.insert(0, picked(BEFORE[thing.row, thing.column], dice))
        else:
            after = f"{after} {picked(AFTER[thing.row, thing.column], dice)}"
    return " ".join(words) + after


def noun_phrase(thing: Thing, dice: Random) -> str:
    """The same with an article."""
    text = bare_phrase(thing, dice)
    return f"the {text}" if dice.random() < 0.15 else indefinite(text)


def related(relation: Beside, dice: Random) -> str:
    """Two objects and how one lies to the other."""
    way = picked(WAYS[relation.relation], dice)
    return f"{noun_phrase(relation.first, dice)} {way} {noun_phrase(relation.second, dice)}"


def together(parts: Sequence[Concept], dice: Random, *, nested: bool = False) -> str:
    """Parts of one scene, one after the other: ``a red fish on the sea with the word STOP``.

    Between parentheses ``and`` means that the same pixels show both, so ``nested`` texts do without it.
    """
    first, *others = parts
    texts = [_operand(first, dice)]
    before = first
    for other in others:
        texts.append(_tail(other, before, dice, may_and=not nested and not isinstance(first, Not)))
        before = other
    return " ".join(texts)


def _tail(part: Concept, before: Concept, dice: Random, *, may_and: bool) -> str:
    may_and = may_and and dice.random() < 0.3
    match part:
        case Place(name) if not (may_and and dice.random() < 0.3):
            return picked(TAILS[name], dice)
        case Writing(word) if word and not may_and:
            # What directly follows "text" would be what the text says.
            return picked(WORD_TAILS[: 2 if isinstance(before, Writing) else None], dice).format(word)
        case Thing() if isinstance(before, Place) and dice.random() < 0.3:
            return f"behind {noun_phrase(part, dice)}"
        case Not():
            return f"with {_operand(part, dice)}"
        case _:
            return f"{'and' if may_and else 'with'} {_operand(part, dice)}"


def _operand(part: Concept, dice: Random) -> str:
    """A part of a longer text; a formula is put in parentheses."""
    match part:
        case Thing():
            text = noun_phrase(part, dice)
        case Place(name):
            text = f"the {picked(NAMES['place'][name], dice)}"
        case Writing(word):
            text = picked(WORD_FORMS, dice).format(word) if word else picked(TEXT_FORMS, dice)
        case Part(name, of):
            text = f"the {picked(NAMES['part'][name], dice)} of {noun_phrase(of, dice)}"
        case Beside():
            text = related(part, dice)
        case Together(parts):
            text = f"({together(parts, dice, nested=True)})"
        case All(parts):
            text = f"({' and '.join(_operand(one, dice) for one in parts)})"
        case Either(parts):
            text = f"({_listed([_operand(one, dice) for one in parts], dice)})"
        case Not(of):
            text = f"(not {_operand(of, dice)})"
    return text


def _alone(thing: Thing, dice: Random) -> str:
    """An object as a text of its own: also in the plural, without an article, or as an adjective only."""
    chance, known = dice.random(), given(thing)
    if len(known) == 1 and known.keys() <= {"size", "colour", "pattern"} and chance < 0.4:
        (kind, value), *_ = known.items()
        form = picked(("{}", "{}", "something {}", "things that are {}", "an object that is {}"), dice)
        return form.format(picked(NAMES[kind][value], dice))
    if chance < 0.6:
        return bare_phrase(thing, dice, several=chance < 0.5)
    return noun_phrase(thing, dice)


def _place(name: str, dice: Random) -> str:
    noun = picked(NAMES["place"][name], dice)
    return picked((noun, noun, f"the {noun}", f"{indefinite(noun)} background"), dice)


def _listed(texts: Sequence[str], dice: Random) -> str:
    *firsts, last = texts
    return f"{picked((', ', ' or '), dice).join(firsts)} or {last}"


def _either(parts: Sequence[Concept], dice: Random) -> str:
    kind, first = differing(parts), parts[0]
    if kind and isinstance(first, Thing) and dice.random() < 0.6:
        values = _listed([picked(NAMES[kind][getattr(part, kind)], dice) for part in parts], dice)
        return f"{values} {bare_phrase(replace(first, **{kind: None}), dice, several=dice.random() < 0.5)}"
    return picked(("", "", "either "), dice) + _listed([_operand(part, dice) for part in parts], dice)


def _all(parts: Sequence[Concept], dice: Random) -> str:
    kind = lacking(parts)
    match parts:
        case (Thing() as thing, Not(Thing() as other)) if kind and dice.random() < 0.6:
            form = "{} without {}" if kind == "pattern" and other.pattern != "plain" else "{} that is not {}"
            table = NAMES["texture" if "without" in form else kind]
            return form.format(noun_phrase(thing, dice), picked(table[getattr(other, kind)], dice))
        case (Not(), _):
            return _operand(All(tuple(parts)), dice)
        case (first, Not(of)):
            return f"{_operand(first, dice)} {_absent(of, dice)}"
        case (Thing() as one, Thing() as two) if dice.random() < 0.5:
            return f"{noun_phrase(one, dice)} that is also {noun_phrase(two, dice)}"
        case _:
            return _operand(All(tuple(parts)), dice)


def _absent(of: Concept, dice: Random) -> str:
    """What follows something to say that another thing is not there."""
    if isinstance(of, Thing):
        form = picked(("without {}", "but no {}", "and no {}", "with no {}"), dice)
        return form.format(bare_phrase(of, dice, several=dice.random() < 0.3))
    return f"{picked(('without', 'but not', 'and not'), dice)} {_operand(of, dice)}"


def _not(of: Concept, dice: Random) -> str:
    if isinstance(of, Thing) and dice.random() < 0.7:
        return f"no {bare_phrase(of, dice, several=dice.random() < 0.4)}"
    return f"not {_operand(of, dice)}"
