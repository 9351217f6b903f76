"""Two results of the benchmark, an old and a new one: what became better or worse, beyond chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from neuronym.bench.differing import differing_machines, differing_subjects
from neuronym.bench.pairing import SCORE, Side, paired_interval
from neuronym.records.benchmark import COLUMNS, Benchmark, BenchRow, Gate, Measure, Role

Verdict: TypeAlias = Literal["better", "worse", "same"]

JUDGED: tuple[Role, ...] = ("list", "method", "labels")
"""Roles of rows that are to become better; those of the others only say what the figures mean."""

LEAST = 5e-4
"""The least difference that is called a change: what a table with three decimals shows."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one measure of a row.

    Attributes:
        measure: one of :data:`neuronym.records.benchmark.COLUMNS`.
        old: as it was.
        new: as it is.
        difference: new - old; None where either has no value.
        low: lower end of the 95 % interval of the difference over units, paired; None where it cannot be had.
        high: its upper end.
        verdict: ``same`` unless the paired interval leaves 0 out or, where there is none, the intervals of old and new
            have nothing in common, and the difference is :data:`LEAST` at least; by the column's direction.
    """

    measure: str
    old: Measure | None
    new: Measure | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A unit whose label changed.

    Attributes:
        unit: its number.
        kind: of the unit.
        truth: the right description; None where there is none.
        old: the label as it was; None where there was none.
        new: as it is.
        old_pearson: held-out correlation of the old label; None where there is none.
        new_pearson: of the new one.
    """

    unit: int
    kind: str
    truth: str | None
    old: str | None
    new: str | None
    old_pearson: float | None
    new_pearson: float | None

    @property
    def gain(self) -> float:
        """How much higher the correlation is."""
        return (self.new_pearson or 0.0) - (self.old_pearson or 0.0)


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that both results have.

    Attributes:
        host: of which host.
        row: what it is called.
        role: whose labels.
        changes: of every measure that either has, in the columns' order.
        labels: of how many units both say something.
        relabelled: those whose labels differ, by rising gain.
        old_failed: why there was nothing; None if there was something.
        new_failed: why there is nothing.
        old_seconds: per unit; None for rows without a cost.
        new_seconds: per unit.
        worse: whether the score of a method, the list or somebody's labels became worse beyond chance, or failed now.
    """

    host: str
    row: str
    role: Role
    changes: tuple[Change, ...]
    labels: int
    relabelled: tuple[Relabelled, ...]
    old_failed: str | None
    new_failed: str | None
    old_seconds: float | None
    new_seconds: float | None
    worse: bool

    def change(self, measure: str) -> Change | None:
        """What became of a measure; None where neither has it."""
        return next((one for one in self.changes if one.measure == measure), None)


@dataclass(frozen=True, slots=True)
class GateChange:
    """A gate that holds in one result only, or is in one only.

    Attributes:
        name: which gate.
        host: on which host.
        row: of which row.
        old: whether it held; None where it was not checked.
        new: whether it holds.
        text: what was compared in the new result, or in the old one if only that has it.
    """

    name: str
    host: str
    row: str
    old: bool | None
    new: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results side by side.

    Attributes:
        rows: those that both have, in the order of the new result.
        only_old: (host, row) that only the old one has; the row is empty where the host as a whole is missing.
        only_new: that only the new one has.
        gates: that changed.
        notes: why the figures are not of the same thing; empty where they are.
        timing: why the seconds cannot be compared; empty where they can.
    """

    rows: tuple[RowChange, ...]
    only_old: tuple[tuple[str, str], ...]
    only_new: tuple[tuple[str, str], ...]
    gates: tuple[GateChange, ...]
    notes: tuple[str, ...]
    timing: tuple[str, ...]

    @property
    def worse(self) -> tuple[RowChange, ...]:
        """Rows that became worse."""
        return tuple(row for row in self.rows if row.worse)


def compare(old: Benchmark, new: Benchmark) -> Comparison:
    """What became of every host and row that both results have, and what only one has."""
    rows = tuple(_row(before, after) for before, after in _common(old, new))
    return Comparison(
        rows,
        tuple(_only(old, new)),
        tuple(_only(new, old)),
        tuple(_gates(old, new)),
        tuple(differing_subjects(old, new)),
        tuple(differing_machines(old, new)),
    )


