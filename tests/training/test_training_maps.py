"""Training of channels that are to follow maps: the loss against its formula, and that a network learns by it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neuronym.training.maps import MapBatch, MapLoss, train_maps
from neuronym.training.optimisers import Schedule


class Network(nn.Module):
    """Two channels of maps, rectified, with classes from their means."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 1, bias=False)
        self.normalisation = nn.BatchNorm2d(2)
        self.fc = nn.Linear(2, 2)

    def maps(self, pixels: Tensor) -> Tensor:
        return torch.relu(self.normalisation(self.convolution(pixels)))

    def forward(self, pixel_values: Tensor) -> Any:
        return SimpleNamespace(logits=self.fc(self.maps(pixel_values).mean((2, 3))))


def batches(size: int) -> Iterator[MapBatch]:
    """Pictures of two kinds of spots; a channel is to show each kind, the second of which is ten times as rare."""
    generator = torch.Generator().manual_seed(3)
    while True:
        maps = (torch.rand(size, 2, 4, 4, generator=generator) < torch.tensor([0.3, 0.03])[:, None, None]).float()
        pixels = torch.cat([maps, torch.rand(size, 1, 4, 4, generator=generator)], 1)
        yield MapBatch(pixels, maps, (maps[:, 1].sum((1, 2)) > 0).long())


def test_the_loss_is_the_mean_of_cross_entropies_of_the_channels() -> None:
    generator = torch.Generator().manual_seed(0)
    values, maps = torch.randn(2, 3, 2, 2, generator=generator), torch.rand(2, 3, 2, 2, generator=generator)
    weights, loss = [0.5, 1.0, 2.0], MapLoss(slope=4.0, half=0.25)
    wanted = 0.0
    for image in range(2):
        for channel in range(3):
            for row in range(2):
                for column in range(2):
                    chance = 1 / (1 + math.exp(-4.0 * (float(values[image, channel, row, column]) - 0.25)))
                    share = float(maps[image, channel, row, column])
                    entropy = -share * math.log(chance) - (1 - share) * math.log(1 - chance)
                    wanted += weights[channel] * entropy / (2 * 3 * 2 * 2)
    assert float(loss(values, maps, torch.tensor(weights))) == pytest.approx(wanted, rel=1e-5)


def test_a_channel_that_is_wrongly_silent_learns() -> None:
    values = torch.full((1, 1, 2, 2), -2.0, requires_grad=True)
    MapLoss()(values, torch.ones(1, 1, 2, 2), torch.ones(1)).backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert bool((values.grad < -0.1).all())


def test_channels_learn_to_follow_their_maps() -> None:
    torch.manual_seed(0)
    model, seen = Network(), []
    train_maps(
        model,
        model.normalisation,
        batches(64),
        Schedule(200, 3e-2),
        weights=torch.tensor([1.0, 3.0]),
        progress=lambda step, steps, loss: seen.append((step, steps, loss)),
    )
    assert not model.training
    assert [step for step, _, _ in seen] == list(range(1, 201))
    assert seen[-1][2] < 0.3 * seen[0][2]
    batch = next(batches(256))
    with torch.inference_mode():
        maps = model.maps(batch.pixels)
    for channel in range(2):
        pair = torch.stack([maps[:, channel].flatten(), batch.maps[:, channel].flatten()])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.95


def test_nothing_stays_on_the_network_when_training_stops_early() -> None:
    model = Network()

    def broken() -> Iterator[MapBatch]:
        yield next(batches(4))
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        train_maps(model, model.normalisation, broken(), Schedule(3, 1e-3), weights=torch.ones(2))
    assert not model.normalisation._forward_hooks
