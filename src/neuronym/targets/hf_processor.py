"""What a Hugging Face image processor does, as a :class:`Preprocessing`, and the check that it is the same."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from PIL import Image

from neuronym.errors import TargetError
from neuronym.targets.preprocessing import Interpolation, Preprocessing

_INTERPOLATION = {
    Image.Resampling.NEAREST: "nearest",
    Image.Resampling.BILINEAR: "bilinear",
    Image.Resampling.BICUBIC: "bicubic",
    Image.Resampling.LANCZOS: "lanczos",
}
# Resampling in fixed point differs by a grey level or two between libraries; a wrong crop or scale differs by far more.
_TOLERANCE = 0.02
_CHECKED_SIZE = (150, 230)


def preprocessing_of(source: str) -> Preprocessing:
    """The preprocessing of the repository or local folder ``source``, checked against its own processor on an image.

    Raises:
        TargetError: if there is no image processor, or it does more than resize, crop, scale and normalise.
    """
    from transformers import AutoImageProcessor

    try:
        processor = AutoImageProcessor.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise TargetError(
            f"hf:{source} has no image processor that can be read (preprocessor_config.json or "
            "processor_config.json), so its preprocessing is not known; save one beside the model, or load the model "
            "through package.module:callable with a neuronym_preprocessing."
        ) from error
    try:
        preprocessing = _translated(processor)
        same = _agrees(preprocessing, processor)
    except (TargetError, KeyError, TypeError, AttributeError):
        same = False
    if not same:
        raise TargetError(
            f"The image processor of hf:{source} ({type(processor).__name__}) does more than resize, crop centrally, "
            "scale and normalise; load the model through package.module:callable with a neuronym_preprocessing."
        )
    return preprocessing


def _translated(processor: Any) -> Preprocessing:
    size, crop = _sizes(processor)
    rescale = processor.rescale_factor if processor.do_rescale else 1.0
    # Whatever the factor, bytes times factor minus mean over std is bytes minus mean/factor over std/factor.
    unit = abs(rescale * 255 - 1) < 1e-6
    factor = 1.0 if unit else rescale
    mean = processor.image_mean if processor.do_normalize else (0.0,) * 3
    std = processor.image_std if processor.do_normalize else (1.0,) * 3
    return Preprocessing(
        resize="none" if size is None else "shorter" if isinstance(size, int) else "exact",
        size=size,
        crop=crop,
        interpolation=cast(Interpolation, _INTERPOLATION[Image.Resampling(int(processor.resample))]),
        scale="unit" if unit else "byte",
        mean=tuple(float(value) / factor for value in mean),
        std=tuple(float(value) / factor for value in std),
        corner="floor",
    )


def _sizes(processor: Any) -> tuple[int | tuple[int, int] | None, tuple[int, int] | None]:
    wanted = dict(processor.size) if processor.do_resize else {}
    crop_pct = getattr(processor, "crop_pct", None)
    shorter = wanted.get("shortest_edge")
    if shorter is not None and crop_pct:  # ConvNeXt: a central part below 384 px, the whole squeezed image from there
        return (int(shorter / crop_pct), (shorter, shorter)) if shorter < 384 else ((shorter, shorter), None)
    crop = None
    if getattr(processor, "do_center_crop", False):
        crop = (processor.crop_size["height"], processor.crop_size["width"])
    if not wanted:
        return None, crop
    return (shorter if shorter is not None else (wanted["height"], wanted["width"])), crop


def _agrees(preprocessing: Preprocessing, processor: Any) -> bool:
    """Whether both give the same input, to a few grey levels, for a smooth image without any symmetry."""
    height, width = _CHECKED_SIZE
    y, x = np.mgrid[0:height, 0:width]
    planes = (x / width, (y / height) ** 2, (x / width) * (1 - y / height))
    image = Image.fromarray((np.stack(planes, axis=-1) * 255).astype(np.uint8))
    theirs = processor(images=image, return_tensors="pt")["pixel_values"][0]
    ours = preprocessing.apply(image)
    if theirs.shape != ours.shape:
        return False
    unit = torch.tensor(preprocessing.std).view(3, 1, 1) / (1 if preprocessing.scale == "unit" else 255)
    return bool(((theirs - ours) * unit).abs().mean() <= _TOLERANCE)
