"""From text to lexemes: the longest phrases that the table knows, names and joining words alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from neuronym.world.grammar.refusal import Refusal, quoted
from neuronym.world.grammar.synonyms import rows
from neuronym.world.vocabulary import WORDS

MOST_WORDS = 400
"""Longer texts are not read."""

JOINING: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("join", "and"): ("and", "as well as", "and also", "but", "yet", "&", "+"),
    ("join", "or"): ("or", "and or", "/", "|"),
    ("join", "comma"): (",", ";", ".", ":", "!", "?"),
    ("open", ""): ("(", "[", "{"),
    ("close", ""): (")", "]", "}"),
    ("not", "not"): ("not", "other than", "anything but"),
    ("not", "no"): ("no", "neither"),
    ("non", ""): ("non",),
    ("with", ""): (
        *("with", "having", "has", "have", "that has", "that have", "which has", "which have", "containing"),
        *("contains", "that contains", "including", "together with", "along with", "accompanied by"),
        *("but with", "featuring"),
    ),
    ("without", ""): (
        *("without", "with no", "with not", "but no", "but without", "lacking", "having no", "has no", "have no"),
        *("that has no", "that have no", "excluding", "nor"),
    ),
    ("but", ""): ("but not", "except", "except for"),
    ("that", ""): ("that is", "that are", "which is", "which are", "that s", "being"),
    ("that", "not"): ("that is not", "that are not", "which is not", "which are not", "is not", "are not", "not being"),
    ("also", ""): ("that is also", "that are also", "which is also", "which are also"),
    ("at", ""): ("at", "on", "in", "to", "against", "upon", "across", "in front of", "set against", "during", "within"),
    ("behind", ""): ("behind",),
    ("of", ""): ("of",),
    ("says", ""): ("saying", "reading", "that says", "that reads", "says", "reads", "labelled", "labeled", "spelling"),
    ("backdrop", ""): ("background", "backdrop", "scene", "in background", "as background", "as backdrop"),
    ("pronoun", "some"): ("something", "anything", "one", "ones"),
    ("pronoun", "no"): ("nothing",),
    ("surface", "plain"): ("without pattern", "without patterns", "with no pattern", "with no patterns"),
    ("skip", ""): (
        *("there", "there is", "there are", "there s", "it", "it is", "it s", "this", "this is", "is", "are"),
        *("some", "any", "either", "both", "located", "placed", "shown", "visible"),
        *(f"in {view}" for view in ("picture", "image", "photo", "photograph", "frame", "view")),
    ),
}
"""What stands between names, by its part in the grammar."""

_ARTICLES = {"a", "an", "the"}
_VIEWS = ("picture", "image", "photo", "photograph", "scene", "frame", "drawing", "rendering", "painting", "view")
_FRAMES = (
    *("of", "with", "showing", "shows", "containing", "contains", "that shows", "that contains", "depicting"),
    *("depicts", "featuring", "in which there is", "where there is"),
)
_SPOTS = ("side", "part", "corner", "area", "third", "hand side")
_WHOLES = tuple(f"of {view}" for view in _VIEWS)
_SPELLINGS = {"color": "colour", "colors": "colours", "colored": "coloured", "an": "a"}

_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_DASHES = "_\u2010\u2011\u2013\u2014-"
_TOKEN = re.compile(
    rf"[{_QUOTES}](?P<quoted>[A-Za-z]+)[{_QUOTES}]|(?P<word>[^\W\d_]+)|(?P<other>[^\s{_QUOTES}{_DASHES}])"
)


class Lexeme(NamedTuple):
    """A phrase of a text: what it is, what it stands for, and how it was written."""

    kind: str
    value: str
    text: str


Phrase = tuple[str, ...]


@cache
def lexicon() -> Mapping[Phrase, tuple[str, str]]:
    """Every phrase that is understood, as words, with its kind and value.

    Raises:
        ValueError: a phrase has two meanings.
    """
    found: dict[Phrase, tuple[str, str]] = {}
    for phrase, kind, value in _entries():
        words = tuple(phrase.split())
        if found.setdefault(words, (kind, value)) != (kind, value):
            raise ValueError(f"{phrase!r} means {found[words]} and {(kind, value)}.")
    return found


def _entries() -> Iterator[tuple[str, str, str]]:
    for phrase, kind, value in rows():
        yield phrase, kind, value
        yield from ((longer, kind, value) for longer in _longer(phrase, kind))
    for (kind, value), phrases in JOINING.items():
        yield from ((phrase, kind, value) for phrase in phrases)
    for view in _VIEWS:
        yield from ((f"{noun} {frame}", "frame", "") for noun in (view, f"{view}s") for frame in _FRAMES)


def _longer(phrase: str, kind: str) -> Iterator[str]:
    """What may be said for an adjective: ``red coloured``, ``left side of the picture``."""
    if kind in ("column", "row"):
        for whole in ("", *_WHOLES):
            yield from (f"{phrase} {spot} {whole}".strip() for spot in _SPOTS)
            if whole:
                yield f"{phrase} {whole}"
    elif kind == "colour":
        yield from (f"{phrase} coloured", f"{phrase} colour", f"{phrase} in colour")
    elif kind == "size":
        yield f"{phrase} in size"
    elif kind == "pattern":
        yield f"{phrase} patterned"


@cache
def _longest() -> Mapping[str, int]:
    """How many words the longest phrase has that begins with a word."""
    longest: dict[str, int] = {}
    for words in lexicon():
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return longest


class _Token(NamedTuple):
    text: str
    word: str
    quoted: bool


def lexemes(text: str) -> list[Lexeme]:
    """The phrases of a text, without articles and frames; time grows with the length of the text.

    Raises:
        Refusal: the text is empty or too long, or has a word that no phrase explains.
    """
    tokens = [token for token in _tokens(text) if token.word not in _ARTICLES]
    if len(tokens) > MOST_WORDS:
        raise Refusal(f"it has {len(tokens):,} words; at most {MOST_WORDS} are read")
    found, unknown, at = list[Lexeme](), list[str](), 0
    while at < len(tokens):
        lexeme, length = _next(tokens, at, found)
        at += length
        if lexeme is None:
            unknown.append(tokens[at - 1].text)
        elif lexeme.kind not in ("frame", "skip"):
            found.append(lexeme)
    if unknown:
        raise _unknown(unknown)
    return _trimmed(found)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        shown = match["quoted"] or match["word"] or match["other"]
        word = shown.lower()
        yield _Token(shown, _SPELLINGS.get(word, word), bool(match["quoted"]))


def _next(tokens: list[_Token], at: int, before: list[Lexeme]) -> tuple[Lexeme | None, int]:
    """The lexeme at a place, None where there is none, and how many words it takes."""
    token = tokens[at]
    if token.text.upper() in WORDS and _is_written(tokens, at, before):
        return Lexeme("written", token.text.upper(), token.text), 1
    for length in range(_longest().get(token.word, 0), 0, -1):
        words = tuple(token.word for token in tokens[at : at + length])
        known = lexicon().get(words) if len(words) == length else None
        if known and _fits(known[0], words, tokens[at + length : at + length + 1], before):
            return Lexeme(*known, " ".join(token.text for token in tokens[at : at + length])), length
    return None, 1


def _fits(kind: str, words: Phrase, after: list[_Token], before: list[Lexeme]) -> bool:
    """Whether a phrase may be meant where it stands."""
    if kind == "relation" and words[-1] == "of":
        return not (after and after[0].word in _VIEWS)
    # A frame stands before everything else; later, "scene with" is a place's backdrop and what it comes with.
    return kind != "frame" or not before


def _is_written(tokens: list[_Token], at: int, before: list[Lexeme]) -> bool:
    """Whether a word is one that is written in a scene: in capitals, in quotes, or because the text says so."""
    token = tokens[at]
    if token.quoted or token.text.isupper() or (before and before[-1].kind in ("writing", "says")):
        return True
    if len(before) > 1 and before[-2].kind == "written" and before[-1][:2] == ("join", "or"):
        return True
    after = lexicon().get((tokens[at + 1].word,)) if at + 1 < len(tokens) else None
    return after is not None and after[0] == "writing"


def _trimmed(found: list[Lexeme]) -> list[Lexeme]:
    """Without stops at the beginning and the end."""
    stops = [lexeme.value == "comma" for lexeme in found]
    first = next((at for at, stop in enumerate(stops) if not stop), len(found))
    last = next((at for at in range(len(found), 0, -1) if not stops[at - 1]), 0)
    if first >= last:
        raise Refusal("there is nothing in it to read")
    return found[first:last]


def _unknown(words: list[str]) -> Refusal:
    once = list(dict.fromkeys(words))
    if len(once) == 1 and once[0].upper() in WORDS:
        return Refusal(f"{quoted(once)} may be written in a scene; say 'the word {once[0].upper()}'", tuple(once))
    return Refusal(f"no meaning is known for {quoted(once)}", tuple(once))
