"""What evaluations of a study found, on disk; the manifest says which of them count.

Each evaluation has a folder of its own, also among those of one run by one source, so that a new one is written beside
the one before.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuronym.records import Assessment, Figure, Json, Score, digest
from neuronym.store.atomic import write_table
from neuronym.store.manifest import Manifest
from neuronym.store.study_folder import file_name
from neuronym.store.tables import assessments_table, figures_table, scores_table

Made = Mapping[str, Json]
"""What one evaluation was made with: ``run``, ``source``, ``at`` (a time that sorts), and what explains its figures."""


def place_of(study: Path, made: Made) -> Path:
    """The folder of an evaluation."""
    run, source, at = (str(made[name]) for name in ("run", "source", "at"))
    return study / "scores" / file_name(run) / file_name(source) / digest(at)


def write(
    study: Path, made: Made, scores: Sequence[Score], assessments: Sequence[Assessment], figures: Sequence[Figure]
) -> None:
    """Writes what an evaluation found; earlier ones stay.

    Raises:
        StudyError: the disk is full or the folder cannot be written.
    """
    folder = place_of(study, made)
    write_table(folder / "scores.parquet", scores_table(scores))
    write_table(folder / "assessments.parquet", assessments_table(assessments))
    write_table(folder / "figures.parquet", figures_table(figures))


def remove_others(study: Path, made: Made) -> None:
    """Removes all evaluations of the same run by the same source but this one."""
    folder = place_of(study, made)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def chosen(manifest: Manifest, run: str | None = None, source: str | None = None) -> list[Made]:
    """The evaluations that are done, the earliest first; of one run, by one source, or all.

    What annotations said that are not the study's any more does not count.
    """
    present = (None, manifest.annotations.get("key"))
    found = [
        made
        for made in manifest.evaluations.values()
        if run in (None, made["run"]) and source in (None, made["source"]) and made.get("annotations") in present
    ]
    return sorted(found, key=lambda made: (str(made["at"]), str(made["run"]), str(made["source"])))


def latest(manifest: Manifest, source: str | None = None) -> list[Made]:
    """The last evaluation of each run, by one source or any that decides states."""
    asked = [made for made in chosen(manifest, source=source) if source is not None or made.get("decides", True)]
    return list({made["run"]: made for made in asked}.values())
