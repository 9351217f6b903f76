"""Occlusions in a study: made once for all layers and units, read afterwards, and what a run records."""

from __future__ import annotations

import gc
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuronym import occluding
from neuronym.errors import MethodError, NeuronymWarning, StudyError
from neuronym.functional.occlusion import field_mask
from neuronym.records import LayerInfo, Occluded, OcclusionRule
from neuronym.regions import occlusion
from neuronym.store.occlusion_store import ImageAnswers, OcclusionStore
from neuronym.study import Study
from small_study import make_study, small_target

RULE = OcclusionRule(stride=4)
PLACES = [0, 4, 8, 11]
Told = list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("occluded") / "s"
    return make_study(folder, ("relu", "conv2", "head"), per_class=8).probe(device="cpu")


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def study(original: Study, tmp_path: Path, told: Told) -> Study:
    shutil.copytree(original.folder, tmp_path / "s")
    return reopened(tmp_path / "s", told)


def reopened(folder: Path, told: Told | None = None) -> Study:
    def report(stage: str, done: int, total: int) -> None:
        if told is not None:
            told.append((stage, done, total))

    again = Study.open(folder, report)
    again.materials._target, again.materials.device = small_target(), "cpu"
    return again


def passes(told: Told) -> list[int]:
    """How many images each occlusion pass had that was begun."""
    of_images = [(done, total) for stage, done, total in told if stage == "occluding images"]
    begun = of_images[:1] + [later for earlier, later in pairwise(of_images) if later[0] <= earlier[0]]
    return [total for _, total in begun]


def pairs(study: Study, layer: str, units: list[int], count: int = 2) -> tuple[Any, Any]:
    """The first exemplars of some units, and the units."""
    found = [
        (one.index, unit) for unit in units for one in study.view(layer).exemplars(unit, "max", maps=False)[:count]
    ]
    return tuple(np.array(found, np.int64).T)  # type: ignore[return-value]


def all_of(study: Study, layer: str, units: list[int], rule: OcclusionRule = RULE) -> list[Occluded]:
    images, asked = pairs(study, layer, units)
    table = study.view(layer).occlusions(rule)
    table.make(images, asked)
    found = [table.found(int(image), int(unit)) for image, unit in zip(images, asked, strict=True)]
    assert None not in found
    return found  # type: ignore[return-value]


def files(study: Study) -> list[Path]:
    return sorted(study.folder.rglob("occlusion/*/*.parquet"))


def same(some: list[Occluded], others: list[Occluded]) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for one, other in zip(some, others, strict=True)
        for name in ("discrepancy", "windows", "field", "mask")
    )


def test_they_are_made_when_they_are_first_asked_for(study: Study, told: Told) -> None:
    images, _ = pairs(study, "conv2", [3, 7])
    table = study.view("conv2").occlusions(RULE)
    assert table.colour == (128, 128, 128)
    assert table.found(int(images[0]), 3) is None
    assert not files(study)
    first = all_of(study, "conv2", [3, 7])
    assert passes(told) == [len(set(images.tolist()))]
    # Whatever is asked, an image is asked for all units that have it: another unit needs no pass for it.
    view = study.view("conv2")
    for unit in range(12):
        held = {one.index for one in view.exemplars(unit, "max")}
        for image in sorted(held & set(images.tolist())):
            assert table.found(image, unit) is not None
    again: Told = []
    assert same(all_of(reopened(study.folder, again), "conv2", [3, 7]), first)
    assert not again


def test_what_is_said_of_a_pair_follows_from_its_discrepancies(study: Study) -> None:
    for one in all_of(study, "conv2", [3]):
        corners = [[x, y, x + 5, y + 5] for y in PLACES for x in PLACES]
        assert one.windows.tolist() == corners
        assert one.discrepancy.dtype == one.field.dtype == one.mask.dtype == np.float32
        field = np.zeros((16, 16))
        for d, (x0, y0, x1, y1) in zip(one.discrepancy, corners, strict=True):
            field[y0:y1, x0:x1] += d / one.discrepancy.sum(dtype=np.float64)
        assert one.field == pytest.approx(field, abs=1e-6)
        assert np.array_equal(one.mask, one.field >= one.field.max() / 2)


