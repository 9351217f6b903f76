"""The seconds of each stage of ``neuronym demo``, with an empty cache, beside the bare forward passes of its networks.

python benchmarks/demo.py [--images 2000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from common import store


def bare_forward(images: int) -> float:
    """Seconds that the two networks take for all images, in batches of 32 that are in memory already."""
    from neuronym import plugins
    from neuronym.demo import NETWORKS

    batch = torch.randn(32, 3, 64, 64)
    total = 0.0
    for shown in NETWORKS:
        model = plugins.target(shown.model).model
        with torch.inference_mode():
            model(batch)
            started = time.perf_counter()
            for _ in range(images // 32):
                model(batch)
        total += time.perf_counter() - started
    return total


def measure(images: int) -> dict[str, Any]:
    from neuronym.demo import demonstrate

    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEURONYM_CACHE"] = str(Path(folder) / "cache")
        started = time.perf_counter()
        found = demonstrate(Path(folder) / "demo", explain=images, test=images // 2)
        whole = time.perf_counter() - started
    return {
        "images": images,
        "seconds": {**found.seconds, "whole": whole},
        "bare_forward_seconds": bare_forward(images + images // 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    found = measure(parser.parse_args().images)
    for stage, seconds in found["seconds"].items():
        print(f"{stage}: {seconds:.1f} s")
    print(f"the networks alone on the same images (the limit): {found['bare_forward_seconds']:.1f} s")
    store("demo", found)


if __name__ == "__main__":
    main()
