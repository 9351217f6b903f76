"""Vocabularies on disk: one JSON document each, a line per class and per exchange, and those that are shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from neuronym.errors import UserError, nearest, unknown_name
from neuronym.records import ClassPhrases, Exchange, Vocabulary
from neuronym.records.vocabulary import ExchangeState
from neuronym.store.atomic import write_bytes

FORMAT = "neuronym-vocabulary"
SCHEMA = 1
ENDING = ".json"
"""What the name of a vocabulary's file ends with, which tells it from a list of concepts."""

PREFIX = "vocab:"
"""What stands before the name of a shipped vocabulary."""

SHIPPED = Path(__file__).parents[1] / "vocabularies"


def shipped() -> tuple[str, ...]:
    """The names of the vocabularies that come with Neuronym, in alphabetical order."""
    return tuple(sorted(file.stem for file in SHIPPED.glob(f"*{ENDING}")))


def read_shipped(name: str) -> Vocabulary:
    """A vocabulary that comes with Neuronym.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in shipped():
        raise unknown_name("shipped vocabulary", name, shipped(), "`neuronym vocab show` lists them.")
    return read_vocabulary(SHIPPED / f"{name}{ENDING}")


def find_vocabulary(name: str) -> Vocabulary:
    """The vocabulary that a user means: ``vocab:NAME``, the path of a file, or the bare name of a shipped one.

    Raises:
        UnknownNameError: there is no such shipped vocabulary.
        UserError: there is no such file either, or it is no vocabulary.
    """
    if name.startswith(PREFIX) and not Path(name).is_file():
        return read_shipped(name.removeprefix(PREFIX))
    if name in shipped() and not Path(name).is_file():
        return read_shipped(name)
    try:
        place = Path(name).expanduser()
    except RuntimeError as error:
        raise UserError(f"There is no vocabulary at {name!r}: nobody here has that home. Check the path.") from error
    return read_vocabulary(place)


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in a file.

    Raises:
        UserError: there is none, or it is damaged, empty or of another schema.
    """
    place = str(path)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        near = nearest(path.stem, shipped())
        hint = f" Nearest shipped: {', '.join(PREFIX + one for one in near)}." if near else ""
        raise UserError(f"There is no vocabulary at {place!r}. Check the path.{hint}") from error
    except OSError as error:
        raise UserError(f"The vocabulary {place!r} cannot be read: {error.strerror}. Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"The vocabulary {place!r} is cut off or damaged: it is no JSON. {_AGAIN}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{place!r} is JSON, but no vocabulary. Give a file that `neuronym vocab build` wrote, or a text file with "
            "one concept per line."
        )
    if content.get("schema") != SCHEMA:
        raise UserError(
            f"The vocabulary {place!r} has schema {content.get('schema')!r}, and this version reads {SCHEMA}. Update "
            "Neuronym."
        )
    return _checked(place, content)


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary, whole or not at all; equal ones give equal bytes.

    Raises:
        StudyError: the disk is full or nothing may be written there.
    """
    head = {"format": FORMAT, "schema": SCHEMA, "name": vocabulary.name, "prompt": vocabulary.prompt}
    parts = [f"{_line(key)}: {_line(value)}" for key, value in head.items()]
    card = [f"{_line(key)}: {_line(value)}" for key, value in vocabulary.card.items()]
    classes = [_line({"class": one.name, "phrases": list(one.phrases)}) for one in vocabulary.classes]
    exchanges = [_line(asdict(one)) for one in vocabulary.exchanges]
    parts.append(f'"card": {_block("{", card, "}")}')
    parts.append(f'"classes": {_block("[", classes, "]")}')
    parts.append(f'"exchanges": {_block("[", exchanges, "]")}')
    lines = ",\n".join(f" {part}" for part in parts)
    write_bytes(path, f"{{\n{lines}\n}}\n".encode())


_AGAIN = "Build it again, or restore it from a copy."


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(opening: str, entries: Iterable[str], closing: str) -> str:
    inner = ",\n".join(f"  {entry}" for entry in entries)
    return f"{opening}\n{inner}\n {closing}" if inner else opening + closing


def _checked(place: str, content: Mapping[str, Any]) -> Vocabulary:
    try:
        vocabulary = _vocabulary(content)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The vocabulary {place!r} is damaged: its parts are not those of one. {_AGAIN}") from error
    if not vocabulary.phrases:
        raise UserError(
            f"The vocabulary {place!r} is empty: none of its {len(vocabulary.classes)} classes has a phrase. Build it "
            "again, or give another."
        )
    return vocabulary


def _vocabulary(content: Mapping[str, Any]) -> Vocabulary:
    return Vocabulary(
        name=_text(content["name"]),
        classes=tuple(ClassPhrases(_text(one["class"]), _phrases(one["phrases"])) for one in content["classes"]),
        prompt=_text(content["prompt"]),
        card={key: _text(value) for key, value in dict(content["card"]).items()},
        exchanges=tuple(_exchange(one) for one in content["exchanges"]),
    )


def _phrases(given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError(given)
    phrases = tuple(_text(one) for one in given)
    if not all(map(str.strip, phrases)):
        raise ValueError(given)
    return phrases


def _exchange(given: Mapping[str, Any]) -> Exchange:
    exchange = Exchange(**given)
    if exchange.state not in get_args(ExchangeState):
        raise ValueError(exchange.state)
    return exchange


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return given
