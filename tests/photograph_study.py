"""A study whose photographs are not square, whose names are hostile, and whose hot spots are known."""

from __future__ import annotations

import csv
import shutil
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from neuronym.store.study_store import StudyStore
from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

ATTACK = "<img src=x onerror=pwned()>"
CLASSES = (f"</script>{ATTACK}", "green & <b>bold</b>", "blue")
DOT = 10
"""Side of the coloured square in every photograph, in pixels."""


def place_of_dot(number: int, width: int, height: int) -> tuple[int, int]:
    """The corner of the square in a photograph: always within the central part that the network sees."""
    rng = np.random.default_rng(number)
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    x, y = rng.integers(2, side - DOT - 2, 2)
    return left + int(x), top + int(y)


def write_photographs(folder: Path, per_class: int = 20) -> Path:
    """Photographs of 120 x 80 and 80 x 120 pixels, grey with one coloured square; and their labels."""
    images = folder / "photographs"
    images.mkdir(parents=True)
    rows = []
    for number in range(per_class * len(CLASSES)):
        which = number % len(CLASSES)
        width, height = (120, 80) if number % 2 else (80, 120)
        pixels = np.random.default_rng(number).integers(60, 80, (height, width, 3), dtype=np.uint8)
        x, y = place_of_dot(number, width, height)
        pixels[y : y + DOT, x : x + DOT] = 40
        pixels[y : y + DOT, x : x + DOT, which] = 120 + 2 * (number // len(CLASSES))
        name = f"{ATTACK}-{number}.png"
        Image.fromarray(pixels).save(images / name)
        rows.append((name, CLASSES[which]))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "class"), *rows])
    return images


def spots() -> Target:
    """A map of 10 x 10 for each colour: how much of it there is; unit 3 is dead, unit 4 always 0.5; then a linear."""
    conv = nn.Conv2d(3, 5, 4, stride=4)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()
        for colour in range(3):
            conv.weight[colour, :] = -1 / 16
            conv.weight[colour, colour] = 2 / 16
        conv.bias[4] = 0.5
    head = nn.Linear(500, 3)
    torch.manual_seed(0)
    nn.init.normal_(head.weight)
    model = nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(), flatten=nn.Flatten(), head=head))
    shorter = Preprocessing("shorter", 40, (40, 40), "bilinear", "unit", (0.0,) * 3, (1.0,) * 3)
    return Target("spots", "by hand", model, shorter)


OWN = {
    ("relu", 0): CLASSES[0],
    ("relu", 1): CLASSES[2],
    ("relu", 2): f"no class {ATTACK}",
    ("relu", 3): CLASSES[2],
    ("head", 1): CLASSES[1],
}
"""Somebody's own labels: one that fits, one of another colour, one that is no class, one of a dead unit."""

OWN_FILE = f"{ATTACK}.csv"


def write_own_labels(folder: Path) -> Path:
    """:data:`OWN` as a CSV under a hostile name."""
    place = folder / OWN_FILE
    with place.open("w", newline="", encoding="utf-8") as file:
        rows = [(layer, unit, text) for (layer, unit), text in OWN.items()]
        csv.writer(file).writerows([("layer", "unit", "description"), *rows])
    return place


def make_photograph_study(folder: Path) -> Study:
    """Probed, explained twice (the second time three units of one layer, by max), somebody's labels, and evaluated."""
    images = write_photographs(folder)
    made = Study.create(
        folder / "spots",
        model=spots(),
        layers=["relu", "head"],
        images=str(images),
        labels=str(folder / "labels.csv"),
        top_k=8,
    ).probe(device="cpu")
    made.explain(concepts="labels", settings={"top_k": 10})
    made.explain(concepts="labels", settings={"top_k": 10, "summary": "max"}, layers=["relu"], units=[0, 1, 3])
    made.import_labels(write_own_labels(folder))
    made.evaluate()
    return made


def without_evaluation(study: Study, folder: Path) -> Study:
    """A copy of a study as it was before it was evaluated."""
    shutil.copytree(study.folder, folder, ignore=shutil.ignore_patterns("scores", "report"))
    store = StudyStore(folder)
    store.update(replace(store.manifest, evaluations={}))
    return Study.open(folder)
