"""Writing what a pass keeps of each image beside the forward passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeAlias

import numpy.typing as npt

from neuronym.store.arrays import Arrays

Rows: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Consecutive rows of arrays, by their names."""


class ChunkWriter:
    """Writes chunk after chunk in one thread; one chunk at most waits, so that memory does not grow.

    To be used in a ``with`` block. What goes wrong in the thread is raised by the next call.
    """

    def __init__(self, arrays: Sequence[Arrays]) -> None:
        self.arrays = arrays
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="neuronym-writer")
        self._pending: Future[None] | None = None

    def __enter__(self) -> ChunkWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)

    def write(self, start: int, layers: Mapping[int, Rows]) -> None:
        """Write rows from row ``start`` on, of layers by their positions.

        Raises:
            StudyError: this or an earlier chunk cannot be written.
        """
        self._wait()
        self._pending = self._pool.submit(self._write, start, layers)

    def flush(self) -> None:
        """Wait until all that was written, here or through the arrays themselves, is on the disk.

        Raises:
            StudyError: it cannot be written.
        """
        self._wait()
        for arrays in self.arrays:
            arrays.flush()

    def _write(self, start: int, layers: Mapping[int, Rows]) -> None:
        for position, found in layers.items():
            for name, rows in found.items():
                self.arrays[position].write(name, start, rows)

    def _wait(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()
