"""``neuronym metrics``, whether or not it is among the program's verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from neuronym.cli.metrics import metrics
from neuronym.errors import StudyError, UserError
from neuronym.functional.metrics import METRICS, PAIRED, sanity_table

SMALL = ("--frequencies", "0.1, 0.05", "--images", "400", "--units", "4", "--seed", "3")


def run(*arguments: str) -> str:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(metrics)
    ran = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100", "TERM": "dumb"}, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_every_metric_has_a_row_its_figures_and_its_source() -> None:
    lines = run(*SMALL).splitlines()
    found = {one.metric: one for one in sanity_table(None, (0.1, 0.05), 400, 4, seed=3)}
    rows = {line.split()[0]: line for line in lines[3 : 3 + len(METRICS)]}
    assert list(rows) == list(METRICS)
    for name in PAIRED:
        for test in (found[name].missing, found[name].extra):
            shown = " ".join(f"{round(100 * one.drop)}" for one in test)
            assert shown + ("" if all(one.passed for one in test) else " !") in rows[name]
        assert rows[name].split()[-1] == ("passes" if found[name].passes else "fails")
    assert rows["bleu"].split() == ["bleu", "0", "to", "1", "higher", "text", "-", "-", "-"]
    text = " ".join(" ".join(lines).split())
    assert "at frequency 0.1, 0.05, the mean of 4 planted units over 400 images" in text
    assert all(f"{metric.name} {metric.source}" in text for metric in METRICS.values())


def test_the_table_as_json(tmp_path: Path) -> None:
    place = tmp_path / "neu" / "metrics ü.json"
    run(*SMALL, "--json", str(place))
    written = json.loads(place.read_text(encoding="utf-8"))
    assert written["settings"] == {"frequencies": [0.1, 0.05], "images": 400, "units": 4, "seed": 3}
    rows = {row["name"]: row for row in written["metrics"]}
    assert list(rows) == list(METRICS)
    assert rows["wpmi"]["range"] == [None, None]
    assert rows["wpmi"]["unit"] == "nats"
    assert rows["pearson"]["range"] == [-1, 1]
    assert rows["bleu"]["passes"] is None
    (verdict,) = sanity_table(["f1"], (0.1, 0.05), 400, 4, seed=3)
    assert rows["f1"]["passes"] == verdict.passes
    for test, outcomes, passes in (
        ("missing", verdict.missing, verdict.passes_missing),
        ("extra", verdict.extra, verdict.passes_extra),
    ):
        assert rows["f1"][test]["passes"] == passes
        assert rows["f1"][test]["outcomes"] == [
            {"frequency": one.frequency, "drop": one.drop, "worse": one.worse} for one in outcomes
        ]


@pytest.mark.parametrize("text", ["", "a", "0.1,", "0", "0.6", "nan", "-0.1", "0.1,x"])
def test_frequencies_are_shares(text: str) -> None:
    if text == "0.1,":
        run("--frequencies", text, "--images", "100")
        return
    with pytest.raises(
        UserError, match=r"--frequencies '.*' are not shares above 0 and up to 0\.5, such as 0\.1,0\.01"
    ):
        run("--frequencies", text)


def test_what_cannot_be_tested_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Metrics cannot be tested at frequency 0\.01 with 100 images, 20 units"):
        run("--images", "100")
    with pytest.raises(UserError, match=r"--json '.*' is a folder\. Name a file\."):
        run(*SMALL, "--json", str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="It was not possible to write the file"):
        run(*SMALL, "--json", str(tmp_path / "file" / "below.json"))
