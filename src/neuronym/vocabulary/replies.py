"""From a language model's reply to phrases, or to the reason why it is none.

A reply is a list or it is nothing: a refusal, prose, or a broken list is never turned into phrases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from neuronym.records.vocabulary import distinct_phrases

LONGEST = 12
"""Words that a phrase has at most; what is longer is a sentence."""

LEAST = 2
"""Phrases of a list."""

ASPECTS = frozenset(
    (
        *("appearance", "background", "behavior", "behaviour", "color", "coloration", "coloring", "colors", "colour"),
        *("colouration", "colouring", "colours", "context", "design", "detail", "details", "environment", "feature"),
        *(
            "features",
            "form",
            "habitat",
            "location",
            "marking",
            "markings",
            "material",
            "materials",
            "other",
            "outline",
        ),
        *("parts", "pattern", "patterns", "pose", "posture", "proportions", "setting", "shape", "silhouette", "size"),
        *("structure", "surface", "surroundings", "texture", "textures"),
    )
)
"""Words before a colon that say what follows is about, so that what is seen stands after the colon."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reply that is no list of phrases.

    Attributes:
        reason: why, to follow "the reply".
    """

    reason: str


_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.S | re.I)
_FENCE = re.compile(r"^\s*```.*$", re.M)
_BULLET = re.compile(r"^\s*(?:[-*+•‣◦▪●·–—]|\(?\d{1,3}[.):]|\(?[A-Za-z][.)])\s+(?=\S)")  # noqa: RUF001 - dashes of lists
_REFUSAL = re.compile(
    r"^\W*(?:(?:i'?m|i am|we are|we're)?\s*(?:very |so |really )?sorry\b|unfortunately\b|as an ai\b|my apologies\b"
    r"|i apologi[sz]e\b|i (?:can'?t|cannot|can not|won'?t|will not|don'?t|do not|am unable|am not able)\b"
    r"|i'm unable\b)",
    re.I,
)
_CHAT = re.compile(
    r"^\W*(?:sure|certainly|of course|absolutely|great question|okay|ok|here(?:'s| is| are)|below (?:is|are)"
    r"|the following|i hope|hope this|let me know|feel free|these features|these are|this list|please note|note that"
    r"|note:|if you|would you|do you|in summary|overall|remember)\b",
    re.I,
)
_PROSE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|i|you|we|it|its|it's|they|their|this|these|that|there"
    r"|which|when|if|because|however)\b",
    re.I,
)
_JSON = re.compile(r"^(?:\[.*\]|\{.*\}|[\[{].*)", re.S | re.M)
_EXPLAINED = re.compile(r"\s*:\s+|\s+[-–—]+\s+")  # noqa: RUF001 - dashes before explanations
_ASIDE = re.compile(r"\s*\([^()]*\)\s*$")
_EDGES = " \t\"'“”‘’`*_.,;:!|"  # noqa: RUF001 - quotes of other keyboards


def phrases_of(reply: str) -> tuple[str, ...] | Unreadable:
    """The phrases of a reply, in order, without repetitions.

    Read are numbered, lettered and bulleted lists, with headings and what stands around them left out; plain lines;
    one line with semicolons or commas; and JSON. Of ``name: explanation`` the name is kept, and the explanation where
    the name is one of :data:`ASPECTS`. What is longer than :data:`LONGEST` words is left out.

    Args:
        reply: the whole text.

    Returns:
        At least :data:`LEAST` phrases, or why there are none.
    """
    text = _FENCE.sub("", _THOUGHT.sub("", reply)).replace("’", "'").strip()  # noqa: RUF001
    if not text:
        return Unreadable("is empty")
    if _REFUSAL.match(text):
        return Unreadable("is a refusal")
    array = _JSON.search(text)
    found = _list_items(text) if array is None else _json_items(array[0])
    return found if isinstance(found, Unreadable) else _phrases(found)


def _json_items(text: str) -> list[str] | Unreadable:
    """The texts of a JSON array, or of the only array in a JSON object."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable("is broken JSON")
    if isinstance(content, dict):
        arrays = [value for value in content.values() if isinstance(value, list)]
        content = arrays[0] if len(arrays) == 1 else None
    if not isinstance(content, list) or not all(isinstance(one, str) for one in content):
        return Unreadable("is JSON without one list of texts")
    return content


def _list_items(text: str) -> list[str] | Unreadable:
    lines = [line for line in text.splitlines() if line.strip(" \t*_#-=")]
    marked = [_BULLET.sub("", line) for line in lines if _BULLET.match(line)]
    if len(marked) >= LEAST:
        return marked
    plain = [line for line in lines if not _CHAT.match(line) and not line.rstrip(" *_").endswith(":")]
    if len(plain) == 1:
        return _one_line(plain[0])
    if any(_is_sentence(line) for line in plain):
        return Unreadable("is prose and no list")
    return plain


def _one_line(line: str) -> list[str] | Unreadable:
    """The parts of ``a; b; c`` or ``Features: a, b and c``."""
    head, colon, rest = line.partition(":")
    listed = rest if colon and not re.search("[,;]", head) else line
    if _PROSE.search(listed):
        return Unreadable("is prose and no list")
    parts = [part.strip() for part in listed.split(";" if ";" in listed else ",")]
    if len(parts) < LEAST:
        return Unreadable("is no list")
    return [*parts[:-1], re.sub(r"^and\s+", "", parts[-1], flags=re.I)]


def _is_sentence(line: str) -> bool:
    return len(line.split()) > LONGEST or (line.rstrip().endswith((".", "?", "!")) and bool(_PROSE.search(line)))


def _phrases(items: Sequence[str]) -> tuple[str, ...] | Unreadable:
    tidied = [phrase for item in items if (phrase := _phrase(item))]
    short = [phrase for phrase in tidied if len(phrase.split()) <= LONGEST and not phrase.endswith("?")]
    kept = distinct_phrases(short)
    if 2 * len(short) < len(tidied):
        return Unreadable("is of sentences rather than short phrases")
    if len(kept) < LEAST:
        return Unreadable(f"has {len(kept)} phrases" if len(kept) != 1 else "has a single phrase")
    return kept


def _phrase(item: str) -> str:
    """What an item of a list says, without decoration and explanation; empty for a heading and for mere signs."""
    bare = " ".join(item.replace("**", "").replace("__", "").split())
    if bare.endswith(":"):
        return ""
    head, *rest = _EXPLAINED.split(bare, maxsplit=1)
    said = rest[0] if rest and head.strip(_EDGES).casefold() in ASPECTS else head
    said = _ASIDE.sub("", said).strip(_EDGES)
    return said if any(letter.isalpha() for letter in said) and said.casefold() not in ASPECTS else ""
