"""Where probe images come from: the protocol ``Source``, and what its kinds share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from neuronym.probes.decode import Encoded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

IMAGE_EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".ppm"),
        *(".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif", ".tga", ".qoi", ".ico", ".pcx"),
        ".sgi",
    }
)
"""Endings, in lower case, by which folders and archives tell images from other files."""

LIST_EXTENSIONS = frozenset({".txt", ".lst", ".list", ".csv", ".tsv"})
"""Endings of text files that list images."""

TABLE_EXTENSIONS = frozenset({".parquet", ".arrow"})
"""Endings of files that hold a dataset or a part of one."""


class Member(NamedTuple):
    """One image of a source: its name there, unique in the source, and its class label if the source knows one."""

    name: str
    label: str | None


@runtime_checkable
class Knowledge(Protocol):
    """What a source knows of some of its images: which texts are true of them.

    One that can tell where these are may have a method ``masks(text, rows)``: bool [rows, height, width], the pixels of
    what a text says in the images at some positions (int64 [rows]) among these, none in images that it is not true of;
    None where it does not understand the text. A block of images is asked for with all texts in turn.
    """

    @property
    def vocabulary(self) -> Sequence[str]:
        """Texts that it understands, which random labels are drawn from."""

    def presence(self, text: str) -> npt.NDArray[np.float32] | None:
        """How much of what a text says is in each of these images, 0 to 1; None where it does not understand it."""


@runtime_checkable
class Source(Protocol):
    """A container of images. Anything with these three members can be given to ``index``.

    A source has to pickle (open files are dropped and opened again on demand) and to bear ``read`` from several
    threads and forked processes at once. ``read`` must work without a call of ``members`` before it: a study that is
    opened again reads by the names it recorded.

    A source whose files number their classes may also have an attribute ``class_names: Sequence[str] | None``, the
    class at each number; super-class files that speak of class numbers are then read with it. One that knows what its
    images show may have a method ``concept_table(members: Sequence[str]) -> LabelTable``, with a row of values in 0..1
    for each of these members; the columns become labels of the probe set. One that can tell of any text whether it is
    true may have a method ``knowledge(members: Sequence[str]) -> Knowledge``; descriptions are then judged by it.
    One that knows where things are in its images may have a method ``annotations() -> Annotator | None`` (see
    :mod:`neuronym.probes.annotations`; None if these images are not annotated after all); the annotator is asked about
    records of this source only, and knows them by ``member``.
    """

    @property
    def name(self) -> str:
        """What the user typed, for example the path."""

    def members(self) -> list[Member]:
        """All images in a fixed order, without reading them.

        Raises:
            ProbeError: the container itself cannot be read.
        """

    def read(self, member: str) -> Encoded:
        """The bytes of an image file, or uint8 [height, width, 3] or [height, width].

        Raises:
            OSError, ProbeError: this image cannot be read; the others may.
        """


def is_image_name(name: str) -> bool:
    """Whether a relative path has the ending of an image and no hidden part."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in IMAGE_EXTENSIONS


def shared_folder(names: Iterable[str]) -> tuple[str, ...]:
    """The first folder of relative paths where all of them share it, as the prefix for :func:`members_by_folder`."""
    parts = [PurePosixPath(name).parts for name in names]
    tops = {part[0] for part in parts}
    return tuple(tops) if len(tops) == 1 and all(len(part) > 1 for part in parts) else ()


def members_by_folder(names: Iterable[str], prefix: Sequence[str] = ()) -> list[Member]:
    """Members sorted by name, labelled by the first folder below ``prefix`` if every image is in one."""
    ordered = sorted(names)
    below = [PurePosixPath(name).parts[len(prefix) :] for name in ordered]
    labelled = all(len(parts) > 1 for parts in below)
    return [Member(name, parts[0] if labelled else None) for name, parts in zip(ordered, below, strict=True)]
