"""The optimisers of small networks: Muon for the weight matrices of transformer blocks, AdamW for all else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network is trained.

    Attributes:
        steps: how many optimiser steps there are.
        lr: the highest learning rate of AdamW.
        matrix_lr: that of Muon; 0 for AdamW throughout.
        weight_decay: for matrices and kernels; vectors (biases, norms, positions) have none.
        warmup: the share of the steps in which the rates rise, 0 to 1.
    """

    steps: int
    lr: float
    matrix_lr: float = 0.0
    weight_decay: float = 0.02
    warmup: float = 0.08

    def share(self, step: int) -> float:
        """The learning rates at a step as a share of the highest: a linear rise, then a cosine down to nothing."""
        rise = max(int(self.steps * self.warmup), 1)
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min((step - rise) / max(self.steps - rise, 1), 1)))


class Optimisers:
    """The optimisers of a model with one schedule.

    Muon (Jordan et al. 2024) orthogonalises the momentum of a matrix; its steps are scaled to the size of AdamW's.

    Args:
        model: what is trained.
        schedule: how long and how fast.
    """

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        matrices = block_matrices(model) if schedule.matrix_lr else []
        chosen = {id(matrix) for matrix in matrices}
        rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": schedule.weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._parameters = [*matrices, *rest]
        self._all: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=schedule.lr, betas=(0.9, 0.98))]
        if matrices:
            muon = torch.optim.Muon(
                matrices,
                lr=schedule.matrix_lr,
                weight_decay=schedule.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
            self._all.append(muon)
        self._schedules = [LambdaLR(one, schedule.share) for one in self._all]

    def step(self, loss: torch.Tensor) -> None:
        """One step down the gradient of ``loss``, whose norm is cut at 1."""
        for optimiser in self._all:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for optimiser, schedule in zip(self._all, self._schedules, strict=True):
            optimiser.step()
            schedule.step()


def block_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights of linear layers within repeated blocks; embeddings, heads and projections are not among them."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    layers = [layer for blocks in lists for layer in blocks.modules() if isinstance(layer, nn.Linear)]
    weights = [layer.weight for layer in layers if isinstance(layer.weight, nn.Parameter)]
    return list({id(weight): weight for weight in weights if weight.requires_grad}.values())
