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
from neuronym.training.optimisers import Optimisers, Schedule


@dataclass(frozen=True, eq=False)
class ContrastiveBatch:
    """What one step sees.

    Attributes:
        pixels: float [n, 3, height, width].
        captions: n texts, one for each image.
        fits: which caption is true of which image, bool [n images, n captions]; the diagonal is true.
        prompts: groups of texts.
        prompt_fits: for each group which text is true of which image, bool [n, texts]; images without are left out.
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
    """How much each loss counts.

    Prompts and attributes are means over some ten groups each, of which every one is a task of its own; with a weight
    of 1 the captions drown them, and shapes and patterns take several times as many images.
    """

    captions: float = 1.0
    prompts: float = 4.0
    attributes: float = 4.0


@dataclass(frozen=True, eq=False)
class Towers:
    """A Hugging Face model of an image tower and a text tower.

    Attributes:
        model: has ``get_image_features`` and ``get_text_features``.
        tokenize: the text tower's inputs for texts.
        scale: the factor on cosines, a tensor of the model's that is trained with it.
        dim: the width of the embeddings.
    """

    model: Any
    tokenize: Callable[[Sequence[str]], Mapping[str, Tensor]]
    scale: Callable[[], Tensor]
    dim: int

    def images(self, pixels: Tensor) -> Tensor:
        """The embeddings of images, not normalised, float32 [n, dim]."""
        with torch.autocast("cpu", torch.bfloat16):
            return features(self.model.get_image_features(pixel_values=pixels)).float()

    def texts(self, texts: Sequence[str]) -> Tensor:
        """The embeddings of texts, not normalised, float32 [n, dim]."""
        with torch.autocast("cpu", torch.bfloat16):
            return features(self.model.get_text_features(**self.tokenize(texts))).float()


def train_contrastive(
    towers: Towers,
    batches: Iterable[ContrastiveBatch],
    schedule: Schedule,
    *,
    heads: Mapping[str, int],
    weights: Weights | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a model of two towers in place, in bfloat16 where that is safe; it is left in evaluation mode.

    Args:
        towers: the model.
        batches: as many are taken as there are steps.
        schedule: how long and how fast.
        heads: how many classes each attribute has.
        weights: of the three losses.
        progress: called after every step.
    """
    weights = weights or Weights()
    classifiers = nn.ModuleDict({name: nn.Linear(towers.dim, count) for name, count in heads.items()})
    optimisers = Optimisers(nn.ModuleList([towers.model, classifiers]), schedule)
    towers.model.train()
    smoothed = 0.0
    for step, batch in zip(range(1, schedule.steps + 1), batches, strict=False):
        loss = _loss(towers, classifiers, batch, weights)
        optimisers.step(loss)
        now = float(loss.detach())
        smoothed = now if step == 1 else 0.98 * smoothed + 0.02 * now
        if progress is not None:
            progress(step, schedule.steps, smoothed)
    towers.model.eval()


def _loss(towers: Towers, heads: nn.ModuleDict, batch: ContrastiveBatch, weights: Weights) -> Tensor:
    images = functional.normalize(towers.images(batch.pixels), dim=1)
    # Prompts are shorter than captions; apart, neither is padded to the other's length.
    captions = functional.normalize(towers.texts(batch.captions), dim=1)
    prompts = functional.normalize(towers.texts([text for group in batch.prompts for text in group]), dim=1)
    scale = towers.scale()
    return (
        weights.captions * caption_loss(scale * images @ captions.T, batch.fits)
        + weights.prompts * _prompt_loss(scale * images @ prompts.T, batch)
        + weights.attributes * _attribute_loss(heads, images * towers.dim**0.5, batch.attributes)
    )


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
