"""A program that fills a small disk, makes it larger, goes on, and then makes it read-only.

It runs in a mount namespace of its own (``unshare``), so that the disks it mounts vanish with it.

    python full_disk.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from neuronym.errors import StudyError
from neuronym.store import manifest
from neuronym.store.arrays import Arrays
from neuronym.store.atomic import locked
from neuronym.store.parts import Parts

VALUES = np.random.default_rng(0).standard_normal((40, 2000)).astype(np.float32)
TABLE = pa.table({"n": VALUES[0]})


def fill(arrays: Arrays, parts: Parts) -> str:
    """Writes what is missing, and returns what stopped it."""
    try:
        arrays.create("x", VALUES.shape, VALUES.dtype, rows=1)
        for row in np.flatnonzero(~arrays.written("x")).tolist():
            arrays.write("x", row, VALUES[row : row + 1])
            parts.append(TABLE)
    except StudyError as error:
        return str(error)
    return ""


def refusal(use: Callable[[], object]) -> str:
    """The sentence with which a use of the store is refused."""
    try:
        use()
    except StudyError as error:
        return str(error)
    raise AssertionError("a read-only study was written")


def mount(folder: Path, *options: str) -> None:
    """Mounts a disk in memory, or changes the one there."""
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], check=True)


def main(folder: Path) -> None:
    """See the module."""
    mount(folder, "-o", "size=200k")
    study = folder / "my study"
    arrays, parts = Arrays(study / "arrays"), Parts(study / "parts")
    with locked(study):
        manifest.write(study, manifest.Manifest({"a": 1}))
        message = fill(arrays, parts)
    assert message.startswith("There is no space left to write the "), message
    assert message.endswith("is kept: free some space and go on with --resume."), message
    assert not list(study.rglob(".*partial"))
    done = arrays.written("x")
    assert 0 < done.sum() < len(VALUES)
    np.testing.assert_array_equal(arrays.read("x", slice(0, int(done.sum()))), VALUES[: done.sum()])
    before = manifest.read(study)

    mount(folder, "-o", "remount,size=2m")
    assert fill(arrays, parts) == ""
    np.testing.assert_array_equal(arrays.read("x"), VALUES)
    table = parts.read()
    assert table is not None
    assert len(TABLE) * (len(VALUES) - 1) <= len(table) <= len(TABLE) * len(VALUES)
    arrays.flush()

    mount(folder, "-o", "remount,ro")
    np.testing.assert_array_equal(arrays.read("x"), VALUES)
    assert manifest.read(study) == before
    assert fill(arrays, parts) == ""
    for use in (
        lambda: arrays.put("x", VALUES + 1),
        lambda: arrays.delete("x"),
        lambda: parts.append(TABLE),
        parts.compact,
        parts.clear,
        lambda: manifest.write(study, before),
        lambda: locked(study).__enter__(),
    ):
        message = refusal(use)
        assert "Read-only file system. Choose another folder with --out, or copy the study" in message, message
    np.testing.assert_array_equal(arrays.read("x"), VALUES)
    print("all is well")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
