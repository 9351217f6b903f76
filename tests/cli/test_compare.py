"""``neuronym compare`` as a user runs it, by its own function until and after the program knows the verb."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from neuronym.cli.compare import compare
from neuronym.errors import UnknownNameError, UserError

REFERENCE = "layer,unit,summary\nk,0,a red dog\nk,0,dogs\nk,1,wheels\nk,2,grass\nk,3,red things\n"
GOOD = "unit,description\n0,a red dog\n1,wheels\n2,green grass\n3,things\n"
POOR = "layer,unit,description,similarity\nk,1,dogs,.1\nk,2,things,.2\nz,9,red,.3\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("people", REFERENCE), ("good_k", GOOD), ("poor", POOR)):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str) -> Result:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command()(compare)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})


def _error(*arguments: str) -> str:
    found = _run(*arguments).exception
    assert isinstance(found, UserError), found
    return str(found)


def test_tables_figures_and_notes(files: Path) -> None:
    done = _run("people.csv", "--labels", "good_k.csv", "--labels", "poor.csv", "--common", "--json", "out.json")
    assert done.exception is None
    assert "poor.csv: 1 row was left out, of layer z." in done.stderr
    assert "All figures written to out.json." in done.stderr
    assert re.search(r"4 units +similarity +exact +test half +exact", done.stdout)
    assert re.search(r"good_k +0\.\d{3} \(0\.\d{3}, \d\.\d{3}\) +50\.0%", done.stdout)
    assert re.search(r"best constant +- +- +\d\.\d{3} \(", done.stdout)
    assert "best constant: '" in done.stdout
    each, common = json.loads((files / "out.json").read_text("utf-8"))
    assert [group["units"] for group in each["groups"]] == [4, 2]
    assert [group["units"] for group in common["groups"]] == [2]
    assert each["sizes"] == {"good_k": 4, "poor": 2}
    first = each["groups"][0]["rows"][0]
    # (1 + 0) / 2, 1, 2/3 and 2/3
    assert first["every"]["value"] == pytest.approx((0.5 + 1 + 2 / 3 + 2 / 3) / 4)


def test_names_layers_and_combination(files: Path) -> None:
    arguments = ("people.csv", "--labels", "k=good_k.csv", "--name", "mine", "--layer", "k", "--references", "max")
    done = _run(*arguments, "--json", "out.json")
    assert done.exception is None
    (made,) = json.loads((files / "out.json").read_text("utf-8"))
    assert (made["references"], made["sizes"]) == ("max", {"mine": 4})
    assert made["groups"][0]["rows"][0]["every"]["value"] == pytest.approx((1 + 1 + 2 / 3 + 2 / 3) / 4)


def test_first_units_of_each_file(files: Path) -> None:
    shifted = "".join(re.sub(r"^(\d)", lambda found: str(int(found[0]) + 1), line) for line in GOOD.splitlines(True))
    (files / "one_k.csv").write_text(shifted, "utf-8")
    assert "give --first-unit 1, if not, --first-unit 0" in _error("people.csv", "--labels", "one_k.csv")
    given = ("people.csv", "--labels", "one_k.csv", "--labels", "good_k.csv", "--json", "out.json")
    done = _run(*given, "--first-unit", "one_k=1")
    assert done.exception is None
    assert "one_k.csv: its units are counted from 1." in done.stderr
    (made,) = json.loads((files / "out.json").read_text("utf-8"))
    one, _, good, *_ = made["groups"][0]["rows"]
    assert one["every"] == good["every"]
    assert "--first-unit 'two' is none of 0, 1, NAME=0 and NAME=1." in _error(*given, "--first-unit", "two")
    unknown = _run(*given, "--first-unit", "none=1").exception
    assert isinstance(unknown, UnknownNameError)
    assert "There is no set of labels 'none'." in str(unknown)


@pytest.mark.usefixtures("files")
def test_what_is_refused() -> None:
    assert _error("people.csv") == "There are no labels to compare. Give --labels FILE at least once."
    assert _error("people.csv", "--labels", "poor.csv", "--json", ".") == "--json '.' is a folder. Name a file."
    assert "cannot be read: No such file" in _error("people.csv", "--labels", "none.csv")
    assert "There is no layer of the reference 'z'" in _error("people.csv", "--labels", "poor.csv", "--layer", "z")
    assert "no text similarity 'token'" in _error("people.csv", "--labels", "poor.csv", "--similarity", "token")
    assert "no way to combine references 'sum'" in _error("people.csv", "--labels", "poor.csv", "--references", "sum")


@pytest.mark.usefixtures("files")
def test_an_encoder_judges_how_alike_texts_are() -> None:
    done = _run("people.csv", "--labels", "good_k.csv", "--similarity", "encoder:bundled:clip", "--device", "cpu")
    assert done.exception is None
    assert "encoder:bundled:clip, mean over references" in done.stdout
