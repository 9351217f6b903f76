"""``neuronym metrics``: what descriptions are measured with, and which measures passed a test themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from neuronym.cli import options as given
from neuronym.cli.console import errors, output
from neuronym.errors import UserError

if TYPE_CHECKING:
    from neuronym.functional.metrics import Metric, Outcome, Verdict
    from neuronym.records import Json

_FREQUENCIES = "0.1,0.01,0.001"


def metrics(
    frequencies: Annotated[
        str, typer.Option("--frequencies", help="Shares of the images that show a planted concept.")
    ] = _FREQUENCIES,
    images: Annotated[int, typer.Option("--images", min=4, help="How many planted images.")] = 20_000,
    units: Annotated[int, typer.Option("--units", min=1, help="How many planted units at each frequency.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Of the planted concepts and their noise.")] = 0,
    json: Annotated[str | None, typer.Option("--json", help="Write the table there too, as JSON.")] = None,
) -> None:
    """List the metrics, and test which of them notice descriptions that say too little or too much."""
    from neuronym.functional.metrics import METRICS, sanity_table

    place = None if json is None else Path(json).expanduser()
    if place is not None and place.is_dir():
        raise UserError(f"--json {json!r} is a folder. Name a file.")
    asked = _shares(frequencies)
    found = {one.metric: one for one in sanity_table(None, asked, images, units, seed=seed)}
    console = output()
    console.print(_table(METRICS.values(), found))
    console.print(_legend(asked, images, units), style="dim", highlight=False, markup=False)
    for metric in METRICS.values():
        console.print(Text.assemble((metric.name, "cyan"), f"  {metric.source}"), soft_wrap=True)
    if place is not None:
        settings: dict[str, Json] = {"frequencies": asked, "images": images, "units": units, "seed": seed}
        _write(place, METRICS.values(), found, settings)
        errors().print(f"Written to {json}.", markup=False, highlight=False, soft_wrap=True)


def _shares(text: str) -> list[float]:
    """The numbers of ``--frequencies``.

    Raises:
        UserError: one is no number, or there is none.
    """
    try:
        shares = [float(part) for part in given.split_list([text])]
    except ValueError:
        shares = []
    if not shares or not all(0 < share <= 0.5 for share in shares):
        raise UserError(f"--frequencies {text!r} are not shares above 0 and up to 0.5, such as {_FREQUENCIES}.")
    return shares


def _table(metrics: Iterable[Metric], found: Mapping[str, Verdict]) -> Table:
    """A row per metric; those of texts have no planted images to be tested on."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("metric", style="cyan", no_wrap=True)
    for name in ("range", "better", "looks at"):
        table.add_column(name, no_wrap=True)
    for name in ("missing %", "extra %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for metric in metrics:
        verdict = found.get(metric.name)
        better = "higher" if metric.direction == "up" else "lower"
        said = (Text("-"),) * 3
        if verdict is not None:
            said = (_drops(verdict.missing), _drops(verdict.extra), _verdict(verdict.passes))
        table.add_row(metric.name, _range(metric), better, metric.kind, *said)
    return table


def _range(metric: Metric) -> str:
    low, high = metric.range
    return "any" if math.isinf(low) and math.isinf(high) else f"{low:g} to {high:g}"


def _drops(outcomes: Sequence[Outcome]) -> Text:
    """How far the score fell at each frequency, in per cent; red where that is too little or for too few units."""
    parts = [(f"{round(100 * one.drop)}", "" if one.passed else "red") for one in outcomes]
    text = Text(" ").join(Text(*part) for part in parts)
    return text.append("" if all(one.passed for one in outcomes) else " !")


def _verdict(passes: bool) -> Text:
    return Text("passes", style="green") if passes else Text("fails", style="red")


def _legend(frequencies: Sequence[float], images: int, units: int) -> str:
    from neuronym.functional.metrics.sanity import LEAST_DROP, LEAST_WORSE

    where = ", ".join(f"{share:g}" for share in frequencies)
    return (
        "missing, extra: how far the score of the true concept falls when half of its images are left out, or as many "
        f"wrong ones are added, in per cent of the way down to a random concept's; at frequency {where}, the mean of "
        f"{units} planted units over {images:,} images. Passed where it is {LEAST_DROP:.0%} at least and "
        f"{LEAST_WORSE:.0%} of the units score worse (! where not), at every frequency. Metrics that fail are for "
        "comparison with published tables. Metrics of texts are not tested: they see no images."
    )


def _write(place: Path, metrics: Iterable[Metric], found: Mapping[str, Verdict], settings: Mapping[str, Json]) -> None:
    from neuronym.store.atomic import write_json

    rows: list[Json] = [_row(metric, found.get(metric.name)) for metric in metrics]
    write_json(place, {"settings": settings, "metrics": rows})


def _row(metric: Metric, verdict: Verdict | None) -> dict[str, Json]:
    """A metric as JSON; an end of the range that is infinite is null."""
    row: dict[str, Json] = {
        "name": metric.name,
        "range": [None if math.isinf(end) else end for end in metric.range],
        "better": "higher" if metric.direction == "up" else "lower",
        "unit": metric.unit,
        "kind": metric.kind,
        "source": metric.source,
        "passes": None,
    }
    if verdict is None:
        return row
    return row | {
        "passes": verdict.passes,
        "missing": {"passes": verdict.passes_missing, "outcomes": _outcomes(verdict.missing)},
        "extra": {"passes": verdict.passes_extra, "outcomes": _outcomes(verdict.extra)},
    }


def _outcomes(outcomes: Sequence[Outcome]) -> list[Json]:
    return [{"frequency": one.frequency, "drop": one.drop, "worse": one.worse} for one in outcomes]
