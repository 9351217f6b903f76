"""A dataset of Hugging Face ``datasets`` on disk, read without that package: as saved, or as the hub's data files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neuronym.errors import ProbeError
from neuronym.probes.choice import Choice
from neuronym.probes.columns import Columns, choose_columns, features_of
from neuronym.probes.dataset_files import dataset_files
from neuronym.probes.decode import Encoded, UnreadableImageError
from neuronym.probes.handles import Handle
from neuronym.probes.rows import Rows
from neuronym.probes.sources import Member


@dataclass(frozen=True, eq=False)
class _Content:
    rows: Rows
    columns: Columns


class DatasetSource:
    """One split of a dataset on disk; members are named by their row.

    Images are the bytes that the files hold, never decoded and encoded again; where a row holds a path only, that
    file is read. Nothing is downloaded and no code of the dataset runs.

    Args:
        name: what the user typed.
        place: a folder that ``save_to_disk`` wrote, a folder of Parquet or Arrow files, or one such file.
        choice: the split and the columns; what it leaves open must be clear from the files.
    """

    def __init__(self, name: str, place: Path, choice: Choice) -> None:
        self.name = name
        self._folder = place if place.is_dir() else place.parent
        self._content = Handle(partial(_load, name, place, choice), inherit=True)

    @property
    def class_names(self) -> Sequence[str] | None:
        """The class at each class number, if the dataset says."""
        return self._content.get().columns.class_names

    def members(self) -> list[Member]:
        """As :meth:`Source.members`."""
        rows, columns = (content := self._content.get()).rows, content.columns
        labels = (
            [None] * len(rows) if columns.label is None else _labels(self.name, rows.column(columns.label), columns)
        )
        return [Member(str(number), label) for number, label in enumerate(labels)]

    def read(self, member: str) -> Encoded:
        """As :meth:`Source.read`."""
        rows, columns = (content := self._content.get()).rows, content.columns
        if not (member.isascii() and member.isdecimal()) or int(member) >= len(rows):
            raise UnreadableImageError(f"there is no row {member}; the dataset has {len(rows)}")
        cell = rows.cell(int(member), columns.image)
        if not cell.is_valid:
            raise UnreadableImageError("its row holds no image")
        if columns.shape is not None:
            return _pixels(cell, columns.shape)
        held = _part(cell, "bytes")
        return held if isinstance(held, bytes) else self._read_file(_part(cell, "path"))

    def _read_file(self, path: object) -> bytes:
        if not isinstance(path, str) or not path:
            raise UnreadableImageError("its row holds neither bytes nor a path")
        if "://" in path:
            raise UnreadableImageError(f"its row names {path!r} instead of holding it, and nothing is downloaded")
        place = self._folder / Path(path).expanduser()
        if place.exists() and not place.is_file():
            raise UnreadableImageError(f"its row names {path!r}, which is not a file")
        return place.read_bytes()


def _load(name: str, place: Path, choice: Choice) -> _Content:
    rows = Rows(dataset_files(name, place, choice))
    return _Content(rows, choose_columns(name, rows.schema, features_of(rows.schema), choice))


def _part(cell: Any, name: str) -> object:
    """One field of a cell that is a struct; the whole of another, which may be bytes or a path."""
    try:
        if isinstance(cell, pa.StructScalar):
            return cell[name].as_py() if name in cell else None
        return cell.as_py()
    except UnicodeDecodeError as error:
        raise UnreadableImageError("its row names a path that is not UTF-8") from error


def _pixels(cell: Any, shape: tuple[int | None, ...]) -> npt.NDArray[np.uint8]:
    """The array in a cell of nested lists: only its first side may vary."""
    values = cell.value.values if isinstance(cell, pa.ExtensionScalar) else cell.values
    first = len(values)
    while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = values.flatten()
    try:
        return np.array(values.to_numpy(zero_copy_only=False)).reshape(first, *(side or -1 for side in shape[1:]))
    except ValueError as error:
        raise UnreadableImageError(f"its row holds an array of another shape than {list(shape)}") from error


def _labels(name: str, values: Sequence[Any], columns: Columns) -> list[str | None]:
    if not columns.classes:
        return [None if value is None else str(value).strip() or None for value in values]
    # -1 is how datasets says that a row's class is not told, for example in the test split of a challenge.
    numbers = [None if value in (None, -1) else int(value) for value in values]
    names = columns.class_names
    if names is None:
        return [None if number is None else str(number) for number in numbers]
    beyond = [number for number in numbers if number is not None and not 0 <= number < len(names)]
    if beyond:
        raise ProbeError(
            f"The column {columns.label!r} of {name!r} goes to class {beyond[0]}, but names {len(names)} classes "
            "(from 0). Make the dataset again with a name for every class."
        )
    return [None if number is None else names[number].strip() or None for number in numbers]
