"""Concepts get their numbers, and values of label images their concepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neuronym.errors import ProbeError
from neuronym.records import MaskConcept


@dataclass(frozen=True, eq=False)
class Legend:
    """What the values of a label image mean.

    Attributes:
        numbers: the number of the concept at each value; None at values that mean no concept.
        remedy: what to do about a value that is not among them.
    """

    numbers: Mapping[int, int | None]
    remedy: str

    def number(self, value: int, where: str) -> int | None:
        """The concept at a value.

        Raises:
            ProbeError: the value has no name; ``where`` says of what, for example "column 'scene'".
        """
        try:
            return self.numbers[value]
        except KeyError:
            raise ProbeError(f"The value {value} of the {where} has no name. {self.remedy}") from None


@dataclass(eq=False)
class Numbering:
    """Numbers concepts in the order in which they come.

    Attributes:
        path: where they come from, for messages.
    """

    path: str
    _numbers: dict[MaskConcept, int] = field(default_factory=dict)
    _values: dict[MaskConcept, int] = field(default_factory=dict)

    @property
    def concepts(self) -> tuple[MaskConcept, ...]:
        """All of them, by number."""
        return tuple(self._numbers)

    def number(self, concept: MaskConcept) -> int:
        """The number of a concept, perhaps a new one."""
        return self._numbers.setdefault(concept, len(self._numbers))

    def name(self, value: int, concept: MaskConcept | None) -> int | None:
        """The number of the concept that a value stands for.

        Raises:
            ProbeError: another value stands for it.
        """
        if concept is None:
            return None
        if concept in self._values:
            raise ProbeError(
                f"The concept {concept.name!r} of the category {concept.category!r} stands twice in {self.path!r}, at "
                f"the values {self._values[concept]} and {value}. Keep or rename one."
            )
        self._values[concept] = value
        return self.number(concept)
