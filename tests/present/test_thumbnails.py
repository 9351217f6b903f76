"""Thumbnails: shape, size in bytes, each written once and in order."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuronym.present.thumbnails import LADDER, Size, choose_size, encode, fitted, write_thumbnails


def noise(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1000, 10), (3, 2000)])
def test_the_longer_side_is_reduced_and_the_shape_kept(size: tuple[int, int]) -> None:
    shown = Image.open(io.BytesIO(encode(noise(0, *size), Size(160, 70))))
    assert shown.format == "WEBP"
    assert max(shown.size) == 160
    assert shown.size == fitted(size, 160)
    assert all(abs(now - was * 160 / max(size)) <= 0.9 for now, was in zip(shown.size, size, strict=True))


def test_small_images_are_kept_as_they_are() -> None:
    image = noise(1, 32, 24)
    shown = Image.open(io.BytesIO(encode(image, Size(320, 80, exact=True)))).convert("RGB")
    assert np.array_equal(np.asarray(shown), np.asarray(image))
    assert len(encode(image, Size(320, 40))) < len(encode(image, Size(320, 40, exact=True)))


def test_the_ladder_goes_down() -> None:
    for before, after in pairwise(LADDER):
        assert after.side < before.side
        assert after.quality <= before.quality


@pytest.mark.parametrize("budget", [20_000, 80_000, 10_000_000])
def test_all_together_stay_under_the_budget(tmp_path: Path, budget: int) -> None:
    loads = {number: partial(noise, number, 140, 100) for number in range(60)}
    told: list[tuple[int, int]] = []
    size = write_thumbnails(tmp_path, loads, budget, lambda done, total: told.append((done, total)))
    written = sorted(tmp_path.rglob("*.webp"))
    assert len(written) == 60
    assert sum(file.stat().st_size for file in written) <= budget
    assert told == [(number, 60) for number in range(1, 61)]
    assert size == choose_size(list(loads.values()), budget)
    assert (size == LADDER[0]) == (budget == 10_000_000)


def test_numbers_name_files_in_folders_of_a_thousand(tmp_path: Path) -> None:
    write_thumbnails(tmp_path, {7: partial(noise, 0, 4, 4), 2001: partial(noise, 1, 4, 4)}, 1e6, lambda *_: None)
    assert {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.webp")} == {"0/7.webp", "2/2001.webp"}


def test_an_image_that_cannot_be_read_ends_the_work(tmp_path: Path) -> None:
    def broken() -> Image.Image:
        raise RuntimeError("gone")

    loads: dict[int, Callable[[], Image.Image]] = {n: partial(noise, n, 8, 8) for n in range(100)}
    loads[99] = broken
    with pytest.raises(RuntimeError, match="gone"):
        write_thumbnails(tmp_path, loads, 1e6, lambda *_: None)


def test_of_no_images_there_are_none(tmp_path: Path) -> None:
    assert write_thumbnails(tmp_path, {}, 1e6, lambda *_: None) == LADDER[0]
