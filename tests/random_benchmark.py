"""Results of a benchmark that was never run: random figures in the structure that a run has, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean

from neuronym.records.benchmark import (
    COLUMNS,
    BenchHost,
    Benchmark,
    BenchRow,
    BenchUnit,
    Cost,
    Gate,
    Measure,
    Role,
    Said,
)
from neuronym.world.planted import planted_units
from neuronym.world.taught import LAYER, taught_units
from neuronym.world.vocabulary import SHAPES

HOSTS = ("analytic", "taught", "resnet")
STRANGE = 'a “röd” <b>circle</b> & "more", or 図'
"""A label that the grammar cannot read and that a page must not take for markup."""


@dataclass(frozen=True)
class Row:
    """How good labels are: the share of units with the true one, and r of the others over that of the truth."""

    name: str
    role: Role
    right: float
    else_r: float


ROWS = (
    Row("true labels", "truth", 1, 1),
    Row("best of the list", "list", 0.6, 0.7),
    Row("clip-dissect?encoder=oracle:world", "method", 0.5, 0.5),
    Row("clip-dissect?encoder=bundled:clip", "method", 0.2, 0.3),
    Row("best constant", "constant", 0.02, 0.15),
    Row("random", "random", 0.01, 0.02),
    Row("shuffled", "shuffled", 0.01, 0.0),
)
FAILED = BenchRow(
    "clip-dissect?encoder=open_clip:ViT-B-32",
    "method",
    failed="The weights 'open_clip:ViT-B-32' are not on this machine and cannot be fetched without a network.",
)


def random_benchmark(seed: int) -> Benchmark:
    """A result with hosts, rows, units, curves and gates; equal seeds give equal results.

    The host ``resnet`` has a row that failed, and one gate of all does not hold.
    """
    dice = Random(seed)
    hosts = tuple(_host(name, dice) for name in HOSTS)
    gates = [Gate("truth above methods", one.name, "", True, "1.000 is above .812 of every method.") for one in hosts]
    gates += [
        Gate("shuffled at the floor", one.name, "shuffled", True, "-.011 to .014 holds .002 of random labels.")
        for one in hosts
    ]
    gates.append(Gate("random weights below", "resnet", ROWS[3].name, False, ".31 to .42 overlaps .28 to .33."))
    return Benchmark(
        version="1",
        made="2025-06-01T12:30:00+00:00",
        command=f"neuronym bench --seed {seed} --quick",
        settings={"seed": seed, "quick": True, "hosts": list(HOSTS), "images": [2000, 1000], "kinds": None},
        environment={
            "neuronym": "0.1.0",
            "torch": "2.8.0",
            "python": "3.11.9",
            "processor": "Example CPU @ 2.50 GHz",
            "cores": 2,
            "threads": 2,
            "OMP_WAIT_POLICY": "PASSIVE",
            "load": 0.25,
        },
        seconds=round(dice.uniform(40, 90), 2),
        hosts=hosts,
        gates=tuple(gates),
    )


def changed(result: Benchmark, host: str, row: str, change: Callable[[BenchRow], BenchRow]) -> Benchmark:
    """The same result with one row of one host changed."""
    hosts = [
        replace(one, rows=tuple(change(each) if each.name == row else each for each in one.rows))
        if one.name == host
        else one
        for one in result.hosts
    ]
    return replace(result, hosts=tuple(hosts))


def _host(name: str, dice: Random) -> BenchHost:
    units, truth = _units(name, dice), dict[int, float | None]()
    for unit in units:
        truth[unit.unit] = None if unit.kind == "dead" else 0.0 if unit.hopeless else dice.uniform(0.4, 0.97)
    model, layer, title = {
        "analytic": ("bundled:planted", "units", "Planted units, read out of the scene"),
        "taught": ("bundled:concepts", LAYER, "Channels that were taught concepts"),
        "resnet": ("bundled:resnet", "classifier.1", "Classes of a ResNet"),
    }[name]
    rows = [_row(row, units, truth, dice) for row in ROWS]
    if name == "resnet":
        rows.insert(4, FAILED)
    return BenchHost(name, title, model, layer, (2000, 1000), units, tuple(rows))


def _units(host: str, dice: Random) -> tuple[BenchUnit, ...]:
    def unit(number: int, kind: str, text: str | None) -> BenchUnit:
        return BenchUnit(
            number, kind, text, kind in ("dead", "noise"), None if text is None else round(dice.uniform(0.01, 0.4), 4)
        )

    if host == "analytic":
        return tuple(unit(one.index, one.kind, one.text) for one in planted_units())
    if host == "taught":
        return tuple(unit(one.index, one.kind, one.text) for one in taught_units())
    return tuple(unit(number, "class", name) for number, name in enumerate(SHAPES))


def _row(row: Row, units: Sequence[BenchUnit], truth: dict[int, float | None], dice: Random) -> BenchRow:
    said = [_said(row, unit, truth[unit.unit], units, dice) for unit in units]
    several = row.role in ("random", "shuffled")
    curve, operating = _curve(said, truth, units) if row.role == "method" else ((), None)
    cost = Cost(round(dice.uniform(2, 9), 3), round(dice.uniform(5, 60), 2), len(units), {"images": 2000, "texts": 410})
    return BenchRow(
        name=row.name,
        role=row.role,
        measures=_measures(row, said, truth, units, dice),
        kinds=_kinds(said, units),
        said=() if several else tuple(said),
        curve=curve,
        operating=operating,
        cost=cost if row.role == "method" else None,
        text="a red circle" if row.role == "constant" else None,
    )


def _said(row: Row, unit: BenchUnit, best: float | None, units: Sequence[BenchUnit], dice: Random) -> Said:
    right = unit.truth is not None and dice.random() < row.right
    strange = not right and row.role == "method" and dice.random() < 0.05
    others = [one.truth for one in units if one.truth is not None]
    text = unit.truth if right else STRANGE if strange else dice.choice(others)
    if row.role == "constant":
        text = "a red circle"
    if row.role == "truth":
        text = unit.truth
    r = None if best is None else best if right else 0.0
    if best is not None and not right and not strange and text is not None:
        r = best * row.else_r * dice.uniform(0.2, 1.6) + dice.gauss(0, 0.02)
    iou = None if r is None or unit.truth is None or unit.kind == "class" else max(0.0, r) * 0.8
    if row.role != "method":
        return Said(unit.unit, "described", text, None, None, r, text is not None, right, iou)
    if dice.random() < 0.01:
        return Said(unit.unit, "failed", None, None, True, None if r is None else 0.0, False, False, iou and 0.0)
    confidence = dice.gauss(0, 1) + (4 * (r or 0.0))
    return Said(unit.unit, "described", text, confidence, confidence < 0.6, r, not strange, right, iou)


def _measures(
    row: Row, said: Sequence[Said], truth: dict[int, float | None], units: Sequence[BenchUnit], dice: Random
) -> dict[str, Measure]:
    true = [one for one, unit in zip(said, units, strict=True) if unit.truth is not None]
    hopeless = [one for one, unit in zip(said, units, strict=True) if unit.hopeless]
    best = [truth[one.unit] or 0.0 for one in true]
    values = {
        "normalised": [(one.pearson or 0.0) / fmean(best) for one in true],
        "pearson": [one.pearson or 0.0 for one in true],
        "f1": [max(0.0, one.pearson or 0.0) * 0.9 for one in true],
        "auprc": [max(0.02, one.pearson or 0.0) for one in true],
        "mask_iou": [one.mask_iou or 0.0 for one in true],
        "top1": [float(one.equivalent) for one in true],
        "top5": [float(one.equivalent or (one.pearson or 0) > 0.4) for one in true],
        "equivalent": [float(one.equivalent) for one in true],
        "resolved": [float(one.resolved) for one in true],
        "discrimination": [min(1.0, 0.5 + 0.7 * abs(one.pearson or 0.0)) for one in true],
        "stable_images": [dice.uniform(0.6, 1) for _ in true],
        "stable_noise": [dice.uniform(0.5, 1) for _ in true],
        "silent": [float(bool(one.silent)) for one in hopeless],
        "lost": [float(bool(one.silent)) for one in true],
        "aurc": [dice.uniform(0.1, 0.9) for _ in said],
        "random_weights": [dice.gauss(0.02, 0.03) for _ in true],
    }
    only = {"top5", "stable_images", "stable_noise", "silent", "lost", "aurc", "random_weights"}
    had = [name for name in COLUMNS if row.role == "method" or name not in only]
    lacking = {*(() if hopeless else ("silent",)), *(("mask_iou",) if units[0].kind == "class" else ())}
    return {name: _measure(values[name]) for name in had if name not in lacking}


def _kinds(said: Sequence[Said], units: Sequence[BenchUnit]) -> dict[str, Measure]:
    kinds: dict[str, list[float]] = {}
    for one, unit in zip(said, units, strict=True):
        if unit.truth is not None:
            kinds.setdefault(unit.kind, []).append(one.pearson or 0.0)
    return {kind: _measure(values) for kind, values in kinds.items()}


def _measure(values: Sequence[float]) -> Measure:
    """The mean with the interval of a normal distribution."""
    if not values:
        return Measure(None)
    mean, count = fmean(values), len(values)
    if count < 2:
        return Measure(mean, None, None, count)
    half = 1.96 * (fmean((value - mean) ** 2 for value in values) / count) ** 0.5
    return Measure(mean, mean - half, mean + half, count)


def _curve(
    said: Sequence[Said], truth: dict[int, float | None], units: Sequence[BenchUnit]
) -> tuple[tuple[tuple[float, float], ...], tuple[float, float] | None]:
    hopeless = {unit.unit for unit in units if unit.hopeless}
    told = sorted((one for one in said if one.confidence is not None), key=lambda one: -(one.confidence or 0.0))
    losses, points, operating = list[float](), list[tuple[float, float]](), None
    for one in told:
        best = truth[one.unit]
        share = 0.0 if one.unit in hopeless or not best else (one.pearson or 0.0) / best
        losses.append(min(1.0, max(0.0, 1 - share)))
        points.append((len(losses) / len(said), fmean(losses)))
        if not one.silent:
            operating = points[-1]
    return tuple(points), operating
