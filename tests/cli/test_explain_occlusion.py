"""``neuronym explain --method occlusion-vocab``: what it says, and what it refuses before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records
from program import contents, explain, neuronym

OCCLUDE: dict[str, Any] = {
    "method": "occlusion-vocab",
    "concepts": "words.txt",
    "encoder": "tiny_net:colours",
    "set": ["exemplars=2"],
    "layers": "act,head",
}


def refused(world: Path, **options: Any) -> str:
    before = contents(world)
    said = explain(cwd=world, **{**OCCLUDE, **options}).error
    assert contents(world) == before
    return said


def test_units_are_described_with_their_patches(world: Path) -> None:
    ran = explain(cwd=world, **OCCLUDE)
    assert ran.code == 0, ran.err
    assert "occluding images" in ran.err
    store = StudyStore(world / "study")
    found = list(explanations_records(store.explanations(store.runs[-1])))
    assert {one.unit.layer for one in found} == {"act", "head"}
    for one in found:
        if one.state == "described":
            assert one.description in ("red", "green", "blue sky")
            patches = [part for part in one.evidence if part.kind == "patch"]
            assert 1 <= len(patches) <= 2
            assert all(part.region is not None for part in patches)
    assert any(one.state == "described" for one in found)
    # Once more the answers are there: other patches of the same occlusions need no pass.
    again = explain(cwd=world, **{**OCCLUDE, "set": ["exemplars=2", "masking=soft"], "resume": True})
    assert again.code == 0, again.err
    assert "occluding images" not in again.err
    assert "occlusion-vocab" in neuronym("methods", cwd=world).out


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "occluder=9",
            "An occluder of 9 x 9 pixels is larger than the network's input of 8 x 8. Give a smaller one with "
            "--set occluder=PIXELS.",
        ),
        ("exemplars=0", "occlusion-vocab got exemplars=0; it must be at least 1."),
        (
            "exemplars=21",
            "occlusion-vocab got exemplars=21, but the study keeps 20 per unit. Give a smaller number, or make a study "
            "with --top-k 21.",
        ),
        (
            "stride=0",
            "occlusion-vocab got stride=0; it must be a whole number of pixels, or a share of the input's shorter side "
            "between 0 and 1.",
        ),
        ("fill=white", "occlusion-vocab has no fill 'white'. Use mean, noise, blur."),
        ("masking=quarter", "occlusion-vocab has no masking 'quarter'. Use half, otsu, soft, box."),
        ("watched=q99", "occlusion-vocab has no watched 'q99'. Use max, mean."),
        ("prior=2", "occlusion-vocab got prior=2.0; it must be from 0 to 1."),
    ],
)
def test_settings_that_cannot_be_are_refused_before_the_pass(world: Path, setting: str, sentence: str) -> None:
    assert refused(world, set=[setting]) == sentence


def test_what_is_missing_is_said(world: Path) -> None:
    for name in ("encoder", "concepts"):
        said = refused(world, **{name: None})
        assert said == f"The method occlusion-vocab needs --{name}, and none was given."


def test_an_occluder_larger_than_the_input_leaves_a_study_as_it_was(study: Path, world: Path) -> None:
    bare = {"model": None, "images": None, "layers": None}
    for again in ({**bare, "resume": True}, {"overwrite": True}):
        said = refused(world, set=["occluder=9"], **again)
        assert said.startswith("An occluder of 9 x 9 pixels is larger than the network's input of 8 x 8.")
