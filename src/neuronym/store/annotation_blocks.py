"""The files of a study's annotated masks: a folder with a Parquet file for every so many images.

concepts.parquet       what is annotated: name and category, in the order of the concepts' numbers
block-00000.parquet    the masks of the images 0 to 63, packed: one row for each concept in each image, and one without
                       a concept for the cells of the image that count
shares/                how much of each image each concept covers
annotated/             which images are annotated; written last, when all blocks are there
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neuronym.errors import StudyError
from neuronym.records import ConceptMasks, Grid, MaskConcept, word_count
from neuronym.store import _parquet
from neuronym.store._checksum import Damaged
from neuronym.store.arrays import Arrays
from neuronym.store.atomic import write_table

if TYPE_CHECKING:
    Ints = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

IMAGES = 64
"""Images of a block."""

_SHARES, _ANNOTATED = "shares", "annotated"
_CONCEPTS = "concepts.parquet"
_AGAIN = "run `neuronym explain` with the same annotations again"


class AnnotationBlocks:
    """The files of one catalogue of concepts on one grid.

    A block is whole or absent, also after a kill.

    Args:
        folder: where they are.
        images: how many images the study has.
        grid: the cells of a mask.
    """

    def __init__(self, folder: Path, images: int, grid: Grid) -> None:
        self.folder, self.images, self.grid = folder, images, grid
        self._arrays = Arrays(folder)

    def __len__(self) -> int:
        """How many blocks there are once all is written."""
        return (self.images + IMAGES - 1) // IMAGES

    def span(self, block: int) -> range:
        """The positions of a block's images."""
        return range(block * IMAGES, min((block + 1) * IMAGES, self.images))

    def begin(self, concepts: Sequence[MaskConcept]) -> None:
        """Makes room for the masks of these concepts, or for those that are missing.

        Raises:
            StudyError: the folder cannot be written.
        """
        columns = {"name": [one.name for one in concepts], "category": [one.category for one in concepts]}
        text = pa.string()
        write_table(self.folder / _CONCEPTS, pa.table({name: pa.array(texts, text) for name, texts in columns.items()}))
        self._arrays.create(_SHARES, (self.images, len(concepts)), np.float32, rows=IMAGES)

    def missing(self) -> list[int]:
        """The blocks that are not there."""
        if not (self._arrays.has(_SHARES) and (self.folder / _CONCEPTS).is_file()):
            return list(range(len(self)))
        shares = self._arrays.written(_SHARES)
        return [block for block in range(len(self)) if not (shares[block] and self._path(block).is_file())]

    def write(self, block: int, masks: ConceptMasks) -> None:
        """Writes the masks of a block's images.

        Raises:
            StudyError: the disk is full or the folder cannot be written.
        """
        concepts = self._arrays.shape(_SHARES)[1]
        self._arrays.write(_SHARES, self.span(block).start, covered(masks, concepts))
        write_table(self._path(block), _table(masks, self.span(block).start))  # last: it says that the block is whole

    def finish(self, fingerprint: str) -> tuple[str, int]:
        """Closes what is complete, and reads all of it once more.

        Args:
            fingerprint: of the images, in their order.

        Returns:
            32 hex digits over the images, the concepts, the grid and all masks, and how many images are annotated.

        Raises:
            StudyError: a block is missing or damaged, or the folder cannot be written.
        """
        about = [fingerprint, list(self.grid), [[one.name, one.category] for one in self.concepts()]]
        hasher = hashlib.blake2b(json.dumps(about, ensure_ascii=False).encode(), digest_size=16)
        annotated = np.zeros(self.images, np.bool_)
        for block in range(len(self)):
            masks, span = self.read(block), self.span(block)
            for part in (masks.starts, masks.concepts, masks.words, masks.valid):
                hasher.update(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes())
            annotated[span.start : span.stop] = masks.valid.any(axis=1)
        self._arrays.put(_ANNOTATED, annotated)
        self._arrays.flush()
        return hasher.hexdigest(), int(annotated.sum())

    @property
    def is_finished(self) -> bool:
        """Whether all files are there."""
        return self._arrays.has(_ANNOTATED) and bool(self._arrays.written(_ANNOTATED).all()) and not self.missing()

    def read(self, block: int) -> ConceptMasks:
        """The masks of a block's images.

        Raises:
            StudyError: it is missing or damaged.
        """
        span = self.span(block)
        table = self._table(self._path(block), f"masks of the images {span.start} to {span.stop - 1}")
        return _masks(table, span, word_count(self.grid))

    def concepts(self) -> tuple[MaskConcept, ...]:
        """The concepts by number.

        Raises:
            StudyError: their table is missing or damaged.
        """
        return tuple(MaskConcept(**row) for row in self._table(self.folder / _CONCEPTS, "concepts").to_pylist())

    def shares(self) -> npt.NDArray[np.float32]:
        """What :func:`covered` says of all images, float32 [images, concepts].

        Raises:
            StudyError: it is missing or damaged.
        """
        return self._array(_SHARES)

    def annotated(self) -> npt.NDArray[np.bool_]:
        """Which images are annotated, bool [images].

        Raises:
            StudyError: it is missing or damaged.
        """
        return self._array(_ANNOTATED)

    def _array(self, name: str) -> npt.NDArray[Any]:
        try:
            return self._arrays.read(name)
        except StudyError as error:
            raise StudyError(
                f"The annotations in {str(self.folder)!r} are incomplete or damaged. Restore them from a copy, or "
                f"remove that folder and {_AGAIN}."
            ) from error

    def _path(self, block: int) -> Path:
        return self.folder / f"block-{block:05d}.parquet"

    def _table(self, path: Path, what: str) -> pa.Table:
        place = str(path)
        try:
            return _parquet.unpack(path.read_bytes())
        except FileNotFoundError as error:
            raise StudyError(
                f"The annotated {what} are missing: there is no {place!r}, or other annotations took their place. "
                f"Open the study again, restore the file from a copy, or {_AGAIN}."
            ) from error
        except OSError as error:
            raise StudyError(
                f"The annotated {what} cannot be read: {place!r}: {error.strerror or error}. Check its permissions."
            ) from error
        except Damaged as error:
            raise StudyError(
                f"The annotated {what} are damaged: {place!r} does not fit its checksum. Restore it from a copy, or "
                f"remove that file and {_AGAIN}."
            ) from error


