"""Scenes as tables of numbers: what is in each, drawn from (seed, index)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.world.links import Link, check_order
from neuronym.world.randomness import Bits, Draws
from neuronym.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    COLUMNS,
    PATTERNS,
    RADII,
    ROWS,
    SHAPES,
    SIDE,
    SIZES,
    WORDS,
)

Numbers = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

MAIN, SECOND = 0, 1
"""The two objects a scene may have, by their column."""

SECOND_SHARE, WORD_SHARE = 0.35, 0.25
"""How often there is a second object, and a written word."""

MAIN_MARGIN, SECOND_MARGIN = 3.0, 2.0
"""How far the outlines of the main and of the second object stay away from the border, in pixels."""

OVERLAP = 0.7
"""By how much of its radius the second object may be covered by the main one, or reach into the word's band."""

WORD_BAND, WORD_FROM_BORDER = 8.0, 9.5
"""Half the height of a word's band, and how far the word's centre is from the border at least, in pixels."""

_PLACES = 12
"""Places that are tried for a second object, until one is clear of the main one."""

# One slot for each random number of a scene. Objects take a block of ten each; numbers must never be moved.
_SHAPE, _COLOUR, _PATTERN, _SIZE, _RADIUS, _ANGLE, _PHASE, _X, _Y, _THERE = range(10)
_BACKGROUND, _CROP_X, _CROP_Y, _FLIP, _LIGHT, _WORD, _WORD_THERE, _WORD_X, _WORD_Y, _WORD_SCALE, _WORD_DARK, _GRAIN = (
    range(30, 42)
)
_LINKS = 60
_TRIES = 100


@dataclass(frozen=True, eq=False)
class Scenes:
    """Some scenes, a row each. All that is known of them is here; the renderer and the concepts read nothing else.

    Attributes of objects are [n, 2]: the main object, then the second. Names are numbers in
    :mod:`neuronym.world.vocabulary`; lengths are in pixels, x to the right and y down.

    Attributes:
        there: whether the object exists; the main one always does.
        shape, colour, pattern, size, column, row: the object's properties as numbers.
        x, y, radius: its centre and its radius.
        angle: how far it is turned, in radians.
        phase: where its pattern begins, 0 to 1.
        background, crop_x, crop_y, flip, light: the texture, the corner of the part of it that is seen, whether it is
            mirrored, and the factor on its brightness.
        word: the written word, or -1.
        word_x, word_y, word_scale, word_dark: its centre, the size of a font cell, and whether it is dark on light.
        grain: bits that decide the noise.
    """

    there: npt.NDArray[np.bool_]
    shape: Numbers
    colour: Numbers
    pattern: Numbers
    size: Numbers
    column: Numbers
    row: Numbers
    x: Floats
    y: Floats
    radius: Floats
    angle: Floats
    phase: Floats
    background: Numbers
    crop_x: Numbers
    crop_y: Numbers
    flip: npt.NDArray[np.bool_]
    light: Floats
    word: Numbers
    word_x: Floats
    word_y: Floats
    word_scale: Floats
    word_dark: npt.NDArray[np.bool_]
    grain: Bits

    def __len__(self) -> int:
        return len(self.there)

    def rows(self, which: slice | Sequence[int] | npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]) -> Scenes:
        """Some of the scenes, by their positions or by a flag for each."""
        # NumPy takes an empty list for numbers with a fraction, which are no positions.
        chosen = which if isinstance(which, slice | np.ndarray) else np.asarray(which, np.int64)
        return Scenes(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Scenes]) -> Scenes:
        """The scenes of several tables, one after the other."""
        return cls(**{field.name: np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(cls)})

    @property
    def classes(self) -> Numbers:
        """The class of each scene: the shape of its main object, [n]."""
        return self.shape[:, MAIN]


def draw_scenes(
    seed: int,
    indices: Sequence[int] | npt.NDArray[np.int64],
    links: Sequence[Link] = (),
    given: Mapping[str, int] | None = None,
) -> Scenes:
    """The scenes ``indices`` of the world ``seed``; each depends on its own index only.

    Args:
        seed: any whole number.
        indices: which scenes, from 0.
        links: correlations. Without them the main object's shape, colour, pattern and size, the background and the
            written word are independent, and uniform but for the word, which a quarter of the scenes have. Where the
            main object is depends on its size, for all of it is in the picture: a large one is always in the centre.
            The second object differs from the main one in shape and colour, and is rarer where less room is left.
        given: what is the same in all of them, as numbers: the main object's ``shape``, ``colour``, ``pattern`` and
            ``size``, the ``background`` and the ``word``. Without links these are independent of each other, so that
            the scenes are distributed as those of the world that happen to have them.

    Raises:
        ProbeError: a link changes what an earlier one depends on.
    """
    check_order(links)
    numbers = np.asarray(indices, np.int64)
    draws = Draws(seed, numbers)
    kinds = {
        "shape": draws.below(_SHAPE, len(SHAPES)),
        "colour": draws.below(_COLOUR, len(COLOURS)),
        "pattern": draws.below(_PATTERN, len(PATTERNS)),
        "size": 1 + draws.below(_SIZE, len(SIZES) - 1),
        "background": draws.below(_BACKGROUND, len(BACKGROUNDS)),
        "word": np.where(draws.uniform(_WORD_THERE) < WORD_SHARE, draws.below(_WORD, len(WORDS)), -1),
    }
    for slot, link in enumerate(links):
        _apply(kinds, link, draws.uniform(_LINKS + slot))
    kinds |= {name: np.full(len(numbers), value, np.int64) for name, value in (given or {}).items()}
    main = _main(draws, kinds)
    word = _writing(draws, kinds["word"], main)
    return _scenes(draws, kinds, main, _second(draws, kinds, main, word), word)


