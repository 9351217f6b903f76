"""``bundled:planted``: the planted units as a target that any method runs on. It looks at marked images of the world.

Take ``bundled:world/explain/2000?marked`` for its images: of other images the units of concepts see nothing.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neuronym.errors import TargetError
from neuronym.records import digest
from neuronym.targets.module import AS_BUILT
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target
from neuronym.world import marks, planted_maps
from neuronym.world.planted import Parts, planted_units
from neuronym.world.vocabulary import SIDE

NAME = "planted"

PREPROCESSING = Preprocessing(
    resize="none",
    size=None,
    crop=(SIDE, SIDE),
    interpolation="nearest",
    scale="byte",
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)
"""Pixels as they are, 0 to 255, for any change of them takes the marks away. Only what is smaller is padded."""


class Units(nn.Module):
    """The layer of planted units; its only state says which units these are, so that other units are another target.

    Args:
        noise: factor on the noise of units; 0 for units of nothing but their concepts.
    """

    def __init__(self, noise: float = 1.0) -> None:
        super().__init__()
        self.noise = noise
        units = [{**asdict(unit), "concept": None, "parts": _written(unit.parts)} for unit in planted_units()]
        name = digest([units, noise, marks.VERSION, planted_maps.VERSION], 64)
        self.register_buffer("identity", torch.frombuffer(bytearray.fromhex(name), dtype=torch.uint8))

    def forward(self, batch: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n units rows columns"]:
        """Maps of ceil(height / 4) by ceil(width / 4) cells; computed on the CPU, wherever the batch is."""
        pixels = batch.detach().float().round().clamp(0, 255).to("cpu", torch.uint8)
        maps = planted_maps.maps_of(pixels.permute(0, 2, 3, 1).contiguous().numpy(), self.noise)
        return torch.from_numpy(maps).to(batch.device, batch.dtype)


class Planted(nn.Module):
    """A network of one layer, ``units``; see :class:`Units`."""

    def __init__(self, noise: float = 1.0) -> None:
        super().__init__()
        self.units = Units(noise)

    def forward(self, batch: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n units rows columns"]:
        """The maps of all units."""
        maps: Tensor = self.units(batch)
        return maps


def load(weights: str | None) -> Target:
    """The target ``bundled:planted``.

    Raises:
        TargetError: weights are asked for, of which it has none.
    """
    if weights not in (None, AS_BUILT):
        raise TargetError(
            f"bundled:{NAME} computes what its units are known to be and has no weights, but {weights!r} was asked "
            "for. Leave out --weights, or use bundled:resnet."
        )
    return Target(f"bundled:{NAME}", AS_BUILT, Planted(), PREPROCESSING)


def _written(parts: Parts) -> list[tuple[str, float]]:
    return [(str(concept), weight) for concept, weight in parts]
