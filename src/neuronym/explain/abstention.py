"""Saying nothing of a unit whose best description is no better than what a unit that means nothing would get.

The null distribution is the method's own. *Shuffled units*, whose activations are those of real ones with the images
permuted, are added to the layer, and the method describes them. They have the scale, the sparsity and the maps of real
units, and depend on no image. A layer is so widened several times, and real and shuffled units are compared within one
such *round*, because the score of a method with a prior over the layer, such as SoftWPMI, depends on all units there:
that of the layer as it is and that of a wider one are no two draws of one thing.

A unit's p-value is (1 + shuffled units that reach its score, each in its own round) / (1 + shuffled units). For a
method that looks at one unit at a time, and for a single round, it is a conformal p-value (S. Bates et al.: Testing
for outliers with conformal p-values, Annals of Statistics 51, 2023): for a unit that is nothing but another shuffled
one, of a source taken at random, it is at most L with a probability of at most L. Over several rounds of a method with
a prior the same is measured, not proved. It is so on average over the sources: shuffles of heavy-tailed ones exceed L.

What is found are units that do not depend on the images. One that does, though on nothing that has a name, may well
score higher than shuffled ones and be described. Only explain images are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from neuronym.backends.remembering import Remembering
from neuronym.errors import MethodError
from neuronym.explain.explainer import Explainer
from neuronym.explain.variation import unvarying
from neuronym.records import Candidate, Evidence, Explanation, Summary, Unit
from neuronym.store.derived_view import with_shuffled
from neuronym.store.layer_view import LayerView

Scores = npt.NDArray[np.float64]

VERSION = 2
"""Of the rule, for the identity of runs: 1 compared scores of the layer as it is with those of wider ones."""

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

LEAST = 1e-4
"""The least level; no layer gives enough shuffled units for it."""


def _untold(stage: str, done: int, total: int) -> None:
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
            MethodError: the description has no score.
        """
        plain, reached, shuffled = _score(said), 0, 0
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
    report: Callable[[str, int, int], None] = _untold,
) -> Calibration:
    """Describe shuffled units, about 200 and fewer for layers of under 100 units, among the real ones.

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
        MethodError: the method cannot run, or gives descriptions without scores.
    """
    living = _living(view, explainer.summary)
    if not len(living):
        return Calibration(())
    explainer = _frugal(explainer)
    count, size = _plan(view.layer.units)
    sources = _sources(living, count * size, seed).reshape(count, size)
    some = [view.units[unit] for unit in sorted(_sources(living, min(PROBED, len(living)), seed))]
    alone, rounds = False, list[Round]()
    for number, chosen in enumerate(sources):
        report(f"shuffled units of {view.layer.name}", number * size, count * size)
        wider = with_shuffled(view, chosen.tolist(), ROUNDS * seed + number)
        added = wider.units[view.layer.units :]
        if number:
            found = _scores(explainer, added if alone else [*units, *added], wider)
        else:
            found = _scores(explainer, [*some, *added], wider)
            alone = _same(_scores(explainer, some, view), found)
            found |= {} if alone else _scores(explainer, units, wider)
        null = np.array([found[unit.index] for unit in added if unit.index in found], np.float64)
        own = {unit.index: found[unit.index] for unit in units if unit.index in found}
        rounds.append(Round(None if alone else own, null))
    report(f"shuffled units of {view.layer.name}", count * size, count * size)
    return Calibration(tuple(rounds))


