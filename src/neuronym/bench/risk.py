"""When a method says nothing: the rule of abstention on a host, and risk against coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from neuronym.bench.scoring import HostScorer, measure
from neuronym.functional.selective import bootstrap_aurc, risk_coverage
from neuronym.records.benchmark import BenchRow, BenchUnit, Measure, Said

Floats = npt.NDArray[np.float64]


def with_abstention(row: BenchRow, scorer: HostScorer, chances: Mapping[int, float] | None, level: float) -> BenchRow:
    """The row with its rule of abstention: nothing is said where shuffled units reach the unit's score too often.

    Args:
        row: as scored.
        scorer: of its host.
        chances: by described unit, its p-value among shuffled units; None where the method has no scores.
        level: the share of shuffled units that may be described.
    """
    known = {} if chances is None else chances
    said = tuple(replace(one, silent=one.state != "described" or known.get(one.unit, 0.0) > level) for one in row.said)
    silent = np.array([bool(one.silent) for one in said])
    failed = np.array([one.state == "failed" for one in said])  # which is no way to say that there is nothing
    hopeless = np.array([unit.hopeless for unit in scorer.units])
    named = np.array([unit.truth is not None for unit in scorer.units])
    measures = {
        name: measure(nothing[some].astype(float), scorer.draws, scorer.seed)
        for name, some, nothing in (("silent", hopeless, silent & ~failed), ("lost", named, silent))
        if some.any()
    }
    return replace(row, said=said, measures={**row.measures, **measures})


def with_curve(row: BenchRow, scorer: HostScorer) -> BenchRow:
    """The row with its curve of risk against coverage, over units with a true label and those of which nothing is true.

    Of these last only those count that the method describes all the same: silence is right there, and is not coverage
    that it lacks. Units that are neither (a low-level signal that no concept comes near) are left out: there is no
    telling what would be right. Risk is the mean of 1 - r / r of the true label, of the units that the method is surest
    of; a label of a unit without hope is all risk.
    """
    if all(one.confidence is None for one in row.said):
        return row
    both = zip(row.said, scorer.units, strict=True)
    pairs = [(one, unit) for one, unit in both if unit.truth or (unit.hopeless and one.text is not None)]
    if not pairs:
        return row
    losses = _losses(pairs, scorer)
    sure = np.array([-np.inf if one.confidence is None else one.confidence for one, _ in pairs])
    sides = torch.from_numpy(sure), torch.from_numpy(losses)
    curve = risk_coverage(*sides)
    area = Measure(*bootstrap_aurc(*sides, draws=scorer.draws, seed=scorer.seed), len(pairs))
    points = tuple(zip(curve.coverage.tolist(), curve.risk.tolist(), strict=True))
    return replace(row, curve=points, operating=_operating(pairs, losses), measures={**row.measures, "aurc": area})


def _losses(pairs: Sequence[tuple[Said, BenchUnit]], scorer: HostScorer) -> Floats:
    ceiling = dict(zip((unit.unit for unit in scorer.named), scorer.ceiling, strict=True))
    found = np.ones(len(pairs))
    for at, (one, unit) in enumerate(pairs):
        most = ceiling.get(unit.unit, 0.0)
        if not unit.hopeless and most > 0 and one.pearson is not None:
            found[at] = 1 - np.clip(one.pearson / most, 0, 1)
    return found


def _operating(pairs: Sequence[tuple[Said, BenchUnit]], losses: Floats) -> tuple[float, float] | None:
    """Coverage and risk of what is left where the rule of abstention has spoken."""
    if any(one.silent is None for one, _ in pairs):
        return None
    spoken = np.array([not one.silent for one, _ in pairs])
    return (float(spoken.mean()), float(losses[spoken].mean()) if spoken.any() else 0.0)
