"""The conformance suite of image-text encoders: plain functions that say in an AssertionError what is wrong.

It runs on every encoder, built-in or foreign. A third party calls, in any test runner,

    check_encoder(load("my-model", torch.device("cpu")), images, texts)

with at least three different images and three different texts, and

    check_equal_keys(load(...), load(...), images, texts)

for two encoders that are meant to be the same. An encoder with an attribute ``domain``, which knows only some images,
is given such images here, and may refuse others by a ``MethodError``.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.backends import ImageTextEncoder
from neuronym.errors import MethodError

Rows = npt.NDArray[np.float32]


def check_encoder(
    encoder: ImageTextEncoder, images: Sequence[Image.Image], texts: Sequence[str], tolerance: float = 1e-4
) -> None:
    """Every check; ``tolerance`` is the largest difference allowed where only the batch differs."""
    if len(images) < 3 or len(texts) < 3:
        raise ValueError(f"the suite needs 3 images and 3 texts, got {len(images)} and {len(texts)}")
    check_attributes(encoder)
    for what, encode, inputs in _sides(encoder, images, texts):
        check_rows(encoder, what, encode, inputs)
        check_empty(encoder, what, encode)
        check_determinism(what, encode, inputs)
        check_batches(what, encode, inputs, tolerance)
        check_distinct(what, encode, inputs)
    check_any_image(encoder)
    check_any_text(encoder)
    check_inputs_kept(encoder, images, texts)
    check_equal_keys(encoder, pickle.loads(pickle.dumps(encoder)), images, texts, tolerance)


def check_attributes(encoder: ImageTextEncoder) -> None:
    """Name, key and width are there and of use."""
    assert isinstance(encoder, ImageTextEncoder), f"{type(encoder).__name__} lacks a part of ImageTextEncoder"
    assert isinstance(encoder.name, str), f"name is not a string but {encoder.name!r}"
    assert re.fullmatch(r"[^:\s]+:.+", encoder.name), f"name has no prefix: {encoder.name!r}"
    assert isinstance(encoder.key, str), f"key is not a string but {encoder.key!r}"
    assert re.fullmatch(r"[\w.-]{8,80}", encoder.key), f"key is not fit for a file name: {encoder.key!r}"
    assert type(encoder.dim) is int, f"dim is not an int but {encoder.dim!r}"
    assert encoder.dim > 0, f"dim is {encoder.dim}"


def check_rows(encoder: ImageTextEncoder, what: str, encode: Callable[[Any], Rows], inputs: Sequence[Any]) -> None:
    """Shape, type and length of the rows."""
    _check_shape(encoder, what, encode(inputs), len(inputs))


def check_empty(encoder: ImageTextEncoder, what: str, encode: Callable[[Any], Rows]) -> None:
    """Nothing in, [0, dim] out."""
    _check_shape(encoder, f"no {what}", encode([]), 0)


def check_determinism(what: str, encode: Callable[[Any], Rows], inputs: Sequence[Any]) -> None:
    """The same call gives the same rows, exactly."""
    assert np.array_equal(encode(inputs), encode(inputs)), f"two calls on the same {what} differ"


def check_batches(what: str, encode: Callable[[Any], Rows], inputs: Sequence[Any], tolerance: float) -> None:
    """A row does not depend on what else is in the batch, nor on the order."""
    whole = encode(inputs)
    single = np.concatenate([encode([item]) for item in inputs])
    _check_close(whole, single, tolerance, f"{what} one at a time differ from the same {what} in one batch")
    middle = len(inputs) // 2
    halves = np.concatenate([encode(inputs[:middle]), encode(inputs[middle:])])
    _check_close(whole, halves, tolerance, f"{what} in two batches differ from the same {what} in one")
    backwards = encode(list(reversed(inputs)))[::-1]
    _check_close(whole, backwards, tolerance, f"{what} in reversed order differ")


def check_distinct(what: str, encode: Callable[[Any], Rows], inputs: Sequence[Any]) -> None:
    """Different inputs do not all get one embedding, as happens when the end of a text is not found."""
    rows = encode(inputs)
    assert np.abs(rows - rows[0]).max() > 1e-6, f"all {what} get the same embedding"


def check_any_image(encoder: ImageTextEncoder) -> None:
    """Any mode and any shape of image, alone or mixed in one batch; refused in words only by encoders with a domain."""
    modes = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
    shapes = [(1, 1), (3, 3), (2, 90), (90, 2), (257, 131)]
    mixed = [Image.new(mode, (20, 30), 1) for mode in modes] + [Image.new("RGB", shape, "teal") for shape in shapes]
    rows = _rows_or_refusal(encoder, mixed)
    if isinstance(rows, MethodError):
        domain = getattr(encoder, "domain", None)
        assert isinstance(domain, str), f"images of modes {modes} and sizes {shapes} are refused: {rows}"
        assert encoder.name in str(rows), f"the refusal does not name the encoder: {rows}"
        return
    _check_shape(encoder, f"images of modes {modes} and sizes {shapes}", rows, len(mixed))


def check_any_text(encoder: ImageTextEncoder) -> None:
    """Long, empty and foreign texts are encoded, never refused; the end of a long one may be cut."""
    texts = ["a long story " * 400, "", "  ", "naïve café", "красный", "赤い", "\N{SNAKE}", "{}<|x|>\n\t"]
    _check_shape(encoder, "long, empty and foreign texts", encoder.encode_texts(texts), len(texts))


def check_inputs_kept(encoder: ImageTextEncoder, images: Sequence[Image.Image], texts: Sequence[str]) -> None:
    """The caller's images and lists are as they were, and tuples are as good as lists."""
    before = [(image.mode, image.size, image.tobytes()) for image in images]
    encoder.encode_images(tuple(images))
    encoder.encode_texts(tuple(texts))
    after = [(image.mode, image.size, image.tobytes()) for image in images]
    assert before == after, "encode_images changed the images it was given"


