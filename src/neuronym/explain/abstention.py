"""Saying nothing of a unit whose best description is no better than what a unit without a meaning would get.

The null distribution is the method's own: units whose activations are those of real ones with the images shuffled are
added to the layer, and the method describes them. They have the scale, the sparsity and the maps of real units, and
nothing to describe. They are added and not put in the place of real ones, because the scores of methods with a prior
over the layer, such as SoftWPMI, depend on the others.

A unit's p-value is (1 + null scores that reach its score) / (1 + null scores), a conformal p-value (S. Bates et al.:
Testing for outliers with conformal p-values, Annals of Statistics 51, 2023): for a unit that is nothing but another
shuffled one, it is at most L with a probability of at most L. Only explain images are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from neuronym.backends.remembering import Remembering
from neuronym.errors import MethodError
from neuronym.explain.explainer import Explainer
from neuronym.records import Candidate, Evidence, Explanation, LayerInfo, Summary, Unit
from neuronym.store.derived_view import with_shuffled
from neuronym.store.layer_view import LayerView

Scores = npt.NDArray[np.float64]

ENOUGH = 200
"""About how many null scores are made; with as many, a level of 0.1 is met within 0.02 (one standard deviation)."""

SHARE = 5
"""At most one shuffled unit is added for so many real ones, for they belong to the layer that a prior is over."""

ROUNDS = 10
"""At most so often a small layer is described for its null scores."""


@dataclass(frozen=True)
class Abstaining:
    """A method that says nothing of a unit where more than a share of shuffled units get as high a score.

    Descriptions that stay, and their scores, are the inner method's; each has its p-value as evidence. Units on which
    the inner method abstained or failed stay as they are. The rule is calibrated on the whole layer each time that
    :meth:`explain` is called, whichever units are asked for.

    Attributes:
        inner: the method.
        level: the share of shuffled units that may be described, above 0 and below 1.
        seed: chooses the units that are shuffled, and how.
    """

    inner: Explainer
    level: float = 0.1
    seed: int = 0

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
        null = null_scores(explainer, view, self.seed)
        if len(null):
            _check_count(view.layer, len(null), self.level)
        for said in explainer.explain(units, view):
            yield said if said.state != "described" else self._judged(said, null)

    def _judged(self, said: Explanation, null: Scores) -> Explanation:
        """The description if it is better than chance, or why nothing is said."""
        score = _score(said)
        if not len(null):
            raise MethodError(
                f"The layer {said.unit.layer!r} has no unit to shuffle: none of them varies over the explain images. "
                "Leave --abstain out."
            )
        p = float(p_values(np.array([score]), null)[0])
        reached = int((null >= score).sum())
        note = f"p = {p:.3g}: {reached} of {len(null)} shuffled units score at least {score:.4g}"
        evidence = (*said.evidence, Evidence("p-value", text=note))
        if p <= self.level:
            return replace(said, evidence=evidence)
        reason = (
            f"its best description, {said.description!r}, scores {score:.4g}, which {100 * reached / len(null):.0f} % "
            f"of shuffled units reach (p = {p:.3g}, above {self.level:g})"
        )
        candidates = said.candidates or (Candidate(str(said.description), score),)
        return Explanation(said.unit, said.method, said.run, "abstained", None, None, candidates, evidence, reason)


def null_scores(explainer: Explainer, view: LayerView, seed: int = 0) -> Scores:
    """The method's scores of units that mean nothing, float64 [about 200], fewer for layers of under 100 units.

    Units that vary over the explain images are shuffled, at most a fifth as many at a time as the layer has, and
    described among its real units. Where the method itself abstains on one, its score is -infinity; where it failed,
    there is none.

    Args:
        explainer: the method.
        view: the layer.
        seed: chooses the units that are shuffled, and how; 0 or more.

    Returns:
        The scores; none for a layer without a unit that varies.

    Raises:
        MethodError: the method cannot run, or gives descriptions without scores.
    """
    living = _living(view, explainer.summary)
    if not len(living):
        return np.zeros(0)
    explainer, found = _frugal(explainer), list[float]()
    rounds, size = _plan(view.layer.units)
    sources = _sources(living, rounds * size, seed).reshape(rounds, size)
    for number, chosen in enumerate(sources):
        wider = with_shuffled(view, chosen.tolist(), ROUNDS * seed + number)
        for said in explainer.explain(wider.units[view.layer.units :], wider):
            if said.state != "failed":
                found.append(_score(said) if said.state == "described" else -math.inf)
    return np.array(found)


def p_values(scores: npt.ArrayLike, null: npt.ArrayLike) -> Scores:
    """How surprising scores are: (1 + null scores at least as high) / (1 + null scores), float64 [scores].

    Args:
        scores: of units, [scores]; higher is better, and -infinity is worst.
        null: of units that mean nothing, [nulls], in any order.

    Raises:
        ValueError: a score is NaN.
    """
    given, known = np.asarray(scores, np.float64), np.sort(np.asarray(null, np.float64))
    if np.isnan(given).any() or np.isnan(known).any():
        raise ValueError("a score is NaN")
    reached = len(known) - np.searchsorted(known, given, side="left")
    values: Scores = (1 + reached) / (1 + len(known))
    return values


def threshold(null: npt.ArrayLike, level: float) -> float:
    """The score that a unit must exceed for a p-value of at most ``level``, which is above 0 and below 1.

    It is infinite where there are too few null scores for such a p-value.
    """
    known = np.sort(np.asarray(null, np.float64))[::-1]
    allowed = int(((1 + np.arange(len(known) + 1)) / (1 + len(known)) <= level).sum()) - 1
    return math.inf if allowed < 0 else float(known[allowed])


def check_level(level: float, layers: Sequence[LayerInfo] = ()) -> None:
    """Raise unless a method may be told to abstain at this level, on layers of these sizes.

    Raises:
        MethodError: it is no share, or a layer is too small for it.
    """
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise MethodError(f"--abstain got {level!r}. Give a share above 0 and below 1, such as 0.1.")
    for layer in layers:
        _check_count(layer, math.prod(_plan(layer.units)), level)


def _check_count(layer: LayerInfo, count: int, level: float) -> None:
    """Raise unless so many null scores can give a p-value of at most the level."""
    if 1 / (1 + count) > level:
        least = math.ceil(1000 / (1 + count)) / 1000
        raise MethodError(
            f"--abstain {level:g} needs {math.ceil(1 / level - 1)} shuffled units to compare with, and the layer "
            f"{layer.name!r} of {layer.units} gives {count}. Give {least:g} or more, or leave it out."
        )


def _plan(units: int) -> tuple[int, int]:
    """In how many rounds null scores are made for a layer of so many units, and how many in each."""
    size = min(ENOUGH, max(1, math.ceil(units / SHARE)))
    rounds = min(ROUNDS, math.ceil(ENOUGH / size))
    return rounds, min(size, math.ceil(ENOUGH / rounds))


def _living(view: LayerView, summary: Summary) -> npt.NDArray[np.int64]:
    """The units that vary, over positions and by the summary over images."""
    activations = view.summaries(summary, "explain")
    varies = (activations != activations[:1]).any(0) & ~view.constant & ~view.dead
    return np.flatnonzero(varies)


def _sources(living: npt.NDArray[np.int64], count: int, seed: int) -> npt.NDArray[np.int64]:
    """``count`` living units at random, none twice before all were taken once."""
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.permutation(living) for _ in range(math.ceil(count / len(living)))])[:count]


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
    encoder = getattr(made, "encoder", None) if any(field.name == "encoder" for field in fields(made)) else None
    if encoder is None or isinstance(encoder, Remembering):
        return explainer
    return cast("Explainer", replace(made, encoder=Remembering(encoder)))
