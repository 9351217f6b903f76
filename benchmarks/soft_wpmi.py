"""How much faster is the kernel of SoftWPMI than a plain loop over the units, and how far from the machine's limits?

All sides start from the same float32 probabilities and have the same number of threads; the softmax is not timed. The
sides take turns, and both the best and the median time of each count. They end with the log likelihood of every unit
and concept; "scores" add the prior over the units (in float32 for the plain loop, in float64 for the kernel).

Limits: "read" is the time in which torch sums the rows that any unit needs, once, from a copy without gaps: nothing
can be faster that reads them from memory. "in cache" is the kernel on the same number of rows, all of them among
eight: its arithmetic without the memory.

The allocator matters to the plain loop. Its 8 MB temporaries are either reused or handed back to the system and
cleared anew for each use, which doubles its time or worse; the pages that were cleared in one call are counted. The
kernel has no such temporaries. "One buffer" is the same loop in one reused temporary, as few would write it.

    python benchmarks/soft_wpmi.py [--units 64] [--images 5000] [--concepts 20000] [--top-k 100] [--repeats 15]
"""

from __future__ import annotations

import argparse
import math
import resource
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

from common import in_turns, ratio, store
from neuronym.functional.pointwise import (
    concept_log_likelihood,
    log_normaliser,
    pointwise_information,
    probabilities,
    rank_weights,
    top_images,
)


def plain(p: Tensor, top: Tensor, weights: Tensor) -> Tensor:
    """The formula as one would write it in torch: gather, multiply, log and sum, unit by unit."""
    out = torch.empty(len(top), p.shape[1])
    for unit, images in enumerate(top):
        out[unit] = torch.log(1 + weights * (p[images] - 1) + 1e-7).sum(0)
    return out


def one_buffer(p: Tensor, top: Tensor, weights: Tensor, buffer: Tensor) -> Tensor:
    out = torch.empty(len(top), p.shape[1])
    for unit, images in enumerate(top):
        torch.index_select(p, 0, images, out=buffer)
        torch.sum(buffer.sub_(1).mul_(weights).add_(1 + 1e-7).log_(), 0, out=out[unit])
    return out


def plain_scores(p: Tensor, top: Tensor, weights: Tensor) -> Tensor:
    likelihood = plain(p, top, weights)
    return likelihood - (likelihood.logsumexp(0) - math.log(len(top)))


def cleared_pages(call: Callable[[], Any]) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def sides(p: Tensor, top: Tensor, weights: Tensor) -> dict[str, Callable[[], Any]]:
    column, buffer = weights.float()[:, None], torch.empty(len(weights), p.shape[1])
    needed = p[torch.unique(top)].view(-1)
    return {
        "plain": lambda: plain(p, top, column),
        "kernel": lambda: concept_log_likelihood(p, top, weights),
        "one_buffer": lambda: one_buffer(p, top, column, buffer),
        "plain_scores": lambda: plain_scores(p, top, column),
        "kernel_scores": lambda: pointwise_information(concept_log_likelihood(p, top, weights)),
        "read": needed.sum,
        "in_cache": lambda: concept_log_likelihood(p, top % 8, weights),
    }


def measure(units: int, images: int, concepts: int, top_k: int, repeats: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    # Spread and level of the inner products of CLIP's embeddings.
    similarity = torch.randn(images, concepts, generator=generator).mul_(0.03).add_(0.2)
    p = probabilities(similarity, 10, log_normaliser(similarity, 10))
    del similarity
    top = top_images(torch.rand(images, units, generator=generator), top_k)
    calls = sides(p, top, rank_weights(top_k))
    times = in_turns(repeats, calls, warm=2)
    bytes_read, flops = len(torch.unique(top)) * concepts * 4, 3 * units * top_k * concepts
    read, kernel = min(times["read"]), min(times["kernel"])
    return {
        "shape": {"units": units, "images": images, "concepts": concepts, "top_k": top_k},
        "times_faster": ratio(times["plain"], times["kernel"]),
        "times_faster_than_one_buffer": ratio(times["one_buffer"], times["kernel"]),
        "times_faster_to_scores": ratio(times["plain_scores"], times["kernel_scores"]),
        "seconds": {name: {"best": min(list_), "median": median(list_)} for name, list_ in times.items()},
        "limits": {
            "bytes_that_must_be_read": bytes_read,
            "gigabytes_per_second_of_read": bytes_read / read / 1e9,
            "operations": flops,
            "gigaflops_in_cache": flops / min(times["in_cache"]) / 1e9,
            "times_faster_at_the_speed_of_reading": min(times["plain"]) / read,
            "kernel_over_read": kernel / read,
        },
        "largest_difference": float((calls["plain"]().double() - calls["kernel"]()).abs().max()),
        "pages_cleared_per_call": {name: cleared_pages(calls[name]) for name in ("plain", "one_buffer", "kernel")},
        "repeats": repeats,
    }


def show(result: dict[str, Any]) -> None:
    for name, seconds in result["seconds"].items():
        print(f"{name:14s} best {1e3 * seconds['best']:8.1f} ms   median {1e3 * seconds['median']:8.1f} ms")
    for name in ("times_faster", "times_faster_than_one_buffer", "times_faster_to_scores"):
        figures = "   ".join(f"{which} {value:.1f}" for which, value in result[name].items())
        print(f"{name.replace('_', ' ')}: {figures}")
    limits = result["limits"]
    print(
        f"{limits['bytes_that_must_be_read'] / 1e6:.0f} MB at {limits['gigabytes_per_second_of_read']:.1f} GB/s, ",
        end="",
    )
    print(
        f"{limits['operations'] / 1e6:.0f} million operations at {limits['gigaflops_in_cache']:.0f} GFLOP/s: ", end=""
    )
    print(f"at the speed of reading {limits['times_faster_at_the_speed_of_reading']:.1f} times faster")
    print(f"pages cleared per call {result['pages_cleared_per_call']}")
    print(f"largest difference {result['largest_difference']:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--concepts", type=int, default=20000)
    parser.add_argument("--top-k", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    result = measure(arguments.units, arguments.images, arguments.concepts, arguments.top_k, arguments.repeats)
    show(result)
    store("soft_wpmi", result)


if __name__ == "__main__":
    main()
