"""Describe the logits of a bundled network and look at what was said: no download, no images, a minute on a laptop.

python examples/embedded_world.py [FOLDER]
"""

import sys
from pathlib import Path

from neuronym import Study, write_report


def main(folder: Path) -> None:
    study = Study.create(
        folder / "logits",
        model="bundled:resnet",
        layers=["classifier.1"],
        images="bundled:world/explain/1000",
        test_images="bundled:world/test/500",
        overwrite=True,
    )
    study.probe()
    run = study.explain("clip-dissect", concepts="labels:concept", encoder="bundled:clip")
    figures = study.evaluate(run=run)[run, "classifier.1"]

    names = study.target.class_names or ()
    for row in study.table("classifier.1").to_pylist():
        print(f"{names[row['unit']]:10} {row['description']:24} held-out r {row['pearson']:.2f}")
    print(f"mean held-out r {figures.mean:.2f}; above random labels: {figures.above_random:.0%} of the units")
    print("report:", write_report(folder / "report", [study], overwrite=True))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "embedded-world"))
