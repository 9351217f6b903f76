"""What every annotator must keep, whoever wrote it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from neuronym.probes.annotations import NOTHING, Annotator
from neuronym.probes.annotations.planes import covers
from neuronym.records import ImageMasks, ImageRecord, MaskConcept


def check_annotator(annotator: Annotator, records: Sequence[ImageRecord]) -> list[ImageMasks | None]:
    """Its masks of the records, after checks of their form, of order and threads, and of a copy by pickling."""
    assert isinstance(annotator, Annotator)
    assert annotator.name
    assert annotator.stamp
    assert all(isinstance(note, str) for note in annotator.notes)
    concepts = list(annotator.concepts)
    assert len(set(concepts)) == len(concepts)
    for concept in concepts:
        assert isinstance(concept, MaskConcept)
        assert concept.name.lower() not in NOTHING
        assert concept.category
    found = [annotator.masks(record) for record in records]
    for record, masks in zip(records, found, strict=True):
        if masks is not None:
            _check_masks(masks, record, len(concepts))
    copy = pickle.loads(pickle.dumps(annotator))
    assert (copy.name, list(copy.concepts), copy.stamp) == (annotator.name, concepts, annotator.stamp)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(copy.masks, reversed(records)))[::-1]
    for first, second in zip(found, again, strict=True):
        assert alike(first, second)
    return found


def _check_masks(found: ImageMasks, record: ImageRecord, count: int) -> None:
    assert found.concepts.dtype == found.whole.dtype == np.int64
    assert found.masks.dtype == np.bool_
    assert len(found.masks) == len(found.concepts)
    assert covers(found.masks.shape[1:], (record.height, record.width))
    for numbers in (found.concepts, found.whole):
        assert (np.diff(numbers) > 0).all()
        assert ((numbers >= 0) & (numbers < count)).all()
    assert found.masks.any(axis=(1, 2)).all()


def alike(first: ImageMasks | None, second: ImageMasks | None) -> bool:
    """Whether two images are annotated alike."""
    if first is None or second is None:
        return first is second
    pairs = ((first.concepts, second.concepts), (first.masks, second.masks), (first.whole, second.whole))
    return all(np.array_equal(one, other) for one, other in pairs)


def said(
    annotator: Annotator, found: ImageMasks
) -> tuple[dict[tuple[str, str], list[list[int]]], set[tuple[str, str]]]:
    """The masks of an image by the names and categories of their concepts, and those of the whole image."""
    names = [(concept.name, concept.category) for concept in annotator.concepts]
    masks = {names[n]: mask.astype(int).tolist() for n, mask in zip(found.concepts, found.masks, strict=True)}
    return masks, {names[n] for n in found.whole}
