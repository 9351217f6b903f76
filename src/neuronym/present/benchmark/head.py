"""The top of the page: what it is, how it was made, whether the gates hold, and the scores on all hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuronym.present.benchmark import numbers, rows
from neuronym.present.benchmark.markup import Content, Markup, said, tag
from neuronym.present.benchmark.table import mean
from neuronym.present.benchmark.units import Verdict, sign
from neuronym.records.benchmark import BenchHost, Benchmark, BenchRow, Gate, Measure

WHAT = (
    "Methods describe units whose truth is known, and each description is compared with the unit on images that no "
    "method has seen. The score is 1 for the true labels and 0 for random ones."
)


def top(result: Benchmark) -> list[Markup | None]:
    """Everything before the first host."""
    return [
        tag("h1", "Benchmark of descriptions", tabindex="-1"),
        tag("p", WHAT, class_="lead"),
        _facts(result),
        _gates(result.gates),
        overview(result.hosts),
    ]


def overview(hosts: Sequence[BenchHost]) -> Markup | None:
    """The scores of all methods on all hosts; None where there is one host, whose table says it all."""
    names = list(dict.fromkeys(row.name for host in hosts for row in rows.ordered(host.rows) if rows.judged(row)))
    if len(hosts) < 2 or not names:
        return None
    heads = [tag("th", "Score", scope="col"), *(_host_head(host) for host in hosts)]
    body = [_overview_row(name, hosts) for name in names]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), class_="bench scores")
    return tag("div", table, class_="scroll pinned", tabindex="0", role="region", aria_label="Scores on all hosts")


def _facts(result: Benchmark) -> Markup:
    settings = result.settings
    return numbers.facts(
        {
            "Made": numbers.moment(result.made),
            "Units and images": f"version {result.version}",
            "Seed": str(settings["seed"]) if "seed" in settings else None,
            "Images": _images(result.hosts),
            "Neuronym": str(result.environment["neuronym"]) if "neuronym" in result.environment else None,
            "Took": numbers.seconds(result.seconds),
        }
    )


def _images(hosts: Sequence[BenchHost]) -> str | None:
    """How many there are; nothing here where hosts differ, which say it themselves."""
    if len({host.images for host in hosts}) != 1:
        return None
    explain, test = hosts[0].images
    return f"{numbers.count(explain)} to explain, {numbers.count(test)} to test"


def _gates(gates: Sequence[Gate]) -> Markup:
    failed = [gate for gate in gates if gate.passed is False]
    if all(gate.passed is None for gate in gates):
        return tag("p", "No gate was checked.", class_="notice gates")
    checked = sum(gate.passed is not None for gate in gates)
    if not failed:
        words: Content = [_badge(True), f" {'All' if checked > 1 else 'The'} {numbers.counted(checked, 'gate')} "]
        words = [words, "hold." if checked > 1 else "holds."]
    else:
        does = "does" if len(failed) == 1 else "do"
        words = [_badge(False), f" {len(failed)} of {numbers.counted(checked, 'gate')} {does} not hold."]
    every = tag("details", tag("summary", "All gates"), _gate_list(gates), class_="fold")
    return tag("div", tag("p", words), _gate_list(failed) if failed else None, every, class_="notice gates")


def _gate_list(gates: Sequence[Gate]) -> Markup:
    return tag("ul", [_gate(gate) for gate in gates], class_="gate-list small")


def _gate(gate: Gate) -> Markup:
    where = [tag("span", " ", rows.inline(part), class_="where") for part in (gate.host, gate.row) if part]
    mark = tag("span", sign(_SIGNS[gate.passed]), class_=_STATES[gate.passed])
    words = tag("span", tag("strong", said(gate.name)), where, " ", tag("bdi", gate.text))
    return tag("li", mark, words, data_passed=_WORDS[gate.passed])


_SIGNS: Mapping[bool | None, Verdict] = {True: "right", False: "wrong", None: "nothing"}
_STATES = {True: "supported", False: "unsupported", None: "muted"}
_WORDS = {True: "yes", False: "no", None: "unchecked"}


def _badge(passed: bool) -> Markup:
    if passed:
        return tag("span", sign("right"), "holds", class_="badge supported")
    return tag("span", sign("wrong"), "fails", class_="badge unsupported")


def _host_head(host: BenchHost) -> Markup:
    return tag("th", tag("a", host.name, href=f"#{anchor(host)}", title=host.title), scope="col", class_="figure")


def _overview_row(name: str, hosts: Sequence[BenchHost]) -> Markup:
    found = [next((row for row in host.rows if row.name == name and rows.judged(row)), None) for host in hosts]
    some = next(row for row in found if row is not None)
    cells = [_score(host, row) for host, row in zip(hosts, found, strict=True)]
    return tag("tr", tag("th", rows.name(some), scope="row"), cells, data_row=name)


def _score(host: BenchHost, row: BenchRow | None) -> Markup:
    if row is not None and row.failed is not None:
        return tag("td", "failed", class_="figure muted", title=row.failed)
    measure = Measure(None) if row is None else row.measures.get("normalised", Measure(None))
    if measure.value is None:
        return tag("td", numbers.NOTHING, class_="figure")
    others = {rows.score(each) for each in host.rows if rows.judged(each)}
    leads = measure.value == max(others) and len(others - {float("-inf")}) > 1
    return tag("td", mean(measure, leads=leads), class_="figure", title=numbers.worded(measure))


def anchor(host: BenchHost) -> str:
    """What a link to a host ends with."""
    return "host-" + "".join(letter if letter.isalnum() else "-" for letter in host.name)
