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


@dataclass(frozen=True)
class Stumbling:
    """Has a mistake in it."""

    summary: Summary = "mean"
    name: ClassVar[str] = "stumbling"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        raise RuntimeError("it fell")


@dataclass(frozen=True)
class Peeking:
    """Tells how many test images it can see, in whatever way it asks for them without an encoder."""

    summary: Summary = "mean"
    name: ClassVar[str] = "peeking"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        labels, contents = view.labels("test"), view.contents
        known = 0 if contents.labels is None else len(contents.labels.values)
        seen = (
            len(view.images("test")),
            len(view.summaries("mean", "test")),
            0 if labels is None else len(labels.values),
            known - len(view.images("explain")),
            len(contents.images) - len(view.images("explain")),
            _pictures(view),
        )
        for unit in units:
            yield Explanation(unit, self.name, view.run, "described", f"{seen}", 1.0)


def _pictures(view: LayerView) -> int:
    """1 if the first test image can be loaded, and 0 if there is none."""
    try:
        view.image(0, "test")
    except IndexError:
        return 0
    return 1


@dataclass(frozen=True)
class Sloppy:
    """Breaks the contract of methods in one of several ways."""

    way: str = "order"
    summary: Summary = "mean"
    name: ClassVar[str] = "sloppy"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        asked = [*units][::-1] if self.way == "order" else [*units][:3] if self.way == "few" else [*units]
        for unit in asked:
            score = float("nan") if self.way == "nan" else float("inf") if self.way == "inf" else 1.0
            yield (
                "a fish"
                if self.way == "text"
                else Explanation(  # type: ignore[misc]
                    unit, self.name, view.run, "described", "fish", score
                )
            )


@dataclass(frozen=True)
class Failing:
    """Fails on every unit."""

    summary: Summary = "mean"
    name: ClassVar[str] = "failing"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for unit in units:
            yield Explanation(unit, self.name, view.run, "failed", reason="the server did not answer")
