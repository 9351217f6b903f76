"""The checkpoints that come with Neuronym: what their cards say is true, and they are loaded like any other."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neuronym import plugins
from neuronym.backends import ImageTextEncoder
from neuronym.errors import UnknownNameError, UserError
from neuronym.recipes import classifiers, encoders, taught
from neuronym.recipes.bundled import CARD
from neuronym.recipes.figures import encoder_figures
from neuronym.world import checkpoints
from neuronym.world.checkpoints import FOLDER, KINDS
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import SHAPES

README = Path(__file__).parents[2] / "README.md"
TARGETS = [name for name, kind in KINDS.items() if kind == "target"]
ENCODERS = [name for name, kind in KINDS.items() if kind == "encoder"]
_ENCODER = {
    **{"shapes": 0.97, "colours": 0.99, "backgrounds": 0.99, "patterns": 0.85, "words": 0.8},
    **{"caption among 32": 0.98, "withheld pairs": 0.85},
}
FLOORS = {
    "resnet": {"shapes": 0.99},
    "vit": {"shapes": 0.93},
    "concepts": {"shapes": 0.97},
    "clip": _ENCODER,
    "align": _ENCODER,
}


def card(name: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((FOLDER / name / CARD).read_text())
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_card_states_what_was_done_and_what_came_out(name: str) -> None:
    said = card(name)
    recipes = {**classifiers.RECIPES, **encoders.RECIPES, **taught.RECIPES}
    assert said["command"] == f"neuronym train-bundled {name}"
    assert str(said["data"]).startswith(f"{recipes[name].images:,} scenes")
    assert 0 < said["cpu_minutes"] <= 60  # type: ignore[operator]
    for figure, floor in FLOORS[name].items():
        assert said["test_figures"][figure] >= floor, figure
    text = (FOLDER / name / "README.md").read_text()
    for figure, value in said["test_figures"].items():
        assert f"| {figure} | {value:.1%} |" in text


@pytest.mark.parametrize("name", ENCODERS)
def test_the_readme_says_what_the_card_says(name: str) -> None:
    (row,) = [line for line in README.read_text().splitlines() if line.startswith(f"| `bundled:{name}` | ")]
    minutes, *shares = [cell.strip() for cell in row.split("|")[2:-1]]
    figures = card(name)["test_figures"]
    columns = ["shapes", "colours", "patterns", "backgrounds", "words", "caption among 32", "withheld pairs"]
    said = [figures[column] for column in (*columns, "pairs, two objects")]
    assert minutes == f"{card(name)['cpu_minutes']:.0f}"
    assert [float(share.removesuffix(" %")) for share in shares] == [round(100 * value, 1) for value in said]


def test_all_of_them_together_are_small() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 15_000_000
    assert all(path.stat().st_mode & 0o044 for path in files)


@pytest.mark.parametrize("name", TARGETS)
def test_a_classifier_is_as_good_as_its_card_says(name: str) -> None:
    target = plugins.target(f"bundled:{name}")
    assert target.name == f"bundled:{name}"
    assert target.class_names == SHAPES
    assert classifiers.accuracy(target.model, 1024) == pytest.approx(card(name)["test_figures"]["shapes"], abs=0.012)
    assert next(target.model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_as_good_as_its_card_says(name: str) -> None:
    encoder = plugins.encoder(f"bundled:{name}", torch.device("cpu"))
    found, said = encoder_figures(encoder, 768), card(name)["test_figures"]
    assert list(found) == list(said)
    for figure, value in said.items():
        assert found[figure] == pytest.approx(value, abs=0.05), figure


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_is_one_like_any_other(name: str) -> None:
    encoder = plugins.encoder(f"bundled:{name}", torch.device("cpu"))
    assert isinstance(encoder, ImageTextEncoder)
    assert encoder.name == f"bundled:{name}"
    images, _ = render(draw_scenes(SEEDS["test"], range(5)))
    pictures = [Image.fromarray(image) for image in images]
    rows = encoder.encode_images(pictures)
    np.testing.assert_allclose(encoder.encode_images(pictures[3:4]), rows[3:4], atol=1e-5)
    copy = pickle.loads(pickle.dumps(encoder))
    assert (copy.key, copy.name, copy.domain) == (encoder.key, encoder.name, "bundled:world")
    np.testing.assert_allclose(copy.encode_texts(["red fish"]), encoder.encode_texts(["red fish"]), atol=1e-6)


def test_the_two_encoders_are_of_different_make() -> None:
    first, second = (plugins.encoder(f"bundled:{name}", torch.device("cpu")) for name in ENCODERS)
    assert first.key != second.key
    classes = {json.loads((FOLDER / name / "config.json").read_text())["model_type"] for name in ENCODERS}
    assert len(classes) == 2


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no bundled target 'resnt'\. Nearest: resnet\."):
        plugins.target("bundled:resnt")
    with pytest.raises(UnknownNameError, match=r"There is no bundled encoder 'vit'"):
        plugins.encoder("bundled:vit", torch.device("cpu"))


def test_missing_files_are_said_with_the_command_that_makes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("none")
    monkeypatch.setattr(checkpoints, "FOLDER", empty)
    with pytest.raises(
        UserError,
        match=re.escape(
            f"The files of bundled:vit are not where they belong, in {str(empty / 'vit')!r}. Install Neuronym again, "
            "or make them by `neuronym train-bundled vit`."
        ),
    ):
        plugins.target("bundled:vit")


@pytest.mark.parametrize("name", KINDS)
def test_loading_warns_of_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name in TARGETS:
            plugins.target(f"bundled:{name}")
        else:
            plugins.encoder(f"bundled:{name}", torch.device("cpu"))
