"""The checks that the formulas share, and where double precision can be had."""

from __future__ import annotations

import torch
from torch import Tensor

from neuronym.errors import MethodError, NonFiniteError


def home(device: torch.device) -> torch.device:
    """The device that work on tensors of ``device`` happens on: the same, or the CPU where it has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def at_home(tensor: Tensor) -> Tensor:
    """The tensor without its history, where double precision can be had, in float32 if its type is narrower."""
    tensor = tensor.detach().to(home(tensor.device))
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def enough(images: int, least: int, name: str) -> None:
    """Raise unless there are at least ``least`` images; ``name`` is the parameter that asks for them."""
    if least < 1:
        raise ValueError(f"{name} is {least}, and must be at least 1")
    if images < least:
        raise MethodError(
            f"The method needs at least {least} images ({name}), but there are {images}. "
            f"Add images, or set the parameter {name} lower."
        )


def finite(values: Tensor, what: str) -> None:
    """Raise if a value is NaN or infinite; ``what`` begins the sentence."""
    if values.numel() and not all(bool(torch.isfinite(end)) for end in torch.aminmax(values)):
        raise NonFiniteError(f"{what} contain NaN or infinite values. Check the model's weights and its precision.")
