"""What stands where an image is covered: the mean, noise about it, or the image out of focus."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from neuronym.records import OcclusionRule
from neuronym.regions.covering import covered_with, mean_colour
from neuronym.targets.preprocessing import UNCHANGED

IMAGE = torch.randn(3, 9, 7, generator=torch.Generator().manual_seed(0))


def test_the_mean_of_the_data_set_is_zero() -> None:
    assert not covered_with(IMAGE, OcclusionRule(), 5).any()


def test_noise_is_of_the_seed_and_the_same_for_every_image() -> None:
    one, again, other = (
        covered_with(image, OcclusionRule(fill="noise", seed=seed), 5)
        for image, seed in ((IMAGE, 1), (IMAGE + 1, 1), (IMAGE, 2))
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    large = covered_with(torch.zeros(3, 200, 200), OcclusionRule(fill="noise"), 5)
    assert abs(float(large.mean())) < 0.02
    assert float(large.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [1, 3, 9])
def test_a_blurred_image_is_the_weighted_mean_of_its_neighbours(size: int) -> None:
    found = covered_with(IMAGE, OcclusionRule(fill="blur"), size)
    sigma = size / 2
    _, height, width = IMAGE.shape

    def kernel(side: int) -> dict[int, float]:
        reach = min(round(3 * sigma), side - 1)
        odds = {step: math.exp(-((step / sigma) ** 2) / 2) for step in range(-reach, reach + 1)}
        return {step: value / sum(odds.values()) for step, value in odds.items()}

    def mirrored(place: int, side: int) -> int:
        return abs(place) if place < side else 2 * side - 2 - place

    for y, x in ((0, 0), (4, 3), (8, 6), (2, 5)):
        expected = sum(
            down * across * IMAGE[:, mirrored(y + dy, height), mirrored(x + dx, width)]
            for dy, down in kernel(height).items()
            for dx, across in kernel(width).items()
        )
        torch.testing.assert_close(found[:, y, x], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_colour_is_told_in_bytes() -> None:
    unit = replace(UNCHANGED, mean=(0.5, 0.25, 1.5), std=(1.0, 1.0, 1.0))
    assert mean_colour(unit) == (128, 64, 255)
    assert mean_colour(replace(unit, scale="byte", mean=(103.939, 116.779, -3.0))) == (104, 117, 0)
