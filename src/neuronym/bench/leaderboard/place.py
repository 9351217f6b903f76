"""The folder of an export: the names in it, whether it may be written, and files that appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from neuronym.errors import StudyError, UserError
from neuronym.probes.tables import read_table
from neuronym.store.atomic import LOCK, check_writable, guarded, replacing

MARKER = "benchmark.json"
"""What says that a folder is an export and complete; it is written last."""

UNFINISHED = "UNFINISHED.txt"
"""What says that a folder is an export and not complete."""

FORMAT = "neuronym-benchmark-export"
ACTIVATIONS, UNITS, IMAGES, CONCEPTS, GUIDE, PICTURES = (
    *("activations.npz", "units.csv", "images.csv", "concepts.txt", "README.md", "images"),
)


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Raise unless an export may be written to a folder; to be asked before long work.

    Files in it that are no part of an export are left alone in any case.

    Raises:
        StudyError: it is a file or cannot be written; it holds something and no export; it holds an export and
            ``overwrite`` is not given, or one in which someone has filled in descriptions.
    """
    place = str(folder)
    with guarded(folder, "look for an export"):
        if folder.exists() and not folder.is_dir():
            raise StudyError(f"{place!r} is a file. Choose another folder for the export.")
        # A killed export may have left its lock and nothing else.
        names = [entry.name for entry in folder.iterdir() if entry.name != LOCK] if folder.exists() else []
        filled = [table for table in sorted(folder.glob(f"*/{UNITS}")) if _is_filled(table)]
    _check_writable(folder)
    if not names:
        return
    if not is_export(folder) and UNFINISHED not in names:
        raise StudyError(f"{place!r} holds something other than an export, and is not touched. Choose another folder.")
    if not overwrite and UNFINISHED in names:
        raise StudyError(f"An export to {place!r} was not finished. Make it anew with --overwrite.")
    if not overwrite:
        raise StudyError(f"There is an export at {place!r} already. Replace it with --overwrite, or choose another.")
    if filled:
        raise StudyError(
            f"Descriptions were filled in at {str(filled[0])!r}, and would be lost. Move the file away, or choose "
            "another folder."
        )


def is_export(folder: Path) -> bool:
    """Whether a folder holds an export that is complete, of whatever version."""
    try:
        marker = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(marker, dict) and marker.get("format") == FORMAT


def begin(folder: Path) -> None:
    """Say that what is in a folder is not complete any more.

    Raises:
        StudyError: the folder cannot be written.
    """
    put(folder / UNFINISHED, b"This export was not finished. Make it anew with --overwrite.\n")
    with guarded(folder, "write the export"):
        (folder / MARKER).unlink(missing_ok=True)
        for picture in (folder / PICTURES).glob("[0-9]*.png"):
            picture.unlink()


def end(folder: Path, marker: bytes) -> None:
    """Say that the export is complete.

    Raises:
        StudyError: the folder cannot be written.
    """
    put(folder / MARKER, marker)
    with guarded(folder, "write the export"):
        (folder / UNFINISHED).unlink(missing_ok=True)


def put(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file whole or not at all.

    Raises:
        StudyError: it cannot be written.
    """
    try:
        with replacing(path, sync=sync) as file:
            file.write(content)
    except OSError as error:
        raise StudyError(
            f"It was not possible to write {str(path)!r}: {error.strerror or error}. Choose another folder, or make "
            "room, and export again with --overwrite."
        ) from error


def _check_writable(folder: Path) -> None:
    try:
        check_writable(folder / MARKER)
    except StudyError as error:
        raise StudyError(f"Nothing can be written to {str(folder)!r}. Choose another folder for the export.") from error


def _is_filled(table: Path) -> bool:
    """Whether someone has put descriptions into a table of units; what cannot be read may hold some."""
    try:
        found = read_table(table, "table of units")
    except UserError:
        return True
    return any(any(found.column(index)) for index in found.find("description"))
