"""What must hold on every run, or the yardstick itself is not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neuronym.records.benchmark import BenchHost, BenchRow, Gate, Measure

TRUTH = "the true labels are above every method"
SHUFFLED = "shuffled labels are at the floor"
RANDOM_WEIGHTS = "random weights are below trained ones"
CONSTANT = "a constant label never wins"
RUNS = "every row runs"


def gates(hosts: Sequence[BenchHost]) -> tuple[Gate, ...]:
    """Every gate of every host; one that lacks what it compares is left out."""
    return tuple(gate for host in hosts for check in _CHECKS for gate in check(host))


def _truth(host: BenchHost) -> Iterator[Gate]:
    truth = _of(host, "truth")
    for row in _methods(host):
        own, most = _r(row), None if truth is None else _r(truth)
        if own is not None and most is not None:
            yield _gate(
                TRUTH, host, row.name, most >= own, f"r {_shown(most)} of the true labels, {_shown(own)} of the method"
            )


def _shuffled(host: BenchHost) -> Iterator[Gate]:
    """Not above it. Labels that exclude each other, such as classes, fall below it where each gets another's."""
    shuffled, random = _of(host, "shuffled"), _of(host, "random")
    floor = None if random is None else _r(random)
    found = None if shuffled is None else shuffled.measures.get("pearson")
    if floor is not None and found is not None and found.low is not None:
        text = f"r of the shuffled truth {_range(found)}, of random labels {_shown(floor)}"
        yield _gate(SHUFFLED, host, "", found.low <= floor, text)


def _random_weights(host: BenchHost) -> Iterator[Gate]:
    """Of the true labels and of the best method; a method that is better on random weights shows it in its own row."""
    best = max(_methods(host), key=lambda row: (_r(row) is not None, _r(row) or 0.0), default=None)
    for row in (_of(host, "truth"), best):
        copy, own = (None if row is None else row.measures.get(name) for name in ("random_weights", "pearson"))
        if row is None or copy is None or own is None or copy.high is None or own.low is None:
            continue
        text = f"r {_range(copy)} with random weights, {_range(own)} with trained ones"
        yield _gate(RANDOM_WEIGHTS, host, row.name, copy.high < own.low, text)


def _constant(host: BenchHost) -> Iterator[Gate]:
    constant, truth = _of(host, "constant"), _of(host, "truth")
    own, most = (None if row is None else _r(row) for row in (constant, truth))
    if constant is None or own is None or most is None:
        return
    others = [(r, row.name) for row in _methods(host) if (r := _r(row)) is not None]
    best, name = max(others, default=(most, "the true labels"))
    text = f"r {_shown(own)} of {constant.text!r} for all units, {_shown(best)} of {name}"
    yield _gate(CONSTANT, host, "", own < min(best, most), text)


def _runs(host: BenchHost) -> Iterator[Gate]:
    for row in _methods(host):
        yield _gate(RUNS, host, row.name, row.failed is None, row.failed or "it ran")


_CHECKS = (_truth, _shuffled, _random_weights, _constant, _runs)


def _gate(name: str, host: BenchHost, row: str, passed: bool, text: str) -> Gate:
    return Gate(name, host.name, row, passed, text)


def _methods(host: BenchHost) -> list[BenchRow]:
    return [row for row in host.rows if row.role == "method"]


def _of(host: BenchHost, role: str) -> BenchRow | None:
    return next((row for row in host.rows if row.role == role), None)


def _r(row: BenchRow) -> float | None:
    found = row.measures.get("pearson")
    return None if found is None else found.value


def _shown(value: float) -> str:
    return f"{value:.3f}"


def _range(found: Measure) -> str:
    ends = ["?" if end is None else _shown(end) for end in (found.low, found.high)]
    return " to ".join(ends)
