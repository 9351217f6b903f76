"""Two results side by side: real changes beside plain loops over resampled units, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.bench.comparing import LEAST, Change, RowChange, compare
from neuronym.bench.pairing import DRAWS
from neuronym.records.benchmark import COLUMNS, BenchHost, Benchmark, BenchRow, Gate, Measure, Said
from random_benchmark import FAILED, HOSTS, ROWS, changed, random_benchmark

ORACLE, CLIP = ROWS[2].name, ROWS[3].name
OLD = random_benchmark(1)


def host_of(result: Benchmark, name: str) -> BenchHost:
    return next(host for host in result.hosts if host.name == name)


def row_of(result: Benchmark, host: str, name: str) -> BenchRow:
    return next(row for row in host_of(result, host).rows if row.name == name)


def with_said(result: Benchmark, host: str, row: str, change: Callable[[Said], Said]) -> Benchmark:
    """A row that says something else, with the figures that follow from it."""
    units = {unit.unit: unit for unit in host_of(result, host).units}
    truth = {one.unit: one for one in row_of(result, host, ROWS[0].name).said}
    floor = row_of(result, host, "random").measures["pearson"].value or 0.0

    def judged(before: BenchRow) -> BenchRow:
        said = tuple(change(one) for one in before.said)
        named = [one for one in said if units[one.unit].truth is not None]
        mean = fmean(one.pearson or 0.0 for one in named)
        most = fmean(truth[one.unit].pearson or 0.0 for one in named)
        hopeless = [float(bool(one.silent)) for one in said if units[one.unit].hopeless]
        found = {
            "pearson": Measure(mean, mean, mean, len(named)),
            "normalised": Measure((mean - floor) / (most - floor), 0, 1, len(named)),
            "equivalent": Measure(fmean(one.equivalent for one in named), 0, 1, len(named)),
            "lost": Measure(fmean(bool(one.silent) for one in named), 0, 1, len(named)),
            "mask_iou": Measure(fmean(one.mask_iou or 0.0 for one in named), 0, 1, len(named)),
            **({"silent": Measure(fmean(hopeless), 0, 1, len(hopeless))} if hopeless else {}),
        }
        had = {name: one for name, one in found.items() if name in before.measures}
        return replace(before, said=said, measures={**before.measures, **had})

    return changed(result, host, row, judged)


def consistent(result: Benchmark, host: str, *rows: str) -> Benchmark:
    for row in rows:
        result = with_said(result, host, row, lambda one: one)
    return result


def lowered(by: float) -> Callable[[Said], Said]:
    return lambda one: one if one.pearson is None else replace(one, pearson=one.pearson - by)


def found_row(old: Benchmark, new: Benchmark, host: str, row: str) -> RowChange:
    return next(one for one in compare(old, new).rows if (one.host, one.row) == (host, row))


def changes(old: Benchmark, new: Benchmark, host: str, row: str) -> Mapping[str, Change]:
    return {one.measure: one for one in found_row(old, new, host, row).changes}


def drawn(units: int) -> list[list[int]]:
    return torch.randint(units, (DRAWS, units), generator=torch.Generator().manual_seed(0)).tolist()


def test_a_result_is_the_same_as_itself() -> None:
    found = compare(OLD, random_benchmark(1))
    assert [(row.host, row.row) for row in found.rows] == [
        (host.name, row.name) for host in OLD.hosts for row in host.rows
    ]
    for row in found.rows:
        assert row.old_failed == row.new_failed
        assert not row.relabelled
        assert not row.worse
        assert {change.verdict for change in row.changes} <= {"same"}
        assert {change.difference for change in row.changes} <= {0}
        assert {(change.low, change.high) for change in row.changes} <= {(0, 0), (None, None)}
    assert not any((found.only_old, found.only_new, found.gates, found.notes, found.timing, found.worse))


def test_every_measure_is_there_with_its_difference() -> None:
    new = random_benchmark(2)
    for host in HOSTS:
        before, after = row_of(OLD, host, CLIP).measures, row_of(new, host, CLIP).measures
        got = changes(OLD, new, host, CLIP)
        assert list(got) == [name for name in COLUMNS if name in before or name in after]
        for name, change in got.items():
            assert (change.old, change.new) == (before[name], after[name])
            assert change.difference == (after[name].value or 0) - (before[name].value or 0)
    assert changes(OLD, new, "analytic", "random")["pearson"].low is None


def test_a_column_that_an_older_result_lacks_is_no_change() -> None:
    def without(row: BenchRow) -> BenchRow:
        said = tuple(replace(one, mask_iou=None) for one in row.said)
        return replace(row, said=said, measures={key: one for key, one in row.measures.items() if key != "mask_iou"})

    older = changed(OLD, "analytic", CLIP, without)
    for pair, sides in (((older, OLD), (False, True)), ((OLD, older), (True, False))):
        got = changes(*pair, "analytic", CLIP)["mask_iou"]
        assert (got.old is not None, got.new is not None) == sides
        assert (got.difference, got.low, got.high, got.verdict) == (None, None, None, "same")
        assert not compare(*pair).worse


@pytest.mark.parametrize("host", ["analytic", "resnet"])
def test_paired_intervals_are_those_of_resampled_units(host: str) -> None:
    rows = (ROWS[0].name, ORACLE)
    old, new = consistent(OLD, host, *rows), consistent(random_benchmark(2), host, *rows)
    got = changes(old, new, host, ORACLE)
    units = host_of(old, host).units
    named = [at for at, unit in enumerate(units) if unit.truth is not None]
    hopeless = [at for at, unit in enumerate(units) if unit.hopeless]
    parts: dict[str, tuple[list[int], Callable[[Said], float]]] = {
        "pearson": (named, lambda one: one.pearson or 0.0),
        "mask_iou": (named if host != "resnet" else [], lambda one: one.mask_iou or 0.0),
        "equivalent": (named, lambda one: float(one.equivalent)),
        "lost": (named, lambda one: float(one.silent or False)),
        "silent": (hopeless, lambda one: float(one.silent or False)),
    }
    for name, (places, part) in parts.items():
        if not places:
            assert name not in got
            continue
        before, after = (row_of(result, host, ORACLE).said for result in (old, new))
        means = [
            fmean(part(after[places[at]]) - part(before[places[at]]) for at in draw) for draw in drawn(len(places))
        ]
        expected = np.quantile(means, [0.025, 0.975])
        assert [got[name].low, got[name].high] == pytest.approx(expected.tolist(), abs=1e-9)

    def score(result: Benchmark, draw: list[int]) -> float:
        own, most = (row_of(result, host, row).said for row in (ORACLE, ROWS[0].name))
        floor = row_of(result, host, "random").measures["pearson"].value or 0.0
        mean, best = (fmean(side[named[at]].pearson or 0.0 for at in draw) for side in (own, most))
        return (mean - floor) / (best - floor)

    ratios = [score(new, draw) - score(old, draw) for draw in drawn(len(named))]
    ends = np.quantile(ratios, [0.025, 0.975])
    assert [got["normalised"].low, got["normalised"].high] == pytest.approx(ends.tolist(), abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.floats(-0.3, 0.3))
def test_an_equal_change_of_all_units_is_real_however_small_but_not_below_what_is_shown(by: float) -> None:
    old = consistent(OLD, "taught", ORACLE)
    got = changes(old, with_said(old, "taught", ORACLE, lowered(by)), "taught", ORACLE)["pearson"]
    assert got.difference == pytest.approx(-by)
    if abs(abs(by) - LEAST) > 1e-9:
        assert got.verdict == ("same" if abs(by) < LEAST else "worse" if by > 0 else "better")


def test_a_worse_score_of_a_judged_row_is_named() -> None:
    old = consistent(OLD, "taught", *(row.name for row in ROWS[:5]))
    new = old
    for row in (ROWS[0].name, ORACLE, "best constant"):
        new = with_said(new, "taught", row, lowered(0.1))
    found = compare(old, new)
    assert [(row.host, row.row) for row in found.worse] == [("taught", ORACLE)]
    assert changes(old, new, "taught", "best constant")["pearson"].verdict == "worse"
    assert not found.gates
    assert [row.row for row in compare(new, old).worse] == []
    assert changes(new, old, "taught", ORACLE)["pearson"].verdict == "better"


def test_chance_is_no_change() -> None:
    """Half of the units gain what the other half loses."""
    old = consistent(OLD, "taught", ORACLE)
    new = with_said(old, "taught", ORACLE, lambda one: lowered(0.1 if one.unit % 2 else -0.1)(one))
    got = changes(old, new, "taught", ORACLE)
    assert {got["normalised"].verdict, got["pearson"].verdict} == {"same"}
    assert (got["pearson"].low or 0) < -0.01 < 0.01 < (got["pearson"].high or 0)


def test_lower_is_better_where_the_column_says_so() -> None:
    old = consistent(OLD, "analytic", ORACLE)
    new = with_said(old, "analytic", ORACLE, lambda one: replace(one, silent=True))
    got = changes(old, new, "analytic", ORACLE)
    assert (got["lost"].verdict, got["silent"].verdict) == ("worse", "better")


def measured(value: float, low: float | None, high: float | None) -> Callable[[BenchRow], BenchRow]:
    return lambda row: replace(
        row, measures={**row.measures, "f1": Measure(value, low, high, 64), "aurc": Measure(None)}
    )


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ((0.5, 0.4, 0.6), (0.7, 0.61, 0.8), "better"),
        ((0.5, 0.4, 0.6), (0.3, 0.2, 0.39), "worse"),
        ((0.5, 0.4, 0.6), (0.7, 0.6, 0.8), "same"),
        ((0.5, 0.4, 0.6), (0.9, None, None), "same"),
    ],
)
def test_without_units_intervals_decide(
    old: tuple[float, float, float], new: tuple[float, float, float], verdict: str
) -> None:
    sides = [changed(OLD, "taught", CLIP, measured(*side)) for side in (old, new)]
    got = changes(sides[0], sides[1], "taught", CLIP)
    assert (got["f1"].low, got["f1"].high, got["f1"].verdict) == (None, None, verdict)
    assert got["aurc"] == Change("aurc", Measure(None), Measure(None), None, None, None, "same")


def test_units_do_not_tell_of_a_figure_that_is_not_their_mean() -> None:
    new = changed(
        OLD, "taught", CLIP, lambda row: replace(row, measures={**row.measures, "pearson": Measure(0.99, 0.98, 1)})
    )
    got = changes(OLD, new, "taught", CLIP)["pearson"]
    assert got.low is None
    assert got.verdict == "better"
    without = replace(OLD, hosts=tuple(replace(host, rows=host.rows[1:]) for host in OLD.hosts))
    assert changes(without, without, "taught", CLIP)["normalised"].low is None
    assert changes(without, without, "taught", CLIP)["pearson"].low == 0


def test_units_of_another_choice_are_not_paired_and_that_is_said() -> None:
    host = OLD.hosts[0]
    fewer = replace(
        host, units=(*host.units[2:-1], replace(host.units[-1], unit=900), replace(host.units[1], kind="or"))
    )
    new = replace(OLD, hosts=(fewer, *OLD.hosts[1:]))
    assert changes(OLD, new, "analytic", ORACLE)["pearson"].low is None
    assert changes(OLD, new, "taught", ORACLE)["pearson"].low == 0
    assert compare(OLD, new).notes == (
        "Of the units of analytic 2 are gone, 1 are new and 1 have another kind or truth.",
    )


def test_units_with_another_label_from_the_worst_to_the_best() -> None:
    new = {0: ("cat", -0.2), 3: ("dog", 0.4), 5: (None, None), 7: ("fish ü", 0.1)}
    base = with_said(OLD, "taught", CLIP, lambda one: replace(one, text="a", pearson=0.2))
    other = with_said(
        base,
        "taught",
        CLIP,
        lambda one: replace(one, text=new[one.unit][0], pearson=new[one.unit][1]) if one.unit in new else one,
    )
    got = found_row(base, other, "taught", CLIP)
    assert got.labels == 64
    assert [one.unit for one in got.relabelled] == [0, 5, 7, 3]
    assert [one.gain for one in got.relabelled] == pytest.approx([-0.4, -0.2, -0.1, 0.2])
    unit = host_of(OLD, "taught").units[5]
    assert (got.relabelled[1].kind, got.relabelled[1].truth) == (unit.kind, unit.truth)
    assert (got.relabelled[1].old, got.relabelled[1].new, got.relabelled[1].new_pearson) == ("a", None, None)
    assert found_row(base, other, "taught", "random").labels == 0


def test_rows_and_hosts_that_only_one_has_and_rows_that_fail() -> None:
    fewer = replace(OLD, hosts=(replace(OLD.hosts[1], rows=OLD.hosts[1].rows[:-1]), OLD.hosts[2]))
    found = compare(OLD, fewer)
    assert found.only_old == (("analytic", ""), ("taught", "shuffled"))
    assert found.only_new == ()
    assert not found.gates
    assert compare(fewer, OLD).only_new == (("analytic", ""), ("taught", "shuffled"))
    broken = changed(OLD, "taught", CLIP, lambda row: replace(FAILED, name=row.name))
    assert [(row.row, row.new_failed) for row in compare(OLD, broken).worse] == [(CLIP, FAILED.failed)]
    mended = found_row(broken, OLD, "taught", CLIP)
    assert (mended.old_failed, mended.new_failed, mended.worse) == (FAILED.failed, None, False)
    assert {change.difference for change in mended.changes} == {None}


def test_gates_that_changed() -> None:
    other = [replace(OLD.gates[0], passed=False, text="now"), *OLD.gates[1:-1], Gate("a new one", "", "", True, "x")]
    found = compare(OLD, replace(OLD, gates=tuple(other)))
    assert [(gate.name, gate.host, gate.old, gate.new, gate.text) for gate in found.gates] == [
        ("truth above methods", "analytic", True, False, "now"),
        ("a new one", "", None, True, "x"),
        ("random weights below", "resnet", False, None, OLD.gates[-1].text),
    ]


def test_what_makes_figures_and_seconds_be_of_something_else() -> None:
    host = replace(OLD.hosts[2], images=(100, 1000), model="bundled:vit")
    settings = {**OLD.settings, "seed": 2, "kinds": ["and", "or"], "methods": ["a"], "device": "cuda"}
    environment = {**OLD.environment, "processor": "Other", "load": 3.5, "neuronym": "9", "numba": "1"}
    new = replace(
        OLD, version="2", settings=settings, environment=environment, hosts=(*OLD.hosts[:2], host), seconds=1.0
    )
    found = compare(OLD, new)
    assert found.notes == (
        "The frozen units and images are version 2, and were version 1.",
        "The setting seed is 2, and was 1.",
        "The setting kinds is and, or, and was not given.",
        "The model of resnet is bundled:vit, and was bundled:resnet.",
        "The number of explain images of resnet is 100, and was 2000.",
    )
    assert found.timing == (
        "processor is Other, and was Example CPU @ 2.50 GHz.",
        "numba is 1, and was not given.",
        "device is cuda, and was not given.",
    )
    got, cost = found_row(OLD, new, "taught", CLIP), row_of(OLD, "taught", CLIP).cost
    assert cost is not None
    assert got.old_seconds == got.new_seconds == cost.seconds / 64
