"""A program that annotates a study and is killed again and again; it fails if anything was lost or is only half there.

It forks, because starting Python anew for every kill would take seconds each.

    python killed_annotating.py FOLDER
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pyarrow as pa
import torch

from forking import fork
from neuronym.annotating import annotate_study
from neuronym.materials import Materials
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Annotated
from neuronym.store import _parquet
from neuronym.store.annotation_blocks import AnnotationBlocks
from neuronym.store.study_store import StudyStore
from painted_images import Painted, painted_probe, painted_study

COUNT, GRID = 200, (8, 8)
PAUSE = 0.0005


def annotate(folder: Path, probe: ProbeSet) -> Annotated:
    """Annotates the study in a folder by what its images know."""
    store = StudyStore(folder)
    return annotate_study(store, Materials(store, lambda *_: None, None, probe), grid=GRID)


def killed(folder: Path, probe: ProbeSet, seconds: float) -> bool:
    """Kills an annotator within some time and looks at what it left; whether it was before its work was done."""
    before = StudyStore(folder).manifest.annotations
    child = fork(lambda: annotate(folder, probe))
    time.sleep(random.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0, status
    store = StudyStore(folder)
    for place in folder.glob("annotations/*"):
        blocks = AnnotationBlocks(place, COUNT, GRID)
        for path in place.glob("block-*"):
            blocks.read(int(path.stem.removeprefix("block-")))
    known = store.annotations
    assert known is None or known.is_whole  # those before, which count until the new ones are there, or these
    return store.manifest.annotations == before


def main(folder: Path) -> None:
    """Annotates one study undisturbed and another one with kills, then both with other annotations."""
    torch.set_num_threads(1)
    random.seed(0)
    _parquet.pack(pa.table({"n": [0]}))  # Arrow's first use takes longer than a block; once for all children
    for name in ("whole", "killed"):
        painted_study(folder / name, Painted(COUNT))
    kills, parts = 0, 0
    for painted in (Painted(COUNT, pause=PAUSE), Painted(COUNT, pause=PAUSE, stamp="2", annotated=lambda n: n % 2 < 1)):
        probe = painted_probe(painted)
        seconds = 0.03  # all images take longer than three of these
        while killed(folder / "killed", probe, seconds):
            kills, seconds = kills + 1, seconds * 1.5
            parts += not StudyStore(folder / "killed").is_done("annotations")
        found, expected = annotate(folder / "killed", probe), annotate(folder / "whole", probe)
        assert found == expected
        with StudyStore(folder / "killed").lock():
            assert len(list(folder.glob("*/annotations/*"))) == 2  # what a kill left of the others is gone as well
    print("kills", kills, "parts", parts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
