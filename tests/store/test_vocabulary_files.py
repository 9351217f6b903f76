from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuronym.errors import UnknownNameError, UserError
from neuronym.records import ClassPhrases, Exchange, Vocabulary
from neuronym.store import vocabulary_files
from neuronym.store.vocabulary_files import find_vocabulary, read_shipped, read_vocabulary, shipped, write_vocabulary

TEXT = st.text(max_size=12)
PHRASE = TEXT.filter(lambda text: bool(text.strip()))
EXCHANGES = st.builds(
    Exchange,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    st.integers(0, 9),
    st.floats(0, 2),
    st.integers(1, 3),
    st.just("parsed"),
    TEXT,
)
CLASSES = st.builds(lambda name, phrases: ClassPhrases(name, tuple(phrases)), TEXT, st.lists(PHRASE, max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(CLASSES, max_size=3), st.dictionaries(TEXT, TEXT, max_size=3), st.lists(EXCHANGES, max_size=2), TEXT)
def test_what_is_written_is_read(
    tmp_path: Path, classes: list[ClassPhrases], card: dict[str, str], exchanges: list[Exchange], text: str
) -> None:
    whole = (ClassPhrases("one", ("phrase",)), *classes)
    made = Vocabulary(text, whole, text, card, tuple(exchanges))
    place = tmp_path / "made.json"
    write_vocabulary(place, made)
    assert read_vocabulary(place) == made
    first = place.read_bytes()
    write_vocabulary(place, read_vocabulary(place))
    assert place.read_bytes() == first


def test_a_class_is_a_line(tmp_path: Path) -> None:
    place = tmp_path / "small.json"
    write_vocabulary(
        place, Vocabulary("small", (ClassPhrases("fox", ("red fur", "ä")), ClassPhrases("owl", ())), "P", {"by": "us"})
    )
    assert place.read_text(encoding="utf-8") == (
        '{\n "format": "neuronym-vocabulary",\n "schema": 1,\n "name": "small",\n "prompt": "P",\n'
        ' "card": {\n  "by": "us"\n },\n'
        ' "classes": [\n  {"class": "fox", "phrases": ["red fur", "ä"]},\n  {"class": "owl", "phrases": []}\n ],\n'
        ' "exchanges": []\n}\n'
    )


def test_what_is_no_vocabulary_is_refused(tmp_path: Path) -> None:
    whole = {
        "format": "neuronym-vocabulary",
        "schema": 1,
        "name": "v",
        "prompt": "P",
        "card": {},
        "classes": [{"class": "fox", "phrases": ["red fur"]}],
        "exchanges": [],
    }
    place = tmp_path / "v.json"
    damaged = "The vocabulary {} is damaged: its parts are not those of one. Build it again, or restore it from a copy."
    for content, message in (
        (
            '{"format": "neuronym-voc',
            "The vocabulary {} is cut off or damaged: it is no JSON. Build it again, or restore it from a copy.",
        ),
        (
            ["red fur"],
            "{} is JSON, but no vocabulary. Give a file that `neuronym vocab build` wrote, or a text file with one "
            "concept per line.",
        ),
        (whole | {"schema": 2}, "The vocabulary {} has schema 2, and this version reads 1. Update Neuronym."),
        (
            whole | {"classes": [{"class": "fox", "phrases": []}]},
            "The vocabulary {} is empty: none of its 1 classes has a phrase. Build it again, or give another.",
        ),
        (whole | {"classes": [{"class": "fox"}]}, damaged),
        (whole | {"classes": [{"class": "fox", "phrases": "red fur"}]}, damaged),
        (whole | {"classes": [{"class": "fox", "phrases": [" "]}]}, damaged),
        (whole | {"classes": [{"class": 3, "phrases": ["a"]}]}, damaged),
        (whole | {"card": {"by": 3}}, damaged),
        (whole | {"exchanges": [{"name": "fox"}]}, damaged),
        ({key: value for key, value in whole.items() if key != "prompt"}, damaged),
    ):
        place.write_text(content if isinstance(content, str) else json.dumps(content))
        with pytest.raises(UserError) as refused:
            read_vocabulary(place)
        assert str(refused.value) == message.format(repr(str(place)))
    with pytest.raises(UserError) as folder:
        read_vocabulary(tmp_path)
    assert str(folder.value) == f"The vocabulary {str(tmp_path)!r} cannot be read: Is a directory. Check the path."


def test_names_of_vocabularies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "ours"
    monkeypatch.setattr(vocabulary_files, "SHIPPED", ours)
    assert shipped() == ()
    for name in ("animals", "birds"):
        write_vocabulary(ours / f"{name}.json", Vocabulary(name, (ClassPhrases("fox", (f"{name}!",)),)))
    assert shipped() == ("animals", "birds")
    assert find_vocabulary("vocab:birds") == find_vocabulary("birds") == read_shipped("birds")
    assert find_vocabulary(str(ours / "birds.json")).name == "birds"
    with pytest.raises(UnknownNameError) as unknown:
        find_vocabulary("vocab:animal")
    assert str(unknown.value) == (
        "There is no shipped vocabulary 'animal'. Nearest: animals. `neuronym vocab show` lists them."
    )
    with pytest.raises(UserError) as lacking:
        find_vocabulary("bird")
    assert str(lacking.value) == "There is no vocabulary at 'bird'. Check the path. Nearest shipped: vocab:birds."
    with pytest.raises(UserError) as nowhere:
        find_vocabulary("zzz.json")
    assert str(nowhere.value) == "There is no vocabulary at 'zzz.json'. Check the path."
