"""Passes of images through models: the activation pass, the encoding pass, and responses to single images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many items are done, and how many there are in all."""


def silent(done: int, total: int) -> None:
    """A progress that nobody watches."""
