"""What does the mask pass cost beside the activation pass, and does its memory grow with the number of images?

Each pass of each size runs in a process of its own, which reports its peak. What was made is then read: block by block,
and single units at images in any order, as views with shuffled units do.

    python benchmarks/mask_pass.py [--sizes 1000 5000] [--grid 56]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import store
from memory import Generated, network
from neuronym.records import MaskRule
from neuronym.store.unit_mask_store import BLOCK, StoredUnitMasks, mask_name
from neuronym.study import Study

RULE = MaskRule(0.995)


def opened(folder: str, images: int) -> Study:
    place = Path(folder) / "s"
    sources = [Generated(images)]
    return Study.create(place, model=network(), layers=["relu", "act"], images=sources, resume=place.exists())


def activations(study: Study, grid: tuple[int, int]) -> dict[str, float]:
    study.probe(device="cpu")
    return {}


def masks(study: Study, grid: tuple[int, int]) -> dict[str, float]:
    study.materials.device = "cpu"
    study.materials.make_masks(study.layers, RULE, grid)
    folders = [study.store.arrays(layer.name).folder / mask_name(RULE, grid) for layer in study.layers]
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    return {"stored_mib": size / 2**20}


def reading(study: Study, grid: tuple[int, int]) -> dict[str, float]:
    layer = study.layers[1]
    found = StoredUnitMasks(study.store.arrays(layer.name), mask_name(RULE, grid), grid)
    began = time.perf_counter()
    for first in range(0, len(found), BLOCK):
        found.rows(np.arange(first, min(first + BLOCK, len(found))))
    swept = time.perf_counter()
    order = np.random.default_rng(0).permutation(len(found))
    for unit in range(layer.units):
        found.rows(order, np.array([unit]))
    words = len(found) * layer.units * (-(-grid[0] * grid[1] // 64))
    return {
        "sweep_gib_per_second": words * 8 / 2**30 / (swept - began),
        "shuffled_gib_per_second": words * 8 / 2**30 / (time.perf_counter() - swept),
    }


STAGES = {"activations": activations, "masks": masks, "reading": reading}


def one(stage: str, folder: str, images: int, grid: tuple[int, int]) -> dict[str, Any]:
    study = opened(folder, images)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = STAGES[stage](study, grid)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_mib": peak / 1024, "peak_before_mib": before / 1024, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--grid", type=int, default=56)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        stage, folder, images = arguments.one
        print(json.dumps(one(stage, folder, int(images), (arguments.grid, arguments.grid))))
        return
    runs = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            for stage in STAGES:
                options = ["--grid", str(arguments.grid), "--one", stage, folder, str(size)]
                done = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True, check=True)
                runs.append({"images": size, "stage": stage} | json.loads(done.stdout.splitlines()[-1]))
                print(json.dumps(runs[-1]))
    peaks = [run["peak_mib"] for run in runs if run["stage"] == "masks"]
    print(f"ratio of the mask passes' peaks {peaks[-1] / peaks[0]:.3f}")
    store("mask_pass", {"grid": arguments.grid, "runs": runs, "ratio": peaks[-1] / peaks[0]})


if __name__ == "__main__":
    main()
