"""Training of an image classifier whose channels of one layer are to follow given maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronym.training.classifier import Progress
from neuronym.training.optimisers import Optimisers, Schedule


@dataclass(frozen=True, eq=False)
class MapBatch:
    """What one step sees.

    Attributes:
        pixels: float [n, 3, height, width].
        maps: what the channels should show, float [n, channels, rows, columns], 0..1.
        classes: int64 [n].
    """

    pixels: Tensor
    maps: Tensor
    classes: Tensor


@dataclass(frozen=True)
class MapLoss:
    """How channels are compared with maps: cross-entropy, with the channel's value before the rectifier as evidence.

    A value v stands for the probability sigmoid(slope * (v - half)), so that values are near 0 where the map is empty
    and near 1 where it is full, and, unlike a loss on rectified values, a channel that wrongly is 0 still learns.

    Attributes:
        slope: how fast the probability rises with the value.
        half: the value that stands for one half.
        classes: weight of the classification, where the maps have 1.
    """

    slope: float = 6.0
    half: float = 0.5
    classes: float = 0.01

    def __call__(self, values: Tensor, maps: Tensor, weights: Tensor) -> Tensor:
        """The mean loss of the channels.

        Args:
            values: before the rectifier, float [n, channels, rows, columns].
            maps: of the same shape.
            weights: of the channels, float [channels].
        """
        logits = self.slope * (values - self.half)
        losses = functional.binary_cross_entropy_with_logits(logits, maps, reduction="none")
        return (losses.mean((0, 2, 3)) * weights).mean()


def train_maps(
    model: nn.Module,
    normalisation: nn.Module,
    batches: Iterable[MapBatch],
    schedule: Schedule,
    *,
    weights: Tensor,
    loss: MapLoss | None = None,
    progress: Progress | None = None,
) -> None:
    """Train a Hugging Face image classifier in place, in bfloat16 where that is safe; it is left in evaluation mode.

    Args:
        model: called with ``pixel_values`` float [n, 3, height, width], gives ``logits`` [n, classes].
        normalisation: the module of the model whose output are the values before the rectifier, [n, channels, rows,
            columns].
        batches: as many are taken as there are steps.
        schedule: how long and how fast.
        weights: how much each channel counts, float [channels].
        loss: how channels are compared with maps.
        progress: called after every step.
    """
    optimisers, compare = Optimisers(model, schedule), loss or MapLoss()
    values: list[Tensor] = []
    handle = normalisation.register_forward_hook(_keeping(values))
    model.train()
    smoothed = 0.0
    try:
        for step, batch in zip(range(1, schedule.steps + 1), batches, strict=False):
            values.clear()
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(pixel_values=batch.pixels).logits
            shown = compare(values[0].float(), batch.maps, weights)
            total = shown + compare.classes * functional.cross_entropy(logits.float(), batch.classes)
            optimisers.step(total)
            now = float(total.detach())
            smoothed = now if step == 1 else 0.98 * smoothed + 0.02 * now
            if progress is not None:
                progress(step, schedule.steps, smoothed)
    finally:
        handle.remove()
    model.eval()


def _keeping(values: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        values.append(output)

    return keep
