"""Methods that say what they are told to, so that a rating's outcome is known beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from neuronym.records import Explanation, Summary, Unit
from neuronym.store.layer_view import LayerView

SILENT = "(silent)"
"""What stands for an abstention."""


@dataclass(frozen=True)
class Alphanamer:
    """Says the text at the unit's position, round and round."""

    texts: tuple[str, ...] = ("a red dot",)
    summary: Summary = "mean"

    name: ClassVar[str] = "alphanamer"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for unit in units:
            text = self.texts[unit.index % len(self.texts)]
            if text == SILENT:
                yield Explanation(unit, self.name, view.run, "abstained", reason="it was told to")
            else:
                yield Explanation(unit, self.name, view.run, "described", text)


@dataclass(frozen=True)
class Betanamer(Alphanamer):
    name: ClassVar[str] = "betanamer"


@dataclass(frozen=True)
class Gammanamer(Alphanamer):
    name: ClassVar[str] = "gammanamer"