def _common(old: Benchmark, new: Benchmark) -> Iterator[tuple[Side, Side]]:
    hosts = {host.name: host for host in old.hosts}
    for host in new.hosts:
        before = {row.name: row for row in hosts[host.name].rows} if host.name in hosts else {}
        for row in host.rows:
            if row.name in before:
                yield Side(hosts[host.name], before[row.name]), Side(host, row)


def _only(one: Benchmark, other: Benchmark) -> Iterator[tuple[str, str]]:
    rows = {host.name: {row.name for row in host.rows} for host in other.hosts}
    for host in one.hosts:
        if host.name not in rows:
            yield host.name, ""
            continue
        yield from ((host.name, row.name) for row in host.rows if row.name not in rows[host.name])


def _row(old: Side, new: Side) -> RowChange:
    before, after = old.row, new.row
    names = [name for name in COLUMNS if name in before.measures or name in after.measures]
    changes = tuple(_change(old, new, name) for name in names)
    said = [unit for unit in old.said if unit in new.said]
    relabelled = [_relabelled(unit, old, new) for unit in said if old.said[unit].text != new.said[unit].text]
    fell = any(one.measure == SCORE and one.verdict == "worse" for one in changes)
    broke = before.failed is None and after.failed is not None
    return RowChange(
        host=new.host.name,
        row=after.name,
        role=after.role,
        changes=changes,
        labels=len(said),
        relabelled=tuple(sorted(relabelled, key=lambda one: (one.gain, one.unit))),
        old_failed=before.failed,
        new_failed=after.failed,
        old_seconds=_seconds(before),
        new_seconds=_seconds(after),
        worse=after.role in JUDGED and (fell or broke),
    )


def _seconds(row: BenchRow) -> float | None:
    return None if row.cost is None else row.cost.seconds_per_unit


def _change(old: Side, new: Side, name: str) -> Change:
    before, after = old.row.measures.get(name), new.row.measures.get(name)
    if before is None or after is None or before.value is None or after.value is None:
        return Change(name, before, after, None, None, None, "same")
    difference = after.value - before.value
    ends = paired_interval(old, new, name)
    if ends is None:
        return Change(name, before, after, difference, None, None, _verdict(name, difference, _apart(before, after)))
    low, high = ends
    return Change(name, before, after, difference, low, high, _verdict(name, difference, low > 0 or high < 0))


def _apart(old: Measure, new: Measure) -> bool:
    """Whether two intervals have nothing in common."""
    if old.low is None or old.high is None or new.low is None or new.high is None:
        return False
    return old.high < new.low or new.high < old.low


def _verdict(name: str, difference: float, real: bool) -> Verdict:
    if not real or abs(difference) < LEAST:
        return "same"
    return "better" if (difference > 0) == (COLUMNS[name].better == "up") else "worse"


def _relabelled(unit: int, old: Side, new: Side) -> Relabelled:
    before, after = old.said[unit], new.said[unit]
    known = next((one for one in new.host.units if one.unit == unit), None)
    kind, truth = ("", None) if known is None else (known.kind, known.truth)
    return Relabelled(unit, kind, truth, before.text, after.text, before.pearson, after.pearson)


def _gates(old: Benchmark, new: Benchmark) -> Iterator[GateChange]:
    """Gates whose outcome differs; those of a host that one result lacks are no change."""
    before, after = _by_case(old), _by_case(new)
    both = {"", *(host.name for host in old.hosts)} & {"", *(host.name for host in new.hosts)}
    for case in dict.fromkeys((*after, *before)):
        one, other = before.get(case), after.get(case)
        outcomes = None if one is None else one.passed, None if other is None else other.passed
        if case[1] in both and outcomes[0] != outcomes[1]:
            yield GateChange(*case, *outcomes, (other or one or Gate(*case, True, "")).text)


def _by_case(result: Benchmark) -> dict[tuple[str, str, str], Gate]:
    return {(gate.name, gate.host, gate.row): gate for gate in result.gates}
