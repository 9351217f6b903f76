from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

from neuronym.errors import TargetError
from neuronym.targets.preprocessing import UNCHANGED, Preprocessing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BASE = Preprocessing("shorter", 32, (28, 28), "bilinear", "unit", MEAN, STD)
SIZES = [(33, 47), (47, 33), (20, 51), (64, 64), (19, 19), (101, 17)]  # height, width


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [25, 31, (30, 41)])
def test_equals_torchvision(height: int, width: int, interpolation: str, size: int | tuple[int, int]) -> None:
    image = noise(height, width)
    for crop in ((28, 28), (27, 30), (60, 35)):
        theirs = Compose(
            [Resize(size, InterpolationMode(interpolation)), CenterCrop(crop), ToTensor(), Normalize(MEAN, STD)]
        )
        ours = Preprocessing(
            "shorter" if isinstance(size, int) else "exact", size, crop, interpolation, "unit", MEAN, STD
        )  # type: ignore[arg-type]
        result = ours.apply(image)
        assert result.dtype == torch.float32
        assert result.shape[1:] == ours.input_size((height, width)) == ours.geometry(height, width).input
        torch.testing.assert_close(result, theirs(image), rtol=0, atol=1e-6)


def test_without_resize_and_crop_only_the_scale_changes() -> None:
    image = noise(9, 14)
    torch.testing.assert_close(UNCHANGED.apply(image), ToTensor()(image), rtol=0, atol=0)
    assert UNCHANGED.input_size((9, 14)) == (9, 14)


def test_byte_scale_keeps_mean_and_std_in_bytes() -> None:
    bytes_ = Preprocessing("none", None, None, "bilinear", "byte", (123.0, 117.0, 104.0), (2.0, 4.0, 8.0))
    image = noise(6, 5)
    expected = (np.asarray(image, np.float64) - (123, 117, 104)) / (2, 4, 8)
    np.testing.assert_allclose(bytes_.apply(image).permute(1, 2, 0), expected, atol=1e-5)


def test_floor_corner_decides_half_pixels_downwards() -> None:
    image = noise(31, 31)
    for corner, offset in (("round", 2), ("floor", 1)):
        preprocessing = Preprocessing("none", None, (28, 28), "bilinear", "unit", (0, 0, 0), (1, 1, 1), corner)  # type: ignore[arg-type]
        assert preprocessing.geometry(31, 31).top == offset
        torch.testing.assert_close(
            preprocessing.apply(image), ToTensor()(image)[:, offset : offset + 28, offset : offset + 28]
        )


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(8, 90),
    width=st.integers(8, 90),
    size=st.one_of(st.none(), st.integers(8, 70), st.tuples(st.integers(8, 70), st.integers(8, 70))),
    crop=st.one_of(st.none(), st.tuples(st.integers(4, 80), st.integers(4, 80))),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_geometry_maps_there_and_back(height, width, size, crop, x, y) -> None:  # type: ignore[no-untyped-def]
    resize = "none" if size is None else "shorter" if isinstance(size, int) else "exact"
    plan = Preprocessing(resize, size, crop, "bilinear", "unit", MEAN, STD).geometry(height, width)
    back = plan.to_image(*plan.to_input(x * width, y * height))
    np.testing.assert_allclose(back, (x * width, y * height), atol=1e-6)
    seen = plan.visible()
    assert 0 <= seen.x0 < seen.x1 <= width + 1e-6
    assert 0 <= seen.y0 < seen.y1 <= height + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(60, 140),
    width=st.integers(60, 140),
    size=st.one_of(st.none(), st.integers(50, 120), st.tuples(st.integers(50, 120), st.integers(50, 120))),
    crop=st.one_of(st.none(), st.tuples(st.integers(40, 150), st.integers(40, 150))),
    place=st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
)
def test_a_painted_block_is_found_where_the_geometry_says(height, width, size, crop, place) -> None:  # type: ignore[no-untyped-def]
    resize = "none" if size is None else "shorter" if isinstance(size, int) else "exact"
    preprocessing = Preprocessing(resize, size, crop, "bilinear", "unit", (0, 0, 0), (1, 1, 1))
    pixels = np.zeros((height, width, 3), np.uint8)
    row, column = int(place[0] * height), int(place[1] * width)
    pixels[row : row + 4, column : column + 4] = 255
    plane = preprocessing.apply(Image.fromarray(pixels))[0].double()
    if plane.sum() == 0:
        return  # cropped away
    rows, columns = torch.arange(plane.shape[0]) + 0.5, torch.arange(plane.shape[1]) + 0.5
    found = ((plane.sum(0) @ columns.double()) / plane.sum(), (plane.sum(1) @ rows.double()) / plane.sum())
    expected = preprocessing.geometry(height, width).to_input(column + 2, row + 2)
    margin = 4  # a block cut by the crop's edge has its centre elsewhere
    inside = all(margin < value < side - margin for value, side in zip(expected, plane.shape[::-1], strict=True))
    if inside:
        np.testing.assert_allclose(found, expected, atol=0.6)