def test_masked_otherwise_the_same_answers_serve(study: Study, told: Told) -> None:
    first = all_of(study, "conv2", [3])
    soft = all_of(study, "conv2", [3], OcclusionRule(stride=4, masking="soft"))
    assert len(passes(told)) == 1
    for one, other in zip(first, soft, strict=True):
        assert np.array_equal(one.field, other.field)
        assert np.array_equal(other.mask, field_mask(_tensor(one.field), "soft").numpy())


def _tensor(values: Any) -> Any:
    import torch

    return torch.tensor(values)


def test_another_rule_has_another_folder(study: Study, told: Told) -> None:
    all_of(study, "relu", [3])
    all_of(study, "relu", [3], OcclusionRule(stride=5))
    assert {path.parent.name for path in files(study)} == {"auto-step4-mean-max", "auto-step5-mean-max"}
    assert len(passes(told)) == 2


def test_several_layers_are_made_in_one_pass_as_far_as_they_are_missing(study: Study, told: Told) -> None:
    relu, conv2, head = study.layers
    study.materials.make_occlusions({relu: [1, 2]}, RULE)
    study.materials.make_occlusions({relu: [1, 2, 5], conv2: [2, 3], head: [1]}, RULE)
    study.materials.make_occlusions({relu: [1, 2, 5], conv2: [2, 3], head: [1]}, RULE)
    assert passes(told) == [2, 4]
    assert [(path.parents[2].name, path.stem) for path in files(study)] == [
        *(("conv2", f"{image:07d}") for image in (2, 3)),
        ("head", "0000001"),
        *(("relu", f"{image:07d}") for image in (1, 2, 5)),
    ]


def test_threads_that_ask_at_once_make_one_pass(study: Study, told: Told) -> None:
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: all_of(study, "conv2", [5]), range(4)))
    assert len(passes(told)) == 1
    assert all(same(part, parts[0]) for part in parts)


def test_a_study_that_another_process_writes_gets_none(study: Study) -> None:
    other = reopened(study.folder)
    with study.store.lock():
        with pytest.raises(StudyError, match="Another process is writing the study"):
            all_of(other, "head", [2])
        # Who holds the lock may, as methods do while they run.
        made = all_of(study, "head", [2])
        assert same(all_of(other, "head", [2]), made)


