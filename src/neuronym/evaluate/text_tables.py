"""Texts made ready once, so that many of them can be compared with many by their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from neuronym.evaluate.similarities import BATCH, EmbeddingCosine, TextSimilarity, TokenF1
from neuronym.functional.metrics import text_similarity as cosines
from neuronym.functional.metrics.text import words

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_CELLS = 1 << 24
"""How many numbers one step of a comparison may hold."""


class Prepared(Protocol):
    """A fixed list of texts under one similarity; texts are named by their places in the list."""

    @property
    def quick(self) -> bool:
        """Whether all of thousands of texts can be compared with all others."""

    def pairs(self, candidates: Ints, references: Ints) -> Floats:
        """How alike each candidate is to the reference at its place, float64 [pairs]."""

    def table(self, candidates: Ints, references: Ints) -> Floats:
        """How alike each candidate is to each reference, float64 [candidates, references]."""


def prepare(similarity: TextSimilarity, texts: Sequence[str]) -> Prepared:
    """The texts under a similarity; values are those of its ``pairs``, up to rounding."""
    if isinstance(similarity, TokenF1):
        return SharedWords(texts)
    if isinstance(similarity, EmbeddingCosine):
        return _Directions(similarity, texts)
    return _Pairwise(similarity, texts)


class SharedWords:
    """Token F1 by counting shared words: the n-th "red" of a text matches the n-th "red" of another."""

    quick = True

    def __init__(self, texts: Sequence[str]) -> None:
        known: dict[tuple[str, int], int] = {}
        numbered = [[known.setdefault(word, len(known)) for word in _occurrences(words(text))] for text in texts]
        self._lengths = np.array([len(one) for one in numbered], np.int64)
        self._words = np.full((len(texts), max(1, self._lengths.max(initial=0))), -1, np.int64)
        for row, one in zip(self._words, numbered, strict=True):
            row[: len(one)] = one

    def pairs(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        shared = np.zeros(len(candidates), np.int64)
        for part in _steps(len(candidates), self._words.shape[1] ** 2):
            left, right = self._words[candidates[part]], self._words[references[part]]
            alike = (left[:, :, None] == right[:, None, :]) & (left >= 0)[:, :, None]
            shared[part] = alike.sum((1, 2))
        return _f1(shared, self._lengths[candidates] + self._lengths[references])

    def table(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        shared = np.zeros((len(candidates), len(references)), np.int64)
        flat = self._words[references]
        holder, place = np.nonzero(flat >= 0)
        word = flat[holder, place]
        order = np.argsort(word, kind="stable")
        holder, word = holder[order], word[order]
        for row, candidate in zip(shared, candidates, strict=True):
            own = self._words[candidate, : self._lengths[candidate]]
            ends = zip(np.searchsorted(word, own), np.searchsorted(word, own, "right"), strict=True)
            found = [holder[start:end] for start, end in ends]
            if found:
                row[:] = np.bincount(np.concatenate(found), minlength=len(references))
        return _f1(shared, self._lengths[candidates][:, None] + self._lengths[references])


class _Directions:
    """Cosines of embeddings that are computed once."""

    quick = True

    def __init__(self, similarity: EmbeddingCosine, texts: Sequence[str]) -> None:
        # Short ones first, so that little of a batch is padding.
        order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), texts[place]))
        batches = (order[start : start + BATCH] for start in range(0, len(order), BATCH))
        rows = np.concatenate([similarity.embed([texts[place] for place in batch]) for batch in batches])
        self._rows = rows[np.argsort(order)]

    def pairs(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        values = np.zeros(len(candidates))
        for part in _steps(len(candidates), self._rows.shape[1]):
            left, right = self._rows[candidates[part]], self._rows[references[part]]
            values[part] = cosines(torch.from_numpy(left), torch.from_numpy(right)).numpy()
        return np.where(candidates == references, 1.0, values)

    def table(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        values = np.clip(self._rows[candidates] @ self._rows[references].T, -1, 1)
        result: Floats = np.where(candidates[:, None] == references, 1.0, values.astype(np.float64))
        return result


class _Pairwise:
    """Any similarity, pair by pair."""

    quick = False

    def __init__(self, similarity: TextSimilarity, texts: Sequence[str]) -> None:
        self._similarity, self._texts = similarity, texts

    def pairs(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        first, second = ([self._texts[place] for place in side] for side in (candidates, references))
        return self._similarity.pairs(first, second)

    def table(self, candidates: Ints, references: Ints) -> Floats:
        """See :class:`Prepared`."""
        shape = (len(candidates), len(references))
        return self.pairs(np.repeat(candidates, shape[1]), np.tile(references, shape[0])).reshape(shape)


def _occurrences(found: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each word with how often it came before."""
    before: Counter[str] = Counter()
    for word in found:
        yield word, before[word]
        before[word] += 1


def _f1(shared: Ints, both: Ints) -> Floats:
    result: Floats = 2 * shared / np.maximum(both, 1)
    return result


def _steps(count: int, cells: int) -> Iterator[slice]:
    """Slices of a list of pairs, each small enough where one pair takes so many cells."""
    step = max(1, _CELLS // max(1, cells))
    return (slice(start, start + step) for start in range(0, count, step))
