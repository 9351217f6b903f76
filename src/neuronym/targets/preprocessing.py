"""From an image to a network's input and back: the way is recorded, so positions can be drawn on the original."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float32
from PIL import Image
from torch import Tensor

from neuronym.errors import TargetError
from neuronym.records import Geometry, Json

Resize: TypeAlias = Literal["shorter", "exact", "none"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Scale: TypeAlias = Literal["unit", "byte"]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_SCALES: dict[str, Scale] = {"unit": "unit", "0..1": "unit", "byte": "byte", "0..255": "byte"}


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an RGB image before a network sees it: resize, central crop, scale, normalise.

    Attributes:
        resize: ``shorter`` (the shorter side becomes ``size``, the aspect ratio stays), ``exact`` (becomes ``size``) or
            ``none``.
        size: pixels of the shorter side, or (height, width) for ``exact``, or None for ``none``.
        crop: (height, width) of the central crop, or None. A smaller image is padded with black.
        interpolation: the filter of the resize; Pillow's, which looks at all pixels when it shrinks.
        scale: the range of the pixels before normalisation, ``unit`` for 0..1 or ``byte`` for 0..255.
        mean: what is subtracted, per channel, in units of ``scale``.
        std: what is divided by, per channel, in units of ``scale``.
        corner: how half a pixel is decided at the crop's corner: ``round`` (to even, as torchvision) or ``floor`` (as
            transformers).

    Raises:
        TargetError: if the parts contradict each other or a number cannot be used.
    """

    resize: Resize
    size: tuple[int, int] | int | None
    crop: tuple[int, int] | None
    interpolation: Interpolation
    scale: Scale
    mean: tuple[float, ...]
    std: tuple[float, ...]
    corner: Literal["round", "floor"] = "round"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("resize", self.resize, ("shorter", "exact", "none")),
            ("interpolation", self.interpolation, tuple(_RESAMPLING)),
            ("scale", self.scale, ("unit", "byte")),
            ("corner", self.corner, ("round", "floor")),
        ):
            if value not in known:
                raise TargetError(f"The preprocessing's {name} is {value!r}; it must be one of {', '.join(known)}.")
        wanted = {"shorter": _is_pixels(self.size), "exact": _is_pair(self.size), "none": self.size is None}
        if not wanted[self.resize]:
            raise TargetError(
                f"The preprocessing's size {self.size!r} does not go with resize {self.resize!r}: 'shorter' takes one "
                "positive number, 'exact' takes height and width, 'none' takes no size."
            )
        if self.crop is not None and not _is_pair(self.crop):
            raise TargetError(f"The preprocessing's crop is {self.crop!r}; it must be a positive height and width.")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
                raise TargetError(f"The preprocessing's {name} is {numbers!r}; it must be three finite numbers.")
        if 0 in self.std:
            raise TargetError(f"The preprocessing's std is {self.std!r}; it divides, so none of it may be 0.")

    def input_size(self, image_hw: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the network's input for an image of (height, width) ``image_hw``, in pixels."""
        return self.crop or self._resized(*image_hw)

    def geometry(self, height: int, width: int) -> Geometry:
        """How :meth:`apply` maps an image of ``height`` by ``width`` pixels to the network's input."""
        resized = self._resized(height, width)
        size = self.crop or resized
        top, left = (self._corner(inner, outer) for inner, outer in zip(size, resized, strict=True))
        return Geometry(image=(height, width), resized=resized, top=top, left=left, input=size)

    def apply(self, image: Image.Image) -> Float32[Tensor, "3 height width"]:
        """The network's input for one upright RGB image.

        Raises:
            ValueError: if the image's mode is not RGB.
        """
        if image.mode != "RGB":
            raise ValueError(f"the preprocessing takes RGB images, not mode {image.mode!r}")
        plan = self.geometry(image.height, image.width)
        if plan.resized != plan.image:
            image = image.resize(plan.resized[::-1], _RESAMPLING[self.interpolation])
        if (plan.top, plan.left, plan.input) != (0, 0, plan.resized):
            # Pillow fills what lies outside the image with black, before normalisation, as torchvision's CenterCrop
            # does.
            image = image.crop((plan.left, plan.top, plan.left + plan.input[1], plan.top + plan.input[0]))
        pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float()
        if self.scale == "unit":
            pixels = pixels.div_(255)
        mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in (self.mean, self.std))
        return pixels.sub_(mean).div_(std).contiguous()

    def spec(self) -> dict[str, Json]:
        """All parts as plain JSON values; :meth:`from_spec` reads them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Preprocessing:
        """The preprocessing that :meth:`spec` wrote.

        Raises:
            TargetError: if a part is missing, unknown or unusable.
        """
        known = {field.name for field in fields(cls)}
        missing, extra = sorted(known - {"corner"} - set(spec)), sorted(set(spec) - known)
        if missing or extra:
            raise TargetError(
                f"A preprocessing has the parts {', '.join(sorted(known))}; missing: {', '.join(missing) or 'none'}, "
                f"unknown: {', '.join(extra) or 'none'}."
            )
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in spec.items()
        }
        return cls(**values)

    def overridden(
        self,
        *,
        size: str | None = None,
        crop: str | None = None,
        mean: str | None = None,
        std: str | None = None,
        scale: str | None = None,
        interpolation: str | None = None,
        resize: str | None = None,
    ) -> Preprocessing:
        """The same with some parts replaced; the arguments are the texts of the command line.

        Args:
            size: ``227`` (the shorter side), ``224x224`` (height x width, exactly) or ``none``.
            crop: ``224``, ``224x224`` (height x width) or ``none``.
            mean: three numbers with commas, in units of the scale.
            std: three numbers with commas, in units of the scale.
            scale: ``unit`` or ``0..1``, ``byte`` or ``0..255``. A new scale needs ``mean`` and ``std`` too.
            interpolation: ``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``.
            resize: ``shorter``, ``exact`` or ``none``; follows from ``size`` if not given.

        Raises:
            TargetError: if a text cannot be understood or the parts contradict each other.
        """
        changes: dict[str, Any] = {}
        if size is not None or resize is not None:
            changes["resize"], changes["size"] = self._new_size(size, resize)
        if crop is not None:
            pixels = _parse_size(crop, "--crop")
            changes["crop"] = (pixels, pixels) if isinstance(pixels, int) else pixels
        if mean is not None:
            changes["mean"] = _parse_numbers(mean, "--mean")
        if std is not None:
            changes["std"] = _parse_numbers(std, "--std")
        if scale is not None:
            changes["scale"] = self._new_scale(scale, complete=mean is not None and std is not None)
        if interpolation is not None:
            changes["interpolation"] = interpolation
        return replace(self, **changes)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if isinstance(self.size, tuple):
            return self.size
        if self.size is None:
            return height, width
        long = int(self.size * max(height, width) / min(height, width))
        return (self.size, long) if height <= width else (long, self.size)

    def _corner(self, inner: int, outer: int) -> int:
        if inner > outer:
            return -((inner - outer) // 2)
        return round((outer - inner) / 2) if self.corner == "round" else (outer - inner) // 2

    def _new_size(self, size: str | None, resize: str | None) -> tuple[str, tuple[int, int] | int | None]:
        pixels = self.size if size is None else _parse_size(size, "--size")
        if resize is None:
            return ("none" if pixels is None else "shorter" if isinstance(pixels, int) else "exact"), pixels
        if resize == "none" and size is None:
            return resize, None
        if resize == "exact" and isinstance(pixels, int):
            return resize, (pixels, pixels)
        if resize == "shorter" and size is None and isinstance(pixels, tuple) and pixels[0] == pixels[1]:
            return resize, pixels[0]
        return resize, pixels

    def _new_scale(self, text: str, complete: bool) -> Scale:
        if text not in _SCALES:
            raise TargetError(f"--scale {text!r} is not a range of pixels; give 'unit' (0..1) or 'byte' (0..255).")
        scale = _SCALES[text]
        if scale != self.scale and not complete:
            raise TargetError(
                f"--scale {text} changes the unit of the mean and the std, which were for {self.scale!r}; give --mean "
                "and --std in the new scale as well."
            )
        return scale


def _is_pixels(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_pixels(part) for part in value)


def _parse_size(text: str, option: str) -> tuple[int, int] | int | None:
    if text == "none":
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise TargetError(f"{option} {text!r} is not a size; give pixels (227), height x width (224x224) or none.")
    return int(parts[0]) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def _parse_numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3:
        raise TargetError(f"{option} {text!r} is not three numbers with commas, for example 0.485,0.456,0.406.")
    return numbers


UNCHANGED = Preprocessing("none", None, None, "bilinear", "unit", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Pixels in 0..1 and nothing else: what a model gets that says nothing about its preprocessing."""
