"""What a vocabulary has to be to describe units well, and where one falls short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neuronym.records import ClassPhrases, Vocabulary
from neuronym.records.vocabulary import class_key, phrase_key, plurals

LONGEST = 7
"""Words of a phrase."""

MANY = 20
"""Classes above which a phrase tells none of them from the others."""

MOST_SHARED = 0.02
"""The share of phrases that may serve so many classes; it has to be below."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A vocabulary in numbers.

    Attributes:
        classes: how many.
        entries: phrases, counted for every class that has them.
        phrases: different ones.
        words: the mean number of words of a phrase.
        shared: phrases that serve more than :data:`MANY` classes.
        leaking: entries with the name of their class in them.
    """

    classes: int
    entries: int
    phrases: int
    words: float
    shared: int
    leaking: int


def figures_of(vocabulary: Vocabulary) -> Figures:
    """The numbers of a vocabulary that has at least one phrase."""
    phrases = vocabulary.phrases
    return Figures(
        classes=len(vocabulary.classes),
        entries=sum(len(one.phrases) for one in vocabulary.classes),
        phrases=len(phrases),
        words=sum(len(phrase.split()) for phrase in phrases) / len(phrases),
        shared=len(shared_phrases(vocabulary)),
        leaking=sum(one.leaks(phrase) for one in vocabulary.classes for phrase in one.phrases),
    )


def shared_phrases(vocabulary: Vocabulary) -> list[str]:
    """The phrases that serve more than :data:`MANY` classes."""
    counts: dict[str, int] = {}
    for one in vocabulary.classes:
        for key in set(map(phrase_key, one.phrases)):
            counts[key] = counts.get(key, 0) + 1
    return [phrase for phrase in vocabulary.phrases if counts[phrase_key(phrase)] > MANY]


def violations(vocabulary: Vocabulary, least: int = 5, most: int = 8) -> list[str]:
    """What is wrong with a vocabulary, a sentence each; none where all is well.

    Args:
        vocabulary: of at least one phrase.
        least: phrases of a class.
        most: likewise.
    """
    found = [fault for one in vocabulary.classes for fault in _class_faults(one, least, most)]
    shared, total = shared_phrases(vocabulary), len(vocabulary.phrases)
    if len(shared) >= MOST_SHARED * total:
        found.append(
            f"{len(shared)} of {total} phrases serve more than {MANY} classes, {MOST_SHARED:.0%} or more: "
            f"{', '.join(map(repr, shared[:5]))}."
        )
    return found


def is_bare(name: str, phrase: str) -> bool:
    """Whether a phrase says no more than the name of its class: in the plural or not, with or without an article."""
    said = class_key(phrase)
    for article in ("a ", "an ", "the "):
        said = said.removeprefix(article)
    first, _, last = said.rpartition(" ")
    for synonym in name.split(","):
        named, _, end = class_key(synonym).rpartition(" ")
        if end and first == named and (last in plurals(end) or end in plurals(last)):
            return True
    return False


def _class_faults(one: ClassPhrases, least: int, most: int) -> Iterator[str]:
    if not least <= len(one.phrases) <= most:
        yield f"{one.name}: has {len(one.phrases)} phrases; {least} to {most} are wanted."
    seen: set[str] = set()
    for phrase in one.phrases:
        if phrase_key(phrase) in seen:
            yield f"{one.name}: has {phrase!r} twice."
        seen.add(phrase_key(phrase))
        fault = _fault(one.name, phrase)
        if fault:
            yield f"{one.name}: {phrase!r} {fault}."


def _fault(name: str, phrase: str) -> str:
    """What is wrong with one phrase; empty where nothing is."""
    words = len(phrase.split())
    if not any(letter.isalnum() for letter in phrase):
        return "says nothing"
    if not phrase.isprintable():
        return "holds characters that cannot be printed"
    if words > LONGEST:
        return f"has {words} words; {LONGEST} at most are wanted"
    return "is the bare name of its class" if is_bare(name, phrase) else ""
