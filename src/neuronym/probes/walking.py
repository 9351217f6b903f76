"""All files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from neuronym.errors import ProbeError


def walk(root: Path) -> Iterator[str]:
    """The paths of all files below a folder, with ``/``, in the order of the file system.

    Hidden files and folders are left out; links are followed, but never in a circle. A broken link is a file, so that
    it can be listed among the unreadable; pipes and sockets are not.

    Raises:
        ProbeError: a folder cannot be read.
    """
    return _walk(root, "", frozenset())


def _walk(folder: Path, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
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
                    yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {here})
                elif entry.is_symlink() or entry.is_file():
                    yield prefix + entry.name
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
