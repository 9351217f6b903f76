"""What shuffled units of a layer score under a method, and how often they do as well as a real one.

What they are, and why they are compared within one wider layer, stands in :mod:`neuronym.explain.abstention`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from neuronym.backends.remembering import Remembering
from neuronym.errors import MethodError
from neuronym.explain.explainer import Explainer
from neuronym.explain.variation import unvarying
from neuronym.records import Explanation, Summary, Unit
from neuronym.store.derived_view import with_shuffled
from neuronym.store.layer_view import LayerView

Scores = npt.NDArray[np.float64]

ENOUGH = 200
"""About how many shuffled units are described; with as many, a level of 0.1 is met within 0.02 (a standard error)."""

SHARE = 5
"""One shuffled unit at a time is added for so many real ones, for they belong to the layer that a prior is over."""

FEW = 4
"""At least so many are added: among only two units the scores of SoftWPMI tie at log(2)."""

ROUNDS = 10
"""At most so often a small layer is widened."""

PROBED = 5
"""So many units tell whether a method looks at one unit at a time."""


def untold(stage: str, done: int, total: int) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True)
class Chance:
    """How often shuffled units do as well as one unit.

    Attributes:
        reached: shuffled units whose score is at least the unit's in the same round.
        shuffled: how many there were.
    """

    reached: int
    shuffled: int

    @property
    def p(self) -> float:
        """The p-value, above 0 and at most 1."""
        return (1 + self.reached) / (1 + self.shuffled)


class Round(NamedTuple):
    """One wider layer: the scores of its real units that were asked for, and those of the shuffled ones.

    A unit on which the method abstains has -infinity; one on which it failed is missing. ``own`` is None for a method
    that looks at one unit at a time: there the scores of the layer as it is are right.
    """

    own: Mapping[int, float] | None
    null: Scores


@dataclass(frozen=True)
class Calibration:
    """What shuffled units of a layer score under a method; made by :func:`calibrate`.

    Attributes:
        rounds: the wider layers; none for a layer without a unit that varies.
    """

    rounds: tuple[Round, ...]

    @property
    def shuffled(self) -> int:
        """How many scores of shuffled units there are."""
        return sum(len(one.null) for one in self.rounds)

    def chance(self, said: Explanation) -> Chance:
        """How often shuffled units do as well as a unit that was asked for and described.

        Raises:
            MethodError: the description has no score, or one that is not finite.
        """
        plain, reached, shuffled = score_of(said), 0, 0
        for own, null in self.rounds:
            score = plain if own is None else own.get(said.unit.index)
            if score is not None:
                reached += int((null >= score).sum())
                shuffled += len(null)
        return Chance(reached, shuffled)


def calibrate(
    explainer: Explainer,
    view: LayerView,
    units: Sequence[Unit],
    seed: int = 0,
    report: Callable[[str, int, int], None] = untold,
) -> Calibration:
    """Describe shuffled units, about 200 and fewer for layers of under 96 units, among the real ones.

    Units that vary over the explain images are shuffled, a fifth as many at a time as the layer has, or four. Those
    asked for are described with them in each round, unless the scores of some of the layer's units, chosen by the seed
    alone, are the same in the first round as in the layer as it is: then the method looks at one unit at a time.

    Args:
        explainer: the method.
        view: the layer.
        units: some of its units; what is found of each does not depend on the others.
        seed: chooses the units that are shuffled, and how; 0 or more.
        report: told how many shuffled units are described.

    Raises:
        MethodError: the method cannot run, or gives descriptions without finite scores.
    """
    living = _living(view, explainer.summary)
    if not len(living):
        return Calibration(())
    explainer = frugal(explainer)
    count, size = plan(view.layer.units)
    sources = _sources(living, count * size, seed).reshape(count, size)
    some = [view.units[unit] for unit in sorted(_sources(living, min(PROBED, len(living)), seed))]
    asked: Sequence[Unit] | None = units
    rounds = list[Round]()
    for number, chosen in enumerate(sources):
        report(f"shuffled units of {view.layer.name}", number * size, count * size)
        wider = with_shuffled(view, chosen.tolist(), ROUNDS * seed + number)
        added = wider.units[view.layer.units :]
        found = None
        if number == 0:
            found = _scores(explainer, [*some, *added], wider)
            asked = None if _same(_scores(explainer, some, view), found) else units
        rounds.append(_round(explainer, wider, added, asked, found))
    report(f"shuffled units of {view.layer.name}", count * size, count * size)
    return Calibration(tuple(rounds))


def _round(
    explainer: Explainer,
    wider: LayerView,
    added: Sequence[Unit],
    asked: Sequence[Unit] | None,
    known: Mapping[int, float] | None,
) -> Round:
    """What the units of one wider layer score.

    Args:
        explainer: the method.
        wider: the layer with shuffled units.
        added: those.
        asked: the real units to compare with them; None for a method that looks at one unit at a time.
        known: scores by unit, those of the shuffled ones among them, if they were described before.
    """
    missing = [*(asked or ()), *(added if known is None else ())]
    found = {**(known or {}), **(_scores(explainer, missing, wider) if missing else {})}
    null = np.array([found[unit.index] for unit in added if unit.index in found], np.float64)
    own = None if asked is None else {unit.index: found[unit.index] for unit in asked if unit.index in found}
    return Round(own, null)


def plan(units: int) -> tuple[int, int]:
    """In how many rounds a layer of so many units is widened, and by how many shuffled units."""
    size = min(ENOUGH, max(FEW, math.ceil(units / SHARE)))
    rounds = min(ROUNDS, math.ceil(ENOUGH / size))
    return rounds, min(size, math.ceil(ENOUGH / rounds))


def _living(view: LayerView, summary: Summary) -> npt.NDArray[np.int64]:
    """The units that vary, over positions and by the summary over images."""
    still = unvarying(view, summary, view.summaries(summary, "explain"))
    return np.array([unit for unit in range(view.layer.units) if unit not in still], np.int64)


def _sources(living: npt.NDArray[np.int64], count: int, seed: int) -> npt.NDArray[np.int64]:
    """``count`` living units at random, none twice before all were taken once."""
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.permutation(living) for _ in range(math.ceil(count / len(living)))])[:count]


def _scores(explainer: Explainer, units: Sequence[Unit], view: LayerView) -> dict[int, float]:
    """By unit, -infinity where the method abstains; one on which it failed is missing."""
    return {
        said.unit.index: score_of(said) if said.state == "described" else -math.inf
        for said in explainer.explain(units, view)
        if said.state != "failed"
    }


def _same(plain: Mapping[int, float], wider: Mapping[int, float]) -> bool:
    """Whether units have the same scores in both layers, but for rounding, and at least one has a score."""
    finite = [unit for unit in plain if math.isfinite(plain[unit])]
    same = [math.isclose(plain[unit], wider.get(unit, math.nan), rel_tol=1e-5, abs_tol=1e-9) for unit in plain]
    return bool(finite) and all(same)


def score_of(said: Explanation) -> float:
    """The score of a description.

    Raises:
        MethodError: it has none, or one that is not finite.
    """
    if said.score is None:
        raise MethodError(
            f"The method {said.method} gives descriptions without a score, so there is nothing to compare with those "
            "of shuffled units. Leave --abstain out."
        )
    if not math.isfinite(said.score):
        raise MethodError(
            f"The method {said.method} gives {said.description!r} the score {said.score}, which cannot be compared "
            "with those of shuffled units. Mend it, or leave --abstain out."
        )
    return said.score


def frugal(explainer: Explainer) -> Explainer:
    """The same method with an encoder that does not encode its concepts anew for every round."""
    made: Any = explainer
    encoder = getattr(made, "encoder", None) if any(one.name == "encoder" for one in fields(made)) else None
    if encoder is None or isinstance(encoder, Remembering):
        return explainer
    return cast("Explainer", replace(made, encoder=Remembering(encoder)))
