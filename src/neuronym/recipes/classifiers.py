"""The two bundled classifiers: a residual network and a vision transformer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from neuronym.recipes.scenes import MEAN, STD, classified
from neuronym.training.classifier import Progress, train_classifier
from neuronym.training.optimisers import Schedule
from neuronym.world.vocabulary import SHAPES, SIDE


@dataclass(frozen=True)
class ClassifierRecipe:
    """One classifier.

    Attributes:
        model: makes the untrained network.
        images: how many different training images it sees.
        batch: images per step.
        lr: the highest learning rate of AdamW.
        matrix_lr: that of Muon; 0 for none.
        seed: of the first weights.
        floor: the test accuracy below which the checkpoint is not good enough, 0..1.
    """

    model: Callable[[], Any]
    images: int
    batch: int
    lr: float
    matrix_lr: float
    seed: int
    floor: float


def _resnet() -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 128],
        depths=[2, 2, 2],
        layer_type="basic",
        hidden_act="relu",
        **labels(),
    )
    return ResNetForImageClassification(config)


def _vit() -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=128,
        num_hidden_layers=5,
        num_attention_heads=4,
        intermediate_size=384,
        image_size=SIDE,
        patch_size=8,
        hidden_act="gelu",
        attn_implementation="eager",
        **labels(),
    )
    return ViTForImageClassification(config)


def labels() -> dict[str, Any]:
    """The names of the classes, the shapes of the main object, as a configuration of transformers has them."""
    return {"id2label": dict(enumerate(SHAPES)), "label2id": {shape: i for i, shape in enumerate(SHAPES)}}


RECIPES = {
    "resnet": ClassifierRecipe(_resnet, 160_000, 64, 3e-3, 0.0, 11, 0.99),
    "vit": ClassifierRecipe(_vit, 256_000, 64, 1.5e-3, 4e-3, 12, 0.93),
}


def train(recipe: ClassifierRecipe, progress: Progress | None = None) -> Any:
    """A trained network, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    model = recipe.model().to(memory_format=torch.channels_last)
    batches = classified("train", recipe.batch)
    schedule = Schedule(recipe.images // recipe.batch, recipe.lr, recipe.matrix_lr)
    train_classifier(model, batches, schedule, progress=progress)
    return model


def accuracy(model: Any, images: int = 4096, batch: int = 256) -> float:
    """The share of test scenes whose main shape is told, 0..1."""
    right = 0
    with torch.inference_mode():
        for pixels, classes in _some(classified("test", batch), images // batch):
            right += int((model(pixel_values=pixels).logits.argmax(1) == classes).sum())
    return right / (images // batch * batch)


def _some(batches: Any, count: int) -> Any:
    return (batch for batch, _ in zip(batches, range(count), strict=False))


def image_processor() -> Any:
    """The settings by which an image becomes the input of a bundled classifier."""
    from transformers import ViTImageProcessor

    size = {"height": SIDE, "width": SIDE}
    return ViTImageProcessor(size=size, resample=2, image_mean=list(MEAN), image_std=list(STD))
