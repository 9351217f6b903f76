"""Parquet files with a checksum over the whole file.

Parquet's own page checksums leave the headers and the footer out, and a damaged footer can be read as other data. The
checksum stands in the footer's key-value metadata, where other readers of Parquet pass it over.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from neuronym.store._checksum import Damaged, crc32c

_KEY = "neuronym"
_MARK = b"neuronym-crc32c:"
_BLANK = b"0" * 8


def pack(table: pa.Table) -> bytes:
    """A table as a Parquet file, compressed with zstd."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: (_MARK + _BLANK).decode()})
    blank: bytes = sink.getvalue().to_pybytes()
    return _marked(blank, b"%08x" % crc32c(blank))


def unpack(data: bytes) -> pa.Table:
    """The inverse of :func:`pack`.

    Raises:
        Damaged: these are not the bytes that :func:`pack` gave.
    """
    found = data.rfind(_MARK) + len(_MARK)
    blank = _marked(data, _BLANK)
    if found < len(_MARK) or data[found : found + len(_BLANK)] != b"%08x" % crc32c(blank):
        raise Damaged
    # A thread of Arrow's that lets go of the bytes while Python ends would abort the process.
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != _KEY.encode()}
    return table.replace_schema_metadata(kept or None)


def _marked(data: bytes, checksum: bytes) -> bytes:
    """The file with another checksum in its place, which is the mark's last."""
    place = data.rfind(_MARK) + len(_MARK)
    return data[:place] + checksum + data[place + len(checksum) :]
