"""Targets from torchvision: ``torchvision:resnet50``; classification and semantic segmentation."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from neuronym.errors import TargetError, unknown_name
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target, TokenInfo
from neuronym.targets.weights import RANDOM, class_count, fit, is_path, load_state, seeded


def load(name: str, weights: str | None) -> Target:
    """The model ``name`` of torchvision.

    Args:
        name: as in ``torchvision.models.list_models()``.
        weights: the name of published weights (``DEFAULT``, ``IMAGENET1K_V1`` ...), a file, or ``random``. A file may
            have another number of classes than torchvision's weights.

    Raises:
        UnknownNameError: if torchvision has no such model or no such weights for it.
        TargetError: if no weights were chosen, they cannot be had or do not fit, or the model is not an image model.
    """
    from torchvision.models import get_model_weights, list_models

    if name not in list_models():
        raise unknown_name("torchvision model", name, list_models())
    published = get_model_weights(name)
    transforms = published.DEFAULT.transforms()
    if type(transforms).__name__ not in ("ImageClassification", "SemanticSegmentation"):
        raise TargetError(
            f"torchvision:{name} was made for {type(transforms).__name__}; only classification and semantic "
            "segmentation models take one image at a time without changing its size. Load its backbone through "
            "package.module:callable."
        )
    segments = type(transforms).__name__ == "SemanticSegmentation"
    class_names = None
    if weights is None:
        names = ", ".join(dict.fromkeys([*published.__members__, "DEFAULT"]))
        raise TargetError(
            f"torchvision:{name} needs weights: a published name ({names}), the path of a file, or random."
        )
    if weights == RANDOM:
        with seeded():
            model = _build(name, segments)
    elif is_path(weights):
        model = _from_file(name, segments, weights)
    else:
        entry = _entry(name, weights)
        model, transforms, class_names = _published(name, entry), entry.transforms(), tuple(entry.meta["categories"])
    return Target(
        name=f"torchvision:{name}",
        weights=weights,
        model=model,
        preprocessing=_preprocessing(transforms),
        token_info=_token_info(model),
        channels_last_maps=type(model).__name__ == "SwinTransformer",
        class_names=class_names,
    )


def _entry(name: str, weights: str) -> Any:
    from torchvision.models import get_model_weights

    published = get_model_weights(name)
    if weights != "DEFAULT" and weights not in published.__members__:
        raise unknown_name(
            f"set of weights for torchvision:{name}",
            weights,
            [*published.__members__, "DEFAULT"],
            "A file's path or random will do, too.",
        )
    return getattr(published, weights)


def _build(name: str, segments: bool, **options: Any) -> nn.Module:
    from torchvision.models import get_model

    if segments:
        options["weights_backbone"] = None  # otherwise torchvision downloads a backbone
    with warnings.catch_warnings():
        # GoogLeNet and Inception announce that their slow random initialisation will change.
        warnings.filterwarnings("ignore", "The default weight initialization", FutureWarning)
        model: nn.Module = get_model(name, weights=None, **options)
    return model


def _from_file(name: str, segments: bool, path: str) -> nn.Module:
    state = load_state(path)
    with torch.random.fork_rng(devices=[]):
        model = _build(name, segments)
        count = class_count(model, state)
        if count is not None:
            model = _build(name, segments, num_classes=count)
    fit(model, state, path)
    return model


def _published(name: str, entry: Any) -> nn.Module:
    from torchvision.models import get_model

    try:
        model: nn.Module = get_model(name, weights=entry, progress=False)
    except (OSError, RuntimeError) as error:
        raise TargetError(
            f"The weights {entry.name} of torchvision:{name} could not be had from {entry.url} ({error}). Download "
            "that file where there is a network and give its path as the weights."
        ) from error
    return model


def _preprocessing(transforms: Any) -> Preprocessing:
    resize = transforms.resize_size
    crop = getattr(transforms, "crop_size", None)
    return Preprocessing(
        resize="none" if resize is None else "shorter" if len(resize) == 1 else "exact",
        size=None if resize is None else resize[0] if len(resize) == 1 else tuple(resize),
        crop=None if crop is None else (crop[0], crop[-1]),
        interpolation=transforms.interpolation.value,
        scale="unit",
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def _token_info(model: nn.Module) -> TokenInfo | None:
    from torchvision.models import VisionTransformer

    if not isinstance(model, VisionTransformer):
        return None
    side = model.image_size // model.patch_size
    return TokenInfo(prefix_tokens=1, grid=(side, side))
