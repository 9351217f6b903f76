"""``neuronym demo``: see Neuronym at work, without a network, an account or images of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuronym.cli.console import Reporter, output


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the studies and the report go.")] = Path("demo"),
    images: Annotated[int, typer.Option("--images", min=100, help="Scenes to explain with; half as many judge.")] = (
        2000
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier demonstration.")] = False,
) -> None:
    """Describe units of two bundled networks on the embedded world, check the descriptions, write a report."""
    from neuronym.cli.showing import show_demonstration
    from neuronym.demo import demonstrate

    with Reporter("Stopped. Begin again with --overwrite.") as report:
        found = demonstrate(out, explain=images, test=images // 2, overwrite=overwrite, report=report)
    show_demonstration(found, output())
    output().print(f"Open {found.page.absolute()}", markup=False, highlight=False, soft_wrap=True)
