"""Scoring of concept columns against all units of a layer, in blocks of concepts, and keeping the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from neuronym.explain.similarity import Similarity
from neuronym.functional.clip_dissect import (
    concept_log_likelihood,
    log_normaliser,
    pointwise_information,
    probabilities,
    random_set_prior,
    top_images,
)

_BLOCK = 1 << 24  # elements of one block of similarities: 64 MiB in float32


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of some concepts, and what decides between equal ones, both higher is better."""

    scores: Float64[Tensor, "units concepts"]
    second: Float64[Tensor, "units concepts"]


class Ranked(NamedTuple):
    """One text with its score under one unit, and what decides between equal scores; both higher is better."""

    text: str
    score: float
    second: float


@runtime_checkable
class Scorer(Protocol):
    """Scores columns of a similarity table for every unit of a layer."""

    @property
    def rows(self) -> Int64[Tensor, " rows"] | None:
        """The images whose rows it needs, or None for all."""

    def score(self, columns: Float32[Tensor, "rows concepts"], *, listed: bool = True) -> Scored:
        """Scores of some concepts; ``listed`` is False for concepts outside of the set that probabilities are over."""


class ColumnScorer:
    """For functions that look at one concept at a time: cosine, cubed cosine, rank reorder."""

    rows: Int64[Tensor, " rows"] | None = None

    def __init__(
        self, function: Callable[[Tensor, Tensor], Tensor], activations: Float32[Tensor, "images units"]
    ) -> None:
        self._function, self._activations = function, activations

    def score(self, columns: Float32[Tensor, "rows concepts"], *, listed: bool = True) -> Scored:
        """See :class:`Scorer`; nothing but the text decides between equal scores."""
        scores = self._function(columns, self._activations).double()
        return Scored(scores, torch.zeros_like(scores))


class PointwiseScorer:
    """WPMI and SoftWPMI with the prior of the whole layer.

    Of a layer with one unit, for which that prior cancels every score, the prior is over random image sets. Equal
    scores, which crowd at log(units), are decided by the likelihood of the unit's images under the concept.
    """

    def __init__(
        self,
        similarity: Similarity,
        activations: Float32[Tensor, "images units"],
        weights: Float64[Tensor, " top_k"],
        temperature: float,
        lam: float,
        seed: int,
    ) -> None:
        self._weights, self._temperature, self._lam, self._seed = weights, temperature, lam, seed
        top = top_images(activations, len(weights))
        if len(top) == 1:
            self.rows, self._top = torch.arange(len(activations)), top
        else:
            self.rows, flat = torch.unique(top, return_inverse=True)
            self._top = flat.view(top.shape)
        normaliser: Tensor | None = None
        for _, block in blocks(similarity, self.rows):
            normaliser = log_normaliser(block, temperature, normaliser)
        assert normaliser is not None
        self._normaliser = normaliser

    def score(self, columns: Float32[Tensor, "rows concepts"], *, listed: bool = True) -> Scored:
        """See :class:`Scorer`; a concept that is not listed competes with all listed ones for the probability."""
        if listed:
            p = probabilities(columns, self._temperature, self._normaliser)
        else:
            p = torch.sigmoid(columns.double() * self._temperature - self._normaliser[:, None]).float()
        likelihood = concept_log_likelihood(p, self._top, self._weights)
        prior = random_set_prior(p, self._weights, seed=self._seed) if len(self._top) == 1 else None
        return Scored(pointwise_information(likelihood, self._lam, prior), likelihood)


def blocks(
    similarity: Similarity, rows: Int64[Tensor, " rows"] | None
) -> Iterator[tuple[slice, Float[Tensor, "rows concepts"]]]:
    """The table's columns in blocks of bounded size."""
    step = max(1, _BLOCK // (similarity.images if rows is None else len(rows)))
    for start in range(0, similarity.concepts, step):
        columns = slice(start, min(start + step, similarity.concepts))
        yield columns, similarity.block(columns, rows)


@dataclass(frozen=True, eq=False)
class Best:
    """The best concepts per unit, best first, by (score, second, position); all [units, kept]."""

    scores: Float64[Tensor, "units kept"]
    second: Float64[Tensor, "units kept"]
    concepts: Int64[Tensor, "units kept"]

    @classmethod
    def of(cls, scored: Scored, first: int = 0) -> Best:
        """All of some consecutive concepts, which begin at ``first``."""
        units, count = scored.scores.shape
        return cls(scored.scores, scored.second, torch.arange(first, first + count).expand(units, -1))

    def kept(self, count: int) -> Best:
        """The best ``count``."""
        order = torch.sort(self.concepts, dim=1, stable=True).indices
        for key in (self.second, self.scores):
            order = order.gather(1, torch.sort(key.gather(1, order), dim=1, descending=True, stable=True).indices)
        order = order[:, :count]
        return Best(self.scores.gather(1, order), self.second.gather(1, order), self.concepts.gather(1, order))

    def joined(self, other: Best) -> Best:
        """Those of both."""
        parts = zip(
            (self.scores, self.second, self.concepts), (other.scores, other.second, other.concepts), strict=True
        )
        return Best(*(torch.cat(pair, 1) for pair in parts))


def best_concepts(similarity: Similarity, scorer: Scorer, count: int) -> Best:
    """The best ``count`` concepts of every unit of the layer."""
    best: Best | None = None
    for columns, block in blocks(similarity, scorer.rows):
        # The few best of a block first: sorting all concepts of all units by three keys would take most of the time.
        found = _preselected(scorer.score(block), columns.start, count)
        best = found if best is None else best.joined(found)
    assert best is not None
    return best.kept(count)


def _preselected(scored: Scored, first: int, count: int) -> Best:
    """The best of one block, with all that tie with the last of them on the score, so that nothing is decided here."""
    found = Best.of(scored, first)
    if scored.scores.shape[1] <= 4 * count:
        return found.kept(count)
    bar = scored.scores.topk(count, dim=1).values[:, -1:]
    width = int((scored.scores >= bar).sum(1).max())
    # Columns beyond a unit's own ties are lower ones; kept() puts them last and drops them.
    index = (scored.scores >= bar).to(torch.int8).topk(width, dim=1).indices
    return Best(scored.scores.gather(1, index), scored.second.gather(1, index), found.concepts.gather(1, index)).kept(
        count
    )
