"""Array files of NumPy, opened with their errors told to the user."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

from neuronym.errors import ProbeError


class Header(NamedTuple):
    """What an array is, without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype} {' x '.join(map(str, self.shape))}"


@contextmanager
def told(name: str) -> Iterator[None]:
    """Errors in the file become errors of the user's.

    Raises:
        ProbeError: the file cannot be read.
    """
    try:
        yield
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ProbeError(
            f"The array file {name!r} cannot be read: {error}. It must be made with numpy.savez or numpy.save, "
            "without Python objects in it."
        ) from error


@contextmanager
def open_arrays(name: str) -> Iterator[NpzFile]:
    """The arrays of an ``.npz`` file, which are read one by one.

    Raises:
        ProbeError: the file cannot be read, now or later.
    """
    with told(name), np.load(Path(name).expanduser(), allow_pickle=False) as arrays:
        yield arrays


def header(arrays: NpzFile, key: str) -> Header:
    """The shape and type of an array, without reading its values.

    Raises:
        ValueError: it is no array.
    """
    assert arrays.zip is not None  # it is open
    whole = f"{key}.npy"  # NumPy reads arrays without the ending too
    with arrays.zip.open(whole if whole in arrays.zip.namelist() else key) as file:
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    return Header(shape, dtype)


def texts(name: str, array: str, values: npt.NDArray[Any]) -> list[str]:
    """A 1-D array of strings, stripped.

    Raises:
        ProbeError: it is something else.
    """
    if values.dtype.kind != "U" or values.ndim != 1:
        raise ProbeError(f"{array!r} in {name!r} is {values.dtype} {list(values.shape)}. Save a 1-D array of strings.")
    return [str(value).strip() for value in values]
