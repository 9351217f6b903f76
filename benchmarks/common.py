"""What the benchmarks share: taking turns, the memory's limit, and what a result was measured on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from neuronym.bench.environment import environment

RESULTS = Path(__file__).parent / "results"


Clock = Callable[[], float]


def in_turns(
    repeats: int, calls: dict[str, Callable[[], Any]], warm: int = 1, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each call over several repeats in turns, after ``warm`` that do not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats + warm):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: seconds[warm:] for name, seconds in times.items()}


def ratio(slow: list[float], fast: list[float]) -> dict[str, float]:
    """How many times longer one side took: best against best, of the medians, and over the single turns."""
    each = [a / b for a, b in zip(slow, fast, strict=True)]
    return {
        "best": min(slow) / min(fast),
        "median": median(slow) / median(fast),
        "lowest_turn": min(each),
        "highest_turn": max(each),
    }


def read_speed(megabytes: int = 256, clock: Clock = time.perf_counter) -> float:
    """Bytes per second that a sum over memory reads, the best of five."""
    table = torch.ones(megabytes << 18)
    return table.nbytes / min(in_turns(5, {"read": table.sum}, clock=clock)["read"])


def store(name: str, result: dict[str, Any]) -> None:
    """Write a result, with the environment, to ``benchmarks/results``."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result | {"environment": environment()}, indent=2) + "\n")
