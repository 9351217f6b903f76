"""Targets from Hugging Face, ``hf:owner/name`` or a folder: image classifiers, backbones, CLIP vision towers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuronym.errors import TargetError
from neuronym.targets.hf_processor import preprocessing_of
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target, TokenInfo
from neuronym.targets.weights import RANDOM, fit, load_state, seeded

CHECKPOINT = "checkpoint"
_OWN = (None, "DEFAULT", CHECKPOINT)
"""What is recorded as the weights that come with the repository or folder."""

# How many tokens precede the patches in families that keep one sequence of tokens throughout; registers are added.
_PREFIX_TOKENS = {
    "vit": 1,
    "vit_msn": 1,
    "deit": 2,
    "beit": 1,
    "data2vec-vision": 1,
    "ijepa": 0,
    "dinov2": 1,
    "dinov2_with_registers": 1,
    "dinov3_vit": 1,
    "clip_vision_model": 1,
    "siglip_vision_model": 0,
}


def load(name: str, weights: str | None) -> Target:
    """The image model of a repository or folder; of a model of images and texts, its vision tower.

    Args:
        name: ``owner/name`` on the hub (also from the local cache, without a network) or a local folder.
        weights: None, ``DEFAULT`` or ``checkpoint`` for the repository's own; a file that replaces them; ``random``.

    Raises:
        TargetError: if the repository or folder cannot be had, holds no image model or no image processor, would run
            code of its own, or its weights do not fit.
    """
    local = Path(name).expanduser()
    if not local.is_dir() and (local.is_absolute() or name.startswith((".", "~")) or len(local.parts) > 2):
        raise TargetError(f"There is no folder {name!r}; give a folder with a config.json, or owner/name on the hub.")
    source = str(local) if local.is_dir() else name
    config = _config(source)
    whole = _model(source, config, weights)
    tower = getattr(whole, "vision_model", None) if hasattr(config, "vision_config") else whole
    if tower is None or getattr(tower, "main_input_name", None) != "pixel_values":
        raise TargetError(f"hf:{name} is a {type(whole).__name__}, which has no part that takes only images.")
    preprocessing = preprocessing_of(source)
    return Target(
        name=f"hf:{name}",
        weights=CHECKPOINT if weights in _OWN else str(weights),
        model=tower,
        preprocessing=preprocessing,
        token_info=_token_info(tower.config, preprocessing),
        class_names=_class_names(tower),
    )


def _config(source: str) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise TargetError(
            f"hf:{source} cannot be had: {_first_line(error)} Give a local folder with a config.json, or a name on "
            "the hub that is in the cache or can be downloaded; models that bring code of their own are not run."
        ) from error


def _auto_class(config: Any) -> Any:
    from transformers import AutoModel, AutoModelForImageClassification

    names = config.architectures or []
    return AutoModelForImageClassification if any(n.endswith("ForImageClassification") for n in names) else AutoModel


def _model(source: str, config: Any, weights: str | None) -> Any:
    auto = _auto_class(config)
    if weights in _OWN:
        return _checkpoint(source, auto)
    try:
        with seeded():
            model = auto.from_config(config, dtype=torch.float32)
    except (ValueError, ImportError) as error:
        raise TargetError(f"hf:{source} cannot be built: {_first_line(error)}") from error
    if weights is not None and weights != RANDOM:
        fit(model, load_state(weights), weights)
    return model


def _checkpoint(source: str, auto: Any) -> Any:
    model, missing = _read(source, auto)
    if missing and all("pooler" in name for name in missing):
        # Many backbones are published without the pooler that their class has; random units must not be explained.
        model, missing = _read(source, auto, add_pooling_layer=False)
    if missing:
        raise TargetError(
            f"The checkpoint of hf:{source} lacks weights of {type(model).__name__}, which would be random; the first: "
            f"{', '.join(missing[:3])}. Give a file with all weights."
        )
    return model


def _read(source: str, auto: Any, **options: Any) -> tuple[Any, list[str]]:
    try:
        # from_pretrained keeps the type that was stored; targets are float32 until they are moved.
        model, info = auto.from_pretrained(
            source, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **options
        )
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise TargetError(
            f"The weights of hf:{source} cannot be had: {_first_line(error)} Give the path of a file with the weights."
        ) from error
    return model, sorted(info["missing_keys"])


def _class_names(model: nn.Module) -> tuple[str, ...] | None:
    config: Any = model.config
    if not type(model).__name__.endswith("ForImageClassification"):
        return None
    names = tuple(str(config.id2label[index]) for index in sorted(config.id2label))
    # transformers fills in LABEL_0, LABEL_1 ... where nobody gave names.
    return None if all(name.startswith("LABEL_") for name in names) else names


def _token_info(config: Any, preprocessing: Preprocessing) -> TokenInfo | None:
    prefix = _PREFIX_TOKENS.get(config.model_type)
    if prefix is None:
        return None
    # The input decides the grid: some families interpolate their positions from another config.image_size.
    size = preprocessing.input_size(_pair(config.image_size))
    patch = _pair(config.patch_size)
    return TokenInfo(
        prefix_tokens=prefix + int(getattr(config, "num_register_tokens", 0) or 0),
        grid=(size[0] // patch[0], size[1] // patch[1]),
    )


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".") + "."
