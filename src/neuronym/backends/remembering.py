"""An image-text encoder that is asked for the same texts again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuronym.backends.encoder import ImageTextEncoder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

_ROOM = 1 << 28  # bytes of embeddings: 130,000 texts in 512 dimensions


class Remembering:
    """The same encoder, but a batch of texts that was encoded is not encoded again.

    What comes first is kept, up to 256 MiB: the concepts that a method chooses among, which it begins with each time.

    Args:
        encoder: what encodes.
    """

    def __init__(self, encoder: ImageTextEncoder) -> None:
        self._encoder = encoder
        self._kept: dict[tuple[str, ...], npt.NDArray[np.float32]] = {}
        self._room = _ROOM

    @property
    def name(self) -> str:
        """That of the encoder."""
        return self._encoder.name

    @property
    def key(self) -> str:
        """That of the encoder."""
        return self._encoder.key

    @property
    def dim(self) -> int:
        """That of the encoder."""
        return self._encoder.dim

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """See :class:`~neuronym.backends.ImageTextEncoder`."""
        return self._encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See :class:`~neuronym.backends.ImageTextEncoder`."""
        batch = tuple(texts)
        if batch in self._kept:
            return self._kept[batch].copy()
        rows = self._encoder.encode_texts(texts)
        size = getattr(rows, "nbytes", self._room + 1)
        if size <= self._room:
            self._kept[batch] = rows.copy()
            self._room -= size
        return rows
