"""The schedule and the choice of optimiser for each parameter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from neuronym.training.optimisers import Optimisers, Schedule, block_matrices


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 8)
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)) for _ in range(2)])
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        values = self.embedding(tokens)
        for layer in self.layers:
            values = values + layer(values)
        result: torch.Tensor = self.head(values)
        return result


@pytest.fixture
def model() -> Blocks:
    torch.manual_seed(0)
    return Blocks()


def test_matrices_of_blocks_are_neither_embeddings_nor_heads_nor_vectors(model: Blocks) -> None:
    assert [id(p) for p in block_matrices(model)] == [id(layer[0].weight) for layer in model.layers]


def test_a_frozen_matrix_is_left_out(model: Blocks) -> None:
    model.layers[0][0].weight.requires_grad_(False)
    assert len(block_matrices(model)) == 1


def test_every_parameter_moves_and_the_loss_falls(model: Blocks) -> None:
    tokens, classes = torch.arange(5), torch.tensor([0, 1, 2, 0, 1])
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimisers = Optimisers(model, Schedule(60, 1e-2, 1e-2))
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(tokens), classes)
        losses.append(loss.item())
        optimisers.step(loss)
    assert losses[-1] < 0.1 < losses[0]
    assert all(not torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_the_rate_rises_then_falls_as_a_cosine(model: Blocks) -> None:
    steps, lr, warmup = 40, 0.5, 0.1
    optimisers = Optimisers(model, Schedule(steps, lr, warmup=warmup))
    seen = []
    for _ in range(steps):
        seen.append(optimisers._all[0].param_groups[0]["lr"])
        optimisers.step(nn.functional.cross_entropy(model(torch.arange(5)), torch.zeros(5, dtype=torch.int64)))
    rise = int(steps * warmup)
    wanted = [lr * (i + 1) / rise for i in range(rise)]
    wanted += [lr * (1 + math.cos(math.pi * i / (steps - rise))) / 2 for i in range(steps - rise)]
    assert seen == pytest.approx(wanted)


def test_vectors_do_not_decay(model: Blocks) -> None:
    decays = {
        id(p): group["weight_decay"]
        for group in Optimisers(model, Schedule(10, 1e-3))._all[0].param_groups
        for p in group["params"]
    }
    assert all((decays[id(p)] > 0) == (p.ndim > 1) for p in model.parameters())


def test_a_wild_gradient_is_cut(model: Blocks) -> None:
    optimisers = Optimisers(model, Schedule(10, 1e-3))
    optimisers.step(1e6 * model(torch.arange(5)).square().sum())
    norm = torch.sqrt(sum((p.grad.square().sum() for p in model.parameters()), torch.zeros(())))
    assert norm.item() == pytest.approx(1.0, abs=1e-4)
