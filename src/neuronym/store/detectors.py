"""Which units of a layer are detectors of annotated concepts, by the category of the concept.

What is counted is what Bau et al. (Network Dissection, CVPR 2017) count: a unit whose best concept passes the method's
least IoU is a *detector* of that concept, and one of the concept's category; the concepts that have a detector are the
*unique* detectors. A method tells the category of its description as evidence of the kind :data:`CATEGORY`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from neuronym.records import CATEGORIES, Evidence, Explanation

CATEGORY = "category"
"""The kind of evidence whose text is the category of the concept that a unit is described by."""

BEST = "best"
"""The kind of evidence whose text is a unit's best concept of one category with its IoU, "object: car, IoU .123"."""

THRESHOLD = "threshold"
"""The kind of evidence whose text says above which activation a unit is active, and on how much of the images."""

_COLUMNS = ["layer", "unit", "description", "evidence"]

_Row: TypeAlias = tuple[str, int, str, str]
"""Layer, unit, category, concept."""


@dataclass(frozen=True, slots=True)
class Detectors:
    """The detectors of the concepts of one category in one layer.

    Attributes:
        layer: the layer's name.
        category: such as ``object``.
        units: the positions of the detectors of each concept that has one, rising; the concept with most detectors
            first, ties by the alphabet.
    """

    layer: str
    category: str
    units: Mapping[str, tuple[int, ...]]

    @property
    def count(self) -> int:
        """How many units are detectors."""
        return sum(map(len, self.units.values()))

    @property
    def unique(self) -> int:
        """How many concepts have a detector."""
        return len(self.units)


def detectors(said: pa.Table | Iterable[Explanation]) -> list[Detectors]:
    """The detectors among the units of one run.

    Args:
        said: explanations, or a table of them with the columns of :func:`neuronym.store.tables.explanations_table`,
            more columns and any order of rows allowed. Units without a description count for nothing, and so do
            descriptions of methods that know no categories.

    Returns:
        One for each layer and category that has a detector: layers in the order of their first rows, categories in that
        of :data:`~neuronym.records.CATEGORIES`, others after them by the alphabet.
    """
    rows = list(_of_table(said) if isinstance(said, pa.Table) else _of_records(said))
    groups: dict[tuple[str, str], dict[str, list[int]]] = {}
    for layer, unit, category, concept in rows:
        groups.setdefault((layer, category), {}).setdefault(concept, []).append(unit)
    layers = list(dict.fromkeys(row[0] for row in rows))
    order = sorted(groups, key=lambda group: (layers.index(group[0]), category_order(group[1])))
    return [Detectors(layer, category, _by_size(groups[layer, category])) for layer, category in order]


def category_of(said: Explanation) -> str | None:
    """The category of the concept that a unit is described by; None without a description or a category."""
    return _category(said.evidence) if said.state == "described" else None


def category_order(category: str) -> tuple[int, str]:
    """What sorts categories: the known ones in their order, then others by the alphabet."""
    return (CATEGORIES.index(category) if category in CATEGORIES else len(CATEGORIES), category)


def _category(evidence: Iterable[Evidence]) -> str | None:
    return next((one.text for one in evidence if one.kind == CATEGORY), None)


def _of_records(said: Iterable[Explanation]) -> Iterable[_Row]:
    for one in said:
        category = category_of(one)
        if category is not None and one.description is not None:
            yield one.unit.layer, one.unit.index, category, one.description


def _of_table(said: pa.Table) -> Iterable[_Row]:
    for row in said.select(_COLUMNS).to_pylist():
        if row["description"] is not None:
            evidence = (Evidence(one["kind"], text=one["text"]) for one in row["evidence"] or ())
            category = _category(evidence)
            if category is not None:
                yield row["layer"], row["unit"], category, row["description"]


def _by_size(units: Mapping[str, Iterable[int]]) -> dict[str, tuple[int, ...]]:
    found = {concept: tuple(sorted(set(of))) for concept, of in units.items()}
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))
