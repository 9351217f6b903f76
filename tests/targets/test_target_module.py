from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from neuronym.errors import TargetError
from neuronym.targets.module import load
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import TokenInfo

SOURCE = """
import torch
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target

number = 3

def plain():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))

def told():
    model = plain()
    model.neuronym_preprocessing = UNCHANGED.spec() | {"crop": (2, 2)}
    model.neuronym_class_names = ["cat", "dog"]
    model.neuronym_tokens = {"prefix_tokens": 1, "grid": [2, 2]}
    return model

def target():
    return Target("mine", "own", plain(), UNCHANGED)

def text():
    return "model"

def bad_tokens():
    model = plain()
    model.neuronym_tokens = {"grid": 3}
    return model

def bad_preprocessing():
    model = plain()
    model.neuronym_preprocessing = 3
    return model
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "my_broken.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("my_models", None)


def test_a_plain_module_as_built() -> None:
    path = list(sys.path)
    target = load("my_models:plain", None)
    assert sys.path == path
    assert (target.name, target.weights, target.preprocessing) == ("my_models:plain", "as built", UNCHANGED)
    assert target.class_names is target.token_info is None


def test_what_a_module_tells() -> None:
    target = load("my_models:told", None)
    assert target.preprocessing.crop == (2, 2)
    assert target.class_names == ("cat", "dog")
    assert target.token_info == TokenInfo(1, (2, 2))


def test_weights() -> None:
    first, second = load("my_models:plain", "random"), load("my_models:target", "random")
    assert first.weights == second.weights == "random"
    assert first.weights_hash == second.weights_hash
    state = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).state_dict()
    torch.save(state, "mine.pt")
    for name in ("plain", "target"):
        loaded = load(f"my_models:{name}", "mine.pt")
        assert loaded.weights == "mine.pt"
        assert loaded.weights_hash not in ("", first.weights_hash)
        assert torch.equal(loaded.model[1].weight, state["1.weight"])  # type: ignore[index]
    with pytest.raises(TargetError, match=r"There is no weights file 'other\.pt'"):
        load("my_models:plain", "other.pt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_models", "'my_models' is not of the form package.module:callable"),
        (
            "my_modells:plain",
            r"The module 'my_modells' cannot be imported: .*The current folder \(.*\) and the installed",
        ),
        ("my_broken:plain", "'my_broken' cannot be imported: No module named 'no_such_dependency'"),
        ("my_models:plian", "The module 'my_models' has no 'plian'. Nearest: plain"),
        ("my_models:number", "my_models:number is a int; it must be a function without arguments"),
        ("my_models:text", "my_models:text returned a str; it must return a torch.nn.Module or a Target"),
        ("my_models:bad_tokens", "neuronym_tokens of my_models:bad_tokens is .*; it must be like"),
        ("my_models:bad_preprocessing", "neuronym_preprocessing of .* is a int; it must be a Preprocessing or a dict"),
    ],
)
def test_errors(name: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        load(name, None)


def test_what_is_recorded_as_the_weights_loads_them_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "built_nets.py").write_text(
        "import torch\n\ndef build():\n    torch.manual_seed(0)\n    return torch.nn.Conv2d(3, 2, 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    for weights in (None, "random"):
        first = load("built_nets:build", weights)
        assert load("built_nets:build", first.weights).weights_hash == first.weights_hash
