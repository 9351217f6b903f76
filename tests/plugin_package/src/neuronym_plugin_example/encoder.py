"""The encoder ``histogram:rgb``: an image is its shares of eight colours, a text the colours that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuronym.errors import unknown_name
from neuronym.records import digest
from neuronym_plugin_example.colours import CORNERS, NAMES

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True)
class ColourHistogram:
    """Fulfils :class:`neuronym.backends.ImageTextEncoder`."""

    name: str = "histogram:rgb"
    dim: int = len(NAMES)

    @property
    def key(self) -> str:
        """Covers the colours; a change of the computation would have to raise the version."""
        return digest({"class": "ColourHistogram", "version": 1, "names": NAMES, "corners": CORNERS.tolist()})

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Float32 [images, 8]: the shares of the pixels nearest to each colour, scaled to length 1."""
        return self._rows([self._shares(np.asarray(image.convert("RGB"))) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, 8]: how often each colour is named, scaled to length 1; all alike where none is."""
        words = [re.findall(r"\w+", text.lower()) for text in texts]
        counts = [np.array([found.count(colour) for colour in NAMES]) for found in words]
        return self._rows([count if count.any() else np.ones(self.dim) for count in counts])

    def _shares(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        # Every channel is nearer to 0 or to 1 by itself, so the nearest corner is a number of three bits.
        corner = (pixels.reshape(-1, 3) > 127) @ np.array([4, 2, 1])
        return np.bincount(corner, minlength=self.dim) / len(corner)

    def _rows(self, rows: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.float32]:
        table = np.array(rows, dtype=np.float64).reshape(-1, self.dim)
        return (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32)


def load(name: str, device: torch.device) -> ColourHistogram:
    """The entry point: ``name`` is what follows ``histogram:``; counting colours needs no ``device``."""
    if name != "rgb":
        raise unknown_name("histogram encoder", name, ["rgb"])
    return ColourHistogram()
