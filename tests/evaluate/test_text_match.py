"""Labels against known texts: every figure a second time in plain loops, and what always stands beside them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import UnknownNameError, UserError
from neuronym.evaluate.label_sets import GivenSet, given_sets, read_reference, read_set
from neuronym.evaluate.similarities import EmbeddingCosine, TokenF1
from neuronym.evaluate.text_match import Match, MatchRow, match
from neuronym.evaluate.text_scoring import LabelSet, synonyms
from neuronym.evaluate.text_tables import Prepared, prepare
from neuronym.functional.metrics import METRICS, token_f1
from neuronym.records import Unit

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_labels" / "describe_and_dissect"

WORDS = ("red", "a", "of", "Dog", "dog's", "green-ish", "wheel")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
F1 = TokenF1()


class _Letters:
    """A similarity of one's own: how many of their letters two texts share, 0 to 1."""

    name = "letters"
    metric = METRICS["token_f1"]

    def pairs(self, candidates: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        pairs = zip(candidates, references, strict=True)
        return np.array([len({*one} & {*other}) / max(1, len({*one} | {*other})) for one, other in pairs], np.float64)


def _embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Counts of letters as directions; a text's length is a direction of its own, so that no row is empty."""
    rows = np.array([[*(text.count(letter) for letter in "abdegr"), 1 + len(text)] for text in texts], np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


COSINE = EmbeddingCosine("encoder:letters", _embed)


def _units(texts: Sequence[str], layer: str = "l") -> dict[Unit, str]:
    return {Unit(layer, index): text for index, text in enumerate(texts)}


def _made(count: int, seed: int) -> tuple[dict[Unit, tuple[str, ...]], dict[Unit, str]]:
    """References, one to three a unit, and labels."""
    chance = random.Random(seed)
    one = lambda: " ".join(chance.choices(WORDS, k=chance.randint(1, 5)))  # noqa: E731
    units = [Unit(chance.choice("kl"), index) for index in range(count)]
    return {unit: tuple(one() for _ in range(chance.randint(1, 3))) for unit in units}, {unit: one() for unit in units}


def _row(found: Match, row: str, labels: str | None = None) -> MatchRow:
    (wanted,) = [one for group in found.groups for one in group.rows if (one.row, one.labels) == (row, labels)]
    return wanted


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6, unique=True))
def test_shared_words_are_token_f1(texts: list[str]) -> None:
    _check_prepared(prepare(F1, texts), texts, token_f1)


@pytest.mark.parametrize("similarity", [COSINE, _Letters()])
def test_prepared_texts_are_as_alike_as_pairs_say(similarity: EmbeddingCosine | _Letters) -> None:
    texts = ["dog", "a dog", "", "red of red", "green wheel", "god"]
    _check_prepared(prepare(similarity, texts), texts, lambda one, other: float(similarity.pairs([one], [other])[0]))


def _check_prepared(prepared: Prepared, texts: Sequence[str], alike: object) -> None:
    assert callable(alike)
    every = np.arange(len(texts))
    expected = [[alike(one, other) for other in texts] for one in texts]
    np.testing.assert_allclose(prepared.table(every, every), expected, atol=1e-6)
    left, right = np.repeat(every, len(texts)), np.tile(every, len(texts))
    np.testing.assert_allclose(prepared.pairs(left, right).reshape(len(texts), -1), expected, atol=1e-6)
    np.testing.assert_allclose(prepared.table(every[::-1], every[:1]), np.array(expected)[::-1, :1], atol=1e-6)


@pytest.mark.parametrize("combine", ["mean", "max"])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_plain_loops(seed: int, combine: str) -> None:
    references, labels = _made(31, seed)
    found = match(references, [LabelSet("m", labels)], F1, combine=combine, seed=seed)  # type: ignore[arg-type]
    fold = max if combine == "max" else lambda values: sum(values) / len(values)

    def value(text: str, unit: Unit) -> float:
        return fold([token_f1(text, reference) for reference in references[unit]])

    units = sorted(references)
    own = _row(found, "descriptions", "m")
    assert own.every is not None
    assert own.half is not None
    assert own.every.value == pytest.approx(np.mean([value(labels[unit], unit) for unit in units]))
    hits = [labels[unit].lower() in {one.lower() for one in references[unit]} for unit in units]
    assert own.every.exact == pytest.approx(np.mean(hits))
    assert own.every.low <= own.every.value <= own.every.high
    assert (own.every.units, own.half.units) == (31, 16)

    # The halves, as they are drawn; what the constant was chosen on is all but what it is tested on.
    order = np.random.default_rng([seed, 0]).permutation(31)
    chosen_on, half = [units[at] for at in order[:15]], [units[at] for at in order[15:]]
    assert own.half.value == pytest.approx(np.mean([value(labels[unit], unit) for unit in half]))
    tried = {text for unit in chosen_on for text in (labels[unit], *references[unit])}
    means = {text: np.mean([value(text, unit) for unit in chosen_on]) for text in sorted(tried)}
    constant = _row(found, "constant")
    assert constant.every is None
    assert constant.half is not None
    assert constant.text is not None
    assert means[constant.text] == pytest.approx(max(means.values()))
    assert found.groups[0].tried == len(tried)
    assert constant.half.value == pytest.approx(np.mean([value(constant.text, unit) for unit in half]))


