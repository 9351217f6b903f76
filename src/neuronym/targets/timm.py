"""Targets from timm: ``timm:vit_base_patch16_224``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from neuronym.errors import TargetError, unknown_name
from neuronym.targets.preprocessing import Interpolation, Preprocessing, Resize
from neuronym.targets.target import Target, TokenInfo
from neuronym.targets.weights import RANDOM, class_count, fit, is_path, load_state, seeded

_PRETRAINED = ("pretrained", "DEFAULT")


def load(name: str, weights: str | None) -> Target:
    """The model ``name`` of timm.

    Args:
        name: as in ``timm.list_models()``, optionally with a tag (``vit_base_patch16_224.augreg_in21k``).
        weights: ``pretrained`` (or ``DEFAULT``), the tag of published weights, a file, or ``random``. A file may have
            another number of classes than the published weights.

    Raises:
        UnknownNameError: if timm has no such model or no such weights for it.
        TargetError: if timm is missing, no weights were chosen, they cannot be had or do not fit, or the model's
            preprocessing cannot be expressed.
    """
    try:
        import timm
    except ImportError as error:
        raise TargetError("timm: models need the timm package; pip install 'neuronym[timm]'.") from error
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise unknown_name("timm model", name, timm.list_models())
    if tag:
        _check_tag(architecture, tag)
    if weights is None:
        raise TargetError(
            f"timm:{name} needs weights: pretrained, a tag "
            f"({', '.join(_tags(architecture)) or 'none are published'}), the path of a file, or random."
        )
    model = _model(name, weights)
    return Target(
        name=f"timm:{name}",
        weights=weights,
        model=model,
        preprocessing=_preprocessing(name, timm.data.resolve_model_data_config(model)),
        token_info=_token_info(model),
        channels_last_maps=_gives_channels_last(model),
    )


def _model(name: str, weights: str) -> nn.Module:
    if weights == RANDOM:
        with seeded():
            return _build(name)
    if is_path(weights):
        return _from_file(name, weights)
    architecture = name.partition(".")[0]
    if weights not in _PRETRAINED:
        _check_tag(architecture, weights)
        name = f"{architecture}.{weights}"
    try:
        return _build(name, pretrained=True)
    except Exception as error:  # the hub client raises errors of several packages without a common base
        raise TargetError(
            f"The published weights of timm:{name} could not be had ({type(error).__name__}: {error}). Download the "
            "file where there is a network and give its path as the weights."
        ) from error


def _build(name: str, **options: Any) -> nn.Module:
    import timm

    model: nn.Module = timm.create_model(name, **options)
    return model


def _from_file(name: str, path: str) -> nn.Module:
    state = load_state(path)
    with seeded():
        model = _build(name)
        count = class_count(model, state)
        if count is not None:
            model = _build(name, num_classes=count)
    fit(model, state, path)
    return model


def _tags(architecture: str) -> list[str]:
    import timm

    names = timm.list_pretrained(f"{architecture}.*")
    return [name.partition(".")[2] for name in names]


def _check_tag(architecture: str, tag: str) -> None:
    if tag not in _tags(architecture):
        raise unknown_name(f"set of weights for timm:{architecture}", tag, [*_tags(architecture), "pretrained", RANDOM])


def _preprocessing(name: str, config: Mapping[str, Any]) -> Preprocessing:
    height, width = config["input_size"][-2:]
    scaled = (math.floor(height / config["crop_pct"]), math.floor(width / config["crop_pct"]))
    mode, interpolation = config["crop_mode"], config["interpolation"]
    if mode not in ("center", "squash") or (mode == "center" and scaled[0] != scaled[1]):
        raise TargetError(
            f"timm:{name} crops an input of {height}x{width} in the mode {mode!r}, which is not supported; build the "
            "model in a module of yours that carries its own neuronym_preprocessing (package.module:callable)."
        )
    if interpolation not in ("nearest", "bilinear", "bicubic", "lanczos"):
        raise TargetError(f"timm:{name} resizes with {interpolation!r}; nearest, bilinear, bicubic, lanczos are known.")
    resize: Resize = "shorter" if mode == "center" else "exact"
    return Preprocessing(
        resize=resize,
        size=scaled[0] if mode == "center" else scaled,
        crop=(height, width),
        interpolation=cast(Interpolation, interpolation),
        scale="unit",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )


def _token_info(model: Any) -> TokenInfo | None:
    # Only models that state their prefix keep one sequence of tokens throughout.
    prefix = getattr(model, "num_prefix_tokens", None)
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    # With a dynamic image size the patches are laid out as a map first, and become a sequence all the same.
    sequence = getattr(model, "dynamic_img_size", False) or not _gives_channels_last(model)
    if prefix is None or grid is None or not sequence:
        return None
    return TokenInfo(prefix_tokens=int(prefix), grid=(int(grid[0]), int(grid[1])))


def _gives_channels_last(model: Any) -> bool:
    formats = (getattr(part, "output_fmt", None) for part in (model, getattr(model, "patch_embed", None)))
    # timm writes the format as a text in some families and as a member of its Format enumeration in others.
    return any(getattr(layout, "value", layout) == "NHWC" for layout in formats)
