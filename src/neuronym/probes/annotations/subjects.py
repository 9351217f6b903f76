"""Which annotation is of which image, by names."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from neuronym.errors import ProbeError
from neuronym.probes.matching import file_name, stem, whole
from neuronym.records import ImageRecord

Key = Callable[[str], str]
"""What names are compared by."""


def path_stem(name: str) -> str:
    """A whole path without the ending of an image, as a key to compare names by."""
    return posixpath.join(posixpath.dirname(whole(name)), stem(name))


BY_FILE: tuple[Key, ...] = (whole, path_stem, file_name, stem)
"""How tables name images: the first of these by which any is found."""

BY_STEM: tuple[Key, ...] = (path_stem, stem)
"""How files beside images are named like them, whatever their own ending."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An image that may be annotated: what it is found by later, what it is called, and names that it may go by."""

    key: str
    name: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subjects:
    """Images that may be annotated.

    Attributes:
        by: the attribute of an image's record by which it is found later: its member for the images of one source.
        images: in their order.
    """

    by: Literal["member", "id"]
    images: tuple[Subject, ...]

    @classmethod
    def of_source(cls, members: Iterable[str]) -> Subjects:
        """The images of one source."""
        return cls("member", tuple(Subject(name, name, (name,)) for name in members))

    @classmethod
    def of_study(cls, records: Iterable[ImageRecord]) -> Subjects:
        """The images of a study, wherever they lie."""
        return cls("id", tuple(Subject(r.id, r.member, (r.member, f"{r.source}/{r.member}", r.id)) for r in records))

    def find(self, names: Sequence[str], keys: Sequence[Key], path: str) -> list[Subject | None]:
        """The image that each name means, by the strictest way to compare that finds any of them.

        Args:
            names: of images, as annotations have them.
            keys: ways to compare, the strictest first.
            path: where the names are from, for messages.

        Raises:
            ProbeError: a name may mean several images, or none of them means any.
        """
        for key in keys:
            found = self._found(names, key)
            if any(found):
                return [self._only(path, name, images) for name, images in zip(names, found, strict=True)]
        raise no_image(path, self, names)

    def _found(self, names: Sequence[str], key: Key) -> list[list[Subject]]:
        places: defaultdict[str, dict[str, Subject]] = defaultdict(dict)
        for subject in self.images:
            for alias in subject.aliases:
                places[key(alias)][subject.key] = subject
        return [list(places.get(key(name), {}).values()) for name in names]

    def _only(self, path: str, name: str, images: Sequence[Subject]) -> Subject | None:
        if len(images) > 1:
            raise ProbeError(
                f"{name!r} of {path!r} may mean the images {images[0].name!r} and {images[1].name!r}. Name them by "
                "their whole paths."
            )
        return images[0] if images else None

    def pair(self, names: Sequence[str], keys: Sequence[Key], path: str) -> list[Subject | None]:
        """As :meth:`find`, for names of which each image has at most one.

        Raises:
            ProbeError: as :meth:`find`; or two names mean one image.
        """
        found = self.find(names, keys, path)
        taken: dict[str, int] = {}
        for position, subject in enumerate(found):
            if subject is None:
                continue
            other = taken.setdefault(subject.key, position)
            if other != position:
                raise ProbeError(
                    f"{names[other]!r} and {names[position]!r} of {path!r} both annotate the image {subject.name!r}. "
                    "Keep one of them."
                )
        return found


def no_image(path: str, subjects: Subjects, names: Sequence[str]) -> ProbeError:
    """The error for annotations of other images: of ``names``."""
    return ProbeError(
        f"{path!r} annotates no probe image. The images are named {_some(s.name for s in subjects.images)}; the "
        f"annotations are of {_some(names)}. Give the annotations of these images, by the same paths or file names."
    )


def unused(name: str, annotations: int) -> tuple[str, ...]:
    """A note for the user on how many annotations are of no image; none where all are of one."""
    return (f"{annotations} annotations of {name!r} are of no image of the set.",) if annotations else ()


def _some(names: Iterable[str]) -> str:
    """The first three of some names."""
    first = list(names)
    shown = ", ".join(repr(name) for name in first[:3])
    return f"{shown}, …" if len(first) > 3 else shown or "nothing"
