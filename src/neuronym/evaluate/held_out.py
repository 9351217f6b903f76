"""Held-out correlation of descriptions with their units, beside what random labels reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neuronym.evaluate.concept_sources import LabelSource
from neuronym.evaluate.figures import FLOOR, METRIC
from neuronym.functional.metrics import pearson_matrix
from neuronym.records import Explanation, Score, Summary
from neuronym.store.layer_view import LayerView


def held_out_scores(
    explanations: Sequence[Explanation], view: LayerView, source: LabelSource, summary: Summary = "mean"
) -> list[Score]:
    """The test split's correlation of each description with its unit, and of random labels with it.

    The correlation is Pearson's over all test images of the unit's summary and the concept (Oikarinen et al. 2025). Of
    each description come two scores, :data:`METRIC` and :data:`FLOOR`; both are unscored, with the reason, where there
    is no description, its text is no label, or label or unit are constant on the test images.

    Args:
        explanations: of units of the view's layer.
        view: the layer.
        source: the labels.
        summary: g, what becomes of an activation map.
    """
    values = source.tables["test"].values
    activations = view.summaries(summary, "test")
    usable = np.flatnonzero(np.ptp(values, 0) > 0) if len(values) else np.zeros(0, np.int64)
    position = {" ".join(source.tables["test"].concepts[column].split()): i for i, column in enumerate(usable)}
    table = pearson_matrix(torch.from_numpy(values[:, usable]), torch.from_numpy(activations)).numpy()
    scores: list[Score] = []
    for explanation in explanations:
        reason = _unscored(explanation, source, activations, position)
        own, floor = None, None
        if reason is None and explanation.description is not None:
            row = table[explanation.unit.index]
            place = position[" ".join(explanation.description.split())]
            own, floor = float(row[place]), float(np.quantile(np.delete(row, place), 0.95))
        for metric, value in ((METRIC, own), (FLOOR, floor)):
            scores.append(Score(explanation.id, metric, source.name, "test", value, reason))
    return scores


def _unscored(
    explanation: Explanation, source: LabelSource, activations: np.ndarray, position: dict[str, int]
) -> str | None:
    """Why there is no score, or None if there is one."""
    if explanation.description is None:
        return "it has no description"
    if source.concept(explanation.description, "test") is None:
        return "its description is the name of no label"
    if " ".join(explanation.description.split()) not in position:
        return "its label is the same on every test image"
    if len(position) < 2:
        return "there is no other label to compare with"
    if np.ptp(activations[:, explanation.unit.index]) == 0:
        return "it is constant on the test images"
    return None
