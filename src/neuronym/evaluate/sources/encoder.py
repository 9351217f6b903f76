"""An image-text encoder as a concept source: it should be another than the one that made the descriptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.records import Split

STEEPNESS = 2.0
"""By how much the logarithm of a concept's presence grows with each standard deviation of its similarity."""

MOST = 3.0
"""Standard deviations above the mean beyond which a concept is wholly present."""

Floats = npt.NDArray[np.float32]


class EncoderSource:
    """How present a text is in an image, by the similarity of their embeddings; every text is resolved.

    Similarities are no amounts: all of an encoder's lie in a narrow band that differs from text to text. So each is
    counted in standard deviations z from the text's mean over the explain images, and the concept is
    exp(2 (min(z, 3) - 3)), 0 to 1. That is the exponential form that such encoders are trained with, on a scale of the
    text's own; docs/decisions/0011 has what else was tried.

    Args:
        encoder: the encoder.
        embed: the embeddings of the images of a split, float32 [images, dim], in study order.
        templates: prompts that a text is put into, each with ``{}``; their embeddings are averaged.
    """

    complete = True
    vocabulary: Sequence[str] = ()

    def __init__(
        self, encoder: ImageTextEncoder, embed: Callable[[Split], Floats], templates: Sequence[str] = ("{}",)
    ) -> None:
        self.name = f"encoder:{encoder.name}"
        self._encoder, self._embed, self._templates = encoder, embed, tuple(templates)
        self._texts: dict[str, Floats] = {}

    def concepts(self, texts: Sequence[str], split: Split) -> list[Floats]:
        """For each text float32 [images], 0 to 1."""
        if not texts:
            return []
        fresh = [text for text in dict.fromkeys(texts) if text not in self._texts]
        self._texts.update(zip(fresh, encode_prompts(self._encoder, fresh, self._templates), strict=True))
        rows = np.stack([self._texts[text] for text in texts]).astype(np.float64)
        known = rows @ self._embed("explain").T
        asked = known if split == "explain" else rows @ self._embed(split).T
        return list(presence(known, asked))


def presence(explain: npt.NDArray[np.float64], asked: npt.NDArray[np.float64]) -> Floats:
    """How present texts are in images.

    Args:
        explain: similarities to the explain images, [texts, images].
        asked: similarities to the images that are asked about, [texts, images].

    Returns:
        Float32 [texts, images of ``asked``], 0 to 1; a text that all explain images are equally like is in none more
        than in another.
    """
    mean, spread = explain.mean(1, keepdims=True), explain.std(1, keepdims=True)
    z = np.divide(asked - mean, spread, out=np.zeros_like(asked), where=spread > 1e-9)
    found: Floats = np.exp(STEEPNESS * (np.minimum(z, MOST) - MOST)).astype(np.float32)
    return found
