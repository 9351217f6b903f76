"""How much faster is the kernel of SoftWPMI than a plain loop over the units, and how far from the memory's limit?

Both start from the same float32 probabilities and end with the log likelihood of every unit and concept; the softmax is
not timed. The two take turns, and the best time of each counts, so that other work on the machine harms neither more.

    python benchmarks/soft_wpmi.py [--units 64] [--images 5000] [--concepts 20000] [--top-k 100] [--repeats 7]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numba
import torch
from torch import Tensor

from neuronym.functional.pointwise import (
    concept_log_likelihood,
    log_normaliser,
    probabilities,
    rank_weights,
    top_images,
)

RESULTS = Path(__file__).parent / "results" / "soft_wpmi.json"


def plain(p: Tensor, top: Tensor, weights: Tensor) -> Tensor:
    """The formula as one would write it in torch: gather, multiply, log and sum, unit by unit."""
    out = torch.empty(len(top), p.shape[1])
    weights = weights.float()[:, None]
    for unit, images in enumerate(top):
        out[unit] = torch.log(1 + weights * (p[images] - 1) + 1e-7).sum(0)
    return out


def rows_once(p: Tensor, rows: Tensor) -> Callable[[], Any]:
    """Reading the rows that any unit needs once, the least that must come from memory."""
    needed = p[rows].view(-1)
    return needed.sum


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def in_turns(repeats: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Sorted seconds of each call over several repeats in turns, after one that does not count."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, seconds in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return [sorted(seconds[1:]) for seconds in times]


def measure(units: int, images: int, concepts: int, top_k: int, repeats: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    # Spread and level of the inner products of CLIP's embeddings.
    similarity = torch.randn(images, concepts, generator=generator).mul_(0.03).add_(0.2)
    p = probabilities(similarity, 10, log_normaliser(similarity, 10))
    top = top_images(torch.rand(images, units, generator=generator), top_k)
    weights = rank_weights(top_k)
    rows = top.unique()
    needed = rows_once(p, rows)
    slow, fast, read = in_turns(
        repeats, lambda: plain(p, top, weights), lambda: concept_log_likelihood(p, top, weights), needed
    )
    difference = (plain(p, top, weights).double() - concept_log_likelihood(p, top, weights)).abs().max()
    return {
        "units": units,
        "images": images,
        "concepts": concepts,
        "top_k": top_k,
        "plain_seconds": slow[0],
        "kernel_seconds": fast[0],
        "ratio": slow[0] / fast[0],
        "ratio_of_medians": median(slow) / median(fast),
        "largest_difference": float(difference),
        "bytes_that_must_be_read": len(rows) * concepts * 4,
        "seconds_to_read_them": read[0],
        "gigabytes_per_second": len(rows) * concepts * 4 / read[0] / 1e9,
        "environment": {
            "torch": torch.__version__,
            "numba": numba.__version__,
            "python": platform.python_version(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--concepts", type=int, default=20000)
    parser.add_argument("--top-k", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    result = measure(arguments.units, arguments.images, arguments.concepts, arguments.top_k, arguments.repeats)
    print(f"plain loop in torch {1e3 * result['plain_seconds']:8.1f} ms")
    print(f"kernel              {1e3 * result['kernel_seconds']:8.1f} ms")
    print(f"times faster        {result['ratio']:8.1f}      (medians: {result['ratio_of_medians']:.1f})")
    reading, speed = 1e3 * result["seconds_to_read_them"], result["gigabytes_per_second"]
    print(f"reading the rows    {reading:8.1f} ms   {speed:.1f} GB/s")
    print(f"largest difference  {result['largest_difference']:.1e}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
