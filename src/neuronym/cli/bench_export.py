"""``neuronym bench export``: what the benchmark shows, for any tool to describe."""

from __future__ import annotations

from typing import Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, errors, output


def bench_export(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where to; parents are made.")],
    images: Annotated[
        bool, typer.Option("--images", help="Also write the 3,000 images as PNG files, 21 MB in all.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an export that is there, unless descriptions are filled in.")
    ] = False,
    device: given.Device = "auto",
) -> None:
    """Write activations, images' ids and tables of units, to be described by any tool; README.md in it says how.

    `neuronym bench score` scores the tables when they are filled in.
    """
    from dataclasses import replace

    from neuronym.bench.leaderboard.export import export
    from neuronym.bench.leaderboard.frozen import SETTINGS
    from neuronym.bench.leaderboard.place import GUIDE
    from neuronym.bench.version import VERSION

    with Reporter("Stopped. The export is not finished: make it anew with --overwrite.") as progress:
        found = export(
            folder,
            images=images,
            overwrite=overwrite,
            settings=replace(SETTINGS, device=device),
            report=progress,
        )
    hosts = ", ".join(f"{name} {units}" for name, units in found.hosts)
    errors().print(
        f"Version {VERSION}: {found.images:,} images, units of {hosts}; {found.bytes / 1e6:.0f} MB.",
        highlight=False,
        soft_wrap=True,
    )
    output().print(f"Read {found.folder.absolute() / GUIDE}", markup=False, highlight=False, soft_wrap=True)
