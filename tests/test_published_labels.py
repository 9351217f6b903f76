"""The command of docs/published-labels.md prints the figures that the page shows, on the published labels."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from program import neuronym

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "published_labels"
PAGE = ROOT / "docs" / "published-labels.md"

METHODS = ("MILAN", "CLIP-Dissect", "DnD")

Figures = dict[tuple[str, str], tuple[float, ...]]
"""Similarity with its interval, over all units and then over the test half, by number of units and row."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the published labels of ../shared/data are not here"),
]


def command() -> list[str]:
    """The words of the page's command, without the program's name."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    code = "".join(line[4:] + "\n" for line in section.splitlines() if line.startswith("    "))
    return shlex.split(code.replace("\\\n", " ").replace("$D", str(DATA)))[1:]


def numbers(text: str) -> tuple[float, ...]:
    """Similarities and the ends of their intervals, in order; shares of exact labels are not among them."""
    return tuple(float(found) for found in re.findall(r"(?<![\d%])\d?\.\d{3}", text))


def shown() -> Figures:
    """What the page's table holds."""
    found: Figures = {}
    units = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and numbers(line):
            units = cells[0] or units
            found[units, cells[1].partition(": ")[0]] = numbers(" ".join(cells[2:]))
    return found


def printed(out: str) -> Figures:
    """What the program printed: all units of MILAN, then those that all sets share."""
    alone, _, common = out.partition("over the units that all sets share with the reference")
    return dict([*rows(alone, "3,904"), *rows(common, "200", ", common")])


def rows(text: str, units: str, more: str = "") -> Iterator[tuple[tuple[str, str], tuple[float, ...]]]:
    """The rows of the table over so many units."""
    table = next(part for part in re.split(r"(?m)^(?= [\d,]+ units )", text)[1:] if part.startswith(f" {units} units "))
    name = ""
    for line in table.splitlines():
        word = line.split("  ")[0].strip() or line.strip().split("  ")[0]
        name = word if word in METHODS else name
        title = {"random labels": "random annotations", "shuffled": f"{name}, shuffled"}.get(word, word)
        if numbers(line):
            yield (units + more, title), numbers(line)


def test_the_page_shows_what_its_command_prints(tmp_path: Path) -> None:
    ran = neuronym(*command(), cwd=tmp_path)
    assert ran.code == 0, ran.err
    page, out = shown(), printed(ran.out)
    assert len(page) == 12
    assert set(page) == set(out)
    for row, values in page.items():
        assert out[row] == pytest.approx(values, abs=0.0015), row
    constants = re.findall(r"best constant: ['\"](.+?)['\"], of", ran.out)
    assert [constants[0], constants[-1]] == re.findall(r"best constant: \"(.+?)\"", PAGE.read_text(encoding="utf-8"))


def test_one_sentence_for_all_units_beats_every_method() -> None:
    page = shown()
    for (units, name), values in page.items():
        if name in METHODS:
            shuffled = page[units, f"{name}, shuffled"]
            assert page[units, "best constant"][1] > values[5], name  # intervals over the test half, apart
            assert values[0] > shuffled[2], name
            assert (values[1] > shuffled[2]) == (name != "DnD"), name
