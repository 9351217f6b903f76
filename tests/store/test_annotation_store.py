"""Annotated masks as they are read again: any images in any order, from memory or from the disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import StudyError
from neuronym.records import Annotated, ConceptMasks, Grid, MaskConcept, packed, unpacked
from neuronym.store.annotation_blocks import AnnotationBlocks, covered
from neuronym.store.annotation_store import StoredAnnotations

COUNT, CONCEPTS = 200, 7
GRID: Grid = (9, 11)
MADE = {"request": "r", "source": "s", "grid": list(GRID), "key": "k", "images": 3, "notes": ["odd"]}


def _masks() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Dense masks [images, concepts, height, width], some empty, and the cells that count, none of every 7th image."""
    generator = np.random.default_rng(0)
    valid = generator.random((COUNT, *GRID)) < 0.9
    valid[::7] = False
    masks = generator.random((COUNT, CONCEPTS, *GRID)) < generator.choice([0, 0.001, 0.5], (COUNT, CONCEPTS, 1, 1))
    return masks & valid[:, None], valid


MASKS, VALID = _masks()


def sparse(images: npt.NDArray[np.int64]) -> ConceptMasks:
    """The masks of some images, put together one by one."""
    entries = [(image, number) for image in images for number in range(CONCEPTS) if MASKS[image, number].any()]
    counts = [sum(MASKS[image].any(axis=(1, 2))) for image in images]
    words = [packed(MASKS[image, number]) for image, number in entries]
    return ConceptMasks(
        np.cumsum([0, *counts]),
        np.array([number for _, number in entries], np.int64),
        np.array(words, np.uint64).reshape(-1, 2),
        packed(VALID[images]),
    )


def same(one: ConceptMasks, other: ConceptMasks) -> bool:
    parts = ("starts", "concepts", "words", "valid")
    assert all(getattr(one, part).dtype == getattr(other, part).dtype for part in parts)
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)


@pytest.fixture
def blocks(tmp_path: Path) -> AnnotationBlocks:
    made = AnnotationBlocks(tmp_path / "masks", COUNT, GRID)
    made.begin([MaskConcept(f"größe {number}", "object") for number in range(CONCEPTS)])
    assert made.missing() == [0, 1, 2, 3]
    for block in (2, 0, 3, 1):
        made.write(block, sparse(np.array(made.span(block))))
    assert made.missing() == []
    assert not made.is_finished
    assert made.finish("images")[1] == COUNT - 29
    assert made.is_finished
    return made


@pytest.fixture
def stored(blocks: AnnotationBlocks) -> StoredAnnotations:
    return StoredAnnotations(blocks.folder, COUNT, MADE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> StoredAnnotations:
    folder = tmp_path_factory.mktemp("masks")
    made = AnnotationBlocks(folder, COUNT, GRID)
    made.begin([MaskConcept(str(number), "object") for number in range(CONCEPTS)])
    for block in range(len(made)):
        made.write(block, sparse(np.array(made.span(block))))
    return StoredAnnotations(folder, COUNT, MADE, budget=4000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, COUNT - 1), max_size=80))
def test_any_images_in_any_order(shared: StoredAnnotations, positions: list[int]) -> None:
    asked = np.array(positions, np.int64)
    assert same(shared.rows(asked), sparse(asked))


def test_what_is_said_of_all_of_it(stored: StoredAnnotations) -> None:
    concepts = tuple(MaskConcept(f"größe {number}", "object") for number in range(CONCEPTS))
    assert stored.about == Annotated(concepts, GRID, "k", "s", 3)
    assert stored.notes == ("odd",)
    assert stored.is_whole
    assert np.array_equal(stored.annotated, VALID.any(axis=(1, 2)))
    cells = VALID.sum(axis=(1, 2))
    expected = [
        [MASKS[image, number].sum() / cells[image] if cells[image] else 0 for number in range(CONCEPTS)]
        for image in range(COUNT)
    ]
    assert stored.shares.dtype == np.float32
    np.testing.assert_allclose(stored.shares, expected, rtol=1e-6)
    assert np.array_equal(stored.areas(np.array([5, 5, 199])), stored.shares[[5, 5, 199]])
    for table in (stored.shares, stored.annotated):
        assert not table.flags.writeable


