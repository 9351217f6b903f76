"""The key of a page for blind rating: which unit and which runs are behind its tokens. It lies beside the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neuronym.errors import StudyError
from neuronym.store.atomic import write_json

KEY = "key.json"
"""The file that says that a folder is a rating's."""

FORMAT = "neuronym-rating"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class KeyOption:
    """A description that is rated: its token, its text, and the runs that said it."""

    option: str
    description: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyItem:
    """A unit that is rated.

    Attributes:
        item: its token.
        layer: the name of its layer.
        unit: its position in the layer.
        images: the ids of the images that are shown, the strongest first.
        options: its descriptions, as they are shown.
        best: whether it is asked which describes the images best.
    """

    item: str
    layer: str
    unit: int
    images: tuple[str, ...]
    options: tuple[KeyOption, ...]
    best: bool


@dataclass(frozen=True, slots=True)
class RatingKey:
    """What is behind a page.

    Attributes:
        page: the token of the page.
        study: the name of the study's folder.
        seed: of the draw and the order of units and descriptions.
        summary: which summary's exemplars are shown.
        runs: what each run is called, by its id.
        items: the units, as they are shown.
    """

    page: str
    study: str
    seed: int
    summary: str
    runs: Mapping[str, str]
    items: tuple[KeyItem, ...]


def write_key(folder: Path, key: RatingKey) -> None:
    """Write a key, whole or not at all.

    Raises:
        StudyError: the disk is full or the folder cannot be written.
    """
    write_json(folder / KEY, {"format": FORMAT, "schema": SCHEMA, **asdict(key)})


def read_key(folder: Path) -> RatingKey:
    """The key in a folder.

    Raises:
        StudyError: there is none, or it is damaged or newer.
    """
    place = str(folder / KEY)
    try:
        content = json.loads((folder / KEY).read_bytes())
    except FileNotFoundError as error:
        raise StudyError(
            f"There is no key of a rating at {place!r}. Ratings are read with the key that was written beside their "
            "page: name its folder with --out."
        ) from error
    except OSError as error:
        raise StudyError(f"The key {place!r} cannot be read: {error.strerror}. Check its permissions.") from error
    except ValueError as error:
        raise StudyError(f"The key {place!r} is cut off or damaged. Restore it from a copy.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise StudyError(f"{place!r} is not the key of a rating. Name the rating's folder with --out.")
    if content.get("schema") != SCHEMA:
        raise StudyError(
            f"The key {place!r} has schema {content.get('schema')!r}, and this version reads {SCHEMA}. Update Neuronym."
        )
    try:
        return _key(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise StudyError(f"The key {place!r} is cut off or damaged. Restore it from a copy.") from error


def is_rating(folder: Path) -> bool:
    """Whether a folder holds a rating, of whatever version."""
    try:
        content = json.loads((folder / KEY).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def _key(content: Mapping[str, Any]) -> RatingKey:
    given = {name: content[name] for name in ("page", "study", "seed", "summary")}
    return RatingKey(**given, runs=dict(content["runs"]), items=tuple(_item(one) for one in content["items"]))


def _item(content: Mapping[str, Any]) -> KeyItem:
    options = tuple(KeyOption(one["option"], one["description"], tuple(one["runs"])) for one in content["options"])
    given = {name: content[name] for name in ("item", "layer", "unit", "best")}
    return KeyItem(**given, images=tuple(content["images"]), options=options)
