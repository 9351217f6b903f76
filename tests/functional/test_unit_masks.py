"""Upsampled maps above a threshold against torch's own upsampling and against the formula written out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.functional.unit_masks import masks_above
from neuronym.records import packed, unpacked

SIDES = st.tuples(st.integers(1, 12), st.integers(1, 12))
LAYOUTS = st.sampled_from([torch.contiguous_format, torch.channels_last])


def exactly(values: list[list[float]], grid: tuple[int, int]) -> list[list[Fraction]]:
    """One map upsampled in fractions, cell by cell."""

    def place(cell: int, cells: int, size: int) -> tuple[int, int, Fraction]:
        at = max((cell + Fraction(1, 2)) * size / cells - Fraction(1, 2), Fraction(0))
        before = at.numerator // at.denominator
        return before, min(before + 1, size - 1), at - before

    out = []
    for row in range(grid[0]):
        above, below, t = place(row, grid[0], len(values))
        out.append([])
        for column in range(grid[1]):
            left, right, s = place(column, grid[1], len(values[0]))
            corners = [Fraction(values[y][x]) for y in (above, below) for x in (left, right)]
            upper, lower = ((1 - s) * corners[k] + s * corners[k + 1] for k in (0, 2))
            out[-1].append((1 - t) * upper + t * lower)
    return out


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 4),
    st.integers(1, 20),
    SIDES,
    SIDES,
    LAYOUTS,
    st.sampled_from([0.1, 0.5, 0.99]),
)
def test_masks_are_those_of_torch(
    seed: int,
    images: int,
    units: int,
    size: tuple[int, int],
    grid: tuple[int, int],
    layout: torch.memory_format,
    quantile: float,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(images, units, *size, generator=generator)
    thresholds = torch.randn(images + 3, units, generator=generator).double().quantile(quantile, 0).numpy()
    words = masks_above(maps.contiguous(memory_format=layout), thresholds, grid)
    assert words.dtype == np.uint64
    upsampled = torch.nn.functional.interpolate(maps.double(), grid, mode="bilinear", align_corners=False).numpy()
    apart = upsampled - thresholds[:, None, None]
    found = unpacked(words, grid)
    assert np.array_equal(words, packed(found))  # no bit beyond the grid
    sure = np.abs(apart) > 1e-9
    assert np.array_equal(found[sure], (apart > 0)[sure])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), SIDES, SIDES, LAYOUTS)
def test_plateaus_at_the_threshold_are_never_above_it(
    seed: int, size: tuple[int, int], grid: tuple[int, int], layout: torch.memory_format
) -> None:
    random = np.random.default_rng(seed)
    level = np.float32(random.normal() * 10.0 ** random.integers(-30, 30))
    lower = np.nextafter(level, np.float32(-np.inf)) if seed % 2 else np.float32(-abs(level))
    maps = np.where(random.random((5, 3, *size)) < random.choice([0.5, 0.9, 1.0]), level, lower)
    inputs = torch.from_numpy(maps).contiguous(memory_format=layout)
    assert not masks_above(inputs, np.full(3, level, np.float64), grid).any()
    # Just below the level, a cell among nothing but level values is above, one among lower ones is not.
    found = unpacked(masks_above(inputs, np.full(3, np.nextafter(np.float64(level), -np.inf)), grid), grid)
    for image, unit in np.ndindex(5, 3):
        for cell, value in np.ndenumerate(np.array(exactly(maps[image, unit].tolist(), grid))):
            if value == Fraction(float(level)):
                assert found[image, unit][cell]
            elif value < Fraction(float(level)) - abs(Fraction(float(level))) / 10**12:
                assert not found[image, unit][cell]


def test_values_above_the_threshold_on_all_sides_are_above_it() -> None:
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    threshold = np.array([np.nextafter(1.0, 0)])
    assert unpacked(masks_above(maps, threshold, (9, 7)), (9, 7)).all()
    exact = np.array(exactly(maps[0, 0].tolist(), (9, 7))) > Fraction(5, 2)
    assert np.array_equal(unpacked(masks_above(maps, np.array([2.5]), (9, 7)), (9, 7))[0, 0], exact)


def test_on_a_grid_like_the_map_nothing_is_interpolated() -> None:
    maps = torch.randn(3, 4, 9, 8)
    thresholds = maps[1, :, 4, 4].double().numpy()
    found = unpacked(masks_above(maps, thresholds, (9, 8)), (9, 8))
    assert np.array_equal(found, maps.numpy() > thresholds[:, None, None].astype(np.float32))


def test_thresholds_between_two_floats_part_them() -> None:
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    maps = torch.tensor([[[[low]], [[high]]]])
    for thresholds, expected in (
        ([0.5 * (float(low) + float(high))] * 2, [False, True]),
        ([float(low), float(high)], [False, False]),
        ([np.nextafter(float(low), 0), np.nextafter(float(high), 0)], [True, True]),
        ([np.inf, 1e300], [False, False]),
        ([-np.inf, -1e300], [True, True]),
        ([np.nan, np.nan], [False, False]),
    ):
        found = unpacked(masks_above(maps, np.array(thresholds), (2, 3)), (2, 3))
        assert found.any((2, 3)).tolist() == found.all((2, 3)).tolist() == [expected]


def test_units_without_a_map_are_active_everywhere_or_nowhere() -> None:
    maps = torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    thresholds = np.array([0.5, 0.0])
    words = masks_above(maps, thresholds, (9, 9))
    assert np.array_equal(words, masks_above(maps[..., None, None], thresholds, (9, 9)))
    assert np.array_equal(unpacked(words, (9, 9)).all((2, 3)), [[True, False], [False, True]])
    assert np.array_equal(words, packed(unpacked(words, (9, 9))))


def test_every_layout_type_and_number_of_threads_gives_the_same() -> None:
    maps = torch.randn(9, 70, 10, 11).bfloat16()
    thresholds = np.full(70, 1.0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = masks_above(maps.float(), thresholds, (20, 30))
    torch.set_num_threads(2)
    others = maps.float().transpose(2, 3).contiguous().transpose(2, 3)
    for same in (maps, others, maps.contiguous(memory_format=torch.channels_last), maps.double().requires_grad_()):
        assert np.array_equal(masks_above(same, thresholds, (20, 30)), whole)
    torch.set_num_threads(before)
    assert np.array_equal(np.concatenate([masks_above(part, thresholds, (20, 30)) for part in maps.split(4)]), whole)


def test_what_cannot_be_upsampled() -> None:
    with pytest.raises(ValueError, match=r"^thresholds \(2,\) for maps \(1, 3, 4, 4\): one is needed for each unit$"):
        masks_above(torch.zeros(1, 3, 4, 4), np.zeros(2), (8, 8))
    for maps, grid in (
        (torch.zeros(1, 3, 0, 4), (8, 8)),
        (torch.zeros(1, 3, 4, 4), (0, 8)),
        (torch.zeros(1, 3), (8, 0)),
    ):
        with pytest.raises(ValueError, match=r"cells: neither may be empty$"):
            masks_above(maps, np.zeros(3), grid)
