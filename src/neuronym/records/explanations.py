"""What a unit responds to most, and what a method says of it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from neuronym.records.geometry import Box, Unit
from neuronym.records.values import State, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Exemplar:
    """One of the images that a unit responds to most.

    ``index`` is the image's position in the explain split; ``map`` is float32 [height, width], or None where the
    layer has no spatial map.
    """

    unit: Unit
    rank: int
    index: int
    image_id: str
    value: float
    summary: Summary
    map: npt.NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an image, in pixels of the original: where a unit fired, or what an explainer looked at."""

    image_id: str
    box: Box
    kind: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A description that a method considered, with its score under that method (higher is better)."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a method saw or produced on the way to its description."""

    kind: str
    image_id: str | None = None
    region: Region | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one method says about one unit.

    ``description`` is set exactly when ``state`` is ``described``, ``reason`` exactly when it is not: a failure is a
    state with a reason, never a text that is scored later.
    """

    unit: Unit
    method: str
    run: str
    state: State
    description: str | None = None
    score: float | None = None
    candidates: tuple[Candidate, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.state == "described") != (self.description is not None):
            raise ValueError(f"an explanation in state {self.state!r} with description {self.description!r}")
        if (self.state == "described") == (self.reason is not None):
            raise ValueError(f"an explanation in state {self.state!r} with reason {self.reason!r}")

    @property
    def id(self) -> str:
        """Identity of the explanation: the run that made it and the unit."""
        return f"{self.run}/{self.unit}"

    def _repr_html_(self) -> str:
        """For notebooks: the description, its score, the other candidates, and what the method noted."""
        muted = '<div style="opacity:.68">'
        score = "" if self.score is None else f" · score {self.score:.4g}"
        said = self.description if self.description is not None else f"{self.state}: {self.reason}"
        others = [one.text for one in self.candidates if one.text != self.description][:4]
        notes = [f"also {', '.join(others)}"] if others else []
        notes += [f"{one.kind}: {one.text}" for one in self.evidence if one.text is not None]
        lines = "".join(f"{muted}{escape(note)}</div>" for note in notes)
        big = "font-family:ui-serif,Charter,Georgia,serif;font-size:1.5em"
        return (
            f"<div>{muted}{escape(f'{self.unit} · {self.method}{score}')}</div>"
            f'<div style="{big}">{escape(said)}</div>{lines}</div>'
        )
