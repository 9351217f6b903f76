"""Masks on the pages of units, and detectors, against plain loops over the pictures and the study's tables."""

from __future__ import annotations

import base64
import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dissected_study import COLOURS, SIDE, THINGS, UNANNOTATED, picture
from neuronym.present.gather import ReportInput, StudyMaterial
from neuronym.present.mask_page import ImageMask, MaskView
from neuronym.present.masks import drawn_cells, drawn_size, fitted, run_lengths
from neuronym.present.pages import LayerPage, to_json
from neuronym.present.run_made import mask_rule
from neuronym.present.unit_page import UnitPage
from neuronym.records import CATEGORIES, MaskRule
from neuronym.store.layer_view import LayerView
from neuronym.store.study_store import StudyStore
from neuronym.study import Study

Kinds = npt.NDArray[np.uint8]
KINDS = arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 3))


def decoded(cells: str, rows: int, columns: int) -> Kinds:
    """What the browser does, cell by cell."""
    found: list[int] = []
    for byte in base64.b64decode(cells):
        found += [byte & 3] * ((byte >> 2) + 1)
    return np.array(found, np.uint8).reshape(rows, columns)


@given(KINDS)
def test_runs_of_cells_are_read_back(kinds: Kinds) -> None:
    data = run_lengths(kinds)
    assert np.array_equal(decoded(base64.b64encode(data).decode(), *kinds.shape), kinds)
    assert len(data) <= kinds.size


def test_long_runs_take_several_bytes() -> None:
    kinds = np.full((56, 56), 3, np.uint8)
    assert len(run_lengths(kinds)) == 49
    assert np.array_equal(decoded(base64.b64encode(run_lengths(kinds)).decode(), 56, 56), kinds)


@settings(max_examples=60, deadline=None)
@given(KINDS, st.data())
def test_a_drawn_cell_is_most_of_what_is_in_it(kinds: Kinds, data: st.DataObject) -> None:
    rows, columns = (data.draw(st.integers(1, side)) for side in kinds.shape)
    drawn = drawn_cells(kinds, (rows, columns))
    assert drawn.shape == (rows, columns)
    for row in range(rows):
        for column in range(columns):
            top, bottom = row * len(kinds) // rows, (row + 1) * len(kinds) // rows
            left, right = column * kinds.shape[1] // columns, (column + 1) * kinds.shape[1] // columns
            inside = [int(kinds[y, x]) for y in range(top, bottom) for x in range(left, right)]
            counts = {kind: inside.count(kind) for kind in (3, 1, 2)}
            assert drawn[row, column] == (max(counts, key=lambda kind: counts[kind]) if any(inside) else 0)


@pytest.mark.parametrize(
    ("grid", "side", "expected"),
    [((48, 48), 56, (48, 48)), ((112, 84), 56, (56, 42)), ((90, 120), 40, (30, 40)), ((2, 400), 56, (1, 56))],
)
def test_cells_are_reduced_to_the_longer_side(grid: tuple[int, int], side: int, expected: tuple[int, int]) -> None:
    assert fitted(grid, side) == expected


@pytest.mark.parametrize(
    ("grid", "count", "expected"),
    [((64, 48), 10, (64, 48)), ((112, 112), 10, (56, 56)), ((64, 64), 30_000, (40, 40)), ((112, 56), 10**7, (16, 8))],
)
def test_masks_of_many_units_are_drawn_with_fewer_cells(
    grid: tuple[int, int], count: int, expected: tuple[int, int]
) -> None:
    assert drawn_size(grid, count) == expected


def test_a_rule_is_read_from_a_manifest() -> None:
    assert mask_rule({}) is None
    assert mask_rule({"mask_rule": {"quantile": 0.99, "value": None}}) == MaskRule(0.99)
    assert mask_rule({"mask_rule": {"quantile": None, "value": 0}}) == MaskRule(None, 0)
    assert mask_rule({"mask_rule": {"quantile": None, "value": [1, 2.5]}}) == MaskRule(None, (1.0, 2.5))


def never(*_: Any) -> Any:
    raise AssertionError("a report does not run the model")