def test_random_and_shuffled_labels_reach_what_chance_gives() -> None:
    """Over many draws both come to the mean over all pairs of different units, which plain loops can give exactly."""
    references, labels = _made(12, 5)
    found = match(references, [LabelSet("m", labels)], F1, draws=3000)
    units = sorted(references)

    def against(text: str, unit: Unit) -> float:
        return float(np.mean([token_f1(text, reference) for reference in references[unit]]))

    others = [(one, other) for one in units for other in units if one != other]
    shuffled = np.mean([against(labels[other], one) for one, other in others])
    drawn = np.mean([np.mean([against(text, one) for text in references[other]]) for one, other in others])
    assert _row(found, "shuffled", "m").every.value == pytest.approx(shuffled, abs=0.01)  # type: ignore[union-attr]
    assert _row(found, "random").every.value == pytest.approx(drawn, abs=0.01)  # type: ignore[union-attr]


def test_a_shuffled_or_random_label_is_never_the_units_own() -> None:
    labels = _units([f"word{index}" for index in range(9)])
    found = match({unit: (text,) for unit, text in labels.items()}, [LabelSet("m", labels)], F1)
    assert _row(found, "descriptions", "m").every.value == 1  # type: ignore[union-attr]
    for row, name in (("shuffled", "m"), ("random", None)):
        every = _row(found, row, name).every
        assert every is not None
        assert (every.value, every.low, every.high, every.exact) == (0, 0, 0, 0)


def test_a_constant_can_beat_a_method_and_is_seen_to() -> None:
    references = {Unit("l", index): ("objects", f"thing{index} and objects") for index in range(20)}
    labels = _units([f"thing{index}" if index % 2 else "wrong" for index in range(20)])
    found = match(references, [LabelSet("m", labels)], F1)
    constant = _row(found, "constant")
    assert constant.text == "objects"
    assert constant.half is not None
    assert constant.half.value == pytest.approx((1 + 0.5) / 2)
    assert constant.half.exact == 1
    own = _row(found, "descriptions", "m").half
    assert own is not None
    assert own.high < constant.half.low


def test_a_text_said_of_test_units_only_is_no_candidate_for_the_constant() -> None:
    labels = _units([f"word{index}" for index in range(10)])
    found = match({unit: (text, "x") for unit, text in labels.items()}, [LabelSet("m", labels)], F1)
    assert found.groups[0].tried == 5 + 1


@pytest.mark.parametrize(
    ("label", "references", "hit"),
    [
        ("Tench", ("tench, Tinca tinca",), True),
        ("tinca  TINCA", ("tench, Tinca tinca",), True),
        (" tench, tinca tinca", ("Tench, Tinca tinca",), True),
        ("tenches", ("tench, Tinca tinca",), False),
        ("tench, carp", ("tench",), False),
        ("b", ("a", "b"), True),
        ("", ("a,,b",), False),
    ],
)
def test_exact_matches(label: str, references: tuple[str, ...], hit: bool) -> None:
    found = match({Unit("l", 0): references}, [LabelSet("m", {Unit("l", 0): label})], F1)
    every = _row(found, "descriptions", "m").every
    assert every is not None
    assert every.exact == hit


def test_synonyms_are_the_whole_and_its_parts() -> None:
    assert synonyms("Great White  shark, shark") == {"great white shark, shark", "great white shark", "shark"}


def test_one_unit_has_figures_and_nothing_to_compare_with() -> None:
    found = match({Unit("l", 0): ("red",)}, [LabelSet("m", {Unit("l", 0): "red"})], F1)
    (row,) = found.groups[0].rows
    assert (row.row, row.half, found.groups[0].tried) == ("descriptions", None, 0)
    assert row.every is not None
    assert (row.every.units, row.every.value, row.every.low, row.every.high) == (1, 1, 1, 1)


