"""``bundled:concepts``: the table of what its channels were taught, and that its card is true of the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuronym import plugins
from neuronym.recipes.bundled import CARD
from neuronym.recipes.fidelity import fidelities
from neuronym.store.study_store import StudyStore
from neuronym.study import Study
from neuronym.world.checkpoints import FOLDER
from neuronym.world.concepts import mask, presence
from neuronym.world.grammar import parse
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.taught import CELLS, LAYER, NAME, taught_maps, taught_presence, taught_units
from program import neuronym

UNITS = taught_units()


def card() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / NAME / CARD).read_text())
    return found


def test_every_channel_has_one_concept_and_its_text_means_it() -> None:
    assert [unit.index for unit in UNITS] == list(range(64))
    assert len({unit.text for unit in UNITS}) == 64
    for unit in UNITS:
        assert parse(unit.text) == unit.concept, unit.text
    counts = {kind: sum(unit.kind == kind for unit in UNITS) for kind in ("single", "and", "or", "and-not")}
    assert counts == {"single": 41, "and": 12, "or": 6, "and-not": 5}


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_concept_is_rare(split: str) -> None:
    shares = taught_presence(draw_scenes(SEEDS[split], range(20_000))).mean(0)
    assert shares.min() > 0.005
    assert shares.max() < 0.5


def test_maps_are_masks_of_scenes_with_the_concept_by_cells() -> None:
    scenes = draw_scenes(SEEDS["train"], range(300))
    _, regions = render(scenes)
    found = taught_maps(scenes, regions)
    assert found.shape == (300, 64, CELLS, CELLS)
    for unit in UNITS:
        shown = mask(unit.concept, scenes, regions) & presence(unit.concept, scenes)[:, None, None]
        for row, column in ((0, 0), (3, 12), (8, 7), (15, 15)):
            cell = shown[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            np.testing.assert_allclose(found[:, unit.index, row, column], cell.mean((1, 2)), atol=1e-6)


def test_the_card_is_true_of_the_network() -> None:
    said, target = card(), plugins.target(f"bundled:{NAME}")
    assert target.name == f"bundled:{NAME}"
    assert said["layer"] == LAYER
    for row, was in zip(fidelities(target.model, 768), said["units"], strict=True):
        assert (row.index, row.kind, row.text) == (was["index"], was["kind"], was["text"])
        few = 768 * was["share"] < 40
        for figure in ("mean", "most", "map", "iou", "mean_of_truth"):
            assert getattr(row, figure) == pytest.approx(was[figure], abs=0.25 if few else 0.1), (row.text, figure)


def test_the_channels_are_faithful_enough_to_judge_methods_by() -> None:
    kinds, rows = card()["fidelity"], card()["units"]
    assert kinds["all"]["most"] >= 0.8
    assert kinds["single"]["most"] >= 0.85
    for row in rows:
        where = row["text"].startswith("object at the")  # a network of convolutions hardly knows where it looks
        assert row["map"] > (0.4 if where else 0.75), row["text"]


def test_a_copy_with_random_weights_follows_nothing() -> None:
    random = fidelities(plugins.target(f"bundled:{NAME}", "random").model, 256)
    assert np.median([abs(row.map) for row in random]) < 0.2
    assert np.median([abs(row.mean) for row in random]) < 0.2


def test_it_is_small() -> None:
    assert (FOLDER / NAME / "model.safetensors").stat().st_size <= 1_500_000


def test_the_ordinary_command_explains_it(tmp_path: Path) -> None:
    images = ("--images", "bundled:world/explain/500", "--test-images", "bundled:world/test/400")
    names = ("--concepts", "labels:concept", "--encoder", "oracle:world", "--out", "study")
    ran = neuronym("explain", "--model", f"bundled:{NAME}", "--layers", LAYER, *images, *names, cwd=tmp_path)
    assert ran.code == 0, ran.err
    view = Study.open(tmp_path / "study").view(LAYER)
    assert len(view.units) == 64
    present = taught_presence(draw_scenes(SEEDS["test"], [int(image.member) for image in view.images("test")]))
    for row in card()["units"]:
        there = present[:, row["index"]]
        if there.sum() >= 20:
            found = np.corrcoef(view.summaries("mean", "test")[:, row["index"]], there)[0, 1]
            assert found == pytest.approx(row["mean"], abs=0.12), row["text"]
    rows = StudyStore(tmp_path / "study").explanations().to_pylist()
    said = {row["unit"]: row["description"] for row in rows}
    right = [unit for unit in UNITS if unit.kind == "single" and said[unit.index] == unit.text]
    assert len(right) >= 30, said
