"""Anyone's labels in a study, what is kept of evaluations, and which of several counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuronym.errors import NeuronymWarning, StudyError, UnknownNameError, UserError
from neuronym.evaluate.evaluation import Settings
from neuronym.evaluate.marks import marks
from neuronym.evaluate.sources import LabelSource
from neuronym.functional.metrics import verdicts
from neuronym.records import RunStatus
from neuronym.store import study_folder
from neuronym.store.atomic import locked
from neuronym.store.tables import explanations_records
from neuronym.study import Study
from program import contents
from small_study import make_study

QUICK = Settings(draws=100)
LABELS = (
    "layer,unit,description\nhead,0,Red\nhead,2,blue\nrelu,3,a green.\nrelu,0,grey\nrelu,11,zebra\nelsewhere,0,red\n"
)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of two layers with different numbers of units, in which nothing was said yet."""
    (tmp_path / "mine.csv").write_text(LABELS)
    return make_study(tmp_path / "s", ("relu", "head")).probe(device="cpu")


def imported(study: Study, name: str = "mine.csv", text: str | None = None, **options: object) -> str:
    path = study.folder.parent / name
    if text is not None:
        path.write_text(text)
    return study.import_labels(path, **options)[0]  # type: ignore[arg-type]


def test_a_csv_becomes_a_run(study: Study) -> None:
    run, notes = study.import_labels(study.folder.parent / "mine.csv")
    assert notes == (f"{study.folder.parent / 'mine.csv'}: 1 row was left out, of layer elsewhere.",)
    said = [
        (one.unit.layer, one.unit.index, one.description) for one in explanations_records(study.store.explanations())
    ]
    assert said == [
        *[("relu", 0, "grey"), ("relu", 3, "a green."), ("relu", 11, "zebra")],
        *[("head", 0, "Red"), ("head", 2, "blue")],
    ]
    made = study.store.manifest.runs[run]
    assert (made["method"], made["summary"], made["encoder"]) == ("mine", "mean", None)
    assert made["labels"] == {"file": "mine.csv", "layout": "plain", "first_unit": 0}


def test_the_same_labels_are_the_same_run_and_others_are_not(study: Study) -> None:
    run = imported(study)
    before = contents(study.folder)
    assert imported(study) == run
    assert contents(study.folder) == before
    assert imported(Study.open(study.folder)) == run
    others = {
        imported(study, summary="max"),
        imported(study, "other.csv", LABELS.replace("Red", "green")),
        imported(study, "one.csv", "layer,unit,description\nhead,1,red\nhead,5,blue\n", first_unit=1),
    }
    assert len(others | {run}) == 4
    assert set(study.store.runs) == others | {run}


def test_labels_that_do_not_fit_leave_the_study_as_it_was(study: Study) -> None:
    before = contents(study.folder)
    for text in (
        "layer,unit,description\nhead,5,red\n",
        "layer,unit\nhead,0\n",
        "layer,unit,description\nbody,0,red\n",
    ):
        with pytest.raises(UserError):
            imported(study, "bad.csv", text)
    with pytest.raises(UnknownNameError, match=r"^There is no summary 'median'\."):
        imported(study, summary="median")
    assert contents(study.folder) == before


def test_an_import_that_was_stopped_begins_anew(study: Study) -> None:
    run = imported(study)
    whole = study.store.explanations().to_pylist()
    store = study.store
    store.update(store.manifest.without_run(run))
    store.set_stage(RunStatus(f"import/{run}", run, "running", 0, 5))  # as a kill leaves it, with one layer written
    next((store.folder / "runs" / run / "head").iterdir()).unlink()
    again = Study.open(study.folder)
    assert again.store.explanations().num_rows == 0
    assert imported(again) == run
    assert again.store.explanations().to_pylist() == whole


def test_the_table_joins_states_and_figures_by_unit(study: Study) -> None:
    run = imported(study)
    found = study.evaluate(settings=QUICK)
    assert set(found) == {(run, "relu"), (run, "head")}
    rows = {(row["layer"], row["unit"]): row for row in study.table().to_pylist()}
    assert rows["relu", 0]["state"] == rows["relu", 11]["state"] == "described"  # constant; the name of no label
    for layer in ("relu", "head"):
        for one in found[run, layer].assessments:
            row = rows[layer, int(one.explanation.rpartition(":")[2])]
            assert (row["low"], row["high"], row["floor"], row["pearson"]) == (one.low, one.high, one.floor, one.value)
            assert row["state"] == (one.state or "described")
    states = [row["state"] for row in rows.values()]
    for state in set(states) - {"described"}:
        assert study.table(state=state).num_rows == states.count(state)
    assert study.table(state="described").num_rows == 5


