"""The random numbers, against SplitMix64 in plain Python; every scene's are its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.world.randomness import Draws, mixed

WORD = 2**64
GOLDEN = 0x9E3779B97F4A7C15


def splitmix(counter: int) -> int:
    """The output of SplitMix64 at a counter, as in Steele, Lea and Flood 2014."""
    z = counter % WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
    return z ^ z >> 31


def plain_bits(seed: int, index: int, slot: int) -> int:
    stream = splitmix(splitmix(seed * GOLDEN + 1) ^ splitmix(index + 1))
    return splitmix(stream + (slot + 1) * GOLDEN)


seeds = st.integers(-(2**70), 2**70)
indices = st.lists(st.integers(0, 2**62), min_size=1, max_size=6)
slots = st.integers(0, 200)


def test_the_published_generator() -> None:
    # The first outputs of SplitMix64 seeded with 1234567, as its authors' Java and C programs print them.
    states = np.array([1234567 + GOLDEN * (i + 1) for i in range(5)], object) % WORD
    assert mixed(states.astype(np.uint64)).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(seeds, indices, slots)
def test_bits_are_those_of_plain_python(seed: int, numbers: list[int], slot: int) -> None:
    bits = Draws(seed, np.array(numbers)).bits(slot)
    assert bits.tolist() == [plain_bits(seed, number, slot) for number in numbers]


@given(seeds, indices, slots, st.integers(1, 10_000))
def test_numbers_are_in_their_range_and_from_the_bits(seed: int, numbers: list[int], slot: int, count: int) -> None:
    draws = Draws(seed, np.array(numbers))
    shares = [(plain_bits(seed, number, slot) >> 11) / 2**53 for number in numbers]
    assert draws.uniform(slot).tolist() == shares
    assert all(0 <= share < 1 for share in shares)
    below = draws.below(slot, count)
    assert below.tolist() == [int(share * count) for share in shares]
    assert ((below >= 0) & (below < count)).all()
    assert draws.between(slot, -2.0, 3.0).tolist() == pytest.approx([-2 + 5 * share for share in shares])


@given(seeds, st.lists(st.integers(0, 10**6), min_size=2, max_size=8, unique=True), slots)
def test_a_number_does_not_depend_on_the_batch(seed: int, numbers: list[int], slot: int) -> None:
    whole = Draws(seed, np.array(numbers)).bits(slot)
    assert whole.tolist() == [Draws(seed, np.array([number])).bits(slot)[0] for number in numbers]
    assert len(set(whole.tolist())) == len(numbers)


def test_seeds_indices_and_slots_give_unrelated_numbers() -> None:
    grid = np.array([[Draws(seed, np.arange(2000)).uniform(slot) for slot in range(4)] for seed in (101, 202, 303)])
    correlations = np.corrcoef(grid.reshape(12, -1)) - np.eye(12)
    assert abs(correlations).max() < 4.5 / np.sqrt(2000)
    shifted = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in grid.reshape(12, -1)]
    assert np.abs(shifted).max() < 4.5 / np.sqrt(2000)
    assert abs(grid.mean() - 0.5) < 4.5 * np.sqrt(1 / 12 / grid.size)