def test_what_another_process_made_in_the_meantime_is_not_made_again(
    study: Study, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, lock = reopened(study.folder), study.store.lock

    def late() -> Any:
        all_of(other, "conv2", [3])
        return lock()

    monkeypatch.setattr(study.store, "lock", late)
    all_of(study, "conv2", [3])
    assert not told


def test_a_study_that_may_only_be_read_has_them_for_the_time_being(
    study: Study, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = all_of(study, "relu", [3])
    monkeypatch.setattr(occluding, "is_writable", lambda folder: False)
    again, before = reopened(study.folder, told), sorted(study.folder.rglob("*"))
    assert same(all_of(again, "relu", [3]), kept)
    beside = again.materials._occluder._beside
    assert not beside.there
    told.clear()
    with pytest.warns(NeuronymWarning) as warned:
        found = all_of(again, "conv2", [4])
    assert [str(one.message) for one in warned] == [
        f"The study {str(study.folder)!r} may only be read, so the occlusions of conv2 are made in a temporary folder "
        "and lost in the end. Copy the study to where you may write, to make them once."
    ]
    assert same(all_of(again, "conv2", [4]), found)
    assert len(passes(told)) == 1
    assert sorted(study.folder.rglob("*")) == before
    place = beside.folder
    assert place.is_dir()
    del again, beside
    gc.collect()
    assert not place.exists()
    monkeypatch.undo()
    assert same(all_of(study, "conv2", [4]), found)


class Stopped(Exception):
    pass


def test_a_pass_that_was_stopped_goes_on_with_the_next_image(study: Study, told: Told) -> None:
    whole = reopened(Path(shutil.copytree(study.folder, study.folder.with_name("whole"))))
    wanted = {study.layers[0]: [0, 3, 4, 9], study.layers[2]: [3, 4]}
    whole.materials.make_occlusions(wanted, RULE)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    stopped = Study.open(study.folder, stop)
    stopped.materials._target, stopped.materials.device = small_target(), "cpu"
    with pytest.raises(Stopped):
        stopped.materials.make_occlusions(wanted, RULE)
    assert len(files(study)) == 3
    study.materials.make_occlusions(wanted, RULE)
    assert passes(told) == [2]
    assert [path.read_bytes() for path in files(study)] == [path.read_bytes() for path in files(whole)]


def test_a_damaged_file_is_said(study: Study) -> None:
    all_of(study, "head", [2])
    path = files(study)[0]
    path.write_bytes(b"nothing")
    table = reopened(study.folder).view("head").occlusions(RULE)
    with pytest.raises(StudyError, match=path.name):
        table.found(int(path.stem), 2)


CONCEPTS = ("red", "green", "blue", "grey")
WISH: dict[str, Any] = {"concepts": CONCEPTS, "encoder": "tiny_net:colours"}
SETTINGS: dict[str, Any] = {"exemplars": 2, "stride": 4}


@pytest.mark.parametrize("abstain", [None, 0.5])
def test_a_method_gets_them_for_all_layers_in_one_pass(study: Study, told: Told, abstain: float | None) -> None:
    layers = ["relu", "head"] if abstain else None
    run = study.explain("occlusion-vocab", **WISH, settings=SETTINGS, abstain=abstain, layers=layers)
    distinct = {
        one.index
        for layer in study.layers
        if layers is None or layer.name in layers
        for unit in np.flatnonzero(~study.view(layer.name).constant)
        for one in study.view(layer.name).exemplars(int(unit), "max")[:2]
    }
    # What abstention shuffles are the same answers, on other images: they need no pass but for images of its own.
    assert passes(told)[0] == len(distinct)
    assert abstain or len(passes(told)) == 1
    record = study.store.manifest.runs[run]
    assert record["occlusion_rule"] == OcclusionRule(stride=4).spec()
    assert isinstance(record["key"], dict)
    assert record["key"]["occlusion_rule"] == OcclusionRule(stride=4).spec()
    states = {row["unit"]: row["state"] for row in study.table("relu", run=run).to_pylist()}
    assert states[0] == states[1] == "abstained"
    assert abstain or set(states.values()) == {"abstained", "described"}
    told.clear()
    assert study.explain("occlusion-vocab", **WISH, settings=SETTINGS, abstain=abstain, layers=layers) == run
    shutil.rmtree(study.store.arrays("head").folder / "occlusion")
    assert (
        reopened(study.folder, told).explain(
            "occlusion-vocab", **WISH, settings=SETTINGS, abstain=abstain, layers=layers
        )
        == run
    )
    assert not passes(told)  # nothing is left to be said


def test_an_occluder_larger_than_the_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", ("head",), per_class=4)
    for asked in (study.check_method, study.probe(device="cpu").explain):
        with pytest.raises(MethodError) as refused:
            asked("occlusion-vocab", **WISH, settings={"occluder": 17})
        assert str(refused.value) == (
            "An occluder of 17 x 17 pixels is larger than the network's input of 16 x 16. Give a smaller one with "
            "--set occluder=PIXELS."
        )
    assert not study.store.manifest.runs


def test_the_precision_is_the_studys(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def pass_(target: Any, wanted: Any, probe: Any, rule: Any, running: Any, progress: Any) -> None:
        seen.append((running.device.type, running.precision))
        occlusion.run_occlusion_pass(target, wanted, probe, rule, running, progress)

    monkeypatch.setattr("neuronym.materials.run_occlusion_pass", pass_)
    all_of(study, "head", [2])
    assert seen == [("cpu", study.store.manifest.spec["precision"])]


def test_stores_are_of_a_layer_and_a_rule(study: Study) -> None:
    found: dict[LayerInfo, ImageAnswers | None] = {}
    for layer in study.layers[1:]:
        image = study.view(layer.name).exemplars(3, "max")[0].index
        study.materials.make_occlusions({layer: [image]}, RULE)
        found[layer] = OcclusionStore(study.store.arrays(layer.name).folder, RULE).read(image)
        assert found[layer] is not None
        assert 3 in found[layer].units.tolist()  # type: ignore[union-attr]
