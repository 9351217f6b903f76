"""The protocol of an image generator: from a text to images that show what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from PIL import Image


@runtime_checkable
class ImageGenerator(Protocol):
    """Makes images of a text, on which a unit must fire if the text describes it.

    This is the whole contract for a generator of your own:

    - The same text, count and seed give the same images, pixel for pixel on one machine; of a larger count they are the
      first; another seed gives others.
    - A text that cannot be drawn gives None, never other images; the caller records it.
    - Images are RGB and of any size: whoever shows them to a network prepares them as its own.
    - The generator can be pickled, and comes back with the same key and the same images.
    - One whose images only some networks know may say so by an attribute ``domain: str``, as an encoder does.
    """

    @property
    def name(self) -> str:
        """How users write the generator, with its prefix, for example ``bundled:world``."""

    @property
    def key(self) -> str:
        """Identity for caches, a short string fit for file names; covers whatever changes an image, but the device."""

    def generate(self, text: str, count: int, seed: int) -> list[Image.Image] | None:
        """``count`` images of a text, or None where it cannot be drawn.

        Args:
            text: any text.
            count: how many, at least 1.
            seed: any whole number.
        """


class GeneratorLoader(Protocol):
    """What an entry point of the group ``neuronym.generators`` refers to; the entry point's name is the prefix."""

    def __call__(self, name: str, device: torch.device) -> ImageGenerator:
        """The generator that ``name`` stands for, ready to work on ``device``.

        Args:
            name: what follows the prefix and its colon.
            device: where it computes.

        Raises:
            UserError: the generator cannot be had or used; the message names what was got and the remedy.
        """
