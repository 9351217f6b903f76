"""Where units count as active and concepts as present: decided on the explain images alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def active_above(activations: Floats, share: float | npt.NDArray[np.float64]) -> Floats:
    """For each unit the value above which it is active: on about ``share`` of the images, never on none.

    Args:
        activations: [images, units].
        share: of the images that are to count as active, above 0 and below 1; one for all units, or [units].

    Returns:
        Float32 [units]: the highest value that is not among the top ``share``. Where more images than that share the
        highest value, the next lower one, so that these are active; for a constant unit its value.
    """
    ranked = np.sort(activations, 0)
    count = len(ranked)
    kept = np.minimum(count - 1, np.ceil(np.asarray(share) * count).astype(np.int64))
    above = ranked[count - 1 - kept] if kept.ndim == 0 else ranked[count - 1 - kept, np.arange(ranked.shape[1])]
    highest = ranked[-1]
    lower = np.where(ranked < highest, ranked, -np.inf).max(0)
    chosen: Floats = np.where(above < highest, above, np.where(np.isfinite(lower), lower, highest)).astype(np.float32)
    return chosen


def present_above(concept: Floats, active: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """For each unit the cut above which a concept counts as present.

    A concept of zeros and ones is cut in between. Any other is cut where F1 with the unit's activity is highest on
    these images; of equal cuts the highest is taken.

    Args:
        concept: [images].
        active: whether each unit is active, [images, units].

    Returns:
        Float64 [units].
    """
    low, high = concept.min(), concept.max()
    if low == high or ((concept == 0) | (concept == 1)).all():
        return np.full(active.shape[1], 0.5)
    order = np.argsort(-concept, kind="stable")
    ranked = concept[order].astype(np.float64)
    ends = np.flatnonzero(ranked[:-1] > ranked[1:])  # a cut lies between two different values
    hits = np.cumsum(active[order], 0)[ends]
    f1 = 2 * hits / ((ends + 1)[:, None] + active.sum(0))
    best = ends[np.argmax(f1, 0)]
    cuts: npt.NDArray[np.float64] = (ranked[best] + ranked[best + 1]) / 2
    return cuts
