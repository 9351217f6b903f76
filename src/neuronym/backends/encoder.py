"""The protocol of an image-text encoder, the protocol of what loads one, and prompt ensembling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from neuronym.errors import MethodError

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch
    from PIL import Image


@runtime_checkable
class ImageTextEncoder(Protocol):
    """Puts images and texts into one space, where the inner product of two rows says how well they match.

    This is the whole contract for an encoder of your own:

    - Rows are L2-normalised float32; the row of an input depends on that input alone, whatever else is in the batch
      and in whatever order, up to float tolerance; calling twice gives the same rows.
    - Empty input gives an array of shape [0, dim].
    - Images come in any size and mode; resizing, cropping and normalising are the encoder's work.
    - A text longer than the encoder can read is cut, never refused.
    - One call is one batch: the encoder does not split its input, its caller does.
    - The encoder can be pickled, and comes back with the same key and the same embeddings.
    - One that knows only some images may say so by an attribute ``domain: str``: how the names of sources of them
      begin, for example ``bundled:world``. Users who give it others are warned, and it may refuse them by a
      ``MethodError``.
    """

    @property
    def name(self) -> str:
        """How users write the encoder, with its prefix, for example ``hf:openai/clip-vit-base-patch16``."""

    @property
    def key(self) -> str:
        """Identity for caches, a short string fit for file names.

        It must cover whatever changes an embedding: the weights, the settings of preprocessing and tokenizer, the
        class. Two encoders with equal keys give equal embeddings up to float tolerance, so the device and the place
        that the weights were read from have no part in it.
        """

    @property
    def dim(self) -> int:
        """The width of every embedding."""

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Float32 [images, dim], rows of length 1, in the order given."""

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1, in the order given."""


class EncoderLoader(Protocol):
    """What an entry point of the group ``neuronym.encoders`` refers to; the entry point's name is the prefix."""

    def __call__(self, name: str, device: torch.device) -> ImageTextEncoder:
        """The encoder that ``name`` stands for, ready to work on ``device``.

        Args:
            name: what follows the prefix and its colon, for example ``openai/clip-vit-base-patch16``.
            device: where the encoder computes; its results are NumPy arrays all the same.

        Raises:
            UserError: the encoder cannot be had or used; the message names what was got and the remedy.
        """


def encode_prompts(
    encoder: ImageTextEncoder, concepts: Sequence[str], templates: Sequence[str] = ("{}",), batch_size: int = 256
) -> npt.NDArray[np.float32]:
    """The embedding of every concept, averaged over prompt templates.

    A concept's row is the normalised mean of the normalised embeddings of its prompts; with one template it is that
    prompt's embedding itself. Prompt ensembling is from Radford et al. 2021, "Learning Transferable Visual Models From
    Natural Language Supervision", section 3.1.4.

    Args:
        encoder: where the embeddings come from.
        concepts: the texts to put into the templates.
        templates: each holds ``{}`` where the concept goes.
        batch_size: how many prompts the encoder gets at a time.

    Returns:
        Float32 [concepts, dim], rows of length 1.

    Raises:
        MethodError: there is no template, or one without ``{}``, or the encoder gives what is no embedding.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size has to be positive, got {batch_size}")
    check_templates(templates)
    prompts = [template.replace("{}", concept) for concept in concepts for template in templates]
    parts = (prompts[i : i + batch_size] for i in range(0, len(prompts), batch_size))
    chunks = [check_embeddings(encoder, encoder.encode_texts(part), len(part)) for part in parts]
    if not chunks:
        return np.zeros((0, encoder.dim), dtype=np.float32)
    rows = np.concatenate(chunks)
    if len(templates) == 1:
        return rows
    mean = rows.astype(np.float64).reshape(len(concepts), len(templates), -1).mean(axis=1)
    # Prompts that cancel exactly leave no direction; a tiny floor keeps such a row at zero instead of NaN.
    length = np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    result: npt.NDArray[np.float32] = (mean / length).astype(np.float32)
    return result


def check_embeddings(encoder: ImageTextEncoder, rows: object, count: int) -> npt.NDArray[np.float32]:
    """What an encoder gave for ``count`` inputs, float32 [count, dim].

    NaN in one row would make every score NaN, and of equal scores the first concept would win.

    Raises:
        MethodError: it has another shape, or NaN or infinite numbers.
    """
    array = np.asarray(rows)
    if array.shape != (count, encoder.dim):
        raise MethodError(
            f"The encoder {encoder.name} gave an array of shape {array.shape} for {count} inputs; it must be "
            f"{(count, encoder.dim)}."
        )
    if not np.isfinite(array).all():
        raise MethodError(
            f"The encoder {encoder.name} gave NaN or infinite embeddings. Check its weights, or choose another encoder."
        )
    return array.astype(np.float32, copy=False)


def check_templates(templates: Sequence[str]) -> None:
    """Raise unless there is a template, and each has a place for the concept.

    Raises:
        MethodError: there is none, or one without ``{}``.
    """
    if not templates:
        raise MethodError('There is no prompt template. Give at least one, such as "{}" or "a photo of a {}".')
    for template in templates:
        if "{}" not in template:
            raise MethodError(
                f"The prompt template {template!r} has no place for the concept. "
                'Put {} where the concept goes, as in "a photo of a {}".'
            )
