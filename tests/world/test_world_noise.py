"""Noise on the pictures of the world: as strong as asked for, always the same, and below the marks."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from scipy.stats import kstest

from neuronym import plugins
from neuronym.records import digest
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.gallery import CHUNK, Gallery
from neuronym.world.marks import codes_of, seen_in
from neuronym.world.noise import noisy
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.source import load
from neuronym.world.splits import SEEDS

SEED = 8642
Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "a cache"
    monkeypatch.setenv("NEURONYM_CACHE", str(place))
    return place


def grey(count: int) -> Pixels:
    return np.full((count, 64, 64, 3), 128, np.uint8)


def mixed(bits: int) -> int:
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return bits ^ bits >> 31


def bits(seed: int, index: int, slot: int) -> int:
    stream = mixed(mixed((seed * 0x9E3779B97F4A7C15 + 1) % 2**64) ^ mixed(index + 1))
    return mixed((stream + (slot + 1) * 0x9E3779B97F4A7C15) % 2**64)


def slow_noisy(image: Pixels, seed: int, number: int, deviation: float) -> Pixels:
    """The same in plain Python integers and floats, a value at a time."""
    key, half = bits(seed, number, 1000), image.size // 2
    found = np.empty(image.size, np.uint8)
    for i in range(image.size):
        one, other = ((bits(key, i % half, slot) >> 11) / 2**53 for slot in (0, 1))
        turned = (math.cos, math.sin)[i // half](2 * math.pi * other)
        value = int(image.flat[i]) + deviation * 255 * math.sqrt(-2 * math.log(1 - one)) * turned
        found[i] = min(max(round(value), 0), 255)
    return found.reshape(image.shape)


@pytest.mark.parametrize("deviation", [0.02, 0.5])
def test_both_make_the_same_noise(deviation: float) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 10, 12, 3), np.uint8)
    for i, number in enumerate((0, 7, 999_999)):
        slow = slow_noisy(images[i], SEED, number, deviation)
        assert np.array_equal(noisy(images[i : i + 1], SEED, [number], deviation)[0], slow)


@pytest.mark.parametrize("deviation", [0.005, 0.02, 0.1])
def test_grey_pixels_have_the_standard_deviation(deviation: float) -> None:
    change = noisy(grey(100), SEED, range(100), deviation) - 128.0
    wanted = math.sqrt((255 * deviation) ** 2 + 1 / 12)  # rounding adds that of a uniform number
    assert change.std() == pytest.approx(wanted, rel=0.004)
    assert abs(change.mean()) < 4 * wanted / math.sqrt(change.size)


def test_the_noise_of_pictures_is_gaussian_where_nothing_is_clipped() -> None:
    images, _ = render(draw_scenes(SEED, range(60)))
    change = noisy(images, SEED, range(60), 0.05).astype(float) - images
    values = change[(images >= 80) & (images <= 175)]
    assert values.std() == pytest.approx(255 * 0.05, rel=0.01)
    # A number within the rounding makes them continuous.
    spread = values + np.random.default_rng(0).uniform(-0.5, 0.5, values.size)
    assert kstest(spread[:50_000], "norm", args=(0, math.sqrt(12.75**2 + 1 / 6))).pvalue > 1e-3


def test_pixels_channels_and_scenes_have_independent_noise() -> None:
    change = noisy(grey(100), SEED, range(100), 0.1) - 128.0
    other = noisy(grey(100), SEED + 1, range(100), 0.1) - 128.0
    flat = change.reshape(100, -1)
    half = flat.shape[1] // 2
    pairs = {
        "columns": (change[:, :, 1:], change[:, :, :-1]),
        "rows": (change[:, 1:], change[:, :-1]),
        "channels": (change[..., 0], change[..., 1]),
        "scenes": (change[1:], change[:-1]),
        "halves": (flat[:, :half], flat[:, half:]),
        "squares of halves": (flat[:, :half] ** 2, flat[:, half:] ** 2),
        "seeds": (change, other),
    }
    for name, (one, two) in pairs.items():
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 5 / math.sqrt(one.size), name


def test_more_noise_is_the_same_noise_stronger() -> None:
    weak, strong = (noisy(grey(3), SEED, range(3), deviation) - 128.0 for deviation in (0.05, 0.1))
    assert np.abs(strong - 2 * weak).max() <= 1.5  # both are rounded


def test_values_stay_between_0_and_255() -> None:
    images = np.zeros((4, 64, 64, 3), np.uint8)
    images[2:] = 255
    found = noisy(images, SEED, range(4), 0.5).reshape(4, -1)
    # Half of the noise is cut off at the end of the range, and a fortieth reaches the other end.
    for row, end in zip(found, (0, 0, 255, 255), strict=True):
        assert np.mean(row == end) == pytest.approx(0.5, abs=0.03)
        assert np.mean(row == 255 - end) == pytest.approx(0.0228, abs=0.01)


def test_a_picture_depends_on_its_scene_alone(cache: Path) -> None:
    whole = Gallery(SEED, noise=0.02)
    images = [whole.image(number) for number in (0, 3, CHUNK - 1, CHUNK)]
    scenes = draw_scenes(SEED, [0, 3, CHUNK - 1, CHUNK])
    assert np.array_equal(images, noisy(render(scenes)[0], SEED, [0, 3, CHUNK - 1, CHUNK], 0.02))
    later = Gallery(SEED, noise=0.02)
    assert np.array_equal(later.image(CHUNK), images[3])
    assert np.array_equal(later.image(3), images[1])
    assert len(list(cache.rglob("*.npy"))) == 2
    started = load(f"world/test/9?noise=0.02&start={CHUNK - 4}")
    first = load(f"world/test/{CHUNK + 5}?noise=0.02")
    for member in started.members():
        assert np.array_equal(started.read(member.name), first.read(member.name))
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(Gallery(SEED + 1, noise=0.1).image, range(8)))
    assert np.array_equal(threaded, noisy(render(draw_scenes(SEED + 1, range(8)))[0], SEED + 1, range(8), 0.1))


def test_a_pickled_gallery_and_another_process_have_the_same_noise(cache: Path) -> None:
    gallery = Gallery(SEED, marked=True, noise=0.02)
    expected = gallery.image(5)
    again = pickle.loads(pickle.dumps(gallery))
    assert (again.seed, again.links, again.marked, again.noise) == (SEED, (), True, 0.02)
    assert np.array_equal(again.image(5), expected)
    code = (
        "import sys; from neuronym.world.gallery import Gallery; "
        f"sys.stdout.buffer.write(Gallery({SEED}, marked=True, noise=0.02).image(5).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=120)
    assert done.stdout == expected.tobytes()
    assert len(list(cache.rglob("*.npy"))) == 1


def test_levels_have_files_of_their_own_and_those_without_noise_keep_theirs() -> None:
    levels = [0.0, 0.02, 0.0200001, 0.2]
    folders = [Gallery(SEED, (), marked, noise)._folder.name for noise in levels for marked in (False, True)]
    assert len(set(folders)) == len(folders)
    assert folders[:2] == [digest([SEED, []]), digest([SEED, [], "marked", 1])]
    # As they were before there was noise: caches of earlier versions are read on.
    assert folders[:2] == ["4eedca48ae4f741c", "c2d6d879a05ef24d"]


@pytest.fixture(scope="module", params=[0.02, 0.5])
def seen(request: pytest.FixtureRequest) -> tuple[list[Pixels], Scenes]:
    source = load(f"world/explain/40?noise={request.param}&start=3000&marked")
    return [source.read(member.name) for member in source.members()], source.scenes(range(3000, 3040))


def test_marks_are_read_in_noise(seen: tuple[list[Pixels], Scenes]) -> None:
    images, scenes = seen
    found = [seen_in(image) for image in images]
    assert None not in found
    read = Scenes.joined([one for one in found if one is not None])
    assert np.array_equal(codes_of(read), codes_of(scenes))
    assert np.array_equal(truth(catalogue(), read), truth(catalogue(), scenes))


def test_the_oracle_reads_marks_in_noise(seen: tuple[list[Pixels], Scenes]) -> None:
    images, scenes = seen
    encoder = plugins.encoder("oracle:world", torch.device("cpu"))
    rows = encoder.encode_images([Image.fromarray(image) for image in images])
    assert np.array_equal(rows[:, :-1] > 0, truth(catalogue(), scenes) > 0)


def test_the_concept_table_is_that_of_the_pictures_without_noise() -> None:
    members = [str(number) for number in range(50, 70)]
    with_noise, without = load("world/test/20?noise=0.3&start=50"), load("world/test/70")
    assert np.array_equal(with_noise.concept_table(members).values, without.concept_table(members).values)


def test_marks_lie_above_the_noise() -> None:
    marked, plain = (load(f"world/test/20?noise=0.1{end}") for end in ("&marked", ""))
    scenes = plain.scenes(range(20))
    expected = noisy(render(scenes)[0], SEEDS["test"], range(20), 0.1)
    for number in range(20):
        assert np.array_equal(plain.read(str(number)), expected[number])
        assert np.array_equal(marked.read(str(number)) >> 2, expected[number] >> 2)
        assert seen_in(plain.read(str(number))) is None
