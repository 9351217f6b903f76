"""What says how much of a text is in an image: labels, names above them, the images' own truth, an encoder."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_net
from neuronym import plugins
from neuronym.errors import MethodError, UnknownNameError, UserError
from neuronym.evaluate.sources import EncoderSource, LabelSource, TruthSource
from neuronym.evaluate.sources.encoder import presence
from neuronym.evaluate.sources.hierarchy import GROUP, read_hierarchy, with_hierarchy
from neuronym.evaluate.sources.labels import plain
from neuronym.records import ConceptSource, ImageRecord, LabelTable, Split
from neuronym.study import Study
from small_study import make_study


def labels_of(*concepts: str, groups: tuple[str, ...] | None = None) -> LabelTable:
    """A table in which image i shows concept i alone."""
    return LabelTable(concepts, groups or ("class",) * len(concepts), np.eye(len(concepts), dtype=np.float32))


def label_source(*concepts: str) -> LabelSource:
    table = labels_of(*concepts)
    return LabelSource.of(table, table)


def shown(source: LabelSource, text: str) -> int | None:
    """The label that a text is resolved to, by the one image that shows it."""
    [found] = source.concepts([text], "test")
    return None if found is None else int(found.argmax())


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("cat", 0),
        ("  CAT ", 0),
        ("a cat", 0),
        ("The cat.", 0),
        ("ice_cream", 1),
        ("an ice  cream", 1),
        ("tench, Tinca tinca", 2),
        ("tinca TINCA", 2),
        ("a tench.", 2),
        ("Maillot", None),  # a synonym of two labels
        ("caf\u00e9", 5),  # written with one sign where the label has two
        ("cats", None),
        ("a", None),
        ("", None),
        ("theatre", None),
    ],
)
def test_a_description_is_the_name_of_a_label(text: str, label: int | None) -> None:
    names = ("Cat", "ice cream", "tench, Tinca tinca", "maillot, swimsuit", "maillot, jersey", "cafe\u0301")
    source = label_source(*names)
    assert isinstance(source, ConceptSource)
    assert shown(source, text) == label
    assert source.vocabulary == names


@given(st.text(max_size=20))
def test_a_plain_name_stays_as_it_is(text: str) -> None:
    once = plain(text)
    assert plain(f"  {text}  ") == once
    assert not once.startswith(" ")
    assert not once.endswith(" ")


def test_a_group_of_labels(tmp_path: Path) -> None:
    table = labels_of("cat", "animal", "red", groups=("class", "superclass", "colour"))
    source = LabelSource.of(table, table, "superclass")
    assert (source.name, source.vocabulary) == ("labels:superclass", ("animal",))
    assert source.concepts(["cat"], "explain") == [None]
    assert LabelSource.of(table, table).name == "labels"
    with pytest.raises(UnknownNameError) as caught:
        LabelSource.of(table, table, "color")
    assert str(caught.value) == "There is no group of labels 'color'. Nearest: colour, class."
    with pytest.raises(MethodError) as missing:
        LabelSource.of(None, None)
    assert str(missing.value) == (
        "The probe images have no labels to evaluate with. Give images with labels, or --source encoder:NAME."
    )


LABELS = labels_of("Siamese cat", "tench, Tinca tinca", "dog", "poodle")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_names_above_labels_are_as_much_as_the_most_below_them(kind: str, tmp_path: Path) -> None:
    below = {"animal": ["Pet", "fish"], "pet": ["siamese_cat", "dog"], "fish": ["Tench"], "dog": ["poodle"]}
    path = tmp_path / f"h.{kind}"
    if kind == "json":
        path.write_text(json.dumps(below))
    else:
        rows = [f"{lower},{upper}" for upper, names in below.items() for lower in names]
        path.write_text("\n".join(["name,above", *rows]))
    made = with_hierarchy(LABELS, read_hierarchy(path), path)
    assert made.concepts == (*LABELS.concepts, "animal", "pet", "fish")
    assert made.groups == (*LABELS.groups, GROUP, GROUP, GROUP)
    columns = dict(zip(made.concepts, made.values.T.tolist(), strict=True))
    assert columns["animal"] == [1, 1, 1, 1]
    assert columns["pet"] == [1, 0, 1, 1]
    assert columns["fish"] == [0, 1, 0, 0]  # by a synonym of the label
    assert columns["dog"] == [0, 0, 1, 1]  # a label above a label
    assert columns["poodle"] == [0, 0, 0, 1]
    assert LABELS.values.tolist() == np.eye(4).tolist()


def test_two_ways_to_write_a_name_are_one_name() -> None:
    made = with_hierarchy(LABELS, {"Pet": ["dog"], "the pet": ["siamese cat"]})
    assert made.concepts[4:] == ("Pet",)
    assert made.values[:, 4].tolist() == [1, 0, 1, 0]


@given(st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.sampled_from("cdefghij"), max_size=4), max_size=6))
@settings(deadline=None)
def test_a_hierarchy_is_what_a_search_of_all_ways_down_finds(below: dict[str, list[str]]) -> None:
    table = labels_of("h", "i", "j")

    def leaves(name: str, above: tuple[str, ...] = ()) -> set[str]:
        if name in above:
            raise RecursionError(name)
        found = {name} & set(table.concepts)
        return found.union(*(leaves(one, (*above, name)) for one in below.get(name, ())))

    try:
        wanted = {name: leaves(name) for name in below}
    except RecursionError:
        with pytest.raises(UserError, match=r"^The hierarchy 'x' puts '.' above itself: . > .*\."):
            with_hierarchy(table, below, "x")
        return
    if not any(wanted.values()):
        with pytest.raises(UserError, match="leads to a label"):
            with_hierarchy(table, below, "x")
        return
    made = with_hierarchy(table, below)
    assert set(made.concepts[3:]) == {name for name, found in wanted.items() if found}
    for name, values in zip(made.concepts[3:], made.values.T[3:], strict=True):
        assert values.tolist() == [float(one in wanted[name]) for one in table.concepts]


def test_a_hierarchy_may_be_deeper_than_functions_call_each_other() -> None:
    below = {f"n{at + 1}": [f"n{at}"] for at in range(3000)} | {"n0": ["dog"]}
    made = with_hierarchy(LABELS, below)
    assert made.values[:, made.concepts.index("n3000")].tolist() == [0, 0, 1, 0]
    with pytest.raises(UserError, match=r"puts 'n1' above itself: n1 > n0 > n3000 > .* > … > n1\. Remove one"):
        with_hierarchy(LABELS, below | {"n0": ["dog", "n3000"]})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("h.csv", "a,b\ncat,pet\npet,cat\n", "puts 'pet' above itself: pet > cat > pet. Remove one of these pairs."),
        ("h.csv", "a,b\ndog,dog\n", "puts 'dog' above itself: dog > dog. Remove one of these pairs."),
        ("h.csv", "a,b\npodle,pet\n", "leads to a label of these images. Nearest to 'podle': poodle."),
        ("h.csv", "a,b,c\n1,2,3\n", "has the columns a, b, c. It needs two: a name, and the one above it."),
        ("h.csv", "a,b\ncat,\n", "has a blank cell at line 2. Fill or remove it."),
        ("h.csv", "a,b\n", "has no rows. It needs a header line and at least one row."),
        ("h.json", "{}", "is empty. Give pairs of a name and the one above it."),
        ("h.json", '{"pet": "cat"}', "what is below 'pet' is no list of names."),
        ("h.json", "[1]", "must hold {name: [names below it]}."),
        ("h.json", "{", "and is not JSON: Expecting property name"),
        ("h.json", "[" * 100_000, "must hold {name: [names below it]}"),
    ],
)
def test_hierarchies_that_cannot_be_used(name: str, content: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        with_hierarchy(LABELS, read_hierarchy(path), path)
    assert sentence in str(caught.value)
    assert repr(str(path)) in str(caught.value)


def test_a_hierarchy_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes("a,b\ncafé,shop\n".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8 text"):
        read_hierarchy(tmp_path / "h.csv")


def records(name: str, members: list[int], split: Split) -> list[ImageRecord]:
    return [ImageRecord(f"{name}{member}", name, str(member), 64, 64, None, split) for member in members]


def test_the_truth_of_images_from_two_sources_in_any_order() -> None:
    names = ("bundled:world/explain/30", "bundled:world/test/30")
    sources = {name: plugins.image_source(name) for name in names}
    one, two = records(names[0], list(range(30)), "explain"), records(names[1], list(range(30)), "explain")
    mixed = [record for pair in zip(two, reversed(one), strict=True) for record in pair]
    truth = TruthSource({"explain": mixed, "test": one[:7]}, sources.get)
    assert isinstance(truth, ConceptSource)
    tables = {name: sources[name].concept_table([str(at) for at in range(30)]) for name in names}  # type: ignore[union-attr]
    assert set(truth.vocabulary) == set(tables[names[0]].concepts)
    for text in ("red object", "fish", "circle on the sea"):
        wanted = [
            tables[record.source].values[int(record.member), tables[record.source].concepts.index(text)]
            for record in mixed
        ]
        [found] = truth.concepts([text], "explain")
        assert found is not None
        assert found.tolist() == wanted
        [held_out] = truth.concepts([text], "test")
        assert held_out is not None
        assert held_out.tolist() == tables[names[0]].values[:7, tables[names[0]].concepts.index(text)].tolist()
    assert truth.concepts(["colourless green ideas", "qwertz", ""], "test") == [None, None, None]


def test_files_know_no_truth() -> None:
    with pytest.raises(MethodError) as caught:
        TruthSource({"explain": records("a.png", [0], "explain"), "test": []}, {}.get)
    assert str(caught.value) == (
        "The images of 'a.png' do not know what they show. Use --source labels or --source encoder:NAME."
    )


def test_presence_is_what_plain_loops_compute() -> None:
    generator = np.random.default_rng(0)
    explain, test = generator.normal(0.2, 0.01, (4, 50)), generator.normal(0.2, 0.02, (4, 9))
    explain[3] = 0.25  # a text that all images are equally like
    found = presence(explain, test)
    assert found.dtype == np.float32
    for text in range(4):
        mean = math.fsum(explain[text]) / 50
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in explain[text]) / 50)
        for image in range(9):
            z = (test[text, image] - mean) / spread if text < 3 else 0.0
            assert found[text, image] == pytest.approx(math.exp(2 * (min(z, 3) - 3)), rel=1e-6)
    assert 0 < found.min() <= found.max() <= 1


def test_an_encoder_counts_in_deviations_of_the_explain_images_alone() -> None:
    generator = np.random.default_rng(0)
    embedded = {"explain": generator.random((20, 3), np.float32), "test": generator.random((5, 3), np.float32)}
    asked: list[str] = []

    class Counted(tiny_net.Colours):
        def encode_texts(self, texts: object) -> np.ndarray:
            asked.extend(texts)  # type: ignore[arg-type]
            return super().encode_texts(texts)  # type: ignore[arg-type]

    source = EncoderSource(Counted(), lambda split: embedded[split], ("{}", "a {}"))
    assert isinstance(source, ConceptSource)
    assert (source.name, source.complete, list(source.vocabulary)) == ("encoder:colours", True, [])
    found = source.concepts(["red", "blue", "red"], "test")
    again = source.concepts(["blue"], "test")
    assert asked == ["red", "a red", "blue", "a blue"]  # each text once
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[1], again[0])
    encoder = tiny_net.Colours()
    prompts = encoder.encode_texts(["red", "a red"]).mean(0)
    row = prompts / np.linalg.norm(prompts)
    known, new = embedded["explain"] @ row, embedded["test"] @ row
    z = (new - known.mean()) / known.std()
    assert found[0] == pytest.approx(np.exp(2 * (np.minimum(z, 3) - 3)), rel=1e-4)
    assert source.concepts([], "test") == []


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = make_study(tmp_path_factory.mktemp("sources") / "s", ("head",)).probe(device="cpu")
    made.explain("clip-dissect", concepts=["red", "green", "blue"], encoder=tiny_net.Colours(), settings={"top_k": 5})
    return made


def test_an_encoder_does_not_judge_what_it_said_itself(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURONYM_CACHE", str(study.folder.parent / "cache"))
    [run] = study.store.runs
    with pytest.raises(MethodError) as caught:
        study.evaluate("encoder:tiny_net:colours")
    assert str(caught.value) == (
        f"The encoder tiny_net:colours made the descriptions of the run {run}, and would find them true. Choose "
        "another, judge other runs with --run, or insist with --force."
    )
    assert not study.store.evaluations()
    [found] = study.evaluate("encoder:tiny_net:colours", force=True).values()
    assert found.scored == 5
    other = tiny_net.Colours()
    other.key = "colours-2"  # another encoder by its key, whatever it is called
    monkeypatch.setattr(tiny_net, "colours", lambda device: other)
    assert Study.open(study.folder).evaluate("encoder:tiny_net:colours")
