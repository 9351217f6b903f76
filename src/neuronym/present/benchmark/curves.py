"""Risk against coverage: a plot with a line for every row that knows of which labels it is surest."""

from __future__ import annotations

from collections.abc import Sequence

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.lines import Look, looks, mark, sample
from neuronym.present.benchmark.markup import Markup, hidden, tag
from neuronym.records.benchmark import BenchHost, BenchRow

WIDTH, HEIGHT = 920, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 600, 14, 346
"""The plot within the picture, in its units; right of it stand the names of the lines."""

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_GAP = 19.0
_LETTERS = 46

READING = (
    "From left to right the method says something of more and more units, those first of which it is surest. Risk is "
    "how far the labels said so far fall short of the true ones: the mean of 1 - r / r of the true label, and 1 for "
    "every dead or noise unit. Lower is better; a line that rises to the right belongs to a method that knows when it "
    "is wrong, a flat one to a method whose confidence tells nothing. The mark is where the rule of abstention stops."
)


def curves(host: BenchHost) -> Markup | None:
    """The plot with its caption and the figures of its lines; None where no row has a curve."""
    shown = [row for row in rows.ordered(host.rows) if row.curve]
    if not shown:
        return None
    drawn = list(zip(shown, looks(shown), strict=True))
    return tag(
        "figure",
        tag("div", _plot(host, drawn), tag("figcaption", READING)),
        _legend(drawn),
        class_="curves",
    )


def across(coverage: float) -> float:
    """Where a coverage lies in the picture."""
    return LEFT + (RIGHT - LEFT) * min(max(coverage, 0.0), 1.0)


def down(risk: float) -> float:
    """Where a risk lies in the picture."""
    return BOTTOM - (BOTTOM - TOP) * min(max(risk, 0.0), 1.0)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least ``gap`` apart, between ``low`` and ``high``, as near as a sweep gets to those wanted.

    Where there is no room for all, the gap is made smaller.

    Args:
        wanted: in rising order.
        gap: least distance.
        low: the first place that may be taken.
        high: the last.
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    places, least = list[float](), low
    for one in wanted:
        places.append(max(one, least))
        least = places[-1] + gap
    most = high
    for at in reversed(range(len(places))):
        places[at] = min(places[at], most)
        most = places[at] - gap
    return places


def _plot(host: BenchHost, drawn: Sequence[tuple[BenchRow, Look]]) -> Markup:
    names = ", ".join(row.name for row, _ in drawn)
    return tag(
        "svg",
        tag("g", _grid(), aria_hidden="true"),
        tag("g", [_line(row, look) for row, look in drawn]),
        tag("g", [_operating(row, look) for row, look in drawn]),
        tag("g", _labels(drawn), class_="direct", aria_hidden="true"),
        class_="risk",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="xMinYMid slice",  # on a narrow page the names are cut off, and the legend has them
        role="img",
        aria_label=f"Risk against coverage on {host.name}: {names}. The table after the plot has the figures.",
    )


def _grid() -> list[Markup]:
    parts = list[Markup]()
    for tick in _TICKS:
        x, y = across(tick), down(tick)
        parts += [
            tag("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid" if tick else "axis"),
            tag("text", f"{100 * tick:.0f} %", x=x, y=BOTTOM + 19, text_anchor="middle", class_="tick"),
            tag("text", f"{tick:g}".replace("0.", "."), x=LEFT - 9, y=y + 4, **_END),
        ]
    middle, low = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    return [
        *parts,
        tag("text", "coverage: units of which something is said", x=middle, y=BOTTOM + 43, **_TITLE),
        tag("text", "risk", x=16, y=low, transform=f"rotate(-90 16 {low:.0f})", **_TITLE),
    ]


_END = {"text_anchor": "end", "class_": "tick"}
_TITLE = {"text_anchor": "middle", "class_": "title"}


def _line(row: BenchRow, look: Look) -> Markup:
    points = " ".join(f"{across(coverage):.1f},{down(risk):.1f}" for coverage, risk in row.curve)
    if len(row.curve) == 1:
        points = f"{points} {points}"
    line = tag("polyline", points=points, stroke_dasharray=look.dash, class_=f"line {look.colour}")
    return tag("g", tag("title", row.name), line, data_row=row.name)


def _operating(row: BenchRow, look: Look) -> Markup | None:
    if row.operating is None:
        return None
    coverage, risk = row.operating
    words = f"{row.name} stops at a coverage of {numbers.figure(coverage, share=True)}, risk {numbers.figure(risk)}"
    return tag("g", tag("title", words), mark(look, across(coverage), down(risk)), data_row=row.name)


def _labels(drawn: Sequence[tuple[BenchRow, Look]]) -> list[Markup]:
    """The name of each line right of its end; a thin line leads there."""
    ends = sorted(((down(row.curve[-1][1]), across(row.curve[-1][0]), row, look) for row, look in drawn), key=_by_end)
    places = spread([end for end, *_ in ends], _GAP, TOP + 4, BOTTOM)
    parts = list[Markup]()
    for (end, right, row, look), y in zip(ends, places, strict=True):
        leader = (
            f"{right:.1f},{end:.1f} {max(right, RIGHT) + 4:.1f},{end:.1f} {RIGHT + 18},{y:.1f} {RIGHT + 23},{y:.1f}"
        )
        text = row.name if len(row.name) <= _LETTERS else f"{row.name[: _LETTERS - 1]}…"
        parts += [
            tag("polyline", points=leader, class_=f"leader {look.colour}"),
            tag("text", tag("title", row.name), text, x=RIGHT + 28, y=y + 4, class_=f"name {look.colour}"),
        ]
    return parts


def _by_end(one: tuple[float, float, BenchRow, Look]) -> tuple[float, str]:
    return one[0], one[2].name


def _legend(drawn: Sequence[tuple[BenchRow, Look]]) -> Markup:
    heads = [
        tag("th", hidden("Line and "), "Row", scope="col"),
        *(tag("th", words, scope="col", class_="figure") for words in ("AURC", "stops at", "risk there")),
    ]
    lines = list[Markup]()
    for row, look in drawn:
        aurc, stop = row.measures.get("aurc"), row.operating
        cells = (
            numbers.figure(None if aurc is None else aurc.value),
            numbers.figure(None if stop is None else stop[0], share=True),
            numbers.figure(None if stop is None else stop[1]),
        )
        name = tag(
            "th", tag("div", sample(look, marked=stop is not None), rows.name(row)), scope="row", class_="key-of"
        )
        lines.append(tag("tr", name, [tag("td", cell, class_="figure") for cell in cells], data_row=row.name))
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", lines), class_="bench stops")
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Lines of the plot")
