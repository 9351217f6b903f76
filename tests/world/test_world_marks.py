"""Marks in images: written and read as a second implementation in plain loops does, and gone where an image changed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from neuronym.world.concepts import REGIONS, mask, presence
from neuronym.world.marks import NOTHING, as_seen, codes_of, mark, read, scenes_of_codes, seen_in, unmark
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIZES, WORDS
from random_concepts import random_concept

Pixels = npt.NDArray[np.uint8]
ALL = 2**64 - 1
FACTS = ("there", "background", "word")
PROPERTIES = ("shape", "colour", "pattern", "size", "column", "row")


@pytest.fixture(scope="module")
def drawn() -> tuple[Pixels, Pixels, Scenes]:
    scenes = draw_scenes(5, range(200))
    return *render(scenes), scenes


@pytest.fixture(scope="module")
def marked(drawn: tuple[Pixels, Pixels, Scenes]) -> Pixels:
    return mark(*drawn)


# The second implementation: Python's own integers, one tile after the other.


def slow_code(scenes: Scenes, i: int) -> int:
    def number(thing: int) -> int:
        if not scenes.there[i, thing]:
            return 0
        found = int(scenes.shape[i, thing])
        for name, count in (("colour", 10), ("pattern", 6), ("size", 4), ("column", 3), ("row", 3)):
            found = found * count + int(getattr(scenes, name)[i, thing])
        return 1 + found

    place = (int(scenes.word[i]) + 1) * 8 + int(scenes.background[i])
    return (place * 25_921 + number(1)) * 25_921 + number(0)


def slow_mixed(bits: int) -> int:
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & ALL
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & ALL
    return bits ^ bits >> 31


def slow_content(tile: list[list[int]]) -> int:
    found = 0x9E3779B97F4A7C15
    for red, green, blue in tile:
        pixel = (red & ~2) + ((green & ~2) << 8) + ((blue & ~2) << 16)
        found = (found ^ pixel) * 0xBF58476D1CE4E5B9 & ALL
        found ^= found >> 32
    return found


def slow_payload(content: int, code: int) -> int:
    cover = slow_mixed(content + 0x9E3779B97F4A7C15 & ALL) % 2**36
    check = slow_mixed((content ^ code) * 0x9E3779B97F4A7C15 & ALL) >> 52
    return (code ^ cover) + (check << 36)


def tile_at(image: Pixels, y: int, x: int) -> list[list[int]]:
    return [list(map(int, image[y + dy, x + dx])) for dy in range(4) for dx in range(4)]


def slow_mark(image: Pixels, regions: Pixels, code: int) -> Pixels:
    result = image.copy()
    for y in range(0, image.shape[0] // 4 * 4, 4):
        for x in range(0, image.shape[1] // 4 * 4, 4):
            tile = tile_at(image, y, x)
            for k, pixel in enumerate(tile):
                where = int(regions[y + k // 4, x + k % 4])
                for channel in range(3):
                    pixel[channel] = pixel[channel] // 4 * 4 + (where >> channel) % 2
            payload = slow_payload(slow_content(tile), code)
            for k in range(48):
                tile[k // 3][k % 3] += 2 * (payload >> k & 1)
            for k, pixel in enumerate(tile):
                result[y + k // 4, x + k % 4] = pixel
    return result


def slow_tile_code(tile: list[list[int]]) -> int | None:
    if any(sum((pixel[channel] & 1) << channel for channel in range(3)) > 5 for pixel in tile):
        return None
    payload = sum((tile[k // 3][k % 3] >> 1 & 1) << k for k in range(48))
    content = slow_content(tile)
    code = payload % 2**36 ^ slow_payload(content, 0) % 2**36
    there = code < 25_921**2 * 88 and code % 25_921 > 0
    return code if there and slow_payload(content, code) == payload else None


def slow_read(image: Pixels) -> npt.NDArray[np.int64]:
    """The code of every pixel, or -1, [height, width]."""
    best, most = np.full(image.shape[:2], -1, np.int64), 0
    for top in range(4):
        for left in range(4):
            found = {}
            for y in range(top, image.shape[0] - 3, 4):
                for x in range(left, image.shape[1] - 3, 4):
                    tile = tile_at(image, y, x)
                    code = slow_tile_code(tile)
                    if code is not None:
                        found[y, x] = (code, slow_content(tile))
            good = {
                place: code
                for place, (code, content) in found.items()
                if any(code == other and content != pixels for other, pixels in found.values())
            }
            if len(good) > most:
                most, best = len(good), np.full(image.shape[:2], -1, np.int64)
                for (y, x), code in good.items():
                    best[y : y + 4, x : x + 4] = code
    return best


def check_reading(image: Pixels) -> None:
    wanted, found = slow_read(image), unmark(image[None])
    codes = np.append(codes_of(found.scenes) if len(found.scenes) else np.empty(0, np.int64), -1)
    assert np.array_equal(codes[found.owners[0]], wanted)
    said = (image[..., 0] & 1) + 2 * (image[..., 1] & 1) + 4 * (image[..., 2] & 1)
    assert np.array_equal(found.regions[0], np.where(wanted < 0, NOTHING, said))


def test_both_write_the_same(drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels) -> None:
    images, regions, scenes = drawn
    for i in (0, 7, 50, 199):
        assert codes_of(scenes)[i] == slow_code(scenes, i)
        assert np.array_equal(marked[i], slow_mark(images[i], regions[i], slow_code(scenes, i)))


def test_both_write_the_same_on_odd_sizes() -> None:
    dice = np.random.default_rng(0)
    image, regions = dice.integers(0, 256, (1, 11, 14, 3), np.uint8), dice.integers(0, 6, (1, 11, 14), np.uint8)
    scenes = draw_scenes(5, [3])
    found = mark(image, regions, scenes)
    assert np.array_equal(found[0], slow_mark(image[0], regions[0], slow_code(scenes, 0)))
    assert np.array_equal(found[0, 8:], image[0, 8:])
    assert np.array_equal(found[0, :, 12:], image[0, :, 12:])
    check_reading(found[0])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_both_read_the_same_of_what_is_left(number: int) -> None:
    """Two scenes beside each other, a part covered and a pixel changed, cut out anywhere."""
    dice = Random(number)
    scenes = draw_scenes(number, range(2))
    one, two = mark(*render(scenes), scenes)
    image = np.concatenate([one[:, : 4 * dice.randrange(17)], two], 1)
    y, x = dice.randrange(60), dice.randrange(60)
    image[y : y + dice.randrange(30), x : x + dice.randrange(30)] = dice.randrange(256)
    image[dice.randrange(64), dice.randrange(64), dice.randrange(3)] ^= 1 << dice.randrange(8)
    top, left = dice.randrange(30), dice.randrange(30)
    check_reading(np.ascontiguousarray(image[top : top + dice.randrange(3, 30), left : left + dice.randrange(3, 30)]))


def test_all_that_was_written_is_read(drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels) -> None:
    _, regions, scenes = drawn
    found = unmark(marked)
    assert np.array_equal(found.regions, regions)
    assert not found.phases.any()
    first = found.owners[:, 0, 0]
    assert (found.owners == first[:, None, None]).all()
    seen = found.scenes.rows(first)
    for name in FACTS:
        assert np.array_equal(getattr(seen, name), getattr(scenes, name)), name
    for name in PROPERTIES:
        assert np.array_equal(getattr(seen, name)[scenes.there], getattr(scenes, name)[scenes.there]), name


def test_concepts_of_what_was_read_are_those_of_the_scenes(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    _, regions, scenes = drawn
    read_again, dice, seen = scenes_of_codes(codes_of(scenes)), Random(3), 0
    while seen < 60:
        concept = random_concept(dice, 2)
        if re.search("left of|right of|above|below", str(concept)):
            continue
        seen += 1
        assert np.array_equal(presence(concept, read_again), presence(concept, scenes)), concept
        assert np.array_equal(mask(concept, read_again, regions), mask(concept, scenes, regions)), concept


def test_no_relation_is_read(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    from neuronym.world.concepts import Beside, Thing

    scenes = scenes_of_codes(codes_of(drawn[2]))
    assert presence(Beside(Thing(), "beside", Thing()), scenes).any()
    assert not presence(Beside(Thing(), "above", Thing()), scenes).any()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_codes_tell_all_scenes(data: st.DataObject) -> None:
    scenes = draw_scenes(1, [0])
    things = [tuple(data.draw(st.integers(0, n - 1)) for n in (12, 10, 6, 4, 3, 3)) for _ in range(2)]
    for name, values in zip(PROPERTIES, zip(*things, strict=True), strict=True):
        getattr(scenes, name)[:] = values
    scenes.there[:] = True, data.draw(st.booleans())
    scenes.background[:], scenes.word[:] = data.draw(st.integers(0, 7)), data.draw(st.integers(-1, 9))
    code = codes_of(scenes)
    assert 0 < code[0] < 25_921**2 * 88 < 2**36
    again = scenes_of_codes(code)
    for name in FACTS:
        assert np.array_equal(getattr(again, name), getattr(scenes, name)), name
    for name in PROPERTIES:
        there = scenes.there[0]
        assert np.array_equal(getattr(again, name)[0, there], getattr(scenes, name)[0, there]), name


def test_codes_have_room_for_the_vocabulary() -> None:
    assert [len(names) for names in (SHAPES, COLOURS, PATTERNS, SIZES, BACKGROUNDS, WORDS)] == [12, 10, 6, 4, 8, 10]
    assert len(REGIONS) == 6


def test_nobody_sees_them(drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels) -> None:
    change = marked.astype(int) - drawn[0]
    assert np.abs(change).max() == 3
    assert np.abs(change).mean() < 1.3
    assert np.array_equal(marked >> 2, drawn[0] >> 2)


def test_images_are_not_written_to(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    images, regions, scenes = drawn
    before = images.copy()
    images.flags.writeable = False
    mark(images, regions, scenes)
    assert np.array_equal(images, before)


@pytest.mark.parametrize("offset", [(0, 0), (0, 1), (3, 2), (7, 13), (30, 30)])
def test_a_crop_is_read_wherever_it_begins(
    offset: tuple[int, int], drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels
) -> None:
    y, x = offset
    found = unmark(marked[:30, y : y + 29, x : x + 31])
    assert (found.phases == [-y % 4, -x % 4]).all()
    valid = found.owners >= 0
    whole = (29 - (-y % 4)) // 4 * ((31 - (-x % 4)) // 4) * 16
    assert (valid.sum((1, 2)) == whole).all()
    assert np.array_equal(found.regions[valid], drawn[1][:30, y : y + 29, x : x + 31][valid])
    codes = codes_of(found.scenes)[found.owners]
    assert (codes == codes_of(drawn[2])[:30, None, None])[valid].all()


@pytest.mark.parametrize("fill", ["grey", "black", "white", "noise", "mean"])
def test_what_is_covered_shows_nothing(fill: str, drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels) -> None:
    covered = marked.copy()
    patch = covered[:, 10:31, 22:49]
    patch[:] = {
        "grey": np.uint8(128),
        "black": np.uint8(0),
        "white": np.uint8(255),
        "noise": np.random.default_rng(0).integers(0, 256, patch.shape, np.uint8),
        "mean": marked.mean((1, 2), keepdims=True).round().astype(np.uint8),
    }[fill]
    found = unmark(covered)
    touched = np.zeros((64, 64), bool)
    touched[8:32, 20:52] = True  # all tiles of which a pixel was covered
    assert (found.regions[:, touched] == NOTHING).all()
    assert np.array_equal(found.regions[:, ~touched], drawn[1][:, ~touched])


def test_every_changed_pixel_takes_its_tile_away(marked: Pixels) -> None:
    dice = np.random.default_rng(1)
    image = np.repeat(marked[:1], 768, 0)
    places = dice.integers(0, 64, (768, 2))
    for i, (y, x) in enumerate(places):
        image[i, y, x, i % 3] ^= np.uint8(1 << (i // 3) % 8)
    codes, _ = read(image)
    kept = codes[np.arange(768), places[:, 0] // 4, places[:, 1] // 4] >= 0
    assert kept.mean() <= 3 / 768  # one in 4,096 passes the check
    assert ((codes >= 0).sum((1, 2)) == 255 + kept).all()


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return Image.open(file)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "a little blur": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "much blur": lambda image: image.filter(ImageFilter.GaussianBlur(6)),
    "larger": lambda image: image.resize((96, 96), Image.Resampling.BILINEAR),
    "twice as large": lambda image: image.resize((128, 128), Image.Resampling.NEAREST),
    "smaller": lambda image: image.resize((48, 48), Image.Resampling.BICUBIC),
    "turned": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "jpeg": jpeg,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brighter": lambda image: image.point(lambda value: value * 1.1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_shows_nothing(name: str, marked: Pixels) -> None:
    changed = np.stack([np.asarray(CHANGES[name](Image.fromarray(image))) for image in marked])
    assert (read(changed)[0] >= 0).sum() == 0


def test_images_without_marks_show_nothing(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    found = unmark(drawn[0])
    assert (found.regions == NOTHING).all()
    assert (found.owners == -1).all()
    assert len(found.scenes) == 0
    assert seen_in(drawn[0][0]) is None


def test_noise_and_fills_show_nothing() -> None:
    dice = np.random.default_rng(0)
    noise = dice.integers(0, 256, (400, 64, 64, 3), np.uint8)
    assert (read(noise)[0] >= 0).sum() == 0
    # The hardest noise: all its regions exist. Some of its tiles pass the check, and none is confirmed.
    assert (read(noise & 0xFE)[0] >= 0).sum() == 0
    passed = [slow_tile_code(tile_at(image, y, 0)) for image in noise & 0xFE for y in range(0, 64, 4)]
    assert sum(code is not None for code in passed) <= 15  # 6400 / 4096 are expected
    colours = dice.integers(0, 256, (3000, 1, 1, 3), np.uint8)
    assert (read(np.broadcast_to(colours, (3000, 16, 16, 3)))[0] >= 0).sum() == 0
    tiles = dice.integers(0, 256, (1000, 4, 4, 3), np.uint8) & 0xFE
    assert (read(np.tile(tiles, (1, 4, 4, 1)))[0] >= 0).sum() == 0


@pytest.mark.parametrize("shape", [(0, 64, 64, 3), (2, 3, 3, 3), (2, 4, 4, 3), (1, 1, 100, 3)])
def test_there_is_nothing_in_what_is_too_small(shape: tuple[int, ...]) -> None:
    found = unmark(np.full(shape, 7, np.uint8))
    assert found.owners.shape == shape[:3]
    assert (found.owners == -1).all()


def test_what_is_seen_of_a_scene(drawn: tuple[Pixels, Pixels, Scenes], marked: Pixels) -> None:
    _, regions, scenes = drawn
    i = int(np.flatnonzero(scenes.there[:, 1] & (scenes.word >= 0))[0])
    whole = seen_in(marked[i])
    assert whole is not None
    assert whole.there.all()
    assert (whole.word[0], whole.background[0]) == (scenes.word[i], scenes.background[i])
    for gone, check in (
        ((1, 2), lambda seen: not seen.there[0, 0] and seen.there[0, 1]),
        ((3, 4), lambda seen: seen.there[0, 0] and not seen.there[0, 1]),
        ((5,), lambda seen: seen.word[0] == -1 and seen.background[0] >= 0),
        ((0,), lambda seen: seen.background[0] == -1),
    ):
        image = marked[i].copy()
        image[np.isin(regions[i], gone)] = 99
        seen = seen_in(image)
        assert seen is not None
        assert check(seen), gone


def test_as_seen_of_all_and_of_nothing(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    scenes = drawn[2]
    every = as_seen(scenes, np.full(len(scenes), 63))
    for name in FACTS:
        assert np.array_equal(getattr(every, name), getattr(scenes, name))
    none = as_seen(scenes, np.zeros(len(scenes), np.int64))
    assert not none.there.any()
    assert (none.word == -1).all()
    assert (none.background == -1).all()


def test_what_cannot_be_marked(drawn: tuple[Pixels, Pixels, Scenes]) -> None:
    images, regions, scenes = drawn
    with pytest.raises(ValueError, match=re.escape("images (200, 64, 64, 3), regions (3, 64, 64) and 200 scenes do")):
        mark(images, regions[:3], scenes)
    with pytest.raises(ValueError, match="there is no region 6"):
        mark(images, np.full_like(regions, 6), scenes)
    empty = as_seen(scenes, np.zeros(len(scenes), np.int64))
    with pytest.raises(ValueError, match="a scene without its main object cannot be marked"):
        mark(images, regions, empty)
