"""Text tables from users: delimited files with a header, read as text and checked."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import ProbeError


@dataclass(frozen=True, eq=False)
class Table:
    """A header and rows of equally many stripped cells; ``lines`` are the rows' line numbers in the file."""

    path: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def column(self, index: int) -> list[str]:
        """All cells of one column."""
        return [row[index] for row in self.rows]

    def find(self, *names: str) -> list[int]:
        """The columns that bear one of the names, in the order of ``names``, whatever their case."""
        lowered = [title.lower() for title in self.header]
        return [index for name in names for index, title in enumerate(lowered) if title == name]

    def need(self, title: str) -> int:
        """The first column of a title, whatever its case.

        Raises:
            ProbeError: there is none.
        """
        found = self.find(title)
        if not found:
            raise ProbeError(
                f"{self.path!r} has no column {title!r}; its columns are: {', '.join(self.header)}. Give it one."
            )
        return found[0]

    def texts(self, title: str, otherwise: str = "") -> list[str]:
        """The cells of the first column of a title; ``otherwise`` where they are blank or there is no such column."""
        found = self.find(title)
        return [(row[found[0]] if found else "") or otherwise for row in self.rows]


def read_text(path: str | Path, kind: str) -> str:
    """The text of a UTF-8 file, with or without byte-order mark.

    Args:
        path: the file.
        kind: what it is, for messages, for example ``"label table"``.

    Raises:
        ProbeError: it cannot be read or is in another encoding.
    """
    try:
        return Path(path).expanduser().read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProbeError(
            f"The {kind} {str(path)!r} is not UTF-8 text (byte {error.start}: {error.reason}). Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ProbeError(f"The {kind} {str(path)!r} cannot be read: {error.strerror}. Check the path.") from error


def read_table(path: str | Path, kind: str) -> Table:
    """A table with a header line, its cells separated by commas, semicolons or tabs; blank lines are left out.

    Raises:
        ProbeError: as :func:`read_text`; or there are no rows, or a row is longer or shorter than the header.
    """
    text = read_text(path, kind)
    first = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append([cell.strip() for cell in cells])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ProbeError(f"The {kind} {str(path)!r} is not a CSV at line {reader.line_num}: {error}.") from error
    if len(rows) < 2:
        raise ProbeError(f"The {kind} {str(path)!r} has no rows. It needs a header line and at least one row.")
    header, *body = rows
    for cells, line in zip(body, lines[1:], strict=True):
        if len(cells) != len(header):
            raise ProbeError(
                f"The {kind} {str(path)!r} has {len(cells)} cells at line {line}, but {len(header)} in its header. "
                "Quote cells that hold the separator."
            )
    return Table(str(path), tuple(header), body, lines[1:])
