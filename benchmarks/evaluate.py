"""Seconds that judging a layer takes, beside the one product that no judge can do without.

python benchmarks/evaluate.py [--units 512] [--images 3000]

A convolution with random weights over scenes of the embedded world, each unit labelled by a concept of its list.
``limit`` is the table of correlations of all units with all labels on the test images: one matrix product.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import store


def study_of(folder: Path, units: int, images: int) -> Any:
    from neuronym import Preprocessing, Study, Target

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, units, 9, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    target = Target(
        "random", "seeded", model, Preprocessing("none", None, None, "bilinear", "unit", (0.5,) * 3, (0.25,) * 3)
    )
    made = Study.create(
        folder,
        model=target,
        layers=["1"],
        images=f"bundled:world/explain/{images * 7 // 10}",
        test_images=f"bundled:world/test/{images * 3 // 10}",
    )
    return made.probe()


def measure(units: int, images: int) -> dict[str, Any]:
    from neuronym import Explanation, Unit
    from neuronym.evaluate.evaluation import evaluate_layer
    from neuronym.evaluate.sources import TruthSource
    from neuronym.functional.metrics import pearson_matrix
    from neuronym.world.catalogue import catalogue

    with tempfile.TemporaryDirectory() as folder:
        study = study_of(Path(folder) / "study", units, images)
        view = study.view("1")
        source = TruthSource({split: view.images(split) for split in ("explain", "test")}, study.probe_set.opened.get)
        names = [str(concept) for concept in catalogue()]
        said = [
            Explanation(Unit("1", unit), "names", "names-0", "described", names[unit % len(names)])
            for unit in range(units)
        ]
        started = time.perf_counter()
        found = evaluate_layer(said, view, source)
        whole = time.perf_counter() - started
        concepts = torch.stack([torch.from_numpy(one) for one in source.concepts(names, "test")], 1)
        activations = torch.from_numpy(view.summaries("mean", "test"))
        started = time.perf_counter()
        pearson_matrix(concepts, activations)
        limit = time.perf_counter() - started
    return {
        "units": units,
        "images": images,
        "scored": found.scored,
        "seconds": whole,
        "limit_seconds": limit,
        "ratio": whole / limit,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--images", type=int, default=3000)
    given = parser.parse_args()
    found = measure(given.units, given.images)
    print(f"{found['scored']} of {given.units} units scored with all metrics, intervals and other labels:")
    print(f"{found['seconds']:.1f} s, peak {found['peak_mib']:.0f} MiB")
    print(
        f"the table of correlations alone (the limit): {found['limit_seconds']:.2f} s, {found['ratio']:.0f} times less"
    )
    store("evaluate", found)


if __name__ == "__main__":
    main()
