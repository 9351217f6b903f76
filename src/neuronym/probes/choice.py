"""``PATH#SPLIT:IMAGE:LABEL``: which part of a dataset is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import ProbeError


@dataclass(frozen=True)
class Choice:
    """The split of a dataset, its column of images and its column of labels; empty where nothing was said."""

    split: str = ""
    image: str = ""
    label: str = ""

    def __str__(self) -> str:
        return "#" + f"{self.split}:{self.image}:{self.label}".rstrip(":")


def parse_choice(name: str) -> tuple[Path, Choice | None]:
    """The path in what the user typed, and what stands after its ``#``; None where nothing does.

    A file or folder that has a ``#`` in its own name is itself.

    Raises:
        ProbeError: more than three parts stand after the ``#``.
    """
    whole = Path(name).expanduser()
    if "#" not in name or whole.exists():
        return whole, None
    at = len(name)
    while (at := name.rfind("#", 0, at)) > 0:
        place = Path(name[:at]).expanduser()
        if place.exists():
            return place, _parse(name, name[at + 1 :])
    return whole, None


def _parse(name: str, text: str) -> Choice:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 3:
        raise ProbeError(
            f"{name!r} chooses {len(parts)} things after its '#'. Give at most three: #SPLIT:IMAGE-COLUMN:LABEL-COLUMN."
        )
    return Choice(*parts)
