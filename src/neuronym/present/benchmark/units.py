"""Every unit of a host: what is true of it, and what each row says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.markup import Content, Markup, hidden, said, tag
from neuronym.records.benchmark import BenchHost, BenchRow, BenchUnit, Said

Verdict: TypeAlias = Literal["right", "near", "wrong", "unread", "nothing", "unknown"]

VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "right": ("supported", "has the truth table of the true label, or says nothing of a dead or noise unit"),
    "near": ("weak", "differs from the true label and has at least half of its r"),
    "wrong": (
        "unsupported",
        "has less than half of the r of the true label, or says something of a dead or noise unit",
    ),
    "unread": ("unsupported", "the world's grammar does not read it, so it counts as 0"),
    "nothing": ("abstained", "nothing is said"),
    "unknown": ("described", "nothing is known to be true of the unit, and nothing to be wrong"),
}
"""What a label turns out to be: the class of its colours, and what it means."""

_SIGNS: Mapping[Verdict, str] = {
    "right": "M2.2 6.4 4.9 9.2 9.8 3",
    "near": "M1.8 7.1c1.1-2 2.6-2.2 4.2-.9s3 .9 4.2-1.1",
    "wrong": "M2.8 2.8l6.4 6.4M9.2 2.8 2.8 9.2",
    "unread": "M3.9 4.2a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4M6 9.9v.2",
    "nothing": "M2.4 6h7.2",
    "unknown": "M6 3.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z",
}


def verdict(unit: BenchUnit, one: Said | None, best: float | None) -> Verdict:
    """What a label of a unit turns out to be.

    Args:
        unit: the unit.
        one: what is said of it, before the rule of abstention.
        best: the correlation of its true label.
    """
    if one is None or one.text is None:
        return "right" if unit.hopeless and one is not None and one.state == "abstained" else "nothing"
    if unit.hopeless:
        return "right" if one.silent else "wrong"
    if unit.truth is None:
        return "unknown"
    if one.equivalent:
        return "right"
    if not one.resolved:
        return "unread"
    return "near" if best and one.pearson is not None and one.pearson >= best / 2 else "wrong"


def units_table(host: BenchHost) -> Markup | None:
    """All units with a filter that a script brings to life; None without units."""
    if not host.units:
        return None
    shown, truth = rows.talking(host), _by_unit(rows.truth_of(host))
    heads = [
        tag("th", words, scope="col", class_="figure" if words == "Unit" else None)
        for words in ("Unit", "Kind", "True label")
    ]
    heads += [tag("th", rows.name(row), scope="col", data_row=row.name) for row in shown]
    told = [{one.unit: one for one in row.said} for row in shown]
    body = [_row(unit, [found.get(unit.unit) for found in told], truth.get(unit.unit)) for unit in host.units]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), class_="bench units")
    box = tag("div", table, class_="scroll box", tabindex="0", role="region", aria_label=f"Units of {host.name}")
    return tag("div", _tools(host, [row.name for row in shown]), box, class_="unit-list")


def signs() -> Markup:
    """The signs, to be used all over the page."""
    made = [tag("symbol", tag("path", d=path), id=f"sign-{name}", viewBox="0 0 12 12") for name, path in _SIGNS.items()]
    return tag("svg", made, class_="hidden", aria_hidden="true")


def sign(found: Verdict) -> Markup:
    """The sign of a verdict, with its name for screen readers."""
    return tag("svg", tag("use", href=f"#sign-{found}"), class_="sign", role="img", aria_label=found)


def _row(unit: BenchUnit, told: Sequence[Said | None], best: float | None) -> Markup:
    true: Content = tag("span", "none", class_="faint")
    if unit.truth is not None:
        true = [said(unit.truth, "said"), _r(best)]
    return tag(
        "tr",
        tag("th", str(unit.unit), scope="row", class_="figure code"),
        tag("td", said(unit.kind), class_="muted"),
        tag("td", true, title=_often(unit)),
        [_cell(unit, one, best) for one in told],
        data_kind=unit.kind,
        data_unit=str(unit.unit),
    )


def _cell(unit: BenchUnit, one: Said | None, best: float | None) -> Markup:
    found = verdict(unit, one, best)
    silent = one is not None and one.silent is True
    if one is None or one.text is None:
        words: Content = tag("span", "not judged" if one is None else _without(one), class_="faint")
    elif silent:
        words = tag("s", hidden("silent, would say: "), said(one.text, "said"))
    else:
        words = said(one.text, "said")
    number = None if one is None or one.text is None else _r(one.pearson)
    title = None if one is None or one.confidence is None else f"confidence {numbers.figure(one.confidence)}"
    class_ = f"{found} {VERDICTS[found][0]}{' silent' if silent else ''}"
    return tag("td", tag("span", sign(found), tag("span", words, number)), class_=class_, title=title)


def _without(one: Said) -> str:
    return {"abstained": "says nothing", "failed": "failed"}.get(one.state, "no label")


def _r(value: float | None) -> Markup | None:
    return None if value is None else tag("span", " ", numbers.figure(value), class_="r-of tabular")


def _often(unit: BenchUnit) -> str | None:
    if unit.frequency is None:
        return None
    return f"in {numbers.figure(unit.frequency, share=True)} of the explain images"


def _tools(host: BenchHost, names: Sequence[str]) -> Markup:
    """Hidden until the script that does the work takes it over."""
    kinds = [tag("option", f"{kind} ({many})", value=kind) for kind, many in rows.kinds(host).items()]
    wrong = [tag("option", f"not right: {name}", value=str(at)) for at, name in enumerate(names)]
    search = tag(
        "input", type="search", name="q", placeholder="Find a label or unit", aria_label="Find a label or unit"
    )
    return tag(
        "div",
        tag("label", search, class_="search"),
        tag("label", tag("span", "Kind"), tag("select", tag("option", "all", value=""), kinds, name="kind"), **_CHOICE),
        tag("label", tag("span", "Labels"), tag("select", tag("option", "any", value=""), wrong, name="not"), **_CHOICE)
        if names
        else None,
        tag("p", numbers.counted(len(host.units), "unit"), class_="found muted small", role="status"),
        class_="tools",
        role="search",
        aria_label=f"Units of {host.name}",
        hidden=True,
    )


_CHOICE = {"class_": "choice"}


def _by_unit(row: BenchRow | None) -> dict[int, float | None]:
    return {} if row is None else {one.unit: one.pearson for one in row.said}
