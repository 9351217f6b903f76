"""Annotations of a study: found, kept, gone on with, replaced, and what the user is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuronym.annotating import annotate_study
from neuronym.errors import MethodError, NeuronymWarning, StudyError
from neuronym.records import ImageMasks, ImageRecord, MaskRule, unpacked
from neuronym.store.study_store import StudyStore
from neuronym.study import Study
from painted_images import CENTRED, CONCEPTS, Painted, painted_study
from small_study import make_study

ABSENT = r"of the 5 concepts of 'painted' are in no image of the study, .* 'nowhere' \(object\)\.$"
quiet = pytest.mark.filterwarnings(
    "ignore:(. of the 5 concepts|[0-9]+ of the [0-9]+ images are not annotated):neuronym.errors.NeuronymWarning"
)


def annotated(study: Study, painted: Painted, grid: tuple[int, int] | None = None) -> str:
    """Annotates a study by other knowledge of its images, and returns the key."""
    study.probe_set.opened["painted"] = painted
    with pytest.warns(NeuronymWarning, match=ABSENT):
        return annotate_study(study.store, study.materials, grid=grid).key


@quiet
def test_a_view_has_the_masks_of_its_images(tmp_path: Path) -> None:
    study = painted_study(tmp_path / "s", Painted(40)).probe(device="cpu")
    assert study.view("relu").annotated is None
    told: list[tuple[str, int, int]] = []
    study.report = lambda *done: told.append(done)
    about = annotate_study(study.store, study.materials)
    assert (about.concepts, about.grid, about.images, about.source) == (CONCEPTS, (12, 12), 32, "painted")
    assert told[-1] == ("reading annotations", 40, 40)
    view = Study.open(tmp_path / "s").view("relu")
    assert view.annotated == about
    painted = Painted(40)
    for split in ("explain", "test"):
        window = view.concept_masks(split)  # type: ignore[arg-type]
        masks = window.rows(np.arange(len(window)))
        for image, record in enumerate(view.images(split)):  # type: ignore[arg-type]
            concepts, words = masks.of(image)
            assert masks.valid[image].any() == (int(record.member) % 5 != 4)
            if masks.valid[image].any():
                middle = painted.patch(int(record.member))[:, 2:14]
                red = unpacked(words[concepts == 0], (12, 12))
                assert abs((red[0].sum() if len(red) else 0) - middle.sum()) <= 24  # 21 columns of 16 are not 12 of 12
    assert len(study.view("relu").unit_masks(MaskRule(0.9), "explain")) == len(view.images("explain"))


@quiet
def test_what_the_network_sees_red_is_what_is_annotated_red(tmp_path: Path) -> None:
    """The images are wider than high, and the network sees the middle of each."""
    study = painted_study(tmp_path / "s", Painted(20, (48, 64), scale=2))
    annotate_study(study.store, study.materials, grid=(16, 16))
    stored = study.store.annotations
    assert stored is not None
    compared = 0
    for at in np.flatnonzero(stored.annotated):
        concepts, words = stored.rows(np.array([at])).of(0)
        mask = unpacked(words[concepts == 0], (16, 16)).any(axis=0)
        image = CENTRED.apply(study.probe_set.load(int(at)))
        redness = ((image[0] - image[1]) / ((230 - 20) / 255)).numpy()
        sure = np.abs(redness - 0.5) > 0.4
        assert np.array_equal(mask[sure], redness[sure] > 0.5)
        compared += int(mask.sum())
    assert compared > 300


@quiet
def test_the_same_is_not_made_again_and_other_annotations_take_its_place(tmp_path: Path) -> None:
    study = painted_study(tmp_path / "s", Painted())
    first = annotated(study, Painted())
    made = study.store.manifest.annotations
    folder = tmp_path / "s" / "annotations"
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    for grid in (None, (12, 12)):
        assert annotate_study(study.store, study.materials, grid=grid).key == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == kept
    reader = Study.open(tmp_path / "s").store.annotations
    assert reader is not None
    assert reader.about.key == first

    assert annotated(study, Painted(), (5, 6)) != first
    assert study.store.manifest.annotations["asked"] == [5, 6]
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(StudyError, match=r"are missing: .* other annotations took their place\. Open the study again"):
        reader.rows(np.array([0]))
    # Others of the same images, on the grid that was asked for before.
    assert annotated(study, Painted(stamp="2", annotated=lambda number: number != 3)) != first
    assert study.store.manifest.annotations["grid"] == [5, 6]
    assert annotated(study, Painted(), (12, 12)) == first
    assert study.store.manifest.annotations == {**made, "asked": [12, 12]}
    assert [path.name for path in folder.iterdir()] == [made["request"]]


@quiet
def test_what_is_missing_is_made_again(tmp_path: Path) -> None:
    study = painted_study(tmp_path / "s", Painted(70))
    first = annotated(study, Painted(70))
    block = next((tmp_path / "s").rglob("block-00001.parquet"))
    data = block.read_bytes()
    block.unlink()
    assert annotated(study, Painted(70)) == first
    assert block.read_bytes() == data


def test_annotations_in_files_need_not_stay(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", per_class=10)
    masks = np.zeros((40, 8, 8), np.uint8)
    masks[:, :, 4:] = 1
    with np.load(tmp_path / "s-images.npz") as images:
        np.savez(tmp_path / "masks.npz", images=images["images"], masks=masks, mask_names=np.array(["void", "right"]))
    about = annotate_study(study.store, study.materials, tmp_path / "masks.npz")
    assert (about.grid, [one.name for one in about.concepts], about.images) == ((8, 8), ["right"], 40)
    assert study.store.manifest.annotations["given"] == str(tmp_path / "masks.npz")
    coarse = annotate_study(study.store, study.materials, grid=(2, 2))  # of the masks given before
    assert coarse.grid == (2, 2)
    (tmp_path / "masks.npz").unlink()
    again = Study.open(tmp_path / "s")
    assert annotate_study(again.store, again.materials) == coarse
    stored = again.store.annotations
    assert stored is not None
    assert stored.shares.tolist() == [[0.5]] * 40
    assert stored.rows(np.array([3])).words.tolist() == [[0b1010]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write read-only folders")
@quiet
def test_a_read_only_study(tmp_path: Path) -> None:
    study = painted_study(tmp_path / "s", Painted())
    key = annotate_study(study.store, study.materials).key
    paths = [tmp_path / "s", *(tmp_path / "s").rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        opened = StudyStore(tmp_path / "s")
        assert annotate_study(opened, study.materials).key == key
        assert opened.annotations is not None
        assert len(opened.annotations.rows(np.arange(30))) == 30
        with pytest.raises(StudyError, match="There is no permission to lock the study"):
            annotate_study(opened, study.materials, grid=(3, 3))
    finally:
        for path in paths:
            path.chmod(0o755)


def test_nothing_to_compare_with_is_said(tmp_path: Path) -> None:
    bare = make_study(tmp_path / "bare", per_class=10)
    with pytest.raises(MethodError) as caught:
        annotate_study(bare.store, bare.materials)
    assert str(caught.value) == (
        "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring theirs; "
        "see docs/images.md."
    )
    study = painted_study(tmp_path / "s", Painted())
    with pytest.raises(MethodError, match=r"^The grid is 4x900 cells\. Give 1 to 512 cells a side"):
        annotate_study(study.store, study.materials, grid=(4, 900))
    tests = {record.member for record in study.images if record.split == "test"}
    for known, message in (
        (set(), "^None of the 30 images of the study is annotated in 'painted'. Give the masks of these images; see"),
        (
            tests,
            "^All 8 images of the study that are annotated in 'painted' are test images, and descriptions are made",
        ),
    ):
        study.probe_set.opened["painted"] = Painted(annotated=lambda number, known=known: f"{number:04d}" in known)  # type: ignore[misc]
        with pytest.raises(MethodError, match=message):
            annotate_study(study.store, study.materials)
        _is_refused(study)


def test_masks_that_show_nothing_that_has_a_name_are_refused(tmp_path: Path) -> None:
    study = painted_study(tmp_path / "s", Painted())
    tests = {record.member for record in study.images if record.split == "test"}

    class Emptied(Painted):
        def masks(self, record: ImageRecord) -> ImageMasks | None:
            found = super().masks(record)
            nothing = np.zeros(0, np.int64)
            if found is None or record.member in tests:
                return found
            return ImageMasks(nothing, found.masks[:0], nothing)

    study.probe_set.opened["painted"] = Emptied()
    message = (
        r"^None of the 5 concepts that 'painted' names is in any of the 22 images that descriptions are made from, or "
        r"only where the network does not see it\. Name what its masks show, or give other masks\.$"
    )
    with pytest.raises(MethodError, match=message):
        annotate_study(study.store, study.materials)
    _is_refused(study)


def _is_refused(study: Study) -> None:
    assert study.store.annotations is None
    assert not list((study.folder / "annotations").iterdir())
    assert study.store.manifest.stages["annotations"].state == "failed"


def test_what_is_odd_is_told_once_and_kept(tmp_path: Path) -> None:
    painted = Painted(12)
    painted.concepts = [*CONCEPTS, *(type(CONCEPTS[0])(f"odd {number}", "object") for number in range(6))]
    painted.notes = ["2 masks were odd."]
    study = painted_study(tmp_path / "s", painted)
    with pytest.warns(NeuronymWarning) as warned:
        annotate_study(study.store, study.materials)
    assert [str(one.message) for one in warned] == [
        "2 of the 12 images are not annotated in 'painted' and do not count.",
        "2 masks were odd.",
        "7 of the 11 concepts of 'painted' are in no image of the study, on its grid of 12x12 cells, and nothing is "
        "described by them: 'nowhere' (object), 'odd 0' (object), 'odd 1' (object), 'odd 2' (object), "
        "'odd 3' (object) and 2 others.",
    ]
    annotate_study(study.store, study.materials)  # another warning would be an error
    stored = Study.open(tmp_path / "s").store.annotations
    assert stored is not None
    assert stored.notes == ("2 of the 12 images are not annotated in 'painted' and do not count.", "2 masks were odd.")


def test_killed_at_any_moment_it_goes_on_to_the_same(tmp_path: Path) -> None:
    program = Path(__file__).parent / "killed_annotating.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills, parts = map(int, re.findall(r"\d+", done.stdout))
    assert kills >= 2
    assert parts >= 1
