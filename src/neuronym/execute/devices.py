"""The device and the number format that a target runs with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import nn

from neuronym.errors import UserError

Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""The number format of the forward pass: float32 is the default, the halves are mixed precision (autocast)."""


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; ``auto`` is the first of CUDA, MPS and CPU that is there.

    Raises:
        UserError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"There is no device {name!r}. Use auto, cpu, cuda, cuda:0 ... or mps.") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device.type, False):
        known = ", ".join(kind for kind, available in there.items() if available)
        raise UserError(f"The device {name!r} is not available here. Available: {known}. Leave --device out to choose.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"There is no device {name!r}: this machine has {torch.cuda.device_count()} CUDA devices.")
    return device


@dataclass(frozen=True)
class Running:
    """How forward passes run.

    Attributes:
        device: where.
        precision: the number format.
        channels_last: whether the memory layout is channels last, which halves run faster in on most hardware.
    """

    device: torch.device
    precision: Precision = "float32"
    channels_last: bool = False

    @classmethod
    def chosen(cls, device: str = "auto", precision: str = "float32", channels_last: bool | None = None) -> Running:
        """From the user's words; ``channels_last`` None means: where it helps, with half precision.

        Raises:
            UserError: an unknown device or precision.
        """
        if precision not in get_args(Precision):
            raise UserError(f"There is no precision {precision!r}. Use {', '.join(get_args(Precision))}.")
        place = choose_device(device)
        if precision == "float16" and place.type == "cpu":
            raise UserError("A CPU has no fast float16. Use --precision bfloat16 or float32, or another --device.")
        half = precision != "float32"
        return cls(place, precision, half if channels_last is None else channels_last)  # type: ignore[arg-type]

    @property
    def memory_format(self) -> torch.memory_format:
        """What batches and convolution weights are laid out in."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @contextmanager
    def prepared(self, model: nn.Module) -> Iterator[None]:
        """A block in which ``model`` runs this way; afterwards it is back where and as it was."""
        before = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        model.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        half = self.precision != "float32"
        dtype = torch.float16 if self.precision == "float16" else torch.bfloat16
        try:
            with torch.autocast(self.device.type, dtype=dtype, enabled=half):
                yield
        finally:
            model.to(device=before, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
