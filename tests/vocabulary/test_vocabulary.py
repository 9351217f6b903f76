"""What a vocabulary knows, and its checking, joining and fitting to a model."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.errors import MethodError, NeuronymWarning
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.records import ClassPhrases, Exchange, Vocabulary
from neuronym.records.vocabulary import class_key, spoken_name
from neuronym.store.vocabulary_files import read_shipped, shipped, write_vocabulary
from neuronym.vocabulary.check import Figures, figures_of, is_bare, shared_phrases, violations
from neuronym.vocabulary.fitting import check_vocabulary
from neuronym.vocabulary.merge import merge

SMALL = Vocabulary(
    "small",
    (
        ClassPhrases("red fox, Vulpes vulpes", ("red fur", "a bushy tail", "two Red  Foxes in snow")),
        ClassPhrases("owl", ("round eyes", "Red  fur", "hooked beak")),
        ClassPhrases("crane", ("long legs", "red crown")),
        ClassPhrases("crane", ("steel lattice", "crane hook")),
    ),
    card={"by": "us"},
)

WORDS = st.sampled_from(["Red", "red", "fox", "foxes", "owl", "owls", "tail", "wolf", "wolves", "baby", "babies", "a"])
PHRASES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
CLASSES = st.builds(
    lambda name, phrases: ClassPhrases(name, tuple(phrases)), PHRASES, st.lists(PHRASES, min_size=1, max_size=5)
)
VOCABULARIES = st.lists(CLASSES, min_size=1, max_size=6).map(lambda classes: Vocabulary("v", tuple(classes)))


def tell(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()


def by_hand_leaks(name: str, phrase: str) -> bool:
    """By every way to write the name's last word in the plural or the singular, as a text among spaces."""
    words = tell(name)
    ends = {
        words[-1],
        words[-1] + "s",
        words[-1] + "es",
        re.sub("y$", "ies", words[-1]),
        re.sub("fe?$", "ves", words[-1]),
    }
    ends |= {
        re.sub(*rule, words[-1]) for rule in (("s$", ""), ("es$", ""), ("ies$", "y"), ("ves$", "f"), ("ves$", "fe"))
    }
    return any(f" {' '.join([*words[:-1], end])} " in f" {' '.join(tell(phrase))} " for end in ends if end)


def test_phrases_and_whom_they_serve() -> None:
    assert SMALL.phrases == (
        *("red fur", "a bushy tail", "two Red Foxes in snow", "round eyes", "hooked beak"),
        *("long legs", "red crown", "steel lattice", "crane hook"),
    )
    assert SMALL.serving("RED fur ") == ("red fox, Vulpes vulpes", "owl")
    assert SMALL.serving("hook") == ()
    assert SMALL.leaks("two red foxes in snow") == ("red fox, Vulpes vulpes",)
    assert SMALL.leaks("red fur") == ()
    assert SMALL.leaks("crane hook") == ("crane",)
    assert ClassPhrases("bat", ()).leaks("Bats' wings")
    assert not ClassPhrases("bat", ()).leaks("bathtub")


@given(PHRASES, PHRASES)
def test_a_leak_is_the_name_as_whole_words(name: str, phrase: str) -> None:
    assert ClassPhrases(name, ()).leaks(phrase) == by_hand_leaks(name, phrase)


@given(VOCABULARIES)
def test_a_vocabulary_by_plain_loops(vocabulary: Vocabulary) -> None:
    seen: list[str] = []
    owners: dict[str, list[str]] = {}
    for one in vocabulary.classes:
        for phrase in one.phrases:
            if phrase.lower() not in [other.lower() for other in seen]:
                seen.append(phrase)
            if one.name not in owners.setdefault(phrase.lower(), []):
                owners[phrase.lower()].append(one.name)
    assert vocabulary.phrases == tuple(seen)
    for phrase in seen:
        assert vocabulary.serving(phrase) == tuple(owners[phrase.lower()])
        own = [name for name in owners[phrase.lower()] if by_hand_leaks(name, phrase)]
        assert vocabulary.leaks(phrase) == tuple(own)
    assert figures_of(vocabulary) == Figures(
        len(vocabulary.classes),
        sum(len(one.phrases) for one in vocabulary.classes),
        len(seen),
        pytest.approx(sum(len(phrase.split()) for phrase in seen) / len(seen)),
        0,
        sum(by_hand_leaks(one.name, phrase) for one in vocabulary.classes for phrase in one.phrases),
    )
    assert merge("v", [vocabulary, vocabulary]).phrases == vocabulary.phrases


def test_the_key_tells_the_phrases_of_the_classes() -> None:
    assert SMALL.key == Vocabulary("other", SMALL.classes, "Tell {class}").key
    assert SMALL.key != Vocabulary("small", SMALL.classes[::-1]).key


@pytest.mark.parametrize(
    ("name", "key", "spoken"),
    [
        ("Great_White", "great white", "Great White"),
        ("tench, Tinca tinca", "tench", "tench, Tinca tinca"),
        ("/a/airfield", "airfield", "airfield"),
        ("hunting lodge (outdoor)", "hunting lodge outdoor", "hunting lodge (outdoor)"),
    ],
)
def test_ways_to_write_a_class(name: str, key: str, spoken: str) -> None:
    assert (class_key(name), spoken_name(name)) == (key, spoken)


