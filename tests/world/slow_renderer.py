"""A second renderer, slow and plain: NumPy in float64 on whole pictures, written from what the scenes are to look like.

It shares nothing with the kernel but the outlines, the letters and the textures, which are data. Distances are exact at
every pixel, where the kernel samples a grid of them; a point is inside by its winding number, not by crossings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuronym.world import lettering
from neuronym.world.render import NOISE, PALETTE
from neuronym.world.scenes import MAIN, SECOND, Scenes
from neuronym.world.shapes import details, outline
from neuronym.world.textures import TILE, textures
from neuronym.world.vocabulary import COLOURS, PATTERNS, SHAPES, SIDE, WORDS

Field = npt.NDArray[np.float64]

PIXELS = np.arange(SIDE) + 0.5 + 1j * (np.arange(SIDE) + 0.5)[:, None]
"""The centres of the pixels as complex numbers, x + iy."""

TINTS = {"yellow": (186, 118, 12), "white": (148, 154, 172), "black": (128, 130, 140)}
"""Second colours that are darker, or greyer, than the first; others are the first with 74 % of white."""


@dataclass
class Picture:
    """A scene in drawing.

    Attributes:
        values: float64 [side, side, 3].
        regions: what each pixel shows.
        doubt: how far each pixel is from showing something else, in pixels.
    """

    values: Field
    regions: npt.NDArray[np.int64]
    doubt: Field


def distance(polygons: Sequence[Field], points: npt.NDArray[np.complex128]) -> Field:
    """Exact signed distances from points (x + iy) to polygons, negative inside; 9 without polygons."""
    nearest, inside = np.full(points.shape, np.inf), np.zeros(points.shape, bool)
    for polygon in polygons:
        start = polygon[:, 0] + 1j * polygon[:, 1]
        side = np.roll(start, -1) - start
        start, side = start[side != 0], side[side != 0]
        from_start = points[..., None] - start
        along = np.clip((from_start * side.conj()).real / abs(side) ** 2, 0, 1)
        nearest = np.minimum(nearest, abs(from_start - along * side).min(-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            turns = np.angle((from_start - side) / from_start).sum(-1) / (2 * np.pi)
        inside ^= np.rint(np.nan_to_num(turns)).astype(int) % 2 == 1
    return np.where(inside, -nearest, nearest) if polygons else np.full(points.shape, 9.0)


def triangle_wave(values: Field, period: float) -> Field:
    """Distance to the borders of stripes half a period wide, positive from a quarter to three quarters of a period."""
    return period / (2 * np.pi) * np.arcsin(np.sin(2 * np.pi * (values / period - 0.25)))


def tint(pattern: str, local: npt.NDArray[np.complex128], radius: float, phase: float) -> Field:
    """How much of the second colour there is; ``local`` in pixels, in the object's own frame."""
    period = max(5.0, 0.42 * radius)
    x, y = local.real, local.imag
    if pattern == "plain":
        return np.zeros(local.shape)
    if pattern == "gradient":
        return np.clip(0.5 + 0.62 * y / radius, 0, 1)
    if pattern == "striped":
        inside = triangle_wave((x + y) / np.sqrt(2) + phase * period, period)
    elif pattern == "dotted":
        step = 1.15 * period
        cell = np.mod(local.real / step + phase, 1) + 1j * np.mod(local.imag / step + phase, 1)
        inside = 0.33 * step - step * abs(cell - (0.5 + 0.5j))
    elif pattern == "checkered":
        across, down = (triangle_wave(values + phase * period, 1.5 * period) for values in (x, y))
        inside = np.where((across > 0) == (down > 0), 1, -1) * np.minimum(abs(across), abs(down))
    else:
        assert pattern == "zigzag"
        teeth = abs(np.mod(x / (1.2 * period) + phase, 1) - 0.5)
        inside = triangle_wave(y + 1.5 * period * teeth, 1.05 * period)
    return np.clip(0.5 + inside, 0, 1)


def slow_scene(scenes: Scenes, row: int) -> Picture:
    """One scene without its noise."""
    tile = np.roll(
        textures()[scenes.background[row]].astype(float),
        (-int(scenes.crop_y[row]) % TILE, -int(scenes.crop_x[row]) % TILE),
        (0, 1),
    )[:SIDE, :SIDE]
    values = (tile[:, ::-1] if scenes.flip[row] else tile) * float(scenes.light[row])
    picture = Picture(values, np.zeros((SIDE, SIDE), int), np.full((SIDE, SIDE), np.inf))
    for thing in (SECOND, MAIN):
        if scenes.there[row, thing]:
            _object(picture, scenes, row, thing)
    if scenes.word[row] >= 0:
        _word(picture, scenes, row)
    return picture


def with_noise(picture: Picture, grain: int) -> npt.NDArray[np.uint8]:
    """The picture as it is shown: with noise from a table that begins where the grain says, and rounded."""
    table = np.random.default_rng(7).normal(0, NOISE, (256, 256, 3)).astype(np.float32)
    noise = np.roll(table, (-(grain & 255), -(grain >> 8 & 255)), (0, 1))[:SIDE, :SIDE]
    return np.clip(np.floor(picture.values + noise + 0.5), 0, 255).astype(np.uint8)


