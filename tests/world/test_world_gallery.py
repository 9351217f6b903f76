"""Rendered scenes on disk: the same images however they are read, whatever became of the cache."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from neuronym.world import gallery as galleries
from neuronym.world.gallery import CHUNK, Gallery, renderer_key
from neuronym.world.links import Link
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes

SEED = 4242
RIGHT = render(draw_scenes(SEED, range(CHUNK)))[0]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "a cache"
    monkeypatch.setenv("NEURONYM_CACHE", str(place))
    return place


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_images_are_the_scenes_and_are_kept(cache: Path) -> None:
    gallery = Gallery(SEED)
    assert np.array_equal(gallery.image(3), RIGHT[3])
    assert np.array_equal(gallery.image(CHUNK - 1), RIGHT[-1])
    (path,) = kept(cache)
    assert path.parts[-4:-2] == ("world", renderer_key())
    assert path.name == "000000.npy"
    assert np.array_equal(np.load(path), RIGHT)
    assert np.array_equal(gallery.image(CHUNK + 5), render(draw_scenes(SEED, [CHUNK + 5]))[0][0])
    assert [path.name for path in kept(cache)] == ["000000.npy", "000001.npy"]


def test_an_image_belongs_to_the_caller_and_a_chunk_does_not() -> None:
    gallery = Gallery(SEED)
    gallery.image(0)[:] = 0
    assert np.array_equal(gallery.image(0), RIGHT[0])
    with pytest.raises(ValueError, match="read-only"):
        gallery.chunk(0)[0] = 0


def mark(cache: Path, row: int = 100) -> None:
    """Changes an image in the cache, so that it is seen where an image comes from."""
    (path,) = kept(cache)
    images = np.load(path)
    images[row] = 77
    np.save(path, images)


def test_what_is_kept_is_not_rendered_again(cache: Path) -> None:
    Gallery(SEED).chunk(0)
    mark(cache)
    before = kept(cache)[0].stat()
    images = Gallery(SEED).chunk(0)
    assert (images[100] == 77).all()
    assert np.array_equal(np.delete(images, 100, 0), np.delete(RIGHT, 100, 0))
    after = kept(cache)[0].stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_process_reads_the_same_files(cache: Path) -> None:
    Gallery(SEED).chunk(0)
    mark(cache)
    shown = ", ".join(f"Gallery({SEED}).image({number}).sum()" for number in (100, 1))
    code = f"from neuronym.world.gallery import Gallery; print({shown})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == [str(77 * 64 * 64 * 3), str(RIGHT[1].sum())]
    assert len(kept(cache)) == 1


DAMAGES = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1000),
    "empty": lambda path: os.truncate(path, 0),
    "half a header": lambda path: os.truncate(path, 40),
    "other bytes": lambda path: path.write_bytes(b"no array at all"),
    "a broken header": lambda path: path.write_bytes(path.read_bytes().replace(b"'shape': (", b"'shape': ((", 1)),
    "another shape": lambda path: np.save(path, RIGHT[:7]),
    "another type": lambda path: np.save(path, RIGHT.astype(np.int8)),
    "objects": lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True),
    "the right length without content": lambda path: np.save(path, np.zeros_like(RIGHT)),
    "an end without content": lambda path: np.save(
        path, np.where(np.arange(CHUNK)[:, None, None, None] < 400, RIGHT, 0)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_rendered_again_and_replaced(cache: Path, damage: str) -> None:
    Gallery(SEED).chunk(0)
    DAMAGES[damage](kept(cache)[0])
    assert np.array_equal(Gallery(SEED).chunk(0), RIGHT)
    (path,) = kept(cache)
    assert np.array_equal(np.load(path), RIGHT)


def test_a_folder_that_cannot_be_written(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    gallery = Gallery(SEED)
    assert np.array_equal(gallery.chunk(0), RIGHT)
    assert gallery.chunk(0) is gallery.chunk(0)
    assert cache.read_text() == "a file where the folder should be"


def test_a_folder_in_the_place_of_a_file(cache: Path) -> None:
    Gallery(SEED).chunk(0)
    (path,) = kept(cache)
    path.unlink()
    path.mkdir()
    assert np.array_equal(Gallery(SEED).chunk(0), RIGHT)
    assert path.is_dir()
    assert kept(cache) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(cache: Path) -> None:
    cache.mkdir(mode=0o500)
    assert np.array_equal(Gallery(SEED).chunk(0), RIGHT)


def test_threads_share_one_rendering(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    def counted(scenes: object) -> object:
        rendered.append(len(scenes))  # type: ignore[arg-type]
        return render(scenes)  # type: ignore[arg-type]

    renderer_key()
    monkeypatch.setattr(galleries, "render", counted)
    gallery = Gallery(SEED)
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(gallery.image, [i % 40 for i in range(200)]))
    assert all(np.array_equal(image, RIGHT[i % 40]) for i, image in enumerate(images))
    assert [count for count in rendered if count == CHUNK] == [CHUNK]
    assert len(kept(cache)) == 1


def test_a_pickled_gallery_is_the_same_one(cache: Path) -> None:
    links = (Link("fish", "sea", 0.9),)
    gallery = Gallery(SEED, links)
    gallery.chunk(0)
    data = pickle.dumps(gallery)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert (again.seed, again.links) == (SEED, links)
    assert np.array_equal(again.chunk(0), gallery.chunk(0))
    assert len(kept(cache)) == 1


def test_seeds_and_links_have_files_of_their_own(cache: Path) -> None:
    worlds = [
        Gallery(SEED),
        Gallery(SEED + 1),
        Gallery(SEED, [Link("fish", "sea", 0.9)]),
        # Alike in the six digits that are shown.
        Gallery(SEED, [Link("fish", "sea", 0.1234561)]),
        Gallery(SEED, [Link("fish", "sea", 0.1234562)]),
    ]
    for world in worlds:
        assert np.array_equal(world.image(9), render(draw_scenes(world.seed, [9], world.links))[0][0])
    assert len(kept(cache)) == len(worlds)


def test_the_key_covers_what_is_drawn_with(monkeypatch: pytest.MonkeyPatch) -> None:
    key = renderer_key()
    assert renderer_key.__wrapped__() == key
    tables = galleries.tables()
    for number, table in enumerate(tables):
        changed = table.copy()
        changed.flat[-1] += 1
        several = [*tables[:number], changed, *tables[number + 1 :]]
        monkeypatch.setattr(galleries, "tables", lambda several=several: several)
        assert renderer_key.__wrapped__() != key


def program(kind: str, folder: Path) -> str:
    script = Path(__file__).with_name("killed_gallery.py")
    environment = {**os.environ, "PYTHONPATH": str(script.parents[1])}
    command = [sys.executable, str(script), kind, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_writers_leave_nothing_wrong(cache: Path) -> None:
    cache.mkdir()
    assert int(program("kills", cache).split()[1]) > 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_a_thread_renders(cache: Path) -> None:
    cache.mkdir()
    assert program("forks", cache) == "forked 12\n"
