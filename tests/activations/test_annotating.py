"""Masks of a study's images, built block by block, against all of them at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from neuronym.activations.annotating import build, grid_of, in_threads, masks_of
from neuronym.errors import ProbeError, StudyError
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Annotated, Grid, ImageMasks, ImageRecord, unpacked
from neuronym.store.annotation_blocks import AnnotationBlocks
from painted_images import CENTRED, CONCEPTS, Painted, painted_probe

GRID = (8, 8)
COUNT = 150
"""Two whole blocks and a part of one."""


def made(folder: Path, painted: Painted, probe: ProbeSet, grid: Grid = GRID) -> Annotated:
    return build(painted, probe, CENTRED.geometry, folder, grid)


def dense(painted: Painted, probe: ProbeSet, grid: Grid) -> tuple[list[dict[int, np.ndarray]], np.ndarray]:
    """The mask of each concept in each image, and the cells that count, by a loop over cells."""
    found, valid = [], np.zeros((len(probe), *grid), np.bool_)
    for at, record in enumerate(probe.images):
        geometry, masks = CENTRED.geometry(record.height, record.width), painted.masks(record)
        here: dict[int, np.ndarray] = {}
        for row in range(grid[0]) if masks else ():
            for column in range(grid[1]):
                assert masks is not None
                size = masks.masks.shape[1:]
                x, y = geometry.to_image(
                    (column + 0.5) * geometry.input[1] / grid[1], (row + 0.5) * geometry.input[0] / grid[0]
                )
                valid[at, row, column] = True
                pixel = int(y * size[0] / record.height), int(x * size[1] / record.width)
                lit = [n for n, mask in zip(masks.concepts, masks.masks, strict=True) if mask[pixel]] + [*masks.whole]
                for number in lit:
                    here.setdefault(int(number), np.zeros(grid, np.bool_))[row, column] = True
        found.append(here)
    return found, valid


@pytest.mark.parametrize("scale", [1, 3])
def test_it_equals_a_dense_computation(tmp_path: Path, scale: int) -> None:
    painted = Painted(COUNT, scale=scale)
    probe = painted_probe(painted)
    told: list[tuple[int, int]] = []
    about = build(painted, probe, CENTRED.geometry, tmp_path / "a", GRID, lambda *done: told.append(done))
    expected, valid = dense(painted, probe, GRID)
    assert about.concepts == CONCEPTS
    assert (about.grid, about.source, about.images) == (GRID, "painted", COUNT * 4 // 5)
    assert told == [(done, COUNT) for done in range(1, COUNT + 1)]
    blocks = AnnotationBlocks(tmp_path / "a", COUNT, GRID)
    shares, places = blocks.shares(), iter(range(COUNT))
    for block in range(len(blocks)):
        masks = blocks.read(block)
        for image in range(len(masks)):
            at = next(places)
            concepts, words = masks.of(image)
            assert concepts.tolist() == sorted(expected[at])
            assert np.array_equal(unpacked(masks.valid[image], GRID), valid[at])
            for number, mask in zip(concepts, unpacked(words, GRID), strict=True):
                assert np.array_equal(mask, expected[at][int(number)])
            lit = [expected[at].get(number, np.zeros(1)).sum() for number in range(len(CONCEPTS))]
            np.testing.assert_allclose(shares[at], np.array(lit) / max(1, valid[at].sum()), rtol=1e-6)
    assert next(places, None) is None
    assert np.array_equal(blocks.annotated(), valid.any((1, 2)))


def test_equal_annotations_have_equal_keys(tmp_path: Path) -> None:
    painted = Painted(COUNT)
    probe = painted_probe(painted)
    first = made(tmp_path / "a", painted, probe)
    assert made(tmp_path / "b", Painted(COUNT, stamp="2"), probe) == first
    assert made(tmp_path / "c", painted, probe, (8, 9)).key != first.key
    assert made(tmp_path / "d", Painted(COUNT, annotated=lambda number: number < 100), probe).key != first.key
    painted.concepts = (*CONCEPTS[:-1], CONCEPTS[0])
    assert made(tmp_path / "e", painted, probe).key != first.key
    other = Painted(COUNT, seed=1)
    assert made(tmp_path / "f", other, painted_probe(other)).key != first.key


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    painted = Painted(COUNT)
    probe = painted_probe(painted)
    first = made(tmp_path, painted, probe)
    (tmp_path / "block-00001.parquet").unlink()
    (tmp_path / "shares" / "c.2.0").unlink()
    asked: list[str] = []

    class Watched(Painted):
        def masks(self, record: ImageRecord) -> ImageMasks | None:
            asked.append(record.id)
            return super().masks(record)

    assert not AnnotationBlocks(tmp_path, COUNT, GRID).is_finished
    assert made(tmp_path, Watched(COUNT), probe) == first
    assert sorted(asked) == sorted(probe.ids()[64:])
    assert AnnotationBlocks(tmp_path, COUNT, GRID).is_finished
    (tmp_path / "block-00000.parquet").write_bytes(b"cut off")
    with pytest.raises(StudyError, match=r"images 0 to 63 are damaged: '.*block-00000\.parquet' does not fit"):
        made(tmp_path, painted, probe)


def test_the_grid_is_chosen_by_what_the_network_sees_of_the_labels() -> None:
    # 12 by 16 pixels become 16 by 21, of which the network sees 16 by 16: 16 / 21 of the columns.
    for scale, expected in ((1, (12, 12)), (3, (36, 37)), (30, (112, 112))):
        painted = Painted(8, (12, 16), scale)
        assert grid_of(painted, painted_probe(painted), CENTRED.geometry) == expected
    bare = Painted(8, annotated=lambda _: False)
    assert grid_of(bare, painted_probe(bare), CENTRED.geometry) == (112, 112)


ONE = np.ones((1, 2, 2), np.bool_)
NONE = np.zeros(0, np.int64)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (ImageMasks(np.array([0, 1]), ONE, NONE), r"2 concepts with masks bool \[1, 2, 2\]"),
        (ImageMasks(np.array([0]), ONE.astype(np.uint8), NONE), r"1 concepts with masks uint8 \[1, 2, 2\]"),  # type: ignore[arg-type]
        (ImageMasks(np.array([0]), ONE[:, :0], NONE), "masks of 0x2 pixels"),
        (ImageMasks(np.array([5]), ONE, NONE), "the concepts 5 to 5 of 5"),
        (ImageMasks(np.array([0]), ONE, np.array([-1])), "the concepts -1 to 0 of 5"),
        (ImageMasks(np.array([1, 1]), ONE[[0, 0]], NONE), "a concept twice"),
    ],
)
def test_masks_that_are_none_are_refused(given: ImageMasks, wrong: str) -> None:
    painted = Painted()
    painted.masks = lambda record: given  # type: ignore[method-assign, assignment]
    with pytest.raises(ProbeError, match=f"^The annotations 'painted' give {wrong} for the image 'm'. Repair them.$"):
        masks_of(painted, ImageRecord("i", "s", "m", 2, 2))


def test_work_in_threads_is_in_order_and_not_far_ahead() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.001 * (number % 3))
        return -number

    results = in_threads(work, range(500))
    assert [next(results) for _ in range(5)] == [0, -1, -2, -3, -4]
    assert max(begun) < 5 + 2 * 8 + 2
    results.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("neuronym-masks")]

    def fail(number: int) -> int:
        raise ProbeError(f"no {number}")

    with pytest.raises(ProbeError, match="no 0"):
        list(in_threads(fail, range(3)))
