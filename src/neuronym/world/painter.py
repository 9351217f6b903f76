"""``bundled:world`` as an image generator: scenes of the world that show what a text says, and are otherwise as ever.

Scenes are drawn as those of any split are, and kept where the text is true of them. What a concept says of every scene
that shows it (its background, its word, the main object where a size is named) is given from the start, which changes
nothing but the speed. Concepts so rare that :data:`PLAIN` such scenes do not suffice are drawn from :data:`ROLES` more,
in which the main object takes one of the parts in turn: all of these show the concept, but not which object takes which
part as often as in the world. A text that is not true of enough of these scenes cannot be drawn.

``bundled:world?marked`` paints the same scenes with marks, which nobody sees and the planted units need.

On one core twenty pictures of a concept of the catalogue take 5 to 10 ms; that a text cannot be drawn takes 0.4 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from neuronym.errors import UnknownNameError
from neuronym.records import digest
from neuronym.world.concepts import All, Beside, Concept, Either, Part, Place, Thing, Together, Writing, presence
from neuronym.world.gallery import renderer_key
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.marks import VERSION, mark
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIZES, WORDS

if TYPE_CHECKING:
    import torch

PLAIN, ROLES = 2**15, 2**18
"""How many scenes are searched, first as they come and then with parts assigned."""

_STEP = 2048
_OWN = 1 << 63
"""A bit that the seeds of splits do not have, so that no scene of a split is ever painted."""

Given = dict[str, int]
"""Numbers of the main object's properties, of the background and of the word; see :func:`draw_scenes`."""

_MAIN = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS, "size": SIZES}


class Painter:
    """See the module; it keeps the protocol :class:`~neuronym.backends.generator.ImageGenerator`.

    Texts with one meaning, such as ``a scarlet disc`` and ``red circle``, have the same images.

    Args:
        marked: whether images have marks; see :mod:`neuronym.world.marks`.
    """

    domain = "bundled:world"

    def __init__(self, marked: bool = False) -> None:
        self.name, self._marked = "bundled:world?marked" if marked else "bundled:world", marked

    @property
    def key(self) -> str:
        """It covers the renderer, the world's distribution and how scenes are chosen."""
        # The number is to be raised when texts get other meanings, or scenes are searched for in another way.
        marks = ["marked", VERSION] if self._marked else []
        return digest(["painter 1", renderer_key(), PLAIN, ROLES, _STEP, *marks])

    def generate(self, text: str, count: int, seed: int) -> list[Image.Image] | None:
        """``count`` pictures of 64 x 64 that show what a text says; None if it is not understood or too rare."""
        scenes = self.scenes(text, count, seed)
        if scenes is None:
            return None
        images, regions = render(scenes)
        return [Image.fromarray(image) for image in (mark(images, regions, scenes) if self._marked else images)]

    def scenes(self, text: str, count: int, seed: int) -> Scenes | None:
        """The tables of the scenes that :meth:`generate` renders."""
        if count < 1:
            raise ValueError(f"count has to be positive, got {count}")
        concept = parse(text)
        return None if isinstance(concept, Unparsed) else scenes_of(concept, count, seed)


def load(rest: str, device: torch.device) -> Painter:
    """The generator that ``bundled:`` with ``rest`` stands for: ``world`` or ``world?marked``. It needs no device.

    Raises:
        UnknownNameError: it is something else.
    """
    if rest not in ("world", "world?marked"):
        raise UnknownNameError(f"There is no bundled image generator {rest!r}. Use bundled:world.")
    return Painter(marked=rest != "world")


def scenes_of(concept: Concept, count: int, seed: int) -> Scenes | None:
    """``count`` scenes that show a concept, none of any split; None if too few are found.

    Args:
        concept: any.
        count: how many; the first are the same for every count.
        seed: any whole number.
    """
    own_seed = int(digest([str(concept), seed]), 16) | _OWN
    found: list[Scenes] = []
    missing = count
    for start, given in _search(concept):
        scenes = draw_scenes(own_seed, np.arange(start, start + _STEP), given=given)
        shown = scenes.rows(np.flatnonzero(presence(concept, scenes))[:missing])
        found.append(shown)
        missing -= len(shown)
        if not missing:
            return Scenes.joined(found)
    return None


def _search(concept: Concept) -> Iterator[tuple[int, Given]]:
    """Where to look: the number of the first of some scenes, and what is given in them."""
    always = _always(concept)
    if always is None:
        return
    for start in range(0, PLAIN, _STEP):
        yield start, always
    roles = [role for role in _roles(concept) if role != always] or [always]
    for turn, start in enumerate(range(PLAIN, PLAIN + ROLES, _STEP)):
        yield start, roles[turn % len(roles)]


def _always(concept: Concept) -> Given | None:
    """What is given in every scene that shows a concept; None if no scene can."""
    given: Given | None = {}
    match concept:
        case Thing(size=size) if size not in (None, "tiny"):
            given = _given(concept)
        case Place(name):
            given = {"background": BACKGROUNDS.index(name)}
        case Writing(word) if word is not None:
            given = {"word": WORDS.index(word)}
        case Part(_, of):
            given = _always(of)
        case Beside(first, _, second):
            given = _joined(_always(first), _always(second))
        case Together(parts) | All(parts):
            for part in parts:
                given = _joined(given, _always(part))
    return given


def _roles(concept: Concept) -> Iterator[Given]:
    """What may be given so that the main object takes one of a concept's parts, with all that is always so."""
    found: Iterator[Given]
    match concept:
        case Thing() if concept.size != "tiny":
            found = iter([_given(concept)])
        case Part(_, of):
            found = _roles(of)
        case Beside(first, _, second):
            found = (role for part in (first, second) for role in _roles(part))
        case Together(parts) | All(parts) | Either(parts):
            found = (role for part in parts for role in _roles(part))
        case _:
            found = iter([_always(concept) or {}])
    always = _always(concept)
    for role in found:
        given = _joined(always, role)
        if given is not None:
            yield given


def _given(thing: Thing) -> Given:
    return {name: known.index(value) for name, known in _MAIN.items() if (value := getattr(thing, name)) is not None}


def _joined(first: Given | None, second: Given | None) -> Given | None:
    """Both; None where they contradict each other, or one is None."""
    if first is None or second is None or any(second.get(name, value) != value for name, value in first.items()):
        return None
    return first | second
