"""Correlations between what a scene's main object is and where it is, as a user writes them: ``fish:sea:0.9``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neuronym.errors import ProbeError, unknown_name
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIZES, WORDS

_VALUES = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS, "size": SIZES[1:]}
_EFFECTS = {"colour": COLOURS, "pattern": PATTERNS, "size": SIZES[1:], "background": BACKGROUNDS, "word": WORDS}


@dataclass(frozen=True, slots=True)
class Link:
    """Scenes whose main object has the property ``cause`` have ``effect`` with probability ``share`` at least.

    In the other scenes nothing changes. ``cause`` is a shape, colour, pattern or size; ``effect`` is a colour, pattern,
    size, background or word. ``share`` is in 0..1: with that probability the effect is put in, otherwise it is as
    probable as without the link. Of several links that put something else in the same place, the last one wins.
    """

    cause: str
    effect: str
    share: float

    def __post_init__(self) -> None:
        cause, effect = self.cause_kind, self.effect_kind
        if not (math.isfinite(self.share) and 0 <= self.share <= 1):
            raise ProbeError(f"The link {self} has the share {self.share}. Give a number from 0 to 1.")
        if cause == effect:
            raise ProbeError(f"The link {self} joins two values of one kind ({cause}). An object has one of each kind.")

    @property
    def cause_kind(self) -> str:
        """Which property of the main object decides."""
        return _kind("property that a link can depend on", self.cause, _VALUES)

    @property
    def effect_kind(self) -> str:
        """Which property is put in."""
        return _kind("property that a link can put in", self.effect, _EFFECTS)

    def __str__(self) -> str:
        return f"{self.cause}:{self.effect}:{self.share:g}"


def parse_links(text: str) -> tuple[Link, ...]:
    """Links written as ``fish:sea:0.9,red:STOP:0.5``.

    Raises:
        ProbeError: one is of another form, or joins what cannot be joined.
        UnknownNameError: there is no such thing in the world.
    """
    links = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        try:
            cause, effect, share = part.split(":")
            number = float(share)
        except ValueError as error:
            raise ProbeError(f"{part!r} is no link between things. Write one as fish:sea:0.9.") from error
        links.append(Link(cause.strip(), effect.strip(), number))
    return tuple(links)


def _kind(wanted: str, value: str, kinds: dict[str, tuple[str, ...]]) -> str:
    for kind, values in kinds.items():
        if value in values:
            return kind
    raise unknown_name(wanted, value, [name for names in kinds.values() for name in names])


def check_order(links: Sequence[Link]) -> None:
    """Raise where a link's cause could still be changed by a later link.

    Raises:
        ProbeError: it could.
    """
    for position, link in enumerate(links):
        later = next((other for other in links[position + 1 :] if other.effect_kind == link.cause_kind), None)
        if later is not None:
            raise ProbeError(f"The link {later} changes what the link {link} depends on. Give {later} first.")
