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
from dataclasses import dataclass, field, replace

from neuronym.errors import MethodError
from neuronym.explain.calibration import Calibration, calibrate, frugal, plan, score_of, untold
from neuronym.explain.explainer import Explainer, mask_rule, needs_annotations
from neuronym.records import Candidate, Evidence, Explanation, LayerInfo, MaskRule, Summary, Unit
from neuronym.store.layer_view import LayerView

VERSION = 2
"""Of the rule, for the identity of runs: 1 compared scores of the layer as it is with those of wider ones."""

LEAST = 1e-4
"""The least level. It only keeps 1 / level from overflowing: no layer gives a p-value below about 1/210."""


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
    report: Callable[[str, int, int], None] = field(default=untold, compare=False, repr=False)

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

    @property
    def needs_annotations(self) -> bool:
        """That of the inner method."""
        return needs_annotations(self.inner)

    @property
    def mask_rule(self) -> MaskRule | None:
        """That of the inner method."""
        return mask_rule(self.inner)

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit; see :class:`~neuronym.explain.explainer.Explainer`.

        Raises:
            MethodError: the inner method cannot run, or gives descriptions without scores, or there are too few
                shuffled units to compare with.
        """
        if not units:
            return
        explainer = frugal(self.inner)
        known = calibrate(explainer, view, units, self.seed, self.report)
        if known.shuffled:
            _check_count(view.layer.name, view.layer.units, known.shuffled, self.level)
        for said in explainer.explain(units, view):
            yield said if said.state != "described" else self._judged(said, known, view.layer)

    def _judged(self, said: Explanation, known: Calibration, layer: LayerInfo) -> Explanation:
        """The description if it is better than chance, or why nothing is said."""
        chance = known.chance(said)
        if not chance.shuffled:
            raise MethodError(_why_none(said, known, layer))
        share, score = f"{chance.reached} of {chance.shuffled} shuffled units", score_of(said)
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
        _check_count(name, units, math.prod(plan(units)), level)


def _check_count(layer: str, units: int, count: int, level: float) -> None:
    """Raise unless so many shuffled units can give a p-value of at most the level."""
    if 1 / (1 + count) > level:
        least = math.ceil(1000 / (1 + count)) / 1000
        raise MethodError(
            f"--abstain {level:g} needs {math.ceil(1 / level - 1)} shuffled units to compare with, and the layer "
            f"{layer!r} of {units} gives {count}. Give {least:g} or more, or leave it out."
        )


def _why_none(said: Explanation, known: Calibration, layer: LayerInfo) -> str:
    """Why a described unit has no shuffled one to be compared with, and the remedy."""
    if not known.rounds:
        return (
            f"The layer {layer.name!r} has no unit to shuffle: none of them varies over the explain images. "
            "Leave --abstain out."
        )
    if known.shuffled:
        unit = f"unit {said.unit.index} of the layer {layer.name!r}"
        failed = f"never succeeded on {unit} and a shuffled one in one round"
    else:
        failed = f"failed on all {math.prod(plan(layer.units))} shuffled units of the layer {layer.name!r}"
    return f"The method {said.method} {failed}, so there is nothing to compare with. Mend it, or leave --abstain out."
