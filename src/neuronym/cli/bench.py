"""``neuronym bench``: which method is right about units whose truth is known."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuronym.cli import options as given
from neuronym.cli.bench_compare import bench_compare
from neuronym.cli.bench_export import bench_export
from neuronym.cli.bench_score import bench_score
from neuronym.cli.console import Reporter, errors, output
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
        typer.Option("--kinds", help="Only units of some kinds, such as single,and-not,noise; all by default."),
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option("--hosts", help="Only some of the hosts analytic, correlated, taught, resnet and vit."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides which scenes of the world are taken, 0 to 100.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer images, draws and hosts: enough for every gate, in a minute or so.")
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
        return
    from neuronym.bench.result_files import write_benchmark
    from neuronym.bench.running import run_benchmark
    from neuronym.bench.settings import QUICK, QUICK_HOSTS, BenchSettings
    from neuronym.cli.bench_tables import show_benchmark
    from neuronym.present.benchmark import check_place, write_benchmark_page
    from neuronym.store.atomic import check_writable

    sizes: dict[str, Any] = QUICK if quick else {}
    settings = BenchSettings(
        level=abstain,
        seed=seed,
        kinds=tuple(given.split_list(kinds or [])),
        hosts=tuple(given.split_list(hosts or (QUICK_HOSTS if quick else []))),
        methods=tuple(given.split_list(methods or [])),
        device=device,
        **sizes,
    )
    place = None if json is None else Path(json).expanduser()
    if place is not None and place.is_dir():
        raise UserError(f"--json {json!r} is a folder. Name a file.")
    if place is not None:
        check_writable(place)
    pages = None if report is None else Path(report).expanduser()
    if pages is not None:
        check_place(pages, overwrite=overwrite)
    with Reporter("Stopped. Nothing is kept of a benchmark that is not done.") as progress:
        found = run_benchmark(settings, command=_command(settings, quick=quick), report=progress)
    show_benchmark(found, output())
    if place is not None:
        write_benchmark(found, place)
        errors().print(f"Written to {json}.", markup=False, highlight=False, soft_wrap=True)
    if pages is not None:
        page = write_benchmark_page(found, pages, overwrite=overwrite)
        errors().print(f"The page: {page}", markup=False, highlight=False, soft_wrap=True)
    if not found.passed:
        raise typer.Exit(1)


def _command(settings: BenchSettings, *, quick: bool) -> str:
    """How to run the same again."""
    options: list[tuple[str, object]] = [
        ("--methods", ",".join(settings.methods)),
        ("--kinds", ",".join(settings.kinds)),
        ("--hosts", ",".join(settings.hosts)),
        ("--seed", settings.seed or ""),
        ("--abstain", "" if settings.level == 0.1 else settings.level),
    ]
    words = [word for name, value in options if value != "" for word in (name, str(value))]
    return shlex.join(["neuronym", "bench", *(["--quick"] if quick else []), *words])
