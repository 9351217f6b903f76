"""Tables of labels as they are entered: what is read of them, and what is refused in one sentence."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.bench.hosts import HOSTS
from neuronym.bench.leaderboard.entry import Entry, read_entry
from neuronym.errors import UnknownNameError, UserError

HEADER = ("host", "unit", "description")


def table(folder: Path, *rows: Sequence[object], name: str = "labels.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def said(entry: Entry) -> dict[tuple[str, int], str | None]:
    return {(host.name, unit): one.description for host, units in entry.labels.items() for unit, one in units.items()}


def test_hosts_and_layers_mean_the_same(tmp_path: Path) -> None:
    taught = HOSTS["taught"].layer
    by_host = table(tmp_path, HEADER, ("vit", 3, " red  fish "), ("analytic", 141, "sea"), ("taught", 0, "circle"))
    wanted = {("analytic", 141): "sea", ("taught", 0): "circle", ("vit", 3): "red fish"}
    assert said(read_entry([by_host], "me")) == wanted
    rows = (("classifier", "3.0", "red fish"), ("units", "141", "sea"), (taught, "0", "circle"))
    by_layer = table(tmp_path, ("Layer", "UNIT", "Description"), *rows, name="other.csv")
    assert said(read_entry([by_layer], "me")) == wanted
    both = table(tmp_path, (*HEADER, "layer"), ("vit", 3, "red fish", ""), ("", 0, "circle", taught), name="both.csv")
    assert said(read_entry([both], "me")) == {("taught", 0): "circle", ("vit", 3): "red fish"}


def test_several_tables_are_one_entry(tmp_path: Path) -> None:
    one = table(tmp_path, HEADER, ("vit", 3, "fish"))
    other = table(tmp_path, HEADER, ("vit", 4, "sea"), ("resnet", 3, "sea"), name="other.csv")
    assert said(read_entry([one, other], "me")) == {("resnet", 3): "sea", ("vit", 3): "fish", ("vit", 4): "sea"}


def test_what_is_blank_says_nothing_and_a_blank_host_is_left_out(tmp_path: Path) -> None:
    rows = [("analytic", unit, "" if unit % 2 else "sea") for unit in range(142)] + [("vit", 0, " ")]
    entry = read_entry([table(tmp_path, HEADER, *rows)], "me")
    (labels,) = entry.labels.values()
    assert [one.state for one in labels.values()] == ["described", "abstained"] * 71
    assert entry.notes == (
        "analytic: 71 of 142 units have a description.",
        "vit: none of its units has a description, and it is left out.",
    )


def test_scores_and_candidates_are_read(tmp_path: Path) -> None:
    header = (*HEADER, "score", "candidates", "version")
    rows = (("vit", 0, "sea", "0.5", "sky; sea ;; red  fish", "1"), ("vit", 1, "sky", "", "", "1.0"))
    (labels,) = read_entry([table(tmp_path, header, *rows)], "me").labels.values()
    assert [one.score for one in labels.values()] == [0.5, None]
    assert [[one.text for one in labels[unit].candidates] for unit in (0, 1)] == [["sea", "sky", "red fish"], ["sky"]]
    scores = [one.score for one in labels[0].candidates]
    assert scores == sorted(scores, reverse=True)


def test_a_table_that_neuronym_writes_is_an_entry(tmp_path: Path) -> None:
    """As of ``neuronym table --format csv``: with states, and candidates with their scores."""
    header = ("layer", "unit", "state", "description", "score", "reason", "run", "candidates")
    first = ("units", 5, "described", "sea", "0.25", "", "clip-1", "sea (0.25); sky (0.125); a (b) (1e-05)")
    path = table(tmp_path, header, first, ("units", 6, "abstained", "", "", "too weak", "clip-1", ""))
    (labels,) = read_entry([path], "me").labels.values()
    assert [one.text for one in labels[5].candidates] == ["sea", "sky", "a (b)"]
    assert (labels[5].score, labels[6].state) == (0.25, "abstained")


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["analytic", "taught", "resnet", "vit"]), st.integers(0, 11)),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        min_size=1,
    )
)
def test_any_text_is_read_back(labels: dict[tuple[str, int], str]) -> None:
    texts = {place: " ".join(text.split()) for place, text in labels.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = table(Path(folder), HEADER, *((*place, text) for place, text in labels.items()))
        if not any(texts.values()):
            with pytest.raises(UserError, match="has no description in any of its rows"):
                read_entry([path], "me")
        else:
            hosts = {host for (host, _), text in texts.items() if text}
            wanted = {place: text or None for place, text in texts.items() if place[0] in hosts}
            assert said(read_entry([path], "me")) == wanted


FIVE = ", ".join(str(unit) for unit in range(200, 206))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [HEADER, ("vit", 0, "sea"), ("vit", 12, "sea")],
            "The table of labels {path} has, from line 3, labels for unit 12 of the host vit, whose layer 'classifier' "
            "has 12 units, counted from 0. Correct their numbers.",
        ),
        (
            [HEADER, *(("analytic", unit, "sea") for unit in range(200, 220))],
            f"The table of labels {{path}} has, from line 2, labels for units {FIVE} and 14 more of the host analytic, "
            "whose layer 'units' has 142 units, counted from 0. Correct their numbers.",
        ),
        (
            [HEADER, ("vit", "9" * 5000, "sea")],
            "The table of labels {path} has, from line 2, labels for unit 999999999… of the host vit, whose layer "
            "'classifier' has 12 units, counted from 0. Correct their numbers.",
        ),
        (
            [HEADER, ("vit", "-1", "sea")],
            "The table of labels {path} has '-1' for a unit at line 2. Units are whole numbers from 0.",
        ),
        (
            [HEADER, ("vit", "", "sea")],
            "The table of labels {path} has '' for a unit at line 2. Units are whole numbers from 0.",
        ),
        (
            [HEADER, ("vit", "1.5", "sea")],
            "The table of labels {path} has '1.5' for a unit at line 2. Units are whole numbers from 0.",
        ),
        (
            [HEADER, ("vit", "٣", "sea")],
            "The table of labels {path} has '٣' for a unit at line 2. Units are whole numbers from 0.",
        ),
        (
            [HEADER, ("vit", 1, "sea"), ("vit", "1.0", "sea")],
            "Unit 1 of the host vit stands at line 2 of {path} and at line 3 of {path}. Keep one row of it.",
        ),
        (
            [HEADER, ("", 1, "sea")],
            "There is no host and no layer at line 2 of {path}. Fill one in.",
        ),
        (
            [(*HEADER, "layer"), ("vit", 1, "sea", "units")],
            "The host vit has the layer 'classifier', and 'units' is named at line 2 of {path}. Correct one of them.",
        ),
        (
            [("unit", "text"), (1, "sea")],
            "The table of labels {path} has the columns unit, text, and lacks description and host or layer. Rename or "
            "add columns.",
        ),
        (
            [("host", "", "description"), ("vit", 1, "sea")],
            "The table of labels {path} has the columns host, '', description, and lacks unit. Rename or add columns.",
        ),
        (
            [(*HEADER, "Unit"), ("vit", 1, "sea", 1)],
            "The table of labels {path} has 2 columns 'unit'. Keep one.",
        ),
        (
            [HEADER, ("vit", 1, ""), ("vit", 2, "")],
            "The table of labels {path} has no description in any of its rows. Fill some in.",
        ),
        (
            [HEADER],
            "The table of labels {path} has no rows. It needs a header line and at least one row.",
        ),
        (
            [(*HEADER, "version"), ("vit", 1, "sea", 1), ("vit", 2, "sea", 7)],
            "The table of labels {path} is, at line 3, for version '7' of the benchmark, and the installed Neuronym "
            "has version '1'. Install the release that has version '7', or label what `neuronym bench export` "
            "writes now.",
        ),
        *(
            (
                [(*HEADER, "score"), ("vit", 1, "sea", score)],
                f"The score {score!r} at line 2 of {{path}} is no finite number. Correct it, or leave it blank.",
            )
            for score in ("high", "nan", "inf", "1,5")
        ),
    ],
)
def test_a_table_that_cannot_be_used(rows: Sequence[Sequence[object]], sentence: str, tmp_path: Path) -> None:
    path = table(tmp_path, *rows)
    with pytest.raises(UserError) as refused:
        read_entry([path], "me")
    assert str(refused.value) == sentence.format(path=repr(str(path)))


@pytest.mark.parametrize(
    ("header", "row", "sentence"),
    [
        (
            HEADER,
            ("correlated", 1, "sea"),
            "There is no leaderboard host 'correlated'. Known: analytic, resnet, taught, vit. It is named at line "
            "2 of {path}.",
        ),
        (
            HEADER,
            ("analytics", 1, "sea"),
            "There is no leaderboard host 'analytics'. Nearest: analytic. It is named at line 2 of {path}.",
        ),
        (
            ("layer", "unit", "description"),
            ("unit", 1, "sea"),
            "There is no leaderboard layer 'unit'. Nearest: units. It is named at line 2 of {path}.",
        ),
    ],
)
def test_an_unknown_place(header: Sequence[str], row: Sequence[object], sentence: str, tmp_path: Path) -> None:
    path = table(tmp_path, header, row)
    with pytest.raises(UnknownNameError) as refused:
        read_entry([path], "me")
    assert str(refused.value) == sentence.format(path=repr(str(path)))


def test_a_unit_in_two_tables(tmp_path: Path) -> None:
    one, other = (table(tmp_path, HEADER, ("vit", 3, "fish"), name=name) for name in ("a.csv", "b.csv"))
    with pytest.raises(UserError) as refused:
        read_entry([one, other], "me")
    assert str(refused.value) == (
        f"Unit 3 of the host vit stands at line 2 of {str(one)!r} and at line 2 of {str(other)!r}. Keep one row of it."
    )


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes("host,unit,description\nvit,1,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"is not UTF-8 text \(byte 31: .*\)\. Save it as UTF-8\."):
        read_entry([path], "me")
    with pytest.raises(
        UserError, match=r"The table of labels .*none\.csv' cannot be read: No such file or directory\."
    ):
        read_entry([tmp_path / "none.csv"], "me")
