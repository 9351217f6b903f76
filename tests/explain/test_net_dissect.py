"""Network Dissection against plain loops over cells, on maps that are known; what it says where it says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.method_suite import (
    check_asked_units,
    check_determinism,
    check_explain_only,
    check_explanations,
    check_pickling,
    check_silent,
)
from dense_layer import CONCEPTS, GRID, Bools, dense_view, known_layer, known_view, masks_of
from neuronym.errors import MethodError
from neuronym.explain.abstention import Abstaining
from neuronym.explain.explainer import mask_rule, needs_annotations
from neuronym.explain.net_dissect import NetDissect, Preset
from neuronym.plugins import make_method
from neuronym.records import CATEGORIES, Explanation, MaskConcept, MaskRule
from neuronym.store.derived_view import resampled, with_shuffled, without_test
from neuronym.store.detectors import category_of
from neuronym.store.layer_view import LayerView


def says(text: str) -> str:
    return f"^{re.escape(text)}$"


def explained(method: Any, view: LayerView) -> list[Explanation]:
    return list(method.explain(view.units, view))


def texts(said: Explanation, kind: str) -> list[str | None]:
    return [one.text for one in said.evidence if one.kind == kind]


def plain_iou(unit: Bools, concept: Bools, labelled: Bools, valid: Bools, preset: Preset) -> float:
    """Counted cell by cell; ``labelled`` is where any concept of the concept's category is, [images, height, width]."""
    both = either = 0
    for image in range(len(unit)):
        cells = [cell for cell in np.ndindex(*GRID) if valid[image][cell]]
        counts = preset == "paper" or any(unit[image][cell] and labelled[image][cell] for cell in cells)
        for cell in cells:
            fires = bool(unit[image][cell]) and counts
            both += fires and concept[image][cell]
            either += fires or concept[image][cell]
    return both / either if either else 0.0


def plain_ranking(unit: Bools, masks: Bools, valid: Bools, preset: Preset) -> list[tuple[MaskConcept, float]]:
    """The concepts that overlap with a unit, best first, then by name and category."""
    found = []
    for number, concept in enumerate(CONCEPTS):
        kin = [other for other, one in enumerate(CONCEPTS) if one.category == concept.category]
        labelled = np.logical_or.reduce([masks[:, other] for other in kin])
        found.append((concept, plain_iou(unit, masks[:, number], labelled, valid, preset)))
    ranked = sorted(found, key=lambda pair: (-pair[1], pair[0].name, pair[0].category))
    return [(concept, iou) for concept, iou in ranked if iou > 0]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["paper", "reference"]),
    st.sampled_from([{"quantile": 0.9}, {"quantile": 0.995}, {"threshold": 1.0}, {"threshold": -1}]),
    st.sampled_from([0.0, 0.04, 0.3]),
)
def test_it_says_what_plain_loops_say(seed: int, preset: Preset, level: dict[str, float], least: float) -> None:
    maps, masks, valid = known_layer(seed, images=8)
    method = NetDissect(preset=preset, min_iou=least, **level)  # type: ignore[arg-type]
    view = dense_view(maps, CONCEPTS, masks, valid, explain=6)
    thresholds = (
        np.full(6, level["threshold"], np.float64) if "threshold" in level else view.quantile(level["quantile"])
    )
    active = masks_of(maps[:6], thresholds, GRID)
    for unit, said in enumerate(explained(method, view)):
        if unit < 2:
            assert said.state == "abstained"
            continue
        ranked = plain_ranking(active[:, unit], masks[:6], valid[:6], preset)
        names = list(dict.fromkeys(concept.name for concept, _ in ranked))
        best = [max(iou for concept, iou in ranked if concept.name == name) for name in names]
        assert [(one.text, one.score) for one in said.candidates] == list(zip(names, best, strict=True))
        expected = ranked and ranked[0][1] > least and not (active[:, unit] >= valid[:6]).all()
        assert (said.state == "described") == bool(expected)
        if expected:
            assert (said.description, said.score) == (ranked[0][0].name, ranked[0][1])
            assert category_of(said) == ranked[0][0].category
        kinds = sorted({concept.category for concept, _ in ranked}, key=[*CATEGORIES, "something else"].index)
        firsts = [next(pair for pair in ranked if pair[0].category == kind) for kind in kinds]
        assert texts(said, "best") == [
            f"{concept.category}: {concept.name}, IoU {iou:.3f}".replace("IoU 0.", "IoU .") for concept, iou in firsts
        ]


