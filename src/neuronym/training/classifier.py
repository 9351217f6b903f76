"""Training of an image classifier on batches that never repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from neuronym.training.optimisers import Optimisers, Schedule

Progress = Callable[[int, int, float], None]
"""Told the steps done, the steps in all, and a smoothed loss."""


def train_classifier(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    schedule: Schedule,
    *,
    label_smoothing: float = 0.02,
    progress: Progress | None = None,
) -> None:
    """Train a Hugging Face image classifier in place, in bfloat16 where that is safe; it is left in evaluation mode.

    Args:
        model: called with ``pixel_values`` float [n, 3, height, width], gives ``logits`` [n, classes].
        batches: pairs of such pixels and int64 classes [n]; as many are taken as there are steps.
        schedule: how long and how fast.
        label_smoothing: in 0..1.
        progress: called after every step.
    """
    optimisers = Optimisers(model, schedule)
    criterion = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
    model.train()
    smoothed = 0.0
    for step, (pixels, classes) in zip(range(1, schedule.steps + 1), batches, strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(pixel_values=pixels).logits
        loss = criterion(logits.float(), classes)
        optimisers.step(loss)
        smoothed = float(loss.detach()) if step == 1 else 0.98 * smoothed + 0.02 * float(loss.detach())
        if progress is not None:
            progress(step, schedule.steps, smoothed)
    model.eval()
