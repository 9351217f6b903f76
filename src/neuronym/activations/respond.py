"""The activations of a layer for any images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from neuronym.activations.collector import not_finite
from neuronym.execute.devices import Running
from neuronym.records import LayerInfo
from neuronym.targets.hooks import recording
from neuronym.targets.target import Target


def respond(
    target: Target, layer: LayerInfo, images: Sequence[Image.Image], running: Running, batch_size: int = 32
) -> npt.NDArray[np.float32]:
    """Float32 [images, units] or [images, units, height, width]: what ``layer`` gives for upright RGB images.

    Raises:
        ValueError: the target's preprocessing brings the images to different sizes.
        NonFiniteError: the layer gave NaN or infinity.
        TargetError: as in the activation pass.
    """
    parts: list[Tensor] = []

    def keep(position: int, activations: Tensor) -> None:
        if not bool(torch.isfinite(activations).all()):
            raise not_finite(layer)
        parts.append(activations.to("cpu", copy=True))

    if not images:
        return np.zeros((0, layer.units, *(layer.map_size or ())), np.float32)
    sizes = {target.preprocessing.input_size((image.height, image.width)) for image in images}
    if len(sizes) > 1:
        raise ValueError("the images become inputs of different sizes; give images of one size")
    sample = torch.zeros(2, 3, *sizes.pop())
    with running.prepared(target.model, sample) as settled, recording(target, [layer], keep) as run:
        for start in range(0, len(images), batch_size):
            batch = torch.stack([target.preprocessing.apply(image) for image in images[start : start + batch_size]])
            run(batch.to(settled.device, memory_format=settled.memory_format))
    result: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return result
