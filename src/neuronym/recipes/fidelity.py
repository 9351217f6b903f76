"""How faithfully each channel of ``bundled:concepts`` follows the concept it was taught: the figures of its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neuronym.functional.metrics.agreement import pearson_rows
from neuronym.recipes.scenes import pixels_of
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.taught import CELLS, LAYER, Maps, taught_maps, taught_presence, taught_units

Column = npt.NDArray[np.float64]

FIGURES = ("most", "mean", "map", "iou", "mean_of_truth")
"""The figures of :class:`Fidelity` in the order of the card's tables."""

THRESHOLD = 0.5
"""A cell counts as shown by a channel above this value, and as the concept's where it covers more than this share."""


@dataclass(frozen=True)
class Fidelity:
    """How well one channel follows its concept on scenes it was not trained on.

    Attributes:
        index: the channel.
        kind: how the concept is made.
        text: what it was taught.
        share: of the scenes have the concept, 0..1.
        mean: correlation of the map's mean with the concept's presence, -1..1.
        most: correlation of the map's maximum with the concept's presence, -1..1.
        map: correlation of the map with the covered share of each cell, over all cells of all scenes, -1..1.
        iou: intersection over union of the cells shown and those of the concept, over all scenes, 0..1.
        mean_of_truth: ``mean`` of a perfect map, less than 1 because large objects cover more cells than small ones.
    """

    index: int
    kind: str
    text: str
    share: float
    mean: float
    most: float
    map: float
    iou: float
    mean_of_truth: float


def fidelities(model: Any, images: int = 4096, batch: int = 128) -> list[Fidelity]:
    """The fidelity of every channel, measured on the first scenes of the test split.

    Args:
        model: the network, in evaluation mode.
        images: how many scenes.
        batch: how many at a time.
    """
    present = taught_presence(draw_scenes(SEEDS["test"], np.arange(images))).T.astype(np.float64)
    cells, pictures = _Cells(), []
    for maps, truth in _maps(model, images, batch):
        cells.add(maps, truth)
        pictures.append(np.stack([maps.mean((2, 3)), maps.max((2, 3)), truth.mean((2, 3))]))
    tables = np.concatenate(pictures, 1, dtype=np.float64).swapaxes(1, 2)  # [3, channels, scenes]
    mean, most, mean_of_truth = (_correlations(table, present) for table in tables)
    columns = (present.mean(1), mean, most, cells.correlation(), cells.iou(), mean_of_truth)
    return [
        Fidelity(unit.index, unit.kind, unit.text, *(round(float(column[unit.index]), 4) for column in columns))
        for unit in taught_units()
    ]


def fidelity_of_kinds(rows: Sequence[Fidelity]) -> dict[str, dict[str, float]]:
    """The median over channels of each figure, for all of them and for each kind; ``channels`` says how many."""
    groups = {"all": list(rows)}
    for row in rows:
        groups.setdefault(row.kind, []).append(row)
    return {
        kind: {"channels": len(group)}
        | {figure: round(median(getattr(row, figure) for row in group), 4) for figure in FIGURES}
        for kind, group in groups.items()
    }


def fidelity_card(rows: Sequence[Fidelity]) -> dict[str, Any]:
    """What a card says of the channels."""
    return {"layer": LAYER, "fidelity": fidelity_of_kinds(rows), "units": [asdict(row) for row in rows]}


def fidelity_text(card: Mapping[str, Any]) -> str:
    """The part of a README about the channels, from what the card says of them."""
    kinds = "\n".join(f"| {kind} | {row['channels']} | {_cells(row)} |" for kind, row in card["fidelity"].items())
    units = "\n".join(
        f"| {row['index']} | {row['text']} | {row['share']:.1%} | {_cells(row)} |" for row in card["units"]
    )
    return f"""
Each channel of the layer `{card["layer"]}` was taught one concept. How well it follows the concept on the same scenes:
correlation of its maximum and of its mean with the concept's presence, of its map with the share of each cell that
the concept covers, and intersection over union of cells above {THRESHOLD}. The mean of a perfect map has the
correlation of the last column, for large objects cover more cells than small ones. Medians:

| kind | channels | maximum | mean | map | IoU | mean of a perfect map |
|---|---|---|---|---|---|---|
{kinds}

| channel | concept | of scenes | maximum | mean | map | IoU | mean of a perfect map |
|---|---|---|---|---|---|---|---|
{units}
"""


def _cells(row: Mapping[str, float]) -> str:
    return " | ".join(f"{row[figure]:.2f}" for figure in FIGURES)


def _maps(model: Any, images: int, batch: int) -> Iterator[tuple[Maps, Maps]]:
    """The maps of the network, and those of a perfect one, each float32 [n, channels, 16, 16]."""
    shown: list[torch.Tensor] = []
    handle = model.get_submodule(LAYER).register_forward_hook(lambda module, given, output: shown.append(output))
    try:
        for start in range(0, images, batch):
            scenes = draw_scenes(SEEDS["test"], np.arange(start, min(start + batch, images)))
            pictures, regions = render(scenes)
            with torch.inference_mode():
                model(pixel_values=pixels_of(pictures))
            yield shown.pop().float().numpy(), taught_maps(scenes, regions)
    finally:
        handle.remove()


class _Cells:
    """Sums over all cells seen, by channel, from which figures of maps are computed."""

    def __init__(self) -> None:
        self._count = 0
        self._moments = np.zeros((5, len(taught_units())))
        self._both = np.zeros((2, len(taught_units())))

    def add(self, maps: Maps, truth: Maps) -> None:
        """Some more scenes, each array float32 [n, channels, 16, 16]."""
        shown, true = maps > THRESHOLD, truth > THRESHOLD
        self._count += len(maps) * CELLS * CELLS
        one, other = maps.astype(np.float64), truth.astype(np.float64)
        self._moments += [p.sum((0, 2, 3)) for p in (one, other, one * one, other * other, one * other)]
        self._both += [(shown & true).sum((0, 2, 3)), (shown | true).sum((0, 2, 3))]

    def correlation(self) -> Column:
        """Of maps and truth, [channels]; 0 where one of them is the same in all cells."""
        one, other, ones, others, both = self._moments / self._count
        variances = (ones - one * one).clip(0) * (others - other * other).clip(0)
        return _ratio(both - one * other, np.sqrt(variances))

    def iou(self) -> Column:
        """Cells of both over cells of either, [channels]; 0 where there are none."""
        return _ratio(*self._both)


def _correlations(one: Column, other: Column) -> Column:
    """Of each row of one table with that of the other, [rows]."""
    return pearson_rows(torch.from_numpy(one), torch.from_numpy(other)).numpy()


def _ratio(value: Column, by: Column) -> Column:
    return np.divide(value, by, out=np.zeros_like(value), where=by > 0)
