"""The device and the number format that a target runs with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

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
        channels_last: whether the memory layout is channels last; None until it is settled by :meth:`prepared`.
    """

    device: torch.device
    precision: Precision = "float32"
    channels_last: bool | None = None

    @classmethod
    def chosen(cls, device: str = "auto", precision: str = "float32", channels_last: bool | None = None) -> Running:
        """From the user's words; ``channels_last`` None means: where it helps.

        Raises:
            UserError: an unknown device or precision.
        """
        if precision not in get_args(Precision):
            raise UserError(f"There is no precision {precision!r}. Use {', '.join(get_args(Precision))}.")
        place = choose_device(device)
        if precision == "float16" and place.type == "cpu":
            raise UserError("A CPU has no fast float16. Use --precision bfloat16 or float32, or another --device.")
        return cls(place, precision, channels_last)  # type: ignore[arg-type]

    @property
    def memory_format(self) -> torch.memory_format:
        """What batches and convolution weights are laid out in."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @contextmanager
    def prepared(self, model: nn.Module, sample: Tensor) -> Iterator[Running]:
        """A block in which ``model`` runs this way, and in the end is back where and as it was.

        Args:
            model: a network.
            sample: an input of it, on any device, to find out whether it can run channels last.

        Yields:
            This with the memory layout settled.
        """
        before = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        half = self.precision != "float32"
        dtype = torch.float16 if self.precision == "float16" else torch.bfloat16
        try:
            with torch.autocast(self.device.type, dtype=dtype, enabled=half):
                yield self._settled(model, sample)
        finally:
            model.to(device=before, memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    def _settled(self, model: nn.Module, sample: Tensor) -> Running:
        """This with a memory layout that the model runs in; the model is moved there."""
        if self.channels_last is None:
            # On a CPU convolutions measured 1.2 to 1.9 times faster so; on a GPU halves gain and float32 may lose.
            helps = self.device.type == "cpu" or (self.device.type == "cuda" and self.precision != "float32")
            convolves = any(isinstance(module, nn.Conv2d) for module in model.modules())
            last = replace(self, channels_last=True)
            runs = helps and convolves and last._runs(model, sample)
            return last if runs else replace(self, channels_last=False)._settled(model, sample)
        model.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        return self

    def _runs(self, model: nn.Module, sample: Tensor) -> bool:
        """Whether the model runs this way: a network that flattens maps with ``view`` cannot run channels last."""
        model.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload]
        try:
            with torch.inference_mode():
                model(sample.to(self.device, memory_format=self.memory_format))
        except RuntimeError:
            return False
        return True
