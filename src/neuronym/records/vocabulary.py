"""A concept vocabulary: for every class, what a language model says it is told by, and how that came about.

"Explanation Vocabulary" in section 3 of Zhao et al.: a language model is asked about each class of a data set, and the
phrases of all replies together are what descriptions are chosen among.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from neuronym.records.values import digest

PROMPT = "What are useful features for distinguishing a {class} in an image? Please give me a list of short phrases."
"""The paper's prompt, to the letter; ``{class}`` stands for the name of a class."""

ExchangeState: TypeAlias = Literal["parsed", "unreadable", "cut off"]
"""What became of a reply: only one that is ``parsed`` gave phrases; one that is ``cut off`` was not finished."""

_WORD = re.compile(r"[^\W_]+")
_FOLDER = re.compile(r"^/\w/")


def phrase_key(phrase: str) -> str:
    """Equal for phrases that differ in case and white space alone."""
    return " ".join(phrase.split()).casefold()


def distinct_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """The phrases in order; of several that differ in case and white space alone, the first."""
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(phrase_key(phrase), phrase)
    return tuple(first.values())


def class_key(name: str) -> str:
    """Equal for ways to write one class: ``"Great_White"`` and ``"great white, Carcharodon"`` both are ``great white``.

    The words of the first synonym before a comma, in lower case, of what :func:`spoken_name` gives.
    """
    return " ".join(_words(spoken_name(name).partition(",")[0]))


def spoken_name(name: str) -> str:
    """A class as it stands in a sentence: ``"Great_White"`` is ``Great White``, ``/a/airfield`` is ``airfield``."""
    return " ".join(_FOLDER.sub("", name).replace("_", " ").split())


@dataclass(frozen=True, slots=True)
class ClassPhrases:
    """What one class is told by.

    Attributes:
        name: the class.
        phrases: short texts, in the order in which they were given.
    """

    name: str
    phrases: tuple[str, ...]

    def leaks(self, phrase: str) -> bool:
        """Whether the name of the class, or a synonym of it after a comma, is in a phrase: whole words, plural too."""
        words = _words(phrase)
        return any(_holds(words, _words(synonym)) for synonym in self.name.split(","))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to a language model and what it replied.

    Attributes:
        name: the class that was asked about.
        prompt: the question.
        reply: the whole answer.
        model: the language model as the user wrote it.
        model_key: its identity, see :class:`neuronym.backends.language_model.LanguageModel`.
        seed: of the sampling.
        temperature: of the sampling.
        attempt: 1 for the first question about the class.
        state: what became of the reply.
        reason: why it is not ``parsed``; empty where it is.
    """

    name: str
    prompt: str
    reply: str
    model: str
    model_key: str
    seed: int
    temperature: float
    attempt: int
    state: ExchangeState
    reason: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """The phrases of many classes.

    Attributes:
        name: what it is called: the name of its file, without the ending.
        classes: in the order of the data set; two classes may have one name, as the two cranes of ImageNet have.
        prompt: what was asked, with ``{class}`` in place of the class.
        card: where it comes from: by whom, when, model, licence, what was reviewed ...
        exchanges: all questions and replies that led to it; none where people wrote it.
    """

    name: str
    classes: tuple[ClassPhrases, ...]
    prompt: str = PROMPT
    card: Mapping[str, str] = field(default_factory=dict, hash=False)
    exchanges: tuple[Exchange, ...] = ()

    @cached_property
    def key(self) -> str:
        """Equal for vocabularies that have the same phrases for the same classes."""
        return digest([[one.name, list(one.phrases)] for one in self.classes])

    @cached_property
    def phrases(self) -> tuple[str, ...]:
        """The distinct phrases of all classes, in order."""
        return distinct_phrases(" ".join(phrase.split()) for one in self.classes for phrase in one.phrases)

    def serving(self, phrase: str) -> tuple[str, ...]:
        """The names of the classes that have a phrase, in order; none where it is no phrase of the vocabulary."""
        return tuple(dict.fromkeys(one.name for one in self._owners.get(phrase_key(phrase), ())))

    def leaks(self, phrase: str) -> tuple[str, ...]:
        """Those of :meth:`serving` whose names are in the phrase."""
        owners = self._owners.get(phrase_key(phrase), ())
        return tuple(dict.fromkeys(one.name for one in owners if one.leaks(phrase)))

    @cached_property
    def _owners(self) -> dict[str, list[ClassPhrases]]:
        owners: dict[str, list[ClassPhrases]] = {}
        for one in self.classes:
            for key in dict.fromkeys(map(phrase_key, one.phrases)):
                owners.setdefault(key, []).append(one)
        return owners


def plurals(word: str) -> set[str]:
    """A word in lower case and what its plural may look like; English spelling, without the irregular ones but -men."""
    forms = {word, f"{word}s", f"{word}es"}
    if word.endswith("y"):
        forms.add(f"{word[:-1]}ies")
    if word.endswith(("f", "fe")):
        forms.add(f"{word.removesuffix('e')[:-1]}ves")
    if word.endswith("man"):
        forms.add(f"{word[:-2]}en")
    return forms


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _holds(words: Sequence[str], name: Sequence[str]) -> bool:
    """Whether the name's words follow each other among ``words``; its last may be in the plural, or out of it."""
    if not name:
        return False
    *stem, last = name
    for start in range(len(words) - len(name) + 1):
        *found, end = words[start : start + len(name)]
        if found == stem and (end in plurals(last) or last in plurals(end)):
            return True
    return False
