"""Files that appear whole or not at all, with errors a user can act on, and the lock of a study."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from neuronym.errors import StudyError
from neuronym.records import Json
from neuronym.store import _flock, _parquet

LOCK = ".lock"
_PARTIAL = ".neuronym-partial"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def guarded(path: Path, doing: str) -> Iterator[None]:
    """Turns the operating system's errors into sentences with a remedy.

    Args:
        path: the file or folder that is written.
        doing: what is done to it, to follow "to", for example ``"write the manifest"``.

    Raises:
        StudyError: the disk is full, the place is read-only, or anything else that the system refused.
    """
    try:
        yield
    except OSError as error:
        place = str(path)
        if error.errno in _FULL:
            message = (
                f"There is no space left to {doing} at {place!r}. "
                "What was written so far is kept: free some space and go on with --resume."
            )
        elif error.errno in _DENIED:
            message = (
                f"There is no permission to {doing} at {place!r}: {error.strerror}. "
                "Choose another folder with --out, or copy the study to where you may write."
            )
        else:
            message = (
                f"It was not possible to {doing} at {place!r}: {error.strerror or error}. Check the path and the disk."
            )
        raise StudyError(message) from error


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlast a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of ``path`` when the block ends well, and vanishes when it does not.

    A process killed in the block leaves ``path`` as it was, and a partial file that :func:`locked` clears away.

    Args:
        path: where the file will be; missing parents are created.
        sync: wait until the content has reached the disk. Without it a kill still loses nothing, but a power cut may.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}{_PARTIAL}")
    file = partial.open("xb")
    try:
        yield file
        file.flush()
        if sync:
            os.fsync(file.fileno())
        file.close()
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # closing flushes again, and a full disk refuses again
            file.close()
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
        StudyError: see :func:`guarded`.
    """
    with guarded(path, "write the file"), replacing(path) as file:
        file.write(data)


def check_writable(path: Path) -> None:
    """Refuse now what :func:`write_bytes` would refuse after long work, as far as the system says beforehand.

    Raises:
        StudyError: the path is a folder, or nothing may be written there.
    """
    if path.is_dir():
        raise StudyError(f"{str(path)!r} is a folder. Name a file.")
    with guarded(path, "write the file"):
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(above, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_json(path: Path, value: Json) -> None:
    """Writes JSON, indented and with sorted keys, whole or not at all.

    Raises:
        ValueError: the value holds NaN or infinity, for which JSON has no text.
        StudyError: see :func:`guarded`.
    """
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file with a checksum (see :func:`neuronym.store.tables.read_table`), whole or not at all.

    Raises:
        StudyError: see :func:`guarded`.
    """
    write_bytes(path, _parquet.pack(table))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes from writing the study in ``folder`` (created if missing) while the block runs.

    The system gives the lock back when the process ends, however it ends. What killed writers left half-written is
    cleared away first. Where the file system has no locks, nothing is locked.

    Raises:
        StudyError: another process holds the lock, or see :func:`guarded`.
    """
    path = folder / LOCK
    with guarded(folder, "lock the study"):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _flock.acquire(handle):
            raise StudyError(f"Another process is writing the study {str(folder)!r}. Wait until it has ended.")
        try:
            _sweep(folder)
            yield
        finally:
            _flock.release(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Removes the partial files of killed writers; whoever calls this holds the lock, so none is being written."""
    for partial in folder.rglob(f".*{_PARTIAL}"):
        with contextlib.suppress(OSError):
            partial.unlink()
