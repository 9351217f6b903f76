"""The eight backgrounds: textures that tile, of which every scene shows a part."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from neuronym.world.vocabulary import BACKGROUNDS

TILE = 192
"""Height and width of a texture, in pixels; it goes on beyond each border at the opposite one."""

Field = npt.NDArray[np.float64]
Colour = tuple[int, int, int]


@cache
def textures() -> npt.NDArray[np.float32]:
    """All backgrounds, float32 [backgrounds, TILE, TILE, 3], 0 to 255."""
    made = [_MAKERS[name](np.random.default_rng(number)) for number, name in enumerate(BACKGROUNDS)]
    return np.clip(np.stack(made), 0, 255).astype(np.float32)


def _noise(generator: np.random.Generator, cells: int, cells_x: int | None = None) -> Field:
    """Smooth periodic noise in 0..1: random values on a lattice, joined by cubics."""
    lattice = generator.random((cells, cells_x or cells))
    return _along(_along(lattice, 0), 1)


def _along(lattice: Field, axis: int) -> Field:
    count = lattice.shape[axis]
    position = np.arange(TILE) * count / TILE
    low = position.astype(int)
    share = position - low
    share = share * share * (3 - 2 * share)
    share = share[:, None] if axis == 0 else share[None, :]
    first = np.take(lattice, low % count, axis)
    second = np.take(lattice, (low + 1) % count, axis)
    mixed: Field = first + (second - first) * share
    return mixed


def _clouds(generator: np.random.Generator, cells: int, octaves: int = 4, stretch: int = 1) -> Field:
    """Noise of several scales, each half as strong as the one before, in 0..1."""
    total, weight = np.zeros((TILE, TILE)), 0.0
    for octave in range(octaves):
        share = 0.5**octave
        total += share * _noise(generator, cells * 2**octave, max(cells * 2**octave // stretch, 1))
        weight += share
    return total / weight


def _between(low: Colour, high: Colour, share: Field) -> Field:
    start, end = np.array(low, float), np.array(high, float)
    blend: Field = start + (end - start) * np.clip(share, 0, 1)[..., None]
    return blend


def _smooth(low: float, high: float, values: Field) -> Field:
    """0 below ``low``, 1 above ``high``, an even curve between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    curve: Field = share * share * (3 - 2 * share)
    return curve


def _grid() -> tuple[Field, Field]:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(float)
    return y, x


def _turn(cycles: float, values: Field) -> Field:
    return 2 * np.pi * cycles * values / TILE


def _sky(generator: np.random.Generator) -> Field:
    y, _ = _grid()
    base = _between((96, 170, 232), (142, 200, 245), 0.5 - 0.5 * np.cos(_turn(1, y)))
    cloud = _clouds(generator, 5, 5)
    cover = _smooth(0.5, 0.68, cloud)[..., None]
    lit = _between((214, 226, 240), (255, 255, 255), _smooth(0.5, 0.75, np.roll(cloud, 3, 0)))
    return base * (1 - cover) + lit * cover


def _sea(generator: np.random.Generator) -> Field:
    y, x = _grid()
    bend = 5 * _noise(generator, 6) + 3 * np.sin(_turn(3, x)) + 1.5 * np.sin(_turn(8, x) + 1)
    wave = np.sin(_turn(16, y + bend))
    base = _between((14, 92, 140), (28, 138, 168), 0.5 + 0.4 * wave + 0.4 * (_noise(generator, 4) - 0.5))
    crest = _smooth(0.8, 0.98, wave) * _smooth(0.42, 0.62, _clouds(generator, 12, 2, stretch=2))
    return base + crest[..., None] * (np.array([205, 240, 244.0]) - base) * 0.8


def _grass(generator: np.random.Generator) -> Field:
    image = _between((48, 112, 38), (70, 140, 48), _clouds(generator, 8, 3))
    for _ in range(5200):
        x, y = generator.random(2) * TILE
        length, lean = 4 + 5 * generator.random(), 2.4 * generator.random() - 1.2
        tone = generator.random()
        colour = np.array([42 + 95 * tone, 104 + 92 * tone, 30 + 42 * tone])
        for step in range(int(length)):
            share = step / length
            column, row = int(x + lean * share * share * 2.5) % TILE, int(y - step) % TILE
            image[row, column] += (colour * (0.72 + 0.4 * share) - image[row, column]) * 0.75
    return image


