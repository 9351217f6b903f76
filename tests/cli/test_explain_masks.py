"""``neuronym explain`` with masks of concepts: what it says, what it keeps, and what it refuses before it begins."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuronym.cli.showing_detectors import out_of_reach
from neuronym.store.detectors import category_of, detectors
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records
from program import Ran, explain, neuronym

NAMES = ["value,name,category", "0,,", "1,bright corner,part", "2,cat,object", "3,dog,object", "4,frog,object"]
DISSECT = {"method": "net-dissect", "concepts": None, "set": "quantile=0.9"}


def write_masks(folder: Path, images: Path, names: Sequence[str] = NAMES) -> Path:
    """For every image its animal everywhere but in the corner, which only frogs have and which is bright."""
    for path in sorted(images.glob("*/*.png")):
        values = np.full((10, 12), ("cat", "dog", "frog").index(path.parent.name) + 2, np.uint8)
        values[:5, :5] = 1 if path.parent.name == "frog" else 0
        place = folder / "masks" / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(place / path.name)
    (folder / "names.csv").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dissected(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A folder with images, masks and a study that was dissected; not to be changed."""
    world = tmp_path_factory.mktemp("dissected")
    (world / "images").symlink_to(made / "images", target_is_directory=True)
    write_masks(world / "annotated", world / "images")
    ran = explain(cwd=world, annotations="annotated", layers="act,conv2", **DISSECT)
    assert ran.code == 0, ran.err
    return world, ran


@pytest.fixture
def annotated(world: Path) -> Path:
    """A folder of one's own with images and masks, and no study."""
    write_masks(world / "annotated", world / "images")
    return world


def test_it_says_how_many_units_pass_and_of_what(dissected: tuple[Path, Ran]) -> None:
    world, ran = dissected
    store = StudyStore(world / "study")
    found = detectors(store.explanations(store.runs[-1]))
    assert found, "nothing was found, so that nothing is tested"
    lines = ran.out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.split() == HEAD) + 2
    told = [re.split(r"\s{2,}", line.strip()) for line in lines[first:] if line.strip()]
    expected = []
    for layer in ("act", "conv2"):
        rows = [one for one in found if one.layer == layer]
        units = sum(one.layer == layer for one in explanations_records_units(store))
        total = f"{sum(one.count for one in rows)} of {units}"
        expected.append([layer, "all", total, str(sum(one.unique for one in rows))])
        for one in rows:
            most = ", ".join(f"{concept} {len(of)}" for concept, of in one.units.items())
            expected.append([one.category, str(one.count), str(one.unique), most])
    assert told[: len(expected)] == expected
    assert lines[-1] == "The whole table: neuronym table study"


HEAD = ["layer", "category", "detectors", "unique", "most", "often"]


def explanations_records_units(store: StudyStore) -> list[object]:
    return [one.unit for one in explanations_records(store.explanations(store.runs[-1]))]


def test_stages_are_told_and_masks_are_read_before_the_pass(dissected: tuple[Path, Ran]) -> None:
    stages = [re.sub(r"(, .*|/\d.*)", "", line) for line in dissected[1].err.splitlines()]
    assert [stage.partition(":")[0] for stage in stages] == [
        *("reading images", "36 images", "reading annotations", "activation pass", "mask pass", "net-dissect"),
    ]


def test_what_it_says_comes_out_the_same_of_a_few_units_and_after_a_stop(annotated: Path) -> None:
    options = {"annotations": "annotated", "layers": "act,conv2", **DISSECT}
    assert explain(cwd=annotated, units="1,3", **options).code == 0
    ran = explain(cwd=annotated, resume=True, **options)
    assert ran.code == 0, ran.err
    assert "activation pass" not in ran.err
    assert "mask pass" not in ran.err
    assert "reading annotations" not in ran.err
    whole = explain(cwd=annotated, out="other", **options)
    assert whole.code == 0
    stores = [StudyStore(annotated / name) for name in ("study", "other")]
    assert [list(store.runs) for store in stores] == [list(stores[0].runs)] * 2
    kept = [explanations_records(store.explanations(store.runs[0])) for store in stores]
    assert sorted(kept[0], key=lambda one: one.unit) == sorted(kept[1], key=lambda one: one.unit)
    assert any(category_of(one) for one in kept[0])


def test_masks_can_be_given_to_a_study_that_is_there(study: Path, annotated: Path) -> None:
    text = "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring theirs"
    bare = {"model": None, "layers": None, "images": None, "resume": True, **DISSECT}
    assert explain(cwd=annotated, **bare).error.startswith(text)
    ran = explain(cwd=annotated, annotations="annotated", **bare)
    assert ran.code == 0, ran.err
    assert "activation pass" not in ran.err
    shutil.move(annotated / "annotated", annotated / "elsewhere")
    for options in (bare, {**DISSECT, "resume": True}):  # as it stands, and asked for as before
        again = explain(cwd=annotated, **options)
        assert again.code == 0, again.err
        assert again.out == ran.out


def test_a_coarser_grid_is_another_run(annotated: Path) -> None:
    options = {"annotations": "annotated", **DISSECT}
    assert explain(cwd=annotated, **options).code == 0
    assert explain(cwd=annotated, resume=True, mask_grid="4x4", **options).code == 0
    store = StudyStore(annotated / "study")
    assert len(store.runs) == 2
    assert store.annotations is not None
    assert store.annotations.about.grid == (4, 4)


