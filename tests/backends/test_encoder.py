"""Prompt ensembling, against plain loops; and the conformance suite against encoders that break the contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tiny_models
from conformance.encoder_suite import check_encoder
from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.errors import MethodError


def unit(row: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


@dataclass
class Letters:
    """A text is a count of its characters by code modulo 7, an image its mean colour; a constant keeps rows nonzero."""

    name: str = "test:letters"
    key: str = "letters-by-code-modulo-7"
    dim: int = 8
    calls: int = 0

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        rows = [unit([*np.asarray(image.convert("RGB")).mean((0, 1)), 0, 0, 0, 0, 1.0]) for image in images]
        return np.array(rows, dtype=np.float32).reshape(-1, self.dim)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        rows = [unit([sum(ord(c) % 7 == i for c in text) for i in range(7)] + [1]) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, self.dim)


def test_letters_is_an_encoder() -> None:
    assert isinstance(Letters(), ImageTextEncoder)
    check_encoder(Letters(), tiny_models.images(), tiny_models.TEXTS)


words = st.lists(st.text(max_size=6), max_size=6)
templates = st.lists(st.sampled_from(["{}", "a {}", "{} and {}", "the {} {{x}}", "%s {0} {}"]), min_size=1, max_size=4)


@given(concepts=words, templates=templates, batch_size=st.integers(1, 7))
def test_prompts_are_the_normalised_mean(concepts: list[str], templates: list[str], batch_size: int) -> None:
    encoder = Letters()
    rows = encode_prompts(encoder, concepts, templates, batch_size)
    assert rows.shape == (len(concepts), 8)
    assert rows.dtype == np.float32
    for concept, row in zip(concepts, rows, strict=True):
        total = [0.0] * 8
        for template in templates:
            prompt = concept.join(template.split("{}"))
            for i, value in enumerate(encoder.encode_texts([prompt])[0]):
                total[i] += float(value)
        np.testing.assert_allclose(row, unit(total), atol=1e-6)


def test_one_template_is_the_embedding_itself() -> None:
    rows = encode_prompts(Letters(), ["cat", "dog"], ["a photo of a {}"])
    assert np.array_equal(rows, Letters().encode_texts(["a photo of a cat", "a photo of a dog"]))


def test_prompts_go_out_in_batches() -> None:
    encoder = Letters()
    encode_prompts(encoder, list("abcde"), ["{}", "a {}"], batch_size=4)
    assert encoder.calls == 3


def test_no_concepts_give_no_rows() -> None:
    assert encode_prompts(Letters(), []).shape == (0, 8)


def test_templates_need_a_place_for_the_concept() -> None:
    with pytest.raises(MethodError, match=r"'a photo' has no place for the concept. Put \{\} where the concept goes"):
        encode_prompts(Letters(), ["cat"], ["{}", "a photo"])
    with pytest.raises(MethodError, match=r"There is no prompt template. Give at least one"):
        encode_prompts(Letters(), ["cat"], [])


def test_batch_size_is_positive() -> None:
    with pytest.raises(ValueError, match="batch_size has to be positive, got 0"):
        encode_prompts(Letters(), ["cat"], batch_size=0)


class Unnormalised(Letters):
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return super().encode_texts(texts) * np.float32(2)


class Double(Letters):
    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return super().encode_images(images).astype(np.float64)


class BatchNormalised(Letters):
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        rows = super().encode_texts(texts)
        rows = rows - rows.mean(axis=0) * np.float32(0.5) if len(rows) else rows
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Alphabetical(Letters):
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return super().encode_texts(sorted(texts) if len(texts) == len(tiny_models.TEXTS) else texts)


class Constant(Letters):
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return super().encode_texts(["end"] * len(texts))


class Noisy(Letters):
    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        self.calls += 1
        rows = super().encode_images(images) + np.float32(1e-3 * self.calls)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Flat(Letters):
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return super().encode_texts(texts) if texts else np.zeros(0, np.float32)


class FreshKey(Letters):
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, key="another-key")


class Narrow(Letters):
    domain = "bundled:world"

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        if any(image.mode != "RGB" for image in images):
            raise MethodError(f"{self.name} knows no such image.")
        return super().encode_images(images)


class NarrowWithoutDomain(Narrow):
    domain = None  # type: ignore[assignment]


def test_an_encoder_with_a_domain_may_refuse_other_images() -> None:
    check_encoder(Narrow(), tiny_models.images(), tiny_models.TEXTS)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NarrowWithoutDomain, "are refused: test:letters knows no such image"),
        (Unnormalised, "texts gave rows that are not of length 1"),
        (Double, "images gave float64, not float32"),
        (BatchNormalised, "texts one at a time differ"),
        (Alphabetical, "texts one at a time differ"),
        (Constant, "all texts get the same embedding"),
        (Noisy, "two calls on the same images differ"),
        (Flat, r"no texts gave shape \(0,\), not \(0, 8\)"),
        (FreshKey, "the keys differ: letters-by-code-modulo-7 and another-key"),
        (lambda: Letters(name="letters"), "name has no prefix: 'letters'"),
        (lambda: Letters(key="a/b/c/d/e/f"), "key is not fit for a file name"),
        (lambda: Letters(dim=0), "dim is 0"),
    ],
)
def test_the_suite_sees_what_is_wrong(broken: Callable[[], Letters], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_encoder(broken(), tiny_models.images(), tiny_models.TEXTS)
