"""The Zarr 3 format for the arrays of a study: a metadata document, and chunks in zstd with a CRC-32C.

Chunks are encoded here rather than through zarr's own array class, because that starts an event loop and threads that
outlive it (a fork with threads may hang), imports for most of a second, does not tell a chunk that is missing from one
that holds the fill value, and never waits for the disk. What is written is plain Zarr: any Zarr 3 reader opens it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neuronym.records import Json, digest
from neuronym.store._checksum import Damaged, crc32c

MAX_CHUNK_BYTES = 8 * 2**20
_CRC_BYTES = 4
_KINDS = "biuf"


@dataclass(frozen=True)
class Layout:
    """Shape, type and chunks of one array, and whether chunks are compressed; the type is little-endian."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    packed: bool = True

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(math.ceil(size / chunk) for size, chunk in zip(self.shape, self.chunks, strict=True))

    @property
    def fill(self) -> float:
        """What stands beyond the array's end in the chunks at its border."""
        return {"f": math.nan, "i": -1}.get(self.dtype.kind, 0)

    def keys(self, block: int) -> Iterator[tuple[int, ...]]:
        """The chunks of one block of rows."""
        return ((block, *rest) for rest in product(*map(range, self.grid[1:])))

    def touched(self, spans: Sequence[slice]) -> Iterator[tuple[int, ...]]:
        """The chunks that hold some of a part of the array that is not empty."""
        return product(
            *(
                range(part.start // size, math.ceil(part.stop / size))
                for part, size in zip(spans, self.chunks, strict=True)
            )
        )

    def region(self, key: tuple[int, ...]) -> tuple[slice, ...]:
        """The part of the array that a chunk holds."""
        return tuple(
            slice(index * chunk, min((index + 1) * chunk, size))
            for index, chunk, size in zip(key, self.chunks, self.shape, strict=True)
        )


def plan(shape: tuple[int, ...], dtype: npt.DTypeLike, rows: int, packed: bool = True) -> Layout:
    """Chunks of ``rows`` rows, narrowed along the second axis to at most 8 MiB.

    Raises:
        ValueError: there is no axis, a type other than bool, integer or float, or no row in a chunk.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    if not shape or kind.kind not in _KINDS or rows < 1:
        raise ValueError(f"no array of shape {shape}, type {kind} and {rows} rows a chunk can be stored")
    chunks = [max(1, size) for size in shape]
    chunks[0] = min(rows, chunks[0])
    if len(shape) > 1:
        column = chunks[0] * math.prod(chunks[2:]) * kind.itemsize
        parts = math.ceil(chunks[1] / max(1, MAX_CHUNK_BYTES // column))
        chunks[1] = math.ceil(chunks[1] / parts)
    return Layout(tuple(shape), kind, tuple(chunks), packed)


def describe(layout: Layout) -> dict[str, Json]:
    """The metadata document of an array, with a checksum of its own among the attributes."""
    fill: Json = "NaN" if layout.dtype.kind == "f" else bool(layout.fill) if layout.dtype.kind == "b" else layout.fill
    codecs: list[Json] = [{"name": "bytes", "configuration": {"endian": "little"}}]
    if layout.packed:
        codecs.append({"name": "zstd", "configuration": {"level": 1, "checksum": False}})
    codecs.append({"name": "crc32c"})
    document: dict[str, Json] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": layout.shape,
        "data_type": layout.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": layout.chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": fill,
        "codecs": codecs,
    }
    return {**document, "attributes": {"checksum": digest(document)}}


def parse(data: bytes) -> Layout:
    """The inverse of :func:`describe`.

    Raises:
        Damaged: it is not what :func:`describe` gave.
    """
    try:
        document = json.loads(data)
        shape, chunks = document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"]
        packed = any(codec["name"] == "zstd" for codec in document["codecs"])
        layout = Layout(tuple(shape), np.dtype(document["data_type"]).newbyteorder("<"), tuple(chunks), packed)
        intact = digest(describe(layout)) == digest(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged from error
    if not intact:
        raise Damaged
    return layout


def encode(layout: Layout, values: npt.NDArray[Any]) -> bytes:
    """The bytes of one chunk; values of a chunk at the array's border are filled up."""
    chunk = values
    if values.shape != layout.chunks:
        chunk = np.full(layout.chunks, layout.fill, layout.dtype)
        chunk[tuple(map(slice, values.shape))] = values
    raw = np.ascontiguousarray(chunk, layout.dtype)
    plain = raw.reshape(-1).view(np.uint8)
    packed: bytes = (
        pa.Codec("zstd", compression_level=1).compress(plain, asbytes=True) if layout.packed else plain.tobytes()
    )
    return packed + crc32c(packed).to_bytes(_CRC_BYTES, "little")


def decode(layout: Layout, data: bytes) -> npt.NDArray[Any]:
    """The values of one chunk, with what fills it up; read-only.

    Raises:
        Damaged: the bytes do not fit their checksum or the chunk's size.
    """
    packed, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if len(crc) < _CRC_BYTES or crc32c(packed) != int.from_bytes(crc, "little"):
        raise Damaged
    size = math.prod(layout.chunks) * layout.dtype.itemsize
    try:
        raw = pa.Codec("zstd").decompress(packed, decompressed_size=size) if layout.packed else packed
        return np.frombuffer(raw, layout.dtype).reshape(layout.chunks)
    except (OSError, ValueError) as error:
        raise Damaged from error
