"""The renderer's kernel: one scene after the other, in float32 on a small canvas.

Every object is its signed distance: coverage is ``0.5 - distance`` clipped to 0..1, so edges are smooth without
supersampling; the shadow is the same distance looked up a little to the side; the bevel is lit from the top left along
the distance's gradient.
"""

# The kernel knows objects, words and textures by position, for Numba takes arrays best.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from math import cos, floor, sin, sqrt
from typing import Any

import numpy as np

from neuronym.functional._numba import inlined, kernel
from neuronym.world.lettering import FINE, HEIGHT, WIDTH
from neuronym.world.shapes import CELLS, REACH
from neuronym.world.textures import TILE
from neuronym.world.vocabulary import SIDE

_PLAIN, _STRIPED, _DOTTED, _CHECKERED, _GRADIENT, _ZIGZAG = range(6)


@inlined
def _clip(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)


@inlined
def _sample(grid: Any, u: Any, v: Any) -> Any:
    """A shape's distance at (u, v), bilinear; beyond the grid its border goes on."""
    scale = (CELLS - 1) / (2 * REACH)
    x = _clip((u + REACH) * scale, 0.0, CELLS - 1.001)
    y = _clip((v + REACH) * scale, 0.0, CELLS - 1.001)
    column, row = int(x), int(y)
    fx, fy = x - column, y - row
    upper = grid[row, column] + (grid[row, column + 1] - grid[row, column]) * fx
    lower = grid[row + 1, column] + (grid[row + 1, column + 1] - grid[row + 1, column]) * fx
    return upper + (lower - upper) * fy


@inlined
def _to_line(value: Any, period: Any) -> Any:
    """Signed distance to the nearest border of stripes half a period wide: positive within every second one."""
    share = value / period
    share -= floor(share)
    return (0.25 - abs(share - 0.5)) * period


@inlined
def _tint_share(pattern: Any, su: Any, sv: Any, v: Any, period: Any, phase: Any) -> Any:
    """How much of the second colour a pattern has at a point, 0..1; lengths in pixels of the object's own frame."""
    if pattern == _STRIPED:
        return _clip(0.5 + _to_line((su + sv) * 0.7071 + phase * period, period), 0.0, 1.0)
    if pattern == _DOTTED:
        step = period * 1.15
        a, b = su / step + phase, sv / step + phase
        a, b = (a - floor(a) - 0.5) * step, (b - floor(b) - 0.5) * step
        return _clip(0.5 + 0.33 * step - sqrt(a * a + b * b), 0.0, 1.0)
    if pattern == _CHECKERED:
        a, b = _to_line(su + phase * period, period * 1.5), _to_line(sv + phase * period, period * 1.5)
        near = min(abs(a), abs(b))
        return _clip(0.5 + (near if a * b > 0 else -near), 0.0, 1.0)
    if pattern == _GRADIENT:
        return _clip(0.5 + 0.62 * v, 0.0, 1.0)
    if pattern == _ZIGZAG:
        tooth = su / (period * 1.2) + phase
        rise = abs(tooth - floor(tooth) - 0.5) * 1.5 * period
        return _clip(0.5 + _to_line(sv + rise, period * 1.05), 0.0, 1.0)
    return 0.0


@inlined
def _draw_object(
    canvas: Any,
    regions: Any,
    code: Any,
    grids: Any,
    shape: Any,
    inks: Any,
    pattern: Any,
    x: Any,
    y: Any,
    radius: Any,
    angle: Any,
    phase: Any,
) -> None:
    solid, dark, light = grids[0, shape], grids[1, shape], grids[2, shape]
    turn_c, turn_s = cos(angle), sin(angle)
    reach = radius * 1.25 + 6
    period = max(5.0, radius * 0.42)
    bevel = _clip(0.24 * radius, 2.0, 5.0)
    rim = max(1.7, 0.2 * radius)
    inverse = 1.0 / radius
    step = 0.75 * inverse
    for row in range(max(int(y - reach), 0), min(int(y + reach) + 2, SIDE)):
        for column in range(max(int(x - reach), 0), min(int(x + reach) + 2, SIDE)):
            px, py = column + 0.5 - x, row + 0.5 - y
            qx, qy = px - 1.8, py - 2.6
            su, sv = (qx * turn_c + qy * turn_s) * inverse, (qy * turn_c - qx * turn_s) * inverse
            shade = _clip(0.5 - _sample(solid, su, sv) * radius * 0.22, 0.0, 1.0)
            shade = 1.0 - 0.5 * shade * shade * (3 - 2 * shade)
            u, v = (px * turn_c + py * turn_s) * inverse, (py * turn_c - px * turn_s) * inverse
            distance = _sample(solid, u, v) * radius
            cover = _clip(0.5 - distance, 0.0, 1.0)
            if cover <= 0.0:
                for channel in range(3):
                    canvas[row, column, channel] *= shade
                continue
            tint = _tint_share(pattern, u * radius, v * radius, v, period, phase)
            nu = _sample(solid, u + step, v) - _sample(solid, u - step, v)
            nv = _sample(solid, u, v + step) - _sample(solid, u, v - step)
            length = sqrt(nu * nu + nv * nv) + 1e-6
            nx, ny = (nu * turn_c - nv * turn_s) / length, (nu * turn_s + nv * turn_c) / length
            rise = _clip(1.0 + distance / bevel, 0.0, 1.0)
            glow = -(0.55 * nx + 0.83 * ny) * rise * 46.0 - 7.0 * v
            line = _clip(1.5 + distance, 0.0, 1.0)
            ink_dark = _clip(0.5 - _sample(dark, u, v) * radius, 0.0, 1.0)
            ink_light = _clip(0.5 - _sample(light, u, v) * radius, 0.0, 1.0)
            for channel in range(3):
                value = inks[0, channel] + (inks[1, channel] - inks[0, channel]) * tint + glow
                value += (inks[3, channel] - value) * ink_dark
                value += (inks[4, channel] - value) * ink_light
                value += (inks[2, channel] - value) * line * 0.85
                below = canvas[row, column, channel] * shade
                canvas[row, column, channel] = below + (value - below) * cover
            if cover > 0.5:
                regions[row, column] = code + (1 if distance > -rim else 0)


