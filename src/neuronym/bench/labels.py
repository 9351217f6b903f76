"""Labels as they are scored: which columns they are, whether they are right, what a unit is worth without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from neuronym.records import Explanation, Unit
from neuronym.records.benchmark import BenchUnit
from neuronym.world.grammar import Unparsed, parse

FIRST = 5
"""Candidates among which a true label is looked for."""


@dataclass(frozen=True)
class Right:
    """Whether a unit's label is its true one: by its text, among the first candidates, by its truth table."""

    top1: bool
    top5: bool
    equivalent: bool


def right(explanation: Explanation | None, truth: str | None) -> Right:
    """How right an explanation is; nothing is right where there is no truth or no label."""
    from neuronym.world.equivalence import equivalent_texts

    if explanation is None or explanation.description is None or truth is None:
        return Right(False, False, False)
    wanted, said = canonical(truth), explanation.description
    candidates = dict.fromkeys([said, *(candidate.text for candidate in explanation.candidates)])
    first = [canonical(text) for text in list(candidates)[:FIRST]]
    return Right(first[0] == wanted, wanted in first, equivalent_texts(said, truth))


@cache
def canonical(text: str) -> str | None:
    """The one way to write what a text says, or None where the world's grammar does not read it."""
    concept = parse(text)
    return None if isinstance(concept, Unparsed) else str(concept)


def true_labels(layer: str, units: Sequence[BenchUnit]) -> dict[int, Explanation]:
    """The truth as if a method had said it."""
    return {
        one.unit: Explanation(Unit(layer, one.unit), "truth", "truth", "described", one.truth)
        for one in units
        if one.truth is not None
    }


def by_unit(explanations: Sequence[Explanation]) -> Mapping[int, Explanation]:
    """Explanations by the numbers of their units."""
    return {one.unit.index: one for one in explanations}
