"""How many units of each layer are detectors of annotated concepts, in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.store.detectors import Detectors, detectors

if TYPE_CHECKING:
    import pyarrow as pa

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
    shown.add_column("layer", style="cyan", overflow="fold")
    shown.add_column("category")
    for name in ("detectors", "unique"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("most often", no_wrap=True, overflow="ellipsis")
    for layer, units in Counter(said["layer"].to_pylist()).items():
        _add_layer(shown, layer, units, [one for one in found if one.layer == layer])
    console.print(shown)
    console.print(
        "detectors: units that a concept describes, by its category; unique: concepts that have a detector.",
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
