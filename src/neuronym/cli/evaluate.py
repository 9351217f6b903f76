"""``neuronym evaluate``: how true the descriptions are on the test images."""

from __future__ import annotations

from typing import Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.console import output


def evaluate(
    study: given.StudyFolder,
    source: Annotated[
        str, typer.Option("--source", help="Where concepts are looked up: labels or labels:GROUP.")
    ] = "labels",
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
) -> None:
    """Correlate each description with its unit over the images that the method did not see."""
    from neuronym.cli.showing import show_figures
    from neuronym.study import Study

    opened = Study.open(study)
    show_figures(opened.evaluate(source, run=run), opened.store.manifest.runs, output())