def test_it_finds_what_units_follow_and_says_how() -> None:
    view = known_view()
    said = explained(NetDissect(threshold=1.0), view)
    assert [one.description for one in said] == [None, None, "sky", "wood", "street", "zigzag"]
    assert [category_of(one) for one in said[2:]] == ["object", "object", "scene", "something else"]
    assert all(one.score is not None and one.score > 0.99 for one in said[2:])
    assert [one.reason for one in said[:2]] == [
        "it is zero everywhere on every explain image",
        "it has one value everywhere on every explain image",
    ]
    assert "absent" not in {one.text for each in said for one in each.candidates}
    shown = [one.image_id for one in said[2].evidence if one.kind == "exemplar"]
    assert shown == [one.image_id for one in view.exemplars(2, "max")[:5]]


def test_the_threshold_is_told() -> None:
    maps, masks, valid = known_layer(0)
    view = dense_view(maps, CONCEPTS, masks, valid, explain=18)
    above = masks_of(maps[:18], np.full(6, 1.0), GRID)[:, 3]
    share = 100 * (above & valid[:18]).sum() / valid[:18].sum()
    told = f"active strictly above 1, in {share:.3g} % of the cells that count"
    assert texts(explained(NetDissect(threshold=1.0), view)[3], "threshold") == [told]
    found = texts(explained(NetDissect(), view)[3], "threshold")[0]
    assert found is not None
    assert found.startswith(f"active strictly above {view.quantile(0.995)[3]:.4g} (its 0.995 quantile), in ")


def test_few_candidates_are_kept_if_few_are_asked_for() -> None:
    few, many = (explained(NetDissect(0.9, candidates=count), known_view()) for count in (2, 10))
    assert [one.candidates for one in few] == [one.candidates[:2] for one in many]
    assert len(many[3].candidates) == 5


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_equal_concepts_are_ordered_by_the_alphabet(order: Sequence[int]) -> None:
    """Not by their numbers; and of one name in two categories the first category counts."""
    concepts = [MaskConcept("b", "material"), MaskConcept("a", "part"), MaskConcept("a", "object")]
    maps = np.zeros((4, 1, *GRID), np.float32)
    maps[:, 0, :2, :2] = 1
    masks = np.repeat(maps > 0, 3, 1)
    view = dense_view(maps, [concepts[number] for number in order], masks, explain=4)
    said = explained(NetDissect(threshold=0), view)[0]
    assert (said.description, said.score, category_of(said)) == ("a", 1.0, "object")
    assert [(one.text, one.score) for one in said.candidates] == [("a", 1.0), ("b", 1.0)]
    assert texts(said, "tie") == ["3 concepts have the best IoU; the first in the alphabet was taken"]
    assert texts(said, "best") == ["object: a, IoU 1.000", "part: a, IoU 1.000", "material: b, IoU 1.000"]


def test_many_equal_concepts_stay_in_the_order_of_the_alphabet() -> None:
    maps = np.zeros((4, 1, *GRID), np.float32)
    maps[:, 0, :2, :2] = 1
    concepts = [MaskConcept(f"{number:02d}", "object") for number in np.random.default_rng(0).permutation(40)]
    said = explained(NetDissect(threshold=0), dense_view(maps, concepts, np.repeat(maps > 0, 40, 1), explain=4))[0]
    assert [one.text for one in said.candidates] == [f"{number:02d}" for number in range(10)]


def test_the_least_iou_is_exclusive() -> None:
    maps, masks = np.zeros((2, 1, *GRID), np.float32), np.zeros((2, 1, *GRID), np.bool_)
    maps[:, 0, :4, :4], masks[:, 0, :1, :4] = 1, True  # 4 of 16 cells
    view = dense_view(maps, [MaskConcept("curb", "object")], masks, explain=2)
    said = explained(NetDissect(threshold=0, min_iou=0.25), view)[0]
    assert said.reason == "its best concept, 'curb' (object), has an IoU of 0.25, which is not above 0.25"
    assert [(one.text, one.score) for one in said.candidates] == [("curb", 0.25)]
    assert (texts(said, "best"), texts(said, "category")) == (["object: curb, IoU .250"], [])
    assert explained(NetDissect(threshold=0, min_iou=0.2499), view)[0].description == "curb"


def one_unit(values: npt.NDArray[np.float32], masks: Bools | None = None, valid: Bools | None = None) -> LayerView:
    """One unit on all images; unless said otherwise a concept is in the first cell of each of them."""
    first = np.zeros((len(values), 1, *GRID), np.bool_)
    first[..., 0, 0] = True
    return dense_view(
        values[:, None], [MaskConcept("corner", "part")], first if masks is None else masks, valid, explain=len(values)
    )


