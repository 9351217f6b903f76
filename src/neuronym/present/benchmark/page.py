"""The page of a benchmark as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from neuronym.present.benchmark import kinds, numbers
from neuronym.present.benchmark.curves import curves
from neuronym.present.benchmark.foot import bottom
from neuronym.present.benchmark.head import anchor, top
from neuronym.present.benchmark.markup import Content, Markup, joined, tag
from neuronym.present.benchmark.table import patches, table
from neuronym.present.benchmark.units import signs, units_table
from neuronym.present.one_file import asset, one_file
from neuronym.records.benchmark import BenchHost, Benchmark

_BASE, _OWN = "neuronym.present", "neuronym.present.benchmark"
_SCRIPTS = ((_BASE, "core.js"), (_BASE, "parts.js"), (_OWN, "benchmark.js"))
_STYLES = ((_BASE, "base.css"), (_BASE, "judged.css"), (_BASE, "pages.css"), (_OWN, "benchmark.css"))


def html(result: Benchmark) -> bytes:
    """The page as one file, which is complete without its script."""
    return one_file(
        asset(_OWN, "benchmark.html"),
        {"EARLY": asset(_BASE, "theme.js"), "SCRIPT": "\n".join(asset(*place) for place in _SCRIPTS)},
        {"STYLE": "\n".join(asset(*place) for place in _STYLES)},
        {
            "NAV": _ways(result.hosts),
            "MAIN": joined([signs(), top(result), [_host(host) for host in result.hosts], bottom(result)]),
        },
    )


def _ways(hosts: Sequence[BenchHost]) -> Markup:
    """Links to the parts of the page."""
    places = [(host.name, anchor(host)) for host in hosts] + [("legend", "legend")]
    return joined([tag("a", name, href=f"#{place}") for name, place in places])


def _host(host: BenchHost) -> Markup:
    explain, test = host.images
    facts = numbers.facts(
        {
            "Host": tag("bdi", host.name),
            "Target": tag("bdi", host.model),
            "Layer": tag("bdi", host.layer),
            "Units": numbers.count(len(host.units)),
            "Images": f"{numbers.count(explain)} to explain, {numbers.count(test)} to test",
        }
    )
    return tag(
        "section",
        tag("h2", tag("bdi", host.title)),
        facts,
        table(host) if host.rows else tag("p", "No row was asked for.", class_="muted"),
        [tag("p", patches(row), class_="muted") for row in host.rows if row.patches is not None],
        _part("By kind of unit", _kinds(host)),
        _part("Risk against coverage", curves(host)),
        _part("Units", units_table(host)),
        id=anchor(host),
        class_="host",
    )


def _kinds(host: BenchHost) -> Content:
    made = kinds.kinds_table(host)
    if made is None:
        return None
    words = tag("p", "Mean held-out r. ", kinds.left_out(host), class_="muted small")
    return [tag("div", words, kinds.scale(), class_="heat-head"), made]


def _part(title: str, content: Content) -> Markup | None:
    return None if content is None else tag("section", tag("h3", title), content, class_="part")
