"""Tiny networks, encoders and methods that the tests of the program name as ``tiny_net:NAME``."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from neuronym.records import Explanation, Summary, Unit
from neuronym.store.layer_view import LayerView

CROPPED = {
    "resize": "none",
    "size": None,
    "crop": (8, 8),
    "interpolation": "bilinear",
    "scale": "unit",
    "mean": (0.0, 0.0, 0.0),
    "std": (1.0, 1.0, 1.0),
}

number = 3
nothing = None


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3)
        self.act = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 5, 3, stride=2)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv2(self.act(self.conv1(x))).mean((2, 3)))


def _made(kind: type[nn.Module], **told: Any) -> nn.Module:
    torch.manual_seed(1)
    net = kind()
    for name, value in ({"preprocessing": CROPPED} | told).items():
        setattr(net, f"neuronym_{name}", value)
    return net


def build() -> nn.Module:
    return _made(Net)


def named() -> nn.Module:
    """Its outputs have names."""
    return _made(Net, class_names=["owl", "newt", "frog"])


def uncropped() -> nn.Module:
    """Images keep their sizes."""
    return _made(Net, preprocessing=None)


class Broken(Net):
    """Its first layer is well; its second gives NaN or infinity for images whose corner is bright."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x) / (x[:, :1, :1, :1] < 0.5)
        return self.head(self.conv2(y).mean((2, 3)))


def broken() -> nn.Module:
    return _made(Broken)


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, stride=4)
        self.block = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.block(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))[:, 0])


def tokens() -> nn.Module:
    return _made(Tokens, tokens={"prefix_tokens": 1, "grid": (2, 2)})


class Slow(Net):
    """Waits in each forward pass where the test asks for it."""

    def forward(self, x: Tensor) -> Tensor:
        _wait("pass")
        return super().forward(x)


def slow() -> nn.Module:
    return _made(Slow)


def _wait(what: str) -> None:
    """Nothing, unless TINY_WAIT=WHAT:SECONDS asks for it; then a line in TINY_LOG tells the test how far this is."""
    kind, _, seconds = os.environ.get("TINY_WAIT", "").partition(":")
    if kind == what:
        with Path(os.environ["TINY_LOG"]).open("a") as log:
            log.write(f"{what}\n")
        time.sleep(float(seconds))


class Colours:
    """An encoder that knows the mean colour of images, and of texts a colour that their letters decide."""

    name, key, dim = "colours", "colours-1", 3

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return _unit_rows([np.asarray(image, np.float32).mean((0, 1)) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return _unit_rows([[byte + 1 for byte in hashlib.sha256(text.encode()).digest()[:3]] for text in texts])


def _unit_rows(rows: Sequence[Any]) -> np.ndarray:
    table = np.array(rows, np.float32)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def colours(device: torch.device) -> Colours:
    return Colours()


def no_encoder(device: torch.device) -> int:
    return 3


@dataclass(frozen=True)
class Best:
    """Names each unit after its best image; slowly, where the test asks for it."""

    summary: Summary = "max"
    digits: int = 8
    stop: int = -1

    name: ClassVar[str] = "best"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for unit in units:
            _wait("unit")
            if unit.index == self.stop:
                yield Explanation(unit, self.name, view.run, "abstained", reason="it was told to")
                continue
            image = view.exemplars(unit.index, self.summary)[0].image_id
            yield Explanation(unit, self.name, view.run, "described", image[: self.digits], 1 + unit.index / 3)


class NoMethod:
    pass
