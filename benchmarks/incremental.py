"""Occluded copies of an image: what does computing only what the occluder reaches save against full passes?

The copies are some rows of the grid of places, as the real pass has them one after another. Full passes run at the
batch size that suits them best. The physical limit is the ratio of the multiply-adds of both, those for the image's own
maps included. With the answers' largest difference, as a share of the largest answer.

    python benchmarks/incremental.py [--networks vgg16 resnet18 ...] [--copies 256] [--repeats 3] [--clock wall|cpu]
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from common import Clock, in_turns, ratio, store
from neuronym.execute.devices import Running
from neuronym.regions.incremental import Occluding
from neuronym.targets.layers import select
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

NETWORKS = {
    "vgg16": ("features.29", 224),
    "resnet18": ("layer4", 224),
    "alexnet": ("features.11", 224),
    "mobilenet_v2": ("features.18", 224),
    "squeezenet1_0": ("features.12", 224),
    "resnet20": ("blocks", 32),
}
"""The layer that the passes go to, and the input's side; weights are random."""

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
UNITS = 20
BATCHES = (16, 32, 64)


class Block(nn.Module):
    """The residual block of the networks for CIFAR, whose shortcut has no weights."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride, self.more = (1 if inputs == outputs else 2), outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.more:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return functional.relu(x + y)


def resnet20() -> nn.Module:
    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [Block(a, b) for a, b in pairwise(widths)]
    net = nn.Sequential()
    net.add_module("stem", nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()))
    net.add_module("blocks", nn.Sequential(*blocks))
    return net


def target(name: str, side: int) -> Target:
    torch.manual_seed(0)
    model = resnet20() if name == "resnet20" else getattr(torchvision.models, name)(weights=None)
    shape = {"resize": "none", "size": None, "crop": (side, side), "interpolation": "bilinear"}
    return Target(name, "random", model, Preprocessing(**shape, scale="unit", mean=(0.0,) * 3, std=(1.0,) * 3))


def places(side: int, copies: int) -> tuple[Tensor, int]:
    """Whole rows of the grid of places, evenly over the image, at least as many as asked for; the occluder's side."""
    occluder, stride = max(5, round(11 * side / 224)), 3 if side >= 48 else 2
    along = range(0, side - occluder + 1, stride)
    rows = torch.linspace(0, len(along) - 1, min(len(along), -(-copies // len(along)))).round().int()
    chosen = [(x, along[int(row)]) for row in rows for x in along]
    return torch.tensor([(x, y, x + occluder, y + occluder) for x, y in chosen]), occluder


def measure(name: str, copies: int, repeats: int, clock: Clock) -> dict[str, Any]:
    path, side = NETWORKS[name]
    model = target(name, side)
    layers = select(model, [path])
    image, fill = torch.randn(3, side, side), torch.zeros(3, side, side)
    windows, occluder = places(side, copies)
    wanted = {0: range(UNITS)}
    with Running.chosen("cpu").prepared(model.model, torch.zeros(2, 3, side, side)) as running:

        def passes(batch: int, incremental: bool) -> Occluding:
            return Occluding(model, layers, running, "max", batch, incremental=incremental)

        tried = {batch: _seconds(passes(batch, False), image, windows[:64], fill, wanted, clock) for batch in BATCHES}
        best = min(tried, key=tried.__getitem__)
        with passes(best, False) as full, passes(64, True) as boxes:
            calls = {"full": full, "boxes": boxes}
            for one in calls.values():  # the check of the first image is over
                one.values(image, windows[:16], fill, wanted)
            answers, flops = {}, {}
            for key, one in calls.items():
                with FlopCounterMode(display=False) as counter:
                    answers[key] = one.values(image, windows, fill, wanted)[0][0]
                flops[key] = counter.get_total_flops()
            times = in_turns(
                repeats,
                {key: lambda one=one: one.values(image, windows, fill, wanted) for key, one in calls.items()},
                clock=clock,
            )
    limit = flops["full"] / flops["boxes"]
    gained = ratio(times["full"], times["boxes"])
    return {
        "layer": path,
        "side": side,
        "occluder": occluder,
        "copies": len(windows),
        "full_batch": best,
        "ms_per_copy": {key: 1e3 * min(seconds) / len(windows) for key, seconds in times.items()},
        "speed_up": gained,
        "limit": limit,
        "limit_over_speed_up": limit / gained["best"],
        "difference": float((answers["full"] - answers["boxes"]).abs().max() / answers["full"].abs().max()),
    }


def _seconds(
    occluding: Occluding, image: Tensor, windows: Tensor, fill: Tensor, wanted: dict[int, range], clock: Clock
) -> float:
    with occluding:
        occluding.values(image, windows[:16], fill, wanted)
        start = clock()
        occluding.values(image, windows, fill, wanted)
        return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--copies", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS), help="cpu where others use the cores")
    arguments = parser.parse_args()
    found = {}
    for name in arguments.networks:
        found[name] = one = measure(name, arguments.copies, arguments.repeats, CLOCKS[arguments.clock])
        print(
            f"{name}: {one['ms_per_copy']['full']:.2f} ms a copy whole, {one['ms_per_copy']['boxes']:.2f} by boxes: "
            f"{one['speed_up']['best']:.2f} times (limit by multiply-adds {one['limit']:.2f}); "
            f"largest difference {one['difference']:.1e}"
        )
    store("incremental", {"clock": arguments.clock, "networks": found})


if __name__ == "__main__":
    main()
