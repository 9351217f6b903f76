"""What must hold on every run, or the yardstick itself is not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neuronym.bench.hosts import HOSTS
from neuronym.records.benchmark import BenchHost, BenchRow, Gate, Measure

TRUTH = "the true labels are above every method"
SHUFFLED = "shuffled labels are not above the floor"
RANDOM_WEIGHTS = "random weights are below trained ones"
CONSTANT = "a constant label never wins"
RUNS = "every row runs"


def gates(hosts: Sequence[BenchHost], *, all_methods: bool = False) -> tuple[Gate, ...]:
    """Every gate of every host; those that lack what they compare say so.

    Args:
        hosts: the tables.
        all_methods: whether every installed method took part, so that the best of them is to beat a constant label.
    """
    checks = (_truth, _shuffled, _random_weights, lambda host: _constant(host, all_methods=all_methods), _runs)
    return tuple(gate for host in hosts for check in checks for gate in check(host))


def _truth(host: BenchHost) -> Iterator[Gate]:
    """Over all kinds of a host together; a method that names the truth is as high, and that is no failure.

    Of a unit that fires for one concept strongly and for another weakly, or for the brick in the background and for
    small hearts, the first concept alone correlates more than what is true of it. So this need not hold of such kinds
    by themselves.
    """
    truth = _of(host, "truth")
    missing = sorted({unit.kind for unit in HOSTS[host.name].units()} - {unit.kind for unit in host.units})
    if missing and _methods(host):
        yield Gate(TRUTH, host.name, "", None, f"not checked, as units are left out: {', '.join(missing)}")
        return
    for row in _methods(host):
        own, most = _r(row), None if truth is None else _r(truth)
        if own is not None and most is not None:
            text = f"r {_shown(most)} of the true labels, {_shown(own)} of the method"
            yield Gate(TRUTH, host.name, row.name, most >= own, text)


def _shuffled(host: BenchHost) -> Iterator[Gate]:
    """Labels that exclude each other, such as classes, fall below the floor where each unit gets another's."""
    shuffled, random = _of(host, "shuffled"), _of(host, "random")
    floor = None if random is None else _r(random)
    found = None if shuffled is None else shuffled.measures.get("pearson")
    if floor is None or found is None or found.low is None:
        yield Gate(SHUFFLED, host.name, "", None, "not checked, as there are no two units with different true labels")
        return
    text = f"r of the shuffled truth {_range(found)}, of random labels {_shown(floor)}"
    yield Gate(SHUFFLED, host.name, "", found.low <= floor, text)


def _random_weights(host: BenchHost) -> Iterator[Gate]:
    """Of the true labels and of the best method; a method that is better on random weights shows it in its own row."""
    if not HOSTS[host.name].trained:
        return
    found = 0
    for row in (_of(host, "truth"), _best(host)):
        copy, own = (None if row is None else row.measures.get(name) for name in ("random_weights", "pearson"))
        if row is None or copy is None or own is None or copy.high is None or own.low is None:
            continue
        found += 1
        text = f"r {_range(copy)} with random weights, {_range(own)} with trained ones"
        yield Gate(RANDOM_WEIGHTS, host.name, row.name, copy.high < own.low, text)
    if not found:
        yield Gate(RANDOM_WEIGHTS, host.name, "", None, "not checked, as no copy ran, or there are no two units")


def _constant(host: BenchHost, *, all_methods: bool) -> Iterator[Gate]:
    """Below what is right of the units, and below the best method where all take part: a single one may be bad."""
    constant = _of(host, "constant")
    own = None if constant is None else _r(constant)
    rivals = [row for row in (_of(host, "truth"), _of(host, "list")) if row is not None]
    best = _best(host) if all_methods else None
    rivals += [] if best is None else [best]
    known = [(r, row.name) for row in rivals if (r := _r(row)) is not None]
    if constant is None or own is None or not known:
        yield Gate(CONSTANT, host.name, "", None, "not checked, as no unit has a true label")
        return
    least, name = min(known)
    text = f"r {_shown(own)} of {constant.text!r} for all units, {_shown(least)} of {name}"
    yield Gate(CONSTANT, host.name, "", own < least, text)


def _runs(host: BenchHost) -> Iterator[Gate]:
    for row in _methods(host):
        yield Gate(RUNS, host.name, row.name, row.failed is None, row.failed or "it ran")


def _methods(host: BenchHost) -> list[BenchRow]:
    return [row for row in host.rows if row.role == "method"]


def _best(host: BenchHost) -> BenchRow | None:
    """The method with the highest correlation; one that could not run is the last."""
    return max(_methods(host), key=lambda row: -2.0 if (r := _r(row)) is None else r, default=None)


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
