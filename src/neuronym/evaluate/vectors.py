"""Texts as concept vectors: how much of each is in each image, resolved once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuronym.evaluate.abilities import counted
from neuronym.records import ConceptSource, Split

MOST_RANDOM = 1000
"""Random labels that a unit is compared with, at most."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """The concept vectors of texts, one column each.

    Attributes:
        columns: the column of each text that is resolved.
        explain: float32 [explain images, texts]; of the images that the source knows.
        test: float32 [test images, texts]; the same.
        random: columns that random labels are drawn from: known to the source, and not the same on all explain images.
    """

    columns: dict[str, int]
    explain: npt.NDArray[np.float32]
    test: npt.NDArray[np.float32]
    random: npt.NDArray[np.int64]

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each column."""
        return tuple(self.columns)

    @cached_property
    def kinds(self) -> npt.NDArray[np.int64]:
        """For each column the first that is in the same explain images as much: another way to say the same, [texts].

        ``A dog`` and the label ``dog`` are two texts, of which neither is a random label for a unit that the other is
        the label of.
        """
        first: dict[bytes, int] = {}
        rows = np.ascontiguousarray(self.explain.T)
        return np.array([first.setdefault(row.tobytes(), column) for column, row in enumerate(rows)], np.int64)

    @cached_property
    def random_shown(self) -> npt.NDArray[np.int64]:
        """Those of ``random`` that can be scored: not the same on all test images."""
        return self.random[[self.varies(int(column)) for column in self.random]]

    def varies(self, column: int) -> bool:
        """Whether a concept is not the same on all test images."""
        return bool(np.ptp(self.test[:, column]) > 0)


def tidy(text: str) -> str:
    """A text with single blanks."""
    return " ".join(text.split())


def resolve(source: ConceptSource, descriptions: Iterable[str], pool: Sequence[str], seed: int) -> Vectors:
    """The vectors of descriptions, and of those that random labels are drawn from, on the images that a source knows.

    Args:
        source: what resolves them.
        descriptions: what is to be judged.
        pool: what else random labels are drawn from where the source lists nothing: other descriptions.
        seed: decides which of a long list are taken.
    """
    said = list(dict.fromkeys(map(tidy, descriptions)))
    listed = list(dict.fromkeys(map(tidy, source.vocabulary or pool or said)))
    if len(listed) > MOST_RANDOM:
        chosen = np.random.default_rng(seed).choice(len(listed), MOST_RANDOM, replace=False)
        listed = [listed[at] for at in np.sort(chosen)]
    texts = list(dict.fromkeys([*said, *listed]))
    explain, test = source.concepts(texts, "explain"), source.concepts(texts, "test")
    pairs = zip(texts, explain, test, strict=True)
    found = [(text, one, two) for text, one, two in pairs if one is not None and two is not None]
    columns = {text: column for column, (text, _, _) in enumerate(found)}
    vectors = Vectors(
        columns,
        _stack([one for _, one, _ in found], source, "explain"),
        _stack([two for _, _, two in found], source, "test"),
        np.zeros(0, np.int64),
    )
    random = [columns[text] for text in listed if text in columns]
    varying = [at for at in random if np.ptp(vectors.explain[:, at]) > 0]
    return Vectors(columns, vectors.explain, vectors.test, np.array(varying, np.int64))


def _stack(columns: Sequence[npt.NDArray[np.float32]], source: ConceptSource, split: Split) -> npt.NDArray[np.float32]:
    return np.stack(columns, 1)[counted(source, split)] if columns else np.zeros((0, 0), np.float32)
