"""What does the activation pass cost over the bare forward pass of the same images?

The pass is the real one, with everything it keeps and writes to disk: mean, max, top-20 with maps, quantiles, moments.
Images are preloaded on both sides, which take turns chunk by chunk (256 images).

    python benchmarks/activation_pass.py [--images 8192] [--batch-size 32] [--side 64]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from common import ratio, read_speed, store
from neuronym import plugins
from neuronym.activations import activation_pass
from neuronym.activations.activation_pass import PassOptions, run_pass
from neuronym.activations.collector import CHUNK
from neuronym.execute.devices import Running
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import ImageRecord, LayerInfo
from neuronym.store.arrays import Arrays
from neuronym.targets.layers import select
from neuronym.targets.target import Target

BLOCKS = ["layer?.?"]


def leaves(target: Target) -> list[str]:
    """Every module without children."""
    return [name for name, module in target.model.named_modules() if name and not any(module.children())]


def probe_set(images: int, side: int) -> ProbeSet:
    """Records of images that are never read, all of them explain images: what costs most."""
    records = [ImageRecord(f"{i:08x}", "preloaded", str(i), side, side) for i in range(images)]
    return ProbeSet.restore(records, None, (), 0, ("preloaded",))


def measure(
    target: Target, layers: Sequence[LayerInfo], arguments: argparse.Namespace, *, images: int, channels_last: bool
) -> dict[str, Any]:
    """One pass; before each chunk of images is passed, it is run bare, so that both meet the same noise."""
    side, size = arguments.side, arguments.batch_size
    inputs = torch.randn(images, 3, side, side)
    probe, running = probe_set(images, side), Running.chosen("cpu", channels_last=channels_last)
    bare: list[float] = []
    passed: list[float] = []

    def run_bare(start: int) -> float:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        began = time.perf_counter()
        with torch.inference_mode():
            for first in range(start, min(start + CHUNK, images), size):
                target.model(inputs[first : first + size].to(memory_format=layout))
        return time.perf_counter() - began

    def preloaded(probe: ProbeSet, pre: Any, batches: Sequence[range], workers: Any) -> Iterator[tuple[range, Tensor]]:
        began = None
        for batch in batches:
            if batch.start % CHUNK == 0 and len(batches) > 1:
                if began is not None:
                    passed.append(time.perf_counter() - began)
                bare.append(run_bare(batch.start))
                began = time.perf_counter()
            yield batch, inputs[batch.start : batch.stop]
        if began is not None:
            passed.append(time.perf_counter() - began)

    activation_pass.load_batches = preloaded
    run_bare(0)
    with tempfile.TemporaryDirectory() as folder:
        arrays = [Arrays(Path(folder) / layer.name) for layer in layers]
        began = time.perf_counter()
        run_pass(target, layers, probe, arrays, Path(folder) / "c", running, PassOptions(batch_size=size))
        whole = time.perf_counter() - began - sum(bare)
    count = sum(layer.units * (layer.map_size or (1, 1))[0] * (layer.map_size or (1, 1))[1] for layer in layers)
    seconds = images * count * 4 / arguments.read_speed
    return {
        "layers": len(layers),
        "units": sum(layer.units for layer in layers),
        "activations_per_image": count,
        "images": images,
        "forward_seconds": sum(bare),
        "pass_seconds": whole,
        "ratio": whole / sum(bare),
        "ratio_of_chunks": ratio(passed, bare),
        "seconds_at_both_ends": whole - sum(passed),
        "images_per_second": images / whole,
        "least_possible_ratio": 1 + seconds / sum(bare),
    }


def show(name: str, layout: str, found: dict[str, Any]) -> None:
    print(
        f"{name}, {layout}: {found['layers']} layers, {found['units']:,} units, {found['images']:,} images: forward "
        f"{found['forward_seconds']:.2f} s, pass {found['pass_seconds']:.2f} s, "
        f"{found['images_per_second']:.0f} images/s"
    )
    chunks = found["ratio_of_chunks"]
    print(
        f"  ratio {found['ratio']:.3f} with {found['seconds_at_both_ends']:.2f} s at both ends; of chunks: median "
        f"{chunks['median']:.3f}, best {chunks['best']:.3f}; reading the activations once would give "
        f"{found['least_possible_ratio']:.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--side", type=int, default=64)
    arguments = parser.parse_args()
    arguments.read_speed = read_speed()
    target = plugins.target("torchvision:resnet18", "random")
    sample = torch.zeros(2, 3, arguments.side, arguments.side)
    results = {}
    for name, patterns, images in (
        ("blocks", BLOCKS, arguments.images),
        ("leaves", leaves(target), arguments.images // 4),
    ):
        layers = select(target, patterns, sample=sample)
        for layout in ("channels last", "contiguous"):
            found = measure(target, layers, arguments, images=images, channels_last=layout == "channels last")
            results[f"{name}, {layout}"] = found
            show(name, layout, found)
    shared = {key: getattr(arguments, key) for key in ("images", "batch_size", "side", "read_speed")}
    store("activation_pass", shared | results)


if __name__ == "__main__":
    main()
