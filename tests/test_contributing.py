"""Runs CONTRIBUTING.md: its files are written, its commands are run, and what they say is what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
COLOURS = {"red": (220, 40, 30), "green": (40, 200, 60), "blue": (40, 60, 220), "grey": (128, 128, 128)}
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks() -> list[tuple[str, str]]:
    """What every block of the page is marked as, and its text."""
    return [(found["mark"] or "", found["text"]) for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def write_photos(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(np.array(colour) + generator.normal(0, 25, (30, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def run(command: str, folder: Path) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NEURONYM": str(ROOT),
        "NEURONYM_CACHE": str(folder / "cache"),
        "COLUMNS": "120",
    }
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}{done.stdout}{done.stderr}"
    return done.stdout


def check_output(shown: str, said: str) -> None:
    """Every line that is shown was said, in this order; ``...`` stands for anything and white space counts once."""
    lines = iter([" ".join(line.split()) for line in said.splitlines()])
    for line in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, line.split("..."))))
        assert any(pattern.fullmatch(other) for other in lines), f"the page shows {line!r}, but this was said:\n{said}"


def test_every_block_is_marked() -> None:
    marks = [mark for mark, _ in blocks()]
    assert all(mark == "shown" or mark.startswith("tested: ") for mark in marks), marks
    assert PAGE.read_text(encoding="utf-8").count("\n```") == 2 * len(marks)
    assert marks.count("tested: output") == marks.count("tested: command") > 5


def test_output_is_compared() -> None:
    check_output("a  b\n\nc ... e\n", "x\na b\ny\nc d d e\n")
    for shown in ("a", "c e\na b\n", "a b c", "a b\na b"):
        with pytest.raises(AssertionError, match="the page shows '"):
            check_output(shown, "a b\nc e\n")


@pytest.mark.slow
def test_the_page_is_true(tmp_path: Path) -> None:
    folder = tmp_path / "my work"
    write_photos(folder / "photos")
    said = ""
    for mark, text in blocks():
        what = mark.removeprefix("tested: ")
        if what == "command":
            said = run(text, folder)
        elif what == "output":
            check_output(text, said)
        elif mark != "shown":
            (folder / what).write_text(text, encoding="utf-8")
