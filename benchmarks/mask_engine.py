"""How much faster is the mask engine than dense arrays, how far from the machine's limits, and what does it hold?

All cells that each unit shares with each concept are counted, over all images, in two settings. "realistic": 0.5 % of a
unit's cells are active, in discs in every seventh image, and an image shows about ten concepts, as rectangles. "worst":
every image shows every concept, and every mask is random bits.

The sides start from masks in the form that each needs, made beforehand. "engine" takes packed masks, 32 images at a
time, with all that Network Dissection asks for (areas, categories). "count_nonzero" is ``np.count_nonzero(a & b)`` of
dense boolean rows for some pairs of units and concepts over all images; "matmul" is ``torch.mm`` of float32 over blocks
of 20 images, for some of the images. Both are extrapolated to all pairs or images; their data would not fit in the
memory of most machines. Their results on the sample are compared with the engine's. The sides take turns.

Limits: "read" is the time that a sum over memory, measured in the same run, takes for the bytes of all masks. "words"
is the time for an AND, a count and a sum of every word of every pair of masks in an image, as fast as words in the
first-level cache are counted; the engine leaves out words without an active cell.

With ``--one-thread`` the time is the processor's, of one thread: what others do on the machine then counts for less.

    python benchmarks/mask_engine.py [--units 256] [--images 2000] [--concepts 200] [--side 56] [--repeats 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from common import Clock, in_turns, ratio, read_speed, store
from neuronym.functional import _numba, _overlaps
from neuronym.functional.iou import Overlaps
from neuronym.functional.unit_masks import masks_above
from neuronym.records import ConceptMasks, packed, unpacked

TOGETHER = 32  # images that the engine is given at a time
BLOCK, BLOCKS = 20, 5  # images of one product of matrices, and products that are timed
PAIRS = 12  # of unit and concept, that np.count_nonzero is timed on
CATEGORIES = 6


@dataclass(frozen=True)
class Masks:
    """Packed masks of all images."""

    units: np.ndarray
    concepts: ConceptMasks
    count: int
    grid: tuple[int, int]

    def blocks(self) -> list[tuple[np.ndarray, ConceptMasks]]:
        starts, found = self.concepts.starts, []
        for first in range(0, len(self.units), TOGETHER):
            cut = starts[first : first + TOGETHER + 1]
            here, images = slice(cut[0], cut[-1]), slice(first, first + TOGETHER)
            masks = self.concepts
            part = ConceptMasks(cut - cut[0], masks.concepts[here], masks.words[here], masks.valid[images])
            found.append((self.units[images], part))
        return found

    def dense(self, images: slice) -> tuple[np.ndarray, np.ndarray]:
        """All masks of some images as booleans: [units, pixels] and [concepts, pixels]."""
        chosen = range(*images.indices(len(self.units)))
        cells = self.grid[0] * self.grid[1]
        theirs = np.zeros((self.count, len(chosen), cells), np.bool_)
        for place, image in enumerate(chosen):
            numbers, words = self.concepts.of(image)
            theirs[numbers, place] = unpacked(words, self.grid).reshape(-1, cells)
        ours = unpacked(self.units[images], self.grid).swapaxes(0, 1)
        return ours.reshape(self.units.shape[1], -1), theirs.reshape(self.count, -1)

    def row(self, unit: int, concept: int) -> tuple[np.ndarray, np.ndarray]:
        """The masks of one unit and one concept in all images, as booleans."""
        theirs = np.zeros((len(self.units), self.units.shape[2]), np.uint64)
        images = np.repeat(np.arange(len(self.units)), np.diff(self.concepts.starts))
        shown = self.concepts.concepts == concept
        theirs[images[shown]] = self.concepts.words[shown]
        return unpacked(self.units[:, unit], self.grid).ravel(), unpacked(theirs, self.grid).ravel()

    @property
    def pairs(self) -> int:
        """Of a unit's and a concept's mask in one image."""
        return self.units.shape[1] * len(self.concepts.concepts)

    @property
    def nbytes(self) -> int:
        return self.units.nbytes + self.concepts.words.nbytes + self.concepts.valid.nbytes


def realistic(units: int, images: int, concepts: int, side: int) -> Masks:
    random = np.random.default_rng(0)
    ys, xs = np.mgrid[:side, :side]
    ours, theirs, numbers = [], [], []
    for _ in range(images):
        masks = np.zeros((units, side, side), np.bool_)
        active = np.flatnonzero(random.random(units) < 1 / 7)
        radius = random.normal(0.106, 0.02, len(active))[:, None, None] * side
        y, x = random.random((2, len(active), 1, 1)) * side
        masks[active] = (ys - y) ** 2 + (xs - x) ** 2 < radius**2
        ours.append(packed(masks))
        shown = np.sort(random.choice(concepts, min(random.poisson(10), concepts), replace=False))
        top, left = random.integers(0, side * 6 // 7, (2, len(shown), 1, 1))
        height, width = random.integers(side // 7, side // 2, (2, len(shown), 1, 1))
        theirs.append(packed((ys >= top) & (ys < top + height) & (xs >= left) & (xs < left + width)))
        numbers.append(shown)
    return together(np.stack(ours), theirs, numbers, concepts, side)


def worst(units: int, images: int, concepts: int, side: int) -> Masks:
    random = np.random.default_rng(0)
    whole = packed(np.ones((side, side), np.bool_))
    ours = random.integers(0, 2**64, (images, units, len(whole)), np.uint64) & whole
    theirs = random.integers(0, 2**64, (images, concepts, len(whole)), np.uint64) & whole
    return together(ours, list(theirs), [np.arange(concepts)] * images, concepts, side)


def together(ours: np.ndarray, theirs: list[np.ndarray], numbers: list[np.ndarray], concepts: int, side: int) -> Masks:
    starts = np.cumsum([0, *map(len, numbers)])
    valid = np.tile(packed(np.ones((side, side), np.bool_)), (len(ours), 1))
    masks = ConceptMasks(starts, np.concatenate(numbers), np.concatenate(theirs), valid)
    return Masks(ours, masks, concepts, (side, side))


def engine(blocks: list[tuple[np.ndarray, ConceptMasks]], concepts: int) -> Overlaps:
    state = Overlaps(blocks[0][0].shape[1], concepts, np.arange(concepts) % CATEGORIES)
    for units, masks in blocks:
        state.update(units, masks)
    return state


def products(blocks: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    total = torch.zeros(blocks[0][0].shape[0], blocks[0][1].shape[0], dtype=torch.float64)
    for ours, theirs in blocks:
        total += torch.mm(ours, theirs.T)
    return total


@_numba.kernel
def _count(masks: Any, other: Any, rounds: int) -> int:
    total = 0
    for r in range(rounds):
        total += _overlaps._cells(masks[r % len(masks)], other)
    return total


def counted_per_second(clock: Clock) -> float:
    """Words that are cut with another and counted per second, on all threads, from the first-level cache."""
    words = np.random.default_rng(0).integers(0, 2**64, (5, 512), np.uint64)
    threads, rounds = torch.get_num_threads(), 400_000
    pieces = [(i, i + 1) for i in range(threads)]

    def run() -> None:
        _numba.run(lambda *_: _count(words[:4].copy(), words[4].copy(), rounds), pieces)

    return threads * rounds * 512 / min(in_turns(5, {"count": run}, clock=clock)["count"])


def measure(masks: Masks, repeats: int, clock: Clock) -> dict[str, Any]:
    images, units, size = masks.units.shape
    cells, random = masks.grid[0] * masks.grid[1], np.random.default_rng(1)
    pairs = [(int(random.integers(units)), int(random.integers(masks.count))) for _ in range(PAIRS)]
    rows = [masks.row(*pair) for pair in pairs]
    timed = min(BLOCKS * BLOCK, images) // BLOCK * BLOCK
    dense = [masks.dense(slice(first, first + BLOCK)) for first in range(0, timed, BLOCK)]
    floats = [(torch.from_numpy(a).float(), torch.from_numpy(b).float()) for a, b in dense]
    blocks = masks.blocks()
    sides: dict[str, Callable[[], Any]] = {
        "engine": lambda: engine(blocks, masks.count),
        "count_nonzero": lambda: [np.count_nonzero(a & b) for a, b in rows],
        "matmul": lambda: products(floats),
    }
    found = engine(blocks, masks.count).intersections
    first = engine(
        Masks(masks.units[:timed], _first(masks.concepts, timed), masks.count, masks.grid).blocks(), masks.count
    )
    assert sides["count_nonzero"]() == [found[pair] for pair in pairs]
    assert np.array_equal(products(floats).numpy(), first.intersections)
    times = in_turns(repeats, sides, clock=clock)
    scale = {"engine": 1.0, "count_nonzero": units * masks.count / PAIRS, "matmul": images / timed}
    full = {name: [second * scale[name] for second in seconds] for name, seconds in times.items()}
    reading, counting = read_speed(clock=clock), counted_per_second(clock)
    words = masks.pairs * size
    return {
        "density": {
            "units": float(np.bitwise_count(masks.units).mean() * size / cells),
            "units_words_active": float((masks.units != 0).mean()),
            "units_masks_active": float(masks.units.any(2).mean()),
            "concepts_per_image": len(masks.concepts.concepts) / images,
        },
        "times_faster": {name: ratio(full[name], full["engine"]) for name in ("count_nonzero", "matmul")},
        "seconds": {name: {"best": min(list_), "median": float(np.median(list_))} for name, list_ in full.items()},
        "timed": {"pairs": PAIRS, "of_pairs": units * masks.count, "images_of_matmul": timed, "repeats": repeats},
        "bytes": {
            "engine": masks.nbytes,
            "engine_at_a_time": masks.nbytes * TOGETHER // images,
            "count_nonzero": (units + masks.count) * images * cells,
            "matmul": 4 * (units + masks.count) * images * cells,
            "matmul_at_a_time": 4 * (units + masks.count) * BLOCK * cells,
        },
        "limits": {
            "bytes_read": masks.nbytes,
            "gigabytes_per_second": reading / 1e9,
            "read_seconds": masks.nbytes / reading,
            "words": words,
            "gigawords_per_second": counting / 1e9,
            "words_seconds": words / counting,
            "engine_over_read": min(times["engine"]) * reading / masks.nbytes,
            "engine_over_words": min(times["engine"]) * counting / words,
            "matmul_gigaflops": 2 * units * masks.count * timed * cells / min(times["matmul"]) / 1e9,
        },
    }


def _first(masks: ConceptMasks, images: int) -> ConceptMasks:
    end = masks.starts[images]
    return ConceptMasks(masks.starts[: images + 1], masks.concepts[:end], masks.words[:end], masks.valid[:images])


def upsampling(units: int, side: int, repeats: int, clock: Clock, images: int = 32, height: int = 14) -> dict[str, Any]:
    """Masks of a batch of a layer's maps, from the maps; torch's way computes every cell, in float32."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.nn.functional.avg_pool2d(torch.randn(images, units, height + 4, height + 4, generator=generator), 5, 1)
    levels = maps.transpose(0, 1).flatten(1).double().quantile(0.995, 1)
    thresholds, grid = levels.numpy(), (side, side)
    last = maps.contiguous(memory_format=torch.channels_last)

    def plain() -> np.ndarray:
        large = torch.nn.functional.interpolate(maps, grid, mode="bilinear", align_corners=False)
        above = large > levels.float()[:, None, None]
        return np.packbits(above.numpy().reshape(images, units, -1), axis=-1, bitorder="little")

    sides = {
        "masks_above": lambda: masks_above(maps, thresholds, grid),
        "masks_above_channels_last": lambda: masks_above(last, thresholds, grid),
        "torch": plain,
    }
    times = in_turns(repeats, sides, clock=clock)
    return {
        "shape": {"images": images, "units": units, "map": [height, height], "grid": list(grid)},
        "maps_with_active_cells": float((maps.amax((2, 3)) > levels).double().mean()),
        "seconds": {name: {"best": min(list_), "median": float(np.median(list_))} for name, list_ in times.items()},
        "times_faster": ratio(times["torch"], times["masks_above"]),
        "times_faster_channels_last": ratio(times["torch"], times["masks_above_channels_last"]),
    }


