"""``neuronym explain``: from a model and images to described units."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from neuronym.cli import options as given
from neuronym.cli.console import Reporter, output
from neuronym.errors import UserError

_OF_THE_STUDY = (
    *("model", "layers", "images", "weights", "tokens", "prefix_tokens", "size", "crop", "mean", "std", "scale"),
    *("interpolation", "test_images", "labels", "superclasses", "test_fraction", "seed", "limit", "summaries", "top_k"),
    "precision",
)
"""Options that say what the study is, rather than how units are described or where it runs."""


def explain(
    context: typer.Context,
    out: Annotated[str, typer.Option("--out", help="The study's folder.")],
    model: given.OptionalModel = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--layers",
            help="Layers by path, with commas or repeated; * and ? stand for anything in one part of a path, and "
            "LAYER:after is what the activation function makes of it.",
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images",
            help="A folder, list, .npz, .npy or .zip of images, a dataset (FOLDER#SPLIT, .parquet, .arrow), tar shards "
            "(.tar, 'shard-{000..012}.tar'), or bundled:world/explain/3000; may be repeated.",
        ),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="How to describe; `neuronym methods` lists.")] = (
        "clip-dissect"
    ),
    concepts: Annotated[
        str | None,
        typer.Option(
            "--concepts",
            help="A file with one concept per line, vocab:NAME, a vocabulary's .json, labels or labels:GROUP.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="An image-text encoder: hf:..., open_clip:..., bundled:clip, oracle:world or module:callable.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the method, name=value; may be repeated.")
    ] = None,
    templates: Annotated[
        list[str] | None, typer.Option("--template", help='A prompt such as "a photo of a {}"; may be repeated.')
    ] = None,
    annotations: Annotated[
        str | None,
        typer.Option(
            "--annotations",
            help="Masks of concepts: a folder of masks with names.csv, a Broden folder, a COCO panoptic JSON or an "
            ".npz; in place of those that images bring.",
        ),
    ] = None,
    mask_grid: Annotated[
        str | None,
        typer.Option("--mask-grid", help="The cells that masks are compared on, rows x columns: 112x112."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            help="Short for --set threshold=X; for net-dissect the activation above which a unit counts as active.",
        ),
    ] = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            "--abstain",
            help="Abstain where more than this share of shuffled units, which mean nothing, score as high; for example "
            "0.1.",
        ),
    ] = None,
    units: Annotated[str | None, typer.Option("--units", help="Only some units: 0,5,10-19.")] = None,
    weights: given.Weights = None,
    tokens: given.Tokens = None,
    prefix_tokens: given.PrefixTokens = None,
    size: given.Size = None,
    crop: given.Crop = None,
    mean: given.Mean = None,
    std: given.Std = None,
    scale: given.Scale = None,
    interpolation: given.Interpolation = None,
    test_images: Annotated[
        list[str] | None, typer.Option("--test-images", help="Judge on these instead of a share of --images.")
    ] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="A CSV of classes or concept columns.")] = None,
    superclasses: Annotated[str | None, typer.Option("--superclasses", help="A JSON or CSV of super-classes.")] = None,
    test_fraction: Annotated[float, typer.Option("--test-fraction", help="The share of --images to judge on.")] = 0.3,
    seed: Annotated[
        int, typer.Option("--seed", help="Decides the split into images to explain with and to judge on.")
    ] = 0,
    limit: Annotated[int | None, typer.Option("--limit", help="Take only that many images, chosen by --seed.")] = None,
    summaries: Annotated[
        str, typer.Option("--summaries", help="Kept of each image and unit: mean,max[,abs-mean][,q99].")
    ] = "mean,max",
    top_k: Annotated[int, typer.Option("--top-k", help="Exemplar images kept per unit.")] = 20,
    device: given.Device = "auto",
    precision: Annotated[
        str, typer.Option("--precision", help="Of the forward pass: float32, bfloat16 or float16.")
    ] = "float32",
    channels_last: Annotated[
        bool | None,
        typer.Option(
            "--channels-last/--no-channels-last",
            help="The memory layout; by default whichever is faster.",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Images per forward pass.")] = 32,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the study in --out: asked for as before, or by --out alone."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the study in --out and make a new one.")
    ] = False,
) -> None:
    """Describe what makes units of a network fire: one pass over the images, then the method."""
    from neuronym import plugins
    from neuronym.cli.explain_wish import ExplainWish
    from neuronym.cli.showing import described_first, note_concepts, note_images, show_table
    from neuronym.cli.showing_detectors import note_reach, show_detectors
    from neuronym.explain.explainer import needs_annotations
    from neuronym.study import Study

    chosen = given.settings(settings or [], threshold) | ({"templates": tuple(templates)} if templates else {})
    wish = ExplainWish(
        method, concepts, encoder, chosen, abstain, given.unit_list(units), annotations, device, precision
    )
    bare, grid = _is_bare(context, out, resume=resume), given.grid(mask_grid)
    with Reporter() as report:
        study = (
            Study.open(out, report)
            if bare
            else Study.create(
                out,
                model=model or "",
                layers=given.split_list(layers or []),
                images=images or [],
                weights=weights,
                test_images=test_images,
                labels=labels,
                superclasses=superclasses,
                annotations=annotations,
                mask_grid=grid,
                seed=seed,
                test_fraction=test_fraction,
                limit=limit,
                preprocessing={
                    "size": size,
                    "crop": crop,
                    "mean": mean,
                    "std": std,
                    "scale": scale,
                    "interpolation": interpolation,
                },
                tokens=cast("Any", tokens),
                prefix_tokens=prefix_tokens,
                summaries=cast("Any", given.split_list([summaries])),
                top_k=top_k,
                precision=precision,
                resume=resume,
                overwrite=overwrite,
                report=report,
                check=lambda found, probe, size, names: wish.check(
                    found,
                    probe,
                    size,
                    given.split_list([summaries]),
                    top_k,
                    images or (),
                    lambda: names,
                    masked=resume and _is_masked(out),
                ),
            )
        )
        if bare:
            wish.check(
                study.layers,
                study.probe_set,
                study.store.input_size,
                study.summaries,
                study.store.top_k,
                study.sources,
                lambda: study.materials.class_names,
                masked=_is_masked(out),
            )
        note_images(study, report.console)
        note_concepts(wish.concepts, report.console)
        masks = needs_annotations(plugins.method_class(method))
        if masks or annotations is not None or grid is not None:
            study.annotate(annotations, grid=grid)  # before the long pass over the images, in case something is wrong
        study.probe(device=device, batch_size=batch_size, channels_last=channels_last)
        run = study.explain(
            method,
            concepts=wish.concepts,
            encoder=wish.encoder,
            settings=chosen,
            abstain=abstain,
            units=wish.units,
            device=device,
        )
    said = study.table(run=run)
    show_table(described_first(said), output(), limit=10)
    if masks:
        show_detectors(said, output())
        note_reach(study, run, said, output())
    whole = f"\nThe whole table: neuronym table {shlex.quote(out)}"
    output().print(whole, markup=False, highlight=False, soft_wrap=True)


def _is_bare(context: typer.Context, out: str, *, resume: bool) -> bool:
    """Whether to go on with a study as it stands, because nothing was said of what it is made with.

    Raises:
        UserError: something that a study needs is missing.
    """
    said = [
        f"--{name.replace('_', '-')}"
        for name in _OF_THE_STUDY
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if resume and not said and Path(out).expanduser().exists():
        return True
    missing = [option for option in ("--model", "--layers", "--images") if option not in said]
    if missing:
        other = " Or give none of the study's options with --resume, to go on with it as it stands." if resume else ""
        raise UserError(f"A study is made with --model, --layers and --images; missing: {', '.join(missing)}.{other}")
    return False


def _is_masked(out: str) -> bool:
    """Whether there is a study that has masks of concepts already."""
    from neuronym.store.manifest import is_study
    from neuronym.store.study_store import StudyStore

    place = Path(out).expanduser()
    return is_study(place) and StudyStore(place).annotations is not None