def test_the_last_evaluation_of_each_run_counts_or_that_by_a_source(study: Study, tmp_path: Path) -> None:
    first, second = imported(study), imported(study, "other.csv", LABELS.replace("blue", "warm"))
    hierarchy = tmp_path / "h.csv"
    hierarchy.write_text("name,above\nred,warm\ngrey,warm\n")
    study.evaluate("labels", settings=QUICK)
    by_labels = study.table().to_pylist()
    study.evaluate("labels:class", run=first, settings=QUICK)
    study.evaluate("labels", hierarchy=hierarchy, run=second, settings=QUICK)
    assert [(made["run"], made["source"]) for made in study.store.latest()] == [
        (first, "labels:class"),
        (second, "labels"),
    ]
    rows = {(row["run"], row["unit"]): row for row in study.table("head").to_pylist()}
    before = {(row["run"], row["unit"]): row for row in by_labels if row["layer"] == "head"}
    assert before[second, 2]["pearson"] is None  # "warm" was the name of no label
    assert rows[second, 2]["pearson"] is not None
    assert rows[first, 0] == before[first, 0]
    only = study.table("head", source="labels:class").to_pylist()
    assert {row["run"]: row["pearson"] is None for row in only} == {first: False, second: True}
    assert {row["state"] for row in only if row["run"] == second} == {"described"}
    with pytest.raises(UnknownNameError) as caught:
        study.table(source="truth")
    assert str(caught.value) == ("There is no evaluation by the source 'truth'. Known: labels, labels:class.")
    again = next(made for made in study.store.evaluations(second, "labels"))
    assert (again["hierarchy"], again["templates"]) == ("h.csv", [])


def test_an_evaluation_takes_the_place_of_the_one_before(study: Study) -> None:
    run = imported(study)
    study.evaluate(settings=QUICK)
    before = study.table().to_pylist()
    places = {path.parent for path in (study.folder / "scores").rglob("*.parquet")}
    study.evaluate(settings=Settings(share=0.4, draws=100))
    after = {path.parent for path in (study.folder / "scores").rglob("*.parquet")}
    assert len(places) == len(after) == 1
    assert places != after
    rows = study.table().to_pylist()
    assert [row["f1"] for row in rows] != [row["f1"] for row in before]
    assert [row["pearson"] for row in rows] == [row["pearson"] for row in before]
    assert len(study.store.evaluations(run)) == 1


def test_a_reader_goes_on_with_what_another_process_has_put_in_place(study: Study) -> None:
    imported(study)
    study.evaluate(settings=QUICK)
    reader = Study.open(study.folder)
    study.evaluate(settings=Settings(share=0.4, draws=100))
    assert reader.table().to_pylist() == study.table().to_pylist()
    for path in (study.folder / "scores").rglob("scores.parquet"):
        path.unlink()
    with pytest.raises(StudyError, match="is missing"):
        reader.table()


def test_what_others_wrote_meanwhile_is_not_undone(study: Study) -> None:
    first = imported(study)
    slow, other = Study.open(study.folder), Study.open(study.folder)
    second = imported(other, "other.csv", LABELS.replace("Red", "green"))
    other.evaluate(run=second, settings=QUICK)
    slow.evaluate(run=first, settings=QUICK)  # which read the manifest before all that
    third = imported(slow, "third.csv", LABELS.replace("Red", "blue"))
    fresh = Study.open(study.folder).store
    assert set(fresh.runs) == {first, second, third}
    assert {made["run"] for made in fresh.evaluations()} == {first, second}


def test_while_another_process_writes_figures_are_found_and_not_kept(study: Study) -> None:
    run = imported(study)
    with locked(study.folder), pytest.warns(NeuronymWarning) as caught:
        found = study.evaluate(settings=QUICK)
    assert str(caught[0].message) == (
        f"Another process is writing the study {str(study.folder)!r}. Wait until it has ended. The figures of {run} "
        "are not kept."
    )
    assert found[run, "head"].scored == 2
    assert not Study.open(study.folder).store.evaluations()


