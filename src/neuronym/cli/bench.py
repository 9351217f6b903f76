"""``neuronym bench``: which method is right about units whose truth is known."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from neuronym.cli import options as given
from neuronym.cli.bench_compare import bench_compare
from neuronym.cli.bench_end import Places
from neuronym.cli.bench_export import bench_export
from neuronym.cli.bench_score import bench_score
from neuronym.cli.console import Reporter
from neuronym.errors import UserError

if TYPE_CHECKING:
    from neuronym.bench.settings import BenchSettings

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Judge methods on planted units, whose truth is known.",
)
app.command("compare")(bench_compare)
app.command("export")(bench_export)
app.command("score")(bench_score)


@app.callback()
def bench(
    context: typer.Context,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--methods",
            help="Rows: METHOD, or METHOD?key=value&key=value with its parameters, encoder and concepts; with commas "
            "or repeated. All installed methods with every bundled and oracle encoder by default.",
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kinds",
            help="Only units of some kinds: single, and, or, and-not, mixture, unrelated, range, low-level, dead, "
            "noise or class; all by default.",
        ),
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option("--hosts", help="Only some of the hosts analytic, correlated, taught, resnet and vit."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides which scenes of the world are taken, 0 to 100.")] = 0,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Fewer images, bootstraps and hosts: enough for every gate, in a minute or so."),
    ] = False,
    abstain: Annotated[
        float, typer.Option("--abstain", help="The share of shuffled units that the rule of abstention may describe.")
    ] = 0.1,
    json: Annotated[str | None, typer.Option("--json", help="Write all that was found there.")] = None,
    report: Annotated[str | None, typer.Option("--report", help="Write a page about it into this folder.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --report.")] = False,
    device: given.Device = "auto",
) -> None:
    """Judge every method on planted units, whose truth is known, beside the true labels and beside nonsense.

    Exit code 1 means that something which must hold on every run does not: it is named.
    """
    if context.invoked_subcommand is not None:
        said = [name for name in context.params if _given(context, name)]
        if said:
            option = f"--{said[0].replace('_', '-')}"
            raise UserError(
                f"{option} stands before {context.invoked_subcommand!r}, which does not know it. Leave it out, or "
                f"write the options of {context.invoked_subcommand!r} after it."
            )
        return
    from neuronym.bench.running import run_benchmark
    from neuronym.bench.settings import QUICK, QUICK_HOSTS, BenchSettings

    settings = BenchSettings(
        level=abstain,
        seed=seed,
        kinds=_names("--kinds", kinds),
        hosts=_names("--hosts", hosts) or (QUICK_HOSTS if quick else ()),
        methods=_names("--methods", methods),
        device=device,
        **(QUICK if quick else {}),
    )
    places = Places.checked(json, report, overwrite=overwrite)
    with Reporter("Stopped. Nothing is kept of a benchmark that is not done.") as progress:
        found = run_benchmark(settings, command=_command(settings, quick=quick), report=progress)
    places.end(found)


def _names(option: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """What an option lists; nothing where it was not given.

    Raises:
        UserError: it was given, and names nothing.
    """
    names = tuple(given.split_list(values or []))
    if values and not names:
        raise UserError(f"{option} names nothing. Name some, or leave it out for all of them.")
    return names


def _given(context: typer.Context, name: str) -> bool:
    return getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"


def _command(settings: BenchSettings, *, quick: bool) -> str:
    """How to run the same again."""
    options: list[tuple[str, object]] = [
        ("--methods", ",".join(settings.methods)),
        ("--kinds", ",".join(settings.kinds)),
        ("--hosts", ",".join(settings.hosts)),
        ("--seed", settings.seed or ""),
        ("--abstain", "" if settings.level == 0.1 else settings.level),
        ("--device", "" if settings.device == "auto" else settings.device),
    ]
    words = [word for name, value in options if value != "" for word in (name, str(value))]
    return shlex.join(["neuronym", "bench", *(["--quick"] if quick else []), *words])
