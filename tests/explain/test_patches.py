"""Patches cut out of images, and their encoding, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dense_layer import dense_view
from neuronym.errors import MethodError
from neuronym.explain.patches import Patch, PatchEncoder, Patches, box_of, on_image
from neuronym.records import Box, Geometry, Occluded, Region
from neuronym.store.layer_view import LayerView
from neuronym.targets.preprocessing import UNCHANGED, Preprocessing

COLOUR = (10, 200, 60)


class Table:
    """The occlusions of a layer, of which only the masks are known."""

    colour = COLOUR

    def __init__(self, masks: dict[tuple[int, int], npt.NDArray[np.float32]]) -> None:
        self.masks = masks

    def make(self, images: Any, units: Any) -> None: ...

    def found(self, image: int, unit: int) -> Occluded | None:
        mask = self.masks.get((image, unit))
        nothing = np.zeros(1, np.float32)
        return None if mask is None else Occluded(nothing, np.zeros((1, 4), np.int64), mask, mask)


PICTURES = [Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)) for seed in range(4)]


def layer(preprocessing: Preprocessing = UNCHANGED) -> tuple[LayerView, list[int]]:
    """A layer of one unit and four images of 8 x 8 pixels, and which of them were loaded."""
    loaded: list[int] = []

    def image(position: int) -> Image.Image:
        loaded.append(position)
        return PICTURES[position]

    view = dense_view(np.zeros((4, 1, 2, 2), np.float32), explain=4)
    services = replace(view.contents.services, image=image, geometry=preprocessing.geometry)
    return LayerView(replace(view.contents, services=services)), loaded


def mask_of(seed: int, size: tuple[int, int] = (8, 8)) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).random(size, np.float32)


def test_a_patch_is_the_image_by_the_mask_and_the_mean_colour_by_the_rest() -> None:
    view, _ = layer()
    mask = mask_of(5)
    found = Patches(view, Table({(2, 0): mask})).of(0, 2)
    assert found is not None
    assert found.image_id == "0002"
    pixels, made = np.asarray(PICTURES[2]), np.asarray(found.picture)
    for y in range(8):
        for x in range(8):
            for channel in range(3):
                expected = mask[y, x] * pixels[y, x, channel] + (1 - mask[y, x]) * COLOUR[channel]
                assert abs(made[y, x, channel] - expected) <= 0.5 + 1e-3


def test_the_product_is_that_of_normalised_space() -> None:
    """Image times mask in the network's own numbers, turned into a picture again, is the patch."""
    normal = replace(UNCHANGED, mean=(10 / 255, 200 / 255, 60 / 255), std=(0.2, 0.3, 0.4))
    view, _ = layer(normal)
    mask = mask_of(1)
    found = Patches(view, Table({(1, 0): mask})).of(0, 1)
    assert found is not None
    product = normal.apply(PICTURES[1]).numpy() * mask
    back = (product.transpose(1, 2, 0) * normal.std + normal.mean) * 255
    assert np.abs(np.asarray(found.picture) - back).max() <= 0.5 + 1e-3


def test_the_region_is_about_what_counts_most() -> None:
    view, _ = layer()
    mask = np.full((8, 8), 0.2, np.float32)
    mask[2:4, 5:7] = 0.9
    mask[6, 1] = 0.45
    found = Patches(view, Table({(0, 0): mask})).of(0, 0)
    assert found is not None
    assert found.region == Region("0000", Box(1.0, 2.0, 7.0, 7.0), "patch")


def test_without_a_mask_there_is_no_patch() -> None:
    cropped = replace(UNCHANGED, crop=(12, 12))  # padded by two pixels on every side
    view, _ = layer(cropped)
    padding, inside = np.zeros((12, 12), np.float32), np.zeros((12, 12), np.float32)
    padding[:2], inside[2, 3] = 1, 1
    patches = Patches(view, Table({(0, 0): padding, (1, 0): inside, (2, 0): np.zeros((12, 12), np.float32)}))
    assert patches.of(0, 2) is None
    assert patches.of(0, 0) is None
    found = patches.of(0, 1)
    assert found is not None
    assert found.region.box == Box(1.0, 0.0, 2.0, 1.0)
    with pytest.raises(ValueError, match="image 3 was not occluded for unit 0"):
        patches.of(0, 3)


