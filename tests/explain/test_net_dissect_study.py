"""Network Dissection on a real study of images that bring masks, against the same counted from dense arrays."""

from __future__ import annotations

import numpy as np
import pytest

import small_study
from conformance.method_suite import check_method
from dense_layer import dense_view
from neuronym.explain.net_dissect import NetDissect
from neuronym.records import Explanation, MaskConcept
from neuronym.store.detectors import category_of
from neuronym.store.layer_view import LayerView
from neuronym.store.tables import explanations_records
from neuronym.study import Study

NAMES = ("void", "red", "green", "blue", "left")
CATEGORIES = ("", "colour", "colour", "colour", "part")
CONCEPTS = [MaskConcept(*pair) for pair in zip(NAMES[1:], CATEGORIES[1:], strict=True)]
COUNT, SIDE = 90, small_study.SIDE


def planes(seed: int = 0) -> np.ndarray:
    """Where a square of one colour is, and in half of the images its left half; int64 [images, 2, side, side]."""
    generator = np.random.default_rng(seed)
    values = np.zeros((COUNT, 2, SIDE, SIDE), np.int64)
    for number in range(COUNT):
        top, left = generator.integers(0, SIDE - 6, 2)
        values[number, 0, top : top + 6, left : left + 6] = generator.integers(1, 4)
        values[number, 1, top : top + 6, left : left + 3] = 4 * (number % 2)
    return values


def images(masks: np.ndarray) -> np.ndarray:
    """Grey noise with the squares in their colours."""
    colours = np.array([(128, 128, 128), (220, 40, 30), (40, 200, 60), (40, 60, 220)])
    noise = np.random.default_rng(1).normal(0, 20, (COUNT, SIDE, SIDE, 3))
    return np.clip(colours[masks[:, 0]] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("dissected")
    masks = planes()
    np.savez(folder / "squares.npz", images=images(masks), masks=masks, mask_names=NAMES, mask_categories=CATEGORIES)
    made = Study.create(
        folder / "study",
        model=small_study.small_target(),
        layers=("relu", "pool", "head"),
        images=str(folder / "squares.npz"),
    )
    return made.probe(device="cpu", batch_size=16)


def dense(study: Study, layer: str) -> LayerView:
    """The same layer, its maps and masks taken past the study's own files."""
    view = study.view(layer)
    order = [int(image.member) for image in (*view.images("explain"), *view.images("test"))]
    count = len(view.images("explain"))
    loaded = [study.probe_set.load(position) for position in range(len(order))]
    masks = planes()[order]
    concepts = np.stack([(masks == number).any(1) for number in range(1, 5)], 1)
    return dense_view(view.respond(loaded), CONCEPTS, concepts, explain=count)


def said(study: Study, run: str, layer: str) -> list[Explanation]:
    table = study.store.explanations(run)
    return sorted(
        (one for one in explanations_records(table) if one.unit.layer == layer), key=lambda one: one.unit.index
    )


@pytest.mark.parametrize("settings", [{"quantile": 0.95}, {"threshold": 0.5, "preset": "reference"}])
def test_a_study_says_what_dense_arrays_say(study: Study, settings: dict[str, float]) -> None:
    run = study.explain("net-dissect", settings=settings, device="cpu")
    for layer in ("relu", "pool", "head"):
        found, other = said(study, run, layer), dense(study, layer)
        level = study.view(layer).mask_thresholds(NetDissect(**settings).mask_rule)  # type: ignore[arg-type]
        method = NetDissect(**settings)  # type: ignore[arg-type]
        for one, unit in zip(found, other.units, strict=True):
            alone = NetDissect(threshold=float(level[unit.index]), preset=method.preset)
            (expected,) = alone.explain([unit], other)
            # The pass and view.respond() may round a value at the threshold to its other side.
            assert {each.text: each.score for each in one.candidates} == pytest.approx(
                {each.text: each.score for each in expected.candidates}, abs=2e-3
            )
            assert (one.state, category_of(one)) == (expected.state, category_of(expected)), (layer, unit)
    squares = [one for one in said(study, run, "relu") if one.state == "described"]
    assert len({one.description for one in squares}) > 1, "all units are alike, so that little is tested"


def test_asked_one_after_another_units_are_one_run_and_the_same(study: Study) -> None:
    few = {"quantile": 0.98}
    run = study.explain("net-dissect", settings=few, layers=["relu"], units=[5, 3], device="cpu")
    first = said(study, run, "relu")
    assert study.explain("net-dissect", settings=few, layers=["relu"], device="cpu") == run
    whole = said(study, run, "relu")
    assert [one.unit.index for one in first] == [3, 5]
    assert [whole[3], whole[5]] == first
    assert whole == list(NetDissect(0.98).explain(study.view("relu").units, study.view("relu", run)))


def test_abstaining_on_a_study(study: Study) -> None:
    plain = study.explain("net-dissect", settings={"quantile": 0.9}, layers=["relu"], device="cpu")
    strict = study.explain("net-dissect", settings={"quantile": 0.9}, layers=["relu"], abstain=0.1, device="cpu")
    assert strict != plain
    both = list(zip(said(study, plain, "relu"), said(study, strict, "relu"), strict=True))
    assert all(other.description in (one.description, None) for one, other in both)
    judged = [other for one, other in both if one.state == "described"]
    assert any("p-value" in {part.kind for part in one.evidence} for one in judged)


@pytest.mark.parametrize("layer", ["relu", "pool"])
def test_it_conforms_on_a_study(study: Study, layer: str) -> None:
    study.annotate()
    check_method(NetDissect(0.95), study.view(layer, "a-run"))
