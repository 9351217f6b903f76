"""How many units of each layer are detectors of annotated concepts, in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.present.run_made import run_parameters
from neuronym.store.detectors import Detectors, detectors
from neuronym.store.layer_view import LEVELS

if TYPE_CHECKING:
    import pyarrow as pa

    from neuronym.study import Study

_NAMED = 5
"""Concepts that are named in a row."""


def show_detectors(said: pa.Table, console: Console) -> None:
    """For each layer how many units pass, and by category the detectors, the concepts that have one, and the commonest.

    Args:
        said: the explanations of one run of a method that compares masks.
        console: where to.
    """
    found = detectors(said)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("layer", style="cyan", no_wrap=True)
    shown.add_column("category", no_wrap=True)
    for name in ("detectors", "unique"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("most often")  # the one that may take several lines
    for layer, units in Counter(said["layer"].to_pylist()).items():
        _add_layer(shown, layer, units, [one for one in found if one.layer == layer])
    console.print(shown)
    console.print(
        "detectors: units that a concept describes, by its category; unique: concepts that have a detector.",
        style="dim",
        highlight=False,
    )


def note_reach(study: Study, run: str, said: pa.Table, console: Console) -> None:
    """Which concepts cover so much of the images that hardly a unit has enough in common with them, and the remedy.

    Nothing is said of runs whose rule is no quantile or which have no least IoU. A unit's map above its quantile is
    larger or smaller once it is upsampled, so that a few units may reach what most cannot.

    Args:
        study: has the run and its annotations.
        run: the run.
        said: its explanations; concepts that describe a unit are in reach.
        console: where to.
    """
    asked, annotations = run_parameters(study.store.manifest.runs[run]), study.store.annotations
    quantile, least = asked.get("quantile"), asked.get("min_iou")
    if annotations is None or asked.get("threshold") is not None or quantile is None or least is None:
        return
    explain = np.array([image.split == "explain" for image in study.images])
    shares = annotations.shares[explain & annotations.annotated].astype(np.float64).mean(0)
    concepts, described = annotations.about.concepts, set(said["description"].to_pylist())
    beyond = [at for at in out_of_reach(shares, 1 - quantile, least) if concepts[at].name not in described]
    if not beyond:
        return
    named = ", ".join(f"{concepts[at].name!r} ({concepts[at].category})" for at in beyond[:_NAMED])
    more = f" and {len(beyond) - _NAMED} more" if len(beyond) > _NAMED else ""
    enough = [level for level in LEVELS if not out_of_reach(shares[beyond], 1 - level, least)]
    console.print(
        f"Hardly in reach: {named}{more}. They cover {100 * shares[beyond[-1]]:.3g} % of the images or more, and a "
        f"unit that is active in {100 * (1 - quantile):.3g} % of them has an IoU of "
        f"{(1 - quantile) / shares[beyond[-1]]:.2g} at most with such a concept; it takes more than {least:g}."
        + (f" Larger units reach them: --set quantile={max(enough):g}." if enough else ""),
        style="dim",
        highlight=False,
        markup=False,
    )


def out_of_reach(shares: npt.NDArray[np.float64], active: float, least: float) -> list[int]:
    """The concepts whose IoU with a unit cannot be above ``least``, that which covers most first.

    What a unit that is active in a share a of all cells has in common with a concept that covers a larger share c is at
    most all of the unit, and the union is at least the concept: the IoU is a / c at most.

    Args:
        shares: how much of all cells each concept covers, [concepts], 0 to 1.
        active: the same of a unit.
        least: an IoU.
    """
    return [
        int(at) for at in np.argsort(-shares, kind="stable") if shares[at] > active and active <= least * shares[at]
    ]


def _add_layer(shown: Table, layer: str, units: int, found: Sequence[Detectors]) -> None:
    """The rows of one layer; the first is about all categories."""
    count, unique = sum(one.count for one in found), sum(one.unique for one in found)
    shown.add_row(Text(layer), Text("all"), Text(f"{count:,} of {units:,}"), Text(f"{unique:,}"), Text(""))
    for one in found:
        named = ", ".join(f"{concept} {len(of):,}" for concept, of in list(one.units.items())[:_NAMED])
        more = ", …" if one.unique > _NAMED else ""
        shown.add_row(
            Text(""), Text(one.category), Text(f"{one.count:,}"), Text(f"{one.unique:,}"), Text(f"{named}{more}")
        )