def test_random_patches_are_boxes_of_what_the_network_sees() -> None:
    # A crop of the middle 4 x 8 of images of 8 x 8 pixels: only rows 2 to 5 are seen.
    view, _ = layer(replace(UNCHANGED, crop=(4, 8)))
    cuts, found = Patches(view, Table({})), []
    for one in cuts.at_random(60, 5):
        box, pixels = one.region.box, np.asarray(one.picture)
        rows, columns = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
        names = [record.id for record in view.images("explain")]
        source = np.asarray(PICTURES[names.index(one.image_id)])
        assert (pixels[rows, columns] == source[rows, columns]).all()
        outside = np.ones((8, 8), bool)
        outside[rows, columns] = False
        assert (pixels[outside] == COLOUR).all()
        assert 2 <= box.y0 < box.y1 <= 6
        assert 0 <= box.x0 < box.x1 <= 8
        # Between a quarter and three quarters of a side, rounded out to whole pixels.
        assert 1 <= box.y1 - box.y0 <= 3 + 1
        assert 2 <= box.x1 - box.x0 <= 6 + 1
        found.append((one.image_id, box))
    assert len(set(found)) > 30
    assert {name for name, _ in found} == {record.id for record in view.images("explain")}
    again = [(one.image_id, one.region.box) for one in Patches(view, Table({})).at_random(60, 5)]
    other = [(one.image_id, one.region.box) for one in Patches(view, Table({})).at_random(60, 6)]
    assert again == found
    assert other != found


def test_images_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    view, loaded = layer()
    patches = Patches(view, Table({(image, unit): mask_of(unit) for image in range(4) for unit in range(1)}))
    for image in (0, 1, 0, 1, 2):
        patches.of(0, image)
    assert loaded == [0, 1, 2]
    monkeypatch.setattr("neuronym.explain.patches._IMAGES", 2)
    for image in (0, 3, 0, 1):
        patches.of(0, image)
    assert loaded == [0, 1, 2, 3, 1]


sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@settings(max_examples=60, deadline=None)
@given(sizes, st.sampled_from(["none", "shorter", "exact"]), st.none() | sizes, st.integers(0, 99))
def test_on_an_image_each_pixel_has_the_cell_under_its_centre(
    image: tuple[int, int], resize: Any, crop: tuple[int, int] | None, seed: int
) -> None:
    size = {"none": None, "shorter": 9, "exact": (7, 11)}[resize]
    plan = Preprocessing(resize, size, crop, "bilinear", "unit", (0.5,) * 3, (0.5,) * 3).geometry(*image)
    mask = mask_of(seed, plan.input) + 0.1
    found = on_image(mask, plan)
    assert found.shape == image
    for y in range(image[0]):
        for x in range(image[1]):
            at_x, at_y = plan.to_input(x + 0.5, y + 0.5)
            near = min(abs(at - round(at)) for at in (at_x, at_y)) < 1e-9  # between two cells rounding decides
            seen = 0 <= at_y < plan.input[0] and 0 <= at_x < plan.input[1]
            expected = mask[int(at_y), int(at_x)] if seen else 0
            assert near or found[y, x] == pytest.approx(expected)


def test_a_mask_of_another_size_is_stretched() -> None:
    same = Geometry((4, 4), (4, 4), 0, 0, (4, 4))
    assert on_image(np.float32([[1, 2]]), same).tolist() == [[1, 1, 2, 2]] * 4


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(0, 10**6))
def test_boxes(size: tuple[int, int], seed: int) -> None:
    mask = np.random.default_rng(seed).random(size) < 0.2
    mask[seed % size[0], seed % size[1]] = True
    cells = [(x, y) for y in range(size[0]) for x in range(size[1]) if mask[y, x]]
    columns, rows = zip(*cells, strict=True)
    assert box_of(mask) == Box(min(columns), min(rows), max(columns) + 1, max(rows) + 1)


class Counting:
    """An encoder that notes what it is given."""

    name, key, dim = "counting", "counting-1", 3

    def __init__(self) -> None:
        self.given: list[int] = []

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        self.given.append(len(images))
        rows = np.array([np.asarray(image, np.float32).mean((0, 1)) + 1 for image in images])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.zeros((len(texts), 3), np.float32)


def patch_of(picture: Image.Image) -> Patch:
    return Patch("an image", picture, Region("an image", Box(0, 0, 1, 1), "patch"))


def test_each_patch_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuronym.explain.patches._AT_A_TIME", 2)
    counting = Counting()
    encoder, patches = PatchEncoder(counting), [patch_of(picture) for picture in PICTURES]
    first = encoder.encode([patches[0], patches[1], patches[0], patches[2]])
    assert counting.given == [2, 1]
    assert np.array_equal(first[0], first[2])
    again = encoder.encode([patches[2], patch_of(PICTURES[0].copy()), patches[3]])
    assert counting.given == [2, 1, 1]
    assert np.array_equal(again[:2], first[[3, 0]])
    assert np.array_equal(again, Counting().encode_images([PICTURES[2], PICTURES[0], PICTURES[3]]))


def test_pictures_of_other_shapes_are_other_patches() -> None:
    counting = Counting()
    flat = [patch_of(Image.new("RGB", size, (9, 9, 9))) for size in ((2, 8), (8, 2), (4, 4), (12345, 1))]
    PatchEncoder(counting).encode(flat)
    assert counting.given == [4]


def test_what_is_no_embedding_is_refused() -> None:
    class Broken(Counting):
        def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
            return np.full((len(images), 3), np.nan, np.float32)

    with pytest.raises(MethodError, match="The encoder counting gave NaN or infinite embeddings"):
        PatchEncoder(Broken()).encode([patch_of(PICTURES[0])])
