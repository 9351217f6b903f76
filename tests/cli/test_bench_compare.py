"""``neuronym bench compare``, whether or not it is among the program's verbs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from neuronym.bench.comparing import compare
from neuronym.bench.result_files import read_benchmark, write_benchmark
from neuronym.cli.bench_compare import bench_compare
from neuronym.errors import StudyError, UserError
from neuronym.records.benchmark import Benchmark
from random_benchmark import FAILED, ROWS, STRANGE, changed, random_benchmark

CLIP = ROWS[3].name


def run(*arguments: object, code: int = 0, columns: int = 140) -> tuple[str, str]:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(bench_compare)
    environment = {"COLUMNS": str(columns), "TERM": "dumb"}
    ran = CliRunner().invoke(app, list(map(str, arguments)), env=environment, catch_exceptions=False)
    assert ran.exit_code == code, ran.output
    return ran.stdout, ran.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Holds two results and one that is the first with a method that fails."""
    first = random_benchmark(3)
    write_benchmark(first, tmp_path / "old.json")
    write_benchmark(random_benchmark(4), tmp_path / "new ü.json")
    broken = changed(first, "taught", CLIP, lambda row: replace(FAILED, name=row.name))
    gates = (replace(first.gates[0], passed=False, text="it does not."), *first.gates[1:])
    environment = {**first.environment, "processor": "Another CPU"}
    hosts = (replace(broken.hosts[0], images=(2000, 500)), broken.hosts[1])
    write_benchmark(replace(broken, gates=gates, environment=environment, hosts=hosts), tmp_path / "broken.json")
    return tmp_path


def results(place: Path) -> tuple[Benchmark, Benchmark]:
    return read_benchmark(place / "old.json"), read_benchmark(place / "new ü.json")


def shown(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".") if abs(value) < 0.9995 else f"{value:{sign}.3f}"


def test_each_row_with_its_score_before_and_after(place: Path) -> None:
    out, _ = run(place / "old.json", place / "new ü.json")
    found = compare(*results(place))
    lines = out.splitlines()
    for host in ("analytic", "taught", "resnet"):
        (start,) = (at for at, line in enumerate(lines) if line.startswith(f"{host}  "))
        for row in (one for one in found.rows if one.host == host and one.new_failed is None):
            line = next(line for line in lines[start:] if line.strip().startswith(f"{row.row}  "))
            score, r = row.change("normalised"), row.change("pearson")
            assert score is not None
            assert score.new is not None
            assert score.old is not None
            assert r is not None
            assert r.new is not None
            words = line.removeprefix(f" {row.row}").split()
            assert words[:2] == [shown(score.new.value or 0), shown(score.old.value or 0)]
            assert words[2] == (shown(score.difference, "+") if score.difference else "=")
            assert shown(r.new.value or 0) in words[3:]
            judged = row.role in ("list", "method") and score.verdict != "same"
            assert ("better" in words or "worse" in words) == judged
            if row.labels:
                assert f"{len(row.relabelled)} of {row.labels}" in line
    text = " ".join(out.split())
    assert "These figures are not of the same thing: The setting seed is 4, and was 3." in text
    assert f"{FAILED.name} failed in both: {FAILED.failed}" in text
    assert "10 judged rows in both: score better in 0, worse in 1, no change beyond chance in 9." in text
    assert "Seconds cannot be compared" not in text


def test_units_that_lost_and_gained_most(place: Path) -> None:
    old, new = place / "old.json", place / "new ü.json"
    out, _ = run(old, new, "--units", "1", columns=200)
    row = next(one for one in compare(*results(place)).rows if (one.host, one.row) == ("taught", CLIP))
    lines = out.split(f"{CLIP}: {len(row.relabelled)} units with another label; 1 that lost most and 1")[1].splitlines()
    for one, line in zip((row.relabelled[0], row.relabelled[-1]), lines[4:6], strict=True):
        assert line.split()[0] == str(one.unit)
        assert all(text in line for text in (one.kind, str(one.truth), one.old or "-", one.new or "-"))
        assert line.split()[-2:] == [shown(one.old_pearson or 0), shown(one.new_pearson or 0)]
    assert STRANGE in run(old, new, "--units", "50", columns=200)[0]
    assert "with another label" not in run(old, new, "--units", "0")[0]


