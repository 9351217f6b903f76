"""Training of an image-text encoder on batches that never repeat.

Three losses are added:

- contrastive, with soft targets: a caption is right for every image of the batch that it is true of (the plain loss of
  Radford et al. 2021 would call most of them wrong, since short captions fit many scenes);
- prompts: for each group of descriptions that exclude each other, such as the colours, cross-entropy over the group;
- attributes: linear heads on the image embedding, thrown away afterwards, which wake the image side up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronym.training.classifier import Progress
from neuronym.training.optimisers import Optimisers


@dataclass(frozen=True, eq=False)
class ContrastiveBatch:
    """What one step sees.

    Attributes:
        pixels: float [n, 3, height, width].
        captions: n texts, one for each image.
        fits: which caption is true of which image, bool [n images, n captions]; the diagonal is true.
        prompts: groups of texts.
        prompt_fits: for each group which text is true of which image, bool [n, texts]; an image without any is left out.
        attributes: classes by the name of a head, int64 [n], -1 where an image has none.
    """

    pixels: Tensor
    captions: Sequence[str]
    fits: Tensor
    prompts: Sequence[Sequence[str]]
    prompt_fits: Sequence[Tensor]
    attributes: Mapping[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """How much each loss counts."""

    captions: float = 1.0
    prompts: float = 1.0
    attributes: float = 0.5


def train_contrastive(
    model: nn.Module,
    tokenize: Callable[[Sequence[str]], Mapping[str, Tensor]],
    batches: Iterable[ContrastiveBatch],
    steps: int,
    *,
    scale: Callable[[], Tensor],
    heads: Mapping[str, int],
    dim: int,
    lr: float = 1.5e-3,
    matrix_lr: float = 4e-3,
    weights: Weights | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a Hugging Face model of two towers in place, in bfloat16 where that is safe; it is left in evaluation mode.

    Args:
        model: has ``get_image_features`` and ``get_text_features``.
        tokenize: the text tower's inputs for texts.
        batches: as many are taken as there are steps.
        steps: how many optimiser steps.
        scale: the factor on cosines, a tensor of the model's that is trained with it.
        heads: how many classes each attribute has.
        dim: the width of the embeddings.
        lr: the highest learning rate of AdamW.
        matrix_lr: that of Muon for transformer blocks.
        weights: of the three losses.
        progress: called after every step.
    """
    weights = weights or Weights()
    classifiers = nn.ModuleDict({name: nn.Linear(dim, count) for name, count in heads.items()})
    optimisers = Optimisers(nn.ModuleList([model, classifiers]), steps, lr, matrix_lr)
    model.train()
    smoothed = 0.0
    for step, batch in zip(range(1, steps + 1), batches, strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            raw = features(model.get_image_features(pixel_values=batch.pixels)).float()  # type: ignore[operator]
            # Prompts are shorter than captions; apart, neither is padded to the other's length.
            words = [
                features(model.get_text_features(**tokenize(texts))).float()  # type: ignore[operator]
                for texts in (batch.captions, [text for group in batch.prompts for text in group])
            ]
        images = functional.normalize(raw, dim=1)
        captions, prompts = (scale() * images @ functional.normalize(rows, dim=1).T for rows in words)
        loss = weights.captions * caption_loss(captions, batch.fits)
        loss = loss + weights.prompts * _prompt_loss(prompts, batch)
        loss = loss + weights.attributes * _attribute_loss(classifiers, images * dim**0.5, batch.attributes)
        optimisers.step(loss)
        now = float(loss.detach())
        smoothed = now if step == 1 else 0.98 * smoothed + 0.02 * now
        if progress is not None:
            progress(step, steps, smoothed)
    model.eval()


def features(output: Any) -> Tensor:
    """The projected embeddings: transformers 5 wraps them in an output object, whose pooled part they are."""
    found: Tensor = getattr(output, "pooler_output", output)
    return found


def caption_loss(logits: Tensor, fits: Tensor) -> Tensor:
    """The contrastive loss with soft targets, in both directions.

    Args:
        logits: scaled similarities, float [images, captions].
        fits: which caption is true of which image, bool of the same shape; every row and column has a true one.
    """
    return (soft_cross_entropy(logits, fits) + soft_cross_entropy(logits.T, fits.T)) / 2


def soft_cross_entropy(logits: Tensor, fits: Tensor) -> Tensor:
    """The mean over rows of the cross-entropy against equal shares for all true columns; rows without any are left out.

    Args:
        logits: float [rows, columns].
        fits: bool [rows, columns].
    """
    true = fits.float()
    counts = true.sum(1)
    per_row = -(true * functional.log_softmax(logits, 1)).sum(1) / counts.clamp(min=1)
    return per_row.sum() / (counts > 0).sum().clamp(min=1)


def _prompt_loss(logits: Tensor, batch: ContrastiveBatch) -> Tensor:
    total, start = logits.new_zeros(()), 0
    for texts, fits in zip(batch.prompts, batch.prompt_fits, strict=True):
        total = total + soft_cross_entropy(logits[:, start : start + len(texts)], fits)
        start += len(texts)
    return total / max(len(batch.prompts), 1)


def _attribute_loss(heads: nn.ModuleDict, images: Tensor, attributes: Mapping[str, Tensor]) -> Tensor:
    losses = [
        functional.cross_entropy(heads[name](images), classes.clamp(min=0), reduction="none")[classes >= 0].sum()
        / (classes >= 0).sum().clamp(min=1)
        for name, classes in attributes.items()
    ]
    return torch.stack(losses).mean() if losses else images.new_zeros(())
