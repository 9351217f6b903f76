"""Anyone's labels: every published layout, what is refused and in which words, and where labels belong."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuronym.errors import UnknownNameError, UserError
from neuronym.evaluate.label_files import LabelFile, fit, parse_given, place, read_label_file
from neuronym.records import Candidate, Explanation, Unit
from neuronym.store import query
from neuronym.store.tables import explanations_table

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_labels"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published label files are not here")

NETDISSECT = "unit,category,label,score,color-label,color-iou\n"


def _file(folder: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _read(folder: Path, text: str, name: str = "labels.csv", first_unit: int | None = None) -> LabelFile:
    return read_label_file(_file(folder, text, name), first_unit=first_unit)


def _said(file: LabelFile) -> dict[tuple[str | None, int], tuple[str, ...]]:
    return {(row.layer, row.unit): row.texts for row in file.rows}


@pytest.mark.parametrize(
    ("text", "layout", "said", "scores"),
    [
        ("layer,unit,description\nl,0,red\nl,1,a cat\n", "plain", {("l", 0): ("red",), ("l", 1): ("a cat",)}, (None,)),
        ("layer,unit,description,similarity\nl,3,red,.5\n", "plain", {("l", 3): ("red",)}, (0.5,)),
        (" Layer_Name ;Neuron ID; Explanation\nl;3.0; red \n", "plain", {("l", 3): ("red",)}, (None,)),
        ("unit,description,sim correlation\n7,red,nan\n", "plain", {(None, 7): ("red",)}, (None,)),
        ("neuron,concept,concept_id,metric\n7,lhasa,n02,.9\n", "plain", {(None, 7): ("lhasa",)}, (0.9,)),
        ("index,wnid,name,file\n7,n02,tench,a.jpg\n", "plain", {(None, 7): ("tench",)}, (None,)),
        ("Neuron ID,label\n7,red\n", "plain", {(None, 7): ("red",)}, (None,)),
        (
            "Neuron ID,Label 1,Label 2,Label 3\n7,red,,red\n8,b,a,c\n",
            "Describe-and-Dissect",
            {(None, 7): ("red",), (None, 8): ("b", "a", "c")},
            (None,),
        ),
        (
            "layer,unit,summary\nl,1,a dog\nl,0,red\nl,1,dogs\nl,1,dogs\n",
            "MILANNOTATIONS",
            {("l", 1): ("a dog", "dogs", "dogs"), ("l", 0): ("red",)},
            (None, None, None),
        ),
        (
            NETDISSECT + "1,color,green-c,.04,green-c,.04\n2,scene,ball_pit-s,.1,,\n3,object,hi-s,.1,,\n",
            "Network Dissection",
            {(None, 0): ("green",), (None, 1): ("ball pit",), (None, 2): ("hi-s",)},
            (0.04,),
        ),
        (
            "group,Unnamed: 0,concept_set_words\n48,48,\"[('key', 0.01), ('piano', 0.05)]\"\n",
            "FALCON",
            {(None, 48): ("piano", "key")},
            (0.05, 0.01),
        ),
        (
            "layer,unit,val correlation,weight0,concept0,weight1,concept1,weight2,concept2\nl,0,.1,.2,a,.3,b,0.0,0\n",
            "Linear Explanations",
            {("l", 0): ("b", "a")},
            (0.3, 0.2),
        ),
    ],
)
def test_layouts(
    tmp_path: Path, text: str, layout: str, said: dict[tuple[str | None, int], tuple[str, ...]], scores: tuple[float]
) -> None:
    file = _read(tmp_path, text)
    assert (file.name, file.layout, file.has_layers) == ("labels", layout, any(layer for layer, _ in said))
    assert _said(file) == said
    assert file.rows[0].scores == scores
    assert file.first_unit == (1 if layout == "Network Dissection" else 0)


@needs_published
def test_all_published_files_are_read_or_refused_for_a_reason() -> None:
    paths = sorted(PUBLISHED.rglob("*.csv"))
    assert len(paths) == 97
    refused = {}
    for path in paths:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
        try:
            file = read_label_file(path)
        except UserError as error:
            refused[path.name] = str(error)
            continue
        assert not file.left_out, path
        titles = {title.lower().replace("_", " "): title for title in rows[0]}
        unit = next(titles[one] for one in ("unit", "neuron", "neuron id", "group") if one in titles)
        shift = 1 if "category" in titles else 0
        layer = titles.get("layer")
        expected = {(row[layer] if layer else None, int(row[unit]) - shift) for row in rows}
        assert {(row.layer, row.unit) for row in file.rows} == expected, path
        assert min(row.unit for row in file.rows) >= 0
        if "description" in titles:
            assert [row.texts[0] for row in file.rows] == [row["description"].strip() for row in rows], path
    # Four methods in one table, rated by people: no column is "the" description.
    assert list(refused) == ["RN50_table_4_scoring_function.csv"]
    assert "lacks one of descriptions (description, label" in refused["RN50_table_4_scoring_function.csv"]


@needs_published
def test_published_annotations_keep_all_three_texts_of_a_unit() -> None:
    file = read_label_file(PUBLISHED / "describe_and_dissect" / "MILANNOTATIONS_resnet152_imagenet.csv")
    assert [len(row.texts) for row in file.rows] == [3] * 3904
    assert set(file.layers) == {"conv1", "layer1", "layer2", "layer3", "layer4"}


def test_own_export_comes_back(tmp_path: Path) -> None:
    found = Candidate("a; b (2)", 0.25)
    table = explanations_table(
        [
            Explanation(Unit("l", 0), "m", "r", "described", "red", 0.5, (Candidate("red", 0.5), found)),
            Explanation(Unit("l", 1), "m", "r", "abstained", reason="dead"),
            Explanation(Unit("l", 2), "m", "r", "failed", reason="broke"),
            Explanation(Unit("l", 3), "m", "r", "described", "blue, sky", -1e-7),
        ]
    )
    path = tmp_path / "own.csv"
    query.export(table, path, "csv")
    file = read_label_file(path)
    assert file.layout == "Neuronym"
    assert [(row.texts[0], row.scores[0]) for row in file.rows] == [("red", 0.5), ("blue, sky", -1e-7)]
    assert (file.rows[0].texts[1:], file.rows[0].scores[1:]) == (("a; b (2)",), (0.25,))
    assert dict(file.left_out) == {
        "whose units are in the state 'abstained'": 1,
        "whose units are in the state 'failed'": 1,
    }
    assert file.notes == (
        f"{path}: 1 row was left out, whose units are in the state 'abstained'.",
        f"{path}: 1 row was left out, whose units are in the state 'failed'.",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.integers(0, 5000)),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda text: bool(text.strip())),
        min_size=1,
    )
)
def test_any_exported_labels_are_read_as_they_were(tmp_path: Path, labels: dict[tuple[str, int], str]) -> None:
    made = [Explanation(Unit(*unit), "m", "r", "described", text, 0.5) for unit, text in labels.items()]
    path = tmp_path / "any.csv"
    query.export(explanations_table(made), path, "clip-dissect")
    file = read_label_file(path)
    assert _said(file) == {unit: (text.strip(),) for unit, text in labels.items()}


def test_rows_without_a_description_are_left_out_and_repeats_count_once(tmp_path: Path) -> None:
    file = _read(tmp_path, "layer,unit,description\nl,0,red\nl,1, \nl,2,\nl,0,red\n")
    assert _said(file) == {("l", 0): ("red",)}
    assert file.notes == (f"{tmp_path / 'labels.csv'}: 2 rows were left out, which have no description.",)


def test_the_key_is_that_of_the_content(tmp_path: Path) -> None:
    text = "layer,unit,description\nl,0,red\n"
    one, two = _read(tmp_path, text, "a.csv"), _read(tmp_path, text, "b.csv")
    assert one.key == two.key != _read(tmp_path, text.replace("red", "blue")).key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no rows. It needs a header line and at least one row."),
        (b"layer,unit,description\n", "has no rows."),
        (b"layer,unit,description\nl,0,\n", "has no description in any of its rows."),
        (b"layer,unit,description\nl,0\n", "has 2 cells at line 2, but 3 in its header."),
        ("layer,unit,description\nl,0,caf\u00e9\n".encode("latin-1"), "is not UTF-8 text (byte 30"),
        ("layer,unit,description\nl,0,red\n".encode("utf-16"), "is UTF-16 text, to judge by how it begins. Save it"),
        ("layer,unit,description\nl,0,red\n".encode("utf-32"), "is UTF-32 text, to judge by how it begins. Save it"),
        (b"layer,description\nl,red\n", "has the columns layer, description, and lacks one of units (unit, neuron,"),
        (b"layer,unit\nl,0\n", "has the columns layer, unit, and lacks one of descriptions (description, label,"),
        (b"a,b\nl,0\n", "lacks one of units (unit, neuron, neuron id, unit id, unit index, neuron index, index,"),
        (b"layer,unit,Unit,description\nl,0,0,red\n", "has 2 columns 'unit'. Keep one."),
        (b"layer,unit,description\nl,0,red\nl,one,red\n", "has 'one' for a unit at line 3. Units are whole numbers"),
        (b"layer,unit,description\nl,-1,red\n", "has '-1' for a unit at line 2."),
        (b"layer,unit,description\nl,1.5,red\n", "has '1.5' for a unit at line 2."),
        (b"layer,unit,description\n,1,red\n", "names no layer at line 2, in its column 'layer'. Fill it in."),
        (b"layer,unit,description,score\nl,1,red,high\n", "cannot be read at line 2: could not convert string"),
        (
            b"layer,unit,description\nl,4,red\nl,5,red\nl,4,blue\n",
            "describes unit 4 of layer 'l' as 'red' at line 2 and as 'blue' at line 4. Keep one row for each unit, or "
            "name the column 'summary' if they are several references of it.",
        ),
        (b"unit,description\n4,red\n4,blue\n", "describes unit 4 as 'red' at line 2 and as 'blue' at line 3."),
        (b"group,concept_set_words\n4,[(1\n", "cannot be read at line 2: "),
        (
            b"group,concept_set_words\n4,[3]\n",
            "cannot be read at line 2: concept_set_words is no list of (word, score)",
        ),
        (
            NETDISSECT.encode() + b"0,object,sky,.1,,\n",
            "has unit 0 at line 2, but its units were to be counted from 1, as the files of Network Dissection do. "
            "Give --first-unit 0.",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        read_label_file(path)
    assert repr(str(path)) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read: No such file or directory\. Check the path\."):
        read_label_file(tmp_path / "none.csv")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_label_file(tmp_path)


def test_an_export_of_several_runs_is_refused_with_its_own_remedy(tmp_path: Path) -> None:
    made = [Explanation(Unit("l", 0), "m", run, "described", run) for run in ("one", "two")]
    query.export(explanations_table(made), tmp_path / "own.csv", "csv")
    with pytest.raises(UserError, match=r"It seems to hold several runs; export one with --run\."):
        read_label_file(tmp_path / "own.csv")


def test_units_are_shifted_only_where_it_was_said(tmp_path: Path) -> None:
    text = "unit,description\n1,red\n2,blue\n"
    assert [row.unit for row in _read(tmp_path, text).rows] == [1, 2]
    shifted = _read(tmp_path, text, first_unit=1)
    assert [row.unit for row in shifted.rows] == [0, 1]
    assert shifted.first_unit == 1
    assert shifted.notes == (f"{tmp_path / 'labels.csv'}: its units are counted from 1.",)
    plain = _read(tmp_path, NETDISSECT + "0,object,sky,.1,,\n", first_unit=0)
    assert [row.unit for row in plain.rows] == [0]
    with pytest.raises(UserError, match=r"has unit 0 at line 2, but its units were to be counted from 1\. Give"):
        _read(tmp_path, "unit,description\n0,red\n", first_unit=1)
    with pytest.raises(UserError, match="from 0 or from 1, not from 2"):
        _read(tmp_path, text, first_unit=2)


def test_units_counted_from_one_are_noticed(tmp_path: Path) -> None:
    file = _read(tmp_path, "unit,description\n1,red\n2,blue\n3,green\n")
    with pytest.raises(UserError, match=r"has a unit 3 and no unit 0 for layer 'l' of 3 units: .* give --first-unit 1"):
        fit(file, {"l": 3}, run="r")
    shifted = _read(tmp_path, "unit,description\n1,red\n2,blue\n3,green\n", first_unit=1)
    assert [one.unit.index for one in fit(shifted, {"l": 3}, run="r").explanations] == [0, 1, 2]


def test_units_beyond_a_layer(tmp_path: Path) -> None:
    file = _read(tmp_path, "layer,unit,description\nl,0,red\nl,9,blue\n")
    with pytest.raises(UserError, match=r"has unit 9 at line 3, but layer 'l' has 9 units, 0 to 8\. Check"):
        fit(file, {"l": 9}, run="r")
    counted = _read(tmp_path, "unit,description\n1,red\n10,blue\n", first_unit=1)
    with pytest.raises(UserError, match=r"has unit 10 at line 3, but layer 'l' has 9 units, 1 to 9\."):
        fit(counted, {"l": 9}, run="r")


def test_explanations_hold_what_the_file_says(tmp_path: Path) -> None:
    file = _read(tmp_path, "Neuron ID,Label 1,Label 2\n3,red,blue\n4,a,\n", "my labels (l).csv")
    fitted = fit(file, {"k": 9, "l": 5}, run="r1")
    one, two = fitted.explanations
    assert (one.unit, one.method, one.run, one.state) == (Unit("l", 3), "my-labels-l", "r1", "described")
    assert (one.description, one.score) == ("red", None)
    assert one.candidates == (Candidate("red", 0.0), Candidate("blue", 0.0))
    assert (two.description, two.candidates) == ("a", (Candidate("a", 0.0),))
    annotated = _read(tmp_path, "layer,unit,summary\nl,0,a\nl,0,b\nl,0,a\n")
    (third,) = fit(annotated, {"l": 1}, run="r").explanations
    assert [one.text for one in third.candidates] == ["a", "b"]


def test_rows_of_other_layers_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "layer,unit,description\nb,0,red\na,0,red\nb,1,red\nc,0,blue\n"
    file = _read(tmp_path, text)
    fitted = fit(file, {"c": 1, "d": 2}, run="r")
    assert [one.unit for one in fitted.explanations] == [Unit("c", 0)]
    assert fitted.notes == (f"{file.path}: 3 rows were left out, of layers b, a.",)
    with pytest.raises(UserError, match=r"is of the layers b, a, c, none of which is among d, e\. .* such as d=FILE"):
        fit(file, {"d": 2, "e": 3}, run="r")


def test_the_user_says_the_layer(tmp_path: Path) -> None:
    several = _read(tmp_path, "layer,unit,description\na,0,red\nb,0,blue\n")
    assert [one.unit for one in fit(several, {"a": 1, "b": 1}, layer="b", run="r").explanations] == [Unit("b", 0)]
    single = _read(tmp_path, "layer,unit,description\nstages.3,0,red\n")
    fitted = fit(single, {"a": 1, "b": 1}, layer="b", run="r")
    assert [one.unit for one in fitted.explanations] == [Unit("b", 0)]
    assert fitted.notes == (f"{single.path}: its layer 'stages.3' was read as 'b'.",)
    with pytest.raises(UnknownNameError, match="There is no layer 'bb'"):
        fit(single, {"a": 1, "b": 1}, layer="bb", run="r")
    with pytest.raises(UserError, match="is of the layers a, b, none of which is among c"):
        fit(several, {"a": 1, "c": 1}, layer="c", run="r")


@pytest.mark.parametrize(
    ("name", "layers", "layer"),
    [
        ("resnet50_imagenet_layer3.csv", ["layer2", "layer3", "layer4"], "layer3"),
        ("BLIP2-Layer4.csv", ["layer3", "layer4"], "layer4"),
        ("layer3.csv", ["layer3", "layer30"], "layer3"),
        ("net_layer3.0.conv1.csv", ["layer3", "layer3.0.conv1"], "layer3.0.conv1"),
        ("net.features.12.csv", ["features.1", "features.12"], None),
        ("net-features.12.csv", ["features.1", "features.12"], "features.12"),
        ("net_layer3.0.csv", ["layer3", "layer4"], None),
        ("layer3_layer4.csv", ["layer3", "layer4"], None),
        ("labels.csv", ["layer3", "layer4"], None),
        ("labels.csv", ["layer4"], "layer4"),
        ("net_layer3.csv", ["layer4"], None),
        ("net_fc.csv", ["layer4"], "layer4"),
        ("net50.csv", ["fc"], "fc"),
    ],
)
def test_the_name_of_a_file_tells_its_layer(tmp_path: Path, name: str, layers: list[str], layer: str | None) -> None:
    file = _read(tmp_path, "unit,description\n0,red\n", name)
    if layer is None:
        message = f"does not tell which of {', '.join(layers)} it is about. Say so, for example {layers[0]}="
        with pytest.raises(UserError, match=re.escape(message)):
            place(file, layers)
        return
    placed = place(file, layers)
    assert [where for where, _ in placed.rows] == [layer]
    guessed = len(layers) == 1 and layer not in name
    assert bool(placed.notes) == guessed


def test_what_labels_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.csv").touch()
    assert parse_given("a=b.csv") == (None, "a=b.csv")
    assert parse_given("a=c.csv") == ("a", "c.csv")
    assert parse_given("features.3:after = x=y.csv") == ("features.3:after", "x=y.csv")
    assert parse_given("c.csv") == (None, "c.csv")
    for wrong in ("=c.csv", "layer="):
        with pytest.raises(UserError, match=r"is not of the form FILE or LAYER=FILE\."):
            parse_given(wrong)
