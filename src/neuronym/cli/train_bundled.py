"""``neuronym train-bundled``: make a checkpoint that comes with Neuronym again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuronym.cli.console import Reporter, output


def train_bundled(
    name: Annotated[str, typer.Argument(metavar="NAME", help="resnet, vit, concepts, clip or align.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Put its folder here, instead of where Neuronym loads it from.")
    ] = None,
) -> None:
    """Train a bundled checkpoint on the embedded world; minutes are stated in each checkpoint's card."""
    from neuronym.recipes.bundled import make

    with Reporter("Stopped. Nothing was kept.") as report:
        place = make(name, out, lambda step, steps, _: report(f"training {name}", step, steps))
    output().print((place / "README.md").read_text(encoding="utf-8"), markup=False, highlight=False)
    output().print(f"Written to {place}", markup=False, highlight=False, soft_wrap=True)
