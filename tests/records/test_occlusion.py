"""The rule by which images are covered."""

from __future__ import annotations

import pytest

from neuronym.records import OcclusionRule


@pytest.mark.parametrize(
    ("size", "stride", "given", "expected"),
    [
        (None, None, (224, 224), (11, 3)),
        (None, None, (64, 64), (5, 3)),
        (None, None, (32, 32), (5, 2)),
        (None, None, (300, 448), (15, 3)),
        (0.375, 0.0625, (64, 80), (24, 4)),
        (0.375, 0.0625, (224, 224), (84, 14)),
        (0.01, 0.01, (8, 8), (1, 1)),
        (9, 0.5, (20, 30), (9, 10)),
    ],
)
def test_side_and_stride(
    size: float | None, stride: float | None, given: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert OcclusionRule(size, stride).resolved(given) == expected


def test_shares_and_pixels_have_names_of_their_own() -> None:
    names = {OcclusionRule(size, stride).name for size in (None, 0.5, 1, 11) for stride in (None, 0.25, 3)}
    assert len(names) == 12
    rule = OcclusionRule(0.375, 0.0625, corrected=True)
    assert OcclusionRule.from_spec(rule.spec()) == rule
