"""Scenes to pixels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.world._drawing import draw_scenes as _draw
from neuronym.world.lettering import lettering
from neuronym.world.scenes import Scenes
from neuronym.world.shapes import atlas
from neuronym.world.textures import textures
from neuronym.world.vocabulary import COLOURS, SIDE

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (222, 38, 42),
    "orange": (248, 134, 22),
    "yellow": (250, 222, 40),
    "green": (34, 168, 62),
    "cyan": (40, 208, 214),
    "blue": (36, 78, 222),
    "purple": (136, 54, 190),
    "pink": (252, 122, 184),
    "white": (244, 245, 248),
    "black": (30, 30, 36),
}
"""The colours of objects, 0 to 255."""

_SECOND = {"yellow": (186, 118, 12), "white": (148, 154, 172), "black": (128, 130, 140)}
"""What patterns of these are drawn with; those of other colours with a light tint of the colour."""

NOISE = 3.0
"""Standard deviation of the noise on every value, 0 to 255."""


def render(scenes: Scenes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The images of scenes, uint8 [n, 64, 64, 3], and what each pixel shows, uint8 [n, 64, 64].

    The region numbers are those of :data:`neuronym.world.concepts.REGIONS`. One image takes under a millisecond, and
    does not depend on the others.
    """
    images = np.empty((len(scenes), SIDE, SIDE, 3), np.uint8)
    regions = np.empty((len(scenes), SIDE, SIDE), np.uint8)
    _draw(
        images,
        regions,
        *tables(),
        *(getattr(scenes, name) for name in ("there", "shape", "colour", "pattern", "x", "y", "radius", "angle")),
        *(getattr(scenes, name) for name in ("phase", "background", "crop_x", "crop_y", "flip", "light", "word")),
        *(getattr(scenes, name) for name in ("word_x", "word_y", "word_scale", "word_dark", "grain")),
    )
    return images, regions


@cache
def tables() -> tuple[npt.NDArray[Any], ...]:
    """Textures, distances, letters, inks and noise, made once in a process (a second or so)."""
    noise = np.random.default_rng(7).normal(0, NOISE, (256, 256, 3)).astype(np.float32)
    return textures(), np.stack(atlas()), lettering(), _inks(), noise


def _inks() -> npt.NDArray[np.float32]:
    """Per colour: itself, its pattern's second colour, its outline, and dark and light details, [colours, 5, 3]."""
    inks = np.zeros((len(COLOURS), 5, 3), np.float32)
    for number, name in enumerate(COLOURS):
        base = np.array(PALETTE[name], float)
        second = np.array(_SECOND.get(name, base + (255 - base) * 0.74), float)
        outline = np.array([92, 94, 106.0]) if name == "black" else base * 0.3
        dark = np.array([206, 208, 214.0]) if name == "black" else base * 0.18
        inks[number] = base, second, outline, dark, (255, 250, 226)
    return inks
