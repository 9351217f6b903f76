"""What the pages call the metrics and states of an evaluation, and what they say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from neuronym.present.figures_page import MetricInfo, StateInfo

HEADLINE = "pearson"
"""The held-out metric that decides a description's state."""

ABOVE_RANDOM = "above-random"
"""The share of units whose headline exceeds what one random label in twenty reaches with them."""

METRICS = (
    MetricInfo("pearson", "held-out r", "correlation of unit and description over the images the method did not see"),
    MetricInfo("auprc", "AUPRC", "average precision of finding the unit's active images by the concept"),
    MetricInfo("f1", "F1", "harmonic mean of precision and recall, unit active against concept present"),
    MetricInfo("iou", "IoU", "images where unit and concept are both on, of those where either is"),
    MetricInfo("mask_iou", "mask IoU", "pixels where unit and concept both are, of those where either is"),
    MetricInfo(
        "above-random", "above random", "share of units whose r exceeds what one random label in twenty reaches", True
    ),
    MetricInfo(
        "discrimination",
        "discrimination",
        "share of the layer's other units that the description fits less; 0.5 is chance",
    ),
    MetricInfo(
        "stability", "stability", "share of resamples of the held-out images in which r exceeds the random floor", True
    ),
    MetricInfo(
        "auroc", "AUROC", "how well the concept ranks the unit's active images before the others; 0.5 is chance"
    ),
    MetricInfo("inverse_auroc", "inverse AUROC", "how well the unit ranks the concept's images first; 0.5 is chance"),
    MetricInfo("recall_at_k", "recall@k", "share of the unit's strongest images that show the concept"),
    MetricInfo("spearman", "Spearman", "correlation of the ranks of unit and concept"),
    MetricInfo("cosine", "cosine", "cosine of unit and concept over the images, not centred"),
    MetricInfo("wpmi", "WPMI", "weighted pointwise mutual information on the unit's strongest images, in nats"),
    MetricInfo("cosy_auc", "CoSy AUC", "how well the unit ranks the concept's images before control images"),
    MetricInfo(
        "cosy_mad", "CoSy MAD", "how far the mean on the concept's images lies above the control's, in its deviations"
    ),
)
"""Every metric of an evaluation, the most telling first."""

LEADING = ("pearson", "mask_iou", "auprc", "f1", "iou", "above-random", "discrimination")
"""Metrics in the first table of a layer; the others stand in the folded one."""

STATES = (
    StateInfo("supported", "the whole 95 % interval of its held-out r lies above what random labels reach"),
    StateInfo("weak", "its held-out r lies above what random labels reach, but not the whole interval"),
    StateInfo("unsupported", "its held-out r is not above what random labels reach"),
    StateInfo("described", "there is a description, and no held-out score of it"),
    StateInfo("abstained", "the method declined to describe it"),
    StateInfo("failed", "the method failed on it"),
)
"""What can become of a unit under a run, the best first."""

_TITLES: Mapping[str, str] = MappingProxyType({one.name: one.title for one in METRICS})


def title_of(metric: str) -> str:
    """How a metric is called; its own name if these pages do not know it."""
    return _TITLES.get(metric, metric)


def infos(found: Sequence[str]) -> tuple[MetricInfo, ...]:
    """What is said of the known metrics, then of others that were found."""
    others = sorted(set(found) - set(_TITLES))
    return (*METRICS, *(MetricInfo(name, name, "a metric that this report has no words for") for name in others))