def test_units_are_those_a_set_shares_and_those_all_share() -> None:
    references = {Unit("l", index): ("red",) for index in range(8)}
    wide = LabelSet("wide", _units(["red"] * 12))
    narrow = LabelSet("narrow", {Unit("l", index): "red" for index in (1, 3, 11)} | {Unit("k", 1): "blue"})
    each = match(references, [wide, narrow], F1)
    assert [group.units for group in each.groups] == [8, 2]
    assert (each.sizes, each.reference_units) == ({"wide": 12, "narrow": 4}, 8)
    both = match(references, [wide, narrow], F1, common=True)
    assert [group.units for group in both.groups] == [2]
    assert [(row.labels, row.row) for row in both.groups[0].rows] == [
        ("wide", "descriptions"),
        ("wide", "shuffled"),
        ("narrow", "descriptions"),
        ("narrow", "shuffled"),
        (None, "random"),
        (None, "constant"),
    ]


def test_the_same_seed_gives_the_same_figures_whatever_the_order_of_units() -> None:
    references, labels = _made(20, 1)
    other = dict(reversed(references.items())), dict(reversed(labels.items()))
    one = match(references, [LabelSet("m", labels)], F1, seed=4)
    assert one == match(other[0], [LabelSet("m", other[1])], F1, seed=4)
    assert one != match(references, [LabelSet("m", labels)], F1, seed=5)
    assert json.loads(json.dumps(asdict(one)))["groups"][0]["units"] == 20


def test_a_slow_similarity_tries_few_constants_and_says_how_many() -> None:
    labels = _units([f"red wheel number{index}" for index in range(140)])
    references = {unit: (f"{text} of",) for unit, text in labels.items()}
    found = match(references, [LabelSet("m", labels)], _Letters(), draws=2)
    assert found.groups[0].tried == 50
    quick = match(references, [LabelSet("m", labels)], COSINE, draws=2)
    assert quick.groups[0].tried == 140


def test_what_cannot_be_compared() -> None:
    labels = LabelSet("m", _units(["red"], "l"))
    known: Mapping[Unit, tuple[str, ...]] = {Unit("k", 0): ("red",)}
    with pytest.raises(
        UserError, match=r"'m' share no unit with the reference\. They label l:0; the reference has k:0"
    ):
        match(known, [labels], F1)
    with pytest.raises(UserError, match="no labels to compare"):
        match(known, [], F1)
    with pytest.raises(UnknownNameError, match="no way to combine references 'sum'"):
        match(known, [labels], F1, combine="sum")  # type: ignore[arg-type]
    two = {Unit("l", 0): ("a",), Unit("l", 1): ("b",)}
    apart = [LabelSet(name, {Unit("l", index): "a"}) for index, name in enumerate("mn")]
    assert len(match(two, apart, F1).groups) == 2
    with pytest.raises(UserError, match="no unit that all sets and the reference share"):
        match(two, apart, F1, common=True)


def _csv(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, "utf-8")
    return path


def test_a_folder_is_one_set_whose_files_tell_their_layers(tmp_path: Path) -> None:
    reference = read_reference(_csv(tmp_path / "r.csv", "layer,unit,summary\nk1,0,a\nk1,0,b\nk2,0,c\n"))
    for layer in ("k1", "k2"):
        _csv(tmp_path / "mine" / f"net_{layer}.csv", f"Neuron ID,Label 1\n0,{layer}\n")
    (only,) = given_sets([str(tmp_path / "mine")])
    labels, notes = read_set(only, reference)
    assert (labels, notes) == (LabelSet("mine", {Unit("k1", 0): "k1", Unit("k2", 0): "k2"}), [])
    assert reference.texts == {Unit("k1", 0): ("a", "b"), Unit("k2", 0): ("c",)}
    one = read_reference(tmp_path / "r.csv", layer="k2")
    assert list(one.texts) == [Unit("k2", 0)]
    assert read_set(only, one)[0] == labels
    with pytest.raises(UnknownNameError, match="There is no layer of the reference 'k3'"):
        read_reference(tmp_path / "r.csv", layer="k3")


