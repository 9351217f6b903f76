from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.errors import MethodError, UnknownNameError
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.records import LabelTable


def table(*groups: str) -> LabelTable:
    names = tuple(f"{group} {i}" for group in groups for i in range(2))
    return LabelTable(names, tuple(group for group in groups for _ in range(2)), np.zeros((3, len(names)), np.float32))


def test_blank_lines_and_repetitions_are_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "words of mine.txt"
    file.write_bytes("\ufeffdog\r\n\r\n  cat \r\ndog\r\npolka   dots\r\n \r\n".encode())
    concepts = read_concepts(str(file), None)
    assert concepts.texts == ("cat", "dog", "polka dots")
    assert (concepts.blank, concepts.duplicates, concepts.group) == (2, 1, None)


@given(st.lists(st.text(max_size=8), min_size=0, max_size=20), st.randoms())
def test_a_set_depends_on_the_texts_alone(texts: list[str], random: object) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    if len({" ".join(text.split()) for text in texts} - {""}) < 2:
        with pytest.raises(MethodError):
            ConceptSet.of(texts)
        return
    first, second = ConceptSet.of(texts), ConceptSet.of(shuffled)
    assert first == second
    assert first.key == second.key
    assert len(first) + first.blank + first.duplicates == len(texts)


def test_labels_are_concepts_of_one_group() -> None:
    assert read_concepts("labels", table("class")).texts == ("class 0", "class 1")
    chosen = read_concepts("labels:superclass", table("class", "superclass"))
    assert (chosen.texts, chosen.group, chosen.source) == (
        ("superclass 0", "superclass 1"),
        "superclass",
        "labels:superclass",
    )


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("cat\n\ncat\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01\x80")
    for name, message in {
        str(tmp_path / "none.txt"): (
            f"The concept file {str(tmp_path / 'none.txt')!r} cannot be read: No such file or directory. Give a text "
            "file with one concept per line, or 'labels' for the labels of the probe images."
        ),
        str(tmp_path / "one"): (
            f"The concept set {str(tmp_path / 'one')!r} has 1 concepts; a description is chosen among at least 2."
        ),
        "labels": (
            "The probe images have no labels to use as concepts. Give images in sub-folders by class, --labels with a "
            "table, or a concept file."
        ),
    }.items():
        with pytest.raises(MethodError) as refused:
            read_concepts(name, None)
        assert str(refused.value) == message
    with pytest.raises(MethodError, match="is not UTF-8 text"):
        read_concepts(str(tmp_path / "binary"), None)
    with pytest.raises(MethodError) as several:
        read_concepts("labels", table("class", "superclass"))
    assert str(several.value) == "The labels are of 2 groups; choose one: labels:class, labels:superclass."
    with pytest.raises(UnknownNameError) as unknown:
        read_concepts("labels:clas", table("class"))
    assert str(unknown.value) == "There is no group of labels 'clas'. Nearest: class."


def test_a_folder_called_labels_is_not_a_concept_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_concepts("labels", table("class")).source == "labels:class"