def test_the_check_names_every_fault() -> None:
    found = Vocabulary(
        "v",
        (
            ClassPhrases("fox", ("a fox", "Foxes", "The Fox", "fox tail", "!", "red fur", "Red fur", "tail\u200b tip")),
            ClassPhrases("owl", ("one two three four five six seven eight",)),
        ),
    )
    assert violations(found) == [
        "fox: 'a fox' is the bare name of its class.",
        "fox: 'Foxes' is the bare name of its class.",
        "fox: 'The Fox' is the bare name of its class.",
        "fox: '!' says nothing.",
        "fox: has 'Red fur' twice.",
        "fox: 'tail\\u200b tip' holds characters that cannot be printed.",
        "owl: has 1 phrases; 5 to 8 are wanted.",
        "owl: 'one two three four five six seven eight' has 8 words; 7 at most are wanted.",
    ]
    assert is_bare("tench, Tinca tinca", "a Tinca tinca")
    assert not is_bare("tench, Tinca tinca", "tench fins")


def test_phrases_of_too_many_classes_are_a_fault() -> None:
    classes = tuple(ClassPhrases(f"c{at}", (*(f"p{at} {n}" for n in range(4)), "wings")) for at in range(21))
    assert shared_phrases(Vocabulary("v", classes)) == ["wings"]
    assert violations(Vocabulary("v", classes)) == []  # 1 of 85
    few = tuple(ClassPhrases(one.name, one.phrases[3:]) for one in classes)
    assert violations(Vocabulary("v", few), 2, 2) == [
        "1 of 22 phrases serve more than 20 classes, 2% or more: 'wings'.",
    ]
    assert shared_phrases(Vocabulary("v", few[1:])) == []


def test_merging_joins_what_has_one_name() -> None:
    asked = Exchange("owl", "Tell owl", "- claws", "m", "k", 0, 0.0, 1, "parsed")
    other = Vocabulary(
        "other",
        (ClassPhrases("crane", ("Long Legs", "grey plumage")), ClassPhrases("owl", ("claws",))),
        "Tell {class}",
        {"by": "them", "seed": "3"},
        (asked,),
    )
    made = merge("both", [SMALL, other, other])
    assert made.name == "both"
    assert [one.name for one in made.classes] == [one.name for one in SMALL.classes]
    assert made.classes[1].phrases == ("round eyes", "Red  fur", "hooked beak", "claws")
    assert made.classes[2].phrases == ("long legs", "red crown", "grey plumage")
    assert made.classes[3] == SMALL.classes[3]
    assert made.prompt == f"{SMALL.prompt}\nTell {{class}}"
    assert made.card == {"by": "small: us; other: them", "seed": "other: 3"}
    assert made.exchanges == (asked,)
    assert merge("again", [SMALL]).card == SMALL.card
    namesake = Vocabulary("small", SMALL.classes, card={"by": "them"})
    assert merge("namesakes", [SMALL, namesake]).card == {"by": "small: us; small: them"}


def test_a_vocabulary_for_other_classes_is_refused() -> None:
    with pytest.raises(MethodError) as refused:
        check_vocabulary(SMALL, ("zzyx", "zzyy"))
    assert str(refused.value) == (
        "The vocabulary 'small' is for other classes than the model's: it has 'red fox, Vulpes vulpes', the model "
        "'zzyx'. Make one with `neuronym vocab build --classes MODEL`, or write its phrases into a text file, one per "
        "line, to choose among them all the same."
    )
    with pytest.warns(NeuronymWarning) as warned:
        check_vocabulary(SMALL, ("Owl", "zzyx", "zzyy"))
    assert str(warned[0].message) == (
        "Only 1 of the 3 classes of the vocabulary 'small' are classes of the model, so most phrases are about other "
        "things. Make one with `neuronym vocab build --classes MODEL`, or write its phrases into a text file, one per "
        "line, to choose among them all the same."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for names in (None, (), ("LABEL_0", "LABEL_1"), ("0", "1"), ("RED_FOX", "owl, Strigidae", "x"), ("Crane",)):
            check_vocabulary(SMALL, names)


def test_the_remedy_names_the_shipped_vocabulary_that_fits() -> None:
    names = [one.name for one in read_shipped("cifar10").classes]
    with pytest.raises(MethodError, match=r"Use --concepts vocab:cifar10, or write its phrases"):
        check_vocabulary(SMALL, names)


def test_a_vocabulary_is_a_concept_set(tmp_path: Path) -> None:
    place = tmp_path / "small.json"
    write_vocabulary(place, SMALL)
    concepts = read_concepts(str(place), None)
    assert concepts.texts == tuple(sorted(SMALL.phrases))
    assert (concepts.source, concepts.group, concepts.blank, concepts.duplicates) == (str(place), None, 0, 0)
    assert concepts.vocabulary == SMALL
    assert concepts.classes_of("red fur") == ("red fox, Vulpes vulpes", "owl")
    assert concepts.leaks("crane hook") == ("crane",)
    plain = ConceptSet.of(SMALL.phrases)
    assert (plain.classes_of("red fur"), plain.leaks("crane hook")) == ((), ())
    assert concepts.key != plain.key
    assert concepts.key == read_concepts(place, None).key


def test_the_classes_of_imagenet_are_those_of_published_weights() -> None:
    from torchvision.models import ResNet18_Weights

    assert [one.name for one in read_shipped("imagenet").classes] == list(ResNet18_Weights.DEFAULT.meta["categories"])


def test_these_are_shipped() -> None:
    assert shipped() == ("cifar10", "cifar100", "eurosat", "imagenet", "places365", "world")


@pytest.mark.parametrize("name", shipped())
def test_shipped_vocabularies_are_well(name: str) -> None:
    found = read_shipped(name)
    assert found.name == name
    assert violations(found) == []
    assert all(text.isascii() for one in found.classes for text in (one.name, *one.phrases))
    assert {"by", "written", "model", "reviewed", "errors found", "licence"} <= set(found.card)
    assert read_concepts(f"vocab:{name}", None).source == f"vocab:{name}"
