"""The two bundled image-text encoders, of different make: CLIP with a vision transformer, ALIGN with convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neuronym.recipes.captioned import HEADS, captioned
from neuronym.recipes.scenes import MEAN, STD
from neuronym.recipes.tokenizer import CONTEXT, END, PAD, START, make_tokenizer, words
from neuronym.training.classifier import Progress
from neuronym.training.contrastive import Towers, train_contrastive
from neuronym.training.optimisers import Schedule
from neuronym.world.vocabulary import SIDE


@dataclass(frozen=True)
class EncoderRecipe:
    """One image-text encoder.

    Attributes:
        model: makes the untrained network for a vocabulary of so many tokens.
        processor: puts an image processor and a tokenizer together, in the family's class.
        scale: the factor on cosines, of a model.
        dim: the width of the embeddings.
        images: how many different training images it sees.
        batch: images per step.
        lr: the highest learning rate of AdamW.
        matrix_lr: that of Muon.
        seed: of the first weights and of the words.
    """

    model: Callable[[int], Any]
    processor: Callable[[Any], Any]
    scale: Callable[[Any], Tensor]
    dim: int
    images: int
    batch: int
    lr: float
    matrix_lr: float
    seed: int


def _clip(tokens: int) -> Any:
    from transformers import CLIPConfig, CLIPModel

    block = {"num_attention_heads": 4, "hidden_act": "gelu", "hidden_size": 128}
    config = CLIPConfig(
        text_config={
            **block,
            "vocab_size": tokens,
            "intermediate_size": 384,
            "num_hidden_layers": 2,
            "max_position_embeddings": CONTEXT,
            "pad_token_id": PAD,
            "bos_token_id": START,
            "eos_token_id": END,
        },
        vision_config={
            **block,
            "intermediate_size": 512,
            "num_hidden_layers": 5,
            "image_size": SIDE,
            "patch_size": 8,
        },
        projection_dim=96,
        attn_implementation="eager",
    )
    return CLIPModel(config)


def _align(tokens: int) -> Any:
    from transformers import AlignConfig, AlignModel

    config = AlignConfig(
        text_config={
            "vocab_size": tokens,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": CONTEXT,
            "type_vocab_size": 1,
            "pad_token_id": PAD,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        },
        vision_config={
            "image_size": SIDE,
            "width_coefficient": 1.0,
            "depth_coefficient": 1.0,
            "depth_divisor": 8,
            "in_channels": [32, 32, 48, 96],
            "out_channels": [32, 48, 96, 128],
            "kernel_sizes": [3, 3, 3, 3],
            "strides": [1, 2, 2, 2],
            "num_block_repeats": [1, 2, 2, 2],
            "expand_ratios": [1, 4, 4, 4],
            "depthwise_padding": [],
            "hidden_dim": 256,
            "batch_norm_momentum": 0.9,
            "drop_connect_rate": 0.0,
        },
        projection_dim=128,
        temperature_init_value=0.1,
    )
    return AlignModel(config)


def _clip_processor(tokenizer: Any) -> Any:
    from transformers import CLIPImageProcessor, CLIPProcessor

    return CLIPProcessor(CLIPImageProcessor(**_image_settings()), tokenizer)


def _align_processor(tokenizer: Any) -> Any:
    from transformers import AlignProcessor, CLIPImageProcessor

    return AlignProcessor(CLIPImageProcessor(**_image_settings()), tokenizer)


def _image_settings() -> dict[str, Any]:
    size = {"height": SIDE, "width": SIDE}
    return {"size": size, "do_center_crop": False, "image_mean": list(MEAN), "image_std": list(STD), "resample": 2}


def _clip_scale(model: Any) -> Tensor:
    scale: Tensor = model.logit_scale.exp().clamp(max=100)
    return scale


def _align_scale(model: Any) -> Tensor:
    scale: Tensor = 1 / model.temperature.clamp(min=0.01)
    return scale


RECIPES = {
    "clip": EncoderRecipe(_clip, _clip_processor, _clip_scale, 96, 400_000, 64, 1.5e-3, 4e-3, 21),
    "align": EncoderRecipe(_align, _align_processor, _align_scale, 128, 160_000, 64, 2e-3, 4e-3, 22),
}


def train(recipe: EncoderRecipe, progress: Progress | None = None) -> tuple[Any, Any]:
    """A trained model, in evaluation mode, and its processor."""
    tokenizer = make_tokenizer(start=True)
    torch.manual_seed(recipe.seed)
    model = recipe.model(len(words()) + 4).to(memory_format=torch.channels_last)

    def tokenize(texts: Sequence[str]) -> Mapping[str, Tensor]:
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt")
        return {name: tokens[name] for name in ("input_ids", "attention_mask")}

    train_contrastive(
        Towers(model, tokenize, lambda: recipe.scale(model), recipe.dim),
        captioned(recipe.batch, recipe.seed),
        Schedule(recipe.images // recipe.batch, recipe.lr, recipe.matrix_lr),
        heads=HEADS,
        progress=progress,
    )
    return model, recipe.processor(tokenizer)
