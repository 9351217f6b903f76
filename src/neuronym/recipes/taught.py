"""The network whose channels were taught concepts of the world, and how faithfully each channel follows its concept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neuronym.recipes.classifiers import labels
from neuronym.recipes.scenes import fresh, pixels_of
from neuronym.training.classifier import Progress
from neuronym.training.maps import MapBatch, MapLoss, train_maps
from neuronym.training.optimisers import Schedule
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.taught import LAYER, NAME, taught_maps, taught_presence, taught_units
from neuronym.world.vocabulary import PATTERNS


@dataclass(frozen=True)
class TaughtRecipe:
    """How the network is trained.

    Attributes:
        images: how many different training images it sees.
        batch: images per step.
        lr: the highest learning rate of AdamW.
        seed: of the first weights.
    """

    images: int
    batch: int
    lr: float
    seed: int


RECIPES = {NAME: TaughtRecipe(144_000, 64, 4e-3, 31)}

_WEIGHED_ON, _PATTERN_WEIGHT = 4096, 4.0


def network() -> Any:
    """The untrained network.

    Four stages with maps of 16 x 16: two of 3 x 3 convolutions, one of 5 x 5 ones that lets each cell know most of the
    picture, and one whose first layer, of 1 x 1, is the taught one. PP-HGNet V2 is a family of transformers that can be
    built so; its ResNets halve the maps in each stage.
    """
    from transformers import HGNetV2Config, HGNetV2ForImageClassification

    units = len(taught_units())
    config = HGNetV2Config(
        embedding_size=64,
        stem_channels=[3, 48, 64],
        stage_in_channels=[64, 96, 128, 128],
        stage_mid_channels=[48, 64, 64, units],
        stage_out_channels=[96, 128, 128, 64],
        stage_num_blocks=[1, 2, 1, 1],
        stage_numb_of_layers=[2, 3, 4, 1],
        stage_downsample=[False, False, False, False],
        stage_light_block=[False, False, True, False],
        stage_kernel_size=[3, 3, 5, 1],
        hidden_sizes=[96, 128, 128, 64],
        depths=[1, 2, 1, 1],
        **labels(),
    )
    return HGNetV2ForImageClassification(config)


def train(recipe: TaughtRecipe, progress: Progress | None = None) -> Any:
    """A trained network, in evaluation mode."""
    torch.manual_seed(recipe.seed)
    model = network().to(memory_format=torch.channels_last)
    normalisation = model.get_submodule(f"{LAYER}.normalization")
    # First values of the size of the last ones: larger ones are wrong with such certainty that the way back is long.
    torch.nn.init.constant_(normalisation.weight, 1 / MapLoss().slope)
    train_maps(
        model,
        normalisation,
        _batches(recipe.batch),
        Schedule(recipe.images // recipe.batch, recipe.lr),
        weights=_weights(),
        progress=progress,
    )
    return model


def _batches(size: int) -> Iterator[MapBatch]:
    for scenes in fresh("train", size):
        images, regions = render(scenes)
        maps = torch.from_numpy(taught_maps(scenes, regions))
        yield MapBatch(pixels_of(images), maps, torch.from_numpy(scenes.classes.astype(np.int64)))


def _weights() -> torch.Tensor:
    """How much each channel counts, float32 [channels], with a mean of 1.

    More for concepts that are seldom seen, or the common ones drown them: one over the root of their share. And more
    for those of a pattern: without that, a network with a narrower stem told no pattern from another after 80,000
    images, and this one none after 6,400, when with it most of what can be seen of them was learned.
    """
    scenes = draw_scenes(SEEDS["train"], np.arange(_WEIGHED_ON))
    shares = torch.from_numpy(taught_presence(scenes).mean(0, dtype=np.float32))
    patterned = torch.tensor([any(pattern in unit.text for pattern in PATTERNS) for unit in taught_units()])
    weights = shares.clamp(min=1e-3).rsqrt() * torch.where(patterned, _PATTERN_WEIGHT, 1.0)
    return weights / weights.mean()
