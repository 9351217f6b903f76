"""What an evaluation found, in the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.cli.figures import ends, short
from neuronym.cli.showing import STATES, chosen_by, counted
from neuronym.cli.showing_match import show_match
from neuronym.evaluate.figures import (
    ABOVE_RANDOM,
    DISCRIMINATION,
    HEADLINE,
    MASK_IOU,
    STABILITY,
    LayerEvaluation,
    metrics_of,
)
from neuronym.evaluate.marks import marks
from neuronym.labelling import AMONG, NamesCompared
from neuronym.records import Figure, Row

_ROWS: dict[Row, str] = {
    **{"descriptions": "descriptions", "constant": "best constant", "random": "random", "shuffled": "shuffled"},
}
_HEAD = (("auprc", "AUPRC"), ("f1", "F1"), (ABOVE_RANDOM, "> random"), (DISCRIMINATION, "discr."))
_PIXELS = ((MASK_IOU, "mask IoU"), *_HEAD[1:])
"""The same where masks were compared: a terminal has no room for one more."""
_MORE = {
    **{"iou": "IoU", "cosine": "cosine", "spearman": "Spearman", "auroc": "AUROC", "inverse_auroc": "inverse AUROC"},
    **{"recall_at_k": "recall@k", "wpmi": "WPMI", "cosy_auc": "CoSy AUC", "cosy_mad": "CoSy MAD", STABILITY: "stable"},
}
_SHARES = (ABOVE_RANDOM, STABILITY)


def show_evaluations(
    found: Mapping[tuple[str, str], LayerEvaluation], runs: Mapping[str, Mapping[str, Any]], console: Console
) -> None:
    """The figures of each layer: those of each run above what other labels reach.

    Args:
        found: by run and layer.
        runs: what each run was made with.
        console: where to.
    """
    failed = marks()
    for run, layer in sorted(found, key=lambda key: [layer for _, layer in found].index(key[1])):
        one = found[run, layer]
        console.print(
            Text.assemble(
                (layer, "bold cyan"), f"  {chosen_by(runs[run])}", (f"  ({run}), judged by {one.source}", "dim")
            ),
            soft_wrap=True,
        )
        if one.figures and any(figure.units for figure in one.figures):
            console.print(_headlines(one) if one.figure(HEADLINE) is not None else _whatever(one, failed))
        _note(one, console)
        if one.scored:
            console.print(_further(one, failed), style="dim", highlight=False, markup=False)
        console.print()
    kinds = {metric for one in found.values() for metric in metrics_of(one.figures)}
    _explain(console, failed, decides=HEADLINE in kinds, pixels=MASK_IOU in kinds)


def show_names(known: NamesCompared, console: Console) -> None:
    """Descriptions beside the known names of units."""
    for one in known.matches:
        show_match(one, console)
    for run, (hits, units) in known.among.items():
        text = f"{run}: the name is among the first {AMONG} candidates of {hits:,} of {counted(units, 'unit')}."
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _headlines(one: LayerEvaluation) -> Table:
    """A row for the descriptions, and one for each kind of other labels."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.add_column("labels", no_wrap=True)
    metrics = _HEAD if one.figure(MASK_IOU) is None else _PIXELS
    for name in ("units", "r", "95 %", *(title for _, title in metrics)):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in get_args(Row):
        own = one.figure(HEADLINE, row)
        if own is not None:
            interval = "one unit" if own.units == 1 else ends(own.low, own.high)
            cells = [_cell(one.figure(metric, row), metric) for metric, _ in metrics]
            style = "bold" if row == "descriptions" else "dim"
            shown.add_row(_ROWS[row], f"{own.units:,}", _cell(own, HEADLINE), interval, *cells, style=style)
    return shown


def _further(one: LayerEvaluation, failed: Mapping[str, object]) -> str:
    """The other metrics of the descriptions, and in brackets of random labels."""
    parts = []
    masked = one.figure(MASK_IOU) is not None and one.figure(HEADLINE) is not None
    for metric, title in (_MORE if not masked else dict(_HEAD[:1]) | _MORE).items():
        random = one.figure(metric, "random")
        beside = "" if random is None else f" ({_cell(random, metric)})"
        parts.append(f"{title}{'*' if metric in failed else ''} {_cell(one.figure(metric), metric)}{beside}")
    return f"Also, in brackets for random labels: {', '.join(parts)}."


def _whatever(one: LayerEvaluation, failed: Mapping[str, object]) -> Table:
    """The metrics there are, of a source that gives no correlation."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.add_column("labels", no_wrap=True)
    shown.add_column("units", justify="right")
    metrics = metrics_of(one.figures)
    for metric in metrics:
        shown.add_column(f"{_MORE.get(metric, metric)}{'*' if metric in failed else ''}", justify="right", no_wrap=True)
    for row in get_args(Row):
        figures = [figure for metric in metrics if (figure := one.figure(metric, row)) is not None]
        if figures:
            style = "bold" if row == "descriptions" else "dim"
            cells = (_cell(figure, figure.metric) for figure in figures)
            shown.add_row(_ROWS[row], f"{figures[0].units:,}", *cells, style=style)
    return shown


def _note(one: LayerEvaluation, console: Console) -> None:
    """States, and what has no score."""
    line = Text()
    for at, (state, count) in enumerate(one.states.items() if one.scored else ()):
        line.append(", " if at else "").append(f"{count:,} {state}", style=STATES[state])
    if one.unresolved:
        line.append(f"; {counted(one.unresolved, 'text')} not understood, counted as 0", style="yellow")
    constant = one.figure(HEADLINE, "constant")
    if constant is not None and constant.text is not None:
        line.append(f"; the best constant label is {constant.text!r}", style="dim")
    if line:
        console.print(line, highlight=False, soft_wrap=True)
    for reason, count in one.unscored:
        text = f"{counted(count, 'unit')} not scored, because {reason if count == 1 else _of_several(reason)}."
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _of_several(reason: str) -> str:
    """Why several units have no score."""
    for one, several in (("its description is", "their descriptions are"), ("its", "their"), ("it has", "they have")):
        reason = re.sub(rf"\b{one}\b", several, reason)
    return re.sub(r"^it is\b", "they are", reason).replace("what it says is", "what they say is")


def _explain(console: Console, failed: Mapping[str, object], *, decides: bool, pixels: bool) -> None:
    lines = []
    if decides:
        lines += [
            "r: correlation of unit and label over the test images, the mean over units with its 95 % interval.",
            "> random: share of the units whose r exceeds what one random label in twenty reaches with them.",
            "discr.: share of the layer's other units that a label fits less than its own; 0.5 by chance.",
            "supported: the whole 95 % interval of a unit's r is above what one random label in twenty reaches on the "
            "explain images; weak: r alone is. stable: share of resamples of the test images in which it is.",
        ]
    if pixels:
        lines += [
            "mask IoU: pixels of the test images where a unit fires and its label is, of those where either is; the "
            "mean over units."
        ]
    if any(name in failed for name in _MORE):
        lines += ["* fails a test of metrics and is for comparison with published tables only: `neuronym metrics`."]
    for line in lines:
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


def _cell(figure: Figure | None, metric: str) -> str:
    if figure is None or figure.value is None:
        return "-"
    return f"{figure.value:.0%}" if metric in _SHARES else _short(figure.value)


def _short(value: float) -> str:
    """Three decimals; one of what has no bound and is large."""
    return short(value) if abs(value) < 10 else f"{value:.1f}"
