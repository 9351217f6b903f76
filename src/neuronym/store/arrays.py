"""Named arrays in a folder, in Zarr 3, written block of rows by block of rows and never half-read."""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from neuronym.errors import StudyError
from neuronym.store import _zarr
from neuronym.store._checksum import Damaged
from neuronym.store.atomic import guarded, replacing, sync_folder

_METADATA = "zarr.json"
_CHUNK = "c"
_SYNCERS = 16  # journals commit what several threads wait for at once
_SAFE = " !#$&'()+,;=@[]{}"


class Arrays:
    """Named arrays below a folder (names may contain "/"), chunked over the first axis.

    Every chunk is a file that appears whole and carries a checksum. An array is its metadata and its chunks; a chunk
    without metadata belongs to no array. Types are bool, integers and floats; there is at least one axis.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unsynced: list[Path] = []

    def create(
        self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike, *, rows: int, compress: bool = True
    ) -> None:
        """Makes room for an array, or keeps the one there is if its shape, type and chunks are the same.

        Args:
            name: another array is replaced.
            shape: its first axis is that of the rows.
            dtype: bool, an integer or a float type.
            rows: how many rows a chunk has. It is narrowed along the second axis to at most 8 MiB.
            compress: whether chunks are compressed: not worth the time for numbers that are all different.

        Raises:
            ValueError: a name, shape or type that cannot be stored.
            StudyError: the disk is full or the folder cannot be written.
        """
        layout = _zarr.plan(shape, dtype, rows, compress)
        place = self._place(name)
        if self._existing(name) == layout:
            return
        self._check_nesting(name)
        self.delete(name)
        path = place / _METADATA
        with guarded(path, f"make the array {name!r}"), replacing(path, sync=False) as file:
            file.write(json.dumps(_zarr.describe(layout), indent=1).encode())
        self._unsynced.append(path)

    def write(self, name: str, start: int, values: npt.NDArray[Any]) -> None:
        """Writes whole blocks of rows, one after another; each of their chunks appears whole or not at all.

        Args:
            name: an array made by :meth:`create`.
            start: the first row; a multiple of the rows of a chunk.
            values: [rows, ...]; they end where a chunk ends or the array does.

        Raises:
            ValueError: the rows are not whole blocks, or the values have another shape or cannot be cast to the type.
            StudyError: there is no such array, the disk is full or the folder cannot be written.
        """
        layout = self._layout(name)
        step, stop = layout.chunks[0], start + len(values)
        whole = start % step == 0 and (stop % step == 0 or stop == layout.shape[0]) and 0 <= start <= stop
        if not whole or stop > layout.shape[0] or values.shape[1:] != layout.shape[1:]:
            raise ValueError(
                f"values of shape {values.shape} at row {start} are no whole blocks of {step} rows of the array "
                f"{name!r} of shape {layout.shape}"
            )
        if not np.can_cast(values.dtype, layout.dtype, "same_kind"):
            raise ValueError(f"values of type {values.dtype} do not fit the array {name!r} of type {layout.dtype}")
        for block in range(start // step, math.ceil(stop / step)):
            for key in layout.keys(block):
                first, *rest = layout.region(key)
                part = values[(_moved(first, -start), *rest)]
                self._write_chunk(name, key, _zarr.encode(layout, part))

    def put(self, name: str, values: npt.NDArray[Any], *, rows: int | None = None) -> None:
        """Writes a whole array at once, in place of any other of this name.

        An array of one chunk (of up to 8 MiB, with ``rows`` left out) takes the place of one like it in one step;
        others are absent or incomplete until all is written.

        Raises:
            ValueError: see :meth:`create`.
            StudyError: the disk is full or the folder cannot be written.
        """
        if values.ndim == 0:
            raise ValueError(f"the array {name!r} has no axis")
        row = math.prod(values.shape[1:]) * values.dtype.itemsize
        rows = rows or max(1, min(len(values), _zarr.MAX_CHUNK_BYTES // max(1, row)))
        if math.prod(_zarr.plan(values.shape, values.dtype, rows).grid) > 1:
            self.delete(name)
        self.create(name, values.shape, values.dtype, rows=rows)
        self.write(name, 0, values)

    def read(self, name: str, rows: slice = slice(None), columns: slice = slice(None)) -> npt.NDArray[Any]:
        """Some rows of an array, and of these some positions of the second axis; slices have no step.

        Raises:
            StudyError: there is no such array, a chunk of these rows and columns is missing, or one is damaged.
            ValueError: a slice has a step, or columns are asked of an array of one axis.
        """
        layout = self._layout(name)
        if len(layout.shape) == 1 and columns != slice(None):
            raise ValueError(f"the array {name!r} has no columns")
        given = (rows, columns, *[slice(None)] * len(layout.shape))
        asked = [_span(part, size) for part, size in zip(given, layout.shape, strict=False)]
        out = np.empty([part.stop - part.start for part in asked], layout.dtype.newbyteorder("="))
        for key in layout.touched(asked) if out.size else ():
            held = layout.region(key)
            common = [slice(max(a.start, h.start), min(a.stop, h.stop)) for a, h in zip(asked, held, strict=True)]
            target = tuple(_moved(c, -a.start) for c, a in zip(common, asked, strict=True))
            source = tuple(_moved(c, -h.start) for c, h in zip(common, held, strict=True))
            out[target] = self._read_chunk(name, layout, key)[source]
        return out

    def written(self, name: str) -> npt.NDArray[np.bool_]:
        """Which blocks of rows are complete on disk: bool [chunks along the first axis].

        Raises:
            StudyError: there is no such array.
        """
        layout = self._layout(name)
        blocks = [
            all(_is_filled(self._path(name, key)) for key in layout.keys(block)) for block in range(layout.grid[0])
        ]
        return np.array(blocks, np.bool_)

    def flush(self) -> None:
        """Waits until every chunk written through this object has reached the disk, so that a power cut loses none.

        A kill loses none either way. To be called before a stage is recorded as done.

        Raises:
            StudyError: the disk reports an error.
        """
        with guarded(self.folder, "write the arrays"):
            for path in self._unsynced:
                with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                    os.fsync(file.fileno())
        folders = {folder for path in self._unsynced for folder in path.parents}
        for folder in sorted(folder for folder in folders if folder.is_relative_to(self.folder)):
            sync_folder(folder)
        self._unsynced.clear()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array.

        Raises:
            StudyError: there is no such array.
        """
        return self._layout(name).shape

    def has(self, name: str) -> bool:
        """Whether there is an array of this name, complete or not."""
        return (self._place(name) / _METADATA).is_file()

    def delete(self, name: str) -> None:
        """Removes an array, if it is there.

        Raises:
            StudyError: the folder cannot be written.
        """
        place = self._place(name)
        with guarded(place, f"remove the array {name!r}"):
            # First what makes the chunks an array, so that a kill on the way leaves no array with some chunks missing.
            (place / _METADATA).unlink(missing_ok=True)
            for chunk in place.glob(f"{_CHUNK}.*"):
                chunk.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the folder of other arrays
                place.rmdir()

    def _place(self, name: str) -> Path:
        parts = name.split("/")
        if any(part.strip(".") == "" for part in parts):
            raise ValueError(f"{name!r} is no name for an array")
        return self.folder.joinpath(*(quote(part, safe=_SAFE) for part in parts))

    def _path(self, name: str, key: tuple[int, ...]) -> Path:
        """The file of a chunk."""
        return self._place(name) / ".".join([_CHUNK, *map(str, key)])

    def _existing(self, name: str) -> _zarr.Layout | None:
        """The layout of an array, or None where there is none that can be read."""
        try:
            return _zarr.parse((self._place(name) / _METADATA).read_bytes())
        except (OSError, Damaged):
            return None

    def _layout(self, name: str) -> _zarr.Layout:
        path = self._place(name) / _METADATA
        try:
            return _zarr.parse(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StudyError(
                f"There is no array {name!r} in {str(self.folder)!r}: the study is incomplete. Go on with --resume."
            ) from error
        except OSError as error:
            raise self._unreadable(name, path, error) from error
        except Damaged as error:
            raise StudyError(
                f"The array {name!r} is damaged: {str(path)!r} is not what was written. Restore it from a copy, or "
                f"remove the folder {str(path.parent)!r} and go on with --resume."
            ) from error

    def _read_chunk(self, name: str, layout: _zarr.Layout, key: tuple[int, ...]) -> npt.NDArray[Any]:
        path = self._path(name, key)
        try:
            return _zarr.decode(layout, path.read_bytes())
        except FileNotFoundError as error:
            rows = layout.region(key)[0]
            raise StudyError(
                f"The array {name!r} in {str(self.folder)!r} is incomplete: rows {rows.start} to {rows.stop - 1} are "
                "missing. Go on with --resume."
            ) from error
        except OSError as error:
            raise self._unreadable(name, path, error) from error
        except Damaged as error:
            raise StudyError(
                f"The array {name!r} is damaged: {str(path)!r} does not fit its checksum. Restore it from a copy, or "
                "remove that file and go on with --resume."
            ) from error

    def _write_chunk(self, name: str, key: tuple[int, ...], data: bytes) -> None:
        path = self._path(name, key)
        # Waiting for the disk here would cost more than everything else; flush() does it once for all.
        with guarded(path, f"write the array {name!r}"), replacing(path, sync=False) as file:
            file.write(data)
        self._unsynced.append(path)

    def _unreadable(self, name: str, path: Path, error: OSError) -> StudyError:
        return StudyError(
            f"The array {name!r} cannot be read: {str(path)!r}: {error.strerror or error}. Check its permissions."
        )

    def _check_nesting(self, name: str) -> None:
        """Refuses an array within another, where its folder could be taken for chunks."""
        parts = name.split("/")
        outer = ("/".join(parts[:end]) for end in range(1, len(parts)))
        if any(map(self.has, outer)) or next(self._place(name).glob(f"*/**/{_METADATA}"), None):
            raise ValueError(f"the array {name!r} would lie within another array or hold one")


def _sync(path: Path) -> None:
    """Wait until a file has reached the disk, if it is still there."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        os.fsync(file.fileno())


def _span(given: slice, size: int) -> slice:
    """A slice with both ends given, for an axis of a size."""
    start, stop, step = given.indices(size)
    if step != 1:
        raise ValueError(f"a slice with the step {step}")
    return slice(start, max(start, stop))


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _is_filled(path: Path) -> bool:
    """Whether a file is there with content: a power cut can leave one without."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
