from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.errors import ProbeError
from neuronym.probes.split import assign, order_key

fractions = st.sampled_from([0.01, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.7, 0.999])
seeds = st.integers(-5, 2**40)
ids_and_labels = st.lists(
    st.tuples(st.text("0123456789abcdef", min_size=4, max_size=8), st.sampled_from("abcd")),
    min_size=1,
    max_size=60,
    unique_by=lambda pair: pair[0],
)


def of(pairs, labelled):
    return [pair[0] for pair in pairs], [pair[1] if labelled else None for pair in pairs]


@given(ids_and_labels, st.booleans(), seeds, fractions, st.randoms())
def test_order_does_not_matter(pairs, labelled, seed, fraction, random):
    ids, labels = of(pairs, labelled)
    split = dict(zip(ids, assign(ids, labels, seed, fraction), strict=True))
    shuffled = list(pairs)
    random.shuffle(shuffled)
    ids, labels = of(shuffled, labelled)
    assert dict(zip(ids, assign(ids, labels, seed, fraction), strict=True)) == split


@given(ids_and_labels, st.booleans(), seeds, fractions)
def test_two_images_give_both_splits(pairs, labelled, seed, fraction):
    splits = assign(*of(pairs, labelled), seed, fraction)
    assert len(splits) == len(pairs)
    assert set(splits) == ({"explain", "test"} if len(pairs) > 1 else {"explain"})


@given(ids_and_labels, seeds, fractions)
def test_labelled_counts(pairs, seed, fraction):
    ids, labels = of(pairs, True)
    splits = assign(ids, labels, seed, fraction)
    tested = Counter(label for label, split in zip(labels, splits, strict=True) if split == "test")
    for label, count in Counter(labels).items():
        assert abs(tested[label] - count * Fraction(repr(fraction))) < 1
    total = sum(tested.values())
    best = min(range(len(ids) + 1), key=lambda n: abs(n - len(ids) * Fraction(repr(fraction))))
    if len(ids) > 1:
        exact = abs(len(ids) * Fraction(repr(fraction)) - total)
        at_best = abs(len(ids) * Fraction(repr(fraction)) - min(max(best, 1), len(ids) - 1))
        assert exact == at_best


@given(ids_and_labels, ids_and_labels, seeds, fractions)
def test_unlabelled_images_do_not_move_when_others_are_added(first, second, seed, fraction):
    """A plain second writing of the rule, apart from the guarantee of one image in each split."""

    def rule(image_id):
        draw = int(hashlib.blake2b(f"{seed}:{image_id}".encode(), digest_size=8).hexdigest(), 16) / 2**64
        return "test" if draw < fraction else "explain"

    for pairs in (first, list(dict([*second, *first]).items())):
        ids, labels = of(pairs, False)
        expected = [rule(image_id) for image_id in ids]
        if len(set(expected)) == 2:
            assert assign(ids, labels, seed, fraction) == expected


def test_one_image_a_class_divides_by_the_fraction():
    ids = [f"{i:04d}" for i in range(1000)]
    splits = assign(ids, ids, 0, 0.3)
    assert Counter(splits) == {"explain": 700, "test": 300}


def test_balanced_classes_divide_exactly():
    ids = [f"{i:04d}" for i in range(1000)]
    labels = [str(i % 10) for i in range(1000)]
    for fraction, tested in ((0.3, 30), (0.29, 29), (0.7, 70)):
        splits = assign(ids, labels, 0, fraction)
        counts = Counter(label for label, split in zip(labels, splits, strict=True) if split == "test")
        assert set(counts.values()) == {tested}


def test_unlabelled_share_is_near_the_fraction():
    ids = [f"{i:04d}" for i in range(4000)]
    assert abs(assign(ids, [None] * 4000, 0, 0.3).count("test") - 1200) < 4 * (4000 * 0.3 * 0.7) ** 0.5


@pytest.mark.parametrize("labelled", [True, False])
def test_seeds_differ(labelled):
    ids = [f"{i:03d}" for i in range(100)]
    labels = ["a" if labelled else None] * 100
    assert len({tuple(assign(ids, labels, seed, 0.3)) for seed in range(20)}) == 20
    assert order_key("x", 0) != order_key("x", 1)


def test_one_missing_label_makes_the_set_unlabelled():
    ids = [f"{i:03d}" for i in range(50)]
    assert assign(ids, [None, *["a"] * 49], 0, 0.3) == assign(ids, [None] * 50, 0, 0.3)


def test_nothing_tested_and_nothing_given():
    assert assign(["a", "b"], [None, None], 0, 0) == ["explain", "explain"]
    assert assign([], [], 0, 0.3) == []


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_fractions_out_of_range(fraction):
    with pytest.raises(ProbeError, match=f"The test fraction is {fraction}. Give a number from 0 up to, but not"):
        assign(["a"], [None], 0, fraction)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 ids and 1 labels"):
        assign(["a", "b"], [None], 0, 0.3)