def test_sets_are_named_and_joined(tmp_path: Path) -> None:
    paths = [_csv(tmp_path / folder / "x.csv", "unit,description\n0,a\n") for folder in ("one", "two")]
    given = [str(path) for path in paths]
    assert [one.name for one in given_sets(given)] == ["one/x", "two/x"]
    assert [one.name for one in given_sets(given[:1])] == ["x"]
    joined = given_sets([f"k={given[0]}", f"l={given[1]}"], ["m", "m"])
    assert joined == [GivenSet("m", (("k", paths[0]), ("l", paths[1])))]
    reference = read_reference(_csv(tmp_path / "r.csv", "layer,unit,name\nk,0,a\nl,0,a\n"))
    assert read_set(joined[0], reference)[0].texts == {Unit("k", 0): "a", Unit("l", 0): "a"}
    _csv(paths[1], "unit,description\n0,b\n")
    (clash,) = given_sets([f"k={path}" for path in given], ["m", "m"])
    with pytest.raises(UserError, match=r"'m' describe unit k:0 as 'a' in '.*one/x.csv' and as 'b' in '.*two/x.csv'\."):
        read_set(clash, reference)
    with pytest.raises(UserError, match="2 --labels and 1 --name"):
        given_sets(given, ["m"])
    with pytest.raises(UserError, match="holds no CSV files"):
        given_sets([str(_csv(tmp_path / "none" / "a.txt", "").parent)])
    with pytest.raises(UserError, match="names a layer for a folder"):
        given_sets([f"k={tmp_path / 'one'}"])


def test_a_reference_without_layers(tmp_path: Path) -> None:
    names = _csv(tmp_path / "names.csv", "index,name\n0,cat\n1,dog\n")
    plain = GivenSet("m", ((None, _csv(tmp_path / "m.csv", "unit,description\n0,cat\n")),))
    single = GivenSet("s", ((None, _csv(tmp_path / "s.csv", "layer,unit,description\nfc,1,cat\n")),))
    several = GivenSet("t", ((None, _csv(tmp_path / "t.csv", "layer,unit,description\nfc,1,a\nl4,1,b\n")),))
    reference = read_reference(names)
    assert read_set(plain, reference)[0].texts == {Unit("", 0): "cat"}
    assert read_set(single, reference)[0].texts == {Unit("", 1): "cat"}
    with pytest.raises(UserError, match=r"names no layer, and '.*t.csv' is of fc, l4\. Say with --layer"):
        read_set(several, reference)
    named = read_reference(names, layer="fc")
    found, notes = read_set(several, named)
    assert found.texts == {Unit("fc", 1): "a"}
    assert notes == [f"{tmp_path / 't.csv'}: 1 row was left out, of layer l4."]
    assert read_set(single, named)[0].texts == {Unit("fc", 1): "cat"}
    assert read_set(plain, named)[0].texts == {Unit("fc", 0): "cat"}


def test_units_counted_from_one_are_noticed_beside_a_reference(tmp_path: Path) -> None:
    reference = read_reference(_csv(tmp_path / "r.csv", "layer,unit,name\nk,0,a\nk,1,b\nk,2,c\n"))
    one = GivenSet("m", ((None, _csv(tmp_path / "m.csv", "layer,unit,description\nk,1,a\nk,3,c\n")),))
    with pytest.raises(UserError, match=r"has a unit 3 and no unit 0, where the reference has 0 to 2: it looks as if"):
        read_set(one, reference)
    assert set(read_set(one, reference, first_unit=0)[0].texts) == {Unit("k", 1), Unit("k", 3)}
    assert set(read_set(one, reference, first_unit=1)[0].texts) == {Unit("k", 0), Unit("k", 2)}


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published label files are not here")
def test_one_constant_label_beats_the_published_methods_on_resnet_152() -> None:
    """Against people's annotations under token F1; every figure of the units that all share, by plain loops too."""
    reference = read_reference(PUBLISHED / "MILANNOTATIONS_resnet152_imagenet.csv")
    paths = ("MILAN_results/m_places365_resnet152_imagenet.csv", "CLIP_Dissect_results/resnet152_imagenet.csv")
    given = [str(PUBLISHED / path) for path in (*paths, "DnD_results/rn152_results")]
    names = ["MILAN", "CLIP-Dissect", "DnD"]
    sets = [read_set(one, reference)[0] for one in given_sets(given, names)]
    assert [len(one.texts) for one in sets] == [3904, 200, 200]
    found = match(reference.texts, sets, F1, common=True, draws=2)
    (group,) = found.groups
    assert group.units == 200
    constant = _row(found, "constant").half
    assert constant is not None
    for one in sets:
        own = _row(found, "descriptions", one.name)
        assert own.every is not None
        assert own.half is not None
        units = [unit for unit in sets[1].texts if unit in sets[2].texts]
        loops = [np.mean([token_f1(one.texts[unit], text) for text in reference.texts[unit]]) for unit in units]
        assert own.every.value == pytest.approx(np.mean(loops))
        assert own.half.high < constant.low
