"""The optimisers of small networks: Muon for the weight matrices of transformer blocks, AdamW for all else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


class Optimisers:
    """Several optimisers with one schedule: a linear warm-up, then a cosine down to nothing.

    Muon (Jordan et al. 2024) orthogonalises the momentum of a matrix; its steps are scaled to the size of AdamW's.

    Args:
        model: what is trained.
        steps: how many steps there will be.
        lr: the highest learning rate of AdamW.
        matrix_lr: that of Muon; 0 for AdamW throughout.
        weight_decay: for matrices and kernels; vectors (biases, norms, positions) have none.
        warmup: the share of the steps in which the rate rises.
    """

    def __init__(
        self,
        model: nn.Module,
        steps: int,
        lr: float,
        matrix_lr: float = 0.0,
        weight_decay: float = 0.02,
        warmup: float = 0.08,
    ) -> None:
        matrices = block_matrices(model) if matrix_lr else []
        chosen = {id(matrix) for matrix in matrices}
        rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._parameters = [*matrices, *rest]
        self._all: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98))]
        if matrices:
            muon = torch.optim.Muon(
                matrices, lr=matrix_lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
            self._all.append(muon)
        self._schedules = [LambdaLR(one, lambda step: _share(step, steps, warmup)) for one in self._all]

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
    found = {
        id(layer.weight): layer.weight
        for blocks in lists
        for layer in blocks.modules()
        if isinstance(layer, nn.Linear) and layer.weight.requires_grad
    }
    return list(found.values())


def _share(step: int, steps: int, warmup: float) -> float:
    """The learning rate at a step as a share of the highest."""
    rise = max(int(steps * warmup), 1)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min((step - rise) / max(steps - rise, 1), 1)))


def parameter_count(models: Sequence[nn.Module]) -> int:
    """How many parameters some models have together."""
    return sum(parameter.numel() for model in models for parameter in model.parameters())