def test_a_threshold_of_its_own(annotated: Path) -> None:
    options = {"annotations": "annotated", **DISSECT, "set": None}
    ran = explain(cwd=annotated, threshold="-0.25", **options)
    assert ran.code == 0, ran.err
    other = explain(cwd=annotated, resume=True, **{**options, "set": "threshold=-0.25"})
    assert (other.code, other.out) == (0, ran.out)
    store = StudyStore(annotated / "study")
    assert len(store.runs) == 1
    notes = [one.text for said in explanations_records(store.explanations(None)) for one in said.evidence]
    assert any(text is not None and text.startswith("active strictly above -0.25, in ") for text in notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"threshold": "1"} | {"set": "threshold=2"},
            "--threshold 1 and --set threshold=2 say one thing in two ways. Give one of them.",
        ),
        ({"mask_grid": "7"}, "--mask-grid got '7'. Give rows x columns, such as 112x112."),
        ({"mask_grid": "7x-7"}, "--mask-grid got '7x-7'. Give rows x columns, such as 112x112."),
        ({"concepts": "labels"}, "The method net-dissect takes no --concepts. Leave it out."),
        (
            {"set": "quantile=0.97"},
            "net-dissect got quantile=0.97; a study keeps 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999.",
        ),
        (
            {"threshold": "nan", "set": None},
            "The parameter threshold of net-dissect takes a number or none, got nan; by default it is None.",
        ),
        (
            {"annotations": None},
            "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring "
            "theirs; see docs/images.md.",
        ),
    ],
)
def test_what_is_refused_before_anything_is_written(annotated: Path, options: dict[str, str], message: str) -> None:
    ran = explain(cwd=annotated, **{"annotations": "annotated", **DISSECT, **options})
    assert ran.error == message
    assert not (annotated / "study").exists()


def test_faults_in_the_masks_are_found_before_the_pass(annotated: Path) -> None:
    (annotated / "annotated" / "names.csv").write_text("\n".join(NAMES[:-1]) + "\n", encoding="utf-8")
    ran = explain(cwd=annotated, annotations="annotated", **DISSECT)
    assert ran.code == 2
    assert "activation pass" not in ran.err
    assert re.search(r"Error: .*\b4\b.*names\.csv", ran.err.splitlines()[-1]), ran.err


def test_other_methods_take_masks_along(annotated: Path) -> None:
    """They are for `neuronym evaluate`; nothing is said of detectors."""
    ran = explain(cwd=annotated, annotations="annotated")
    assert ran.code == 0, ran.err
    assert "detectors" not in ran.out
    assert StudyStore(annotated / "study").annotations is not None


def test_methods_tells_what_it_needs(world: Path) -> None:
    ran = neuronym("methods", cwd=world)
    assert "net-dissect\n  D. Bau, B. Zhou" in ran.out
    assert "  takes: --annotations, or images that bring masks\n" in ran.out


def test_concepts_that_hardly_a_unit_can_reach_are_named(annotated: Path) -> None:
    """Each animal is on a third of the images, in all of their cells but, of frogs, a corner."""
    options = {"annotations": "annotated", "method": "net-dissect", "concepts": None, "resume": True}
    ran = explain(cwd=annotated, set=["quantile=0.99", "min_iou=0.1"], **options)
    assert ran.code == 0, ran.err
    told = " ".join(ran.out.split())
    found = re.search(
        r"Hardly in reach: (.*)\. They cover (\S+) % of the images or more, and a unit that is active in 1 % of them "
        r"has an IoU of (\S+) at most with such a concept; it takes more than 0\.1\. Larger units reach them: --set "
        r"quantile=0\.95\.",
        told,
    )
    assert found, told
    store = StudyStore(annotated / "study")
    assert store.annotations is not None
    explaining = [image.split == "explain" for image in store.images]
    shares = dict(zip(store.annotations.about.concepts, store.annotations.shares[explaining].mean(0), strict=True))
    described = set(store.explanations(None)["description"].to_pylist())
    beyond = {one: share for one, share in shares.items() if 0.01 / share <= 0.1 and one.name not in described}
    assert set(found[1].split(", ")) == {f"'{one.name}' ({one.category})" for one in beyond}
    least = min(beyond.values())
    assert float(found[2]) == pytest.approx(100 * least, rel=5e-3)
    assert float(found[3]) == pytest.approx(0.01 / least, rel=5e-2)
    for settings in (["quantile=0.9", "min_iou=0.1"], ["quantile=0.99", "min_iou=0"], "threshold=1"):
        assert "in reach" not in explain(cwd=annotated, set=settings, **options).out


def test_no_unit_of_the_share_overlaps_more_with_what_is_out_of_reach() -> None:
    cells = np.arange(1000)
    shares = np.array([0.0, 0.004, 0.1, 0.6, 0.126, 1.0])
    unit = cells < 5
    best = np.array([(unit & mask).sum() / (unit | mask).sum() for mask in (cells < 1000 * shares[:, None])])
    assert out_of_reach(shares, 0.005, 0.04) == [5, 3, 4]
    assert [at for at in np.argsort(-shares) if shares[at] > 0.005 and best[at] <= 0.04] == [5, 3, 4]
    assert out_of_reach(shares, 0.005, 0.0) == []
    assert out_of_reach(np.array([0.125]), 0.005, 0.04) == [0]  # an IoU of 0.04 is not above it


@pytest.mark.filterwarnings("default::neuronym.errors.NeuronymWarning")
def test_images_without_masks_are_counted_among_those_of_the_study(annotated: Path) -> None:
    for path in sorted((annotated / "annotated" / "masks").glob("cat/*.png")):
        path.unlink()
    ran = explain(cwd=annotated, annotations="annotated", limit=9, **DISSECT)
    assert ran.code == 0, ran.err
    store = StudyStore(annotated / "study")
    lacking = sum(image.member.startswith("cat") for image in store.images)
    assert 0 < lacking < 9
    assert f"Warning: {lacking} of the 9 images are not annotated in 'annotated' and do not count." in ran.err
