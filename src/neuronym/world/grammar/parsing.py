"""Texts as concepts: a parser that looks a few words ahead and never goes back further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from neuronym.world.concepts import (
    All,
    Concept,
    Either,
    Flags,
    Not,
    Place,
    Together,
    presence,
)
from neuronym.world.grammar.lexicon import Lexeme, lexemes
from neuronym.world.grammar.noun_phrases import begins, concept_of, noun_phrase
from neuronym.world.grammar.reading import Reader
from neuronym.world.grammar.refusal import Refusal, Unparsed
from neuronym.world.grammar.simple import an_object, at_place, part, place, places, written
from neuronym.world.scenes import Scenes

How: TypeAlias = Literal["together", "all"]


def parse(text: str) -> Concept | Unparsed:
    """The concept that a text means, or why it means none; any string is answered, in time linear in its length.

    ``A and B`` means both somewhere in one scene, as do ``with``, ``on the sea`` and a comma; between parentheses
    ``and`` means that the same pixels show both. ``or`` binds more weakly than ``and``, but ``a fish or a heart on the
    sea`` has either on the sea. ``but not red`` is said of the object, ``but no red things`` of the scene.
    """
    try:
        reader = Reader(lexemes(text))
        concept = _expression(reader)
        if reader.peek().kind != "end":
            raise reader.stuck()
    except Refusal as refusal:
        return Unparsed(text, refusal.reason, refusal.words)
    return concept


def presence_of(text: str, scenes: Scenes) -> Flags | None:
    """In which scenes the concept of a text is, bool [scenes]; None where the text is not understood."""
    concept = parse(text)
    return None if isinstance(concept, Unparsed) else presence(concept, scenes)


@dataclass(slots=True)
class _Phrase:
    """Something in a scene, and what is said to be there with it, in order.

    Of a ``negated`` phrase all that is said is not there.
    """

    first: Concept
    negated: bool = False
    further: list[tuple[How, Concept]] = field(default_factory=list)

    @property
    def concept(self) -> Concept:
        """All that is said."""
        return self.around(self.first)

    @property
    def last(self) -> Concept:
        """What was said last."""
        return self.further[-1][1] if self.further else self.first

    def around(self, first: Concept) -> Concept:
        """What is said, of ``first``."""
        concept = first
        for how, other in self.further:
            concept = Together((concept, other)) if how == "together" else All((concept, other))
        return Not(concept) if self.negated else concept


def _expression(reader: Reader) -> Concept:
    """Phrases that are joined by commas, ``and`` and ``or``; ``or`` binds most weakly."""
    phrases, joins = [_phrase(reader)], list[str]()
    while reader.peek().kind == "join":
        joins.append(_join(reader))
        phrases.append(_phrase(reader))
    groups = [[phrases[0]]]
    for join, phrase in zip(_without_commas(joins), phrases[1:], strict=True):
        if join == "or":
            groups.append([phrase])
        else:
            groups[-1].append(phrase)
    if len(groups) == 1:
        return _all_of(groups[0], same_pixels=reader.brackets > 0)
    if _shares_what_follows(groups):
        return phrases[-1].around(Either(tuple(phrase.first for phrase in phrases)))
    return Either(tuple(_all_of(group, same_pixels=reader.brackets > 0) for group in groups))


def _shares_what_follows(groups: Sequence[Sequence[_Phrase]]) -> bool:
    """Whether what follows the last of some phrases is said of all: ``a fish or a heart on the sea``."""
    *firsts, last = [group[0] for group in groups]
    plain = all(len(group) == 1 and not group[0].negated for group in groups)
    return plain and bool(last.further) and not any(phrase.further for phrase in firsts)


def _all_of(phrases: Sequence[_Phrase], *, same_pixels: bool) -> Concept:
    """What ``and`` means: of the same pixels, or of one scene; what is denied is denied of the same pixels."""
    if len(phrases) == 1:
        return phrases[0].concept
    if same_pixels:
        return All(tuple(phrase.concept for phrase in phrases))
    concept, before = phrases[0].concept, phrases[0]
    for phrase in phrases[1:]:
        both = (concept, phrase.concept)
        concept = All(both) if phrase.negated or before.negated else Together(both)
        before = phrase
    return concept


def _join(reader: Reader) -> str:
    """What joins two phrases: ``and``, ``or``, or ``comma`` where nothing else does."""
    join = "comma"
    while reader.peek().kind == "join":
        value = reader.take().value
        join = value if value != "comma" else join
    return join


def _without_commas(joins: Sequence[str]) -> list[str]:
    """Each comma means what the next joining word means; after the last of these, ``and``."""
    found, meaning = list[str](), "and"
    for join in reversed(joins):
        meaning = meaning if join == "comma" else join
        found.append(meaning)
    return found[::-1]


_FOLLOWING = ("with", "without", "at", "says", "but", "not", "behind", "also", "relation")


def _phrase(reader: Reader) -> _Phrase:
    phrase = _Phrase(*_item(reader))
    while True:
        if reader.peek().kind == "join" and reader.peek().value != "or" and reader.peek(1).kind in _FOLLOWING[:4]:
            reader.take()
        kind = reader.peek().kind
        if kind not in _FOLLOWING:
            return phrase
        how, other = _following(reader, phrase.last)
        if how == "all" and phrase.negated:
            phrase = _Phrase(phrase.concept)
        phrase.further.append((how, other))


def _following(reader: Reader, before: Concept) -> tuple[How, Concept]:
    """What is said to be, or not to be, with something."""
    lexeme = reader.take()
    match lexeme.kind:
        case "without" | "but" | "not":
            return "all", Not(_alternatives(reader))
        case "also":
            concept, negated = _item(reader)
            return "all", Not(concept) if negated else concept
        case "with" if not at_place(reader):
            concept, negated = _item(reader)
            return ("all", Not(concept)) if negated else ("together", concept)
    return "together", _around(reader, lexeme, before)


def _around(reader: Reader, lexeme: Lexeme, before: Concept) -> Concept:
    """What a scene has besides ``before``; the word that says how, ``lexeme``, is already read."""
    if lexeme.kind == "says":
        return written(reader)
    of_place = isinstance(before, Place) and begins(reader)
    across = lexeme.kind == "relation" and lexeme.value in ("above", "below", "beside")
    if of_place and (across or lexeme.kind == "behind"):
        return concept_of(noun_phrase(reader), same_pixels=False)
    if across or lexeme.kind in ("with", "at"):
        return places(reader, lexeme.text)
    reader.at -= 1
    raise reader.stuck()


def _alternatives(reader: Reader) -> Concept:
    """What is not there: ``circles or squares`` after ``no``."""
    with reader.deeper(brackets=False):
        items, joins = [_positive(reader)], list[str]()
        while reader.peek().kind == "join" and not reader.contrast():
            start, join = reader.at, _join(reader)
            if reader.peek().kind in _FOLLOWING or reader.peek()[:2] == ("pronoun", "no"):
                reader.at = start
                break
            joins.append(join)
            items.append(_positive(reader))
    if "and" in _without_commas(joins):
        raise Refusal("'and' after a negation can be read in two ways; say 'or', or the negation again")
    return items[0] if len(items) == 1 else Either(tuple(items))


def _positive(reader: Reader) -> Concept:
    concept, negated = _item(reader)
    return Not(concept) if negated else concept


def _item(reader: Reader) -> tuple[Concept, bool]:
    """A concept, and whether it was denied; then it stands without the negation."""
    kind, value, _ = reader.peek()
    if kind in ("not", "without"):
        reader.take()
        return (_denied if value == "not" else _alternatives)(reader), True
    if (kind, value) == ("pronoun", "no"):
        return an_object(reader), True
    return _simple(reader), False


def _denied(reader: Reader) -> Concept:
    with reader.deeper(brackets=False):
        return _positive(reader)


def _simple(reader: Reader) -> Concept:
    while reader.accept("with"):
        pass
    match reader.peek().kind:
        case "open":
            return _bracketed(reader)
        case "place" | "backdrop":
            return place(reader)
        case "writing" | "written" | "says":
            return written(reader)
        case "part":
            return part(reader)
        case "at" | "relation" if at_place(reader, 1):
            return places(reader, reader.take().text)
    return an_object(reader)


def _bracketed(reader: Reader) -> Concept:
    reader.take()
    with reader.deeper(brackets=True):
        concept = _expression(reader)
        if not reader.accept("close"):
            raise reader.stuck() if reader.peek().kind != "end" else Refusal("a parenthesis is not closed")
    return concept
