"""The table of synonyms is frozen, complete and without double meanings."""

from __future__ import annotations

import hashlib
import json

import pytest

from neuronym.world.concepts import Part, Place, Thing, Writing
from neuronym.world.grammar import parse, vocabulary_words
from neuronym.world.grammar.lexicon import lexicon
from neuronym.world.grammar.synonyms import READ, WRITTEN, plurals, rows
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
)


def _hash(entries: list[object]) -> str:
    return hashlib.sha256(json.dumps(sorted(map(list, entries))).encode()).hexdigest()[:16]  # type: ignore[call-overload]


def test_the_table_is_frozen() -> None:
    """A change is another measurement: give the benchmark a new version with it."""
    assert _hash(list(rows())) == "9e37326e12ecb42e"
    assert _hash([(" ".join(words), *meaning) for words, meaning in lexicon().items()]) == "cde9b1f107ae5c48"


def test_the_vocabulary_is_frozen() -> None:
    """The bundled encoders were trained with these numbers of words."""
    assert _hash([(word,) for word in vocabulary_words()]) == "79a04adbfb1ffd96"
    assert list(vocabulary_words()) == sorted(set(vocabulary_words()))


def test_no_phrase_has_two_meanings() -> None:
    meanings: dict[str, set[tuple[str, str]]] = {}
    for phrase, kind, value in rows():
        meanings.setdefault(phrase, set()).add((kind, value))
    assert {phrase: found for phrase, found in meanings.items() if len(found) > 1} == {}
    assert len(lexicon()) > 2000


def test_phrases_are_lower_case_words_without_articles() -> None:
    for phrase, _, _ in rows():
        assert phrase == " ".join(phrase.lower().replace("-", " ").split())
        assert not {"a", "an", "the"} & set(phrase.split()), phrase


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("shape", SHAPES),
        ("colour", COLOURS),
        ("pattern", PATTERNS),
        ("texture", PATTERNS),
        ("size", SIZES),
        ("column", COLUMNS),
        ("row", ROWS),
        ("place", BACKGROUNDS),
        ("relation", RELATIONS),
        ("part", PARTS),
    ],
)
def test_every_name_of_the_world_has_a_row(kind: str, names: tuple[str, ...]) -> None:
    assert tuple(WRITTEN[kind]) == names
    assert all(kind == "texture" or phrases[0] == name for name, phrases in WRITTEN[kind].items())
    assert set(READ.get(kind, {})) <= set(names)


def test_every_phrase_alone_is_read_as_what_it_means() -> None:
    makers = {
        **{kind: lambda value, kind=kind: Thing(**{kind: value}) for kind in ("shape", "colour", "pattern", "size")},
        **{kind: lambda value, kind=kind: Thing(**{kind: value}) for kind in ("column", "row")},
        "form": lambda value: Thing(shape=value),
        "texture": lambda value: Thing(pattern=value),
        "place": Place,
        "object": lambda _: Thing(),
        "writing": lambda _: Writing(),
        "part": lambda value: Part(value, Thing()),
    }
    read = 0
    for phrase, kind, value in rows():
        if kind in makers:
            assert parse(phrase) == makers[kind](value), phrase
            assert parse(f"A {phrase.upper()}!") == makers[kind](value), phrase
            read += 1
    assert read > 400


@pytest.mark.parametrize(
    ("phrase", "plural"),
    [
        ("disc", ["discs"]),
        ("box", ["boxes"]),
        ("cross", ["crosses"]),
        ("plus", ["pluses"]),
        ("fish", ["fishes"]),
        ("half moon", ["half moons"]),
        ("stripes", []),
    ],
)
def test_plurals(phrase: str, plural: list[str]) -> None:
    assert list(plurals(phrase)) == plural
