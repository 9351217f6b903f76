"""One HTML file that asks people how well descriptions fit images, and its key."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from neuronym.errors import StudyError
from neuronym.present.gather import Progress, ReportInput
from neuronym.present.one_file import asset, one_file
from neuronym.present.rating.draw import Asked, Drawn, draw
from neuronym.present.rating.pages import ItemView, OptionView, RatingPage
from neuronym.present.scripts import script
from neuronym.present.thumbnails import Load, choose_size, encode
from neuronym.store.atomic import guarded, write_bytes
from neuronym.store.layer_view import LayerView
from neuronym.store.rating_key import KEY, RatingKey, is_rating, write_key

PAGE = "rate.html"
"""The page's name in its folder."""

BUDGET = 24_000_000
"""Bytes that the images of a page take together, before they are written as text."""

RESULTS = ("ratings.parquet", "figures.json")
"""What importing ratings leaves in the folder."""

_BASE, _OWN = "neuronym.present", "neuronym.present.rating"
_SCRIPTS = (
    *((_BASE, name) for name in ("core.js", "parts.js")),
    *((_OWN, name) for name in ("answers.js", "questions.js", "ends.js", "rate.js")),
)
_STYLES = ((_BASE, "base.css"), (_OWN, "rating.css"))


@dataclass(frozen=True)
class Written:
    """A page that was written: the file, how many units it asks about, and how many it could have asked about."""

    page: Path
    units: int
    eligible: int


def write_rating(
    folder: Path,
    given: ReportInput,
    asked: Asked,
    *,
    overwrite: bool = False,
    budget: int = BUDGET,
    progress: Progress = lambda stage, done, total: None,
) -> Written:
    """Write the page and its key; equal studies and seeds give equal bytes.

    Args:
        folder: where to; parents are created.
        given: the study.
        asked: what is drawn.
        overwrite: replace a page that is there, with what was imported of its ratings.
        budget: bytes that the images may take; they are made smaller until they fit.
        progress: told about progress.

    Raises:
        UserError: see :func:`neuronym.present.rating.draw.draw`.
        StudyError: something else is in the folder, or a page without ``overwrite``; or the folder cannot be written.
    """
    check_place(folder, overwrite=overwrite)
    drawn = draw(given, asked)
    page = _page(drawn, _pictures(drawn, budget, progress))
    with guarded(folder, "make the rating page"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in RESULTS:
            (folder / name).unlink(missing_ok=True)
    # A kill between the two leaves a page whose tokens the key does not know, which the import says.
    write_key(folder, drawn.key)
    write_bytes(folder / PAGE, html(page))
    return Written(folder / PAGE, len(page.items), drawn.eligible)


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Raise unless a page may be written to a folder; files that are no part of a rating are left alone in any case.

    Raises:
        StudyError: see :func:`write_rating`.
    """
    place = str(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StudyError(f"{place!r} is a file. Choose another --out for the rating page.")
    if not any(folder.iterdir()):
        return
    if not is_rating(folder):
        raise StudyError(f"{place!r} holds something other than a rating, and is not touched. Choose another --out.")
    if not overwrite:
        raise StudyError(
            f"There is a rating page at {place!r} already, and ratings made on it need its {KEY}. Replace both with "
            "--overwrite, or use another --out."
        )


def html(page: RatingPage) -> bytes:
    """The page as one file. It runs the scripts in it and no others, and asks nothing of any server."""
    scripts = {
        "EARLY": asset(_BASE, "theme.js"),
        "SCRIPT": "\n".join(asset(*place) for place in _SCRIPTS),
        "DATA": script("rating", page).decode("ascii"),
    }
    styles = {"STYLE": "\n".join(asset(*place) for place in _STYLES)}
    return one_file(asset(_OWN, "rating.html"), scripts, styles)


def _page(drawn: Drawn, pictures: Sequence[str]) -> RatingPage:
    places = {image: place for place, image in enumerate(drawn.positions)}
    return RatingPage(drawn.key.page, tuple(pictures), tuple(_items(drawn.key, places)))


def _items(key: RatingKey, places: dict[str, int]) -> list[ItemView]:
    return [
        ItemView(
            item.item,
            tuple(places[image] for image in item.images),
            tuple(OptionView(option.option, option.description) for option in item.options),
            item.best,
        )
        for item in key.items
    ]


def _pictures(drawn: Drawn, budget: int, progress: Progress) -> list[str]:
    """Every image that is shown, as a ``data:`` address."""
    loads: list[Load] = [partial(_seen, view, index) for view, index in drawn.positions.values()]
    size = choose_size(loads, budget)
    pictures = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="neuronym-rating") as pool:
        for data in pool.map(lambda load: encode(load(), size), loads):
            pictures.append(f"data:image/webp;base64,{base64.b64encode(data).decode()}")
            progress("images to rate", len(pictures), len(loads))
    return pictures


def _seen(view: LayerView, index: int) -> Image.Image:
    """The part of an explain image that the network saw."""
    image, box = view.image(index), view.geometry(index).visible()
    left, top = (min(int(start), side - 1) for start, side in zip((box.x0, box.y0), image.size, strict=True))
    return image.crop((left, top, max(left + 1, round(box.x1)), max(top + 1, round(box.y1))))
