"""The splits of the world, disjoint because each has a seed of its own."""

from __future__ import annotations

SEEDS = {"train": 101, "explain": 202, "test": 303}
"""Checkpoints are trained on ``train``, methods look at ``explain``, and ``test`` judges."""
