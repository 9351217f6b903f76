"""What the benchmarks share: taking turns, the memory's limit, and what a result was measured on."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import torch

RESULTS = Path(__file__).parent / "results"


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def environment() -> dict[str, Any]:
    """What a result depends on besides the code."""
    return {
        "torch": torch.__version__,
        "numba": numba.__version__,
        "python": platform.python_version(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", ""),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def in_turns(repeats: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Sorted seconds of each call over several repeats in turns, after one that does not count."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, seconds in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return [sorted(seconds[1:]) for seconds in times]


def read_speed(megabytes: int = 256) -> float:
    """Bytes per second that a sum over memory reads, the best of five."""
    table = torch.ones(megabytes << 18)
    (times,) = in_turns(5, table.sum)
    return table.nbytes / times[0]


def store(name: str, result: dict[str, Any]) -> None:
    """Write a result, with the environment, to ``benchmarks/results``."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result | {"environment": environment()}, indent=2) + "\n")