@pytest.mark.parametrize("preprocessing", [BASE, UNCHANGED])
def test_spec_is_json_and_comes_back(preprocessing: Preprocessing) -> None:
    assert Preprocessing.from_spec(json.loads(json.dumps(preprocessing.spec()))) == preprocessing


def test_from_spec_names_missing_and_unknown_parts() -> None:
    with pytest.raises(TargetError, match=r"missing: crop, .*unknown: colour"):
        Preprocessing.from_spec({"resize": "none", "colour": 1})


def test_overrides() -> None:
    new = BASE.overridden(
        size="227", crop="227", mean="123,117,104", std="1,1,1", scale="0..255", interpolation="bicubic"
    )
    assert new == Preprocessing("shorter", 227, (227, 227), "bicubic", "byte", (123.0, 117.0, 104.0), (1.0, 1.0, 1.0))
    assert BASE.overridden() == BASE
    assert BASE.overridden(size="24x30").resize == "exact"
    assert BASE.overridden(size="24x30").size == (24, 30)
    assert BASE.overridden(size="none").size is None
    assert BASE.overridden(resize="none").size is None
    assert BASE.overridden(resize="exact").size == (32, 32)
    assert BASE.overridden(resize="exact").overridden(resize="shorter").size == 32
    assert BASE.overridden(size="40", resize="exact").size == (40, 40)
    assert BASE.overridden(crop="24x30").crop == (24, 30)
    assert BASE.overridden(crop="none").crop is None
    assert BASE.overridden(scale="0..1") == BASE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "big"}, r"--size 'big' is not a size; give pixels \(227\), height x width \(224x224\) or none"),
        ({"size": "0"}, "--size '0' is not a size"),
        ({"size": "1x2x3"}, "--size '1x2x3' is not a size"),
        ({"crop": "-4"}, "--crop '-4' is not a size"),
        ({"mean": "1,2"}, "--mean '1,2' is not three numbers with commas"),
        ({"std": "a,b,c"}, "--std 'a,b,c' is not three numbers"),
        ({"std": "1,0,1"}, "std is .*; it divides, so none of it may be 0"),
        ({"mean": "nan,0,0"}, "mean is .*; it must be three finite numbers"),
        ({"scale": "half"}, "--scale 'half' is not a range of pixels; give 'unit'"),
        ({"scale": "byte"}, "--scale byte changes the unit of the mean and the std.*give --mean and --std"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic'; it must be one of nearest, bilinear"),
        ({"resize": "longer"}, "resize is 'longer'; it must be one of shorter, exact, none"),
        ({"size": "24x30", "resize": "shorter"}, r"size \(24, 30\) does not go with resize 'shorter'"),
        ({"size": "24", "resize": "none"}, "size 24 does not go with resize 'none'"),
    ],
)
def test_nonsense_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        BASE.overridden(**options)


def test_only_rgb_images() -> None:
    with pytest.raises(ValueError, match="takes RGB images, not mode 'L'"):
        BASE.apply(Image.new("L", (40, 40)))


def test_rounding_of_sizes_is_torchvisions() -> None:
    for (height, width), size in product(SIZES, (7, 23, 64)):
        image = Image.new("RGB", (width, height))
        expected = Resize(size)(image)
        plan = Preprocessing("shorter", size, None, "nearest", "unit", MEAN, STD).geometry(height, width)
        assert plan.resized == (expected.height, expected.width)
