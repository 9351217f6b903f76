"""What the page for rating shows, as data. Neither runs, methods, layers nor units stand here: raters are blind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OptionView:
    """A description to be rated.

    Attributes:
        option: its token.
        description: its text, as it is; who shows it escapes it.
    """

    option: str
    description: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """A unit to be rated.

    Attributes:
        item: its token.
        images: positions of its images among the page's pictures, the strongest first.
        options: its descriptions, in the order they are shown.
        best: whether it is asked which describes the images best.
    """

    item: str
    images: tuple[int, ...]
    options: tuple[OptionView, ...]
    best: bool


@dataclass(frozen=True, slots=True)
class RatingPage:
    """A whole page.

    Attributes:
        page: its token, under which a browser keeps the answers.
        pictures: every image that is shown, each once, as a ``data:`` address.
        items: the units, in the order they are shown.
    """

    page: str
    pictures: tuple[str, ...]
    items: tuple[ItemView, ...]
