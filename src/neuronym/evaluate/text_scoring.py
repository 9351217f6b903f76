"""Labels scored against the references of their units, text by text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from neuronym.evaluate.text_tables import Floats, Ints, Prepared, SharedWords
from neuronym.records import Unit

Combine: TypeAlias = Literal["mean", "max"]
"""What becomes of a label's similarities to several references of its unit."""

_CHUNK = 512
"""How many constant labels are compared with all references at a time."""


@dataclass(frozen=True)
class LabelSet:
    """One method's labels."""

    name: str
    texts: Mapping[Unit, str]


def synonyms(reference: str) -> set[str]:
    """What counts as exactly a reference: all of it, or any part between commas, folded by :func:`fold`."""
    return {folded for part in (reference, *reference.split(",")) if (folded := fold(part))}


def fold(text: str) -> str:
    """A text in lower case with single blanks."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True)
class Texts:
    """All texts, and by which rules they are compared; texts go by their places in ``texts``."""

    texts: Sequence[str]
    prepared: Prepared
    references: Mapping[Unit, Sequence[str]]
    sets: Sequence[LabelSet]
    combine: Combine
    seed: int
    draws: int

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each text stands."""
        return {text: place for place, text in enumerate(self.texts)}

    @cached_property
    def words(self) -> SharedWords:
        """The texts under token F1, whatever the similarity is."""
        return SharedWords(self.texts)

    def generators(self, stream: int) -> Iterator[np.random.Generator]:
        """A source of random numbers for each draw."""
        return (np.random.default_rng([self.seed, stream, draw]) for draw in range(self.draws))

    def places(self, texts: Iterable[str]) -> Ints:
        """Where some texts stand."""
        return np.array([self.place[text] for text in texts], np.int64)


class ScoredUnits:
    """The references of some units, and how labels are scored against them."""

    def __init__(self, table: Texts, units: Sequence[Unit]) -> None:
        self.table, self.units = table, units
        several = [table.references[unit] for unit in units]
        self.counts = np.array([len(texts) for texts in several], np.int64)
        self.starts = np.cumsum(self.counts) - self.counts
        self.flat = table.places(text for texts in several for text in texts)
        self._names = [set().union(*map(synonyms, texts)) for texts in several]

    def values(self, labels: Ints) -> Floats:
        """Float64 [units]: the similarity of labels [draws, units], combined over references, averaged over draws."""
        candidates = np.repeat(labels, self.counts, axis=1)
        pairs = self.table.prepared.pairs(candidates.ravel(), np.tile(self.flat, len(labels)))
        result: Floats = self._combined(pairs.reshape(candidates.shape)).mean(0)
        return result

    def exact(self, labels: Ints) -> Floats:
        """Float64 [units]: how many of the draws hit a reference exactly, 0 to 1."""
        texts = self.table.texts
        hits = [[fold(texts[at]) in names for at, names in zip(row, self._names, strict=True)] for row in labels]
        result: Floats = np.array(hits, np.float64).mean(0)
        return result

    def means(self, prepared: Prepared, constants: Ints) -> Floats:
        """Float64 [constants]: the mean over the units of each constant label."""
        chunks = [constants[start : start + _CHUNK] for start in range(0, len(constants), _CHUNK)]
        return np.concatenate([self._combined(prepared.table(chunk, self.flat)).mean(1) for chunk in chunks])

    def random(self, generator: np.random.Generator) -> Ints:
        """For each unit the place of a reference of another unit."""
        count = len(self.units)
        other = (np.arange(count) + generator.integers(1, count, count)) % count
        result: Ints = self.flat[self.starts[other] + generator.integers(0, self.counts[other])]
        return result

    def _combined(self, values: Floats) -> Floats:
        """Of [..., references] the mean or maximum over each unit's, [..., units]."""
        if self.table.combine == "max":
            return np.maximum.reduceat(values, self.starts, axis=-1)
        result: Floats = np.add.reduceat(values, self.starts, axis=-1) / self.counts
        return result
