from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from program import explain, neuronym

CLASSES = ("cat", "dog", "frog")


def _images(folder: Path, count: int = 12) -> None:
    """Noise of another colour for each class; frogs have a bright corner."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 90, (10, 12, 3), dtype=np.uint8)
            pixels[..., channel] += 100
            pixels[:5, :5] = 200 if name == "frog" else 0
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a concept file and a study that was explained and evaluated; not to be changed."""
    world = tmp_path_factory.mktemp("a tiny wörld")
    _images(world / "images")
    (world / "words.txt").write_text("red\n\ngreen\nblue sky \n  red\nblue  sky\n", encoding="utf-8")
    assert explain(cwd=world).code == 0
    assert neuronym("evaluate", "study", cwd=world).code == 0
    return world


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """A folder of one's own with the images and the concept file, and no study."""
    place = tmp_path / "a wörld"
    place.mkdir()
    (place / "images").symlink_to(made / "images", target_is_directory=True)
    shutil.copy(made / "words.txt", place)
    return place


@pytest.fixture
def study(made: Path, world: Path) -> Path:
    """A copy of the study that was made, in a folder of one's own."""
    return Path(shutil.copytree(made / "study", world / "study"))
