"""How many units of each layer are detectors of annotated concepts, in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.store.detectors import Detectors, detectors

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


def note_reach(study: Study, run: str, console: Console) -> None:
    """Which concepts cover so much of the images that no unit could have enough in common with them.

    A unit that is active in a share a of the cells overlaps with a concept that covers a larger share c by a / c at
    most. Under the quantile .995 and the least IoU .04 that rules out what covers an eighth of the images or more.
    """
    key = study.store.manifest.runs[run]["key"]
    annotations, explain = study.store.annotations, [image.split == "explain" for image in study.images]
    if not isinstance(key, dict) or annotations is None:
        return
    asked = {"quantile": 0.0, "min_iou": 0.0, "threshold": None, **key["parameters"]}
    active, counted = 1 - float(asked["quantile"]), explain & annotations.annotated
    if asked["threshold"] is not None or not counted.any():
        return
    shares = annotations.shares[counted].mean(0)
    names = [concept.name for concept in annotations.about.concepts]
    least, most = float(asked["min_iou"]), active / max(float(asked["min_iou"]), 1e-9)
    beyond = [names[at] for at in np.argsort(-shares) if shares[at] >= most]
    if beyond:
        more = f" and {len(beyond) - _NAMED} more" if len(beyond) > _NAMED else ""
        console.print(
            f"Out of reach: {', '.join(beyond[:_NAMED])}{more}. Each covers over {100 * most:.3g} % of the images, "
            f"and a unit that is active in {100 * active:.3g} % of them has an IoU of at most {least:g} with it. "
            "--set quantile=0.98 makes units larger.",
            style="dim",
            highlight=False,
        )


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
