"""Source of a module with tiny networks, encoders and methods; the tests write it beside their images."""

from __future__ import annotations

SOURCE = '''
import dataclasses
import hashlib
import os
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from neuronym.records import Explanation

CROPPED = dict(
    resize="none", size=None, crop=(8, 8), interpolation="bilinear", scale="unit", mean=(0, 0, 0), std=(1, 1, 1)
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3)
        self.act = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 5, 3, stride=2)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.conv2(self.act(self.conv1(x)))
        return self.head(x.mean((2, 3)))


def build():
    torch.manual_seed(1)
    net = Net()
    net.neuronym_preprocessing = CROPPED
    return net


def as_they_are():
    net = build()
    del net.neuronym_preprocessing
    return net


class Broken(Net):
    """Its first layer is well, its second gives NaN for images with a bright corner."""

    def forward(self, x):
        y = self.conv1(x)
        y = y / (x[:, :1, :1, :1] < 0.5)
        return self.head(self.conv2(y).mean((2, 3)))


def broken():
    torch.manual_seed(1)
    net = Broken()
    net.neuronym_preprocessing = CROPPED
    return net


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, stride=4)
        self.block = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
        return self.head(self.block(tokens)[:, 0])


def tokens():
    torch.manual_seed(1)
    net = Tokens()
    net.neuronym_preprocessing = CROPPED
    net.neuronym_tokens = dict(prefix_tokens=1, grid=(2, 2))
    return net


class Slow(Net):
    """Lets the test see each forward pass begin, and waits as long as the test asks."""

    def forward(self, x):
        _wait("pass")
        return super().forward(x)


def slow():
    torch.manual_seed(1)
    net = Slow()
    net.neuronym_preprocessing = CROPPED
    return net


def _wait(what):
    """Nothing, unless TINY_WAIT=WHAT:SECONDS asks for it; a line for each call tells the test how far it is."""
    kind, _, seconds = os.environ.get("TINY_WAIT", "").partition(":")
    if kind == what:
        with open(os.environ["TINY_LOG"], "a") as log:
            log.write(what + "\\n")
        time.sleep(float(seconds))


def number():
    return 3


nothing = None


class Encoder:
    """Looks at the mean colour of images and at the letters of texts."""

    name, key, dim = "tiny", "tiny-1", 3

    def encode_images(self, images):
        rows = np.array([np.asarray(image, np.float32).mean((0, 1)) for image in images], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode_texts(self, texts):
        rows = np.array([list(hashlib.sha256(text.encode()).digest()[:3]) for text in texts], np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def encoder(device):
    return Encoder()


def no_encoder(device):
    return 3


@dataclasses.dataclass(frozen=True)
class Brightest:
    """Names each unit after its best image; slowly, if asked to."""

    summary: str = "max"
    shout: bool = False

    name: ClassVar[str] = "brightest"
    citation: ClassVar[str] = "Written for the tests."

    def explain(self, units, view):
        for unit in units:
            _wait("unit")
            text = view.exemplars(unit.index, self.summary)[0].image_id[:8]
            yield Explanation(unit, self.name, view.run, "described", text.upper() if self.shout else text, 1.0)


class NoMethod:
    pass
'''
