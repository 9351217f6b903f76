"""The choice of a source by what a path is."""

from __future__ import annotations

from pathlib import Path

from neuronym.errors import ProbeError
from neuronym.probes.archive import ArchiveSource
from neuronym.probes.arrays import ArraySource
from neuronym.probes.folder import FolderSource
from neuronym.probes.listing import ListSource
from neuronym.probes.sources import IMAGE_EXTENSIONS, LIST_EXTENSIONS, Source


def open_source(path: str | Path) -> Source:
    """The source for a folder, a list of image files, an array file (.npz, .npy) or a zip archive.

    Raises:
        ProbeError: nothing is at the path, or it is none of these.
    """
    name, place = str(path), Path(path).expanduser()
    suffix = place.suffix.lower()
    if not place.exists():
        raise ProbeError(f"There are no probe images at {name!r}: no such file or folder. Check the path.")
    if place.is_dir():
        return FolderSource(name)
    if suffix in {".npz", ".npy"}:
        return ArraySource(name)
    if suffix == ".zip":
        return ArchiveSource(name)
    if suffix in LIST_EXTENSIONS:
        return ListSource(name)
    if suffix in IMAGE_EXTENSIONS:
        raise ProbeError(f"{name!r} is a single image. Give its folder, or a text file that lists images.")
    raise ProbeError(
        f"{name!r} is of no kind that holds probe images. Give a folder, a text file that lists images "
        f"({', '.join(sorted(LIST_EXTENSIONS))}), an array file (.npz, .npy) or a .zip of images."
    )
