"""Where units are active and concepts present, by brute force."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

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
    hnp.arrays(np.float32, 25, elements=st.integers(0, 8).map(float)), hnp.arrays(np.bool_, 25, elements=st.booleans())
)
def test_a_cut_is_the_best_there_is(concept: np.ndarray, active: np.ndarray) -> None:
    cut = present_above(concept, active)
    known = np.unique(concept)
    if np.isin(known, (0, 1)).all() or len(known) < 2:
        assert cut == 0.5
        return
    tried = [(low + high) / 2 for low, high in zip(known, known[1:], strict=False)]
    best = max(sk.f1_score(active, concept > one, zero_division=0) for one in tried)
    assert math.isclose(sk.f1_score(active, concept > cut, zero_division=0), best, abs_tol=1e-9)


def test_states() -> None:
    assert standing(0.5, 0.3, 0.2) == "supported"
    assert standing(0.5, 0.2, 0.2) == "weak"
    assert standing(0.5, 0.1, 0.2) == "weak"
    assert standing(0.2, 0.1, 0.2) == "unsupported"
    assert standing(None, None, 0.2) is None
    assert standing(0.5, 0.3, None) is None
