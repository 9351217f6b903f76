"""An encoder that is not asked for the same texts twice gives what the encoder gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from neuronym.backends import ImageTextEncoder, encode_prompts, remembering
from neuronym.backends.remembering import Remembering
from tiny_net import Colours


class Heard(Colours):
    """An encoder that knows what it was asked for."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.batches.append(tuple(texts))
        return super().encode_texts(texts)


def test_it_is_the_encoder() -> None:
    encoder = Remembering(Colours())
    assert isinstance(encoder, ImageTextEncoder)
    assert (encoder.name, encoder.key, encoder.dim) == ("colours", "colours-1", 3)
    images = [Image.new("RGB", (4, 5), colour) for colour in ("red", "teal")]
    assert np.array_equal(encoder.encode_images(images), Colours().encode_images(images))


def test_a_batch_is_encoded_once() -> None:
    inner = Heard()
    encoder, texts = Remembering(inner), ("a cat", "a dog", "a house")
    expected = Colours().encode_texts(texts)
    for _ in range(3):
        rows = encode_prompts(encoder, texts, batch_size=2)
        assert np.array_equal(rows, expected)
        encoder.encode_texts(texts[:2])[:] = 0  # what a caller does with its rows is nobody else's
    assert inner.batches == [texts[:2], texts[2:]]
    assert np.array_equal(encoder.encode_texts(texts[::-1]), expected[::-1])
    assert len(inner.batches) == 3


def test_what_comes_first_is_kept_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_ROOM", 40)  # bytes; a text takes 12
    inner = Heard()
    encoder = Remembering(inner)
    for _ in range(2):
        for batch in (["a"], ["b", "c", "d"], ["e"], ["f"], ["g"]):
            encoder.encode_texts(batch)
    asked = [" ".join(batch) for batch in inner.batches]
    assert asked == ["a", "b c d", "e", "f", "g", "b c d", "g"]
