"""The images' own labels as a concept source."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError, unknown_name
from neuronym.records import LabelTable, Split


@dataclass(frozen=True, eq=False)
class LabelSource:
    """A description is resolved if it is the name of a label.

    Upper and lower case, blanks, underscores, a leading article and a closing full stop do not count. Where a label
    lists synonyms, as ImageNet's ``tench, Tinca tinca`` does, each of them that names one label only will do.

    Attributes:
        name: ``labels`` or ``labels:GROUP``.
        tables: the labels by split.
    """

    name: str
    tables: Mapping[Split, LabelTable]
    complete = False

    @classmethod
    def of(cls, explain: LabelTable | None, test: LabelTable | None, group: str = "") -> LabelSource:
        """The source for one group of labels, or for all of them.

        Raises:
            MethodError: there are no labels.
            UnknownNameError: there is no such group.
        """
        if explain is None or test is None:
            raise MethodError(
                "The probe images have no labels to evaluate with. Give images with labels, or --source encoder:NAME."
            )
        if not group:
            return cls("labels", {"explain": explain, "test": test})
        if group not in explain.groups:
            raise unknown_name("group of labels", group, set(explain.groups))
        return cls(f"labels:{group}", {"explain": explain.group(group), "test": test.group(group)})

    @property
    def vocabulary(self) -> Sequence[str]:
        """All labels."""
        return tuple(dict.fromkeys(self.tables["test"].concepts))

    def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
        """For each text float32 [images], or None if no label has this name."""
        values = self.tables[split].values
        found = (self._columns.get(plain(text)) for text in texts)
        return [None if column is None else values[:, column] for column in found]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return columns_of(self.tables["test"].concepts)


def columns_of(names: Sequence[str]) -> dict[str, int]:
    """The columns that labels and their synonyms stand for, all by what :func:`plain` leaves of them."""
    whole: dict[str, int] = {}
    for column, name in enumerate(names):
        whole.setdefault(plain(name), column)  # a class before a super-class of the same name
    parts: dict[str, set[int]] = {}
    for column, name in enumerate(names):
        for part in name.split(","):
            parts.setdefault(plain(part), set()).add(column)
    unique = {part: min(columns) for part, columns in parts.items() if part and len(columns) == 1}
    return unique | whole


def plain(text: str) -> str:
    """What of a name counts when names are compared."""
    # Some systems write the names of folders with their accents as signs of their own.
    whole = unicodedata.normalize("NFKC", text)
    folded = " ".join(whole.replace("_", " ").split()).casefold().removesuffix(".").strip()
    return re.sub(r"^(an?|the) (?=\S)", "", folded)
