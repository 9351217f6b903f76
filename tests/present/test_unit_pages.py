"""Pages of units, galleries and studies, against the study itself."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from neuronym.errors import UnknownNameError
from neuronym.evaluate import figures as evaluated
from neuronym.functional.metrics import METRICS as MEASURES
from neuronym.present import metrics
from neuronym.present.gather import ReportInput, StudyMaterial
from neuronym.present.labels import Said
from neuronym.present.pages import LayerPage, to_json
from neuronym.present.run_made import run_titles
from neuronym.present.unit_page import ExemplarSet, MethodLabel, UnitPage
from neuronym.present.units import as_bytes, place_image, reduced
from neuronym.records import Standing, State
from neuronym.store.tables import assessments_records, figures_records
from neuronym.study import Study
from photograph_study import CLASSES, DOT, OWN, OWN_FILE, place_of_dot, without_evaluation


def quiet(stage: str, done: int, total: int) -> None:
    """A report that nobody reads."""


@pytest.fixture(scope="module")
def material(given: ReportInput) -> StudyMaterial:
    return StudyMaterial(given, 0, None, quiet)


@pytest.fixture(scope="module")
def numbers(material: StudyMaterial) -> dict[str, int]:
    ids = sorted(record.id for record in material.images().values())
    return {image: number for number, image in enumerate(ids)}


@pytest.fixture(scope="module")
def gallery(material: StudyMaterial, numbers: dict[str, int]) -> LayerPage:
    return material.layer_page(material.layers[0], numbers, 16)


@pytest.fixture(scope="module")
def units(material: StudyMaterial, numbers: dict[str, int]) -> tuple[UnitPage, ...]:
    return material.unit_pages(material.layers[0], numbers, range(5))


def test_the_metrics_are_those_of_the_evaluation() -> None:
    assert (metrics.HEADLINE, metrics.ABOVE_RANDOM) == (evaluated.HEADLINE, evaluated.ABOVE_RANDOM)
    names = [one.name for one in metrics.METRICS]
    assert names[0] == evaluated.HEADLINE
    own = {evaluated.ABOVE_RANDOM, evaluated.DISCRIMINATION, evaluated.STABILITY}
    assert sorted(names) == sorted({*evaluated.METRICS, evaluated.MASK_IOU, *own})
    assert set(metrics.LEADING) <= set(names)
    assert {one.name for one in metrics.METRICS if not one.share} - own <= set(MEASURES)
    assert {one.name for one in metrics.STATES} == {*get_args(Standing), *get_args(State)}
    assert [one.name for one in metrics.infos(["f1", "zest"])] == [*names, "zest"]
    assert metrics.title_of("auprc") == "AUPRC"
    assert metrics.title_of("zest") == "zest"


def test_exemplars_are_those_of_the_study(study: Study, units: tuple[UnitPage, ...], numbers: dict[str, int]) -> None:
    view = study.view("relu")
    assert [one.summary for one in units[0].sets] == ["mean", "max"]
    for unit in range(3):
        for shown in units[unit].sets:
            for one, exemplar in zip(shown.exemplars, view.exemplars(unit, shown.summary), strict=True):  # type: ignore[arg-type]
                record = view.images("explain")[exemplar.index]
                assert one.rank == exemplar.rank + 1
                assert one.value == pytest.approx(exemplar.value, rel=1e-5)
                assert (one.image.image, one.image.name) == (numbers[record.id], record.member)
                assert (one.image.width, one.image.height) == (record.width, record.height)
                assert one.image.label == record.label


def test_maps_are_bytes_between_the_median_and_the_highest(study: Study, units: tuple[UnitPage, ...]) -> None:
    view = study.view("relu")
    shown = units[1].sets[1]
    scale = shown.scale
    assert scale is not None
    exemplars = view.exemplars(1, "max")
    highest = max(float(one.map.max()) for one in exemplars if one.map is not None)
    assert scale.low == pytest.approx(float(view.quantile(0.5)[1]), rel=1e-5)
    assert scale.threshold == pytest.approx(float(view.quantile(0.995)[1]), rel=1e-5)
    assert scale.high == pytest.approx(highest, rel=1e-5)
    for one, exemplar in zip(shown.exemplars, exemplars, strict=True):
        assert one.map is not None
        assert exemplar.map is not None
        drawn = np.frombuffer(base64.b64decode(one.map), np.uint8).reshape(scale.rows, scale.columns)
        expected = 255 * (exemplar.map - scale.low) / (scale.high - scale.low)
        assert np.abs(drawn - expected.clip(0, 255)).max() <= 0.51


def test_the_hottest_cell_lies_on_the_square_in_the_photograph(units: tuple[UnitPage, ...]) -> None:
    """The way is gone backwards by hand: the shorter side of 80 becomes 40 pixels, of which the middle 40 are seen."""
    for unit in range(3):
        shown = units[unit].sets[1]
        for one in shown.exemplars:
            drawn = np.frombuffer(base64.b64decode(one.map or ""), np.uint8).reshape(10, 10)
            row, column = np.unravel_index(drawn.argmax(), drawn.shape)
            image = one.image
            x0, y0, x1, y1 = image.frame
            at = (
                (x0 + (column + 0.5) / 10 * (x1 - x0)) * image.width,
                (y0 + (row + 0.5) / 10 * (y1 - y0)) * image.height,
            )
            number = int(image.name.rpartition("-")[2].removesuffix(".png"))
            left, top = place_of_dot(number, image.width, image.height)
            assert left - 4 <= at[0] <= left + DOT + 4
            assert top - 4 <= at[1] <= top + DOT + 4
            landscape = image.width > image.height
            assert image.frame == image.seen == ((1 / 6, 0, 5 / 6, 1) if landscape else (0, 1 / 6, 1, 5 / 6)) or (
                np.allclose(image.frame, (1 / 6, 0, 5 / 6, 1) if landscape else (0, 1 / 6, 1, 5 / 6), atol=1e-4)
            )


def test_a_padded_input_reaches_beyond_the_image(study: Study) -> None:
    @dataclasses.dataclass
    class Padded:
        def geometry(self, index: int) -> object:
            from neuronym.records import Geometry

            return Geometry((20, 40), (20, 40), -10, 0, (40, 40))

    frame, seen = place_image(Padded(), 0)  # type: ignore[arg-type]
    assert frame == (0, -0.5, 1, 1.5)
    assert seen == (0, 0, 1, 1)


def test_silent_units_say_so_and_show_nothing(units: tuple[UnitPage, ...], gallery: LayerPage) -> None:
    assert units[3].note == "It is zero at every position of every explain image: nothing shown to it makes it fire."
    assert units[4].note == "It is 0.5 at every position of every explain image: it tells no image from another."
    assert [row.silent for row in gallery.rows] == [None, None, None, "dead", "constant"]
    assert units[3].sets == units[4].sets == ()
    assert gallery.rows[3].images == gallery.rows[4].images == ()
    assert (gallery.layer.dead, gallery.layer.constant) == (1, 1)


def test_what_was_said_and_scored_is_what_the_table_says(
    study: Study, units: tuple[UnitPage, ...], gallery: LayerPage, material: StudyMaterial
) -> None:
    rows = study.table("relu").to_pylist()
    order = {run.id: place for place, run in enumerate(material.said.runs)}
    for row in rows:
        label = next(one for one in units[row["unit"]].labels if one.run == row["run"])
        short = next(one for one in gallery.rows[row["unit"]].labels if one.run == order[row["run"]])
        assert (label.state, label.description, label.reason) == (row["state"], row["description"], row["reason"])
        assert (short.state, short.description) == (row["state"], row["description"])
        assert [one.text for one in label.candidates] == [one["text"] for one in row["candidates"]]
        check_held_out(label, row)
        for name, column in (("held_out", "pearson"), ("low", "low"), ("high", "high"), ("floor", "floor")):
            assert getattr(short, name) == near(row[column])
    assert len(rows) == 5 + 3 + 4
    assert len(units[2].labels) == 2
    assert {one.description for one in units[0].labels} == {CLASSES[0]}


def near(value: float | None) -> Any:
    """Pages round to six digits."""
    return None if value is None else pytest.approx(value, rel=1e-5, abs=1e-12)


def check_held_out(label: MethodLabel, row: dict[str, Any]) -> None:
    """What a page says of a description is what the table says."""
    found = label.held_out
    assert (found is None) == (row["description"] is None)
    if found is None:
        return
    ends = (found.value, found.low, found.high, found.floor)
    assert ends == (near(row["pearson"]), near(row["low"]), near(row["high"]), near(row["floor"]))
    assert (found.value is None) == (found.unscored is not None)
    beside = {*evaluated.METRICS, evaluated.DISCRIMINATION, evaluated.STABILITY} - {evaluated.HEADLINE}
    assert set(found.metrics) == (set() if found.value is None else beside)
    assert all(value == near(row[name]) for name, value in found.metrics.items())


def test_states_follow_from_the_figures_beside_them(units: tuple[UnitPage, ...]) -> None:
    found = [label for unit in units for label in unit.labels if label.held_out is not None]
    for label in found:
        held = label.held_out
        assert held is not None
        if held.value is None or held.low is None or held.floor is None:
            assert label.state == "described"
        else:
            weak = "weak" if held.value > held.floor else "unsupported"
            assert label.state == ("supported" if held.low > held.floor else weak)
    assert {label.state for label in found} >= {"supported", "unsupported", "described"}


def test_figures_are_those_of_the_store(study: Study, gallery: LayerPage, material: StudyMaterial) -> None:
    table = study.store.figures().to_pylist()
    rows = study.table("relu").to_pylist()
    seen = 0
    for made in gallery.layer.figures:
        run = material.said.runs[made.run].id
        states = [row["state"] for row in rows if row["run"] == run]
        assert made.states == {state: states.count(state) for state in made.states}
        assert sum(made.states.values()) == len(states)
        assert made.described == sum(row["description"] is not None for row in rows if row["run"] == run)
        scored = [row["pearson"] for row in rows if row["run"] == run and row["pearson"] is not None]
        assert made.scored == len(scored)
        assert sum(made.unscored.values()) == made.described - made.scored
        mean = made.figure(metrics.HEADLINE)
        assert mean is not None
        assert (mean.units, mean.value) == (len(scored), near(float(np.mean(scored))))
        assert made.held_out is not None
        assert sum(made.held_out.counts) == made.scored
        for kind in made.rows:
            stored = [one for one in table if (one["run"], one["layer"], one["row"]) == (run, "relu", kind.row)]
            assert [one.metric for one in kind.figures] == [one["metric"] for one in stored]
            for one, given in zip(kind.figures, stored, strict=True):
                assert one.units == given["units"]
                assert (one.value, one.low, one.high) == (near(given["value"]), near(given["low"]), near(given["high"]))
                assert kind.text == given["text"]
                seen += 1
    assert seen == sum(one["layer"] == "relu" for one in table) > 100
    assert gallery.layer.figures[0].figure("no such metric") is None


def test_what_was_judged_with_is_said(study: Study, material: StudyMaterial) -> None:
    made = {str(one["run"]): one for one in study.store.latest()}
    for run in material.said.runs:
        assert run.evaluation is not None
        assert run.evaluation.source == made[run.id]["source"]
        assert run.evaluation.at == made[run.id]["at"]
        assert run.evaluation.marks == made[run.id]["marks"]
        assert run.evaluation.settings == {name: str(value) for name, value in made[run.id]["settings"].items()}  # type: ignore[union-attr]
    assert run.evaluation.marks["auroc"] == "fails the extra-label test"
    assert "pearson" not in run.evaluation.marks


def test_labels_of_others_stand_beside_the_methods(units: tuple[UnitPage, ...], material: StudyMaterial) -> None:
    *methods, own = material.said.runs
    assert [run.labels for run in methods] == [None, None]
    assert own.labels is not None
    assert (own.labels.name, own.labels.first_unit) == (OWN_FILE, 0)
    for unit in range(4):
        label = next(one for one in units[unit].labels if one.run == own.id)
        assert label.description == OWN["relu", unit]
    nothing = units[2].labels[-1].held_out
    assert nothing is not None
    assert not nothing.resolved
    assert nothing.unscored == "its description is the name of no label"
    assert nothing.metrics == {}


def test_a_study_that_was_not_evaluated_has_no_figures(study: Study, tmp_path: Path) -> None:
    bare = without_evaluation(study, tmp_path / "bare")
    material = StudyMaterial(ReportInput("bare", bare.store, bare.view), 0, None, quiet)
    images = {record.id: 0 for record in material.images().values()}
    page = material.layer_page(material.layers[0], images, 16)
    assert [run.evaluation for run in material.said.runs] == [None] * 3
    assert page.layer.main == 0, "a method's, though the file of labels describes more units"
    for made in page.layer.figures:
        assert set(made.states) <= {"described", "abstained"}
        assert (made.rows, made.scored, made.held_out, made.unscored) == ((), 0, None, {})
    assert all(
        label.held_out is None
        for unit in material.unit_pages(material.layers[0], images, range(5))
        for label in unit.labels
    )


def test_runs_are_called_by_what_tells_them_apart(study: Study, tmp_path: Path) -> None:
    store = without_evaluation(study, tmp_path / "s").store
    first, second, own = store.runs

    def titles(**of_second: object) -> list[str]:
        made = {**store.manifest.runs, second: {**store.manifest.runs[second], **of_second}}
        store.update(dataclasses.replace(store.manifest, runs=made))
        return [run.title for run in Said(store).runs]

    name, by = own.rpartition("-")[0], store.manifest.runs[first]["summary"]
    same = {"key": store.manifest.runs[first]["key"]}
    other = next(one for one in ("mean", "max") if one != by)
    assert titles() == [f"clip-dissect · summary {by}", f"clip-dissect · summary {other}", name]
    assert titles(**same) == [f"clip-dissect · {first[-8:]}", f"clip-dissect · {second[-8:]}", name]
    assert titles(**same, concepts="nouns") == ["clip-dissect · labels:class", "clip-dissect · nouns", name]
    assert titles(**same, concepts="nouns", encoder="hf:a/b")[1] == "clip-dissect · nouns · hf:a/b"
    assert titles(**same, concepts="labels:class", encoder=store.manifest.runs[first]["encoder"], abstain=0.1)[:2] == [
        "clip-dissect",
        "clip-dissect · abstains at 0.1",
    ]
    lesser = {"key": {"parameters": {"summary": other}}}
    assert titles(**lesser, abstain=None)[:2] == [f"clip-dissect · summary {by}", f"clip-dissect · summary {other}"]
    assert titles(method="milan", concepts="labels:class")[:2] == ["clip-dissect", "milan"]


def test_what_differs_between_dissections_is_in_their_titles() -> None:
    def made(**parameters: object) -> dict[str, object]:
        given = {"preset": "paper", "min_iou": 0.04, "quantile": 0.995, "threshold": None, **parameters}
        above = given["threshold"]
        rule = {"quantile": given["quantile"] if above is None else None, "value": above}
        return {"method": "net-dissect", "mask_rule": rule, "key": {"parameters": given}}

    assert run_titles({"a": made()}) == {"a": "net-dissect"}
    titles = run_titles({"a": made(), "b": made(threshold=0.0), "c": made(quantile=0.95), "d": made(threshold=-1.5)})
    assert list(titles.values()) == [
        f"net-dissect · {words}" for words in ("quantile 0.995", "threshold 0.0", "quantile 0.95", "threshold -1.5")
    ]
    titles = run_titles({"a": made(), "b": made(preset="reference", min_iou=0)})
    assert list(titles.values()) == [
        "net-dissect · min_iou 0.04 · preset paper",
        "net-dissect · min_iou 0 · preset reference",
    ]
    twins = run_titles({"a-1": made(), "a-2": made(), "a-3": made(preset="reference")})
    assert list(twins.values()) == [
        "net-dissect · preset paper · 1",
        "net-dissect · preset paper · 2",
        "net-dissect · preset reference",
    ]
    long = [made(names=["a long story", "of a prompt", end]) for end in ("or two of them", "or three of them")]
    assert list(run_titles({"a-1": long[0], "a-2": long[1]}).values()) == ["net-dissect · 1", "net-dissect · 2"]
    assert run_titles({"a-1": made(names=[]), "a-2": made(names=["x"])})["a-1"] == "net-dissect · names none"


def test_texts_that_the_source_makes_nothing_of_are_counted(study: Study, tmp_path: Path) -> None:
    """A source that understands every meaningful text gives 0 for others, and the page says how many."""
    store = without_evaluation(study, tmp_path / "s").store
    run = study.store.runs[0]
    made_with = next(one for one in study.store.latest() if one["run"] == run)
    found = [one for one in assessments_records(study.store.assessments()) if one.explanation.startswith(f"{run}/")]
    zero: dict[str, Any] = {"state": "unsupported", "value": 0.0, "low": 0.0, "high": 0.0, "resolved": False}
    judged = [
        dataclasses.replace(one, source="truth", **(zero if one.explanation.endswith("relu:1") else {}))
        for one in found
    ]
    store.write_evaluation({**made_with, "source": "truth"}, [], judged, figures_records(study.store.figures()))
    said = Said(store)
    made, *_ = said.figures("relu", said.layer("relu"))
    assert (made.scored, made.unresolved, made.states["unsupported"]) == (3, 1, 1)
    label = next(one for one in said.layer("relu")[1] if one.run == run)
    assert label.held_out is not None
    assert (label.state, label.held_out.resolved, label.held_out.source) == ("unsupported", False, "truth")


def test_units_that_nobody_looked_at_are_listed(study: Study, tmp_path_factory: pytest.TempPathFactory) -> None:
    from photograph_study import make_photograph_study

    bare = make_photograph_study(tmp_path_factory.mktemp("bare"))
    for run in bare.store.runs:
        bare.store.update(bare.store.manifest.without_run(run))
    material = StudyMaterial(ReportInput("bare", bare.store, bare.view), 0, None, quiet)
    images = {record.id: 0 for record in material.images().values()}
    page = material.layer_page(material.layers[0], images, 16)
    assert [row.labels for row in page.rows] == [()] * 5
    assert page.layer.main is None
    assert page.layer.figures == ()
    assert [one.label for one in page.layer.highlights] == [None] * 3
    assert page.summary == "mean"


def test_layers_without_maps_have_no_overlay(material: StudyMaterial, numbers: dict[str, int]) -> None:
    (page,) = material.unit_pages(material.layers[1], numbers, range(1))
    shown: ExemplarSet = page.sets[0]
    assert shown.scale is None
    assert [one.map for one in shown.exemplars] == [None] * 8


def test_only_the_asked_layers_are_read(given: ReportInput) -> None:
    assert [layer.info.name for layer in StudyMaterial(given, 0, ["head"], quiet).layers] == ["head"]
    with pytest.raises(UnknownNameError, match="There is no layer of this study 'haed'"):
        StudyMaterial(given, 0, ["haed"], quiet)


def test_the_overview_names_no_folder_of_its_maker(material: StudyMaterial, numbers: dict[str, int]) -> None:
    page = material.study_page(numbers)
    assert page.probe.sources == ("photographs",)
    assert (page.probe.images, page.probe.explain + page.probe.test) == (60, 60)
    assert page.probe.classes == 3
    assert page.input == (40, 40)
    assert [run.title for run in page.runs] == [
        *(f"clip-dissect · summary {run.summary}" for run in page.runs[:2]),
        page.runs[2].method,
    ]
    assert "/tmp" not in json.dumps(to_json(page))


def test_reduced_maps_keep_the_highest_value_where_it_is() -> None:
    rng = np.random.default_rng(0)
    for rows, columns, side in ((27, 27, 20), (56, 40, 14), (7, 7, 14), (30, 9, 10), (113, 5, 7)):
        maps = rng.normal(size=(3, rows, columns)).astype(np.float32)
        small = reduced(maps, side)
        assert small.shape == (3, min(rows, side), min(columns, side))
        for image in range(3):
            for row in range(small.shape[1]):
                top, bottom = row * rows / small.shape[1], (row + 1) * rows / small.shape[1]
                for column in range(small.shape[2]):
                    left, right = column * columns / small.shape[2], (column + 1) * columns / small.shape[2]
                    area = maps[image, int(top) : int(np.ceil(bottom - 1e-9)), int(left) : int(np.ceil(right - 1e-9))]
                    assert small[image, row, column] == area.max()


def test_bytes_of_maps_without_any_reach_are_zero() -> None:
    assert as_bytes(np.ones((2, 2), np.float32), 1.0, 1.0).tolist() == [[0, 0], [0, 0]]
    assert as_bytes(np.array([[-1, 0, 1, 2, 9]], np.float32), 0.0, 2.0).tolist() == [[0, 0, 128, 255, 255]]
