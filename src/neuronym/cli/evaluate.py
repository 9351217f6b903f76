"""``neuronym evaluate``: how true the descriptions are on the test images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, errors, output
from neuronym.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from neuronym.study import Study


def evaluate(
    study: given.StudyFolder,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="What says how much of a description is in an image: truth (images that know, as the world's do), "
            "annotations (masks), labels, labels:GROUP, encoder:NAME, generated:NAME (images made of it), or auto: "
            "truth where there is one, else annotations for methods that look at them, else labels.",
        ),
    ] = "auto",
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--labels",
            help="Judge anyone's labels too: [LAYER=]FILE, a CSV with layer, unit and description or in the layout of "
            "CLIP-Dissect, MILAN, DnD, Network Dissection, INVERT, FALCON or Linear Explanations; may be repeated.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="What each of the --labels is called, in their order; its file's name if not given."
        ),
    ] = None,
    first_unit: Annotated[
        int | None,
        typer.Option("--first-unit", min=0, max=1, help="What --labels count units from, if not from 0."),
    ] = None,
    summary: Annotated[
        str | None, typer.Option("--summary", help="The summary that --labels are judged by; mean if not given.")
    ] = None,
    hierarchy: Annotated[
        str | None,
        typer.Option("--hierarchy", help="Names above the labels: a CSV of name and the one above, or JSON."),
    ] = None,
    templates: Annotated[
        list[str] | None,
        typer.Option("--template", help="A prompt for encoder:NAME, such as 'a photo of a {}'; may be repeated."),
    ] = None,
    masks: Annotated[
        bool,
        typer.Option(
            "--masks",
            help="Compare where units fire with where their descriptions are, also for methods that do not look at "
            "pixels; with annotations, or truth for images that know.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Let an encoder judge the descriptions that it made itself.")
    ] = False,
    truth: Annotated[
        str | None,
        typer.Option(
            "--truth",
            help="Compare with known names of units too: classes (the model's own, of its last layer) or [LAYER=]FILE.",
        ),
    ] = None,
    similarity: Annotated[
        list[str] | None,
        typer.Option(
            "--similarity",
            help="How alike a description and a known name are: token-f1 (the default), encoder:NAME, sentence:NAME or "
            "bertscore:NAME; may be repeated.",
        ),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
    share: Annotated[
        float, typer.Option("--share", help="The share of explain images on which a unit counts as active.")
    ] = 0.05,
    k: Annotated[int, typer.Option("--k", min=1, help="How many of the strongest images recall@k looks at.")] = 20,
    draws: Annotated[int, typer.Option("--draws", help="Resamples of the images behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Decides resamples and random labels.")] = 0,
    out: Annotated[
        str | None, typer.Option("--out", help="Write the figures there too: .csv, .json or .parquet.")
    ] = None,
    device: given.Device = "auto",
) -> None:
    """Judge each description by the images that the method did not see, beside random, shuffled and constant labels."""
    from neuronym.cli.judged import show_evaluations, show_names
    from neuronym.evaluate.evaluation import Settings
    from neuronym.store.atomic import check_writable
    from neuronym.store.query import export_figures
    from neuronym.study import Study

    if out is not None and Path(out).suffix not in (".csv", ".json", ".parquet"):
        raise UserError(f"--out {out!r} does not tell the format. End it in .csv, .json or .parquet.")
    if out is not None:
        check_writable(Path(out).expanduser())
    if similarity and truth is None:
        raise UserError("--similarity compares with known names, and no --truth was given. Add it, or leave both out.")
    for option, value in (("--first-unit", first_unit), ("--summary", summary)):
        if value is not None and not labels and (truth is None or option == "--summary"):
            raise UserError(f"{option} is about --labels, and none were given. Add them, or leave it out.")
    if names and len(names) != len(labels or ()):
        raise UserError(
            f"There are {len(labels or ())} --labels and {len(names)} --name. Give each of the labels a name, in the "
            "same order, or none."
        )
    settings = Settings(share, k, draws, seed)
    with Reporter("Stopped. The runs that were judged by then are kept.") as progress:
        opened = Study.open(study, progress)
        if run is not None:
            opened.store.explanations(run)  # before labels are taken in, so that a wrong name changes nothing
        called: list[str | None] = [*names] if names else [None] * len(labels or ())
        imported = [
            _import(opened, one, name, first_unit, summary, progress.console)
            for one, name in zip(labels or (), called, strict=True)
        ]
        known = None
        if truth is not None:  # first, because it is done in a moment and may be refused
            alike = tuple(similarity or ("token-f1",))
            known = opened.compare_names(truth, alike, run=run, first_unit=first_unit, seed=seed, device=device)
        found = opened.evaluate(
            source,
            run=None if run is None else [run, *imported],
            hierarchy=hierarchy,
            templates=tuple(templates) if templates else ("{}",),
            masks=masks,
            force=force,
            settings=settings,
            device=device,
        )
    show_evaluations(found, opened.store.manifest.runs, output())
    if known is not None:
        show_names(known, output())
    if out is not None:
        figures = [figure for one in found.values() for figure in one.figures]
        rows = export_figures(figures, Path(out).expanduser())
        errors().print(f"{rows:,} figures written to {out}.", markup=False, highlight=False, soft_wrap=True)


def _import(
    study: Study, labels: str, name: str | None, first_unit: int | None, summary: str | None, console: Console
) -> str:
    run, notes = study.import_labels(labels, first_unit=first_unit, summary=cast("Any", summary or "mean"), name=name)
    console.print(f"{labels} is the run {run}.", markup=False, highlight=False, soft_wrap=True)
    for note in notes:
        console.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    return run
