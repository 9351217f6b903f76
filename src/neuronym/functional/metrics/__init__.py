"""How well a description fits a unit, by every measure in use, and how far each measure can be trusted.

Over images: a concept's value per image against a unit's activation per image. Over texts: a description against a name
or a person's words. All work in double precision and give no NaN: where a formula is not defined, the value is what a
useless description gets, and the function says which.

- :mod:`agreement`: correlations and cosine of the values as they are
- :mod:`binary`: ROC, precision-recall, F1, IoU, top-k match
- :func:`mask_iou`: IoU of pixels, of :mod:`neuronym.functional.iou`
- :mod:`information`: pointwise mutual information
- :mod:`cosy`: activations on a concept's images against control images
- :mod:`batched`: all of these for many pairs at once
- :mod:`text`: embeddings, words, tokens and rankings
- :mod:`bootstrap`: intervals
- :mod:`normalised`: a score between those of random labels and of the true ones; NaN where these do not differ
- :mod:`registry`: what each metric's values mean
- :mod:`sanity`: which metrics notice labels that say too little or too much
"""

from __future__ import annotations

from neuronym.functional.iou import mask_iou
from neuronym.functional.metrics.agreement import cosine, pearson, pearson_matrix, spearman
from neuronym.functional.metrics.batched import PAIRED, pairs, pairs_by_name
from neuronym.functional.metrics.binary import auprc, auroc, f1, inverse_auroc, iou, recall_at_k
from neuronym.functional.metrics.bootstrap import (
    bootstrap_mean,
    bootstrap_means,
    bootstrap_pearson,
    interval,
    mean_draws,
)
from neuronym.functional.metrics.cosy import cosy_auc, cosy_mad
from neuronym.functional.metrics.information import wpmi
from neuronym.functional.metrics.normalised import normalised
from neuronym.functional.metrics.registry import METRICS, Metric
from neuronym.functional.metrics.sanity import (
    TESTED,
    Outcome,
    Verdict,
    extra_labels,
    missing_labels,
    sanity_table,
    verdicts,
)
from neuronym.functional.metrics.text import bert_score, bleu, text_similarity, token_f1, top_k_accuracy, words

__all__ = [
    "METRICS",
    "PAIRED",
    "TESTED",
    "Metric",
    "Outcome",
    "Verdict",
    "auprc",
    "auroc",
    "bert_score",
    "bleu",
    "bootstrap_mean",
    "bootstrap_means",
    "bootstrap_pearson",
    "cosine",
    "cosy_auc",
    "cosy_mad",
    "extra_labels",
    "f1",
    "interval",
    "inverse_auroc",
    "iou",
    "mask_iou",
    "mean_draws",
    "missing_labels",
    "normalised",
    "pairs",
    "pairs_by_name",
    "pearson",
    "pearson_matrix",
    "recall_at_k",
    "sanity_table",
    "spearman",
    "text_similarity",
    "token_f1",
    "top_k_accuracy",
    "verdicts",
    "words",
    "wpmi",
]
