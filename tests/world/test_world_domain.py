"""Who gives an encoder images that it does not know is warned, once; the world's own are used in silence."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuronym.asking import warn_of_domain
from neuronym.errors import NeuronymWarning
from neuronym.study import Study
from program import Ran, explain
from small_study import small_target, write_images
from tiny_net import Colours

SENTENCE = (
    "The encoder test:narrow knows only images of bundled:world, and nothing of those of {!r}: what it says of them "
    "means little. Choose an encoder for them, for example --encoder hf:openai/clip-vit-base-patch16."
)


MODULE = """
from tiny_net import Colours


class Narrow(Colours):
    name, domain = "test:narrow", "bundled:world"


def narrow(device):
    return Narrow()
"""


class Narrow(Colours):
    name, domain = "test:narrow", "bundled:world"


@pytest.mark.parametrize(
    ("sources", "foreign"),
    [
        (["/a/folder"], "/a/folder"),
        (["bundled:world/explain/30", "/a/folder", "/another"], "/a/folder"),
        (["cards:40"], "cards:40"),
    ],
)
def test_foreign_images(sources: list[str], foreign: str) -> None:
    with pytest.warns(NeuronymWarning) as told:
        warn_of_domain(Narrow(), sources)
    assert [str(one.message) for one in told] == [SENTENCE.format(foreign)]


@pytest.mark.parametrize("sources", [[], ["bundled:world"], ["bundled:world/test/9", "bundled:world?links=fish:sea:1"]])
def test_no_foreign_images(sources: list[str]) -> None:
    warn_of_domain(Narrow(), sources)  # a warning would be an error here


def test_encoders_without_a_domain_and_no_encoder() -> None:
    warn_of_domain(Colours(), ["/a/folder"])
    warn_of_domain(None, ["/a/folder"])


def test_a_study_warns_when_it_is_explained(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images.npz", 10)
    words = ["red", "green", "blue"]
    study = Study.create(tmp_path / "s", model=small_target(), layers=["relu"], images=images).probe(device="cpu")
    with pytest.warns(NeuronymWarning) as told:
        study.explain(concepts=words, encoder=Narrow(), settings={"top_k": 5})
    assert [str(one.message) for one in told] == [SENTENCE.format(str(images))]
    study.explain(concepts=words, encoder=Colours(), settings={"top_k": 5})
    world = Study.create(tmp_path / "w", model=small_target(), layers=["relu"], images="bundled:world/test/30")
    world.probe(device="cpu").explain(concepts=words, encoder=Narrow(), settings={"top_k": 5})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with images, words and an encoder that says what it knows."""
    (tmp_path / "images").mkdir()
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (10, 12, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "words.txt").write_text("red\ngreen\nblue\n")
    (tmp_path / "narrow_encoder.py").write_text(MODULE)
    return tmp_path


def run(place: Path, **options: object) -> Ran:
    usual: dict[str, object] = {"concepts": "words.txt", "encoder": "narrow_encoder:narrow"}
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        return explain(cwd=place, **(usual | options))


def test_the_program_says_it_once(place: Path) -> None:
    ran = run(place)
    assert ran.code == 0
    said = [line for line in ran.err.splitlines() if "Warning" in line or "knows only" in line]
    assert said == [f"Warning: {SENTENCE.format(str(place / 'images'))}"]
    assert ".py" not in ran.err


def test_the_program_is_silent_on_the_world(place: Path) -> None:
    ran = run(place, images="bundled:world/explain/30", test_images="bundled:world/test/20")
    assert ran.code == 0
    assert "Warning" not in ran.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"images": "bundled:world/exlain"}, "There is no split of the world 'exlain'. Nearest: explain, train."),
        (
            {"images": "bundled:world/explain/30", "test_images": "bundled:world/test/0"},
            "'bundled:world/test/0' asks for '0' scenes. Give a number from 1 to 1,000,000. Write "
            "bundled:world/explain/3000, or with options "
            "bundled:world/explain/3000?links=fish:sea:0.9&noise=0.02&start=2000&marked; bundled:planted needs marked.",
        ),
        (
            {"images": "bundled:world?links=red:STOP:0.5,fish:red:0.9"},
            "The link fish:red:0.9 changes what the link red:STOP:0.5 depends on. Give fish:red:0.9 first.",
        ),
        (
            {"images": "oracle:world"},
            "The prefix 'oracle:' of 'oracle:world' does not name images here. Give a path, or a name with one of the "
            "prefixes bundled:.",
        ),
        (
            {"images": "bundled:world/test/30", "encoder": "oracle:words"},
            "There is no oracle 'words'. Use oracle:world, for images of bundled:world.",
        ),
    ],
)
def test_names_that_the_program_refuses(place: Path, options: dict[str, str], sentence: str) -> None:
    ran = explain(cwd=place, **{"concepts": "words.txt", "encoder": "tiny_net:colours", **options})
    assert ran.error == sentence
    assert not (place / "study").exists()


def test_the_oracle_refuses_what_it_does_not_know(place: Path) -> None:
    ran = run(place, encoder="oracle:world")
    assert ran.code == 2
    warning, error = [line for line in ran.err.splitlines() if line.startswith(("Warning: ", "Error: "))]
    assert warning.startswith("Warning: The encoder oracle:world knows only images of bundled:world")
    assert error.startswith("Error: oracle:world was given an image that is none of the first 20,480 scenes")


def test_the_oracle_describes_units_on_the_world(place: Path) -> None:
    images = {"images": "bundled:world/explain/40", "test_images": "bundled:world/test/20"}
    ran = run(place, **images, encoder="oracle:world", concepts="labels:concept")
    assert ran.code == 0, ran.err
    assert "Warning" not in ran.err
