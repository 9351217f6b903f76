"""What tells the lines of a plot apart: colour, dashes and the shape of their mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuronym.present.benchmark.markup import Markup, tag
from neuronym.records.benchmark import BenchRow

COLOURS = 6
"""Classes ``series-0`` to ``series-5`` of the style sheet; colours that colour-blind people tell apart."""

_DASHES = (None, "7 4", "2 3", "11 4 2 4")
_SHAPES = ("circle", "square", "triangle", "diamond", "down", "cross")


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn.

    Attributes:
        colour: a class of the style sheet.
        dash: lengths of dashes and gaps; None for a whole line.
        shape: of its mark.
    """

    colour: str
    dash: str | None
    shape: str


def looks(shown: Sequence[BenchRow]) -> list[Look]:
    """One look for each row: methods and labels differ in all three, what they are compared with is grey."""
    made, number = list[Look](), 0
    for row in shown:
        if row.role in ("method", "labels"):
            turn = number // COLOURS
            dash = _DASHES[(number + turn) % len(_DASHES)]
            made.append(Look(f"series-{number % COLOURS}", dash, _SHAPES[(number + turn) % len(_SHAPES)]))
            number += 1
        else:
            made.append(Look(f"series-{row.role}", "1 3" if row.role == "truth" else "4 3", "circle"))
    return made


def mark(look: Look, x: float, y: float, size: float = 6) -> Markup:
    """The mark of a line around a point."""
    across, corners = 0.9 * size, ""
    if look.shape == "circle":
        return tag("circle", cx=x, cy=y, r=across, class_=f"mark {look.colour}")
    if look.shape == "square":
        corners = _corners(x, y, [(-across, -across), (across, -across), (across, across), (-across, across)])
    elif look.shape == "diamond":
        wide = 1.25 * size
        corners = _corners(x, y, [(0, -wide), (wide, 0), (0, wide), (-wide, 0)])
    elif look.shape == "cross":
        long, thin = 1.1 * size, 0.4 * size
        arm = [(-thin, -long), (thin, -long), (thin, -thin), (long, -thin), (long, thin), (thin, thin)]
        corners = _corners(x, y, [*arm, *((-right, -down) for right, down in arm)])
    else:
        down = 1 if look.shape == "down" else -1
        corners = _corners(x, y, [(0, 1.15 * size * down), (1.15 * size, -0.8 * size * down)])
        corners += " " + _corners(x, y, [(-1.15 * size, -0.8 * size * down)])
    return tag("polygon", points=corners, class_=f"mark {look.colour}")


def sample(look: Look, *, marked: bool) -> Markup:
    """A short piece of the line for a legend."""
    return tag(
        "svg",
        tag("line", x1=1, x2=39, y1=8, y2=8, stroke_dasharray=look.dash, class_=f"line {look.colour}"),
        mark(look, 20, 8, 5) if marked else None,
        class_="sample",
        viewBox="0 0 40 16",
        aria_hidden="true",
    )


def _corners(x: float, y: float, offsets: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x + right:.1f},{y + down:.1f}" for right, down in offsets)
