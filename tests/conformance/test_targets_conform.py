"""The conformance suite on built-in targets of every door, and on targets that break the contract."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tiny_models
from conformance.target_suite import check_target, check_unknown_name
from neuronym.asking import choose_target
from neuronym.errors import TargetError, unknown_name
from neuronym.records import Tokens
from neuronym.targets import huggingface, module, timm, torchvision
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

SMALL = {"size": "64", "crop": "64"}


@pytest.mark.parametrize(
    ("name", "layers", "tokens"),
    [
        ("torchvision:squeezenet1_1", None, None),
        ("torchvision:mobilenet_v3_small", ["features.*", "classifier.0:after"], None),
        ("timm:test_resnet", None, None),
        ("timm:vit_tiny_patch16_224", ["blocks.[01]", "blocks.0.mlp.fc1:after"], "mean"),
    ],
)
def test_built_in(name: str, layers: list[str] | None, tokens: Tokens | None) -> None:
    sizes = SMALL if name.startswith("torchvision") else {}
    check_target(lambda: choose_target(name, "random", sizes), layers, tokens=tokens)


@pytest.mark.parametrize("tokens", ["cls", "mean", "max", "grid"])
def test_hugging_face_folder(tmp_path: Path, tokens: Tokens) -> None:
    folder = tiny_models.vit_folder(tmp_path / "a folder")
    check_target(lambda: choose_target(str(folder), None, {}), ["layers.0", "**.fc1:after"], tokens=tokens)


SOURCE = """
import torch

def small():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.BatchNorm2d(4))

def local():
    class Own(torch.nn.Sequential):
        pass
    return Own(small())
"""


@pytest.mark.parametrize("name", ["small", "local"])
def test_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "conforming_models.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    check_target(lambda: choose_target(f"conforming_models:{name}", None, {}))


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (torchvision.load, "squeezenet9"),
        (timm.load, "test_resnet9"),
        (huggingface.load, "./no-such-folder"),
        (module.load, "no_such_module:model"),
        (module.load, "torch.nn:no_such_model"),
    ],
)
def test_unknown_names(load: Any, name: str) -> None:
    check_unknown_name(load, name)


def test_unknown_weights() -> None:
    check_unknown_name(torchvision.load, "squeezenet1_1", weights="squeezenet1_1")
    with pytest.raises(AssertionError, match="the error does not name 'anything'"):
        check_unknown_name(_refuses("No. Choose another."), "anything")
    with pytest.raises(AssertionError, match="the error has no remedy: There is no 'anything'"):
        check_unknown_name(_refuses("There is no 'anything'."), "anything")
    with pytest.raises(AssertionError, match="'anything' ends in KeyError, not in a UserError"):
        check_unknown_name(lambda name, weights: {}[name], "anything")
    with pytest.raises(AssertionError, match="'anything' stands for nothing, but a Target was made"):
        check_unknown_name(lambda name, weights: target(), "anything")
    check_unknown_name(lambda name, weights: _raise(unknown_name("blob", name, ["blob"])), "anything")


def _refuses(text: str) -> Any:
    return lambda name, weights: _raise(TargetError(text))


def _raise(error: Exception) -> Any:
    raise error


class Small(nn.Module):
    """A convolution and what a subclass puts behind it."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 4, 3)
        self.after = nn.Identity()
        self.calls = 0

    def forward(self, batch: Tensor) -> Tensor:
        result: Tensor = self.after(self.conv(batch))
        return result


def target(model: nn.Module | None = None, name: str = "test:small") -> Target:
    preprocessing = Preprocessing("exact", (12, 12), None, "bilinear", "unit", (0.5,) * 3, (0.5,) * 3)
    return Target(name, "seeded", model or Small(), preprocessing)


class BatchCentred(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch - batch.mean(0))


class Positional(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch * torch.arange(1.0, len(batch) + 1)[:, None, None, None])


class Noisy(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch + torch.randn_like(batch))


class Counting(Small):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, batch: Tensor) -> Tensor:
        self.seen += 1
        return super().forward(batch)


class Overwriting(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch.mul_(0.5))


class Blind(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch * 0)


class Overflowing(Small):
    def forward(self, batch: Tensor) -> Tensor:
        return super().forward(batch / 0)


class Hooking(Small):
    def forward(self, batch: Tensor) -> Tensor:
        self.conv.register_forward_hook(lambda *_: None)
        return super().forward(batch)


class Lambda(Small):
    def __init__(self) -> None:
        super().__init__()
        self.function = lambda value: value


class Waking(Small):
    """Comes back from a pickle in training mode."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.train()


class Fresh(Small):
    """New random weights every time."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.normal_(self.conv.weight)


def training() -> Target:
    made = target()
    made.model.after.train()  # type: ignore[union-attr]
    return made


def trainable() -> Target:
    made = target()
    made.model.conv.bias.requires_grad_(True)  # type: ignore[union-attr]
    return made


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (lambda: target(name="small"), "name has no prefix: 'small'"),
        (Small, "the loader gave a Small, not a Target"),
        (training, "in training mode: after"),
        (trainable, r"parameters that require gradients: conv\.bias"),
        (lambda: target(BatchCentred()), "images in two batches differ from the same images in one: conv by up to"),
        (lambda: target(Positional()), "images in two batches differ"),
        (lambda: target(Noisy()), "two runs on the same images differ: conv"),
        (lambda: target(Counting()), "running the model changed its weights or buffers"),
        (lambda: target(Overwriting()), "two runs on the same images differ|writes into the batch"),
        (lambda: target(Blind()), "5 different images give the same activations in every layer"),
        (lambda: target(Overflowing()), "conv gave NaN or infinity"),
        (lambda: target(Hooking()), "hooks are left behind by a recording"),
        (lambda: target(Lambda()), "test:small cannot be pickled"),
        (lambda: target(Waking()), "in training mode: the model, conv, after"),
        (lambda: target(Fresh()), "the weights of two loads differ; random ones need a fixed seed"),
    ],
)
def test_the_suite_sees_what_is_wrong(load: Callable[[], Target], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_target(load)


def test_a_local_class_cannot_be_pickled_and_may_be() -> None:
    class Local(Small):
        pass

    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(target(Local()))
    check_target(lambda: target(Local()))
