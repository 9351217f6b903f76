"""Places of the occluder, receptive fields and their masks against loops over windows and pixels."""

from __future__ import annotations

from fractions import Fraction
from inspect import unwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.functional.occlusion import discrepancies, field_mask, grid_shape, patch, receptive_field, windows
from neuronym.functional.otsu import otsu_threshold
from neuronym.records import MASKINGS

sides = st.tuples(st.integers(1, 14), st.integers(1, 17))
strides = st.integers(1, 6)
corners = st.tuples(*[st.integers(-4, 14)] * 4)  # also beyond the image, empty, and the wrong way round


def slow_field(discrepancy: list[float], boxes: list[tuple[int, ...]], size: tuple[int, int]) -> list[list[Fraction]]:
    """Sum of d * window / sum of d, for each pixel and window by itself, in fractions."""
    total = sum(map(Fraction, discrepancy))
    field = [[Fraction(0)] * size[1] for _ in range(size[0])]
    for d, (x0, y0, x1, y1) in zip(discrepancy, boxes, strict=True):
        for y in range(size[0]):
            for x in range(size[1]):
                if x0 <= x < x1 and y0 <= y < y1 and total:
                    field[y][x] += Fraction(d) / total
    return field


def slow_corrected(
    discrepancy: list[float], boxes: list[tuple[int, ...]], size: tuple[int, int]
) -> list[list[Fraction]]:
    """The mean discrepancy of the windows that cover a pixel, over the largest discrepancy of all."""
    most, field = max(map(Fraction, discrepancy)), [[Fraction(0)] * size[1] for _ in range(size[0])]
    for y in range(size[0]):
        for x in range(size[1]):
            over = [
                Fraction(d)
                for d, (x0, y0, x1, y1) in zip(discrepancy, boxes, strict=True)
                if x0 <= x < x1 and y0 <= y < y1
            ]
            if over and most:
                field[y][x] = sum(over) / len(over) / most
    return field


def exact(field: list[list[Fraction]]) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in field], dtype=torch.float64)


@settings(max_examples=80, deadline=None)
@given(sides, st.integers(1, 14), strides)
def test_the_occluder_covers_every_pixel(size: tuple[int, int], side: int, stride: int) -> None:
    if side > min(size):
        with pytest.raises(ValueError, match="an occluder of"):
            windows(size, side, stride)
        return
    starts = []
    for length in size:
        some = list(range(0, length - side + 1, stride))
        starts.append(some if some[-1] == length - side else [*some, length - side])
    expected = [[x, y, x + side, y + side] for y in starts[0] for x in starts[1]]
    found = windows(size, side, stride)
    assert found.tolist() == expected
    assert grid_shape(size, side, stride) == (len(starts[0]), len(starts[1]))
    assert found[-1].tolist() == [size[1] - side, size[0] - side, size[1], size[0]]
    covered = torch.zeros(size)
    for x0, y0, x1, y1 in found:
        covered[y0:y1, x0:x1] += 1
    # A stride beyond the side leaves gaps on purpose.
    assert stride > side or covered.min() >= 1


@pytest.mark.parametrize(("side", "stride"), [(0, 1), (1, 0), (5, 1)])
def test_an_occluder_that_does_not_fit_has_no_places(side: int, stride: int) -> None:
    with pytest.raises(ValueError, match=f"an occluder of {side} px every {stride} px on an image of 4 x 9"):
        windows((4, 9), side, stride)


def test_discrepancies_are_distances_by_unit() -> None:
    occluded, plain = torch.tensor([[1.0, 2.0], [3.0, -4.0], [0.5, 0.0]]), torch.tensor([1.0, -1.0])
    assert discrepancies(occluded, plain).tolist() == [[0.0, 2.0, 0.5], [3.0, 3.0, 1.0]]
    assert discrepancies(occluded.to(torch.bfloat16), plain).dtype == torch.float32
    assert discrepancies(torch.zeros(0, 2), plain).shape == (2, 0)


@settings(max_examples=60, deadline=None)
@given(sides, st.lists(st.tuples(corners, st.floats(0, 1e6, width=32)), min_size=1, max_size=12))
def test_a_field_is_the_weighted_mean_of_the_windows(
    size: tuple[int, int], given_windows: list[tuple[tuple[int, ...], float]]
) -> None:
    boxes, weights = [box for box, _ in given_windows], [weight for _, weight in given_windows]
    expected = exact(slow_field(weights, boxes, size))
    found = receptive_field(torch.tensor(weights), torch.tensor(boxes), size)
    # Shares of one, summed in float64 over the windows and once along each side.
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert 0 <= found.min() <= found.max() <= 1
    corrected = receptive_field(torch.tensor(weights), torch.tensor(boxes), size, corrected=True)
    torch.testing.assert_close(corrected, exact(slow_corrected(weights, boxes, size)), rtol=0, atol=1e-12)


