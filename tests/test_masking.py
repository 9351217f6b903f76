"""Unit masks in a study: made once for all layers, read afterwards, and what a run of a method with masks records."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from neuronym import masking
from neuronym.errors import MethodError, NeuronymWarning, ProbeError, StudyError, UnknownNameError
from neuronym.explain.abstention import Abstaining
from neuronym.records import Explanation, MaskRule, Summary, Unit, unpacked
from neuronym.store.layer_view import LayerView
from neuronym.store.unit_mask_store import mask_name, stored_masks
from neuronym.study import Study
from small_study import COLOURS, SIDE, make_study, small_target, write_images

RULE, GRID = MaskRule(0.9), (8, 8)


@dataclass(frozen=True)
class Shares:
    """Says in how many cells of the explain images a unit is active, and how many of them are annotated."""

    quantile: float = 0.9
    planned: bool = True

    name: ClassVar[str] = "shares"
    summary: ClassVar[Summary] = "max"
    citation: ClassVar[str] = "A test."
    needs_annotations: ClassVar[bool] = True

    @property
    def mask_rule(self) -> MaskRule | None:
        return MaskRule(self.quantile) if self.planned else None

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        window = view.unit_masks(MaskRule(self.quantile), "explain")
        beyond = np.array([len(view.images("explain"))])
        for reached in (window.read, view.contents.annotations.rows):  # type: ignore[union-attr]
            with pytest.raises(IndexError):  # a method is kept from test images
                reached(beyond)
        cells = sum(np.bitwise_count(window.rows(block)).sum((0, 2), dtype=np.int64) for block in window.blocks())
        assert view.annotated is not None
        names = " ".join(concept.name for concept in view.annotated.concepts)
        for unit in units:
            yield Explanation(unit, self.name, view.run, "described", names, float(cells[unit.index]))


METHOD = "test_masking:Shares"


def annotated_images(path: Path, per_class: int = 15, stripes: int = 4) -> Path:
    """Images of one colour with masks: the colour in the upper half, and stripes that are nowhere else."""
    write_images(path, per_class)
    content = dict(np.load(path))
    masks = np.zeros((len(content["images"]), SIDE, SIDE), np.uint8)
    masks[:, : SIDE // 2] = content["labels"][:, None, None] + 1
    masks[:, -stripes:] = len(COLOURS) + 1
    np.savez(path, **content, masks=masks, mask_names=np.array(["", *COLOURS, "stripes"]))
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """An activation pass over annotated images."""
    folder = tmp_path_factory.mktemp("masked") / "s"
    annotated_images(folder.parent / "s-images.npz")
    return make_study(folder, ("relu", "conv2", "head")).probe(device="cpu")


@pytest.fixture
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture
def study(original: Study, tmp_path: Path, told: list[tuple[str, int, int]]) -> Study:
    shutil.copytree(original.folder, tmp_path / "s")
    return reopened(original, tmp_path / "s", told)


def reopened(study: Study, folder: Path, told: list[tuple[str, int, int]] | None = None) -> Study:
    def report(stage: str, done: int, total: int) -> None:
        if told is not None:
            told.append((stage, done, total))

    again = Study.open(folder, report)
    again.materials._target, again.materials.device = small_target(), "cpu"
    return again


def passes(told: Sequence[tuple[str, int, int]]) -> int:
    """How many mask passes were begun."""
    done = [done for stage, done, _ in told if stage == "mask pass"]
    return bool(done) + sum(later < earlier for earlier, later in pairwise(done))


def test_masks_are_made_when_they_are_first_asked_for(study: Study, told: list[tuple[str, int, int]]) -> None:
    view = study.view("relu")
    first = view.unit_masks(RULE, "explain", GRID).rows(np.arange(5))
    assert passes(told) == 1
    assert ("mask pass", len(study.images), len(study.images)) in told
    maps = view.respond([view.image(index) for index in range(5)])
    above = view.mask_thresholds(RULE)
    count = (maps.reshape(5, 12, 8, 2, 8, 2).mean((3, 5), dtype=np.float64) > above[:, None, None]).sum()
    assert unpacked(first, GRID).sum() == count > 0  # on half the grid a cell is the mean of four positions
    assert np.array_equal(view.unit_masks(RULE, "explain", GRID).rows(np.arange(5)), first)
    after: list[tuple[str, int, int]] = []
    again = reopened(study, study.folder, after).view("relu")
    assert np.array_equal(again.unit_masks(RULE, "explain", GRID).rows(np.arange(5)), first)
    assert passes(told) == 1
    assert not after
    tests = again.unit_masks(RULE, "test", GRID)
    found = stored_masks(study.store.arrays("relu"), RULE, GRID, above)
    assert found is not None
    assert np.array_equal(tests.rows(np.arange(3)), found.rows(len(view.images("explain")) + np.arange(3)))


def test_several_layers_are_made_in_one_pass_as_far_as_they_are_missing(
    study: Study, told: list[tuple[str, int, int]]
) -> None:
    study.materials.make_masks(study.layers[:1], RULE, GRID)
    study.materials.make_masks(study.layers, RULE, GRID)
    assert passes(told) == 2
    study.materials.make_masks(study.layers, RULE, GRID)
    for layer in study.layers:
        assert study.view(layer.name).unit_masks(RULE, "test", GRID).rows(np.arange(2)).shape[:2] == (2, layer.units)
    assert passes(told) == 2


def test_threads_that_ask_at_once_make_one_pass(study: Study, told: list[tuple[str, int, int]]) -> None:
    view = study.view("conv2")

    def ask(start: int) -> Any:
        return view.unit_masks(RULE, "explain", GRID).rows(np.arange(start, start + 8))

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(ask, (0, 8, 16, 24)))
    assert passes(told) == 1
    assert np.array_equal(np.concatenate(parts), view.unit_masks(RULE, "explain", GRID).rows(np.arange(32)))


def test_masks_of_a_few_layers_or_rules_stay_in_memory(study: Study) -> None:
    services = study.materials.services
    one, other = (services.unit_masks(layer, RULE, GRID) for layer in study.layers[:2])
    assert services.unit_masks(study.layers[0], RULE, GRID) is one
    services.unit_masks(study.layers[0], MaskRule(0.95), GRID)
    assert services.unit_masks(study.layers[0], RULE, GRID) is one
    assert services.unit_masks(study.layers[1], RULE, GRID) is not other


def test_when_quantiles_change_masks_are_made_anew(study: Study, told: list[tuple[str, int, int]]) -> None:
    before = study.view("relu").unit_masks(RULE, "explain", GRID).rows(np.arange(40))
    arrays = study.store.arrays("relu")
    arrays.put("quantiles", arrays.read("quantiles") + 0.5)
    after = study.view("relu").unit_masks(RULE, "explain", GRID).rows(np.arange(40))
    assert passes(told) == 2
    assert np.bitwise_count(after).sum() < np.bitwise_count(before).sum()
    assert not (after & ~before).any()


def test_a_study_that_another_process_writes_gets_no_masks(study: Study, told: list[tuple[str, int, int]]) -> None:
    other = reopened(study, study.folder)
    with study.store.lock():
        assert study.store.is_locked
        with pytest.raises(StudyError, match="Another process is writing the study"):
            other.view("head").unit_masks(RULE, "explain", GRID)
        # Who holds the lock may, as methods do while they run.
        study.view("head").unit_masks(RULE, "explain", GRID)
        assert len(other.view("head").unit_masks(RULE, "explain", GRID)) == len(study.view("head").images("explain"))
    assert not study.store.is_locked


def test_what_another_process_made_in_the_meantime_is_not_made_again(
    study: Study, told: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = reopened(study, study.folder)
    lock = study.store.lock

    def late() -> Any:
        other.materials.make_masks(other.layers, RULE, GRID)
        return lock()

    monkeypatch.setattr(study.store, "lock", late)
    study.materials.make_masks(study.layers, RULE, GRID)
    assert told == [("mask pass", 60, 60)]


def test_a_study_that_may_only_be_read_has_masks_for_the_time_being(
    study: Study, told: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = study.view("relu").unit_masks(RULE, "explain", GRID).rows(np.arange(9))
    monkeypatch.setattr(masking, "is_writable", lambda folder: False)
    again = reopened(study, study.folder, told)
    before = sorted(study.folder.rglob("*"))
    assert np.array_equal(again.view("relu").unit_masks(RULE, "explain", GRID).rows(np.arange(9)), kept)
    assert passes(told) == 1
    with pytest.warns(NeuronymWarning) as warned:
        again.materials.make_masks(again.layers, MaskRule(0.95), GRID)
    assert [str(one.message) for one in warned] == [
        f"The study {str(study.folder)!r} may only be read, so the masks of relu, conv2, head are made in a temporary "
        "folder and lost in the end. Copy the study to where you may write, to make them once."
    ]
    found = again.view("relu").unit_masks(MaskRule(0.95), "explain", GRID).rows(np.arange(9))
    assert passes(told) == 2
    place = again.materials._maker._beside.folder
    assert place.is_dir()
    assert sorted(study.folder.rglob("*")) == before
    del again
    import gc

    gc.collect()
    assert not place.exists()
    monkeypatch.undo()
    assert np.array_equal(study.view("relu").unit_masks(MaskRule(0.95), "explain", GRID).rows(np.arange(9)), found)


@pytest.mark.parametrize("abstain", [None, 0.5])
def test_a_method_with_masks_gets_them_for_all_layers_in_one_pass(
    study: Study, told: list[tuple[str, int, int]], abstain: float | None
) -> None:
    run = study.explain(METHOD, abstain=abstain)
    assert passes(told) == 1
    stages = list(dict.fromkeys(stage for stage, *_ in told))
    assert stages.index("mask pass") < stages.index("shares")
    annotations = study.store.annotations
    assert annotations is not None
    grid = annotations.about.grid
    made = study.store.manifest.runs[run]
    record = {"annotations": annotations.about.key, "mask_rule": {"quantile": 0.9, "value": None}}
    assert {name: made[name] for name in record} == record
    key = made["key"]
    assert isinstance(key, dict)
    assert {name: key[name] for name in record} == record
    table = study.table("conv2", run=run).to_pylist()
    window = study.view("conv2").unit_masks(RULE, "explain")
    cells = np.bitwise_count(window.rows(np.arange(len(window)))).sum((0, 2))
    for row in table:
        if row["state"] == "described":
            assert row["score"] == cells[row["unit"]]
            assert row["description"] == "red green blue grey stripes"
    assert (study.store.arrays("head").folder / mask_name(RULE, grid)).is_dir()
    told.clear()
    assert study.explain(METHOD, abstain=abstain) == run
    assert not passes(told)
    shutil.rmtree(study.store.arrays("head").folder / "masks")
    assert reopened(study, study.folder, told).explain(METHOD, abstain=abstain) == run
    assert not passes(told)  # nothing is left to be said


def test_a_method_may_ask_for_masks_that_nobody_planned(study: Study, told: list[tuple[str, int, int]]) -> None:
    run = study.explain(METHOD, settings={"planned": False}, layers=["relu", "head"])
    assert passes(told) == 2
    assert "mask_rule" not in study.store.manifest.runs[run]
    assert study.table(run=run).num_rows == 17


def test_a_run_is_told_by_its_annotations_and_its_rule(study: Study, tmp_path: Path) -> None:
    first = study.explain(METHOD, layers=["head"])
    assert study.explain(METHOD, layers=["head"], settings={"quantile": 0.95}) != first
    about = study.annotate(annotated_images(tmp_path / "others.npz", stripes=2))
    assert study.store.annotations is not None
    assert study.store.annotations.about == about
    second = study.explain(METHOD, layers=["head"])
    assert second != first
    assert study.store.manifest.runs[second]["annotations"] == about.key
    assert study.annotate(grid=(8, 4)).grid == (8, 4)
    assert study.explain(METHOD, layers=["head"]) not in (first, second)
    known = study.explain("clip-dissect", concepts="labels", layers=["head"], settings={"top_k": 20})
    assert not {"annotations", "mask_rule"} & study.store.manifest.runs[known].keys()


def test_annotations_that_were_given_with_the_study_are_read_when_it_is_explained(tmp_path: Path) -> None:
    write_images(tmp_path / "s-images.npz", 15)
    masks = annotated_images(tmp_path / "masks.npz")
    study = make_study(tmp_path / "s", ("head",), annotations=masks, mask_grid=(4, 4)).probe(device="cpu")
    assert study.store.annotations is None
    study.check_method(METHOD)
    study.explain("clip-dissect", concepts="labels", settings={"top_k": 20})
    assert study.store.annotations is not None
    about = study.store.annotations.about
    assert (about.grid, about.images) == ((4, 4), 60)
    assert study.annotate() == about
    assert reopened(study, study.folder).annotate() == about


NOTHING = (
    "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring theirs; see "
    "docs/images.md."
)


def test_a_method_that_needs_masks_says_so_before_the_pass(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", ("head",), per_class=4)
    for asked in (study.check_method, study.probe(device="cpu").explain):
        with pytest.raises(MethodError) as refused:
            asked(METHOD)
        assert str(refused.value) == NOTHING
    with pytest.raises(MethodError) as refused:
        study.annotate()
    assert str(refused.value) == NOTHING
    with pytest.raises(UnknownNameError, match=r"There is no stored quantile '0\.3'"):
        study.check_method(METHOD, settings={"quantile": 0.3})
    assert not study.store.manifest.runs


def test_masks_that_cannot_be_had_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", ("head",), per_class=4)
    with pytest.raises(ProbeError, match=f"There are no annotations at '{tmp_path / 'nowhere'}'"):
        make_study(tmp_path / "s", ("relu",), overwrite=True, annotations=tmp_path / "nowhere")
    with pytest.raises(MethodError, match="0x4"):
        make_study(tmp_path / "s", ("relu",), overwrite=True, mask_grid=(0, 4))
    assert [layer.name for layer in Study.open(study.folder).layers] == ["head"]


def test_the_level_of_abstention_hides_no_need_for_masks() -> None:
    wrapped = Abstaining(Shares(0.95), 0.1)
    assert wrapped.needs_annotations
    assert wrapped.mask_rule == MaskRule(0.95)


def test_annotations_replaced_by_another_process_are_noticed(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.annotate()
    other = reopened(study, study.folder)
    lock = study.store.lock

    def late() -> Any:
        other.annotate(grid=(3, 3))
        return lock()

    monkeypatch.setattr(study.store, "lock", late)
    with pytest.raises(StudyError, match=r"The annotations of the study .* were replaced in the meantime\. Run this"):
        study.explain(METHOD)
