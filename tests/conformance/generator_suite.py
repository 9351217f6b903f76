"""The conformance suite of image generators: plain functions that say in an AssertionError what is wrong.

It runs on every generator, built-in or foreign. A third party calls, in any test runner,

    check_generator(load("my-model", torch.device("cpu")), texts)

with at least two texts that the generator can draw, of different meaning, and with texts that it cannot, if there are
such.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence

from PIL import Image

from neuronym.backends import ImageGenerator


def check_generator(generator: ImageGenerator, texts: Sequence[str], undrawable: Sequence[str] = ()) -> None:
    """Every check; all take 24 images of each text."""
    if len(texts) < 2:
        raise ValueError(f"the suite needs 2 texts, got {len(texts)}")
    check_attributes(generator)
    for text in texts:
        check_images(generator, text)
        check_determinism(generator, text)
        check_seeds(generator, text)
    check_texts_differ(generator, texts)
    check_pickled(generator, texts[0])
    for text in undrawable:
        assert generator.generate(text, 2, 0) is None, f"{text!r} gave images"


def check_attributes(generator: ImageGenerator) -> None:
    """Name and key are there and of use."""
    assert isinstance(generator, ImageGenerator), f"{type(generator).__name__} lacks a part of ImageGenerator"
    assert isinstance(generator.name, str), f"name is not a string but {generator.name!r}"
    assert re.fullmatch(r"[^:\s]+:.+", generator.name), f"name has no prefix: {generator.name!r}"
    assert isinstance(generator.key, str), f"key is not a string but {generator.key!r}"
    assert re.fullmatch(r"[\w.-]{8,80}", generator.key), f"key is not fit for a file name: {generator.key!r}"


def check_images(generator: ImageGenerator, text: str) -> None:
    """As many as asked for, RGB, and not all one image."""
    images = _drawn(generator, text, 4, 0)
    modes = {image.mode for image in images}
    assert modes == {"RGB"}, f"{text!r} gave images of modes {sorted(modes)}, not RGB"
    assert len({_content(image) for image in images}) > 1, f"all images of {text!r} are one"


def check_determinism(generator: ImageGenerator, text: str) -> None:
    """The same call gives the same images, and those of a smaller count come first."""
    many = [_content(image) for image in _drawn(generator, text, 4, 1)]
    assert many == [_content(image) for image in _drawn(generator, text, 4, 1)], f"two calls for {text!r} differ"
    few = [_content(image) for image in _drawn(generator, text, 2, 1)]
    assert many[:2] == few, f"2 images of {text!r} are not the first of 4"


def check_seeds(generator: ImageGenerator, text: str) -> None:
    """Another seed gives other images."""
    first, second = ({_content(image) for image in _drawn(generator, text, 4, seed)} for seed in (2, 3))
    assert first.isdisjoint(second), f"two seeds gave the same image of {text!r}"


def check_texts_differ(generator: ImageGenerator, texts: Sequence[str]) -> None:
    """Texts of different meaning do not all give the same images."""
    drawn = {tuple(_content(image) for image in _drawn(generator, text, 2, 0)) for text in texts}
    assert len(drawn) > 1, "all texts gave the same images"


def check_pickled(generator: ImageGenerator, text: str) -> None:
    """Pickled and back it is the same."""
    again = pickle.loads(pickle.dumps(generator))
    assert again.key == generator.key, f"the key was {generator.key}, and is {again.key} after pickling"
    before, after = ([_content(one) for one in _drawn(made, text, 2, 0)] for made in (generator, again))
    assert before == after, f"the images of {text!r} are others after pickling"


def _drawn(generator: ImageGenerator, text: str, count: int, seed: int) -> list[Image.Image]:
    images = generator.generate(text, count, seed)
    assert isinstance(images, list), f"{text!r} gave {images!r}, not a list of images"
    assert len(images) == count, f"{text!r} gave {len(images)} images, not {count}"
    return images


def _content(image: Image.Image) -> tuple[str, tuple[int, int], bytes]:
    return image.mode, image.size, image.tobytes()
