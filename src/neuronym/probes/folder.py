"""A folder of image files, with its sub-folders."""

from __future__ import annotations

from pathlib import Path

from neuronym.probes.sources import Member, is_image_name, members_by_folder
from neuronym.probes.walking import walk


class FolderSource:
    """All images below a folder, labelled by its first-level sub-folders if every image is in one.

    Hidden files and folders are left out; links are followed, but never in a circle.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._root = Path(name).expanduser()

    def members(self) -> list[Member]:
        """As :meth:`Source.members`; names are paths below the folder, with ``/``."""
        return members_by_folder(name for name in walk(self._root) if is_image_name(name))

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        return (self._root / member).read_bytes()
