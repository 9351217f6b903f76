"""Answers to occluded images on disk: what was written is read, whole files only, damage is said in a sentence."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import StudyError
from neuronym.records import FILLS, MASKINGS, OcclusionRule
from neuronym.store import occlusion_store
from neuronym.store.atomic import write_table
from neuronym.store.occlusion_store import ImageAnswers, OcclusionStore

RULE = OcclusionRule()


def answers(units: list[int], positions: int, seed: int = 0) -> ImageAnswers:
    generator = np.random.default_rng(seed)
    return ImageAnswers(
        np.array(units, np.int64),
        generator.normal(size=len(units)).astype(np.float32),
        generator.random((len(units), positions), np.float32),
    )


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 5000), max_size=8), st.integers(1, 60), st.integers(0, 10**6))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, units: set[int], positions: int, image: int
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    made = answers(sorted(units), positions)
    OcclusionStore(folder, RULE).write(image, made)
    found = OcclusionStore(folder, RULE).read(image)
    assert found is not None
    for name in ("units", "plain", "discrepancy"):
        one, other = getattr(found, name), getattr(made, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    for row, unit in enumerate(sorted(units)):
        assert np.array_equal(found.of(unit), made.discrepancy[row])
    assert found.nbytes == made.discrepancy.nbytes
    assert [path.name for path in (folder / "occlusion" / RULE.name).iterdir()] == [f"{image:07d}.parquet"]


def test_a_unit_whose_exemplar_it_is_not() -> None:
    found = answers([2, 5], 3)
    for unit in (0, 3, 9):
        with pytest.raises(ValueError, match=f"the image is no stored exemplar of unit {unit}"):
            found.of(unit)


def test_what_is_missing_is_told_once_and_rising(tmp_path: Path) -> None:
    store = OcclusionStore(tmp_path, RULE)
    store.write(4, answers([1], 2))
    assert store.missing([9, 4, 0, 9]) == [0, 9]
    assert store.read(9) is None
    store.write(9, answers([1], 2))
    assert store.missing([9, 4, 0]) == [0]
    assert store.read(9) is not None
    assert OcclusionStore(tmp_path, replace(RULE, size=7)).missing([4]) == [4]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion_store, "_BUDGET", 3 * 4 * 10)
    store = OcclusionStore(tmp_path, RULE)
    for image in range(5):
        store.write(image, answers([0], 10, image))
    first = store.read(0)
    for image in (1, 2):
        store.read(image)
    assert store.read(0) is first
    store.read(3)
    assert store.read(0) is first  # used last but one
    assert len(store._recent) == 3
    store.write(7, answers(list(range(90)), 10))
    large = store.read(7)
    assert store.read(7) is large
    assert len(store._recent) == 1  # more than the budget by itself


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    store = OcclusionStore(tmp_path, RULE)
    store.write(3, answers([1], 4))
    path = store.folder / "0000003.parquet"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StudyError, match=r"0000003\.parquet"):
        store.read(3)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"unit": [1], "plain": pa.array([0.5], pa.float32())}),
        pa.table({"unit": [1], "plain": pa.array([0.5], pa.float32()), "discrepancy": [0.5]}),
        pa.table({"unit": [1, 2], "plain": [0.5, 1.0], "discrepancy": [[0.5], [1.0, 2.0]]}),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path: Path, table: pa.Table) -> None:
    store = OcclusionStore(tmp_path, RULE)
    path = store.folder / "0000000.parquet"
    write_table(path, table)
    with pytest.raises(StudyError) as refused:
        store.read(0)
    assert str(refused.value) == (
        f"The table {str(path)!r} does not hold answers to occluded images. Remove it and run the step that made it "
        "again."
    )


def test_rules_that_answer_differently_have_folders_of_their_own() -> None:
    rules = [
        RULE,
        OcclusionRule(size=11),
        OcclusionRule(stride=3),
        OcclusionRule(size=11, stride=3),
        *(OcclusionRule(fill=fill) for fill in FILLS if fill != "mean"),
        OcclusionRule(fill="noise", seed=1),
        OcclusionRule(summary="mean"),
        OcclusionRule(coarse=2),
        OcclusionRule(size=0.0334821, stride=0.0334821),
        OcclusionRule(size=0.0334822, stride=0.0334821),
        OcclusionRule(size=0.03348214, stride=0.0334821),
        OcclusionRule(size=0.03348215, stride=0.0334821),  # 8 px of 224, and the one before 7
        OcclusionRule(size=11, stride=3, fill="blur", summary="mean", coarse=4),
    ]
    for one, other in combinations(rules, 2):
        assert one.name != other.name
    for rule in rules:
        assert rule.name == rule.name.strip("-")
        assert {replace(rule, masking=masking).name for masking in MASKINGS} == {rule.name}
        assert OcclusionRule.from_spec(rule.spec()) == rule
    assert OcclusionRule(seed=3).name == RULE.name  # which has no part in it


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fill": "white"}, "an occlusion with the fill 'white' and the masking 'half'"),
        ({"masking": "all"}, "an occlusion with the fill 'mean' and the masking 'all'"),
        ({"size": 0}, "an occlusion of size 0, stride None and coarse 1"),
        ({"stride": 1.5}, "an occlusion of size None, stride 1.5 and coarse 1"),
        ({"coarse": 0}, "an occlusion of size None, stride None and coarse 0"),
    ],
)
def test_rules_that_cannot_be(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OcclusionRule(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "resolved"),
    [((224, 224), (11, 3)), ((224, 300), (11, 3)), ((32, 32), (5, 2)), ((48, 64), (5, 3)), ((600, 448), (22, 3))],
)
def test_the_usual_occluder_follows_the_input(size: tuple[int, int], resolved: tuple[int, int]) -> None:
    assert RULE.resolved(size) == resolved
    assert OcclusionRule(7, 4).resolved(size) == (7, 4)
