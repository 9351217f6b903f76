"""A study whose images are annotated pixel by pixel, and whose units fire on what is annotated."""

from __future__ import annotations

import csv
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

ATTACK = "<img src=x onerror=pwned()>"
THINGS = {1: "ball", 2: ATTACK, 3: "pole"}
COLOURS = {1: "red", 2: "green", 3: "blue"}
SIDE = 48
UNANNOTATED = 5
"""The number of the image that has no masks; its colours are strongest, so that it is an exemplar."""


def picture(number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Pixels [height, width, 3] with a red ball, a green box and a thin blue pole; which thing, which colour is where.

    A third of the boxes is blue. What a photograph lacks depends on its number.
    """
    rng = np.random.default_rng(number)
    height, width = (SIDE, 72) if number % 2 else (72, SIDE)
    pixels = rng.integers(90, 120, (height, width, 3), dtype=np.uint8)
    things, colours = np.zeros((2, height, width), np.uint8)
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    y, x = np.mgrid[:height, :width]
    across, down = rng.integers(12, SIDE - 12, (2, 3))
    size = 5 + number % 4
    areas = {
        1: (y - top - down[0]) ** 2 + (x - left - across[0]) ** 2 <= size**2,
        2: (abs(y - top - down[1]) <= size) & (abs(x - left - across[1]) <= size),
        3: (abs(x - left - across[2]) <= 1) & (y >= top + 4),
    }
    for thing, area in areas.items():
        if number % 5 == thing:
            continue
        colour = 3 if thing == 2 and number % 3 == 0 else thing
        pixels[area] = 40
        pixels[area, colour - 1] = 255 if number == UNANNOTATED else 200 + 2 * (number % 20)
        things[area], colours[area] = thing, colour
    return pixels, things, colours


def write_dissected(folder: Path, count: int = 48) -> Path:
    """Photographs of two shapes with masks of their things and colours in planes that overlap, and scenes."""
    for name in ("images", "masks/things", "masks/colours"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        pixels, things, colours = picture(number)
        Image.fromarray(pixels).save(folder / "images" / f"view-{number:02}.png")
        if number != UNANNOTATED:
            Image.fromarray(things).save(folder / "masks" / "things" / f"view-{number:02}.png")
            Image.fromarray(colours).save(folder / "masks" / "colours" / f"view-{number:02}.png")
    rows = [("value", "name", "category", "plane"), ("0", "", "", "things"), ("0", "", "", "colours")]
    rows += [(str(value), name, "object", "things") for value, name in THINGS.items()]
    rows += [(str(value), name, "colour", "colours") for value, name in COLOURS.items()]
    with (folder / "names.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


def colour_finder() -> Target:
    """A map of 12 x 12 for each colour, of all colours, and a dead one; then the same with a quarter of the cells."""
    conv = nn.Conv2d(3, 5, 4, stride=4)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()
        for colour in range(3):
            conv.weight[colour, :] = -1 / 32
            conv.weight[colour, colour] = 2 / 32
        conv.weight[3, :] = -1 / 48
        conv.bias[3] = 0.41
    model = nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(), pool=nn.AvgPool2d(2)))
    shorter = Preprocessing("shorter", SIDE, (SIDE, SIDE), "bilinear", "unit", (0.0,) * 3, (1.0,) * 3)
    return Target("finder", "by hand", model, shorter)


def make_dissected_study(folder: Path) -> Study:
    """Dissected twice: both layers at their quantiles, and one of them above an activation."""
    images = write_dissected(folder / "street")
    made = Study.create(
        folder / "street-study", model=colour_finder(), layers=["relu", "pool"], images=str(images), top_k=8
    ).probe(device="cpu")
    made.explain(method="net-dissect", settings={"quantile": 0.95})
    made.explain(method="net-dissect", settings={"threshold": 0.05}, layers=["relu"])
    return made
