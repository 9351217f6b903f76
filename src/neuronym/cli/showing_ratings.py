"""What raters found, as tables in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuronym.evaluate.ratings import Estimate, Figures, RatingReport


def show_ratings(report: RatingReport, console: Console) -> None:
    """Figures by method without the invalid responses, then with them, the agreement of raters, and the counts."""
    _show_methods(report.valid, "without invalid responses", console)
    if report.invalid:
        _show_methods(report.kept, "with invalid responses", console)
    _show_agreement(report, console)
    _show_counts(report, console)


def _show_methods(figures: Figures, title: str, console: Console) -> None:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    shown.add_column("described by", overflow="fold")
    for name in ("rating", "95%", "best", "95%", "units", "responses"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in figures.methods:
        count = ("0", "0") if one.rating is None else (f"{one.rating.units:,}", f"{one.rating.responses:,}")
        cells = (
            one.title,
            *_estimate(one.rating, "{:.2f}", "{:.2f}"),
            *_estimate(one.chosen, "{:.1%}", "{:.0%}"),
            *count,
        )
        shown.add_row(*map(Text, cells))
    console.print(shown)


def _estimate(value: Estimate | None, form: str, end: str) -> tuple[str, str]:
    if value is None:
        return "-", "-"
    if value.low is None or value.high is None:
        return form.format(value.value), "one unit"
    return form.format(value.value), f"{end.format(value.low)}–{end.format(value.high)}"  # noqa: RUF001  # a range


def _show_agreement(report: RatingReport, console: Console) -> None:
    found = {"without invalid responses": report.valid, "with invalid responses": report.kept}
    if not report.invalid:
        found = {"ratings": report.valid}
    if not any(one.agreement.shared for one in found.values()):
        console.print("Agreement: no description was rated by two raters.", highlight=False)
        return
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("agreement of raters")
    for name in ("ordinal", "interval", "rank r", "kappa", "pairs", "shared"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name, figures in found.items():
        one = figures.agreement
        values = (one.ordinal, one.interval, one.rank_correlation, one.kappa)
        shown.add_row(name, *map(_number, values), f"{one.pairs:,}", f"{one.shared:,}")
    console.print(shown)


def _show_counts(report: RatingReport, console: Console) -> None:
    complete = report.kept.responses
    checked = complete - report.unchecked
    share = f" ({report.invalid / checked:.0%})" if checked else ""
    console.print(
        f"{_counted(len(report.raters), 'rater')}, {_counted(complete, 'complete response')} on "
        f"{_counted(report.units, 'unit')}; {report.incomplete:,} incomplete and left out. Of {checked:,} that chose "
        f"a best description {report.invalid:,} {'is' if report.invalid == 1 else 'are'} invalid{share}: it was not "
        "among those they rated highest.",
        highlight=False,
        markup=False,
    )
    for one in report.raters:
        text = f"{one.rater}: {one.complete:,} complete, {one.invalid:,} invalid, {one.incomplete:,} incomplete"
        console.print(text, style="dim", highlight=False, markup=False)
    console.print(
        "rating: mean, 1 to 5. best: share of the responses that chose it as best. 95%: bootstrap over units. ordinal, "
        "interval: Krippendorff's alpha. rank r, kappa: Spearman's and Cohen's with quadratic weights, mean over pairs "
        "of raters. shared: descriptions that two raters or more rated.",
        style="dim",
        highlight=False,
    )


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
