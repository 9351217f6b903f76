"""Keeping the best of many blocks equals sorting everything."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from neuronym.explain import scoring
from neuronym.explain.scoring import Best, PointwiseScorer, Scored, best_concepts
from neuronym.explain.similarity import LabelledSimilarity
from neuronym.functional.clip_dissect import rank_weights


class _Columns:
    """Scores that are the table itself, with few different values, so that there are many ties."""

    rows = None

    def __init__(self, second: Tensor) -> None:
        self._second, self._seen = second, 0

    def score(self, columns: Tensor, *, listed: bool = True) -> Scored:
        start = self._seen
        self._seen += columns.shape[1]
        return Scored(columns.double(), self._second[:, start : self._seen].double())


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 60), st.integers(1, 7), st.integers(1, 400))
def test_the_best_are_those_of_a_full_sort(seed: int, units: int, concepts: int, count: int, block: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 4, (units, concepts)).astype(np.float32)
    second = generator.integers(0, 3, (units, concepts)).astype(np.float64)
    before, scoring._BLOCK = scoring._BLOCK, block
    try:
        found = best_concepts(LabelledSimilarity(torch.from_numpy(scores)), _Columns(torch.from_numpy(second)), count)
    finally:
        scoring._BLOCK = before
    for unit in range(units):
        order = sorted(range(concepts), key=lambda i: (-scores[unit, i], -second[unit, i], i))[:count]
        assert found.concepts[unit].tolist() == order
        assert found.scores[unit].tolist() == [scores[unit, i] for i in order]


def test_joining_keeps_what_both_have() -> None:
    first = Best.of(Scored(torch.tensor([[1.0, 3.0]]).double(), torch.zeros(1, 2).double()))
    other = Best.of(Scored(torch.tensor([[2.0]]).double(), torch.zeros(1, 1).double()), 2)
    assert first.joined(other).kept(2).concepts.tolist() == [[1, 2]]


def test_at_the_cap_the_likeliest_concept_wins() -> None:
    """Concepts that are clear of one unit's images score log(units) exactly, whatever their likelihood is."""
    units, images, concepts = 4, 20, 12
    owner = torch.arange(units).repeat_interleave(images)
    activations = torch.nn.functional.one_hot(owner, units).float()
    # Concept c is in the images of the unit c % 4, and the more so the higher it is.
    similarity = torch.zeros(len(owner), concepts)
    for concept in range(concepts):
        similarity[owner == concept % units, concept] = 3 + 0.1 * concept / concepts
    table = LabelledSimilarity(similarity)
    scorer = PointwiseScorer(table, activations, rank_weights(images), 10.0, 1.0, 0)
    best = best_concepts(table, scorer, 3)
    assert best.concepts.tolist() == [[unit + 8, unit + 4, unit] for unit in range(units)]
    assert best.scores.unique().tolist() == [math.log(units)]
    assert (best.second.diff(dim=1) < 0).all()