def show(name: str, result: dict[str, Any]) -> None:
    seconds = ", ".join(f"{side} {1e3 * value['best']:.1f} ms" for side, value in result["seconds"].items())
    print(f"{name}: {seconds}")
    for side, figures in result["times_faster"].items():
        text = "   ".join(f"{which} {v:.1f}" for which, v in figures.items()) if isinstance(figures, dict) else figures
        print(f"  times faster ({side}): {text}")
    limits = result.get("limits")
    if limits:
        print(
            f"  {limits['bytes_read'] / 1e6:.0f} MB at {limits['gigabytes_per_second']:.1f} GB/s: "
            f"{1e3 * limits['read_seconds']:.1f} ms; {limits['words'] / 1e6:.0f} million words at "
            f"{limits['gigawords_per_second']:.1f} G/s: {1e3 * limits['words_seconds']:.1f} ms; "
            f"matmul at {limits['matmul_gigaflops']:.0f} GFLOP/s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--concepts", type=int, default=200)
    parser.add_argument("--side", type=int, default=56)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one-thread", action="store_true")
    arguments = parser.parse_args()
    shape = {name: getattr(arguments, name) for name in ("units", "images", "concepts", "side")}
    clock = time.process_time if arguments.one_thread else time.perf_counter
    if arguments.one_thread:
        torch.set_num_threads(1)
    result: dict[str, Any] = {"shape": shape}
    for name, make in (("realistic", realistic), ("worst", worst)):
        result[name] = measure(make(**shape), arguments.repeats, clock)
        show(name, result[name])
    result["upsampling"] = upsampling(arguments.units, arguments.side, arguments.repeats, clock)
    show("upsampling", result["upsampling"])
    store("mask_engine-one-thread" if arguments.one_thread else "mask_engine", result)


if __name__ == "__main__":
    main()
