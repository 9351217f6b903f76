"""The splits of the world, disjoint because each has a seed of its own."""

from __future__ import annotations

from neuronym.errors import unknown_name

SEEDS = {"train": 101, "explain": 202, "test": 303}
"""Checkpoints are trained on ``train``, methods look at ``explain``, and ``test`` judges."""


def seed_of(split: str) -> int:
    """The seed of a split.

    Raises:
        UnknownNameError: there is no such split.
    """
    if split not in SEEDS:
        raise unknown_name("split of the world", split, SEEDS)
    return SEEDS[split]
