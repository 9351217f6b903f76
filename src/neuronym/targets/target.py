"""A target: a vision model with everything needed to read its units."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from neuronym.functional.fingerprint import hash_state
from neuronym.records import Json
from neuronym.targets.preprocessing import Preprocessing


@dataclass(frozen=True)
class TokenInfo:
    """What is known of a transformer's tokens.

    Attributes:
        prefix_tokens: how many class, distillation and register tokens precede the patch tokens.
        grid: (rows, columns) of the patch tokens, in row-major order.
    """

    prefix_tokens: int
    grid: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Target:
    """A model whose units are to be explained. Making one puts the model in evaluation mode and freezes it.

    Attributes:
        name: how the model is written everywhere, with its prefix, for example ``torchvision:resnet50``.
        weights: which weights were asked for: a name, a path as the user gave it, ``random`` or ``checkpoint``.
        model: takes float [n, 3, height, width].
        preprocessing: how an image becomes the model's input.
        weights_hash: :func:`hash_state` of the model; computed if not given.
        token_info: what is known of a transformer's tokens; None for other networks.
        channels_last_maps: True for families whose blocks give [n, height, width, channels], such as Swin.
        class_names: the names of the model's outputs, where known.
    """

    name: str
    weights: str
    model: nn.Module
    preprocessing: Preprocessing
    weights_hash: str = field(default="")
    token_info: TokenInfo | None = None
    channels_last_maps: bool = False
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.model.eval().requires_grad_(False)
        if not self.weights_hash:
            object.__setattr__(self, "weights_hash", hash_state(self.model))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Target:
        """The target on another device, optionally in another floating type; the model itself is moved, not copied."""
        return replace(self, model=self.model.to(device=device, dtype=dtype))

    def spec(self) -> dict[str, Json]:
        """Provenance as plain JSON values: the name, the weights and their hash, the preprocessing."""
        return {
            "name": self.name,
            "weights": self.weights,
            "weights_hash": self.weights_hash,
            "preprocessing": self.preprocessing.spec(),
        }

    def forward(self, batch: Tensor) -> object:
        """Whatever the model returns for ``batch``, float [n, 3, height, width], on the model's device."""
        result: object = self.model(batch)
        return result


class TargetLoader(Protocol):
    """The door for models: a function registered in the entry-point group ``neuronym.targets`` under its prefix.

    It is called with what follows the prefix (``resnet50`` of ``torchvision:resnet50``) and with the user's choice of
    weights: a name the loader knows, a path to a file, ``random`` for seeded random values, or None where the user said
    nothing. It returns a :class:`Target` whose model takes float [n, 3, height, width], and raises ``TargetError`` or
    ``UnknownNameError`` with the remedy where the name or the weights cannot be used. Weights are never read by
    unpickling code: :func:`neuronym.targets.weights.load_state` reads files.
    """

    def __call__(self, name: str, weights: str | None) -> Target:
        """Load the model ``name`` with ``weights``."""
