"""The world as probe images: ``bundled:world``, with its classes and its concept table.

``?marked`` stands for images with marks (see :mod:`neuronym.world.marks`), which look the same, and which the planted
units need.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError
from neuronym.probes.sources import Member
from neuronym.records import LabelTable
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.gallery import Gallery
from neuronym.world.grammar import presence_of
from neuronym.world.links import parse_links
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import seed_of
from neuronym.world.vocabulary import SHAPES

GROUP = "concept"
"""The group of the world's concept list in a label table."""

COUNTS = {"train": 10_000, "explain": 3_000, "test": 1_500}
"""How many scenes of a split there are unless one says otherwise."""

MOST = 1_000_000
"""Scenes that a world may have."""

_FORM = (
    "Write bundled:world/explain/3000, or bundled:world/explain/3000?links=fish:sea:0.9; with ?marked or &marked at "
    "the end for bundled:planted."
)
_OPTIONS = r"(?:\?(?P<alone>marked)|\?links=(?P<links>[^&]*)(?:&(?P<also>marked))?)?"
_NAME = re.compile(rf"world(?:/(?P<split>[^/?]*))?(?:/(?P<count>[^/?]*))?{_OPTIONS}")


class WorldKnowledge:
    """The tables of some scenes, asked in words; see :class:`neuronym.probes.sources.Knowledge`."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes

    @property
    def vocabulary(self) -> Sequence[str]:
        """The world's concept list."""
        return tuple(map(str, catalogue()))

    def presence(self, text: str) -> npt.NDArray[np.float32] | None:
        """1 for scenes that a text is true of and 0 for others, float32 [scenes]; None where it is not understood."""
        found = presence_of(text, self._scenes)
        return None if found is None else found.astype(np.float32)


class WorldSource:
    """Scenes of one split as images that are rendered when they are read; see :class:`neuronym.probes.sources.Source`.

    Args:
        name: what the user wrote, with the prefix.
        split: ``train``, ``explain`` or ``test``.
        count: how many, from the first.
        gallery: where the images come from.
    """

    class_names: Sequence[str] = SHAPES

    def __init__(self, name: str, split: str, count: int, gallery: Gallery) -> None:
        self.name, self.split, self.count = name, split, count
        self._gallery = gallery

    def members(self) -> list[Member]:
        """All scenes by number, each of the class of its main object's shape."""
        classes = self.scenes(range(self.count)).classes
        return [Member(str(number), SHAPES[shape]) for number, shape in enumerate(classes)]

    def read(self, member: str) -> npt.NDArray[np.uint8]:
        """A scene's image, uint8 [64, 64, 3]."""
        return self._gallery.image(self._number(member))

    def concept_table(self, members: Sequence[str]) -> LabelTable:
        """Which concepts of the world's list are in each of some scenes: 1 or 0."""
        scenes = self.scenes([self._number(member) for member in members])
        concepts = catalogue()
        return LabelTable(tuple(map(str, concepts)), (GROUP,) * len(concepts), truth(concepts, scenes))

    def knowledge(self, members: Sequence[str]) -> WorldKnowledge:
        """Whether any text that the world's grammar reads is true of some scenes."""
        return WorldKnowledge(self.scenes([self._number(member) for member in members]))

    def scenes(self, numbers: Sequence[int]) -> Scenes:
        """All that is known of some scenes."""
        return draw_scenes(self._gallery.seed, np.asarray(numbers, np.int64), self._gallery.links)

    def _number(self, member: str) -> int:
        known = member.isascii() and member.isdecimal() and len(member) <= len(str(MOST))
        if not known or int(member) >= self.count:
            raise ProbeError(f"there is no scene number {member!r}; {self.name} has {self.count}")
        return int(member)


def load(rest: str) -> WorldSource:
    """The source that ``bundled:`` with ``rest`` stands for: ``world[/SPLIT[/COUNT]][?links=...][?marked]``.

    After links, ``marked`` is joined by ``&``.

    Raises:
        ProbeError: the name is of another form, the count is no number of scenes, or the links cannot be.
        UnknownNameError: there is no such split, or no such thing to link.
    """
    name = f"bundled:{rest}"
    found = _NAME.fullmatch(rest)
    if found is None:
        raise ProbeError(f"There are no images {name!r}. {_FORM}")
    split = found["split"] or "explain"
    marked = bool(found["alone"] or found["also"])
    gallery = Gallery(seed_of(split), parse_links(found["links"] or ""), marked)
    return WorldSource(name, split, _count(name, found["count"], split), gallery)


def _count(name: str, text: str | None, split: str) -> int:
    if text is None:
        return COUNTS[split]
    digits = text.lstrip("0") if text.isascii() and text.isdecimal() else ""
    # Python refuses to read very long numbers.
    if not digits or len(digits) > len(str(MOST)) or int(digits) > MOST:
        raise ProbeError(f"{name!r} asks for {text!r} scenes. Give a number from 1 to {MOST:,}. {_FORM}")
    return int(digits)
