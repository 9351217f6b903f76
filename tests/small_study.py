"""A real study that is made in a second: small labelled images, a small network, its whole pipeline."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

COLOURS = {"red": (220, 40, 30), "green": (40, 200, 60), "blue": (40, 60, 220), "grey": (128, 128, 128)}
SIDE = 16


def write_images(path: Path, per_class: int = 30, seed: int = 0) -> Path:
    """An .npz of noisy images, each of one colour, labelled by it."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(COLOURS)), per_class)
    base = np.array(list(COLOURS.values()))[labels][:, None, None]
    images = np.clip(base + generator.normal(0, 25, (len(labels), SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    np.savez(path, images=images, labels=labels, class_names=np.array(list(COLOURS)))
    return path


def small_target(seed: int = 0, units: int = 12) -> Target:
    """Two convolutions and a linear layer with seeded weights; unit 0 of the first is dead, unit 1 constant."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(3, units, 3, padding=1),
                relu=nn.ReLU(),
                pool=nn.MaxPool2d(2),
                conv2=nn.Conv2d(units, units, 3, padding=1),
                mean=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                head=nn.Linear(units, 5),
                one=nn.Linear(5, 1),
            )
        )
    with torch.no_grad():
        model.conv.weight[:2] = 0
        model.conv.bias[0], model.conv.bias[1] = -1, 0.5
    preprocessing = Preprocessing("none", None, None, "bilinear", "unit", (0.5,) * 3, (0.25,) * 3)
    return Target("small", "seeded", model, preprocessing, class_names=tuple(COLOURS))


def make_study(
    folder: Path, layers: tuple[str, ...] = ("relu", "head"), per_class: int = 30, **options: object
) -> Study:
    """A study that was not probed yet."""
    images = folder.parent / f"{folder.name}-images.npz"
    if not images.exists():
        write_images(images, per_class)
    options.setdefault("model", small_target())
    return Study.create(folder, layers=layers, images=str(images), **options)  # type: ignore[arg-type]
