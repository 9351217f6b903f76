from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from neuronym.errors import StudyError
from neuronym.records import (
    Box,
    Candidate,
    Evidence,
    Explanation,
    ImageRecord,
    LabelTable,
    Region,
    Score,
    SkippedImage,
    Unit,
)
from neuronym.store import _parquet, tables
from neuronym.store.arrays import Arrays
from neuronym.store.atomic import write_table

text = st.text(max_size=12)
number = st.floats(allow_nan=False)
count = st.integers(0, 2**40)
split = st.sampled_from(["explain", "test"])
images = st.builds(ImageRecord, text, text, text, count, count, st.none() | text, split)
skipped = st.builds(SkippedImage, text, text, text)
maybe = st.none() | number
scores = st.builds(Score, text, text, text, split, maybe, maybe, maybe, st.none() | text)
regions = st.builds(Region, text, st.builds(Box, number, number, number, number), text)
evidence = st.builds(Evidence, text, st.none() | text, st.none() | regions, st.none() | text)
common = {
    "unit": st.builds(Unit, text, count),
    "method": text,
    "run": text,
    "score": st.none() | number,
    "candidates": st.lists(st.builds(Candidate, text, number), max_size=3).map(tuple),
    "evidence": st.lists(evidence, max_size=3).map(tuple),
}
explanations = st.builds(Explanation, state=st.just("described"), description=text, **common) | st.builds(
    Explanation, state=st.sampled_from(["abstained", "failed"]), reason=text, **common
)


def _through_parquet(table: pa.Table) -> pa.Table:
    return _parquet.unpack(_parquet.pack(table))


@settings(deadline=None, max_examples=50)
@given(st.lists(images, max_size=4), st.lists(skipped, max_size=4), st.lists(scores, max_size=4))
def test_flat_records_return_as_they_were(
    some_images: list[ImageRecord], some_skipped: list[SkippedImage], some_scores: list[Score]
) -> None:
    assert tables.images_records(_through_parquet(tables.images_table(some_images))) == some_images
    assert tables.skipped_records(_through_parquet(tables.skipped_table(some_skipped))) == some_skipped
    assert tables.scores_records(_through_parquet(tables.scores_table(some_scores))) == some_scores


@settings(deadline=None, max_examples=50)
@given(st.lists(explanations, max_size=4))
def test_explanations_return_as_they_were(records: list[Explanation]) -> None:
    table = _through_parquet(tables.explanations_table(records))
    assert table.schema == tables.EXPLANATIONS
    assert tables.explanations_records(table) == records


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_labels_return_as_they_were(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("labels")
    values = data.draw(arrays_of.arrays(np.float32, arrays_of.array_shapes(min_dims=2, max_dims=2, min_side=0)))
    names = st.lists(text, min_size=values.shape[1], max_size=values.shape[1]).map(tuple)
    table = LabelTable(data.draw(names), data.draw(names), values)
    tables.write_labels(Arrays(folder), folder, table)
    found = tables.read_labels(Arrays(folder), folder)
    assert (found.concepts, found.groups) == (table.concepts, table.groups)
    np.testing.assert_array_equal(found.values, values, strict=True)


def test_labels_that_do_not_fit_each_other(tmp_path: Path) -> None:
    arrays = Arrays(tmp_path)
    tables.write_labels(arrays, tmp_path, LabelTable(("a", "b"), ("g", "g"), np.ones((3, 2), np.float32)))
    arrays.put("labels", np.ones((3, 4), np.float32))
    with pytest.raises(StudyError) as caught:
        tables.read_labels(arrays, tmp_path)
    assert str(caught.value) == (
        f"The labels in {str(tmp_path / 'labels.parquet')!r} name 2 concepts, but their values have the shape (3, 4). "
        "Run the step that made them again."
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_table(tmp_path / "x.parquet", tables.skipped_table([SkippedImage("a", "b", "c")]))
    return tmp_path / "x.parquet"


def test_every_flipped_byte_and_every_cut_is_refused(path: Path) -> None:
    data = path.read_bytes()
    flipped = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    for version in [*flipped, *(data[:i] for i in range(len(data))), data + b"\0"]:
        path.write_bytes(version)
        with pytest.raises(StudyError) as caught:
            tables.read_table(path)
        assert str(caught.value) == (
            f"The table {str(path)!r} is cut off or damaged: it does not fit its checksum. Restore it from a copy, or "
            "remove it and run the step that made it again."
        )


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        tables.read_table(tmp_path / "x.parquet")
    place = str(tmp_path / "x.parquet")
    assert str(caught.value) == f"The table {place!r} is missing. Go on with --resume, or restore it from a copy."


def test_a_folder_in_the_place_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"cannot be read: Is a directory\. Check its permissions\.$"):
        tables.read_table(tmp_path)


def test_other_readers_open_our_tables(path: Path) -> None:
    assert pq.read_table(path).to_pylist() == [{"source": "a", "member": "b", "reason": "c"}]


def test_metadata_of_the_schema_stay(tmp_path: Path) -> None:
    table = pa.table({"a": [1]}).replace_schema_metadata({"made by": "me"})
    write_table(tmp_path / "x", table)
    assert tables.read_table(tmp_path / "x").schema.equals(table.schema, check_metadata=True)
