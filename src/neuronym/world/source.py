"""The world as probe images: ``bundled:world``, with its classes and its concept table.

A name may have options, for example ``bundled:world/test/400?links=fish:sea:0.9&noise=0.02&start=2000&marked``:
correlations (:mod:`neuronym.world.links`), Gaussian noise on the pictures (:mod:`neuronym.world.noise`), the number of
the first scene, and marks (:mod:`neuronym.world.marks`), which nobody sees and the planted units need.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError, unknown_name
from neuronym.probes.sources import Member
from neuronym.records import LabelTable
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.gallery import Gallery, renderer_key
from neuronym.world.grammar import Unparsed, parse, presence_of
from neuronym.world.links import parse_links
from neuronym.world.masks import Looked, WorldAnnotations
from neuronym.world.noise import MOST as MOST_NOISE
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import seed_of
from neuronym.world.vocabulary import SHAPES

GROUP = "concept"
"""The group of the world's concept list in a label table."""

COUNTS = {"train": 10_000, "explain": 3_000, "test": 1_500}
"""How many scenes of a split there are unless one says otherwise."""

MOST = 1_000_000
"""Scenes that a world may have."""

LEAST_NOISE = 0.0005
"""The smallest standard deviation that a source offers: it changes one value of a picture or so, and the others round
to what they were."""

_FORM = (
    "Write bundled:world/explain/3000, or with options "
    "bundled:world/explain/3000?links=fish:sea:0.9&noise=0.02&start=2000&marked; bundled:planted needs marked."
)
_EXAMPLES = {"links": "fish:sea:0.9", "noise": "0.02", "start": "2000", "marked": None}
"""The options in the order in which they are written, each with a value; ``marked`` has none."""

_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")

_NAME = re.compile(r"world(?:/(?P<split>[^/?]*))?(?:/(?P<count>[^/?]*))?(?:\?(?P<options>.*))?", re.DOTALL)


class WorldKnowledge:
    """The tables of some scenes, asked in words; see :class:`neuronym.probes.sources.Knowledge`."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes, self._looked = scenes, Looked(scenes)

    @property
    def vocabulary(self) -> Sequence[str]:
        """The world's concept list."""
        return tuple(map(str, catalogue()))

    def presence(self, text: str) -> npt.NDArray[np.float32] | None:
        """1 for scenes that a text is true of and 0 for others, float32 [scenes]; None where it is not understood."""
        found = presence_of(text, self._scenes)
        return None if found is None else found.astype(np.float32)

    def masks(self, text: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_] | None:
        """The pixels of what a text says, in scenes that it is true of, bool [rows, 64, 64]; None as above.

        Args:
            text: any.
            rows: which of the scenes. Ask for one block of them after the other, with all texts in turn.
        """
        concept = parse(text)
        return None if isinstance(concept, Unparsed) else self._looked.mask(concept, rows)


class WorldSource:
    """Scenes of one split as images that are rendered when they are read; see :class:`neuronym.probes.sources.Source`.

    Args:
        name: what the user wrote, with the prefix.
        split: ``train``, ``explain`` or ``test``.
        count: how many.
        gallery: where the images come from.
        start: the number of the first.
    """

    class_names: Sequence[str] = SHAPES

    def __init__(self, name: str, split: str, count: int, gallery: Gallery, start: int = 0) -> None:
        self.name, self.split, self.count, self.start = name, split, count, start
        self._gallery = gallery

    def members(self) -> list[Member]:
        """All scenes by their number in the split, each of the class of its main object's shape."""
        numbers = range(self.start, self.start + self.count)
        classes = self.scenes(numbers).classes
        return [Member(str(number), SHAPES[shape]) for number, shape in zip(numbers, classes, strict=True)]

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

    def annotations(self) -> WorldAnnotations:
        """Where the concepts of the world's list are in each scene."""
        stamp = f"{self.name} {renderer_key()}"
        return WorldAnnotations(self.name, stamp, self.scenes, self._number)

    def scenes(self, numbers: Sequence[int]) -> Scenes:
        """All that is known of some scenes."""
        return draw_scenes(self._gallery.seed, np.asarray(numbers, np.int64), self._gallery.links)

    def _number(self, member: str) -> int:
        known = member.isascii() and member.isdecimal() and len(member) <= len(str(MOST))
        if not known or not 0 <= int(member) - self.start < self.count:
            first = f", the first of them {self.start}" if self.start else ""
            raise ProbeError(f"there is no scene number {member!r}; {self.name} has {self.count}{first}")
        return int(member)


