"""``neuronym bench score``: how true the labels of any tool are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.bench_end import Places
from neuronym.cli.console import Reporter, errors


def bench_score(
    labels: Annotated[
        list[str],
        typer.Argument(
            metavar="LABELS",
            help="CSV files with unit, description, and host or layer; score and candidates if they like.",
        ),
    ],
    version: Annotated[
        str | None, typer.Option("--version", help="The version that they are for; what is installed by default.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What the labels are called; by default as the first file is.")
    ] = None,
    json: Annotated[str | None, typer.Option("--json", help="Write all that was found there.")] = None,
    report: Annotated[str | None, typer.Option("--report", help="Write a page about it into this folder.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --report.")] = False,
    device: given.Device = "auto",
) -> None:
    """Score labels that any tool made of what `neuronym bench export` writes, beside the true ones and beside nonsense.

    Exit code 1 means that something which must hold on every run does not: it is named.
    """
    from dataclasses import replace

    from neuronym.bench.leaderboard.frozen import SETTINGS
    from neuronym.bench.leaderboard.score import read_labels, score_entry
    from neuronym.bench.version import VERSION

    places = Places.checked(json, report, overwrite=overwrite)
    title, entry = read_labels(labels, name=name, version=VERSION if version is None else version)
    for note in entry.notes:
        errors().print(note, markup=False, highlight=False, soft_wrap=True)
    with Reporter("Stopped. Nothing is kept of labels that are not scored.") as progress:
        found = score_entry(
            title,
            entry,
            labels,
            settings=replace(SETTINGS, device=device),
            command=_command(labels, title, version, device),
            report=progress,
        )
    places.end(found)


def _command(labels: Sequence[str], title: str, version: str | None, device: str) -> str:
    """How to score the same labels again."""
    options = ["--name", title]
    options += [] if version is None else ["--version", version]
    options += [] if device == "auto" else ["--device", device]
    return shlex.join(["neuronym", "bench", "score", *labels, *options])
