from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import UnknownNameError, UserError
from neuronym.records import Candidate, Explanation, Unit
from neuronym.store import query
from neuronym.store.tables import explanations_table


def _described(layer: str, unit: int, text: str, *others: tuple[str, float], run: str = "a") -> Explanation:
    candidates = tuple(Candidate(*other) for other in others)
    return Explanation(Unit(layer, unit), f"method-{run}", run, "described", text, 0.25, candidates)


ROWS = [
    _described("conv1", 0, 'Red, "striped"', ("Red", 0.5), ("Green\nblue", 0.125), ("x", 0.75)),
    _described("layer4:after", 3, "Größe"),
    Explanation(Unit("conv1", 1), "method-a", "a", "abstained", reason="all scores are below 0"),
    Explanation(Unit("conv1", 2), "method-a", "a", "failed", reason="no answer"),
]
TABLE = explanations_table(ROWS)
OTHER_RUN = explanations_table([*ROWS, _described("conv1", 0, "Blue", run="b")])


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, ["conv1:0", "layer4:after:3", "conv1:1", "conv1:2", "conv1:0"]),
        ({"layer": "conv1"}, ["conv1:0", "conv1:1", "conv1:2", "conv1:0"]),
        ({"units": [3, 0, 77]}, ["conv1:0", "layer4:after:3", "conv1:0"]),
        ({"units": []}, []),
        ({"search": "RED,"}, ["conv1:0"]),
        ({"search": "GRÖSSE"}, ["layer4:after:3"]),  # ß and SS differ in their case only
        ({"search": "größ"}, ["layer4:after:3"]),
        ({"search": "GRÖß"}, ["layer4:after:3"]),
        ({"search": ".*"}, []),
        ({"state": "failed"}, ["conv1:2"]),
        ({"method": "method-b"}, ["conv1:0"]),
        ({"run": "b", "layer": "conv1", "search": "blue"}, ["conv1:0"]),
        ({"run": "b", "search": "red"}, []),
    ],
)
def test_select(conditions: dict[str, object], expected: list[str]) -> None:
    found = query.select(OTHER_RUN, **conditions)  # type: ignore[arg-type]
    assert found.schema == OTHER_RUN.schema
    assert [f"{row['layer']}:{row['unit']}" for row in found.to_pylist()] == expected


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"layer": "conv2"}, "There is no layer 'conv2'. Nearest: conv1."),
        ({"layer": "zzz"}, "There is no layer 'zzz'. Known: conv1, layer4:after."),
        ({"method": "method-c"}, "There is no method 'method-c'. Nearest: method-b, method-a."),
        ({"run": "zzz"}, "There is no run 'zzz'. Known: a, b."),
        ({"state": "describd"}, "There is no state 'describd'. Nearest: described."),
    ],
)
def test_unknown_names(conditions: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        query.select(OTHER_RUN, **conditions)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_known_name_without_rows_under_the_other_conditions() -> None:
    assert len(query.select(OTHER_RUN, layer="layer4:after", run="b")) == 0


def test_csv(tmp_path: Path) -> None:
    made = query.export(TABLE, tmp_path / "x.csv", "csv")
    assert (tmp_path / "x.csv").read_bytes() == made.data
    assert (made.rows, made.left_out) == (4, 0)
    assert made.data.decode() == (
        "layer,unit,state,description,score,reason,method,run,candidates\n"
        'conv1,0,described,"Red, ""striped""",0.25,,method-a,a,"Red (0.5); Green\nblue (0.125); x (0.75)"\n'
        "layer4:after,3,described,Größe,0.25,,method-a,a,\n"
        "conv1,1,abstained,,,all scores are below 0,method-a,a,\n"
        "conv1,2,failed,,,no answer,method-a,a,\n"
    )


def test_json_and_parquet(tmp_path: Path) -> None:
    expected = TABLE.select(query.FIELDS).to_pylist()
    assert json.loads(query.export(TABLE, None, "json").data) == expected
    made = query.export(TABLE, tmp_path / "x.parquet", "parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == expected
    assert (made.rows, made.left_out) == (4, 0)
    assert list(expected[0]) == list(query.FIELDS)


def test_published_layouts() -> None:
    made = query.export(TABLE, None, "clip-dissect")
    assert made.data.decode() == (
        'layer,unit,description,similarity\nconv1,0,"Red, ""striped""",0.25\nlayer4:after,3,Größe,0.25\n'
    )
    assert (made.rows, made.left_out) == (2, 2)
    made = query.export(TABLE, None, "milan")
    assert made.data.decode() == 'layer,unit,description\nconv1,0,"Red, ""striped"""\nlayer4:after,3,Größe\n'
    made = query.export(query.select(TABLE, layer="conv1"), None, "dnd")
    assert made.data.decode() == 'Neuron ID,Label 1,Label 2,Label 3\n0,"Red, ""striped""",x,Red\n'
    assert (made.rows, made.left_out) == (1, 2)


def test_dnd_repeats_no_label_and_fills_up() -> None:
    table = explanations_table([_described("conv1", 5, "a", ("a", 0.9), ("b", 0.8))])
    assert query.export(table, None, "dnd").data.decode().splitlines()[1] == "5,a,b,"


def test_layouts_with_room_for_one() -> None:
    with pytest.raises(UserError) as caught:
        query.export(OTHER_RUN, None, "milan")
    assert str(caught.value) == (
        "The format 'milan' has room for one run, but the table holds 2: a, b. Choose one with --run."
    )
    with pytest.raises(UserError) as caught:
        query.export(TABLE, None, "dnd")
    assert str(caught.value) == (
        "The format 'dnd' has room for one layer, but the table holds 2: conv1, layer4:after. Choose one with --layer."
    )


def test_an_unknown_format() -> None:
    with pytest.raises(UnknownNameError, match=r"^There is no export format 'cvs'\. Nearest: csv"):
        query.export(TABLE, None, "cvs")  # type: ignore[arg-type]


def test_no_rows() -> None:
    empty = explanations_table([])
    assert query.export(empty, None, "dnd").data == b"Neuron ID,Label 1,Label 2,Label 3\n"
    assert query.export(empty, None, "json").data == b"[]\n"
    assert len(query.select(empty, search="x", units=[1])) == 0


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), max_size=3))
def test_any_text_survives_csv(texts: list[str]) -> None:
    table = explanations_table([_described("l", unit, text) for unit, text in enumerate(texts)])
    data = query.export(table, None, "milan").data
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[1:] == [["l", str(unit), text] for unit, text in enumerate(texts)]


def test_layouts_are_those_of_the_published_files() -> None:
    published = Path(__file__).parents[3] / "shared" / "data" / "published_labels"
    if not published.is_dir():
        pytest.skip("the published label files are not here")
    for path, layout in (
        ("clip_dissect/CLIP_Dissect_results/resnet50_imagenet_broden.csv", "clip-dissect"),
        ("clip_dissect/MILAN_results/m_base_resnet50_imagenet.csv", "milan"),
    ):
        text = (published / path).read_text("utf-8")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        records = [
            Explanation(Unit(row[0], int(row[1])), "m", "r", "described", row[2], float(row[3]) if row[3:] else None)
            for row in rows
        ]
        ours = query.export(explanations_table(records), None, layout).data.decode()  # type: ignore[arg-type]
        found = list(csv.reader(io.StringIO(ours, newline="")))
        assert found[0] == header
        assert [row[:3] for row in found[1:]] == [row[:3] for row in rows]
        assert [float(row[3]) for row in found[1:] if row[3:]] == [float(row[3]) for row in rows if row[3:]]
        if layout == "milan":
            assert ours == text