def test_a_corrected_field_has_no_lattice() -> None:
    boxes = windows((12, 12), 5, 2)  # every second pixel is in more windows than its neighbours
    even = torch.ones(len(boxes))
    assert receptive_field(even, boxes, (12, 12), corrected=True).tolist() == [[1.0] * 12] * 12
    assert receptive_field(even, boxes, (12, 12)).unique().numel() > 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(), (3,), (2, 3), (0,)]), st.integers(1, 4), strides)
def test_units_are_independent(seed: int, shape: tuple[int, ...], side: int, stride: int) -> None:
    size = (5, 7)
    boxes = windows(size, side, stride)
    values = torch.rand((*shape, len(boxes)), generator=torch.Generator().manual_seed(seed))
    found = receptive_field(values, boxes, size)
    assert found.shape == (*shape, *size)
    for unit, one in zip(values.reshape(-1, len(boxes)), found.reshape(-1, *size), strict=True):
        assert torch.equal(one, receptive_field(unit, boxes, size))
        corrected = receptive_field(values, boxes, size, corrected=True).reshape(-1, *size)
        assert any(torch.equal(receptive_field(unit, boxes, size, corrected=True), other) for other in corrected)
        # Neither the scale of the answers nor the order of the windows matters.
        torch.testing.assert_close(one, receptive_field(unit * 1000, boxes, size), rtol=0, atol=1e-6)
        torch.testing.assert_close(one, receptive_field(unit.flip(0), boxes.flip(0), size), rtol=0, atol=1e-12)


def test_repeated_windows_count_each_time_and_coverage_is_not_corrected_for() -> None:
    boxes = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 2, 1]])
    assert receptive_field(torch.ones(3), boxes, (1, 3)).tolist() == [[1.0, pytest.approx(1 / 3), 0.0]]


def test_a_unit_that_nothing_changes_has_no_field() -> None:
    boxes = windows((4, 4), 2, 1)
    values = torch.stack([torch.zeros(len(boxes)), torch.ones(len(boxes))])
    none, all_ = receptive_field(values, boxes, (4, 4))
    assert not none.any()
    assert all_.max() == pytest.approx(4 / 9)
    for masking in MASKINGS:
        assert not field_mask(none, masking).any()


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_what_is_no_discrepancy_is_refused(wrong: float) -> None:
    boxes = windows((2, 2), 1, 1)
    with pytest.raises(ValueError, match="discrepancies are finite and 0 or more"):
        receptive_field(torch.tensor([0.0, wrong, 1.0, 1.0]), boxes, (2, 2))


def test_what_the_shapes_say_is_said_where_they_are_not_checked() -> None:
    with pytest.raises(ValueError, match="3 discrepancies for 4 windows"):
        unwrap(receptive_field)(torch.ones(3), windows((2, 2), 1, 1), (2, 2))
    with pytest.raises(ValueError, match="masking 'quarter' is none of half, otsu, soft, box"):
        unwrap(field_mask)(torch.ones(2, 2), "quarter")  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=24))
def test_masks(values: list[int]) -> None:
    field = torch.tensor(values, dtype=torch.float64)[None] / 1000
    highest = max(values)
    half, soft, otsu = (field_mask(field, masking) for masking in ("half", "soft", "otsu"))
    assert half.dtype == soft.dtype == otsu.dtype == torch.float32
    assert half.flatten().tolist() == [float(value > 0 and 2 * value >= highest) for value in values]
    expected = [value / highest if highest else 0.0 for value in values]
    assert soft.flatten().tolist() == pytest.approx(expected, abs=1e-6)
    if len(set(values)) == 1:
        assert otsu.flatten().tolist() == [float(highest > 0)] * len(values)
    else:
        threshold = otsu_threshold(field)
        assert otsu.flatten().tolist() == [float(value / 1000 > threshold) for value in values]
        assert 0 < otsu.sum() < len(values)
        assert otsu.flatten()[values.index(highest)] == 1


@settings(max_examples=40, deadline=None)
@given(sides, st.integers(0, 10**6))
def test_a_box_is_the_smallest_about_half(size: tuple[int, int], seed: int) -> None:
    field = torch.rand(size, generator=torch.Generator().manual_seed(seed)) ** 4
    cells = [(y, x) for y in range(size[0]) for x in range(size[1]) if field[y, x] >= field.max() / 2]
    rows, columns = zip(*cells, strict=True)
    expected = [
        [float(min(rows) <= y <= max(rows) and min(columns) <= x <= max(columns)) for x in range(size[1])]
        for y in range(size[0])
    ]
    assert field_mask(field, "box").tolist() == expected


def test_a_patch_is_the_image_times_the_mask() -> None:
    image, mask = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0)), torch.rand(4, 5)
    found = patch(image, mask)
    for channel in range(3):
        for y in range(4):
            for x in range(5):
                assert found[channel, y, x] == image[channel, y, x] * mask[y, x]
    assert patch(image.bfloat16(), mask).dtype == torch.bfloat16
