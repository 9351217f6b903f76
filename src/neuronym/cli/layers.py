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
    output().print(_table(found))
    height, width = sample.shape[2:]
    text = f"{len(found)} layers of {target.name}, for inputs of {height}x{width}."
    if any(layer.layout == "tokens" and layer.tokens is None for layer in found):
        text += " Layers of tokens need --tokens cls|mean|max|grid."
    if any(layer.activation for layer in found):
        text += " LAYER:after is the layer after the activation function that follows it."
    errors().print(text, highlight=False, markup=False, soft_wrap=True)


def _table(found: list[LayerInfo]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", style="cyan", overflow="fold")
    table.add_column("kind")
    table.add_column("units", justify="right")
    table.add_column("map", justify="right")
    table.add_column("activation")
    for layer in found:
        table.add_row(Text(layer.path), layer.kind, f"{layer.units:,}", _map(layer), layer.activation or "")
    return table


def _map(layer: LayerInfo) -> str:
    if layer.map_size is not None:
        return f"{layer.map_size[0]}x{layer.map_size[1]}"
    return f"{layer.token_count} tokens" if layer.layout == "tokens" else ""
