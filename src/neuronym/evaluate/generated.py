"""Images made of the descriptions: do the units fire on them more than on the probe images? (Kopf et al. 2024, CoSy)

Both of CoSy's metrics fail the missing-label test, because a label that says too little has images that fit the unit as
well. So they are given for comparison with published tables, and decide no state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuronym.backends.generator import ImageGenerator
from neuronym.evaluate.figures import LayerEvaluation
from neuronym.evaluate.vectors import tidy
from neuronym.functional.metrics import bootstrap_mean, cosy_auc, cosy_mad
from neuronym.functional.summary import summarise
from neuronym.records import Assessment, Explanation, Figure, Row, Score, Summary
from neuronym.store.layer_view import LayerView

Floats = npt.NDArray[np.float32]

METRICS = {"cosy_auc": cosy_auc, "cosy_mad": cosy_mad}
"""CoSy's pair."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """Activations on the test images, which are the control, and on the images of each text: [images, units]."""

    control: Floats
    made: dict[str, Floats]

    def score(self, metric: str, unit: int, text: str) -> float:
        control, concept = (torch.from_numpy(values[:, unit]) for values in (self.control, self.made[text]))
        return float(METRICS[metric](control, concept))


def evaluate_generated(
    explanations: Sequence[Explanation],
    view: LayerView,
    generator: ImageGenerator,
    *,
    summary: Summary = "mean",
    count: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LayerEvaluation:
    """CoSy's two metrics of each description, and of the descriptions dealt out anew.

    Args:
        explanations: of one run, of units of the view's layer.
        view: the layer.
        generator: makes the images.
        summary: g, what becomes of an activation map.
        count: images of each text.
        seed: decides the images.
        progress: told how many texts are done.
    """
    source, run = f"generated:{generator.name}", explanations[0].run if explanations else ""
    texts = list(dict.fromkeys(tidy(one.description) for one in explanations if one.description is not None))
    made: dict[str, Floats] = {}
    for done, text in enumerate(texts):
        images = generator.generate(text, count, seed)
        if images is not None:
            made[text] = summarise(torch.from_numpy(view.respond(images)), summary).numpy()
        progress(done + 1, len(texts))
    layer = _Layer(view.summaries(summary, "test"), made)
    reasons = [_unscored(one, layer) for one in explanations]
    scores = [
        Score(
            one.id,
            metric,
            source,
            "test",
            None if reason else layer.score(metric, one.unit.index, tidy(one.description or "")),
            unscored=reason,
        )
        for one, reason in zip(explanations, reasons, strict=True)
        for metric in METRICS
    ]
    assessments = [
        Assessment(
            *(one.id, source, None, None, None, None, None),
            resolved=one.description is None or tidy(one.description) in made,
            unscored=reason,
        )
        for one, reason in zip(explanations, reasons, strict=True)
    ]
    judged = [one for one, reason in zip(explanations, reasons, strict=True) if reason is None]
    return LayerEvaluation(
        run, view.layer.name, source, tuple(assessments), tuple(scores), _figures(run, source, judged, layer, seed)
    )


def _unscored(explanation: Explanation, layer: _Layer) -> str | None:
    if explanation.description is None:
        return "it has no description"
    if tidy(explanation.description) not in layer.made:
        return "no image can be made of its description"
    if np.ptp(layer.control[:, explanation.unit.index]) == 0:
        return "it is constant on the test images"
    return None


def _figures(run: str, source: str, judged: Sequence[Explanation], layer: _Layer, seed: int) -> tuple[Figure, ...]:
    own = [tidy(one.description or "") for one in judged]
    units = [one.unit.index for one in judged]
    order = np.random.default_rng(seed).permutation(len(own))
    dealt = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    rows: dict[Row, list[str]] = {"descriptions": own}
    if len(set(own)) > 1:
        rows["shuffled"] = [own[dealt[at]] for at in range(len(own))]
    found: list[Figure] = []
    name = judged[0].unit.layer if judged else ""
    for row, texts in rows.items():
        for metric in METRICS:
            values = [layer.score(metric, unit, text) for unit, text in zip(units, texts, strict=True)]
            if values:
                ends = bootstrap_mean(torch.tensor(values, dtype=torch.float64), seed=seed)
                found.append(Figure(run, name, source, row, metric, len(values), *ends))
    return tuple(found)
