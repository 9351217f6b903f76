"""Where units are active and concepts present, by brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuronym.evaluate.standing import standing
from neuronym.evaluate.thresholds import active_above, present_above

values = st.integers(-3, 3).map(float)
columns = hnp.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=values)


@given(columns, st.floats(0.01, 0.9))
def test_about_the_share_is_active_and_never_nothing(activations: np.ndarray, share: float) -> None:
    above = active_above(activations, share)
    for unit, threshold in enumerate(above):
        column = activations[:, unit]
        active = column > threshold
        if np.ptp(column) == 0:
            assert threshold == column[0]
            continue
        assert active.any()
        wanted = math.ceil(share * len(column))
        if active.sum() > wanted:  # then the highest value alone is shared by more images
            assert set(column[active]) == {column.max()}


@given(
    hnp.arrays(np.float32, 25, elements=st.integers(0, 8).map(float)),
    hnp.arrays(np.bool_, st.tuples(st.just(25), st.integers(1, 4)), elements=st.booleans()),
)
@settings(deadline=None)
def test_a_cut_is_the_best_there_is(concept: np.ndarray, active: np.ndarray) -> None:
    cuts = present_above(concept, active)
    known = np.unique(concept)
    for unit, cut in enumerate(cuts):
        if np.isin(known, (0, 1)).all() or len(known) < 2:
            assert cut == 0.5
            continue
        fires = active[:, unit]
        tried = [(low + high) / 2 for low, high in itertools.pairwise(known)]
        scores = [2 * (fires & (concept > one)).sum() / (fires.sum() + (concept > one).sum()) for one in tried]
        assert cut == max(one for one, score in zip(tried, scores, strict=True) if math.isclose(score, max(scores)))


def test_a_cut_between_neighbouring_numbers_parts_them() -> None:
    low = np.float32(1)
    high = np.nextafter(low, np.float32(2))
    [cut] = present_above(np.array([low, high], np.float32), np.array([[False], [True]]))
    assert low < cut < high


def test_states() -> None:
    assert standing(0.5, 0.3, 0.2) == "supported"
    assert standing(0.5, 0.2, 0.2) == "weak"
    assert standing(0.5, 0.1, 0.2) == "weak"
    assert standing(0.2, 0.1, 0.2) == "unsupported"
    assert standing(None, None, 0.2) is None
    assert standing(0.5, 0.3, None) is None
