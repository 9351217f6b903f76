"""What is annotated in the images of a study, found, brought to one grid and kept."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuronym.activations.annotating import build, grid_of
from neuronym.activations.mask_grid import check_grid
from neuronym.errors import MethodError, NeuronymWarning
from neuronym.materials import Materials
from neuronym.probes.annotations import find_annotations
from neuronym.records import Annotated, Grid, Json, MaskConcept, digest
from neuronym.store.annotation_store import StoredAnnotations, grid_in
from neuronym.store.mask_tables import not_annotated
from neuronym.store.study_store import ANNOTATIONS, StudyStore

if TYPE_CHECKING:
    from neuronym.probes.annotations import Annotator

NAMED = 5
"""Concepts that a warning names."""


def annotate_study(
    store: StudyStore, materials: Materials, path: str | Path | None = None, grid: Grid | None = None
) -> Annotated:
    """Bring masks of concepts into a study, in place of any others; nothing is done where the same are there already.

    Killed at any point, it goes on where it stopped, and until it is done the annotations before count. It takes the
    study's lock itself.

    Args:
        store: the study.
        materials: its images.
        path: the masks; see :mod:`neuronym.probes.annotations`. If not given, those that the study has, or else what
            the images' own sources know.
        grid: (rows, columns) of the cells that masks are compared on; see
            :func:`neuronym.activations.mask_grid.choose_grid` if not given.

    Raises:
        MethodError: nothing is annotated, or nothing in the images that descriptions are made from, or the grid cannot
            be used.
        ProbeError: masks cannot be read.
        StudyError: the study cannot be written.
    """
    if grid is not None:
        check_grid(grid)
    known = store.annotations
    if path is None and known is not None and _is_kept(known, grid):
        return known.about
    place, asked = _asked(store.manifest.annotations, path, grid)
    annotator = find_annotations(place, materials.probe_set)
    if annotator is None:
        raise not_annotated()
    made: dict[str, Json] = {
        "given": None if place is None else str(Path(place).expanduser().absolute()),
        "asked": None if asked is None else list(asked),
        "identity": digest([annotator.stamp, [[one.name, one.category] for one in annotator.concepts]]),
        "source": annotator.name,
    }
    if not _is_done(store, made):
        _bring(store, materials, annotator, asked, made)
    return _stored(store).about


def _asked(
    before: Mapping[str, Json], path: str | Path | None, grid: Grid | None
) -> tuple[str | Path | None, Grid | None]:
    """What is asked for; without a path it is what was asked for before."""
    if path is not None or not before:
        return path, grid
    given = before["given"]
    return None if given is None else str(given), grid_in(before) if grid is None and before["asked"] else grid


def _bring(
    store: StudyStore, materials: Materials, annotator: Annotator, asked: Grid | None, made: Mapping[str, Json]
) -> None:
    """Choose the grid if none is asked for, and bring the masks on it into the study."""
    grid = asked or grid_of(annotator, materials.probe_set, materials.services.geometry)
    with store.lock():
        if not _is_done(store, made):  # as another process may have made it while this one waited
            request = digest([made["identity"], list(grid)])
            _annotate(store, materials, annotator, grid, {**made, "request": request, "grid": list(grid)})


def _annotate(
    store: StudyStore, materials: Materials, annotator: Annotator, grid: Grid, made: Mapping[str, Json]
) -> None:
    """Build the masks and make them those of the study; the lock is held."""
    probe, request = materials.probe_set, str(made["request"])
    folder = store.annotation_folder(request)

    def progress(done: int, total: int) -> None:
        materials.report("reading annotations", done, total)

    with store.stage(ANNOTATIONS, request, len(probe)):
        about = build(annotator, probe, materials.services.geometry, folder, grid, progress)
        notes = [*_gap(about, len(probe)), *annotator.notes]
        whole = {**made, "key": about.key, "images": about.images, "notes": notes}
        found = StoredAnnotations(folder, len(probe), whole)
        try:
            _check_split(found, probe.count("explain"))
        except MethodError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    store.keep_annotations(whole)
    _warn(found, notes)


def _check_split(found: StoredAnnotations, explain: int) -> None:
    """Raise unless there is a concept in an image that descriptions are made from."""
    annotated, source = found.annotated, found.about.source
    if not annotated.any():
        raise MethodError(
            f"None of the {len(annotated)} images of the study is annotated in {source!r}. Give the masks of these "
            "images; see docs/images.md for how they are found."
        )
    if not annotated[:explain].any():
        raise MethodError(
            f"All {int(annotated.sum())} images of the study that are annotated in {source!r} are test images, and "
            "descriptions are made from others. Give masks of more images, or make the study with another --seed."
        )
    if not found.shares[:explain].any():
        raise MethodError(
            f"None of the {len(found.about.concepts):,} concepts that {source!r} names is in any of the {explain:,} "
            "images that descriptions are made from, or only where the network does not see it. Name what its masks "
            "show, or give other masks."
        )


def _gap(about: Annotated, images: int) -> list[str]:
    """How many images of the study are not annotated, in words; nothing where all are."""
    lacking = images - about.images
    return (
        [f"{lacking:,} of the {images:,} images are not annotated in {about.source!r} and do not count."]
        if lacking
        else []
    )


def _warn(found: StoredAnnotations, notes: list[str]) -> None:
    """Tell the user what may not be as they expect."""
    for note in notes:
        warnings.warn(note, NeuronymWarning, stacklevel=4)
    concepts = found.about.concepts
    absent = [concepts[number] for number in np.flatnonzero(~found.shares.any(axis=0))]
    if absent:
        rows, columns = found.about.grid
        warnings.warn(
            f"{len(absent)} of the {len(concepts)} concepts of {found.about.source!r} are in no image of the study, on "
            f"its grid of {rows}x{columns} cells, and nothing is described by them: {_listed(absent)}.",
            NeuronymWarning,
            stacklevel=4,
        )


def _listed(concepts: list[MaskConcept]) -> str:
    names = ", ".join(f"{one.name!r} ({one.category})" for one in concepts[:NAMED])
    return f"{names} and {len(concepts) - NAMED} others" if len(concepts) > NAMED else names


def _is_kept(known: StoredAnnotations, grid: Grid | None) -> bool:
    """Whether masks from files of the user's own are here, which need not be there any more."""
    same = grid is None or list(grid) == known.made["grid"]
    return known.made["given"] is not None and same and known.is_whole


def _is_done(store: StudyStore, made: Mapping[str, Json]) -> bool:
    """Whether the study has these annotations on the grid asked for, by its name or by its cells."""
    known = store.annotations
    if known is None or known.made["identity"] != made["identity"]:
        return False
    same = known.made["grid"] == made["asked"] if made["asked"] else known.made["asked"] is None
    return same and known.is_whole


def _stored(store: StudyStore) -> StoredAnnotations:
    found = store.annotations
    assert found is not None
    return found