def reason(method: NetDissect, view: LayerView) -> str | None:
    said = explained(method, view)[0]
    assert said.state == "abstained"
    return said.reason


def test_a_unit_that_is_on_or_off_is_told_of_the_threshold_that_fits_it() -> None:
    values = np.zeros((20, *GRID), np.float32)
    values[:, :2, :2] = 1  # on 5.7 % of all positions
    assert reason(NetDissect(), one_unit(values)) == (
        "no cell is strictly above its threshold, 1: that is the highest of its activations, and it reaches it at more "
        "than the 0.5 % of all positions that the quantile 0.995 leaves. Describe it with --threshold 0"
    )
    assert explained(NetDissect(threshold=0), one_unit(values))[0].description == "corner"
    shifted = reason(NetDissect(), one_unit(values + 1))
    assert shifted is not None
    assert shifted.endswith("Describe it with --threshold 1.5")
    assert explained(NetDissect(threshold=1.5), one_unit(values + 1))[0].description == "corner"


def test_too_few_activations_for_the_quantile() -> None:
    values = np.arange(25, dtype=np.float32)
    masks = np.zeros((25, 1, *GRID), np.bool_)
    masks[20:] = True
    assert reason(NetDissect(), one_unit(values, masks)) == (
        "no cell is strictly above its threshold, 24: of 25 activations none is above the quantile 0.995. Describe it "
        "with --threshold 0, or with more images"
    )
    said = explained(NetDissect(quantile=0.9), one_unit(values, masks))[0]
    assert (said.description, said.score) == ("corner", 2 / 5)
    assert texts(said, "threshold") == [
        "active strictly above 22 (its 0.9 quantile), in 8 % of the cells that count; it has one activation per image, "
        "and is active everywhere or nowhere in it"
    ]


def test_units_that_are_active_nowhere_or_everywhere() -> None:
    values = np.random.default_rng(0).random((20, *GRID), np.float32) + 1
    highest = f"{values.max():.4g}"
    assert reason(NetDissect(threshold=5), one_unit(values)) == (
        f"it is nowhere above the threshold 5; the highest of its activations is {highest}"
    )
    assert reason(NetDissect(threshold=0), one_unit(values)) == (
        "it is above its threshold, 0, in every cell of every annotated explain image"
    )
    values[:] = 0
    values[:, 0, 13] = 1
    valid = np.ones((20, *GRID), np.bool_)
    valid[:, :, 10:] = False
    assert reason(NetDissect(threshold=0), one_unit(values, None, valid)) == (
        "it is above its threshold, 0, in no cell that counts of the annotated explain images"
    )
    assert reason(NetDissect(threshold=0), one_unit(values)) == "none of the annotated concepts is where it is active"


def test_no_concept_in_the_explain_images() -> None:
    maps, masks, valid = known_layer(0)
    masks[:18] = False
    text = (
        "None of the 7 annotated concepts is in any of the 18 explain images, or only where the network does not see "
        "it. Give annotations of these images with --annotations."
    )
    with pytest.raises(MethodError, match=says(text)):
        explained(NetDissect(), dense_view(maps, CONCEPTS, masks, valid, explain=18))


def test_nothing_is_annotated() -> None:
    text = (
        "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring theirs; "
        "see docs/images.md."
    )
    with pytest.raises(MethodError, match=says(text)):
        explained(NetDissect(), dense_view(known_layer(0)[0]))


@pytest.mark.parametrize(
    ("given_settings", "text"),
    [
        (
            {"quantile": 0.97},
            "net-dissect got quantile=0.97; a study keeps 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999.",
        ),
        ({"threshold": float("inf")}, "net-dissect got threshold=inf; it must be a finite activation."),
        ({"min_iou": 1.0}, "net-dissect got min_iou=1.0; it must be 0 or more and below 1."),
        ({"min_iou": -0.1}, "net-dissect got min_iou=-0.1; it must be 0 or more and below 1."),
        ({"preset": "best"}, "net-dissect has no preset 'best'. Use paper, reference."),
        ({"candidates": 0}, "net-dissect got candidates=0; it must be at least 1."),
    ],
)
def test_parameters_that_cannot_be_used(given_settings: dict[str, Any], text: str) -> None:
    with pytest.raises(MethodError, match=says(text)):
        NetDissect(**given_settings)