def shown(study: Study) -> ReportInput:
    """The study as the report sees it, with a model that must not be asked."""

    def view(layer: str) -> LayerView:
        contents = study.view(layer).contents
        return LayerView(replace(contents, services=replace(contents.services, respond=never, unit_masks=never)))

    return ReportInput("street", study.store, view)


def pages_of(given_study: ReportInput, layer: int = 0) -> tuple[StudyMaterial, LayerPage, tuple[UnitPage, ...]]:
    material = StudyMaterial(given_study, 0, None, lambda stage, done, total: None)
    numbers = {image: number for number, image in enumerate(sorted(one.id for one in material.images().values()))}
    one = material.layers[layer]
    return material, material.layer_page(one, numbers, 16), material.unit_pages(one, numbers, range(one.info.units))


@pytest.fixture(scope="module")
def made(dissected: Study) -> tuple[StudyMaterial, LayerPage, tuple[UnitPage, ...]]:
    return pages_of(shown(dissected))


def number_of(name: str) -> int:
    return int(Path(name).stem.rpartition("-")[2])


def concept_there(view: MaskView, number: int) -> npt.NDArray[np.bool_]:
    """Where the concept is in what the network saw of a picture, whose shorter side it keeps and crops to a square."""
    _, things, colours = picture(number)
    names, plane = (THINGS, things) if view.category == "object" else (COLOURS, colours)
    value = next(value for value, name in names.items() if name == view.concept)
    top, left = (plane.shape[0] - SIDE) // 2, (plane.shape[1] - SIDE) // 2
    found: npt.NDArray[np.bool_] = plane[top : top + SIDE, left : left + SIDE] == value
    return found


@pytest.fixture(scope="module")
def maps(dissected: Study) -> npt.NDArray[np.float64]:
    """What the model gives now, upsampled by another library, [explain images, units, 48, 48]."""
    view = dissected.view("relu")
    found = view.respond([view.image(index) for index in range(len(view.images("explain")))])
    up = torch.nn.functional.interpolate(
        torch.from_numpy(found.astype(np.float64)), size=(SIDE, SIDE), mode="bilinear", align_corners=False
    )
    return up.numpy()


def test_masks_on_exemplars_are_what_plain_loops_find(
    dissected: Study, made: Any, maps: npt.NDArray[np.float64]
) -> None:
    _, _, units = made
    view, checked = dissected.view("relu"), 0
    for page in units:
        for masks in page.masks:
            assert (masks.grid, masks.rows, masks.columns) == ((SIDE, SIDE), SIDE, SIDE)
            run = dissected.store.manifest.runs[masks.run]["mask_rule"]
            assert isinstance(run, dict)
            threshold = float(view.quantile(0.95)[page.unit]) if run["quantile"] else 0.05
            assert (masks.quantile, masks.threshold) == (run["quantile"], pytest.approx(threshold, rel=1e-5))
            by_number = {one.image: one for one in masks.images}
            exemplars = page.sets[0].exemplars
            assert sorted(by_number) == sorted(one.image.image for one in exemplars)
            for one, exemplar in zip(exemplars, view.exemplars(page.unit, "max"), strict=True):
                if number_of(one.image.name) == UNANNOTATED:
                    assert by_number[one.image.image] == ImageMask(one.image.image, 0, 0, 0, None)
                    continue
                active = maps[exemplar.index, page.unit] > threshold
                there = concept_there(masks, number_of(one.image.name))
                check(by_number[one.image.image], active, there)
                checked += 1
    assert checked > 40


def check(found: ImageMask, active: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]) -> None:
    """Counts and cells, one cell at a time."""
    both = unit = concept = 0
    cells = decoded(found.cells or "", *active.shape)
    for row in range(active.shape[0]):
        for column in range(active.shape[1]):
            here = bool(active[row, column]), bool(there[row, column])
            both += here == (True, True)
            unit += here == (True, False)
            concept += here == (False, True)
            assert cells[row, column] == here[0] + 2 * here[1]
    assert (found.both, found.unit, found.concept) == (both, unit, concept)


