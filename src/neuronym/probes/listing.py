"""A text file that lists image files."""

from __future__ import annotations

from pathlib import Path, PurePath

from neuronym.errors import ProbeError
from neuronym.probes.sources import IMAGE_EXTENSIONS, Member


class ListSource:
    """One image a line: its path, absolute or relative to the list's folder, and after a tab or comma its label.

    Blank lines and lines that begin with ``#`` are ignored; a path listed twice counts once. A comma belongs to the
    path where no ending of an image stands before it but one stands at the line's end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = Path(name).expanduser()

    def members(self) -> list[Member]:
        """As :meth:`Source.members`; names are the paths as written, in the order of the list."""
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ProbeError(f"The list {self.name!r} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
        except OSError as error:
            raise ProbeError(f"The list {self.name!r} cannot be read: {error.strerror}.") from error
        members: dict[str, Member] = {}
        for line in text.split("\n"):
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                member = _parse(stripped)
                members.setdefault(member.name, member)
        return list(members.values())

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        return (self._path.parent / Path(member).expanduser()).read_bytes()


def _parse(line: str) -> Member:
    path, tab, label = line.partition("\t")
    if not tab:
        path, label = _split_at_comma(line)
    return Member(path.strip(), label.strip() or None)


def _split_at_comma(line: str) -> tuple[str, str]:
    """The path and the label: at the first comma that follows the ending of an image, else as the docstring says."""
    at = line.find(",")
    while at >= 0:
        if _ends_as_image(line[:at]):
            return line[:at], line[at + 1 :]
        at = line.find(",", at + 1)
    if _ends_as_image(line):
        return line, ""
    path, comma, label = line.rpartition(",")
    return (path, label) if comma else (line, "")


def _ends_as_image(text: str) -> bool:
    return PurePath(text.strip()).suffix.lower() in IMAGE_EXTENSIONS
