"""Which row of a user's table speaks of which probe image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from neuronym.errors import ProbeError
from neuronym.probes.sources import IMAGE_EXTENSIONS
from neuronym.probes.tables import Table
from neuronym.records import ImageRecord

IMAGE_COLUMNS = ("image", "file", "filename", "path", "name", "member", "id")
"""Titles that a table's column of images may bear, the most telling first."""


@dataclass(frozen=True)
class Match:
    """``column`` names the images; ``rows[i]`` is the row of image i, or None."""

    column: int
    rows: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class _Level:
    """One way to compare a cell with an image: by whole path, by file name, or by file name without its ending."""

    key: Callable[[str], str]
    images: dict[str, set[int]]

    def found(self, cells: Sequence[str]) -> int:
        """How many images the cells name."""
        return len({image for cell in cells for image in self.images.get(self.key(cell), ())})


def match(table: Table, records: Sequence[ImageRecord]) -> Match:
    """The column of ``table`` that names images, and each image's row.

    A column with a usual title (image, file, filename, path, name, member, id) is taken if it names at least one image;
    otherwise the column that names most of them. Names are compared as whole paths (in the source, or with the source
    in front) or content ids, else as file names, else without the ending: the first of these that finds any image holds
    for the whole column.

    Raises:
        ProbeError: no column names any image, a name fits two images, or two rows speak of one image.
    """
    levels = _levels(records)
    titled = table.find(*IMAGE_COLUMNS)
    others = [column for column in range(len(table.header)) if column not in titled]
    best = next((column for column in titled if _best(levels, table.column(column))[0]), None)
    if best is None and others:
        best = max(others, key=lambda column: _best(levels, table.column(column))[0])
    cells = [] if best is None else table.column(best)
    count, level = _best(levels, cells)
    if best is None or not count:
        sample = ", ".join(repr(cell) for cell in table.column((titled or others)[0])[:3])
        members = ", ".join(repr(record.member) for record in records[:3])
        raise ProbeError(
            f"No row of {table.path!r} names a probe image. The images are named {members} ...; the table says "
            f"{sample} ... Give one column the images' paths or file names."
        )
    return Match(best, _rows(table, cells, level, records))


def _levels(records: Sequence[ImageRecord]) -> list[_Level]:
    levels = [_Level(key, defaultdict(set)) for key in (whole, file_name, stem)]
    for index, record in enumerate(records):
        levels[0].images[record.id].add(index)
        levels[0].images[whole(f"{record.source}/{record.member}")].add(index)
        for level in levels:
            level.images[level.key(record.member)].add(index)
    return [_Level(level.key, dict(level.images)) for level in levels]


def _best(levels: Sequence[_Level], cells: Sequence[str]) -> tuple[int, _Level]:
    """How many images the cells name by the strictest comparison that finds any, and that comparison."""
    for level in levels:
        count = level.found(cells)
        if count:
            return count, level
    return 0, levels[-1]


def _rows(table: Table, cells: Sequence[str], level: _Level, records: Sequence[ImageRecord]) -> tuple[int | None, ...]:
    rows: list[int | None] = [None] * len(records)
    for row, cell in enumerate(cells):
        images = sorted(level.images.get(level.key(cell), ()))
        if len(images) > 1:
            both = " and ".join(f"{records[i].member!r} of {records[i].source!r}" for i in images[:2])
            raise ProbeError(
                f"{cell!r} at line {table.lines[row]} of {table.path!r} may mean {both}. "
                "Name the images by their whole paths."
            )
        for image in images:
            earlier = rows[image]
            if earlier is not None:
                raise ProbeError(
                    f"Lines {table.lines[earlier]} and {table.lines[row]} of {table.path!r} both speak of the image "
                    f"{records[image].member!r}. Keep one row an image."
                )
            rows[image] = row
    return tuple(rows)


def whole(name: str) -> str:
    """A path in one spelling; a whole path as a key to compare names by."""
    return str(PurePosixPath(name.replace("\\", "/"))) if name else ""


def file_name(name: str) -> str:
    """The last part of a path, as a key to compare names by."""
    return PurePosixPath(name.replace("\\", "/")).name


def stem(name: str) -> str:
    """The last part of a path without the ending of an image, as a key to compare names by."""
    path = PurePosixPath(file_name(name))
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS else path.name
