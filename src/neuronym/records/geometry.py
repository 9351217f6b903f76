"""Units, boxes, and how an image became the input of a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One channel, output, hidden feature or dictionary feature: position ``index`` of the layer named ``layer``."""

    layer: str
    index: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.index}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, x to the right and y down; ``x1`` and ``y1`` are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Geometry:
    """How an image became a network's input: first resized, then cropped (or padded).

    All sizes are (height, width) in pixels. ``left`` and ``top`` are the crop's corner in the resized image; they are
    negative where the crop reaches beyond it and was padded.
    """

    image: tuple[int, int]
    resized: tuple[int, int]
    top: int
    left: int
    input: tuple[int, int]

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """The point of the original image under point (x, y) of the network's input, both continuous, in pixels."""
        return (
            (x + self.left) * self.image[1] / self.resized[1],
            (y + self.top) * self.image[0] / self.resized[0],
        )

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """The inverse of :meth:`to_image`."""
        return (
            x * self.resized[1] / self.image[1] - self.left,
            y * self.resized[0] / self.image[0] - self.top,
        )

    def visible(self) -> Box:
        """The part of the original image that the network saw, clipped to the image."""
        x0, y0 = self.to_image(0, 0)
        x1, y1 = self.to_image(self.input[1], self.input[0])
        return Box(max(x0, 0), max(y0, 0), min(x1, self.image[1]), min(y1, self.image[0]))

    def cell(self, row: int, column: int, map_size: tuple[int, int]) -> Box:
        """The box in the original image of cell (row, column) of a map of ``map_size`` that covers the input.

        The box may reach outside the image where the input was padded.
        """
        height, width = self.input[0] / map_size[0], self.input[1] / map_size[1]
        x0, y0 = self.to_image(column * width, row * height)
        x1, y1 = self.to_image((column + 1) * width, (row + 1) * height)
        return Box(x0, y0, x1, y1)
