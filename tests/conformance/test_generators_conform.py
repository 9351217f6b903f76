"""The suite of image generators, on the bundled one and on generators that break a rule each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as counting

import numpy as np
import pytest
from PIL import Image

from conformance.generator_suite import check_generator
from neuronym.world.painter import Painter

TEXTS = ["a red circle", "a blue fish on the sea", "not a large object"]


def test_the_painter_conforms() -> None:
    check_generator(Painter(), TEXTS, ["a golden retriever", "a large circle at the left", ""])


def noise(text: str, number: int, seed: int) -> Image.Image:
    generator = np.random.default_rng([len(text), number, seed])
    return Image.fromarray(generator.integers(0, 256, (5, 7, 3), dtype=np.uint8))


def grey(text: str, number: int, seed: int) -> Image.Image:
    return noise(text, number, seed).convert("L")


def one_of_all(text: str, number: int, seed: int) -> Image.Image:
    return noise(text, 0, seed)


def deaf(text: str, number: int, seed: int) -> Image.Image:
    return noise("", number, seed)


def without_seed(text: str, number: int, seed: int) -> Image.Image:
    return noise(text, number, 0)


_CALLS = counting()


def never_the_same(text: str, number: int, seed: int) -> Image.Image:
    return noise(text, next(_CALLS), seed)


@dataclass
class Fake:
    """A small generator whose images one function makes."""

    draw: Callable[[str, int, int], Image.Image] = noise
    backwards: bool = False
    short: bool = False
    name: str = "my:noise"
    key: str = "noise-0001"
    unknown: tuple[str, ...] = field(default=("cannot",))

    def generate(self, text: str, count: int, seed: int) -> list[Image.Image] | None:
        if text in self.unknown:
            return None
        numbers = range(count - int(self.short))
        return [self.draw(text, number, seed) for number in (reversed(numbers) if self.backwards else numbers)]


def test_a_generator_that_keeps_the_rules_conforms() -> None:
    check_generator(Fake(), TEXTS, ["cannot"])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Fake(name="noise"), "name has no prefix: 'noise'"),
        (Fake(key="a/b"), "key is not fit for a file name: 'a/b'"),
        (Fake(grey), r"'a red circle' gave images of modes \['L'\], not RGB"),
        (Fake(one_of_all), "all images of 'a red circle' are one"),
        (Fake(never_the_same), "two calls for 'a red circle' differ"),
        (Fake(backwards=True), "2 images of 'a red circle' are not the first of 4"),
        (Fake(without_seed), "two seeds gave the same image of 'a red circle'"),
        (Fake(deaf), "all texts gave the same images"),
        (Fake(short=True), "'a red circle' gave 3 images, not 4"),
        (Fake(unknown=("a red circle",)), "'a red circle' gave None, not a list of images"),
        (Fake(unknown=()), "'cannot' gave images"),
    ],
)
def test_what_breaks_a_rule_is_told(broken: Fake, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_generator(broken, TEXTS, ["cannot"])
