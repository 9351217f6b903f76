"""Does the memory of the activation pass grow with the number of images?

Each size runs in a process of its own, which reports its peak.

    python benchmarks/memory.py [--sizes 5000 50000]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from common import store
from neuronym.probes.sources import Member
from neuronym.study import Study
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target


class Generated:
    """Images that are made when they are read, so that the pages of a file do not count."""

    name = "generated"

    def __init__(self, images: int) -> None:
        self._images = images

    def members(self) -> list[Member]:
        return [Member(str(index), None) for index in range(self._images)]

    def read(self, member: str) -> np.ndarray:
        return np.random.default_rng(int(member)).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def network() -> Target:
    torch.manual_seed(0)
    layers = OrderedDict(
        first=nn.Conv2d(3, 64, 3, padding=1, stride=2),
        relu=nn.ReLU(),
        second=nn.Conv2d(64, 128, 3, padding=1, stride=2),
        act=nn.ReLU(),
    )
    return Target("small", "random", nn.Sequential(layers), UNCHANGED)


def one(images: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        study = Study.create(Path(folder) / "s", model=network(), layers=["relu", "act"], images=[Generated(images)])
        made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        study.probe(device="cpu", save_seconds=5)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "images": images,
            "peak_mib": peak / 1024,
            "peak_before_the_pass_mib": made / 1024,
            "seconds": time.perf_counter() - start,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 50000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one)))
        return
    results = []
    for size in arguments.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{size:7,} images: peak {results[-1]['peak_mib']:.0f} MiB, {results[-1]['seconds']:.0f} s")
    print(f"ratio of peaks {results[-1]['peak_mib'] / results[0]['peak_mib']:.3f}")
    store("memory", {"runs": results, "ratio": results[-1]["peak_mib"] / results[0]["peak_mib"]})


if __name__ == "__main__":
    main()
