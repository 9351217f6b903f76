"""``neuronym rate`` as a user runs it: write a page, import what raters downloaded, read the tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from neuronym.cli.rate import rate
from neuronym.errors import StudyError, UserError
from neuronym.store.rating_key import RatingKey, read_key
from neuronym.study import Study
from rated_study import ALPHA, MEANS, MEANS_KEPT, TITLES, make_rated_study, rows

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_rated_study(tmp_path_factory.mktemp("rate"))


@pytest.fixture
def run(rated: Study, monkeypatch: pytest.MonkeyPatch) -> Run:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(rate)
    monkeypatch.setenv("COLUMNS", "160")

    def ran(*options: object) -> Result:
        result = CliRunner().invoke(app, [str(rated.folder), *map(str, options)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return ran


@pytest.fixture
def page(run: Run, tmp_path: Path) -> Path:
    result = run("--out", tmp_path / "page")
    assert result.exit_code == 0
    return tmp_path / "page"


def write(path: Path, cells: list[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(cells)
    return path


def test_a_page_is_written_where_it_is_said(run: Run, tmp_path: Path) -> None:
    result = run("--out", tmp_path / "p", "--units", 3, "--images", 2, "--seed", 5, "--layers", "relu, head")
    assert result.stdout == f"Open {tmp_path / 'p' / 'rate.html'}\n"
    assert "3 of 6 units with descriptions." in result.stderr
    assert "Keep it from them." in result.stderr
    key = read_key(tmp_path / "p")
    assert (len(key.items), {len(item.images) for item in key.items}, key.seed) == (3, {2}, 5)


def test_the_tables_show_what_was_worked_out_by_hand(run: Run, page: Path, rated: Study, tmp_path: Path) -> None:
    key: RatingKey = read_key(page)
    one = write(tmp_path / "a.csv", rows(key, "anna"))
    other = write(tmp_path / "b.csv", rows(key, "bert", skip=(ALPHA[2],)))
    result = run("--import", one, "--import", other, "--out", page)
    assert result.exit_code == 0
    valid, _, kept = result.stdout.partition("with invalid responses")
    for text, means in ((valid, MEANS), (kept, MEANS_KEPT)):
        shown = {line.split()[0]: line.split()[1] for line in text.splitlines() if line.startswith(" scripted_methods")}
        # bert leaves the two units about the blue dot open, to each of which anna gives alpha's description 3.
        both = {**means, TITLES[0]: (20 + 14) / 8 if text is valid else (24 + 18) / 10}
        assert shown == {title: f"{mean:.2f}" for title, mean in both.items()}
    assert (
        "2 raters, 10 complete responses on 6 units; 0 incomplete and left out. Of 6 that chose a best description 2 "
        "are invalid (33%): it was not among those they rated highest."
    ) in " ".join(result.stdout.split())
    assert "anna: 6 complete, 1 invalid, 0 incomplete" in result.stdout
    assert "bert: 4 complete, 1 invalid, 0 incomplete" in result.stdout
    agreed = next(line for line in result.stdout.splitlines() if line.startswith(" without invalid responses"))
    assert agreed.split()[3:7] == ["1.000"] * 4
    table = pq.read_table(page / "ratings.parquet").to_pylist()
    assert {row["state"] for row in table} == {"valid", "invalid"}
    assert {name for row in table for name in row["runs"]} == set(rated.store.runs)
    figures = json.loads((page / "figures.json").read_text("utf-8"))
    assert [one["rater"] for one in figures["raters"]] == ["anna", "bert"]


def test_one_rater_is_told_that_nothing_can_be_compared(run: Run, page: Path, tmp_path: Path) -> None:
    key = read_key(page)
    made = [row if row[4] == "" else (*row[:4], "") for row in rows(key, "anna")[1:]]
    result = run("--import", write(tmp_path / "a.csv", [rows(key, "anna")[0], *made]), "--out", page)
    assert "Agreement: no description was rated by two raters." in result.stdout
    assert "1 rater, 3 complete responses on 6 units; 3 incomplete and left out. Of 0 that chose" in result.stdout
    assert "with invalid responses" not in result.stdout
    rows_shown = [line.split() for line in result.stdout.splitlines() if line.startswith(" scripted_methods")]
    assert [row[1:] for row in rows_shown] == [
        [f"{10 / 3:.2f}", "3.00–4.00", "-", "-", "3", "3"],  # noqa: RUF001
        ["4.00", "one", "unit", "-", "-", "1", "1"],
        ["-", "-", "-", "-", "0", "0"],
    ]


def test_options_of_the_page_do_not_go_with_the_import(run: Run, page: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(read_key(page), "anna"))
    for options in (["--layers", "relu"], ["--units", 3], ["--images", 3], ["--runs", "x"], ["--overwrite"]):
        with pytest.raises(UserError) as caught:
            run("--import", path, "--out", page, *options)
        assert str(caught.value) == f"{options[0]} is for writing a rating page. Leave it out with --import."


def test_ratings_without_their_page_are_refused(run: Run, page: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", rows(read_key(page), "anna"))
    with pytest.raises(StudyError, match=r"There is no key of a rating at '.*spots/rating/key\.json'\. Ratings are"):
        run("--import", path)
    run("--out", page, "--overwrite", "--images", 4)
    with pytest.raises(
        UserError, match=r"which is not on this page\. It was rated on another page, or on one that was"
    ):
        run("--import", path, "--out", page)


def test_markup_in_names_is_text(run: Run, page: Path, tmp_path: Path) -> None:
    result = run("--import", write(tmp_path / "a.csv", rows(read_key(page), "[red]anna[/x]")), "--out", page)
    assert "[red]anna[/x]: 6 complete" in result.stdout
