"""How well labels agree with texts that are known of the units: their names, or what people say of them.

Beside the labels always stand three rows that need no method at all: the best constant label, random labels and the
labels dealt out anew. A method says something of the units only as far as it is above them: on human annotations one
word for all units can beat every method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch

from neuronym.errors import UserError, unknown_name
from neuronym.evaluate.similarities import TextSimilarity
from neuronym.evaluate.text_scoring import Combine, LabelSet, ScoredUnits, Texts
from neuronym.evaluate.text_tables import Floats, Ints, prepare
from neuronym.functional.metrics import bootstrap_mean
from neuronym.records import Row, Unit

_SHORTLIST = 50
"""How many constant labels are tried under a similarity that is slow; those with the highest token F1."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Labels against references over units.

    Attributes:
        units: over how many.
        value: mean similarity; its range is the similarity's.
        low: lower end of its bootstrap 95 % interval over units.
        high: upper end.
        exact: share of units, 0 to 1, whose label is one of the references, or one of the synonyms that a reference
            lists with commas; upper and lower case and blanks do not count.
    """

    units: int
    value: float
    low: float
    high: float
    exact: float


@dataclass(frozen=True, slots=True)
class MatchRow:
    """One row of a table.

    Attributes:
        labels: whose labels; None for rows that do not depend on any method.
        row: the labels themselves, or what they are compared with.
        every: over all units; None for the constant, which was chosen on half of them.
        half: over the half that the constant was not chosen on; None where there are fewer than two units.
        text: the constant label.
    """

    labels: str | None
    row: Row
    every: Agreement | None
    half: Agreement | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows over the same units, so that they can be compared.

    Attributes:
        units: how many units.
        rows: see :class:`MatchRow`.
        tried: among how many texts the constant label was chosen; 0 if there is none.
    """

    units: int
    rows: tuple[MatchRow, ...]
    tried: int


@dataclass(frozen=True, slots=True)
class Match:
    """Sets of labels against references under one similarity.

    Attributes:
        similarity: its name.
        references: how several references of one unit are combined.
        common: whether only units that all sets share were scored.
        sizes: by name of the set, how many units it labels.
        reference_units: how many units have references.
        groups: one for each choice of units; sets that share the same units with the reference are in one.
        seed: of halves, draws and intervals.
        draws: how often random and shuffled labels were drawn; each unit's value is the mean.
    """

    similarity: str
    references: Combine
    common: bool
    sizes: Mapping[str, int]
    reference_units: int
    groups: tuple[Group, ...]
    seed: int
    draws: int


def match(
    references: Mapping[Unit, Sequence[str]],
    sets: Sequence[LabelSet],
    similarity: TextSimilarity,
    *,
    combine: Combine = "mean",
    common: bool = False,
    seed: int = 0,
    draws: int = 20,
) -> Match:
    """Score sets of labels against references, over the units that each shares with them.

    The constant label is chosen on a seeded half of the units, among all texts of the sets and of the references that
    are said of any unit outside the other half, and tested on that other half, over which every row is given too. A
    random label is a reference of another unit; shuffled labels are the set's own, each at another unit.

    Args:
        references: the known texts of each unit, at least one.
        sets: the labels; their names are distinct.
        similarity: how alike two texts are.
        combine: what becomes of several references of one unit.
        common: score only the units that all sets and the reference share.
        seed: of halves, draws and intervals.
        draws: how often random and shuffled labels are drawn.

    Raises:
        UnknownNameError: no such way to combine.
        UserError: there are no sets, or no units are shared.
    """
    if combine not in get_args(Combine):
        raise unknown_name("way to combine references", combine, get_args(Combine))
    shared = _shared(references, sets, common)
    said = [text for one in sets for text in one.texts.values()]
    texts = sorted({*said, *(text for several in references.values() for text in several)})
    table = Texts(texts, prepare(similarity, texts), references, sets, combine, seed, draws)
    groups: dict[frozenset[Unit], list[LabelSet]] = {}
    for one, units in zip(sets, shared, strict=True):
        groups.setdefault(units, []).append(one)
    made = tuple(_group(table, sorted(units), members) for units, members in groups.items())
    sizes = {one.name: len(one.texts) for one in sets}
    return Match(similarity.name, combine, common, sizes, len(references), made, seed, draws)


