"""The twelve shapes as outlines, and their signed distances on a grid that the renderer samples.

An outline is one or more closed polygons in units of the object's radius, x to the right and y down; a point is inside
where a ray from it crosses the outline an odd number of times. Distances to polygons are exact at the grid's samples,
far from the outline too, so shadows have no ghosts.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from neuronym.world.vocabulary import SHAPES

Polygon = npt.NDArray[np.float64]
Grid = npt.NDArray[np.float32]

REACH = 1.75
"""The grids span [-REACH, REACH] in both directions."""

CELLS = 112
"""Samples of a grid in each direction."""


def outline(shape: str) -> list[Polygon]:
    """The closed polygons of a shape, each float64 [points, 2]."""
    return _OUTLINES[shape]()


def details(shape: str) -> tuple[list[Polygon], list[Polygon]]:
    """What is drawn on a shape: polygons in dark and in light, on top of the dark ones."""
    return _DETAILS.get(shape, ([], []))


@cache
def atlas() -> tuple[Grid, Grid, Grid]:
    """Signed distances in units of the radius, negative inside: outlines, dark details, light details.

    Each is float32 [shapes, CELLS, CELLS]; where a shape has no such detail, the distance is 9.
    """
    parts = [(outline(shape), *details(shape)) for shape in SHAPES]
    grids = [np.stack([signed_distance(polygons) for polygons in kind]) for kind in zip(*parts, strict=True)]
    return grids[0], grids[1], grids[2]


def signed_distance(polygons: list[Polygon]) -> Grid:
    """Distances from the grid's samples to the nearest side of some polygons, negative inside of them."""
    axis = np.linspace(-REACH, REACH, CELLS)
    px, py = np.meshgrid(axis, axis)
    nearest, inside = np.full(px.shape, 81.0), np.zeros(px.shape, bool)
    for polygon in polygons:
        for (ax, ay), (bx, by) in pairwise(np.concatenate([polygon, polygon[:1]])):
            dx, dy = bx - ax, by - ay
            along = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
            along = np.clip(along, 0, 1)
            nearest = np.minimum(nearest, (px - ax - along * dx) ** 2 + (py - ay - along * dy) ** 2)
            if ay != by:
                crossed = (ay > py) != (by > py)
                inside ^= crossed & (px < ax + (py - ay) / (by - ay) * dx)
    distance = np.sqrt(nearest)
    signed: Grid = np.where(inside, -distance, distance).astype(np.float32)
    return signed


def _points(*points: tuple[float, float]) -> Polygon:
    return np.array(points, np.float64)


def _arc(radius: float, start: float, end: float, centre: tuple[float, float] = (0, 0), count: int = 48) -> Polygon:
    """Points of an arc; angles in degrees, clockwise on the screen from the right."""
    angles = np.radians(np.linspace(start, end, count))
    return np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], 1)


def _disc(radius: float, centre: tuple[float, float] = (0, 0), count: int = 48) -> Polygon:
    return _arc(radius, 0, 360, centre, count + 1)[:-1]


def _box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return _points((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _star() -> Polygon:
    angles = np.radians(np.arange(10) * 36 - 90)
    radii = np.where(np.arange(10) % 2 == 0, 1.12, 0.5)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles) + 0.06], 1)


def _heart() -> Polygon:
    t = np.linspace(0, 2 * np.pi, 73)[:-1]
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x / 16.5, y / 16.5 - 0.12], 1)


def _cross() -> Polygon:
    arm, end = 0.34, 1.0
    quarter = [(arm, -end), (arm, -arm), (end, -arm)]
    points: list[tuple[float, float]] = []
    for _ in range(4):
        points += quarter
        quarter = [(-y, x) for x, y in quarter]
    return _points(*points)


def _crescent() -> Polygon:
    """A disc from which another is cut: the outer arc, and back along the inner one."""
    shift, inner = 0.5, 0.8
    # Where circles of radius 1 about the origin and ``inner`` about (shift, 0) meet.
    x = (1 - inner**2 + shift**2) / (2 * shift)
    y = np.sqrt(1 - x * x)
    outer_angle = float(np.degrees(np.arctan2(y, x)))
    inner_angle = float(np.degrees(np.arctan2(y, x - shift)))
    outer = _arc(1, outer_angle, 360 - outer_angle)
    cut = _arc(inner, 360 - inner_angle, inner_angle, (shift, 0))
    whole: Polygon = np.concatenate([outer, cut[1:-1]]) + np.array([0.12, 0])
    return whole


def _fish() -> Polygon:
    """A body that is pointed at both ends, looking left, and a forked tail."""
    t = np.linspace(0, 1, 25)
    back = np.stack([-1.12 + 1.55 * t, -0.62 * np.sin(np.pi * t) ** 0.8], 1)
    tail = _points((0.5, -0.1), (1.12, -0.6), (0.92, 0.0), (1.12, 0.6), (0.5, 0.1))
    belly = np.stack([-1.12 + 1.55 * t, 0.62 * np.sin(np.pi * t) ** 0.8], 1)[::-1]
    return np.concatenate([back[:-1], tail, belly[1:-1]])


def _mouth() -> Polygon:
    return np.concatenate([_arc(0.56, 20, 160, (0, 0.02), 24), _arc(0.4, 155, 25, (0, 0.04), 24)])


_OUTLINES = {
    "circle": lambda: [_disc(0.98)],
    "square": lambda: [_box(-0.84, -0.84, 0.84, 0.84)],
    "triangle": lambda: [_points((0, -1.02), (1.06, 0.82), (-1.06, 0.82))],
    "star": lambda: [_star()],
    "heart": lambda: [_heart()],
    "cross": lambda: [_cross()],
    "ring": lambda: [_disc(1.0), _disc(0.52)],
    "crescent": lambda: [_crescent()],
    "arrow": lambda: [_points((-1.08, -0.3), (0.1, -0.3), (0.1, -0.8), (1.1, 0), (0.1, 0.8), (0.1, 0.3), (-1.08, 0.3))],
    "house": lambda: [
        _points((0, -1.08), (1.08, -0.16), (0.8, -0.16), (0.8, 0.92), (-0.8, 0.92), (-0.8, -0.16), (-1.08, -0.16))
    ],
    "fish": lambda: [_fish()],
    "face": lambda: [_disc(1.0)],
}

_DETAILS: dict[str, tuple[list[Polygon], list[Polygon]]] = {
    "house": ([_box(-0.2, 0.28, 0.2, 0.92)], [_box(-0.62, -0.08, -0.3, 0.24), _box(0.3, -0.08, 0.62, 0.24)]),
    "fish": ([_disc(0.15, (-0.66, -0.14))], [_disc(0.06, (-0.7, -0.18))]),
    "face": ([_disc(0.17, (-0.36, -0.28)), _disc(0.17, (0.36, -0.28)), _mouth()], []),
}
