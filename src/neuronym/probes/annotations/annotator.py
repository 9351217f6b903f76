"""The protocol ``Annotator``: who knows what is where in images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from neuronym.records import ImageMasks, ImageRecord, MaskConcept

NOTHING = frozenset({"", "unlabelled", "unlabeled", "void", "ignore", "unknown"})
"""Names, in lower case, of values that mean no concept: nobody said what is there."""

_SPELLINGS = {"color": "colour"}


@runtime_checkable
class Annotator(Protocol):
    """Annotated images. It has to bear ``masks`` from several threads at once.

    Attributes:
        name: what the user gave.
        concepts: by number, no two alike.
        stamp: another one whenever what is annotated may be another; found without decoding a mask.
        notes: sentences for the user, for example about masks without an image; how many images are without a mask is
            counted when they are read.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - the class says it

    @property
    def concepts(self) -> Sequence[MaskConcept]: ...  # noqa: D102

    @property
    def stamp(self) -> str: ...  # noqa: D102

    @property
    def notes(self) -> Sequence[str]: ...  # noqa: D102

    def masks(self, record: ImageRecord) -> ImageMasks | None:
        """What is where in an image; None if it is not annotated.

        Raises:
            ProbeError: its masks cannot be read, do not cover it, or have values without a name.
        """


def concept_of(name: str, category: str) -> MaskConcept | None:
    """The concept of a name in a category, in British spelling; None for the names of :data:`NOTHING`."""
    name, category = name.strip(), category.strip()
    return None if name.lower() in NOTHING else MaskConcept(name, _SPELLINGS.get(category, category))
