"""Methods whose outcome on planted units is known beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from neuronym.errors import MethodError
from neuronym.records import Candidate, Explanation, Summary, Unit
from neuronym.store.layer_view import LayerView
from neuronym.world.planted import true_labels


@dataclass(frozen=True)
class Knowing:
    """Says the truth of planted units, surely, and nothing of units that have none."""

    summary: Summary = "mean"
    name: ClassVar[str] = "knowing"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        known = true_labels()
        for unit in units:
            if unit.index in known:
                yield Explanation(unit, self.name, view.run, "described", known[unit.index], 1.0)
            elif unit.index < 142:
                yield Explanation(unit, self.name, view.run, "abstained", reason="it has no description")
            else:  # a unit that was added
                yield Explanation(unit, self.name, view.run, "described", "circle", 0.0)


@dataclass(frozen=True)
class Babbling:
    """Says one thing of all units, as the first image decides, with the true label of unit 0 as its second thought."""

    summary: Summary = "mean"
    name: ClassVar[str] = "babbling"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        text = "fish" if int(view.images("explain")[0].member) % 2 == 0 else "gibberish of no kind"
        for unit in units:
            candidates = (Candidate(text, 1.0), Candidate(true_labels()[0], 0.5))
            yield Explanation(unit, self.name, view.run, "described", text, None, candidates)


@dataclass(frozen=True)
class Broken:
    """Cannot run."""

    summary: Summary = "mean"
    name: ClassVar[str] = "broken"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        raise MethodError("It is broken. Mend it.")
