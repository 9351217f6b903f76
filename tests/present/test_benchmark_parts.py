"""Small parts of the page of a benchmark: numbers, places, and colours that colour-blind people tell apart."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.present.benchmark import numbers
from neuronym.present.benchmark.curves import across, down, spread
from neuronym.present.benchmark.gauge import WIDTH, gauge, place
from neuronym.present.benchmark.kinds import step
from neuronym.present.benchmark.lines import looks, mark, sample
from neuronym.present.benchmark.markup import Markup, joined, tag
from neuronym.present.benchmark.rows import inline, ordered
from neuronym.present.one_file import one_file
from neuronym.records.benchmark import BenchRow, Measure
from page_tree import page_tree

FINITE = st.floats(-3, 3, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "share", "text"),
    [
        (0.3521, False, ".352"),
        (-0.0117, False, "\u2212.012"),
        (-0.0002, False, ".000"),
        (1.0, False, "1.000"),
        (0.99996, False, "1.000"),
        (-1.25, False, "\u22121.250"),
        (12.34, False, "12.3"),
        (None, False, "\u2013"),
        (float("nan"), True, "\u2013"),
        (float("inf"), False, "\u2013"),
        (0.458, True, "45.8 %"),
        (1.0, True, "100 %"),
        (0.0, True, "0 %"),
        (0.9999, True, "100.0 %"),
        (-0.0059, True, "\u22120.6 %"),
    ],
)
def test_numbers_are_written_as_in_the_terminal(value: float | None, share: bool, text: str) -> None:
    assert numbers.figure(value, share=share) == text


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1e9, allow_nan=False))
def test_small_quantities_keep_two_digits_that_count(value: float) -> None:
    text = numbers.small(value)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.051)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 s"), (42.07, "42.1 s"), (119.4, "119 s"), (150, "2 min 30 s"), (3723.6, "62 min 4 s")]
)
def test_times(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2025-06-01T14:30:59+02:00", "2025-06-01 12:30 UTC"),
        ("2025-06-01T12:30:00", "2025-06-01 12:30"),
        ("long ago", "long ago"),
    ],
)
def test_moments(text: str, shown: str) -> None:
    assert numbers.moment(text) == shown


@settings(deadline=None, max_examples=60)
@given(FINITE, FINITE, FINITE)
def test_a_gauge_is_drawn_to_scale_and_within_its_line(value: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    drawn = gauge(Measure(value, low, high, 9), ceiling=0.5)
    assert drawn is not None
    boxes = {box.classes[0]: box.attributes for box in page_tree(drawn).all("rect")}

    def clipped(number: float) -> float:
        return WIDTH * (max(-0.2, min(1.0, number)) + 0.2) / 1.2

    for name, ends in {"bar-of": (min(0, value), max(0, value)), "band": (low, high)}.items():
        left, wide = (float(str(boxes[name][key])) for key in ("x", "width"))
        assert left == pytest.approx(clipped(ends[0]), abs=0.006)
        assert wide == pytest.approx(max(1.0, clipped(ends[1]) - clipped(ends[0])), abs=0.011)
    assert float(str(boxes["ceiling"]["x"])) + 1 == pytest.approx(49, abs=0.01)
    assert 0 <= place(value) <= WIDTH


def test_a_gauge_without_a_value_or_an_interval() -> None:
    assert gauge(Measure(None)) is None
    drawn = gauge(Measure(0.5))
    assert drawn is not None
    assert [box.classes[0] for box in page_tree(drawn).all("rect")] == ["track", "bar-of", "zero"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 400), max_size=40), st.floats(1, 40))
def test_names_of_lines_keep_their_distance_and_order(wanted: list[float], gap: float) -> None:
    wanted.sort()
    found = spread(wanted, gap, 18, 346)
    least = min(gap, 328 / max(1, len(wanted) - 1))
    assert len(found) == len(wanted)
    assert all(18 - 1e-6 <= one <= 346 + 1e-6 for one in found)
    assert all(after - before >= least - 1e-6 for before, after in pairwise(found))
    if all(after - before >= gap for before, after in pairwise(wanted)) and all(18 <= one <= 346 for one in wanted):
        assert found == pytest.approx(wanted)


def test_places_in_the_plot() -> None:
    assert (across(0), across(1), across(0.5), across(2)) == (62, 600, 331, 600)
    assert (down(0), down(1), down(0.5), down(-1)) == (346, 14, 180, 346)


@pytest.mark.parametrize(
    ("value", "strength"), [(None, 0), (-0.4, 0), (0.04, 0), (0.06, 1), (0.5, 5), (1.0, 10), (2, 10)]
)
def test_strength_of_a_ground(value: float | None, strength: int) -> None:
    assert step(value) == strength


@settings(deadline=None, max_examples=60)
@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=4), max_leaves=12))
def test_texts_come_back_as_they_were(content: list[str] | str) -> None:
    def flat(one: list[str] | str) -> str:
        return one if isinstance(one, str) else "".join(map(flat, one))

    plain = flat(content).replace("\r\n", "\n").replace("\r", "\n")
    read = page_tree(tag("p", content, title=flat(content)))
    assert read.text.replace("\r\n", "\n").replace("\r", "\n") == plain
    assert read.one("p").attributes["title"] == flat(content)


def test_markup_stays_and_attributes_are_written() -> None:
    inner = tag("br")
    made = tag("svg", inner, None, class_="a b", viewBox="0 0 1 1", aria_label='"x"', hidden=True, tabindex=0, x=1.50)
    assert made == (
        '<svg class="a b" viewBox="0 0 1 1" aria-label="&quot;x&quot;" hidden tabindex="0" x="1.5"><br></svg>'
    )
    assert tag("p", id=None, hidden=False) == "<p></p>"
    assert isinstance(joined([inner, "<"]), Markup)
    assert joined([inner, "<"]) == "<br>&lt;"


def test_nothing_in_a_part_of_a_page_is_taken_for_a_place() -> None:
    made = one_file("<@STYLES@><@SCRIPTS@>@A@@B@", {"A": "@B@"}, {"S": "s"}, {"B": "@A@@ICON@"}).decode()
    assert made.endswith(">@B@@A@@ICON@")
    assert made.count("sha256-") == 2


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_names_may_be_broken_and_read_the_same(name: str) -> None:
    assert page_tree(inline(name)).text == name


def test_rows_are_ordered_whatever_is_missing() -> None:
    rows = [
        BenchRow("s", "shuffled"),
        BenchRow("gone", "method", failed="why"),
        BenchRow("low", "method", {"normalised": Measure(0.1)}),
        BenchRow("none", "method", {"normalised": Measure(None)}),
        BenchRow("mine", "labels", {"normalised": Measure(0.9)}),
        BenchRow("high", "method", {"normalised": Measure(0.2)}),
        BenchRow("t", "truth"),
    ]
    assert [row.name for row in ordered(rows)] == ["t", "high", "low", "none", "gone", "mine", "s"]


def test_two_dozen_lines_look_different() -> None:
    rows = [BenchRow(str(number), "method") for number in range(24)]
    made = looks(rows)
    assert len(set(made)) == 24
    assert len({(one.colour, one.dash) for one in made[:12]}) == 12
    assert all("polygon" in mark(one, 1, 1) or "circle" in mark(one, 1, 1) for one in made)
    assert "mark" not in sample(made[0], marked=False)
    grey = looks([BenchRow("t", "truth"), BenchRow("a", "method")])
    assert [one.colour for one in grey] == ["series-truth", "series-0"]


# How protanopes and deuteranopes see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0).
SIGHTS = {
    "all": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIELAB of linear sRGB."""
    parts = XYZ @ linear.clip(0, 1) / XYZ.sum(1)
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_are_told_apart_whatever_eyes_one_has(sight: str) -> None:
    style = files("neuronym.present.benchmark").joinpath("site", "benchmark.css").read_text("utf-8")
    found = re.findall(r"--series-(\d): #(\w{6});", style)
    themes = [found[at : at + 6] for at in range(0, len(found), 6)]
    assert [[number for number, _ in theme] for theme in themes] == [list("012345")] * 3
    assert themes[1] == themes[2]
    for theme in themes[:2]:
        encoded = [np.array([int(colour[at : at + 2], 16) for at in (0, 2, 4)]) / 255 for _, colour in theme]
        linear = [np.where(one <= 0.04045, one / 12.92, ((one + 0.055) / 1.055) ** 2.4) for one in encoded]
        seen = [lab(SIGHTS[sight] @ one) for one in linear]
        assert min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2)) > 15
