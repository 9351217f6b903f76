"""Where an activation pass stands, so that it goes on after being killed at any point."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.errors import StudyError
from neuronym.records import Split
from neuronym.store.atomic import replacing, write_json

State = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Position:
    """The first image of ``split`` that is not done, and the file with the statistics up to there, if any."""

    split: Split = "explain"
    done: int = 0
    statistics: str | None = None


class Checkpoint:
    """A folder with one small file that says where the pass stands, and one with the statistics that it names.

    The statistics are complete on disk before the position names them, and the former ones are removed afterwards: a
    kill leaves either the old pair or the new one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "position.json"

    def read(self) -> Position:
        """Where to go on; the beginning, where nothing was saved.

        Raises:
            StudyError: the file is damaged.
        """
        try:
            return Position(**json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Position()
        except (ValueError, TypeError) as error:
            raise self._damaged(self._file) from error

    def move(self, split: Split, done: int) -> None:
        """Say that ``done`` images of ``split`` are written; no statistics are needed to go on."""
        write_json(self._file, asdict(Position(split, done)))

    def save(self, done: int, states: Sequence[State]) -> None:
        """Say that ``done`` explain images are written, and keep the statistics of every layer."""
        file = self._folder / f"statistics-{done:012d}.npz"
        with replacing(file) as stream:
            arrays: dict[str, Any] = {f"{i}/{key}": a for i, state in enumerate(states) for key, a in state.items()}
            np.savez(stream, **arrays)
        write_json(self._file, asdict(Position("explain", done, file.name)))
        for old in self._folder.glob("statistics-*.npz"):
            if old != file:
                old.unlink(missing_ok=True)

    def states(self, position: Position, layers: int) -> list[dict[str, npt.NDArray[Any]]]:
        """The statistics that ``position`` names.

        Raises:
            StudyError: the file is missing or damaged.
        """
        assert position.statistics is not None
        file = self._folder / position.statistics
        states: list[dict[str, npt.NDArray[Any]]] = [{} for _ in range(layers)]
        try:
            with np.load(file, allow_pickle=False) as stored:
                for name in stored.files:
                    layer, _, key = name.partition("/")
                    states[int(layer)][key] = stored[name]
        except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(file) from error
        return states

    def _damaged(self, file: Path) -> StudyError:
        return StudyError(
            f"The checkpoint {str(file)!r} is damaged. Delete the folder {str(self._folder)!r} and resume."
        )
