"""Pages of units, galleries and studies, against the study itself."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest

from neuronym.errors import UnknownNameError
from neuronym.evaluate import figures as evaluated
from neuronym.present import labels
from neuronym.present.gather import ReportInput, StudyMaterial
from neuronym.present.pages import LayerPage, to_json
from neuronym.present.unit_page import ExemplarSet, UnitPage
from neuronym.present.units import as_bytes, place_image, reduced
from neuronym.study import Study
from photograph_study import CLASSES, DOT, place_of_dot


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


def test_the_names_of_metrics_are_those_of_the_evaluation() -> None:
    assert evaluated.METRIC == labels.METRIC
    assert evaluated.FLOOR == labels.METRIC + labels.FLOOR


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
    seen = 0
    for row in rows:
        label = next(one for one in units[row["unit"]].labels if one.run == row["run"])
        short = next(one for one in gallery.rows[row["unit"]].labels if one.run == order[row["run"]])
        assert (label.state, label.description, label.reason) == (row["state"], row["description"], row["reason"])
        assert [one.text for one in label.candidates] == [one["text"] for one in row["candidates"]]
        assert short.description == row["description"]
        score = label.held_out[0]
        assert (score.value is None) == (row["pearson"] is None) == (score.unscored is not None)
        if row["pearson"] is not None:
            assert score.value == short.held_out == pytest.approx(row["pearson"], rel=1e-5)
            assert score.floor == short.floor == pytest.approx(row["pearson-random-95"], rel=1e-5)
            assert score.above_random == (row["pearson"] > row["pearson-random-95"])
        seen += 1
    assert seen == 8
    assert len(units[2].labels) == 1
    assert {one.description for one in units[0].labels} == {CLASSES[0]}


def test_figures_are_those_of_the_evaluation(study: Study, gallery: LayerPage, material: StudyMaterial) -> None:
    made = study.evaluate()
    for one in gallery.layer.figures:
        figure = made[material.said.runs[one.run].id, "relu"]
        assert one.described + one.abstained + one.failed == figure.units
        assert one.scored == figure.scored
        assert one.mean == (None if figure.mean is None else pytest.approx(figure.mean, rel=1e-5))
        if figure.above_random is not None:
            assert one.above_random == round(figure.above_random * figure.scored)
        assert one.held_out is None or sum(one.held_out.counts) == one.scored


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
    assert [one.description for one in page.layer.highlights] == [None] * 3
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
    assert [run.title for run in page.runs] == [f"clip-dissect · labels:class · {run.id[-8:]}" for run in page.runs]
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
