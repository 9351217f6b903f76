"""The end of the page: what figures, rows and signs mean, the command that made it, and where it ran."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.markup import Markup, said, tag
from neuronym.present.benchmark.table import COSTS, direction
from neuronym.present.benchmark.units import VERDICTS, sign
from neuronym.records import Json
from neuronym.records.benchmark import COLUMNS, BenchHost, Benchmark


def bottom(result: Benchmark) -> list[Markup]:
    """Everything after the last host."""
    return [
        tag("section", tag("h2", "What it means"), _legend(result.hosts), id="legend", class_="host"),
        tag(
            "section",
            tag("h2", "How it was made"),
            tag("h3", "To run it again"),
            tag("pre", tag("code", result.command), class_="command code", tabindex="0"),
            _group("Settings", result.settings),
            _group("Environment", result.environment),
            id="made",
            class_="host",
        ),
    ]


def _legend(hosts: Sequence[BenchHost]) -> list[Markup]:
    had = {name for host in hosts for name in rows.columns(host)}
    metrics = [
        _meaning([COLUMNS[name].title, direction(name)], COLUMNS[name].meaning, name) for name in COLUMNS if name in had
    ]
    if any(row.cost for host in hosts for row in host.rows):
        metrics += [_meaning([title], meaning, name) for name, (title, meaning) in COSTS.items()]
    there = {row.role for host in hosts for row in host.rows}
    titles = {row.role: row.name for host in hosts for row in host.rows if not rows.judged(row)}
    roles = [_meaning([said(titles[role])], rows.ROLES[role]) for role in rows.ROLES if role in there & set(titles)]
    signs = [
        _meaning([tag("span", sign(name), " ", name, class_=f"verdict {colour}")], meaning)
        for name, (colour, meaning) in VERDICTS.items()
    ]
    struck = tag("s", tag("span", "a label", class_="said"), class_="silent-sample")
    signs.append(_meaning([struck], "the method says nothing under its rule of abstention, and would say this"))
    parts = {"Columns": metrics, "Rows": roles, "Labels of units": signs}
    told = [[tag("h3", title), tag("dl", terms, class_="glossary small")] for title, terms in parts.items() if terms]
    every = "Intervals are 95 % bootstrap intervals over units. The best of the methods is set in bold."
    return [tag("p", every, class_="muted small"), *(part for pair in told for part in pair)]


def _meaning(term: Sequence[Markup | str], meaning: str, column: str | None = None) -> Markup:
    sentence = meaning if meaning[1] == " " else meaning[0].upper() + meaning[1:]  # the letter r stays small
    return tag(
        "div",
        tag("dt", term),
        tag("dd", sentence if sentence.endswith(".") else f"{sentence}."),
        id=None if column is None else f"column-{column}",
    )


def _group(title: str, values: Mapping[str, Json]) -> Markup | None:
    if not values:
        return None
    told = {str(name): said(_text(value)) for name, value in values.items()}
    return tag("div", tag("h3", title), numbers.facts(told), class_="given-facts")


def _text(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
