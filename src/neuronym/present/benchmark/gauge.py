"""A mean and its interval as a small bar, on a line from -0.2 to 1."""

from __future__ import annotations

from neuronym.present.benchmark.markup import Markup, tag
from neuronym.records.benchmark import Measure

LOW, HIGH = -0.2, 1.0
"""The values at the ends of the line; what lies beyond is drawn there."""

WIDTH, HEIGHT = 84, 12


def gauge(measure: Measure, ceiling: float | None = None) -> Markup | None:
    """The bar, the interval over it as a band, and a notch at the ceiling; None without a value.

    Args:
        measure: what is drawn.
        ceiling: the value that the true labels have, if it is to be marked.
    """
    if measure.value is None:
        return None
    band = None
    if measure.low is not None and measure.high is not None:
        band = _span(measure.low, measure.high, 0, HEIGHT, "band")
    return tag(
        "svg",
        tag("rect", x=0, y=5, width=WIDTH, height=2, rx=1, class_="track"),
        _span(min(measure.value, 0), max(measure.value, 0), 4, 4, "bar-of"),
        band,
        tag("rect", x=place(0), y=2, width=1, height=HEIGHT - 4, class_="zero"),
        None if ceiling is None else tag("rect", x=place(ceiling) - 1, y=0, width=2, height=HEIGHT, class_="ceiling"),
        class_="gauge",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        aria_hidden="true",
    )


def place(value: float) -> float:
    """Where a value lies on the line."""
    return WIDTH * (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW)


def _span(low: float, high: float, top: float, height: float, class_: str) -> Markup:
    left = place(low)
    return tag("rect", x=left, y=top, width=max(place(high) - left, 1.0), height=height, rx=2, class_=class_)
