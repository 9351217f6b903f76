"""Every gate is seen to hold, to fail and to be left unchecked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from neuronym.bench import gates as checks
from neuronym.bench.gates import gates
from neuronym.bench.hosts import HOSTS
from neuronym.records.benchmark import BenchHost, BenchRow, Gate, Measure, Role


def row(name: str, role: Role, r: float | None, copy: float | None = None, half: float = 0.05) -> BenchRow:
    measures = {"pearson": Measure(r, None if r is None else r - half, None if r is None else r + half, 9)}
    if copy is not None:
        measures["random_weights"] = Measure(copy, copy - half, copy + half, 9)
    return BenchRow(name, role, measures, text="fish" if role == "constant" else None)


def host(*rows: BenchRow, name: str = "taught", kinds: Sequence[str] = ()) -> BenchHost:
    """A host on which every gate holds, but for the rows that are replaced."""
    usual = {
        one.name: one
        for one in (
            row("truth", "truth", 0.8, 0.01),
            row("list", "list", 0.75),
            row("good", "method", 0.7, 0.2),
            row("bad", "method", 0.1, 0.3),
            row("constant", "constant", 0.05),
            row("random", "random", 0.0),
            row("shuffled", "shuffled", 0.01),
        )
    }
    usual |= {one.name: one for one in rows}
    known = HOSTS[name]
    units = tuple(unit for unit in known.units() if not kinds or unit.kind in kinds)
    return BenchHost(name, known.title, known.model, known.layer, (10, 10), units, tuple(usual.values()))


def failed(one: BenchHost, *, all_methods: bool = False) -> list[tuple[str, str]]:
    return [(gate.name, gate.row) for gate in gates([one], all_methods=all_methods) if gate.passed is False]


def of(one: BenchHost, name: str) -> list[Gate]:
    return [gate for gate in gates([one]) if gate.name == name]


def test_all_hold_where_all_is_well() -> None:
    found = gates([host(), host(name="analytic")], all_methods=True)
    assert all(gate.passed is True for gate in found)
    assert {gate.name for gate in found} == {
        *(checks.TRUTH, checks.SHUFFLED, checks.RANDOM_WEIGHTS, checks.CONSTANT, checks.RUNS),
    }
    assert all(gate.host == "taught" for gate in found if gate.name == checks.RANDOM_WEIGHTS)  # analytic has no copy


@pytest.mark.parametrize(
    ("changed", "name", "of_row"),
    [
        (row("good", "method", 0.81, 0.2), checks.TRUTH, "good"),
        (row("shuffled", "shuffled", 0.06), checks.SHUFFLED, ""),
        (row("truth", "truth", 0.8, 0.71), checks.RANDOM_WEIGHTS, "truth"),
        (row("good", "method", 0.7, 0.61), checks.RANDOM_WEIGHTS, "good"),
        (row("constant", "constant", 0.76), checks.CONSTANT, ""),
        (replace(row("bad", "method", None), failed="It is broken."), checks.RUNS, "bad"),
    ],
)
def test_each_fails_by_itself(changed: BenchRow, name: str, of_row: str) -> None:
    assert failed(host(changed)) == [(name, of_row)]


def test_intervals_that_touch_overlap() -> None:
    assert not failed(host(row("good", "method", 0.7, 0.59)))
    assert failed(host(row("good", "method", 0.7, 0.601)))


def test_only_the_best_method_answers_for_random_weights() -> None:
    assert row("bad", "method", 0.1, 0.3) in host().rows  # better on random weights, and no gate fails
    assert not failed(host())


def test_a_constant_may_beat_a_bad_method_but_not_all_methods() -> None:
    weak = (row("good", "method", 0.03, -0.1), row("bad", "method", 0.02))
    assert not failed(host(*weak))
    assert failed(host(*weak), all_methods=True) == [(checks.CONSTANT, "")]


def test_a_method_that_says_nothing_is_better_than_one_that_is_wrong() -> None:
    rows = (row("good", "method", 0.0, -0.3), row("bad", "method", -0.2), row("constant", "constant", -0.1))
    assert (checks.CONSTANT, "") not in failed(host(*rows), all_methods=True)


def test_shuffled_classes_may_be_below_the_floor() -> None:
    assert not failed(host(row("shuffled", "shuffled", -0.3)))


def test_a_method_as_good_as_the_truth_is_no_failure() -> None:
    assert not failed(host(row("good", "method", 0.8, 0.2)))


def test_what_cannot_be_checked_says_so() -> None:
    one = host(kinds=("single", "and"))
    assert [(gate.passed, gate.text) for gate in of(one, checks.TRUTH)] == [
        (None, "not checked, as units are left out: and-not, or")
    ]
    blank = host(row("shuffled", "shuffled", None), row("constant", "constant", None))
    assert [gate.passed for gate in of(blank, checks.SHUFFLED)] == [None]
    assert [gate.passed for gate in of(blank, checks.CONSTANT)] == [None]
    scored = replace(one, rows=tuple(row for row in one.rows if row.role == "random"))
    assert [gate.passed for gate in of(scored, checks.RANDOM_WEIGHTS)] == [None]
    assert not failed(blank)
