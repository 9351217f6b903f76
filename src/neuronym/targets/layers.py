"""The layers of a target: which modules have units that can be explained, and choosing some of them by name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from neuronym.errors import TargetError, unknown_name
from neuronym.records import LayerInfo, Tokens
from neuronym.targets._tracing import Follower, Seen, observe
from neuronym.targets.target import Target

_REMEDY = "`neuronym layers` lists them."


@dataclass(frozen=True)
class _Survey:
    """What one forward pass showed: explainable layers in order, reasons for the others, and what follows each."""

    layers: dict[str, LayerInfo]
    refused: dict[str, str]
    followers: dict[str, Follower]
    square: bool


def default_sample(target: Target) -> Float[Tensor, "2 3 height width"]:
    """Two black images of the size that the target's preprocessing gives (for 224 x 224 images if it fixes none)."""
    height, width = target.preprocessing.input_size((224, 224))
    like = next((p for p in target.model.parameters() if p.is_floating_point()), torch.empty(0))
    return torch.zeros(2, 3, height, width, device=like.device, dtype=like.dtype)


def discover(
    target: Target, sample: Float[Tensor, "n 3 height width"], tokens: Tokens | None = None
) -> list[LayerInfo]:
    """Every module whose output can be explained, in the order in which their last calls end.

    These are modules, containers included, whose output is a float tensor [n, units], [n, units, height, width],
    [n, height, width, units] or [n, tokens, units], or a tuple, list or mapping whose first float tensor is one.

    Args:
        target: the model.
        sample: float [n, 3, height, width], an input on the model's device; sizes of maps are those for its size.
        tokens: the token policy to note for outputs of tokens, if it is chosen already.

    Raises:
        TargetError: if the model fails on ``sample``.
    """
    layers = _survey(target, sample).layers.values()
    return [_noted(layer, tokens, target) if layer.layout == "tokens" else layer for layer in layers]


def select(
    target: Target,
    patterns: Sequence[str],
    *,
    tokens: Tokens | None = None,
    prefix_tokens: int | None = None,
    sample: Float[Tensor, "n 3 height width"] | None = None,
) -> list[LayerInfo]:
    """The layers that the patterns name, without repetition, in the order of execution.

    A pattern is a module path in which ``*`` and ``?`` stand for anything within one part of the path, ``[...]`` for
    one of some characters, ``**`` for anything at all, and a leading ``*.`` for any parents: ``layer*`` is ``layer1``
    to ``layer4`` without what is in them, ``*.mlp.fc1`` is the first linear layer of every block. ``:after`` behind it
    means the output of the activation function that follows the module directly, ``:before`` (the default) the
    module's own.

    Args:
        target: the model.
        patterns: at least one pattern.
        tokens: the token policy, needed where an output consists of tokens.
        prefix_tokens: how many class and register tokens precede the patches; overrules what the loader knows.
        sample: an input on the model's device; :func:`default_sample` if not given.

    Raises:
        UnknownNameError: if a pattern matches no module.
        TargetError: if what it matches cannot be explained, no activation follows where ``:after`` is asked, or the
        token
            policy is missing or impossible.
    """
    survey = _survey(target, default_sample(target) if sample is None else sample)
    chosen = {layer.name: layer for pattern in patterns for layer in _matching(pattern, survey)}
    order = {path: position for position, path in enumerate(survey.layers)}
    ordered = sorted(chosen.values(), key=lambda layer: (order[layer.path], layer.after))
    return [
        _with_tokens(layer, tokens, prefix_tokens, target, survey.square) if layer.layout == "tokens" else layer
        for layer in ordered
    ]


def _survey(target: Target, sample: Tensor) -> _Survey:
    try:
        tracer = observe(target.model, sample)
    except Exception as error:
        size = "x".join(str(side) for side in sample.shape[1:])
        raise TargetError(
            f"{target.name} fails on an input of {size}: {type(error).__name__}: {error}. Give the size that it takes "
            "with --size and --crop."
        ) from error
    layers, refused = {}, {}
    for path, seen in tracer.seen.items():
        layer = _layer(seen, target, len(sample), tracer.followers.get(path))
        if isinstance(layer, str):
            refused[path] = layer
        else:
            layers[path] = layer
    idle = {path for path, _ in target.model.named_modules() if path} - set(tracer.seen)
    refused.update(dict.fromkeys(sorted(idle), "it does not run by itself in the forward pass"))
    return _Survey(layers, refused, tracer.followers, square=sample.shape[2] == sample.shape[3])


def _layer(seen: Seen, target: Target, images: int, follower: Follower | None) -> LayerInfo | str:
    """The layer, or why the module's units cannot be explained."""
    if seen.output is None:
        return "it gives no float tensor"
    if seen.shape[0] != images or len(seen.shape) not in (2, 3, 4):
        return (
            f"it gives {list(seen.shape)} for {images} images, which is not one vector, map or list of tokens per image"
        )
    layout = _layout(seen, target)
    if layout is None:
        return f"its output {list(seen.shape)} is an intermediate step of another layout than channels by positions"
    unit_axis = {"flat": 1, "nchw": 1, "nhwc": 3, "tokens": 2}[layout]
    maps = {"nchw": seen.shape[2:4], "nhwc": seen.shape[1:3]}.get(layout)
    return LayerInfo(
        path=seen.path,
        after=False,
        activation=follower.name if follower is not None and follower.apply is not None else None,
        kind=seen.kind,
        units=seen.shape[unit_axis],
        map_size=None if maps is None else (maps[0], maps[1]),
        layout=layout,
        prefix_tokens=_known_prefix(seen.shape[1], target) or 0 if layout == "tokens" else 0,
        token_count=seen.shape[1] if layout == "tokens" else 0,
        calls=seen.calls,
        output=seen.output,
    )