@dataclass(frozen=True)
class Abstaining:
    """A method that says nothing of a unit where more than a share of shuffled units get as high a score.

    Descriptions that stay, and their scores, are the inner method's; each has its p-value as evidence. Units on which
    the inner method abstained or failed stay as they are. The rule is calibrated on the whole layer each time that
    :meth:`explain` is called, whichever units are asked for.

    Attributes:
        inner: the method.
        level: the share of shuffled units that may be described, 0.0001 or more and below 1.
        seed: chooses the units that are shuffled, and how.
        report: told how many shuffled units of a layer are described.
    """

    inner: Explainer
    level: float = 0.1
    seed: int = 0
    report: Callable[[str, int, int], None] = field(default=_untold, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.seed < 0:
            raise MethodError(f"The seed of the shuffled units is {self.seed}. Give 0 or more.")

    @property
    def name(self) -> str:
        """That of the inner method."""
        return self.inner.name

    @property
    def summary(self) -> Summary:
        """That of the inner method."""
        return self.inner.summary

    @property
    def citation(self) -> str:
        """That of the inner method."""
        return self.inner.citation

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit; see :class:`~neuronym.explain.explainer.Explainer`.

        Raises:
            MethodError: the inner method cannot run, or gives descriptions without scores, or the layer is too small
                for the level.
        """
        if not units:
            return
        explainer = _frugal(self.inner)
        known = calibrate(explainer, view, units, self.seed, self.report)
        if known.shuffled:
            _check_count(view.layer.name, view.layer.units, known.shuffled, self.level)
        for said in explainer.explain(units, view):
            yield said if said.state != "described" else self._judged(said, known.chance(said))

    def _judged(self, said: Explanation, chance: Chance) -> Explanation:
        """The description if it is better than chance, or why nothing is said."""
        if not chance.shuffled:
            raise MethodError(
                f"The layer {said.unit.layer!r} has no unit to shuffle: none of them varies over the explain images. "
                "Leave --abstain out."
            )
        share, score = f"{chance.reached} of {chance.shuffled} shuffled units", _score(said)
        evidence = (*said.evidence, Evidence("p-value", text=f"p = {chance.p:.3f}: {share} reach its score"))
        if chance.p <= self.level:
            return replace(said, evidence=evidence)
        reason = (
            f"its best description, {said.description!r}, scores {score:.4g}, which {share} reach "
            f"(p = {chance.p:.3f}, above {self.level:g})"
        )
        candidates = said.candidates or (Candidate(str(said.description), score),)
        return Explanation(said.unit, said.method, said.run, "abstained", None, None, candidates, evidence, reason)


def check_level(level: float, layers: Mapping[str, int] | None = None) -> None:
    """Raise unless a method may be told to abstain at this level, on layers of these sizes.

    Args:
        level: the share of shuffled units that may be described.
        layers: numbers of units by the names of layers.

    Raises:
        MethodError: it is no share, or a layer is too small for it.
    """
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise MethodError(f"--abstain got {level!r}. Give a share above 0 and below 1, such as 0.1.")
    if level < LEAST:
        raise MethodError(f"--abstain got {level!r}, and the least is {LEAST}; give a larger share, such as 0.1.")
    for name, units in (layers or {}).items():
        _check_count(name, units, math.prod(_plan(units)), level)


def _check_count(layer: str, units: int, count: int, level: float) -> None:
    """Raise unless so many shuffled units can give a p-value of at most the level."""
    if 1 / (1 + count) > level:
        least = math.ceil(1000 / (1 + count)) / 1000
        raise MethodError(
            f"--abstain {level:g} needs {math.ceil(1 / level - 1)} shuffled units to compare with, and the layer "
            f"{layer!r} of {units} gives {count}. Give {least:g} or more, or leave it out."
        )


def _plan(units: int) -> tuple[int, int]:
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
        said.unit.index: _score(said) if said.state == "described" else -math.inf
        for said in explainer.explain(units, view)
        if said.state != "failed"
    }


def _same(plain: Mapping[int, float], wider: Mapping[int, float]) -> bool:
    """Whether units have the same scores in both layers, but for rounding, and at least one has a score."""
    finite = [unit for unit in plain if math.isfinite(plain[unit])]
    same = [math.isclose(plain[unit], wider.get(unit, math.nan), rel_tol=1e-5, abs_tol=1e-9) for unit in plain]
    return bool(finite) and all(same)


def _score(said: Explanation) -> float:
    if said.score is None or not math.isfinite(said.score):
        raise MethodError(
            f"The method {said.method} gives descriptions without a score, so there is nothing to compare with those "
            "of shuffled units. Leave --abstain out."
        )
    return said.score


def _frugal(explainer: Explainer) -> Explainer:
    """The same method with an encoder that does not encode its concepts anew for every round."""
    made: Any = explainer
    encoder = getattr(made, "encoder", None) if any(one.name == "encoder" for one in fields(made)) else None
    if encoder is None or isinstance(encoder, Remembering):
        return explainer
    return cast("Explainer", replace(made, encoder=Remembering(encoder)))
