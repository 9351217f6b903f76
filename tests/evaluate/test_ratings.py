"""Reading ratings and their figures: by hand, by loops, and what is refused."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import StudyError, UserError
from neuronym.evaluate.rating_files import Response, read_ratings
from neuronym.evaluate.ratings import agreement, rating_report, ratings_table
from neuronym.functional.agreement import krippendorff_alpha
from neuronym.store.atomic import write_table
from neuronym.store.rating_key import KEY, KeyItem, KeyOption, RatingKey, is_rating, read_key, write_key

A, B = "alpha-1", "beta-2"


def item(number: int, *options: tuple[str, tuple[str, ...]]) -> KeyItem:
    made = tuple(KeyOption(f"d{number}{at}", text, runs) for at, (text, runs) in enumerate(options))
    return KeyItem(f"u{number}", "conv", number, ("i1", "i2"), made, len(made) > 1)


ITEMS = (
    item(0, ("cats", (A,)), ("dogs", (B,))),
    item(1, ("dogs", (B,)), ("cats", (A,))),
    item(2, ("both", (A, B)), ("other", ("gone-3",))),
    item(3, ("alone", (A,))),
)
PAGE = RatingKey("p0", "study", 0, "mean", {A: "alpha", B: "beta"}, ITEMS)


def written(path: Path, *rows: str, header: str = "rater,item,option,rating,best") -> Path:
    path.write_text("".join(f"{row}\n" for row in (header, *rows)), encoding="utf-8")
    return path


def response(rater: str, number: int, ratings: tuple[int, ...], best: int | None) -> Response:
    options = [one.option for one in ITEMS[number].options]
    given_ = dict(zip(options, ratings, strict=False))
    return Response(rater, ITEMS[number], given_, None if best is None else options[best])


def test_a_response_is_invalid_if_another_description_was_rated_higher_than_the_best() -> None:
    assert response("a", 0, (2, 4), 0).is_invalid
    assert not response("a", 0, (2, 4), 1).is_invalid
    assert not response("a", 0, (4, 4), 0).is_invalid  # one of the highest
    assert not response("a", 3, (1,), None).is_invalid
    assert response("a", 3, (1,), None).is_complete
    for open_ in (response("a", 0, (2,), 0), response("a", 0, (2, 4), None), response("a", 3, (), None)):
        assert not open_.is_complete
        assert not open_.is_invalid


def test_figures_by_hand() -> None:
    given_ = [
        response("anna", 0, (5, 2), 0),
        response("anna", 1, (3, 4), 0),  # invalid
        response("anna", 2, (4, 1), 0),
        response("anna", 3, (2,), None),
        response("bert", 0, (4, 4), 1),
        response("bert", 1, (1, 5), None),  # incomplete
        response("bert", 2, (1, 5), 1),
    ]
    found = rating_report(given_, PAGE)
    assert (found.units, found.invalid, found.incomplete, found.unchecked) == (4, 1, 1, 1)
    assert [(one.rater, one.complete, one.invalid, one.incomplete) for one in found.raters] == [
        *(("anna", 4, 1, 0), ("bert", 2, 0, 1)),
    ]
    assert (found.valid.responses, found.kept.responses) == (5, 6)
    alpha, beta = found.valid.methods
    assert alpha.rating is not None
    assert (alpha.title, alpha.rating.value) == ("alpha", (5 + 4 + 2 + 4 + 1) / 5)
    assert (alpha.rating.responses, alpha.rating.units) == (5, 3)
    assert beta.rating is not None
    assert beta.rating.value == (2 + 4 + 4 + 1) / 4
    assert alpha.chosen is not None
    assert (alpha.chosen.value, alpha.chosen.responses) == ((1 + 1 + 0 + 0) / 4, 4)
    assert beta.chosen is not None
    assert beta.chosen.value == (0 + 1 + 1 + 0) / 4
    kept = found.kept.methods
    assert kept[0].rating is not None
    assert kept[0].rating.value == (5 + 4 + 4 + 2 + 4 + 1) / 6
    assert kept[1].chosen is not None
    assert kept[1].chosen.value == (0 + 1 + 1 + 1 + 0) / 5
    for one in (alpha.rating, beta.rating, alpha.chosen):
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high


def test_a_run_without_ratings_and_a_single_unit_have_no_figures_that_they_cannot_have() -> None:
    found = rating_report([response("anna", 3, (2,), None)], PAGE)
    alpha, beta = found.valid.methods
    assert alpha.rating is not None
    assert (alpha.rating.value, alpha.rating.low, alpha.chosen) == (2, None, None)
    assert (beta.rating, beta.chosen) == (None, None)
    nothing = rating_report([], PAGE)
    assert nothing.valid.agreement == nothing.kept.agreement
    assert nothing.valid.agreement.ordinal is None
    json.dumps(nothing.to_json(), allow_nan=False)


answers = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(1, 5), st.integers(1, 5), st.integers(0, 1)),
    max_size=12,
    unique_by=lambda one: one[:2],
)


@settings(deadline=None, max_examples=60)
@given(answers)
def test_figures_are_those_of_loops_over_the_table(given_: list[tuple[str, int, int, int, int]]) -> None:
    responses = [response(who, unit, (one, other), best) for who, unit, one, other, best in given_]
    found = rating_report(responses, PAGE)
    table = ratings_table(responses, PAGE).to_pylist()
    for figures, states in ((found.valid, {"valid"}), (found.kept, {"valid", "invalid"})):
        for method in figures.methods:
            own = [row for row in table if method.run in row["runs"] and row["state"] in states]
            if not own:
                assert method.rating is None
                continue
            assert method.rating is not None
            assert method.chosen is not None
            assert method.rating.value == pytest.approx(statistics.mean(row["rating"] for row in own))
            assert method.chosen.value == pytest.approx(statistics.mean(row["best"] for row in own))


def test_agreement_is_that_of_the_shared_descriptions() -> None:
    given_ = [
        *(response("anna", 0, (5, 2), 0), response("anna", 1, (1, 4), 1)),
        *(response("bert", 0, (4, 2), 0), response("bert", 1, (2, 5), 1)),
        response("cleo", 0, (5, 1), 0),
    ]
    found = agreement(given_)
    gone = float("nan")
    table = np.array([[5, 2, 1, 4], [4, 2, 2, 5], [5, 1, gone, gone]])
    assert found.ordinal == pytest.approx(krippendorff_alpha(table, "ordinal"))
    assert found.interval == pytest.approx(krippendorff_alpha(table, "interval"))
    assert (found.pairs, found.shared) == (3, 4)
    # anna and bert: ranks 4 2 1 3 and 3 1.5 1.5 4; the other pairs order their two descriptions alike.
    pair = statistics.correlation([4, 2, 1, 3], [3, 1.5, 1.5, 4])
    assert found.rank_correlation == pytest.approx((pair + 1 + 1) / 3)
    # Kappa of n ratings x and y is 1 - n sum (x - y)^2 / sum over all pairs of an x with a y (x - y)^2.
    kappas = [kappa([5, 2, 1, 4], [4, 2, 2, 5]), kappa([5, 2], [5, 1]), kappa([4, 2], [5, 1])]
    assert found.kappa == pytest.approx(statistics.mean(kappas))


def kappa(first: list[int], second: list[int]) -> float:
    observed = len(first) * sum((x - y) ** 2 for x, y in zip(first, second, strict=True))
    return 1 - observed / sum((x - y) ** 2 for x in first for y in second)


def test_one_rater_agrees_with_nobody() -> None:
    found = agreement([response("anna", 0, (5, 2), 0)])
    assert (found.ordinal, found.interval, found.rank_correlation, found.kappa) == (None,) * 4
    assert (found.pairs, found.shared) == (0, 0)


def test_files_of_one_rater_are_taken_together(tmp_path: Path) -> None:
    early = written(tmp_path / "early.csv", "anna,u0,d00,5,", "anna,u0,d01,,")
    late = written(tmp_path / "late.csv", "anna,u0,d00,5,1", "anna,u0,d01,2,0", "anna,u1,d10,,", "anna,u1,d11,,")
    for files in ([early, late], [late, early], [late, late]):
        (found,) = read_ratings(files, PAGE)
        assert found == response("anna", 0, (5, 2), 0)


def test_spreadsheets_may_have_changed_the_form(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        "best;Rating;option;item;Rater;note\r\n1.0;5.0; d00 ;u0;Zoë;x\r\n0.0;2.0;d01;u0;Zoë;\r\n", "utf-8-sig"
    )
    assert read_ratings([path], PAGE) == [response("Zoë", 0, (5, 2), 0)]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            ["anna,u0,d00,6,"],
            "The ratings file '{path}', line 2, has the rating '6'. Ratings are 1, 2, 3, 4 or 5, or empty where none "
            "was given.",
        ),
        (
            ["anna,u0,d00,4.5,"],
            "The ratings file '{path}', line 2, has the rating '4.5'. Ratings are 1, 2, 3, 4 or 5, or empty where none "
            "was given.",
        ),
        (
            ["anna,u0,d00,4,", "anna,u0,d01,4,yes"],
            "The ratings file '{path}', line 3, has 'yes' in the column 'best'. It is 1 or 0, or empty where none was "
            "chosen.",
        ),
        (
            ["anna,u9,d00,4,"],
            "The ratings file '{path}', line 2, is about 'u9', 'd00', which is not on this page. It was rated on "
            "another page, or on one that was replaced since: name the folder of that page with --out.",
        ),
        (
            ["anna,u0,d10,4,"],
            "The ratings file '{path}', line 2, is about 'u0', 'd10', which is not on this page. It was rated on "
            "another page, or on one that was replaced since: name the folder of that page with --out.",
        ),
        (
            [",u0,d00,4,"],
            "The ratings file '{path}', line 2, names no rater. Fill the column 'rater' in.",
        ),
        (
            ["anna,u3,d30,4,1"],
            "The ratings file '{path}', line 2, chooses a best description where that was not asked. Leave the column "
            "empty.",
        ),
        (
            ["anna,u0,d00,4,1", "anna,u0,d01,4,1"],
            "The ratings file '{path}', line 3, chooses a second description as the best of one unit for 'anna'. Keep "
            "one of the two files, or give the raters different names.",
        ),
        (
            [],
            "The ratings file '{path}' has no rows. It needs a header line and at least one row.",
        ),
    ],
)
def test_what_is_no_rating_of_this_page_is_refused(tmp_path: Path, rows: list[str], sentence: str) -> None:
    path = written(tmp_path / "r.csv", *rows)
    with pytest.raises(UserError) as caught:
        read_ratings([path], PAGE)
    assert str(caught.value) == sentence.format(path=path)


def test_two_files_of_one_rater_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "one.csv", "anna,u0,d00,5,")
    other = written(tmp_path / "other.csv", "bert,u0,d00,4,", "anna,u0,d00,4,")
    with pytest.raises(UserError) as caught:
        read_ratings([one, other], PAGE)
    assert str(caught.value) == (
        f"The ratings file '{other}', line 3, gives 4 to a description that 'anna' gave 5 before. Keep one of the two "
        "files, or give the raters different names."
    )


def test_missing_columns_and_other_encodings_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", "anna,u0,d00", header="rater,item,choice")
    with pytest.raises(UserError) as caught:
        read_ratings([path], PAGE)
    assert str(caught.value) == (
        f"The ratings file '{path}' has no column 'option', but rater, item, choice. It needs the columns rater, item, "
        "option, rating, best, as the rating page writes them."
    )
    path.write_bytes("rater,item,option,rating,best\nZoë,u0,d00,4,1\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"The ratings file '.*r\.csv' is not UTF-8 text \(byte 32: .*\)\. Save it as"):
        read_ratings([path], PAGE)
    with pytest.raises(UserError, match=r"The ratings file '.*none\.csv' cannot be read: No such file or directory\."):
        read_ratings([tmp_path / "none.csv"], PAGE)


def test_the_table_has_a_row_for_every_description_of_a_response() -> None:
    found = ratings_table([response("anna", 0, (2, 4), 0), response("bert", 2, (1,), None)], PAGE)
    rows = found.to_pylist()
    assert [
        (row["rater"], row["unit"], row["description"], row["rating"], row["best"], row["state"]) for row in rows
    ] == [
        ("anna", 0, "cats", 2, True, "invalid"),
        ("anna", 0, "dogs", 4, False, "invalid"),
        ("bert", 2, "both", 1, None, "incomplete"),
        ("bert", 2, "other", None, None, "incomplete"),
    ]
    assert [row["runs"] for row in rows] == [[A], [B], [A, B], []]


def test_a_key_comes_back_as_it_was(tmp_path: Path) -> None:
    write_key(tmp_path, PAGE)
    assert read_key(tmp_path) == PAGE
    assert is_rating(tmp_path)


def test_a_key_that_is_not_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"There is no key of a rating at '.*key\.json'\. Ratings are read with the"):
        read_key(tmp_path)
    write_key(tmp_path, PAGE)
    path = tmp_path / KEY
    whole = json.loads(path.read_text("utf-8"))
    damaged = r"The key '.*key\.json' is cut off or damaged\. Restore it from a copy\."
    for content, sentence in (
        (path.read_text("utf-8")[:-20], damaged),
        (json.dumps({**whole, "items": [{"item": "u0"}]}), damaged),
        (json.dumps({name: value for name, value in whole.items() if name != "runs"}), damaged),
        (json.dumps({**whole, "schema": 2}), r"has schema 2, and this version reads 1\. Update Neuronym\."),
        (json.dumps([1]), r"'.*key\.json' is not the key of a rating\. Name the rating's folder with --out\."),
    ):
        path.write_text(content, "utf-8")
        with pytest.raises(StudyError, match=sentence):
            read_key(tmp_path)


def test_other_readers_of_parquet_find_what_was_written(tmp_path: Path) -> None:
    write_table(tmp_path / "ratings.parquet", ratings_table([response("anna", 0, (5, 2), 0)], PAGE))
    found = pq.read_table(tmp_path / "ratings.parquet").to_pylist()
    assert [row["rating"] for row in found] == [5, 2]
