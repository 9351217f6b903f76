"""Rows of Arrow and Parquet files, read one at a time without loading the files.

Arrow files are mapped into memory. A Parquet file is compressed in groups of rows: to read one row its group is
decoded, in the asked column only, and the groups read last are kept for their neighbours.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from neuronym.errors import ProbeError
from neuronym.probes.decode import UnreadableImageError
from neuronym.probes.handles import Handle

KEPT_BYTES = 256 * 2**20
"""How much of decoded Parquet one source keeps, beside the groups that are being read."""

_DAMAGE = (OSError, ValueError, KeyError, OverflowError, pa.ArrowException)
"""What pyarrow raises on files that are not what they should be; names that are not UTF-8 are a ValueError."""

_FILE_MAGIC, _STREAM_END = b"ARROW1", b"\xff\xff\xff\xff\0\0\0\0"


class _Table(Protocol):
    path: Path
    schema: Any
    count: int

    def column(self, name: str) -> Any: ...

    def cell(self, row: int, column: str) -> Any: ...


class Rows:
    """The rows of several files with one schema, numbered through in the order of the files.

    Args:
        files: at least one, each Arrow (its stream or its file format) or Parquet, by its ending.

    Raises:
        ProbeError: a file cannot be read, or has other columns than the first.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        groups: Handle[_Groups] = Handle(_Groups, inherit=False)  # it has a lock, which a fork may find taken
        self._tables = [_open_table(file, groups) for file in files]
        self._starts = list(accumulate((table.count for table in self._tables), initial=0))
        self.schema = self._tables[0].schema
        for file, table in zip(files, self._tables, strict=True):
            if not table.schema.equals(self.schema, check_metadata=False):
                raise ProbeError(
                    f"The files {str(files[0])!r} and {str(file)!r} have different columns, and are read as one "
                    "dataset. Give them one by one."
                )

    def __len__(self) -> int:
        return self._starts[-1]

    def column(self, name: str) -> list[Any]:
        """All values of a column.

        Raises:
            ProbeError: a file is damaged.
        """
        return [value for table in self._tables for value in _column(table, name)]

    def cell(self, row: int, column: str) -> Any:
        """The Arrow scalar at a row and in a column.

        Raises:
            UnreadableImageError: the part of the file that it is in is damaged.
        """
        number = bisect_right(self._starts, row) - 1
        return self._tables[number].cell(row - self._starts[number], column)


class _ArrowTable:
    def __init__(self, path: Path) -> None:
        self.path = path
        mapped = pa.memory_map(str(path))
        if mapped.read(len(_FILE_MAGIC)) == _FILE_MAGIC:
            self._table = pa.ipc.open_file(mapped).read_all()
        else:
            _check_end(mapped)
            self._table = pa.ipc.open_stream(mapped).read_all()
        # Offsets that lead out of the map would end the process, not raise.
        self._table.validate(full=True)
        self.schema, self.count = self._table.schema, self._table.num_rows

    def column(self, name: str) -> Any:
        return self._table.column(name)

    def cell(self, row: int, column: str) -> Any:
        return self._table.column(column)[row]


def _check_end(mapped: Any) -> None:
    """A stream that was cut between two of its parts looks whole but for its end."""
    size = mapped.size()
    mapped.seek(max(0, size - len(_STREAM_END)))
    if mapped.read() != _STREAM_END:
        raise pa.ArrowInvalid("its end is missing")
    mapped.seek(0)


class _ParquetTable:
    def __init__(self, path: Path, groups: Handle[_Groups]) -> None:
        self.path, self._groups = path, groups
        with pq.ParquetFile(path) as file:
            self._metadata, self.schema = file.metadata, file.schema_arrow
        sizes = [self._metadata.row_group(i).num_rows for i in range(self._metadata.num_row_groups)]
        self._starts = list(accumulate(sizes, initial=0))
        self.count = self._starts[-1]

    def column(self, name: str) -> Any:
        with pq.ParquetFile(self.path, metadata=self._metadata) as file:
            return file.read([name], use_threads=False).column(name)

    def cell(self, row: int, column: str) -> Any:
        group = bisect_right(self._starts, row) - 1
        try:
            values = self._groups.get().get((self.path, group, column), partial(self._decode, group, column))
        except _DAMAGE as error:
            raise UnreadableImageError(f"its part of {str(self.path)!r} is damaged: {_first_line(error)}") from error
        return values[row - self._starts[group]]

    def _decode(self, group: int, column: str) -> Any:
        # A file of one's own for every group: a reader must not be used by two threads.
        with pq.ParquetFile(self.path, metadata=self._metadata) as file:
            return file.read_row_group(group, [column], use_threads=False).column(column)


class _Groups:
    """Decoded groups of rows: those asked for last, up to a size; each is decoded once for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, Handle[Any]] = OrderedDict()
        self._sizes: dict[object, int] = {}

    def get(self, key: object, decode: partial[Any]) -> Any:
        with self._lock:
            handle = self._kept.setdefault(key, Handle(decode, inherit=False))
            self._kept.move_to_end(key)
        values = handle.get()
        with self._lock:
            if self._kept.get(key) is handle:
                self._sizes[key] = values.nbytes
            while sum(self._sizes.values()) > KEPT_BYTES and len(self._kept) > 1:
                self._sizes.pop(self._kept.popitem(last=False)[0], None)
        return values


def _open_table(path: Path, groups: Handle[_Groups]) -> _Table:
    try:
        table = _ParquetTable(path, groups) if path.suffix.lower() == ".parquet" else _ArrowTable(path)
        _read_names(table.schema)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    return table


def _read_names(fields: Iterable[Any]) -> None:
    """Read the names of columns and of all fields in them: one that is not UTF-8 shows only then.

    Raises:
        UnicodeDecodeError: there is such a name.
    """
    for field in fields:
        field.name.encode()
        kind = getattr(field.type, "storage_type", field.type)
        if pa.types.is_struct(kind):
            _read_names(kind)
        elif hasattr(kind, "value_field"):
            _read_names([kind.value_field])


def _column(table: _Table, name: str) -> list[Any]:
    try:
        values: list[Any] = table.column(name).to_pylist()
    except _DAMAGE as error:
        raise _unreadable(table.path, error) from error
    return values


def _unreadable(path: Path, error: Exception) -> ProbeError:
    return ProbeError(
        f"The file {str(path)!r} cannot be read: {_first_line(error)}. Make it again, or download it again."
    )


def _first_line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (reason.splitlines() or [type(error).__name__])[0].rstrip(". ")
