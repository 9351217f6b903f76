"""What every metric means: its range, which way is better, its unit, where it comes from and what it looks at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["whole-range", "top", "pixels", "text"]
"""``whole-range``: all images count, those without the concept and those the unit is silent on too. ``top``: of the
activations only which images are the unit's highest. ``pixels``: where in all images, not only in which. ``text``: the
words alone, without images."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric's values mean: ``range`` inclusive, ``direction`` of better, ``unit`` and where it comes from.

    ``kind`` says what it looks at (see :data:`Kind`). Whether a metric of images can be trusted is not declared but
    measured: :func:`neuronym.functional.metrics.verdicts`.
    """

    name: str
    range: tuple[float, float]
    direction: Literal["up", "down"]
    unit: str
    source: str
    kind: Kind


_ANY = (-math.inf, math.inf)
_TESTED = "as a measure of explanations: Oikarinen et al. 2025"


def _listed(*metrics: Metric) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS = _listed(
    Metric("pearson", (-1.0, 1.0), "up", "1", f"Pearson 1895; {_TESTED}", "whole-range"),
    Metric("spearman", (-1.0, 1.0), "up", "1", "Spearman 1904", "whole-range"),
    Metric("cosine", (-1.0, 1.0), "up", "1", f"{_TESTED[0].upper()}{_TESTED[1:]}", "whole-range"),
    Metric("auroc", (0.0, 1.0), "up", "1", f"Mann and Whitney 1947; {_TESTED}", "whole-range"),
    Metric("inverse_auroc", (0.0, 1.0), "up", "1", f"Mann and Whitney 1947; {_TESTED}", "whole-range"),
    Metric("auprc", (0.0, 1.0), "up", "1", f"Average precision; {_TESTED}", "whole-range"),
    Metric("f1", (0.0, 1.0), "up", "1", f"van Rijsbergen 1979; {_TESTED}", "whole-range"),
    Metric("iou", (0.0, 1.0), "up", "1", f"Jaccard 1901; {_TESTED}", "whole-range"),
    Metric("recall_at_k", (0.0, 1.0), "up", "1", f"Top-k match; {_TESTED}", "top"),
    Metric("wpmi", _ANY, "up", "nats", f"Oikarinen and Weng 2023, eq. 8; {_TESTED}", "top"),
    Metric("cosy_auc", (0.0, 1.0), "up", "1", "Kopf et al. 2024", "whole-range"),
    Metric("cosy_mad", _ANY, "up", "standard deviations of the control", "Kopf et al. 2024", "whole-range"),
    Metric("mask_iou", (0.0, 1.0), "up", "1", "Bau et al. 2017, eq. 1", "pixels"),
    Metric("text_similarity", (-1.0, 1.0), "up", "1", "Oikarinen and Weng 2023, section 4.2", "text"),
    Metric("token_f1", (0.0, 1.0), "up", "1", "Rajpurkar et al. 2016", "text"),
    Metric("bleu", (0.0, 1.0), "up", "1", "Papineni et al. 2002", "text"),
    Metric("bert_score", (-1.0, 1.0), "up", "1", "Zhang et al. 2020", "text"),
    Metric("top_k_accuracy", (0.0, 1.0), "up", "1", "Russakovsky et al. 2015", "text"),
)
"""Every metric of this package by name; of ``bert_score`` each of its three values."""
