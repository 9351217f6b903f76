"""From a language model's reply to phrases, or to the reason why it is none.

A reply is a list or it is nothing: a refusal, prose, or a broken list is never turned into phrases.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

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

_FILLING = frozenset(
    (
        *("&", "and", "characteristics", "distinctive", "etc", "general", "key", "main", "n/a", "none", "of", "or"),
        *("other", "overall", "physical", "the", "traits", "unique", "visual"),
    )
)
"""Words that say nothing beside an aspect."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reply that is no list of phrases.

    Attributes:
        reason: why, to follow "the reply".
    """

    reason: str


# Models think aloud first; where the template began the thought, only its end is in the reply. The last two are the
# channels of gpt-oss, with its special tokens and without them.
_THOUGHT = re.compile(
    r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)|\A.*</(?:think|thinking|thought|reasoning)>"
    r"|\A.*<\|message\|>|\Aanalysis.*?assistantfinal",
    re.S | re.I,
)
_TOKEN = re.compile(r"<\|[^<>|]*\|>|</s>")
_ITEM_TAG = re.compile(r"<li\b[^<>]*>\s*|\\item\s+", re.I)
_BREAK = re.compile(r"<(?:br|p|/p)\b[^<>]*>", re.I)
_TAG = re.compile(r"</?[a-z][^<>]*>|\\(?:begin|end)\{\w+\}", re.I)
_FENCE = re.compile(r"^\s*```.*$", re.M)
_QUOTED = re.compile(r"^(?:[ \t]*>)+", re.M)
_NUMBER = re.compile(
    r"\s*(?:\(?\d{1,3}[.):]\s+|\d{1,3}(?:[.)]|\s+[-–—]\s)\s*(?=[^\W\d])|\d{1,3}[、．]\s*"  # noqa: RUF001
    r"|\d{1,2}\ufe0f?\u20e3\s*|(?:feature|phrase|point|item)\s\d{1,3}\s*[:.)]\s+|\(?(?:[a-z]|[ivx]{2,4})[.)]\s+)(?=\S)",
    re.I,
)
_BULLET = re.compile(
    r"\s*(?:[-*+•‣◦▪●·–—]\s+(?=\S)|・\s*|[-•–—](?=[^\W\d]))"  # noqa: RUF001 - dashes of lists
    r"(?:\[[ xX]?\]\s+)?"
)
_HEADING = re.compile(r"\s*#+\s+(?=\S)")
_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?\s*")
_REFUSAL = re.compile(
    r"^\W*(?:(?:i'?m|i am|we are|we're)?\s*(?:very |so |really )?sorry\b|unfortunately\b|as an ai\b|my apologies\b"
    r"|i apologi[sz]e\b|i (?:can'?t|cannot|can not|won'?t|will not|don'?t|do not)\b"
    r"|i(?:'m| am) (?:unable|not able)\b|es tut mir leid\b|tut mir leid\b|leider\b|(?:je suis )?désolée?\b"
    r"|malheureusement\b|lo siento\b|mi dispiace\b|desculpe\b|sinto muito\b|к сожалению\b|извините\b"
    r"|抱歉|很抱歉|对不起|申し訳|すみません|죄송)",
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
_ASKS_BACK = re.compile(r"\b(?:you|clarify)\b.*\?\W*$", re.I)
_JSON = re.compile(
    r"^(?:\w+\s*=\s*)?((?:\[(?=\s*[\"'\[{\]])|\{(?=\s*[\"'}])).*[\]}]|[\[{](?=\s*[\"'\[{]).*)",
    re.S | re.M,
)
_EXPLAINED = re.compile(r"\s*:(?:\s+|(?=[^\W\d]))|\s*[：—]\s*|\s+[-–]+\s+")  # noqa: RUF001 - dashes before explanations
_SIGNS = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff\ufe0e\ufe0f\u20e3\u200b\u2060\ufeff\ufffd]+")
"""Arrows, ticks, emojis and what cannot be seen."""

_ASIDE = re.compile(r"\s*\([^()]*\)\s*$")
_EDGES = " \t\"'“”‘’`*_.,;:!|"  # noqa: RUF001 - quotes of other keyboards


def phrases_of(reply: str) -> tuple[str, ...] | Unreadable:
    """The phrases of a reply, in order, without repetitions.

    Read are numbered, lettered and bulleted lists, with headings and what stands around them left out; tables; plain
    lines; one line with semicolons or commas; and JSON. What a model thought aloud is not looked at. Of an item with
    several items below it, these are kept. Of ``name: explanation`` the name is kept; the explanation where the name is
    one of :data:`ASPECTS`; and both where it is another single word or ends with an aspect, as in ``Ears: long and
    floppy``. What is longer than :data:`LONGEST` words is left out.

    Args:
        reply: the whole text.

    Returns:
        At least :data:`LEAST` phrases, or why there are none.
    """
    text = _plain(reply)
    if not text:
        return Unreadable("is empty")
    if _REFUSAL.match(text):
        return Unreadable("is a refusal")
    array = _JSON.search(text)
    found = _list_items(text) if array is None else _json_items(array[1])
    return found if isinstance(found, Unreadable) else _phrases(found)


def _plain(reply: str) -> str:
    """A reply without thoughts and without the marks of HTML, LaTeX, Markdown and chat templates."""
    text = _TOKEN.sub("", _THOUGHT.sub("", reply))
    text = _TAG.sub(" ", _BREAK.sub("\n", _ITEM_TAG.sub("\n- ", text)))
    text = _QUOTED.sub("", _FENCE.sub("", text))
    return text.replace("’", "'").replace("**", "").replace("__", "").strip("\n").rstrip()  # noqa: RUF001


def _json_items(text: str) -> list[str] | Unreadable:
    """The texts of a JSON array, or of the only array in a JSON object; Python's way to write them will do."""
    try:
        content = _literal(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return Unreadable("is broken JSON")
    if isinstance(content, dict):
        arrays = [value for value in content.values() if isinstance(value, list)]
        content = arrays[0] if len(arrays) == 1 else None
    if not isinstance(content, list) or not all(isinstance(one, str) for one in content):
        return Unreadable("is JSON without one list of texts")
    return content


def _literal(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        if "\\" in text:  # Python warns of escapes that it does not know
            raise
        return ast.literal_eval(text)


def _list_items(text: str) -> list[str] | Unreadable:
    lines = [line for line in text.splitlines() if line.strip(" \t*_#-=")]
    rows = _rows(lines)
    if len(rows) >= LEAST:
        return rows
    marks = [_Mark.of(line) for line in lines]
    first = next((at for at, mark in enumerate(marks) if mark is not None), len(lines))
    if any(_ASKS_BACK.search(line) for line in lines[:first]):
        return Unreadable("asks back")
    marked = [mark for mark in marks if mark is not None]
    if len(marked) >= LEAST:
        return [mark.text for mark, heads in zip(marked, _heads(marked), strict=True) if not heads]
    titles = [_HEADING.sub("", line) for line in lines if _HEADING.match(line)]
    numbered = [mark.text for title in titles if (mark := _Mark.of(title)) is not None]
    return numbered if len(numbered) >= LEAST else _plain_items(lines)


def _plain_items(lines: Sequence[str]) -> list[str] | Unreadable:
    """The items of a reply of which no line is marked as one."""
    said = [line for line in lines if not _CHAT.match(line) and not line.rstrip(" *_").endswith((":", "："))]  # noqa: RUF001
    plain = [line for line in said if not _HEADING.match(line)]
    if len(plain) == 1:
        return _one_line(plain[0])
    if any(_is_sentence(line) for line in plain):
        return Unreadable("is prose and no list")
    return plain


@dataclass(frozen=True, slots=True)
class _Mark:
    """A line of a list: how far it stands in, whether it is numbered, and what it says."""

    indent: int
    numbered: bool
    text: str

    @classmethod
    def of(cls, line: str) -> _Mark | None:
        number = _NUMBER.match(line)
        found = number or _BULLET.match(line)
        if found is None:
            return None
        return cls(len(line) - len(line.lstrip()), number is not None, line[found.end() :])

    def holds(self, other: _Mark) -> bool:
        """Whether another line below is an item of a list under this one; many models do not indent it."""
        return other.indent > self.indent or (other.indent == self.indent and self.numbered and not other.numbered)


def _heads(marked: Sequence[_Mark]) -> list[bool]:
    """Which lines are headings of a list below: of several items, or a single word; else the item explains it."""
    found = []
    for at, mark in enumerate(marked):
        below = list(takewhile(mark.holds, marked[at + 1 :]))
        found.append(len(below) > 1 or (bool(below) and len(mark.text.split()) == 1))
    return found


def _rows(lines: Sequence[str]) -> list[str]:
    """The rows of a Markdown table below its rule: ``name: explanation``, of the first two cells that say something."""
    rule = next((at for at, line in enumerate(lines) if "|" in line and _RULE.fullmatch(line)), len(lines))
    rows = [line.strip(" \t|").split("|") for line in takewhile(lambda line: "|" in line, lines[rule + 1 :])]
    cells = [[cell.strip() for cell in row if any(map(str.isalpha, cell))] for row in rows]
    return [": ".join(row[:2]) for row in cells]


def _one_line(line: str) -> list[str] | Unreadable:
    """The parts of ``a; b; c`` or ``Features: a, b and c``."""
    head, colon, rest = line.partition(":")
    listed = rest if colon and not re.search("[,;]", head) else line
    if _PROSE.search(listed):
        return Unreadable("is prose and no list")
    parts = [part.strip() for part in re.split("[;；]" if re.search("[;；]", listed) else "[,，、]", listed)]  # noqa: RUF001
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
    bare = " ".join(_SIGNS.sub(" ", item).split())
    if bare.endswith((":", "：")):  # noqa: RUF001
        return ""
    said = _ASIDE.sub("", _told(bare)).strip(_EDGES)
    return said if any(map(str.isalpha, said)) and not _is_empty(said) else ""


def _told(item: str) -> str:
    """Of ``name: explanation`` what tells a feature."""
    head, *rest = _EXPLAINED.split(item, maxsplit=1)
    name, told = head.strip(_EDGES), "".join(rest).strip(_EDGES)
    if not told:
        return head
    if _is_empty(name):
        return told
    both = f"{name}: {told}"
    vague = len(name.split()) == 1 or name.split()[-1].casefold() in ASPECTS
    return both if vague and len(both.split()) <= LONGEST else head


def _is_empty(phrase: str) -> bool:
    """Whether a phrase says what is looked at, and nothing of it: ``Color and texture``."""
    return all(word in ASPECTS or word in _FILLING for word in phrase.casefold().split())
