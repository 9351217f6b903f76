"""Reading the files that raters download from a rating page, and checking them against its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import UserError
from neuronym.probes.tables import Table, read_table
from neuronym.store.rating_key import KeyItem, RatingKey

COLUMNS = ("rater", "item", "option", "rating", "best")
"""What a file of ratings has: who, the unit's token, the description's, 1 to 5 or nothing, 1, 0 or nothing."""

LEVELS = 5

_KIND = "ratings file"


@dataclass(frozen=True)
class Response:
    """What one rater answered about one unit.

    Attributes:
        rater: their name or id.
        item: the unit.
        ratings: 1 to 5 by the token of the description; those that were not rated are missing.
        best: the token of the description that was chosen as best, if one was.
    """

    rater: str
    item: KeyItem
    ratings: Mapping[str, int]
    best: str | None

    @property
    def is_complete(self) -> bool:
        """Whether all was answered that was asked."""
        return len(self.ratings) == len(self.item.options) and (self.best is not None or not self.item.best)

    @property
    def is_invalid(self) -> bool:
        """Whether another description than the one chosen as best was rated higher.

        Source: Describe-and-Dissect, appendix A.1.6: "If the label selected as best description in the final question
        was not (one of) the highest rated descriptions by the user, we deemed a response invalid."
        """
        return self.is_complete and self.best is not None and self.ratings[self.best] < max(self.ratings.values())


@dataclass(frozen=True)
class _Row:
    """A line of a file that was checked."""

    place: str
    rater: str
    item: KeyItem
    option: str
    rating: int | None
    best: bool


def read_ratings(paths: Sequence[str | Path], key: RatingKey) -> list[Response]:
    """The responses in some files, by rater and in the page's order; units that a rater did not answer have none.

    Files of one rater are taken together; where one leaves open what another answers, the answer counts.

    Raises:
        UserError: a file is not UTF-8 text or no table, lacks a column, names what is not on this page, or has a
            rating outside of 1 to 5; or a rater answers one question in two ways.
    """
    found: dict[tuple[str, str], Response] = {}
    for path in paths:
        for row in _rows(path, key):
            place = (row.rater, row.item.item)
            before = found.get(place, Response(row.rater, row.item, {}, None))
            found[place] = _with(before, row)
    order = {item.item: number for number, item in enumerate(key.items)}
    answered = [one for one in found.values() if one.ratings or one.best is not None]
    return sorted(answered, key=lambda one: (one.rater, order[one.item.item]))


def _with(before: Response, row: _Row) -> Response:
    """A response with one more line."""
    rated = before.ratings.get(row.option)
    if row.rating is not None and rated is not None and rated != row.rating:
        raise UserError(
            f"{row.place} gives {row.rating} to a description that {row.rater!r} gave {rated} before. Keep one of the "
            "two files, or give the raters different names."
        )
    if row.best and before.best not in (None, row.option):
        raise UserError(
            f"{row.place} chooses a second description as the best of one unit for {row.rater!r}. Keep one of the two "
            "files, or give the raters different names."
        )
    ratings = {**before.ratings, **({} if row.rating is None else {row.option: row.rating})}
    return Response(row.rater, row.item, ratings, row.option if row.best else before.best)


def _rows(path: str | Path, key: RatingKey) -> Iterator[_Row]:
    table = read_table(path, _KIND)
    columns = [_column(table, name) for name in COLUMNS]
    items = {item.item: item for item in key.items}
    for cells, line in zip(table.rows, table.lines, strict=True):
        rater, item, option, rating, best = (cells[column] for column in columns)
        place = f"The ratings file {table.path!r}, line {line},"
        if not rater:
            raise UserError(f"{place} names no rater. Fill the column 'rater' in.")
        if item not in items or option not in {one.option for one in items[item].options}:
            raise UserError(
                f"{place} is about {item!r}, {option!r}, which is not on this page. It was rated on another page, or "
                "on one that was replaced since: name the folder of that page with --out."
            )
        chosen = _best(best, place)
        if chosen and not items[item].best:
            raise UserError(f"{place} chooses a best description where that was not asked. Leave the column empty.")
        yield _Row(place, rater, items[item], option, _rating(rating, place), chosen)


def _column(table: Table, name: str) -> int:
    found = table.find(name)
    if len(found) != 1:
        has = "no column" if not found else f"{len(found)} columns"
        raise UserError(
            f"The {_KIND} {table.path!r} has {has} {name!r}, but {', '.join(table.header)}. It needs the columns "
            f"{', '.join(COLUMNS)}, as the rating page writes them."
        )
    return found[0]


def _rating(text: str, place: str) -> int | None:
    """1 to 5; also as a program writes it that takes all numbers for decimals."""
    if not text:
        return None
    if text.removesuffix(".0") not in {str(level + 1) for level in range(LEVELS)}:
        raise UserError(f"{place} has the rating {text!r}. Ratings are 1, 2, 3, 4 or 5, or empty where none was given.")
    return int(text.removesuffix(".0"))


def _best(text: str, place: str) -> bool:
    if text.removesuffix(".0") not in ("", "0", "1"):
        raise UserError(f"{place} has {text!r} in the column 'best'. It is 1 or 0, or empty where none was chosen.")
    return text.removesuffix(".0") == "1"
