"""Rows streamed to a folder as numbered Parquet files, for work that may be killed at any moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from neuronym.errors import StudyError
from neuronym.store.atomic import guarded, write_table
from neuronym.store.tables import read_table

_NAME = re.compile(r"part-(\d{5,})(?:-(\d{5,}))?\.parquet")


@dataclass(frozen=True, order=True)
class _Part:
    """A file with the rows of the appends ``first`` to ``last``, both inclusive."""

    first: int
    last: int

    @property
    def name(self) -> str:
        end = "" if self.first == self.last else f"-{self.last:05d}"
        return f"part-{self.first:05d}{end}.parquet"


class Parts:
    """A table in a folder that grows by whole, atomic appends.

    Each append is a file, ``part-00000.parquet`` and so on. :meth:`compact` writes ``part-00000-00007.parquet``, which
    holds the appends 0 to 7, and then removes the files it covers; until they are gone, they are not read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, table: pa.Table) -> None:
        """Adds the rows of a table; all tables must have the same schema.

        Raises:
            StudyError: the disk is full or the folder cannot be written.
        """
        live, _ = self._list()
        number = live[-1].last + 1 if live else 0
        write_table(self.folder / _Part(number, number).name, table)

    def read(self) -> pa.Table | None:
        """All rows in the order they were added, or None if nothing was.

        Raises:
            StudyError: a part is damaged or missing.
        """
        while True:
            live, _ = self._list()
            try:
                return self._read(live)
            except StudyError:
                if self._list()[0] == live:  # else a writer has compacted the parts since they were listed
                    raise

    def compact(self) -> None:
        """Makes one file of all parts. Killed at any point, it loses no row and doubles none.

        Raises:
            StudyError: a part is damaged or missing, or see :meth:`append`.
        """
        live, covered = self._list()
        if len(live) > 1:
            whole = _Part(live[0].first, live[-1].last)
            write_table(self.folder / whole.name, self._read(live))
            covered += live
        self._remove(covered)

    def clear(self) -> None:
        """Removes all rows. Killed on the way, it leaves the first parts, whole."""
        live, covered = self._list()
        self._remove(covered)
        self._remove(live[::-1])

    def _list(self) -> tuple[list[_Part], list[_Part]]:
        """The parts that count, in order, and those whose rows a compacted part holds as well."""
        names = (path.name for path in self.folder.iterdir()) if self.folder.is_dir() else ()
        found = [_Part(int(m[1]), int(m[2] or m[1])) for m in map(_NAME.fullmatch, names) if m]
        live: list[_Part] = []
        covered: list[_Part] = []
        for part in sorted(found, key=lambda part: (part.first, -part.last)):
            (covered if live and part.last <= live[-1].last else live).append(part)
        return live, covered

    def _read(self, live: list[_Part]) -> pa.Table | None:
        """The rows of some parts, if none is missing between them."""
        end = 0
        for part in live:
            if part.first != end:
                raise StudyError(
                    f"The folder {str(self.folder)!r} is incomplete: {_Part(end, end).name!r} is missing. "
                    "Restore it from a copy, or remove the folder and run the step again."
                )
            end = part.last + 1
        return pa.concat_tables([read_table(self.folder / part.name) for part in live]) if live else None

    def _remove(self, parts: list[_Part]) -> None:
        with guarded(self.folder, "remove old parts"):
            for part in parts:
                (self.folder / part.name).unlink(missing_ok=True)