def covered(masks: ConceptMasks, concepts: int) -> npt.NDArray[np.float32]:
    """The share of each image's cells that count that each concept covers, float32 [images, concepts].

    It is 0 where no cell of an image counts.
    """
    cells = np.bitwise_count(masks.valid).sum(axis=1, dtype=np.int64)
    image = np.repeat(np.arange(len(masks)), np.diff(masks.starts))
    lit = np.bitwise_count(masks.words & masks.valid[image]).sum(axis=1, dtype=np.int64)
    shares = np.zeros((len(masks), concepts), np.float32)
    shares[image, masks.concepts] = lit / np.maximum(cells[image], 1)
    return shares


def _table(masks: ConceptMasks, first: int) -> pa.Table:
    """A block as a table; an image that is not annotated has no row, and its position is counted in the study."""
    annotated = np.flatnonzero(masks.valid.any(axis=1))
    image = np.concatenate([annotated, np.repeat(np.arange(len(masks)), np.diff(masks.starts))])
    concept = np.concatenate([np.full(len(annotated), -1), masks.concepts])
    order = np.lexsort((concept, image))
    words = np.concatenate([masks.valid[annotated], masks.words])[order].astype("<u8")
    width = pa.binary(words.shape[1] * 8)
    return pa.table(
        {
            "image": pa.array(first + image[order], pa.int64()),
            "concept": pa.array(concept[order], pa.int64(), mask=concept[order] < 0),
            "words": pa.FixedSizeBinaryArray.from_buffers(width, len(words), [None, pa.py_buffer(words.tobytes())]),
        }
    )


def _masks(table: pa.Table, span: range, words: int) -> ConceptMasks:
    """The inverse of :func:`_table`."""
    image = table["image"].to_numpy() - span.start
    concept = table["concept"].fill_null(-1).to_numpy()
    rows = _words(table["words"].combine_chunks(), words)
    entry = concept >= 0
    valid = np.zeros((len(span), words), np.uint64)
    valid[image[~entry]] = rows[~entry]
    starts = np.zeros(len(span) + 1, np.int64)
    np.cumsum(np.bincount(image[entry], minlength=len(span)), out=starts[1:])
    return ConceptMasks(starts, concept[entry], rows[entry], valid)


def _words(column: pa.FixedSizeBinaryArray, words: int) -> Words:
    """Uint64 [rows, words]."""
    if not len(column):
        return np.zeros((0, words), np.uint64)
    flat = np.frombuffer(column.buffers()[1], "<u8", len(column) * words, column.offset * words * 8)
    return flat.reshape(len(column), words).astype(np.uint64, copy=False)
