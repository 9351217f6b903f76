"""Targets from anywhere: ``package.module:callable``, where the callable returns a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from torch import nn

from neuronym.errors import TargetError
from neuronym.importing import current_folder, import_attribute
from neuronym.targets.preprocessing import UNCHANGED, Preprocessing
from neuronym.targets.target import Target, TokenInfo
from neuronym.targets.weights import RANDOM, fit, load_state, seeded

AS_BUILT = "as built"
"""What is recorded as the weights of a model that brings its own."""


def load(name: str, weights: str | None) -> Target:
    """The model that ``package.module:callable`` returns; the current folder is searched first.

    The callable takes no arguments and returns a ``torch.nn.Module`` or a :class:`Target`. A module may carry three
    attributes: ``neuronym_preprocessing`` (a :class:`Preprocessing` or the dictionary of its parts),
    ``neuronym_class_names`` (texts) and ``neuronym_tokens`` (a :class:`TokenInfo` or a dictionary of its parts).
    Without the first, images are only brought to 0..1.

    Args:
        name: ``package.module:callable``.
        weights: a file; ``random`` to build the model under a fixed seed; None or ``as built`` to take it as the
            callable built it.

    Raises:
        TargetError: if the module or the callable cannot be found, does not return a model, or the weights do not fit.
    """
    build = import_attribute(name, TargetError)
    if not callable(build):
        raise TargetError(
            f"{name} is a {type(build).__name__}; it must be a function without arguments that returns a model."
        )
    with current_folder(), seeded() if weights == RANDOM else nullcontext():
        built = build()
    target = _target(name, built)
    if weights in (None, AS_BUILT):
        return target
    if weights == RANDOM:
        return replace(target, weights=weights)
    fit(target.model, load_state(weights), weights)
    return replace(target, weights=weights, weights_hash="")


def _target(name: str, built: object) -> Target:
    if isinstance(built, Target):
        return built
    if not isinstance(built, nn.Module):
        raise TargetError(f"{name} returned a {type(built).__name__}; it must return a torch.nn.Module or a Target.")
    names = getattr(built, "neuronym_class_names", None)
    return Target(
        name=name,
        weights=AS_BUILT,
        model=built,
        preprocessing=_preprocessing(name, getattr(built, "neuronym_preprocessing", None)),
        token_info=_token_info(name, getattr(built, "neuronym_tokens", None)),
        class_names=None if names is None else tuple(str(label) for label in names),
    )


def _preprocessing(name: str, given: object) -> Preprocessing:
    if given is None:
        return UNCHANGED
    if isinstance(given, Preprocessing):
        return given
    if isinstance(given, Mapping):
        return Preprocessing.from_spec(given)
    raise TargetError(
        f"neuronym_preprocessing of {name} is a {type(given).__name__}; it must be a Preprocessing or a dictionary."
    )


def _token_info(name: str, given: Any) -> TokenInfo | None:
    if given is None or isinstance(given, TokenInfo):
        return given
    try:
        rows, columns = given["grid"]
        return TokenInfo(prefix_tokens=int(given["prefix_tokens"]), grid=(int(rows), int(columns)))
    except (TypeError, KeyError, ValueError) as error:
        raise TargetError(
            f"neuronym_tokens of {name} is {given!r}; it must be like {{'prefix_tokens': 1, 'grid': (14, 14)}}."
        ) from error
