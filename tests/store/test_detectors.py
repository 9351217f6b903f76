"""The detectors of a layer, counted again by other means."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.records import CATEGORIES, Evidence, Explanation, Unit
from neuronym.store.detectors import CATEGORY, Detectors, category_of, category_order, detectors
from neuronym.store.tables import explanations_table

said = st.tuples(
    st.sampled_from(["late", "early"]),
    st.sampled_from(["described", "abstained", "failed", "uncategorised"]),
    st.sampled_from(["zebra", "sky", "wood", "a"]),
    st.sampled_from([*CATEGORIES, "another", "zone"]),
)


def record(layer: str, unit: int, state: str, concept: str, category: str) -> Explanation:
    """An abstention may hold a category too: that of the description which was no better than chance."""
    notes = (Evidence("exemplar", "an-id"), Evidence(CATEGORY, text=category), Evidence("best", text="x: y, IoU .5"))
    if state in ("abstained", "failed"):
        return Explanation(Unit(layer, unit), "m", "r", state, evidence=notes, reason="because")  # type: ignore[arg-type]
    kept = notes if state == "described" else notes[:1]
    return Explanation(Unit(layer, unit), "m", "r", "described", concept, 0.5, evidence=kept)


@settings(deadline=None)
@given(st.lists(said, max_size=40))
def test_detectors_are_counted_by_layer_category_and_concept(given_rows: list[tuple[str, str, str, str]]) -> None:
    records = [
        record(layer, unit, state, concept, category)
        for unit, (layer, state, concept, category) in enumerate(given_rows)
    ]
    found = detectors(records)
    counted = Counter(
        (layer, category, concept) for layer, state, concept, category in given_rows if state == "described"
    )
    assert {(one.layer, one.category, text): len(of) for one in found for text, of in one.units.items()} == counted
    for one in found:
        assert one.count == sum(counted[one.layer, one.category, text] for text in one.units)
        assert one.unique == len(one.units)
        assert list(one.units) == sorted(one.units, key=lambda text: (-len(one.units[text]), text))
        for text, units in one.units.items():
            assert list(units) == sorted(units)
            assert {(records[unit].description, category_of(records[unit])) for unit in units} == {(text, one.category)}
    known = [*CATEGORIES, "another", "zone"]
    seen = list(dict.fromkeys(layer for layer, state, *_ in given_rows if state == "described"))
    order = [(seen.index(one.layer), known.index(one.category)) for one in found]
    assert order == sorted(set(order))


@settings(deadline=None)
@given(st.lists(said, max_size=40))
def test_a_table_with_other_columns_and_states_says_the_same(
    given_rows: list[tuple[str, str, str, str]],
) -> None:
    """As scores are joined to it: the state of what was judged is no longer ``described``."""
    records = [record(layer, unit, *rest) for unit, (layer, *rest) in enumerate(given_rows)]
    table = explanations_table(records)
    states = ["weak" if state == "described" else state for state in table["state"].to_pylist()]
    joined = table.set_column(table.column_names.index("state"), "state", pa.array(states, pa.string()))
    joined = joined.append_column("pearson", pa.array([0.5] * len(table), pa.float64()))
    assert detectors(joined) == detectors(table) == detectors(records)


def test_no_detectors_no_rows() -> None:
    assert detectors([]) == detectors(explanations_table([])) == []
    assert detectors([record("early", 0, "uncategorised", "sky", "object")]) == []


def test_one_layer_by_hand() -> None:
    rows = [("sky", "object"), ("red", "colour"), ("car", "object"), ("sky", "object"), ("night", "when")]
    found = detectors(record("early", unit, "described", *row) for unit, row in enumerate(rows))
    assert found == [
        Detectors("early", "object", {"sky": (0, 3), "car": (2,)}),
        Detectors("early", "colour", {"red": (1,)}),
        Detectors("early", "when", {"night": (4,)}),
    ]
    assert [(one.count, one.unique) for one in found] == [(3, 2), (1, 1), (1, 1)]
    assert sorted(["when", "scene", "colour", "area"], key=category_order) == ["scene", "colour", "area", "when"]
