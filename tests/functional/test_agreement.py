"""Agreement of raters against loops over pairs, scikit-learn, scipy and published examples."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from neuronym.functional.agreement import Level, krippendorff_alpha, rank_correlation, weighted_kappa

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")
GONE = math.nan

KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, GONE, GONE, GONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GONE, 3],
        [GONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GONE],
    ]
)
"""The reliability data of Krippendorff 2011, section C."""


def by_loops(ratings: npt.NDArray[np.float64], level: Level) -> float:
    """Alpha by the definition: every ordered pair of two raters' values goes into the coincidence matrix by itself."""
    coincidences: dict[tuple[float, float], float] = {}
    for item in ratings.T:
        given_ = [value for value in item if not math.isnan(value)]
        for i, one in enumerate(given_):
            for j, other in enumerate(given_):
                if i != j:
                    coincidences[one, other] = coincidences.get((one, other), 0.0) + 1 / (len(given_) - 1)
    values = sorted({one for one, _ in coincidences})
    count = {c: sum(share for (one, _), share in coincidences.items() if one == c) for c in values}
    total = sum(count.values())

    def apart(c: float, k: float) -> float:
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return (c - k) ** 2
        low, high = min(c, k), max(c, k)
        between = sum(count[g] for g in values if low <= g <= high)
        return (between - (count[c] + count[k]) / 2) ** 2

    observed = sum(share * apart(c, k) for (c, k), share in coincidences.items())
    expected = sum(count[c] * count[k] * apart(c, k) for c in values for k in values)
    return 1 - (total - 1) * observed / expected if expected else math.nan


def same(one: float, other: float) -> bool:
    return (math.isnan(one) and math.isnan(other)) or one == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_example_of_krippendorff(level: Level, published: float) -> None:
    assert krippendorff_alpha(KRIPPENDORFF, level) == pytest.approx(published, abs=5e-4)
    assert by_loops(KRIPPENDORFF, level) == pytest.approx(published, abs=5e-4)


tables = st.integers(1, 5).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, GONE]), min_size=raters, max_size=raters),
        min_size=1,
        max_size=12,
    )
)


@settings(deadline=None)
@given(tables, st.sampled_from(LEVELS))
def test_alpha_is_that_of_loops_and_never_above_one(table: list[list[float]], level: Level) -> None:
    ratings = np.array(table).T
    alpha = krippendorff_alpha(ratings, level)
    assert same(alpha, by_loops(ratings, level))
    assert math.isnan(alpha) or -1 - 1e-9 <= alpha <= 1 + 1e-9


@settings(deadline=None)
@given(tables, st.sampled_from(LEVELS), st.randoms())
def test_alpha_does_not_depend_on_the_order_of_raters_or_items(table: list[list[float]], level: Level, dice) -> None:  # type: ignore[no-untyped-def]
    ratings = np.array(table).T
    raters, items = (dice.sample(range(size), size) for size in ratings.shape)
    assert same(krippendorff_alpha(ratings, level), krippendorff_alpha(ratings[raters][:, items], level))


@settings(deadline=None)
@given(tables)
def test_ordinal_alpha_sees_only_the_order_and_interval_alpha_only_differences(table: list[list[float]]) -> None:
    ratings = np.array(table).T
    assert same(krippendorff_alpha(ratings, "ordinal"), krippendorff_alpha(ratings**3, "ordinal"))
    assert same(krippendorff_alpha(ratings, "interval"), krippendorff_alpha(7 - 2 * ratings, "interval"))


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_at_its_ends(level: Level) -> None:
    agreed = np.array([[1.0, 5, 3, 2], [1, 5, 3, 2], [GONE, 5, 3, 2]])
    assert krippendorff_alpha(agreed, level) == 1
    assert math.isnan(krippendorff_alpha(np.full((3, 4), 5.0), level))
    assert math.isnan(krippendorff_alpha(np.array([[1.0, GONE], [GONE, 2.0]]), level))
    assert math.isnan(krippendorff_alpha(np.zeros((2, 0)), level))
    rng = np.random.default_rng(0)
    assert abs(krippendorff_alpha(rng.integers(1, 6, (4, 5000)).astype(float), level)) < 0.02


pairs_of_ratings = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=30)


@settings(deadline=None)
@given(pairs_of_ratings)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    kappa = weighted_kappa(first, second, 5)
    if len(set(first) | set(second)) < 2:
        assert math.isnan(kappa)  # one value everywhere, or nothing
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = cohen_kappa_score(first, second, weights="quadratic", labels=[1, 2, 3, 4, 5])
    assert kappa == pytest.approx(other, abs=1e-9)


@settings(deadline=None)
@given(pairs_of_ratings)
def test_rank_correlation_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    found = rank_correlation(first, second)
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(first, second).statistic, abs=1e-9)


def test_sides_of_different_lengths_are_refused() -> None:
    two, three = np.array([1, 2]), np.array([1, 2, 3])
    with pytest.raises(ValueError, match=r"the raters rated \(2,\) and \(3,\) items"):
        weighted_kappa(two, three, 5)
    with pytest.raises(ValueError, match=r"the two sides have \(2,\) and \(3,\) items"):
        rank_correlation(two, three)
    with pytest.raises(ValueError, match="ratings reach from 1 to 3, and the scale from 1 to 2"):
        weighted_kappa(three, three, 2)