def _layout(seen: Seen, target: Target) -> Literal["nchw", "nhwc", "tokens", "flat"] | None:
    if len(seen.shape) == 2:
        return "flat"
    if seen.layout == "other":
        return None
    if len(seen.shape) == 3:
        return "tokens"
    if target.token_info is not None:
        # In a network of one sequence of tokens, what is four-dimensional and no convolution's map is split by heads.
        return "nchw" if seen.layout == "nchw" else None
    return seen.layout or ("nhwc" if target.channels_last_maps else "nchw")


def _matching(pattern: str, survey: _Survey) -> list[LayerInfo]:
    path, colon, place = pattern.partition(":")
    if colon and place not in ("after", "before"):
        raise TargetError(f"The layer {pattern!r} ends in {':' + place!r}; only ':after' and ':before' are known.")
    if path in survey.refused:
        raise TargetError(f"The layer {path!r} cannot be explained: {survey.refused[path]}.")
    expression = re.compile(_expression(path))
    found = [layer for name, layer in survey.layers.items() if expression.fullmatch(name)]
    if not found:
        if any(expression.fullmatch(name) for name in survey.refused):
            raise TargetError(f"None of the modules that {path!r} matches can be explained. {_REMEDY}")
        raise unknown_name("layer", path, survey.layers, _REMEDY)
    return [_after(layer, survey.followers.get(layer.path)) for layer in found] if place == "after" else found


def _after(layer: LayerInfo, follower: Follower | None) -> LayerInfo:
    if layer.activation is None:
        what = "nothing reads it" if follower is None else f"{follower.name!r}"
        where = "" if follower is None or not follower.place else f" in {follower.place!r}"
        raise TargetError(
            f"No activation function follows the layer {layer.path!r} directly; what follows is: {what}{where}. Ask "
            f"for {layer.path!r} without ':after', or for a later layer."
        )
    return replace(layer, after=True)


def _expression(pattern: str) -> str:
    """The regular expression of a pattern of module paths."""
    start = r"(?:.+\.)" if pattern.startswith("*.") else ""
    rest = pattern[2:] if start else pattern
    parts = re.findall(r"\*\*|\*|\?|\[!?[^\]]+\]|.", rest)
    special = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}
    return start + "".join(
        special.get(part) or (part.replace("[!", "[^", 1) if len(part) > 1 else re.escape(part)) for part in parts
    )


def _known_prefix(token_count: int, target: Target) -> int | None:
    """How many of the tokens precede the patches, if the loader's knowledge accounts for all of them."""
    info = target.token_info
    if info is None:
        return None
    # Before class and register tokens are put in front, there are the patches alone.
    return {math.prod(info.grid): 0, math.prod(info.grid) + info.prefix_tokens: info.prefix_tokens}.get(token_count)


def _noted(layer: LayerInfo, tokens: Tokens | None, target: Target) -> LayerInfo:
    known = target.token_info is not None and _known_prefix(layer.token_count, target) is not None
    grid = target.token_info.grid if target.token_info is not None and known and tokens == "grid" else None
    return replace(layer, tokens=tokens, map_size=grid)


def _with_tokens(
    layer: LayerInfo, tokens: Tokens | None, prefix_tokens: int | None, target: Target, square: bool
) -> LayerInfo:
    shape = f"{layer.token_count} tokens of {layer.units} units"
    if tokens is None:
        raise TargetError(
            f"The layer {layer.path!r} gives {shape} per image; say how they become a unit's activation with "
            "--tokens cls|mean|max|grid."
        )
    prefix = _known_prefix(layer.token_count, target) if prefix_tokens is None else prefix_tokens
    if prefix is None:
        raise TargetError(
            f"The layer {layer.path!r} gives {shape} per image, and it is not known how many of them are class or "
            "register tokens; say so with --prefix-tokens (0 if there are none)."
        )
    if not 0 <= prefix < layer.token_count:
        raise TargetError(
            f"--prefix-tokens {prefix} does not go with the layer {layer.path!r}, which gives {shape}; it must leave "
            "at least one patch."
        )
    if tokens == "cls" and prefix == 0:
        raise TargetError(
            f"The layer {layer.path!r} gives {shape} per image without a class token; use --tokens mean, max or grid."
        )
    grid = _grid(layer, prefix, target, explicit=prefix_tokens is not None and square) if tokens == "grid" else None
    return replace(layer, tokens=tokens, prefix_tokens=prefix, map_size=grid)


def _grid(layer: LayerInfo, prefix: int, target: Target, *, explicit: bool) -> tuple[int, int]:
    patches = layer.token_count - prefix
    info = target.token_info
    if info is not None and math.prod(info.grid) == patches:
        return info.grid
    side = math.isqrt(patches)
    if info is None and explicit and side * side == patches:  # a square input has a square grid
        return side, side
    known = "the grid is not known" if info is None else f"the grid is {info.grid[0]}x{info.grid[1]}"
    raise TargetError(
        f"The {patches} tokens of the layer {layer.path!r} after {prefix} prefix tokens cannot be laid out as a map: "
        f"{known}. Correct --prefix-tokens, or use --tokens mean or max."
    )
