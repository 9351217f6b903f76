"""A place in a row of lexemes: what the parts of the parser share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from neuronym.world.grammar.lexicon import Lexeme
from neuronym.world.grammar.refusal import Refusal

MOST_DEEP = 32
"""How deep parentheses and negations may be nested."""

_END = Lexeme("end", "", "")


class Reader:
    """Reads lexemes from left to right.

    Attributes:
        at: the number of the next lexeme.
        depth: how many parentheses and negations are open.
        brackets: how many of these are parentheses.
    """

    def __init__(self, lexemes: Sequence[Lexeme]) -> None:
        self._lexemes = lexemes
        self.at, self.depth, self.brackets = 0, 0, 0

    def peek(self, ahead: int = 0) -> Lexeme:
        """A lexeme that is still to be read; beyond the last, one of the kind ``end``."""
        return self._lexemes[self.at + ahead] if self.at + ahead < len(self._lexemes) else _END

    def take(self) -> Lexeme:
        """The next lexeme, which is then read."""
        lexeme = self.peek()
        self.at += 1
        return lexeme

    def accept(self, kind: str, *values: str) -> Lexeme | None:
        """The next lexeme, if it is of a kind and has one of the values, where any are given."""
        lexeme = self.peek()
        return self.take() if lexeme.kind == kind and (not values or lexeme.value in values) else None

    def contrast(self, ahead: int = 0) -> bool:
        """Whether a lexeme ends what a negation is said of: ``not red but blue``."""
        return self.depth > self.brackets and self.peek(ahead).text.lower() in ("but", "yet")

    def stuck(self) -> Refusal:
        """That the next lexeme cannot be read here."""
        lexeme = self.peek()
        if lexeme.kind == "end":
            return Refusal("it ends where more is needed")
        return Refusal(f"'{lexeme.text}' cannot be read at its place", (lexeme.text,))

    @contextmanager
    def deeper(self, *, brackets: bool) -> Iterator[None]:
        """One level further down, in parentheses or after a negation.

        Raises:
            Refusal: that is too deep.
        """
        if self.depth == MOST_DEEP:
            raise Refusal(f"it is nested more than {MOST_DEEP} deep")
        self.depth, self.brackets = self.depth + 1, self.brackets + brackets
        yield
        self.depth, self.brackets = self.depth - 1, self.brackets - brackets