def check_equal_keys(
    first: ImageTextEncoder,
    second: ImageTextEncoder,
    images: Sequence[Image.Image],
    texts: Sequence[str],
    tolerance: float = 1e-4,
) -> None:
    """Two encoders that are meant to be the same have one key, one width and the same embeddings."""
    assert first.key == second.key, f"the keys differ: {first.key} and {second.key}"
    assert first.dim == second.dim, f"equal keys, but the widths differ: {first.dim} and {second.dim}"
    for (what, encode, inputs), (_, again, _) in zip(
        _sides(first, images, texts), _sides(second, images, texts), strict=True
    ):
        _check_close(encode(inputs), again(inputs), tolerance, f"equal keys, but the embeddings of {what} differ")


def _rows_or_refusal(encoder: ImageTextEncoder, images: Sequence[Image.Image]) -> Rows | MethodError:
    try:
        return encoder.encode_images(images)
    except MethodError as error:
        return error


def _sides(
    encoder: ImageTextEncoder, images: Sequence[Image.Image], texts: Sequence[str]
) -> list[tuple[str, Callable[[Any], Rows], Sequence[Any]]]:
    return [("images", encoder.encode_images, images), ("texts", encoder.encode_texts, texts)]


def _check_shape(encoder: ImageTextEncoder, what: str, rows: Rows, count: int) -> None:
    assert isinstance(rows, np.ndarray), f"{what} gave a {type(rows).__name__}, not a NumPy array"
    assert rows.dtype == np.float32, f"{what} gave {rows.dtype}, not float32"
    assert rows.shape == (count, encoder.dim), f"{what} gave shape {rows.shape}, not {(count, encoder.dim)}"
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    worst = float(np.abs(lengths - 1).max(initial=0.0))
    assert worst < 1e-4, f"{what} gave rows that are not of length 1: off by {worst}"


def _check_close(first: Rows, second: Rows, tolerance: float, message: str) -> None:
    assert first.shape == second.shape, f"{message}: shapes {first.shape} and {second.shape}"
    worst = float(np.abs(first - second).max(initial=0.0))
    assert worst <= tolerance, f"{message}: by up to {worst}, allowed is {tolerance}"