def test_cells_that_do_not_count_are_not_covered() -> None:
    words = np.array([[0b1111]], np.uint64)
    masks = ConceptMasks(np.array([0, 1]), np.array([1]), words, np.array([[0b0110]], np.uint64))
    assert covered(masks, 3).tolist() == [[0, 1, 0]]
    assert np.array_equal(unpacked(words, (2, 2))[0], np.ones((2, 2), np.bool_))


@pytest.mark.parametrize("positions", [[-1], [COUNT], [0, COUNT + 5]])
def test_images_that_are_not_there(stored: StoredAnnotations, positions: list[int]) -> None:
    for ask in (stored.rows, stored.areas):
        with pytest.raises(IndexError, match=f"images {min(positions)} to {max(positions)} of {COUNT}"):
            ask(np.array(positions))


def test_few_blocks_are_kept_and_read_once(stored: StoredAnnotations, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = AnnotationBlocks.read
    monkeypatch.setattr(AnnotationBlocks, "read", lambda self, block: (read.append(block), original(self, block))[1])
    for image in (0, 1, 63, 64, 0, 199):
        stored.rows(np.array([image]))
    assert read == [0, 1, 3]
    size = sparse(np.arange(64)).words.nbytes
    for budget, expected in ((0, [0, 1, 0, 1]), (size, [0, 1, 0, 1]), (8 * size, [0, 1])):
        tight = StoredAnnotations(stored._blocks.folder, COUNT, MADE, budget)
        read.clear()
        for image in (0, 70, 1, 71):
            tight.rows(np.array([image]))
        assert read == expected


def test_several_threads_read_at_once(blocks: AnnotationBlocks) -> None:
    tight = StoredAnnotations(blocks.folder, COUNT, MADE, 20_000)
    generator = np.random.default_rng(1)
    asked = [generator.integers(0, COUNT, 40) for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        assert all(
            same(found, sparse(images)) for found, images in zip(pool.map(tight.rows, asked), asked, strict=True)
        )


def test_the_key_is_of_the_content(blocks: AnnotationBlocks, tmp_path: Path) -> None:
    key = blocks.finish("images")[0]
    assert len(key) == 32
    assert blocks.finish("other images")[0] != key
    copy = AnnotationBlocks(tmp_path / "copy", COUNT, GRID)
    copy.begin(blocks.concepts())
    for block in range(len(copy)):
        masks = blocks.read(block)
        if block == 3:
            masks.words[5, 0] ^= np.uint64(1)
        copy.write(block, masks)
    assert copy.finish("images")[0] != key
    copy.write(3, blocks.read(3))
    assert copy.finish("images")[0] == key


def test_damaged_and_missing_files_are_named_with_the_remedy(stored: StoredAnnotations, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    block = folder / "block-00001.parquet"
    data = block.read_bytes()
    block.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    stored.rows(np.array([0, 63, 128]))
    with pytest.raises(StudyError) as caught:
        stored.rows(np.array([64]))
    assert str(caught.value) == (
        f"The annotated masks of the images 64 to 127 are damaged: {str(block)!r} does not fit its checksum. "
        "Restore it from a copy, or remove that file and run `neuronym explain` with the same annotations again."
    )
    block.unlink()
    assert not stored.is_whole
    with pytest.raises(StudyError) as caught:
        stored.rows(np.array([64]))
    assert str(caught.value) == (
        f"The annotated masks of the images 64 to 127 are missing: there is no {str(block)!r}, or other annotations "
        "took their place. Open the study again, restore the file from a copy, or run `neuronym explain` with the same "
        "annotations again."
    )
    block.mkdir()
    with pytest.raises(StudyError, match=r"64 to 127 cannot be read: .* Check its permissions"):
        stored.rows(np.array([64]))
    (folder / "concepts.parquet").unlink()
    with pytest.raises(StudyError, match="The annotated concepts are missing"):
        _ = stored.about
    for name in ("shares", "annotated"):
        next((folder / name).glob("c.*")).write_bytes(b"x")
        with pytest.raises(StudyError, match=r"are incomplete or damaged\. .* or remove that folder"):
            getattr(stored, name)
