"""``neuronym layers``: what of a model can be explained."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from neuronym.cli import options as given
from neuronym.cli.console import errors, output
from neuronym.records import LayerInfo

_GAP = 3
"""Columns between two columns of the table."""
_LEAST = 6
"""Columns below which a column is not shown."""


def layers(
    model: given.Model,
    weights: given.Weights = None,
    tokens: given.Tokens = None,
    size: given.Size = None,
    crop: given.Crop = None,
    leaves: Annotated[bool, typer.Option("--leaves", help="Leave out modules that contain others.")] = False,
) -> None:
    """List every layer of a model that can be explained, its units and the size of their maps."""
    from neuronym.asking import check_options, choose_target
    from neuronym.targets.layers import default_sample, discover

    check_options(tokens=tokens)

    # Which layers a model has does not depend on its weights, and published ones need a download.
    guessed = weights is None and model.partition(":")[0] in ("torchvision", "timm")
    target = choose_target(model, "random" if guessed else weights, {"size": size, "crop": crop})
    sample = default_sample(target)
    found = discover(target, sample, cast("Any", tokens))
    if leaves:
        parents = {name for name, module in target.model.named_modules() if any(module.children())}
        found = [layer for layer in found if layer.path not in parents]
    output().print(_table(found, output().width))
    height, width = sample.shape[2:]
    text = f"{len(found)} layers of {target.name}, for inputs of {height}x{width}."
    if any(layer.layout == "tokens" and layer.tokens is None for layer in found):
        text += " Layers of tokens need --tokens cls|mean|max|grid."
    if any(layer.activation for layer in found):
        text += " LAYER:after is the layer after the activation function that follows it."
    errors().print(text, highlight=False, markup=False, soft_wrap=True)


def _table(found: list[LayerInfo], width: int) -> Table:
    """Paths are shown whole, for they are what one copies; where the terminal is narrow, other columns give way."""
    columns = {
        "layer": [_path(layer.path) for layer in found],
        "units": [Text(f"{layer.units:,}") for layer in found],
        "map": [Text(_map(layer)) for layer in found],
        "activation": [Text(layer.activation or "") for layer in found],
        "kind": [Text(layer.kind) for layer in found],
    }
    needs = {name: max(len(name), *(len(cell) for cell in cells), 0) for name, cells in columns.items()}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    left = width - 2
    for name in list(columns):
        room = min(needs[name], left)
        if name != "layer" and room < min(needs[name], _LEAST):
            del columns[name]
            continue
        table.add_column(
            name,
            justify="right" if name in ("units", "map") else "left",
            width=room,
            no_wrap=name != "layer",
            overflow="fold" if name == "layer" else "ellipsis",
        )
        left -= room + _GAP
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table


def _path(path: str) -> Text:
    """A path whose last part, which tells it from its neighbours, stands out."""
    parents, dot, last = path.rpartition(".")
    return Text.assemble((parents + dot, "dim cyan"), (last, "bold cyan"))


def _map(layer: LayerInfo) -> str:
    if layer.map_size is not None:
        return f"{layer.map_size[0]}x{layer.map_size[1]}"
    return f"{layer.token_count} tokens" if layer.layout == "tokens" else ""