def test_the_image_without_masks_is_among_those_shown(made: Any) -> None:
    units = made[2]
    names = {one.image.name for page in units for some in page.sets for one in some.exemplars}
    assert UNANNOTATED in map(number_of, names)


def test_runs_that_compared_masks_have_them_and_others_have_none(
    made: Any, dissected: Study, units_of_spots: Any
) -> None:
    material, _, units = made
    first, second = (run.id for run in material.said.runs)
    said = {(row["run"], row["unit"]): row["description"] for row in dissected.table("relu").to_pylist()}
    for page in units:
        expected = [run for run in (first, second) if said[run, page.unit] is not None]
        assert [one.run for one in page.masks] == expected
        assert [one.concept for one in page.masks] == [said[run, page.unit] for run in expected]
    assert len(units[3].masks) == 1
    assert units[4].masks == ()
    assert [run.masks for run in material.said.runs] == [True, True]
    assert all(page.masks == () for page in units_of_spots)


@pytest.fixture(scope="module")
def units_of_spots(given: ReportInput) -> tuple[UnitPage, ...]:
    return pages_of(given)[2]


def test_a_page_grows_by_few_bytes(made: Any) -> None:
    for page in made[2]:
        for masks in page.masks:
            assert len(json.dumps(to_json(masks), separators=(",", ":"))) < 700 * len(masks.images)


def copied(study: Study, folder: Path) -> Study:
    shutil.copytree(study.folder, folder)
    return Study.open(folder)


def test_without_stored_masks_nothing_is_drawn_and_nothing_is_run(dissected: Study, tmp_path: Path) -> None:
    study = copied(dissected, tmp_path / "s")
    shutil.rmtree(study.store.arrays("relu").folder / "masks")
    _, gallery, units = pages_of(shown(study))
    assert all(page.masks == () for page in units)
    assert gallery.layer.figures[0].detectors


def test_masks_of_other_annotations_are_not_drawn(dissected: Study, tmp_path: Path) -> None:
    study = copied(dissected, tmp_path / "s")
    manifest = study.store.manifest
    first, second = study.store.runs
    other = {**manifest.runs[first], "annotations": "those of before"}
    study.store.update(replace(manifest, runs={**manifest.runs, first: other}))
    units = pages_of(shown(Study.open(study.folder)))[2]
    assert [one.run for one in units[0].masks] == [second]


def test_detectors_are_counted_as_the_table_says(dissected: Study) -> None:
    for place, layer in enumerate(("relu", "pool")):
        material, gallery, units = pages_of(shown(dissected), place)
        rows = dissected.table(layer).to_pylist()
        for figures in gallery.layer.figures:
            run = material.said.runs[figures.run].id
            expected: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
            for row in rows:
                if row["run"] == run and row["description"] is not None:
                    category = next(one["text"] for one in row["evidence"] if one["kind"] == "category")
                    expected[category][row["description"]] += 1
            assert {one.category: {c.concept: c.units for c in one.concepts} for one in figures.detectors} == expected
            order = [CATEGORIES.index(one.category) for one in figures.detectors]
            assert order == sorted(order)
            for one in figures.detectors:
                ranks = [(-each.units, each.concept) for each in one.concepts]
                assert ranks == sorted(ranks)
        for page, row_of in zip(units, gallery.rows, strict=True):
            for label, short in zip(page.labels, row_of.labels, strict=True):
                assert short.category == label.category
                assert (label.category is None) == (label.description is None)
                assert all(one.kind != "category" for one in label.evidence)


def test_methods_without_categories_have_no_detectors(given: ReportInput) -> None:
    _, gallery, units = pages_of(given)
    assert all(one.detectors == () for one in gallery.layer.figures)
    assert all(label.category is None for page in units for label in page.labels)


def test_what_is_annotated_is_said(dissected: Study, made: Any, given: ReportInput) -> None:
    material = made[0]
    probe = material.study_page({image.id: 0 for image in material.images().values()}).probe
    assert probe.annotations is not None
    found = probe.annotations
    assert (found.source, found.images, found.concepts, found.grid) == ("street", 47, 6, (SIDE, SIDE))
    assert StudyStore(dissected.folder).annotations is not None
    assert given.store.annotations is None
