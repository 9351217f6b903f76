"""A program that writes to a study and is killed again and again; it fails if anything was lost, doubled or damaged.

It forks, because starting Python anew for every kill would take most of a second each; and it is a program of its own,
because a fork needs a process without threads. What a writer has finished, it tells through a pipe.

    python killed_writer.py parts|arrays FOLDER KILLS
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from forking import fork
from neuronym.errors import StudyError
from neuronym.records import RunStatus
from neuronym.store import _parquet, _zarr, manifest
from neuronym.store.arrays import Arrays
from neuronym.store.atomic import locked
from neuronym.store.parts import Parts

ROWS, COLUMNS, BLOCK = 3000, 600, 4
VALUES = np.random.default_rng(0).standard_normal((ROWS, COLUMNS)).astype(np.float32)
_zarr.MAX_CHUNK_BYTES = 4096


def write_parts(folder: Path) -> Iterator[int]:
    """Appends numbers, one to three at a time, compacts now and then, and yields how many there are."""
    parts = Parts(folder / "parts")
    table = parts.read()
    end = 0 if table is None else len(table)
    for turn in range(10**6):
        rows = random.randint(1, 3)
        parts.append(pa.table({"n": range(end, end + rows)}))
        end += rows
        yield end
        if turn % 4 == 3:
            parts.compact()


def check_parts(folder: Path, finished: list[int]) -> None:
    """The numbers are there from 0 on, at least those finished and at most one more append."""
    table = Parts(folder / "parts").read()
    numbers = [] if table is None else table["n"].to_pylist()
    assert numbers == list(range(len(numbers))), numbers
    known = max(finished, default=0)
    assert known <= len(numbers), (known, len(numbers))
    assert not finished or len(numbers) <= known + 3, (known, len(numbers))


def write_arrays(folder: Path) -> Iterator[int]:
    """Writes the blocks that are missing and records each in the manifest; yields their numbers."""
    arrays = Arrays(folder / "arrays")
    arrays.create("x", VALUES.shape, VALUES.dtype, rows=BLOCK)
    for block in np.flatnonzero(~arrays.written("x")).tolist():
        arrays.write("x", block * BLOCK, VALUES[block * BLOCK : (block + 1) * BLOCK])
        yield block
        manifest.write(folder, manifest.Manifest({"a": 1}).with_stage(RunStatus("x", "k", "running", block, ROWS)))


def check_arrays(folder: Path, finished: list[int]) -> None:
    """The finished blocks are there and right, others are refused; the manifest can be read if there is one."""
    arrays = Arrays(folder / "arrays")
    if manifest.is_study(folder):
        manifest.read(folder)
    if not arrays.has("x"):
        assert not finished
        return
    written = arrays.written("x")
    assert written[finished].all()
    for block, complete in enumerate(written.tolist()):
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        if complete:
            np.testing.assert_array_equal(arrays.read("x", rows), VALUES[rows])
    missing = np.flatnonzero(~written)[:1].tolist()
    for block in missing:
        try:
            arrays.read("x", slice(block * BLOCK, (block + 1) * BLOCK))
        except StudyError:
            continue
        raise AssertionError(f"block {block} was read, but it is incomplete")


def killed(folder: Path, write: Callable[[Path], Iterable[int]], turns: int, seconds: float) -> list[int]:
    """What a writer finished before it was killed, ``seconds`` after it had finished ``turns``."""
    receive, send = os.pipe()

    def work() -> None:
        os.close(receive)
        with locked(folder):
            assert not list(folder.rglob(".*partial"))
            os.write(send, b"locked\n")
            for number in write(folder):
                os.write(send, b"%d\n" % number)

    child = fork(work)
    os.close(send)
    with os.fdopen(receive) as told:
        assert told.readline() == "locked\n"
        finished = [int(told.readline()) for _ in range(turns)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        finished += [int(line) for line in told]
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    return finished


def main(kind: str, folder: Path, kills: int) -> None:
    """Kills a writer at random moments and looks at what it left, each time."""
    write, check = {"parts": (write_parts, check_parts), "arrays": (write_arrays, check_arrays)}[kind]
    random.seed(0)
    _parquet.pack(pa.table({"n": [0]}))  # Arrow's first use takes longer than many turns; once for all children
    total, partial = 0, 0
    for _ in range(kills):
        finished = killed(folder, write, random.randint(0, 5), random.uniform(0, 0.03))
        total += len(finished)
        partial += len(list(folder.rglob(".*partial")))
        _, status = os.waitpid(fork(lambda finished=finished: check(folder, finished)), 0)  # type: ignore[misc]
        assert status == 0
    print("finished", total, "partial files", partial)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
