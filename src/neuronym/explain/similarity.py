"""How much of each concept is in each image, in blocks: from an encoder, or from the images' own labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.errors import MethodError
from neuronym.explain.concepts import ConceptSet, tidy
from neuronym.store.layer_view import LayerView


@runtime_checkable
class Similarity(Protocol):
    """A table [images, concepts] that need not be held at once."""

    @property
    def images(self) -> int:
        """How many rows."""

    @property
    def concepts(self) -> int:
        """How many columns."""

    def block(self, columns: slice, rows: Int64[Tensor, " rows"] | None = None) -> Float32[Tensor, "rows columns"]:
        """Some columns, for all images or for some."""


@dataclass(frozen=True, eq=False)
class EncodedSimilarity:
    """Inner products of image and text embeddings."""

    image_rows: Float32[Tensor, "images dim"]
    text_rows: Float32[Tensor, "concepts dim"]

    @property
    def images(self) -> int:
        """How many rows."""
        return len(self.image_rows)

    @property
    def concepts(self) -> int:
        """How many columns."""
        return len(self.text_rows)

    def block(self, columns: slice, rows: Int64[Tensor, " rows"] | None = None) -> Float32[Tensor, "rows columns"]:
        """Some columns, for all images or for some."""
        images = self.image_rows if rows is None else self.image_rows[rows]
        table: Tensor = images @ self.text_rows[columns].T
        return table


@dataclass(frozen=True, eq=False)
class LabelledSimilarity:
    """What the labels say, 0 to 1."""

    values: Float32[Tensor, "images concepts"]

    @property
    def images(self) -> int:
        """How many rows."""
        return len(self.values)

    @property
    def concepts(self) -> int:
        """How many columns."""
        return self.values.shape[1]

    def block(self, columns: slice, rows: Int64[Tensor, " rows"] | None = None) -> Float32[Tensor, "rows columns"]:
        """Some columns, for all images or for some."""
        return self.values[:, columns] if rows is None else self.values[rows, columns]


def similarity_to(
    view: LayerView, concepts: ConceptSet, encoder: ImageTextEncoder | None, templates: Sequence[str] = ("{}",)
) -> Similarity:
    """The explain images against the concepts: by the encoder, or by the labels where there is none.

    Raises:
        MethodError: there is neither an encoder nor labels for these concepts.
    """
    if encoder is not None:
        texts = torch.from_numpy(encode_prompts(encoder, concepts.texts, templates))
        return EncodedSimilarity(torch.from_numpy(view.embeddings(encoder, "explain")), texts)
    table = view.labels("explain")
    if concepts.group is None or table is None:
        raise needs_encoder(concepts)
    names = zip(table.concepts, table.groups, strict=True)
    column = {tidy(text): index for index, (text, group) in enumerate(names) if group == concepts.group}
    lacking = [text for text in concepts.texts if text not in column]
    if lacking:
        raise MethodError(f"The labels {concepts.source!r} of the probe images do not have the concept {lacking[0]!r}.")
    # Once and by whole columns: the table of a large labelled set is hundreds of megabytes.
    values = table.values[:, [column[text] for text in concepts.texts]]
    return LabelledSimilarity(torch.from_numpy(np.ascontiguousarray(values)))


def needs_encoder(concepts: ConceptSet) -> MethodError:
    """The error for concepts that are no labels of the images, without an encoder."""
    return MethodError(
        f"The concepts of {concepts.source!r} need an image-text encoder. Give one, for example "
        "--encoder hf:openai/clip-vit-base-patch16, or use --concepts labels with labelled images."
    )