def test_a_study_that_may_only_be_read_is_judged_all_the_same(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    run = imported(study)
    before = contents(study.folder)
    monkeypatch.setattr(study_folder.os, "access", lambda *_, **__: False)  # root may write anywhere
    with pytest.warns(NeuronymWarning) as caught:
        found = study.evaluate(settings=QUICK)
    assert str(caught[0].message) == (
        f"The study {str(study.folder)!r} may only be read. The figures of {run} are not kept."
    )
    assert found[run, "head"].scored == 2
    assert contents(study.folder) == before


def test_a_study_that_was_replaced_is_not_written(study: Study) -> None:
    run = imported(study)
    (study.folder.parent / "s-images.npz").unlink()
    make_study(study.folder, ("head",), per_class=20, overwrite=True).probe(device="cpu")
    before = contents(study.folder)
    with pytest.raises(StudyError) as caught, study.store.lock():
        pass
    assert str(caught.value) == (
        f"The study {str(study.folder)!r} was replaced by another one in the meantime. Run this again on it."
    )
    assert run not in Study.open(study.folder).store.runs
    assert contents(study.folder) == before


def test_only_some_units_of_several_runs(study: Study) -> None:
    """Runs of different units of layers of different sizes do not get into each other's rows."""
    one = imported(study, "a.csv", "layer,unit,description\nhead,4,red\nrelu,2,red\n")
    two = imported(study, "b.csv", "layer,unit,description\nhead,0,red\nhead,4,blue\n")
    found = study.evaluate(settings=QUICK)
    assert {key: [a.explanation for a in one.assessments] for key, one in found.items()} == {
        (one, "relu"): [f"{one}/relu:2"],
        (one, "head"): [f"{one}/head:4"],
        (two, "head"): [f"{two}/head:0", f"{two}/head:4"],
    }
    alone = Study.open(study.folder).evaluate(run=one, settings=QUICK)
    assert alone[one, "head"].assessments == found[one, "head"].assessments
    rows = study.table("head").to_pylist()
    assert [(row["run"], row["unit"]) for row in rows] == [(one, 4), (two, 0), (two, 4)]
    values = {a.explanation: a.value for layer in found.values() for a in layer.assessments}
    assert [row["pearson"] for row in rows] == [values[f"{row['run']}/head:{row['unit']}"] for row in rows]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_killed_at_any_moment_nothing_is_lost_or_half_read(study: Study) -> None:
    """See the program: imports and evaluations killed 14 times."""
    program = Path(__file__).parent / "killed_judge.py"
    done = subprocess.run(
        [sys.executable, program, study.folder, "14"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(program.parents[1]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    finished, interrupted = map(int, done.stdout.split()[1::2])
    assert finished > 5
    assert interrupted > 0  # some kills left files behind that nobody reads


def test_a_source_of_ones_own_is_judged_by_and_kept(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s").probe(device="cpu")
    run = study.explain(concepts="labels", settings={"top_k": 20}, device="cpu")
    view = study.view("head")
    own = LabelSource("mine", {split: view.labels(split) for split in ("explain", "test")})  # type: ignore[misc]
    mine, theirs = study.evaluate(own), study.evaluate("labels")
    assert {one.source for one in mine.values()} == {"mine"}
    assert [one.value for one in mine[run, "head"].assessments] == [
        one.value for one in theirs[run, "head"].assessments
    ]
    assert study.table("head", source="mine")["pearson"].equals(study.table("head")["pearson"])


def test_a_hierarchy_stands_above_one_group_of_labels_too(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s").probe(device="cpu")
    (tmp_path / "above.json").write_text('{"warm": ["red"], "cold": ["blue", "green"]}')
    (tmp_path / "said.csv").write_text("layer,unit,description\nhead,0,warm\nhead,1,cold\nhead,2,red\n")
    run, _ = study.import_labels(tmp_path / "said.csv")
    for source in ("labels", "labels:class"):
        found = study.evaluate(source, run=run, hierarchy=tmp_path / "above.json")[run, "head"]
        assert (found.scored, found.source) == (3, source)
    assert study.evaluate("labels:class", run=run)[run, "head"].scored == 1


def test_labels_bear_the_name_that_they_were_given(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s").probe(device="cpu")
    (tmp_path / "fc.csv").write_text("layer,unit,description\nhead,0,red\n")
    run, _ = study.import_labels(tmp_path / "fc.csv", name="INVERT")
    other, _ = study.import_labels(tmp_path / "fc.csv")
    assert run.startswith("INVERT-")
    assert other.startswith("fc-")
    assert set(study.table(run=run)["method"].to_pylist()) == {"INVERT"}
    with pytest.raises(UserError, match=r"The name 'a b' of labels cannot be used"):
        study.import_labels(tmp_path / "fc.csv", name="a b")


def test_marks_are_kept_in_the_cache_and_made_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURONYM_CACHE", str(tmp_path / "cache"))
    made = marks()
    assert set(made) == {name for name, verdict in verdicts().items() if not verdict.passes}
    (kept,) = (tmp_path / "cache" / "marks").iterdir()
    assert json.loads(kept.read_text()) == made
    for damage in ("{", "[1]", ""):
        kept.write_text(damage)
        assert marks() == made
        assert json.loads(kept.read_text()) == made
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NEURONYM_CACHE", str(tmp_path / "file"))  # where nothing can be written
    assert marks() == made
