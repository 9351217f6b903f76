"""Annotated masks brought to the grid of a network's input, image by image, and kept in a study."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from neuronym.activations import Progress, silent
from neuronym.activations.mask_grid import choose_grid, on_grid
from neuronym.errors import ProbeError
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Annotated, ConceptMasks, Geometry, Grid, ImageMasks, ImageRecord
from neuronym.store.annotation_blocks import AnnotationBlocks

if TYPE_CHECKING:
    from neuronym.probes.annotations import Annotator

GeometryOf = Callable[[int, int], Geometry]
"""How an image of (height, width) becomes the network's input."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def grid_of(annotator: Annotator, probe: ProbeSet, geometry: GeometryOf) -> Grid:
    """The grid where none is asked for; see :func:`neuronym.activations.mask_grid.choose_grid`.

    Raises:
        ProbeError: masks cannot be read.
    """

    def look(record: ImageRecord) -> tuple[Geometry, tuple[int, int]] | None:
        found = masks_of(annotator, record)
        if found is None or not len(found.masks):  # what is only true of a whole image has no pixels
            return None
        return geometry(record.height, record.width), (found.masks.shape[1], found.masks.shape[2])

    first = probe.images[0]
    seen = in_threads(look, probe.images)
    try:
        return choose_grid((one for one in seen if one is not None), geometry(first.height, first.width).input)
    finally:
        seen.close()


def build(
    annotator: Annotator,
    probe: ProbeSet,
    geometry: GeometryOf,
    folder: Path,
    grid: Grid,
    progress: Progress = silent,
) -> Annotated:
    """The masks of all images on a grid, written to a folder; what an earlier call of the same has left stays.

    Killed at any point it goes on at the first block of images that is missing. No more than a block of packed masks
    is held at once, and the decoded masks of two images for each thread.

    Args:
        annotator: what is where.
        probe: the images.
        geometry: how an image becomes the network's input.
        folder: of these annotations on this grid alone.
        grid: the cells.
        progress: told how many images are done.

    Raises:
        ProbeError: masks cannot be read.
        StudyError: the folder is damaged or cannot be written.
    """
    blocks = AnnotationBlocks(folder, len(probe), grid)
    blocks.begin(annotator.concepts)

    def pack(record: ImageRecord) -> ConceptMasks:
        return on_grid(masks_of(annotator, record), geometry(record.height, record.width), grid)

    missing = blocks.missing()
    done = len(probe) - sum(len(blocks.span(block)) for block in missing)
    ready = in_threads(pack, (probe.images[position] for block in missing for position in blocks.span(block)))
    try:
        for block in missing:
            packed = []
            for _ in blocks.span(block):
                packed.append(next(ready))
                done += 1
                progress(done, len(probe))
            blocks.write(block, joined(packed))
    finally:
        ready.close()
    key, images = blocks.finish(probe.fingerprint)
    return Annotated(tuple(annotator.concepts), grid, key, annotator.name, images)


def masks_of(annotator: Annotator, record: ImageRecord) -> ImageMasks | None:
    """What an annotator says of an image, if it keeps to what :class:`ImageMasks` promises.

    Raises:
        ProbeError: it does not, or the masks cannot be read.
    """
    found = annotator.masks(record)
    if found is None:
        return None
    numbers = np.concatenate([found.concepts, found.whole])
    shape, count = found.masks.shape, len(annotator.concepts)
    wrong = ""
    if found.masks.ndim != 3 or found.masks.dtype != np.bool_ or len(found.masks) != len(found.concepts):
        wrong = f"{len(found.concepts)} concepts with masks {found.masks.dtype} {list(shape)}"
    elif len(found.masks) and 0 in shape:
        wrong = f"masks of {shape[1]}x{shape[2]} pixels"
    elif len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < count:
        wrong = f"the concepts {numbers.min()} to {numbers.max()} of {count}"
    elif len(np.unique(found.concepts)) < len(found.concepts):
        wrong = "a concept twice"
    if wrong:
        raise ProbeError(
            f"The annotations {annotator.name!r} give {wrong} for the image {record.member!r}. Repair them."
        )
    return found


def joined(images: Sequence[ConceptMasks]) -> ConceptMasks:
    """The masks of some images as those of one block."""
    counts = [len(one.concepts) for one in images]
    return ConceptMasks(
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
        np.concatenate([one.concepts for one in images]),
        np.concatenate([one.words for one in images]),
        np.concatenate([one.valid for one in images]),
    )


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """What some work makes of each item, in order; a few threads are at most two items each ahead.

    To be closed by whoever stops before the end.
    """
    workers = min(8, os.cpu_count() or 1)
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="neuronym-masks") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