def test_the_rule_of_its_masks() -> None:
    assert NetDissect().mask_rule == MaskRule(0.995)
    assert NetDissect(0.99, 2).mask_rule == MaskRule(None, 2.0)
    method: Any = make_method("neuronym.explain.net_dissect:NetDissect", {"threshold": "0"})
    wrapped = Abstaining(method)
    assert mask_rule(method) == mask_rule(wrapped) == MaskRule(None, 0.0)
    assert needs_annotations(method) is needs_annotations(wrapped) is needs_annotations(NetDissect) is True


def test_units_are_told_from_chance() -> None:
    """Those that follow a concept stay; those of noise score no better than shuffled ones."""
    maps, masks, valid = known_layer(3, images=32)
    maps[:, 5] = np.random.default_rng(9).random(maps[:, 5].shape)
    view = dense_view(maps, CONCEPTS, masks, valid)
    plain, strict = NetDissect(0.9), Abstaining(NetDissect(0.9), 0.05)
    assert [one.state for one in explained(plain, view)] == ["abstained"] * 2 + ["described"] * 4
    said = explained(strict, view)
    assert [one.description for one in said] == [None, None, "sky", "wood", "street", None]
    assert said[5].reason is not None
    assert re.search(r"which \d+ of 40 shuffled units reach \(p = 0\.\d+, above 0\.05\)$", said[5].reason)
    assert [category_of(one) for one in said] == [None, None, "object", "object", "scene", None]
    for check in (check_explanations, check_silent, check_determinism, check_pickling, check_explain_only):
        check(strict, view)
    check_asked_units(strict, view, 1e-9)


def test_an_added_unit_is_judged_by_the_images_that_it_is_dealt() -> None:
    maps, masks, valid = known_layer(1)
    view = dense_view(maps, CONCEPTS, masks, valid, explain=18)
    wider = with_shuffled(view, [2, 4], seed=5)
    rows = [np.argsort(np.argsort(wider.summaries("max", "explain")[:, unit])) for unit in (6, 7)]
    dealt = maps[:, [2, 4]].copy()
    for column, (row, source) in enumerate(zip(rows, (2, 4), strict=True)):
        order = np.argsort(view.summaries("max", "explain")[:, source])
        dealt[:18, column] = maps[order[row], source]  # no two maxima are equal
    alone = dense_view(dealt, CONCEPTS, masks, valid, explain=18)
    for added, other in zip(explained(NetDissect(0.9), wider)[6:], explained(NetDissect(0.9), alone), strict=True):
        assert (added.description, added.score, added.candidates) == (other.description, other.score, other.candidates)


def test_images_drawn_anew_count_as_often_as_they_were_drawn() -> None:
    maps, masks, valid = known_layer(2)
    rows = np.random.default_rng(0).integers(0, 18, 18)
    view = dense_view(maps, CONCEPTS, masks, valid, explain=18)
    method = NetDissect(threshold=0.8)
    drawn = dense_view(maps[rows], CONCEPTS, masks[rows], valid[rows], explain=18)
    for one, other in zip(explained(method, resampled(view, rows)), explained(method, drawn), strict=True):
        assert (one.state, one.candidates, one.reason) == (other.state, other.candidates, other.reason)


def test_test_images_do_not_matter() -> None:
    maps, masks, valid = known_layer(4)
    other = (maps.copy(), masks.copy(), valid)
    other[0][18:, 2:], other[1][18:] = 5, False
    views = [
        dense_view(*parts, explain=18) for parts in ((maps, CONCEPTS, masks, valid), (other[0], CONCEPTS, *other[1:]))
    ]
    assert explained(NetDissect(0.9), views[0]) == explained(NetDissect(0.9), views[1])
    assert explained(NetDissect(0.9), views[0]) == explained(NetDissect(0.9), without_test(views[0]))


def test_the_presets_differ_where_a_category_is_absent() -> None:
    """A unit that also fires where nothing of a category is labelled is punished for it by the paper's IoU only."""
    maps, masks = np.zeros((4, 1, *GRID), np.float32), np.zeros((4, 1, *GRID), np.bool_)
    maps[:, 0, :2, :2] = 1
    masks[:2, 0, :2, :2] = True
    view = dense_view(maps, [MaskConcept("wheel", "part")], masks, explain=4)
    scores = [explained(replace(NetDissect(threshold=0), preset=one), view)[0].score for one in ("paper", "reference")]
    assert scores == [0.5, 1.0]
