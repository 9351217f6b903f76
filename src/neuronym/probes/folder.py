"""A folder of image files, with its sub-folders."""

from __future__ import annotations

import os
from pathlib import Path

from neuronym.errors import ProbeError
from neuronym.probes.sources import Member, is_image_name, members_by_folder


class FolderSource:
    """All images below a folder, labelled by its first-level sub-folders if every image is in one.

    Hidden files and folders are left out; links are followed, but never in a circle.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._root = Path(name).expanduser()

    def members(self) -> list[Member]:
        """As :meth:`Source.members`; names are paths below the folder, with ``/``."""
        names: list[str] = []
        self._walk(self._root, "", frozenset(), names)
        return members_by_folder(names)

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        return (self._root / member).read_bytes()

    def _walk(self, folder: Path, prefix: str, above: frozenset[tuple[int, int]], names: list[str]) -> None:
        try:
            status = folder.stat()
            here = (status.st_dev, status.st_ino)
            if here in above:
                return
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if _is_folder(entry):
                        self._walk(Path(entry.path), f"{prefix}{entry.name}/", above | {here}, names)
                    # A broken link is kept, so that it is listed among the unreadable; pipes and sockets are not.
                    elif is_image_name(entry.name) and (entry.is_symlink() or entry.is_file()):
                        names.append(prefix + entry.name)
        except OSError as error:
            raise ProbeError(
                f"The folder {str(folder)!r} cannot be read: {error.strerror}. Make it readable, or give other folders."
            ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, for example; if it is named like an image, reading it will say so.
        return False
