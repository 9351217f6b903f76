"""The world for users: scenes one by one, with their image, captions, true concepts and masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.errors import UserError, unknown_name
from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import Concept, mask, presence
from neuronym.world.grammar import Detail, Unparsed, caption, parse
from neuronym.world.links import parse_links
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.source import MOST
from neuronym.world.splits import seed_of
from neuronym.world.vocabulary import SHAPES


class Scene:
    """One scene of the world. It is rendered when its picture or a mask is first asked for.

    Attributes:
        number: its number in its split.
        table: all that is known of it, one row.
    """

    def __init__(self, number: int, table: Scenes) -> None:
        self.number, self.table = number, table

    def __repr__(self) -> str:
        return f"<scene {self.number}: {self.caption(detail='full')}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scene) and self.number == other.number and bool(self.table.grain == other.table.grain)

    def __hash__(self) -> int:
        return hash((self.number, int(self.table.grain[0])))

    @property
    def image(self) -> Image.Image:
        """The picture, 64 x 64, RGB."""
        return Image.fromarray(self._drawn[0])

    @property
    def label(self) -> str:
        """Its class: the shape of the main object."""
        return SHAPES[int(self.table.classes[0])]

    @property
    def regions(self) -> npt.NDArray[np.uint8]:
        """What each pixel shows, uint8 [64, 64]: numbers in :data:`neuronym.world.concepts.REGIONS`."""
        return self._drawn[1]

    def caption(self, seed: int = 0, detail: Detail | None = None) -> str:
        """A true text about it; other seeds use other words and say other things.

        Args:
            seed: a whole number.
            detail: ``brief``, ``some`` or ``full``; drawn if not given.

        Raises:
            UserError: there is no such detail.
        """
        if detail is not None and detail not in get_args(Detail):
            raise unknown_name("detail of a caption", str(detail), get_args(Detail))
        return caption(self.table, 0, seed, detail)

    def shows(self, concept: str | Concept) -> bool:
        """Whether a concept, or what a text says, is in it.

        Raises:
            UserError: the text is not understood.
        """
        return bool(presence(_read(concept), self.table)[0])

    def mask(self, concept: str | Concept) -> npt.NDArray[np.bool_]:
        """The pixels of a concept, or of what a text says, bool [64, 64]; all False where it is not there.

        Raises:
            UserError: the text is not understood.
        """
        found: npt.NDArray[np.bool_] = mask(_read(concept), self.table, self.regions[None])[0]
        return found

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts of the world's list that are in it."""
        return tuple(str(concept) for concept in catalogue() if presence(concept, self.table)[0])

    @cached_property
    def _drawn(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        images, regions = render(self.table)
        return images[0], regions[0]

    def _repr_png_(self) -> bytes:
        """The picture, for notebooks."""
        from io import BytesIO

        file = BytesIO()
        self.image.resize((192, 192), Image.Resampling.LANCZOS).save(file, "PNG")
        return file.getvalue()


class World(Sequence[Scene]):
    """Scenes of one split, by number. ``World("explain")[7].image`` is a picture.

    Args:
        split: ``train``, ``explain`` or ``test``.
        count: how many scenes, from the first.
        links: correlations, written as ``fish:sea:0.9``; none by default.

    Raises:
        UserError: there is no such split, or the links cannot be.
    """

    def __init__(self, split: str = "explain", count: int = 3000, links: str = "") -> None:
        if not isinstance(count, int) or not 1 <= count <= MOST:
            raise UserError(f"A world of {count!r} scenes was asked for. Give a whole number from 1 to {MOST:,}.")
        self.split, self._seed, self._count = split, seed_of(str(split)), count
        self._links = parse_links(links)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number):  # type: ignore[no-untyped-def]
        """Scene ``number``, or a list of scenes for a slice."""
        if isinstance(number, slice):
            return [self[one] for one in range(self._count)[number]]
        if not -self._count <= number < self._count:
            raise IndexError(f"There is no scene {number} of the {self._count} that were asked for.")
        place = range(self._count)[number]  # negative numbers count from the end, as in every sequence
        return Scene(place, draw_scenes(self._seed, [place], self._links))

    def __repr__(self) -> str:
        return f"<{self._count} scenes of the world's split {self.split!r}>"

    def __iter__(self) -> Iterator[Scene]:
        return (self[number] for number in range(self._count))


def _read(concept: str | Concept) -> Concept:
    if not isinstance(concept, (str, *get_args(Concept))):
        raise UserError(
            f"{concept!r} is no concept. Give a text such as 'a red fish', or one of neuronym.world.concepts."
        )
    found = parse(concept) if isinstance(concept, str) else concept
    if isinstance(found, Unparsed):
        raise UserError(f"The text {found.text!r} is not understood: {found.reason}.")
    return found
