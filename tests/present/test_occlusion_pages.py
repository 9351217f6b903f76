"""Occlusion on the pages of units, against plain loops over what is stored of it."""

from __future__ import annotations

import base64
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given as drawing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from neuronym.explain.patches import on_image
from neuronym.functional.occlusion import field_mask, receptive_field, windows
from neuronym.present.gather import ReportInput, StudyMaterial
from neuronym.present.occlusion import drawn, field_size, means, patch_size, run_lengths
from neuronym.present.occlusion_page import ImageOcclusion, OcclusionView
from neuronym.present.pages import to_json
from neuronym.present.run_made import occlusion_rule
from neuronym.present.unit_page import UnitPage
from neuronym.records import MASKINGS, Masking, Occluded, OcclusionRule
from neuronym.store.layer_view import LayerView
from neuronym.store.occlusion_tables import Occlusions
from neuronym.store.tables import explanations_records
from neuronym.study import Study
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target
from occluded_study import COLOUR, COLOURS, EXEMPLARS

Floats = npt.NDArray[np.float32]

WEIGHTS = arrays(np.float32, 16, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]))


def known(weights: Floats, masking: Masking, side: int = 12, size: int = 5) -> Occluded:
    """A field of sixteen windows on a square."""
    boxes = windows((side, side), size, -(-(side - size) // 3))
    field = receptive_field(torch.from_numpy(weights), boxes, (side, side))
    mask = field_mask(field, masking)
    return Occluded(weights, boxes.numpy(), field.float().numpy(), mask.numpy())


def cells_of(text: str, rows: int, columns: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns)


def patch_of(text: str, rows: int, columns: int) -> list[list[bool]]:
    """What the browser does, byte by byte."""
    cells: list[bool] = []
    length, power, inside = 0, 1, False
    for byte in base64.b64decode(text):
        length, power = length + byte % 128 * power, power * 128
        if byte < 128:
            cells += [inside] * length
            length, power, inside = 0, 1, not inside
    assert len(cells) == rows * columns
    return [cells[row * columns : (row + 1) * columns] for row in range(rows)]


def check_exact(
    found: Occluded, masking: Masking, highest: float, share: float, text: str | None, patch: str | None
) -> None:
    """One cell a pixel: the field within a rounding, and the mask itself, cell by cell."""
    height, width = found.field.shape
    top = max(float(value) for row in found.field for value in row)
    assert highest == pytest.approx(top, rel=1e-5)
    assert share == pytest.approx(sum(float(value) for row in found.mask for value in row) / (height * width), rel=1e-5)
    if text is None:
        assert top == 0
        assert patch is None
        return
    cells = cells_of(text, height, width)
    assert (patch is None) == (masking == "soft")
    inside = None if patch is None else patch_of(patch, height, width)
    for y in range(height):
        for x in range(width):
            byte = int(cells[y, x])
            assert abs(byte - 255 * float(found.field[y, x]) / top) <= 0.51
            assert (byte / 255 if inside is None else inside[y][x]) == pytest.approx(float(found.mask[y, x]), abs=0.002)


@settings(max_examples=60, deadline=None)
@drawing(WEIGHTS, st.sampled_from(MASKINGS))
def test_one_array_and_a_cut_tell_field_and_mask(weights: Floats, masking: Masking) -> None:
    found = known(weights, masking)
    made = drawn(found, (12, 12), (12, 12), soft=masking == "soft")
    check_exact(found, masking, made.highest, made.share, made.field, made.patch)


@drawing(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_runs_of_cells_are_read_back(mask: npt.NDArray[np.bool_]) -> None:
    text = base64.b64encode(run_lengths(mask)).decode()
    assert patch_of(text, *mask.shape) == mask.tolist()


def test_long_runs_take_few_bytes() -> None:
    mask = np.zeros((224, 224), np.bool_)
    assert len(run_lengths(mask)) == 3
    mask[100:, 100] = True
    assert patch_of(base64.b64encode(run_lengths(mask)).decode(), 224, 224) == mask.tolist()
    assert len(run_lengths(mask)) < 3 * 2 * 124


@settings(max_examples=40, deadline=None)
@drawing(
    arrays(np.float32, st.tuples(st.integers(1, 15), st.integers(1, 15)), elements=st.floats(0, 1, width=32)), st.data()
)
def test_a_drawn_cell_has_the_mean_of_its_area(field: Floats, data: st.DataObject) -> None:
    size = (data.draw(st.integers(1, field.shape[0])), data.draw(st.integers(1, field.shape[1])))
    found = means(field, size)
    for row in range(size[0]):
        for column in range(size[1]):
            (top, bottom), (left, right) = (
                (at * given_cells // cells, (at + 1) * given_cells // cells)
                for at, given_cells, cells in zip((row, column), field.shape, size, strict=True)
            )
            inside = [float(field[y, x]) for y in range(top, bottom) for x in range(left, right)]
            assert found[row, column] == pytest.approx(math.fsum(inside) / len(inside), abs=1e-6)


@settings(max_examples=30, deadline=None)
@drawing(WEIGHTS, st.sampled_from(["half", "otsu"]), st.integers(1, 12))
def test_fewer_cells_belong_to_a_patch_if_half_of_them_does(weights: Floats, masking: Masking, side: int) -> None:
    found = known(weights, masking)
    made = drawn(found, (12, 12), (side, side), soft=False)
    if made.patch is None:
        return
    shares = [
        [
            np.mean(
                found.mask[row * 12 // side : (row + 1) * 12 // side, column * 12 // side : (column + 1) * 12 // side]
            )
            for column in range(side)
        ]
        for row in range(side)
    ]
    least = 0.5 if max(map(max, shares)) >= 0.5 else 1e-9  # a patch that is thin everywhere is not lost
    assert patch_of(made.patch, side, side) == [[bool(share >= least) for share in row] for row in shares]


@pytest.mark.parametrize(
    ("grid", "count", "expected"),
    [
        ((64, 48), 10, (64, 48)),
        ((224, 224), 10, (56, 56)),
        ((224, 224), 5120, (32, 32)),
        ((112, 56), 10**7, (16, 8)),
    ],
)
def test_fields_of_many_units_are_drawn_with_fewer_cells(
    grid: tuple[int, int], count: int, expected: tuple[int, int]
) -> None:
    assert field_size(grid, count) == expected


@pytest.mark.parametrize(
    ("grid", "count", "expected"),
    [
        ((48, 48), 10, (48, 48)),
        ((224, 224), 5120, (224, 224)),
        ((224, 112), 8000, (112, 56)),
        ((300, 300), 15_000, (56, 56)),
        ((64, 64), 10**7, (16, 16)),
    ],
)
def test_patches_are_drawn_pixel_by_pixel_where_there_is_room(
    grid: tuple[int, int], count: int, expected: tuple[int, int]
) -> None:
    assert patch_size(grid, count) == expected


def test_a_rule_is_read_from_a_manifest() -> None:
    rule = OcclusionRule(9, None, "blur", coarse=2, masking="otsu")
    assert occlusion_rule({}) is None
    assert occlusion_rule({"occlusion_rule": rule.spec()}) == rule


def never(*_: Any) -> Any:
    raise AssertionError("a report does not run the model")


class OnlyStored:
    """Occlusions that must not be made."""

    make = never

    def __init__(self, inner: Occlusions) -> None:
        self._inner, self.colour = inner, inner.colour

    def found(self, image: int, unit: int) -> Occluded | None:
        return self._inner.found(image, unit)


def pages_of(study: Study) -> tuple[UnitPage, ...]:
    """The pages of the layer, of a model that must not be asked."""

    def view(layer: str) -> LayerView:
        contents = study.view(layer).contents
        asked = contents.services.occlusions
        services = replace(
            contents.services, respond=never, unit_masks=never, occlusions=lambda *which: OnlyStored(asked(*which))
        )
        return LayerView(replace(contents, services=services))

    material = StudyMaterial(ReportInput("covered", study.store, view), 0, None, lambda stage, done, total: None)
    (layer,) = material.layers
    return material.unit_pages(layer, numbers_of(study), range(layer.info.units))


def numbers_of(study: Study) -> dict[str, int]:
    return {image.id: number for number, image in enumerate(study.store.images)}


@pytest.fixture(scope="module")
def pages(occluded: Study) -> tuple[UnitPage, ...]:
    return pages_of(occluded)


def shown(pages: tuple[UnitPage, ...], study: Study) -> list[tuple[int, OcclusionView, ImageOcclusion, int, Occluded]]:
    """Every exemplar that has a field or could have: unit, page, image, its position, and what is stored."""
    rules = {run: occlusion_rule(made) for run, made in study.store.manifest.runs.items()}
    view, found = study.view("relu"), []
    for page in pages:
        for one in page.occlusions:
            rule = rules[one.run]
            assert rule is not None
            for image in one.images:
                stored = view.occlusions(rule).found(image.image, page.unit)
                assert stored is not None
                found.append((page.unit, one, image, image.image, stored))
    return found


def test_fields_and_patches_are_those_that_are_stored(pages: tuple[UnitPage, ...], occluded: Study) -> None:
    everything = shown(pages, occluded)
    for _, view, image, _, stored in everything:
        assert (view.rows, view.columns) == (view.patch_rows, view.patch_columns) == view.input == stored.field.shape
        check_exact(stored, view.masking, image.highest, image.share, image.field, image.patch)  # type: ignore[arg-type]
    kinds = {(view.masking, image.field is None) for _, view, image, _, _ in everything}
    assert {masking for masking, empty in kinds if not empty} == set(MASKINGS)
    assert any(empty for _, empty in kinds)


def test_boxes_are_drawn_about_what_is_left_of_the_image(pages: tuple[UnitPage, ...], occluded: Study) -> None:
    view = occluded.view("relu")
    for _, _, image, at, stored in shown(pages, occluded):
        assert (image.box is None) == (image.field is None)
        if image.box is None:
            continue
        record, mask = view.images("explain")[at], on_image(stored.mask, view.geometry(at))
        counts = [(x, y) for y in range(record.height) for x in range(record.width) if mask[y, x] >= mask.max() / 2]
        across, down = zip(*counts, strict=True)
        expected = (min(across), min(down), max(across) + 1, max(down) + 1)
        sides = (record.width, record.height) * 2
        assert image.box == pytest.approx([a / b for a, b in zip(expected, sides, strict=True)], abs=1e-5)


def test_only_what_a_run_looked_at_is_shown(pages: tuple[UnitPage, ...], occluded: Study) -> None:
    runs = occluded.store.runs
    view = occluded.view("relu")
    asked = dict(zip(runs, (EXEMPLARS, EXEMPLARS, 3, EXEMPLARS), strict=True))
    for page in pages:
        said = [label.run for label in page.labels]
        assert [one.run for one in page.occlusions] == said
        for one in page.occlusions:
            strongest = [each.index for each in view.exemplars(page.unit, one.summary, maps=False)]  # type: ignore[arg-type]
            assert one.exemplars == asked[one.run]
            looked = [] if page.unit == 4 else strongest[: asked[one.run]]
            assert [image.image for image in one.images] == looked
    assert [len(page.occlusions) for page in pages] == [3, 2, 2, 1, 1]
    assert len(pages[4].sets) == 0


def test_how_it_was_done_is_said(pages: tuple[UnitPage, ...]) -> None:
    half, soft, otsu = pages[0].occlusions
    assert (half.size, half.stride, half.fill, half.masking, half.summary, half.coarse) == (
        9,
        3,
        "mean",
        "half",
        "max",
        1,
    )
    assert (soft.masking, soft.size) == ("soft", 9)
    assert (otsu.size, otsu.stride, otsu.masking, otsu.coarse) == (5, 3, "otsu", 2)
    assert half.colour == soft.colour == otsu.colour == COLOUR
    assert half.input == (48, 48)
    best = pages[1].occlusions[1]
    assert (best.masking, best.summary, best.corrected) == ("box", "mean", True)
    assert not half.corrected


def test_a_page_grows_by_the_cells_that_it_shows(pages: tuple[UnitPage, ...]) -> None:
    for page in pages:
        for one in page.occlusions:
            size = len(json.dumps(to_json(one), separators=(",", ":")))
            assert size < 350 + len(one.images) * (one.rows * one.columns * 4 / 3 + 4 * one.patch_rows + 150)


def test_without_stored_answers_nothing_is_drawn_and_nothing_is_run(occluded: Study, tmp_path: Path) -> None:
    shutil.copytree(occluded.folder, tmp_path / "s")
    study = Study.open(tmp_path / "s")
    shutil.rmtree(study.store.arrays("relu").folder / "occlusion")
    for page in pages_of(study):
        assert all(one.images == () for one in page.occlusions)
        assert len(page.occlusions) == len(page.labels)


def test_runs_of_other_methods_have_none(given: ReportInput) -> None:
    material = StudyMaterial(given, 0, None, lambda stage, done, total: None)
    numbers = {image.id: number for number, image in enumerate(given.store.images)}
    assert all(page.occlusions == () for page in material.unit_pages(material.layers[0], numbers, range(5)))


def test_units_that_never_change_and_exemplars_that_are_not_kept_are_not_looked_at(tmp_path: Path) -> None:
    saturated = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.Hardtanh(0, 0.05))
    with torch.no_grad():
        saturated[0].weight.fill_(1e-3)
        saturated[0].weight[0, 0] += torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, -1]])
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels)
    study = Study.create(
        tmp_path / "s",
        model=Target("saturated", "given", saturated, UNCHANGED),
        layers=["1"],
        images=str(tmp_path / "images.npz"),
        top_k=5,
    ).probe(device="cpu")
    run = study.explain(method="occlusion-vocab", encoder=COLOURS.name, concepts=["red thing", "green thing"])
    reasons = [one.reason for one in explanations_records(study.store.explanations(run))]
    assert reasons == ["its max is the same on every explain image", None]
    found = [one for page in pages_of(study) for one in page.occlusions]
    assert [(one.exemplars, len(one.images)) for one in found] == [(5, 0), (5, 5)]
