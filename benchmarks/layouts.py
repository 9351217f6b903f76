"""Are convolutional networks faster channels last on this machine? It decides the default of the activation pass.

python benchmarks/layouts.py [--repeats 4]
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torchvision.models import get_model

from common import in_turns, ratio, store

NETWORKS = {"resnet18": 16, "resnet50": 8, "vgg11": 4, "mobilenet_v3_large": 16, "densenet121": 8, "convnext_tiny": 8}
"""Images per batch of 224 px."""


def measure(name: str, images: int, repeats: int) -> dict[str, Any]:
    sides = {}
    for layout, memory_format in (("contiguous", torch.contiguous_format), ("channels last", torch.channels_last)):
        model = get_model(name).eval().to(memory_format=memory_format)
        batch = torch.randn(images, 3, 224, 224).contiguous(memory_format=memory_format)

        def run(model: torch.nn.Module = model, batch: torch.Tensor = batch) -> None:
            with torch.inference_mode():
                model(batch)

        sides[layout] = run
    times = in_turns(repeats, sides)
    speeds = {layout: images / min(seconds) for layout, seconds in times.items()}
    return {"images_per_second": speeds, "times_faster": ratio(times["contiguous"], times["channels last"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=4)
    arguments = parser.parse_args()
    results = {}
    for name, images in NETWORKS.items():
        results[name] = found = measure(name, images, arguments.repeats)
        speeds = ", ".join(f"{layout} {speed:.0f} images/s" for layout, speed in found["images_per_second"].items())
        print(f"{name}: {speeds}; {found['times_faster']['best']:.2f} times faster", flush=True)
    store("layouts", results)


if __name__ == "__main__":
    main()
