"""The colours of activations: even steps of lightness in OKLCH, so that equal differences look equal."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

STEPS = 33
"""Colours that a page gets; it interpolates between them."""

# Lightness, chroma and hue (degrees) of the ends; between them lightness and hue run evenly and chroma bulges.
_LOW, _HIGH = (0.30, 0.11, 300.0), (0.95, 0.13, 462.0)
_BULGE = 0.09


def ramp(steps: int = STEPS) -> tuple[str, ...]:
    """Colours from low to high as ``#rrggbb``: violet, red, orange, pale yellow."""
    return tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in table(steps))


def table(steps: int = 256) -> npt.NDArray[np.uint8]:
    """The same as uint8 [steps, 3]."""
    share = np.linspace(0, 1, steps)
    lightness, chroma, hue = (low + (high - low) * share for low, high in zip(_LOW, _HIGH, strict=True))
    chroma = chroma + _BULGE * np.sin(math.pi * share)
    return np.array([_srgb(*colour) for colour in zip(lightness, chroma, np.radians(hue), strict=True)], np.uint8)


def _srgb(lightness: float, chroma: float, hue: float) -> npt.NDArray[np.float64]:
    """0 to 255; the chroma is lowered until the colour can be shown."""
    while True:
        linear = _linear(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if chroma < 1e-3 or (linear.min() >= -1e-4 and linear.max() <= 1 + 1e-4):
            break
        chroma *= 0.98
    linear = linear.clip(0, 1)
    gamma: npt.NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rounded: npt.NDArray[np.float64] = np.rint(255 * gamma)
    return rounded


def _linear(lightness: float, a: float, b: float) -> npt.NDArray[np.float64]:
    """Linear sRGB of a colour in OKLab (Ottosson 2020)."""
    cones = np.array(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    matrix = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    return np.asarray(matrix @ cones**3)
