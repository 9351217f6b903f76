"""Tiny image-text models with random weights, saved in the real formats so that the real loaders read them."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

TEXTS = ["red", "a photo of a cat", "green square, striped", "the blue one on the left", "dog"]


def images(count: int = 5, seed: int = 0) -> list[Image.Image]:
    """Random RGB images of different shapes."""
    rng = np.random.default_rng(seed)
    shapes = [(24 + 3 * i, 40 - 2 * i, 3) for i in range(count)]
    return [Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]


def clip_folder(folder: Path, seed: int = 0, image_size: int = 16, **text_config: Any) -> Path:
    """A Hugging Face CLIP with 8 dimensions and a context of 12 tokens, with its byte-pair tokenizer."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    tokenizer = _clip_tokenizer()
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {
        **size,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 12,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**size, "image_size": image_size, "patch_size": 8}
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig(text_config={**text, **text_config}, vision_config=vision, projection_dim=8))
    crop = {"height": image_size, "width": image_size}
    image_processor = CLIPImageProcessor(size={"shortest_edge": image_size}, crop_size=crop)
    return _save(folder, _spread(model), CLIPProcessor(image_processor, tokenizer))


def siglip_folder(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face SigLIP with 16 dimensions and a context of 10 tokens, with a tokenizer that gives no mask."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipProcessor

    tokenizer = _word_tokenizer()
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 10, "projection_size": 16, **_WORD_ENDS}
    vision = {**size, "image_size": 16, "patch_size": 8}
    torch.manual_seed(seed)
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    image_processor = SiglipImageProcessor(size={"height": 16, "width": 16})
    return _save(folder, _spread(model), SiglipProcessor(image_processor, tokenizer))


def siglip2_folder(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face SigLIP 2 of the variable-resolution kind: images become up to 16 patches of 4 pixels."""
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Processor

    tokenizer = _siglip2_tokenizer()
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 10, "projection_size": 16, **_WORD_ENDS}
    vision = {**size, "num_patches": 16, "patch_size": 4}
    torch.manual_seed(seed)
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
    return _save(
        folder, _spread(model), Siglip2Processor(Siglip2ImageProcessor(patch_size=4, max_num_patches=16), tokenizer)
    )


def vit_folder(folder: Path) -> Path:
    """A Hugging Face ViT, which has no text side."""
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    config = ViTConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=8
    )
    return _save(folder, ViTModel(config), ViTImageProcessor(size={"height": 16, "width": 16}))


_WORD_ENDS = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}

OPEN_CLIP_CONFIG: dict[str, Any] = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 16, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 14, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def open_clip_folder(folder: Path, seed: int = 0) -> Path:
    """An open_clip folder: its configuration and ``open_clip_model.safetensors``."""
    import open_clip
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "interpolation": "bilinear"}
    config = {"model_cfg": OPEN_CLIP_CONFIG, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(seed)
    model = _spread(open_clip.CLIP(**OPEN_CLIP_CONFIG))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


def _spread(model: torch.nn.Module) -> torch.nn.Module:
    """Larger random weights: with the usual ones all inputs get nearly the same embedding and tests see little."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.5)
    return model


def _save(folder: Path, model: Any, processor: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    characters = string.ascii_lowercase + string.digits + "-,."
    merges = [("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "t</w>"), ("p", "h"), ("o", "t")]
    pieces = [*characters, *(c + "</w>" for c in characters), *(a + b for a, b in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges)


def _word_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in TEXTS for word in text.replace(",", "").split()})
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids"],
    )


def _siglip2_tokenizer() -> Any:
    from transformers import Siglip2Tokenizer

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\N{LOWER ONE EIGHTH BLOCK}"]
    pieces = [*special, *string.ascii_lowercase, *string.digits, "re", "red", "ca", "cat"]
    merges = [("r", "e"), ("re", "d"), ("c", "a"), ("ca", "t")]
    # As in the published checkpoints: padding on the right and no mask.
    return Siglip2Tokenizer(
        vocab={piece: i for i, piece in enumerate(pieces)},
        merges=merges,
        padding_side="right",
        model_input_names=["input_ids"],
    )