def _object(picture: Picture, scenes: Scenes, row: int, thing: int) -> None:
    shape, colour = SHAPES[scenes.shape[row, thing]], COLOURS[scenes.colour[row, thing]]
    centre = complex(scenes.x[row, thing], scenes.y[row, thing])
    radius, turn = float(scenes.radius[row, thing]), np.exp(-1j * float(scenes.angle[row, thing]))
    polygons, (dark, light) = outline(shape), details(shape)

    def away(points: npt.NDArray[np.complex128], some: Sequence[Field] = polygons) -> Field:
        return distance(some, (points - centre) * turn / radius) * radius

    shadow = np.clip(0.5 - 0.22 * away(PIXELS - (1.8 + 2.6j)), 0, 1)
    picture.values *= (1 - 0.5 * (3 * shadow**2 - 2 * shadow**3))[..., None]

    solid = away(PIXELS)
    local = (PIXELS - centre) * turn
    base = np.array(PALETTE[colour], float)
    second = np.array(TINTS.get(colour, 0.26 * base + 0.74 * 255), float)
    share = tint(PATTERNS[scenes.pattern[row, thing]], local, radius, float(scenes.phase[row, thing]))
    body = base + share[..., None] * (second - base)
    # Light from the top left on a rim that falls off over ``bevel`` pixels.
    slope = away(PIXELS + 0.75) - away(PIXELS - 0.75) + 1j * (away(PIXELS + 0.75j) - away(PIXELS - 0.75j))
    normal = slope / np.maximum(abs(slope), 1e-9)
    bevel = float(np.clip(0.24 * radius, 2, 5))
    facing = -(0.55 * normal.real + 0.83 * normal.imag)
    body += (46 * facing * np.clip(1 + solid / bevel, 0, 1) - 7 * local.imag / radius)[..., None]
    for some, ink in (
        (dark, (206, 208, 214) if colour == "black" else 0.18 * base),
        (light, (255, 250, 226)),
    ):
        body = _over(body, np.array(ink, float), np.clip(0.5 - away(PIXELS, some), 0, 1))
    line = np.array((92, 94, 106)) if colour == "black" else 0.3 * base
    body = _over(body, line, 0.85 * np.clip(1.5 + solid, 0, 1))
    picture.values = _over(picture.values, body, np.clip(0.5 - solid, 0, 1))

    rim = max(1.7, 0.2 * radius)
    picture.regions = np.where(solid < 0, 1 + 2 * thing + (solid > -rim), picture.regions)
    picture.doubt = np.where(solid < 0, np.minimum(-solid, abs(solid + rim)), np.minimum(picture.doubt, abs(solid)))


def _word(picture: Picture, scenes: Scenes, row: int) -> None:
    scale = float(scenes.word_scale[row])
    centre = complex(scenes.word_x[row], scenes.word_y[row])
    letters = word_bitmap(WORDS[scenes.word[row]])
    corner = complex(letters.shape[1], letters.shape[0]) / 2
    away = bitmap_distance(letters, (PIXELS - centre) / scale + corner) * scale
    ink, halo = (22.0, 248.0) if scenes.word_dark[row] else (250.0, 18.0)
    picture.values = _over(picture.values, np.full(3, halo), 0.8 * np.clip(2 - away, 0, 1))
    picture.values = _over(picture.values, np.full(3, ink), np.clip(0.5 - away, 0, 1))
    picture.regions = np.where(away < 1.2, 5, picture.regions)
    picture.doubt = np.where(away < 1.2, 1.2 - away, np.minimum(picture.doubt, away - 1.2))


def word_bitmap(word: str) -> npt.NDArray[np.bool_]:
    """The cells of a word, bool [7, cells]: letters five wide with one empty column between them."""
    rows = zip(*(lettering._LETTERS[letter].split() for letter in word), strict=True)
    return np.array([[cell == "1" for cell in "0".join(row)] for row in rows])


def bitmap_distance(cells: npt.NDArray[np.bool_], points: npt.NDArray[np.complex128]) -> Field:
    """Exact signed distances from points to the filled cells of a bitmap, in cells, negative inside."""
    around = np.pad(cells, 8)
    rows, columns = np.nonzero(around)
    filled = columns - 8 + 1j * (rows - 8)
    rows, columns = np.nonzero(~around)
    empty = columns - 8 + 1j * (rows - 8)
    outside, inside = _to_cells(points, filled), _to_cells(points, empty)
    return np.where(outside > 0, outside, -inside)


def _to_cells(points: npt.NDArray[np.complex128], corners: npt.NDArray[np.complex128]) -> Field:
    offset = points[..., None] - corners
    beyond = np.maximum(np.maximum(-offset.real, offset.real - 1), 0)
    below = np.maximum(np.maximum(-offset.imag, offset.imag - 1), 0)
    return np.hypot(beyond, below).min(-1)


def _over(below: Field, above: Field, cover: Field) -> Field:
    return below + (above - below) * cover[..., None]