def _sand(generator: np.random.Generator) -> Field:
    y, x = _grid()
    bend = 16 * _noise(generator, 4) + 3 * np.sin(_turn(2, x))
    ripple = np.sin(_turn(11, y + bend))
    base = _between((206, 172, 116), (238, 210, 156), 0.5 + 0.3 * ripple + 0.5 * (_noise(generator, 6) - 0.5))
    grain = generator.normal(0, 7, (TILE, TILE))[..., None]
    dark = (generator.random((TILE, TILE)) > 0.985)[..., None] * -45.0
    return base + grain + dark


def _snow(generator: np.random.Generator) -> Field:
    mounds = _clouds(generator, 4, 3)
    slope = np.roll(mounds, 4, 1) - np.roll(mounds, -4, 1) + np.roll(mounds, 4, 0) - np.roll(mounds, -4, 0)
    base = _between((206, 220, 240), (250, 252, 255), 0.62 + 2.2 * slope)
    glitter = (generator.random((TILE, TILE)) > 0.988)[..., None] * 30.0
    return base + glitter + generator.normal(0, 2.0, (TILE, TILE))[..., None]


def _night(generator: np.random.Generator) -> Field:
    y, x = _grid()
    image = _between((12, 14, 44), (34, 30, 82), _clouds(generator, 3, 4))
    for _ in range(170):
        sx, sy = generator.random(2) * TILE
        bright, wide = 0.35 + 0.65 * generator.random(), 0.45 + 0.55 * generator.random() ** 3
        dx = (x - sx + TILE / 2) % TILE - TILE / 2
        dy = (y - sy + TILE / 2) % TILE - TILE / 2
        glow = bright * np.exp(-(dx * dx + dy * dy) / (2 * wide * wide))
        image += glow[..., None] * (np.array([255, 250, 225.0]) - image)
    return image


def _brick(generator: np.random.Generator) -> Field:
    high, wide = 12, 24
    y, x = _grid()
    course = (y // high).astype(int)
    shifted = x + (course % 2) * wide / 2
    number = (shifted // wide).astype(int) % (TILE // wide)
    tone = generator.random((TILE // high, TILE // wide))[course, number]
    base = _between((138, 62, 48), (184, 92, 68), tone) + 22 * (_clouds(generator, 24, 2) - 0.5)[..., None]
    across, down = shifted % wide, y % high
    light = 16.0 * ((down < 3) | (across < 3)) - 20.0 * (down >= high - 1)
    mortar = ((down < 1.5) | (across < 1.5))[..., None]
    joint = _between((188, 178, 166), (206, 198, 188), _noise(generator, 48))
    return np.where(mortar, joint, base + light[..., None])


def _wood(generator: np.random.Generator) -> Field:
    high = 24
    y, x = _grid()
    plank = (y // high).astype(int)
    shift = generator.random(TILE // high)[plank] * TILE
    tone = generator.random(TILE // high)[plank]
    bend = 9 * _noise(generator, 16, 3) + 3 * np.sin(_turn(1, x + shift))
    grain = np.sin(_turn(30, y + bend + shift)) * 0.5 + 0.5
    base = _between((128, 82, 44), (176, 122, 72), 0.55 * tone + 0.3 * grain + 0.25 * _noise(generator, 96, 8))
    seam = (y % high < 1.2) | (np.abs((x + shift) % TILE - 1) < 1)
    light = 10.0 * ((y % high >= 1.2) & (y % high < 2.4))
    return np.where(seam[..., None], np.array([66, 40, 22.0]), base + light[..., None])


_MAKERS: dict[str, Callable[[np.random.Generator], Field]] = {
    "sky": _sky,
    "sea": _sea,
    "grass": _grass,
    "sand": _sand,
    "snow": _snow,
    "night": _night,
    "brick": _brick,
    "wood": _wood,
}