def _shared(references: Mapping[Unit, Sequence[str]], sets: Sequence[LabelSet], common: bool) -> list[frozenset[Unit]]:
    """The units of each set that are scored."""
    if not sets:
        raise UserError("There are no labels to compare with the reference. Give at least one set of labels.")
    shared = [frozenset(one.texts).intersection(references) for one in sets]
    for one, units in zip(sets, shared, strict=True):
        if not units:
            raise UserError(
                f"The labels {one.name!r} share no unit with the reference. They label {_some(one.texts)}; the "
                f"reference has {_some(references)}. Check the layers."
            )
    if common:
        shared = [frozenset.intersection(*shared)] * len(shared)
        if not shared[0]:
            raise UserError("There is no unit that all sets and the reference share. Leave out --common, or a set.")
    return shared


def _some(units: Iterable[Unit]) -> str:
    found = sorted(units)
    return f"{', '.join(map(str, found[:3]))}{' ...' if len(found) > 3 else ''}"


def _group(table: Texts, units: Sequence[Unit], sets: Sequence[LabelSet]) -> Group:
    """All rows over the same units: the sets', then those that no set is needed for."""
    scored = ScoredUnits(table, units)
    order = np.random.default_rng([table.seed, 0]).permutation(len(units))
    chosen_on, half = np.sort(order[: len(units) // 2]), np.sort(order[len(units) // 2 :])
    several = len(units) > 1
    rows = []
    for one in sets:
        own = table.places(one.texts[unit] for unit in units)
        rows.append(_row(scored, one.name, "descriptions", own[None], half))
        if several:
            dealt = np.stack([own[_moved(len(own), generator)] for generator in table.generators(1)])
            rows.append(_row(scored, one.name, "shuffled", dealt, half))
    if not several:
        return Group(len(units), tuple(rows), 0)
    rows.append(_row(scored, None, "random", np.stack([scored.random(one) for one in table.generators(2)]), half))
    constant, tried = _constant(table, [units[at] for at in chosen_on], {units[at] for at in half})
    rows.append(_constant_row(table, [units[at] for at in half], constant))
    return Group(len(units), tuple(rows), tried)


def _row(scored: ScoredUnits, name: str | None, row: Row, labels: Ints, half: Ints) -> MatchRow:
    """The row of some labels [draws, units]."""
    values, exact, seed = scored.values(labels), scored.exact(labels), scored.table.seed
    several = len(values) > 1
    return MatchRow(
        name, row, _agreement(values, exact, seed), _agreement(values[half], exact[half], seed) if several else None
    )


def _constant(table: Texts, units: Sequence[Unit], half: set[Unit]) -> tuple[int, int]:
    """The place of the text that goes best with all units, the first of equals, and among how many it was chosen.

    Texts that are said of no unit but those of ``half``, on which it will be tested, are not tried.
    """
    said = [(unit, text) for one in table.sets for unit, text in one.texts.items()]
    said += [(unit, text) for unit, several in table.references.items() for text in several]
    tried = np.unique(table.places(text for unit, text in said if unit not in half))
    scored = ScoredUnits(table, units)
    if not table.prepared.quick and len(tried) > _SHORTLIST:
        by_words = scored.means(table.words, tried)
        tried = np.sort(tried[np.argsort(-by_words, kind="stable")[:_SHORTLIST]])
    return int(tried[np.argmax(scored.means(table.prepared, tried))]), len(tried)


def _constant_row(table: Texts, units: Sequence[Unit], constant: int) -> MatchRow:
    scored = ScoredUnits(table, units)
    labels = np.full((1, len(units)), constant)
    tested = _agreement(scored.values(labels), scored.exact(labels), table.seed)
    return MatchRow(None, "constant", None, tested, table.texts[constant])


def _agreement(values: Floats, exact: Floats, seed: int) -> Agreement:
    mean, low, high = bootstrap_mean(torch.from_numpy(values), seed=seed)
    return Agreement(len(values), mean, low, high, float(exact.mean()))


def _moved(count: int, generator: np.random.Generator) -> Ints:
    """A permutation that leaves nothing in its place: one circle through all."""
    order = generator.permutation(count)
    moved = np.empty(count, np.int64)
    moved[order] = np.roll(order, 1)
    return moved