@inlined
def _draw_word(canvas: Any, regions: Any, grid: Any, x: Any, y: Any, scale: Any, dark: Any) -> None:
    half_x, half_y = WIDTH / FINE / 2 * scale, HEIGHT / FINE / 2 * scale
    ink, halo = (22.0, 248.0) if dark else (250.0, 18.0)
    for row in range(max(int(y - half_y), 0), min(int(y + half_y) + 1, SIDE)):
        for column in range(max(int(x - half_x), 0), min(int(x + half_x) + 1, SIDE)):
            gx = ((column + 0.5 - x) / scale) * FINE + WIDTH / 2 - 0.5
            gy = ((row + 0.5 - y) / scale) * FINE + HEIGHT / 2 - 0.5
            gx, gy = _clip(gx, 0.0, WIDTH - 1.001), _clip(gy, 0.0, HEIGHT - 1.001)
            i, j = int(gy), int(gx)
            fy, fx = gy - i, gx - j
            upper = grid[i, j] + (grid[i, j + 1] - grid[i, j]) * fx
            lower = grid[i + 1, j] + (grid[i + 1, j + 1] - grid[i + 1, j]) * fx
            distance = (upper + (lower - upper) * fy) * scale
            around = _clip(2.0 - distance, 0.0, 1.0) * 0.8
            stroke = _clip(0.5 - distance, 0.0, 1.0)
            for channel in range(3):
                value = canvas[row, column, channel]
                value += (halo - value) * around
                canvas[row, column, channel] = value + (ink - value) * stroke
            if distance < 1.2:
                regions[row, column] = 5


@kernel
def draw_scenes(
    images: Any,
    regions: Any,
    tiles: Any,
    grids: Any,
    words: Any,
    inks: Any,
    noise: Any,
    there: Any,
    shape: Any,
    colour: Any,
    pattern: Any,
    x: Any,
    y: Any,
    radius: Any,
    angle: Any,
    phase: Any,
    background: Any,
    crop_x: Any,
    crop_y: Any,
    flip: Any,
    light: Any,
    word: Any,
    word_x: Any,
    word_y: Any,
    word_scale: Any,
    word_dark: Any,
    grain: Any,
) -> None:
    """Draw scenes into ``images``, uint8 [n, side, side, 3], and what each pixel shows into ``regions``."""
    canvas = np.empty((SIDE, SIDE, 3), np.float32)
    for scene in range(len(images)):
        tile, factor = tiles[background[scene]], light[scene]
        for row in range(SIDE):
            source_row = (row + crop_y[scene]) % TILE
            for column in range(SIDE):
                across = SIDE - 1 - column if flip[scene] else column
                source_column = (across + crop_x[scene]) % TILE
                regions[scene, row, column] = 0
                for channel in range(3):
                    canvas[row, column, channel] = tile[source_row, source_column, channel] * factor
        for place in range(2):
            thing = 1 - place  # the main object is drawn last, in front
            if there[scene, thing]:
                _draw_object(
                    canvas,
                    regions[scene],
                    1 + 2 * thing,
                    grids,
                    shape[scene, thing],
                    inks[colour[scene, thing]],
                    pattern[scene, thing],
                    x[scene, thing],
                    y[scene, thing],
                    radius[scene, thing],
                    angle[scene, thing],
                    phase[scene, thing],
                )
        if word[scene] >= 0:
            _draw_word(
                canvas,
                regions[scene],
                words[word[scene]],
                word_x[scene],
                word_y[scene],
                word_scale[scene],
                word_dark[scene],
            )
        start_row = int(grain[scene] & np.uint64(255))
        start_column = int((grain[scene] >> np.uint64(8)) & np.uint64(255))
        for row in range(SIDE):
            noise_row = noise[(row + start_row) % 256]
            for column in range(SIDE):
                for channel in range(3):
                    value = canvas[row, column, channel] + noise_row[(column + start_column) % 256, channel]
                    images[scene, row, column, channel] = np.uint8(_clip(value + 0.5, 0.0, 255.0))
