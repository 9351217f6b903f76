"""The images ``cards:COUNT``: cards of one colour with grainy paint, which know what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuronym.errors import ProbeError
from neuronym.probes.sources import Member
from neuronym.records import LabelTable
from neuronym_plugin_example.colours import CORNERS, NAMES


@dataclass(frozen=True)
class Cards:
    """Fulfils :class:`neuronym.probes.sources.Source`; card ``i`` has colour ``i % 8``."""

    name: str
    count: int

    def members(self) -> list[Member]:
        """The cards by number, without classes."""
        return [Member(str(number), None) for number in range(self.count)]

    def read(self, member: str) -> npt.NDArray[np.uint8]:
        """Uint8 [24, 32, 3], the same whenever it is read."""
        number = int(member)
        grain = np.random.default_rng(number).normal(0, 40, (24, 32, 3))
        return np.clip(255 * CORNERS[number % len(NAMES)] + grain, 0, 255).astype(np.uint8)

    def concept_table(self, members: Sequence[str]) -> LabelTable:
        """What is known of the cards becomes labels: a column for each colour, in the group ``colour``."""
        values = np.eye(len(NAMES), dtype=np.float32)[[int(member) % len(NAMES) for member in members]]
        return LabelTable(NAMES, ("colour",) * len(NAMES), values)


def load(rest: str) -> Cards:
    """The entry point: ``rest`` is what follows ``cards:``, how many there are."""
    if not rest.isdecimal() or not 1 <= int(rest) <= 10_000:
        raise ProbeError(f"'cards:{rest}' is no number of cards. Write one from 1 to 10000, for example cards:40.")
    return Cards(f"cards:{rest}", int(rest))