def test_measures_that_did_not_change_are_shown_when_asked_for(place: Path) -> None:
    some, _ = run(place / "old.json", place / "new ü.json")
    every, _ = run(place / "old.json", place / "new ü.json", "--all")
    assert "AURC" not in some
    assert sum("AURC" in line for line in every.splitlines()) == 6
    assert sum("discr." in line for line in some.splitlines()) == 1
    assert sum("discr." in line for line in every.splitlines()) == 21


@pytest.mark.parametrize("columns", [80, 100])
def test_a_narrow_terminal_has_room_for_names(place: Path, columns: int) -> None:
    out, _ = run(place / "old.json", place / "new ü.json", "--units", "0", columns=columns)
    assert "best of the list " in out
    assert "ms/unit" not in out
    tables = [line for line in out.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= columns


def test_nothing_changed(place: Path) -> None:
    out, _ = run(place / "old.json", place / "old.json", "--worse-fails")
    assert "score better in 0, worse in 0, no change beyond chance in 10." in " ".join(out.split())
    assert "Gate " not in out
    assert "Only in" not in out


def test_worse_rows_fail_when_asked_for(place: Path) -> None:
    pair = place / "old.json", place / "broken.json"
    out, _ = run(*pair)
    text = " ".join(out.split())
    assert f"{CLIP} fails now: {FAILED.failed}" in text
    assert "Gate truth above methods (analytic) fails and held: it does not." in text
    assert "Only in the old result: the host resnet." in text
    assert "The number of test images of analytic is 500, and was 1000." in text
    assert "Seconds cannot be compared: processor is Another CPU, and was Example CPU @ 2.50 GHz." in text
    _, said = run(*pair, "--worse-fails", code=1)
    assert said.strip() == f"Worse than before: {CLIP} on taught."
    mended, _ = run(*reversed(pair), "--worse-fails")
    assert f"{CLIP} failed before: {FAILED.failed}" in " ".join(mended.split())
    assert "Only in the new result: the host resnet." in " ".join(mended.split())


def test_all_differences_as_json(place: Path) -> None:
    file = place / "neu" / "changes.json"
    _, said = run(place / "old.json", place / "new ü.json", "--json", file)
    assert f"All differences written to {file}." in said
    written, found = json.loads(file.read_text(encoding="utf-8")), compare(*results(place))
    assert (written["format"], written["schema"]) == ("neuronym-benchmark-comparison", 1)
    assert [(row["host"], row["row"], row["worse"]) for row in written["rows"]] == [
        (row.host, row.row, row.worse) for row in found.rows
    ]
    at = next(at for at, row in enumerate(found.rows) if row.row == CLIP)
    for one, other in zip(written["rows"][at]["changes"], found.rows[at].changes, strict=True):
        assert (one["measure"], one["verdict"]) == (other.measure, other.verdict)
        assert one["difference"] == pytest.approx(other.difference, abs=1e-6)
        assert one["low"] == (None if other.low is None else pytest.approx(other.low, rel=1e-5))
    assert written["rows"][at]["relabelled"]["rows"][0][:5] == [
        getattr(found.rows[at].relabelled[0], name) for name in ("unit", "kind", "truth", "old", "new")
    ]
    assert written["notes"] == ["The setting seed is 4, and was 3."]


def test_bad_input_is_one_sentence(place: Path) -> None:
    old = place / "old.json"
    with pytest.raises(UserError, match=r"The benchmark file '.*none\.json' cannot be read: No such file"):
        run(old, place / "none.json")
    (place / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"The file '.*x\.json' is not the result of a benchmark"):
        run(place / "x.json", old)
    with pytest.raises(UserError, match=r"--json '.*' is a folder\. Name a file\."):
        run(old, old, "--json", place)
    with pytest.raises(StudyError, match="It was not possible to write the file"):
        run(old, old, "--json", old / "below.json")
    assert "Invalid value for '--units'" in run(old, old, "--units=-1", code=2)[1]