_NAMES = {
    "shape": SHAPES,
    "colour": COLOURS,
    "pattern": PATTERNS,
    "size": SIZES,
    "background": BACKGROUNDS,
    "word": WORDS,
}


def _apply(kinds: dict[str, npt.NDArray[np.int64]], link: Link, chance: npt.NDArray[np.float64]) -> None:
    cause = _NAMES[link.cause_kind].index(link.cause)
    effect = _NAMES[link.effect_kind].index(link.effect)
    changed = (kinds[link.cause_kind] == cause) & (chance < link.share)
    kinds[link.effect_kind] = np.where(changed, effect, kinds[link.effect_kind])


Thing = dict[str, npt.NDArray[Any]]


def _main(draws: Draws, kinds: dict[str, npt.NDArray[np.int64]]) -> Thing:
    least, most = (np.array([RADII[name][end] for name in SIZES])[kinds["size"]] for end in (0, 1))
    radius = draws.between(_RADIUS, least, most)
    margin = radius + MAIN_MARGIN
    return {
        **{name: kinds[name] for name in ("shape", "colour", "pattern", "size")},
        "radius": radius,
        "x": draws.between(_X, margin, SIDE - margin),
        "y": draws.between(_Y, margin, SIDE - margin),
        "angle": draws.between(_ANGLE, -0.2, 0.2),
        "phase": draws.uniform(_PHASE),
        "there": np.ones(len(radius), bool),
    }


def _writing(draws: Draws, word: npt.NDArray[np.int64], main: Thing) -> Thing:
    """Where a word stands: at the top or the bottom, on the side where the main object leaves more room."""
    scale = draws.between(_WORD_SCALE, 1.7, 2.1)
    half = np.array([6 * len(name) - 1 for name in WORDS])[word] * scale / 2 + 2
    shift = draws.between(_WORD_Y, 0, 2.5)
    top, bottom = WORD_FROM_BORDER + shift, SIDE - WORD_FROM_BORDER - shift
    return {
        "x": draws.between(_WORD_X, half, SIDE - half),
        "y": np.where(main["y"].astype(float) > SIDE / 2, top, bottom),
        "scale": scale,
        "dark": draws.uniform(_WORD_DARK) < 0.5,
        "there": word >= 0,
    }


def _second(draws: Draws, kinds: dict[str, npt.NDArray[np.int64]], main: Thing, word: Thing) -> Thing:
    """A tiny object of another shape and colour, as clear of the main one and of the word as the scene allows."""
    block = 10
    other = {
        name: (kinds[name] + 1 + draws.below(block + slot, count - 1)) % count
        for name, slot, count in (("shape", _SHAPE, len(SHAPES)), ("colour", _COLOUR, len(COLOURS)))
    }
    least, most = RADII["tiny"]
    radius = draws.between(block + _RADIUS, least, np.minimum(most, 0.68 * main["radius"].astype(float)))
    tries = np.arange(_PLACES)[:, None]
    margin = radius + SECOND_MARGIN
    x = np.stack([draws.between(_TRIES + 2 * t, margin, SIDE - margin) for t in range(_PLACES)])
    y = np.stack([draws.between(_TRIES + 2 * t + 1, margin, SIDE - margin) for t in range(_PLACES)])
    gap = np.hypot(x - main["x"], y - main["y"]) - radius - main["radius"]
    gap = np.where(word["there"], np.minimum(gap, np.abs(y - word["y"]) - radius - WORD_BAND), gap)
    # The first place that is clear wins; where none is, the one that overlaps least.
    worth = np.where(gap > 0, 1000.0 - tries, gap)
    best = worth.argmax(0)
    rows = np.arange(len(radius))
    return {
        **other,
        "pattern": draws.below(block + _PATTERN, len(PATTERNS)),
        "size": np.zeros(len(radius), np.int64),
        "radius": radius,
        "x": x[best, rows],
        "y": y[best, rows],
        "angle": draws.between(block + _ANGLE, -0.2, 0.2),
        "phase": draws.uniform(block + _PHASE),
        "there": (draws.uniform(block + _THERE) < SECOND_SHARE) & (gap[best, rows] > -OVERLAP * radius),
    }


def _scenes(draws: Draws, kinds: dict[str, npt.NDArray[np.int64]], main: Thing, second: Thing, word: Thing) -> Scenes:
    def both(name: str, dtype: type) -> npt.NDArray[Any]:
        return np.stack([main[name], second[name]], 1).astype(dtype)

    x, y = both("x", np.float32), both("y", np.float32)
    written: Thing = {f"word_{name}": word[name].astype(np.float32) for name in ("x", "y", "scale")}
    return Scenes(
        **{name: both(name, np.int16) for name in ("shape", "colour", "pattern", "size")},
        **{name: both(name, np.float32) for name in ("radius", "angle", "phase")},
        there=both("there", np.bool_),
        x=x,
        y=y,
        column=_third(x, len(COLUMNS)),
        row=_third(y, len(ROWS)),
        background=kinds["background"].astype(np.int16),
        crop_x=draws.below(_CROP_X, 4096).astype(np.int16),
        crop_y=draws.below(_CROP_Y, 4096).astype(np.int16),
        flip=draws.uniform(_FLIP) < 0.5,
        light=draws.between(_LIGHT, 0.93, 1.07).astype(np.float32),
        word=kinds["word"].astype(np.int16),
        **written,
        word_dark=word["dark"].astype(bool),
        grain=draws.bits(_GRAIN),
    )


def _third(positions: Floats, count: int) -> Numbers:
    return np.clip(positions * count // SIDE, 0, count - 1).astype(np.int16)