def load(rest: str) -> WorldSource:
    """The source that ``bundled:`` with ``rest`` stands for: ``world[/SPLIT[/COUNT]][?OPTIONS]``.

    The options are ``links=CAUSE:EFFECT:SHARE,...``, ``noise=DEVIATION``, ``start=NUMBER`` and ``marked``, joined by
    ``&``; each at most once, in any order.

    Raises:
        ProbeError: the name is of another form, there are no so many scenes, the noise is no standard deviation, or the
            links cannot be.
        UnknownNameError: there is no such split or option, or no such thing to link.
    """
    name = f"bundled:{rest}"
    found = _NAME.fullmatch(rest)
    if found is None:
        raise ProbeError(f"There are no images {name!r}. {_FORM}")
    split = "explain" if found["split"] is None else found["split"]
    seed, options = seed_of(split), _options(name, found["options"])
    links, noise = parse_links(options.get("links", "")), _noise(name, options.get("noise"))
    count, start = _count(name, found["count"], split), _start(name, options.get("start"))
    if start + count > MOST:
        raise ProbeError(
            f"{name!r} asks for {count:,} scenes from number {start:,}, and the last scene of a split is number "
            f"{MOST - 1:,}. Give a smaller start, or fewer scenes."
        )
    return WorldSource(name, split, count, Gallery(seed, links, "marked" in options, noise), start)


def _options(name: str, text: str | None) -> dict[str, str]:
    """What is written after the question mark, by option; each is known, given once, with a value if it takes one."""
    options: dict[str, str] = {}
    for part in [] if text is None else text.split("&"):
        key, equals, value = part.partition("=")
        if not part:
            raise ProbeError(f"There are no images {name!r}. {_FORM}")
        if key not in _EXAMPLES:
            raise unknown_name("option of bundled:world", key, _EXAMPLES)
        if key in options:
            raise ProbeError(f"{name!r} gives the option {key} twice. Give it once.")
        example = _EXAMPLES[key]
        if bool(equals) != (example is not None):
            form = key if example is None else f"{key}={example}"
            raise ProbeError(f"{name!r} has the option {part!r}. Write it as {form}.")
        options[key] = value
    return options


def _count(name: str, text: str | None, split: str) -> int:
    if text is None:
        return COUNTS[split]
    count = _whole(text)
    if not 1 <= count <= MOST:
        raise ProbeError(f"{name!r} asks for {text!r} scenes. Give a number from 1 to {MOST:,}. {_FORM}")
    return count


def _start(name: str, text: str | None) -> int:
    start = 0 if text is None else _whole(text)
    if not 0 <= start < MOST:
        raise ProbeError(f"{name!r} starts at scene {text!r}. Give a number from 0 to {MOST - 1:,}.")
    return start


def _noise(name: str, text: str | None) -> float:
    if text is None:
        return 0.0
    noise = float(text) if _DECIMAL.fullmatch(text) else 0.0
    if not LEAST_NOISE <= noise <= MOST_NOISE:
        raise ProbeError(
            f"{name!r} asks for noise of {text!r}. Give its standard deviation as a plain decimal from {LEAST_NOISE} "
            f"to {MOST_NOISE}, where 1 is the range of a pixel, or leave the option out."
        )
    return noise


def _whole(text: str) -> int:
    """The whole number that digits stand for; -1 for other texts, and for numbers too long to be of any scene."""
    digits = text.lstrip("0") or text[-1:]
    # Python refuses to read very long numbers.
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= len(str(MOST)) else -1
