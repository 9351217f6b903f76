"""What the grammar says of a text that it does not understand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A text without a meaning in the world; it scores nothing and is counted.

    Attributes:
        text: the text as it came.
        reason: why, as the second half of a sentence.
        words: the words of the text at fault; none where it is the whole.
    """

    text: str
    reason: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 80 else f"{self.text[:77]}..."
        return f"{shown!r} is not understood: {self.reason}."


class Refusal(Exception):  # noqa: N818  (it never leaves the grammar: parse returns it as Unparsed)
    """Why a text cannot be read, on its way to :func:`neuronym.world.grammar.parse`."""

    def __init__(self, reason: str, words: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason, self.words = reason, tuple(words)


def quoted(words: Sequence[str], most: int = 5) -> str:
    """Words as a list in quotes, the first few of many."""
    shown = ", ".join(f"'{word}'" for word in words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
