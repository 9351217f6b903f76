"""The file of a result: there and back, its size and its lines, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.bench.result_files import read_benchmark, write_benchmark
from neuronym.errors import StudyError, UserError
from neuronym.records import State
from neuronym.records.benchmark import (
    BenchHost,
    Benchmark,
    BenchRow,
    BenchUnit,
    Cost,
    Gate,
    Measure,
    PatchFit,
    Role,
    Said,
)
from random_benchmark import STRANGE, random_benchmark

floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(-5, 10**6)
words = st.text(max_size=5)
names = st.dictionaries(words, st.none(), max_size=3)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def tuples(values: st.SearchStrategy[Any], by: Callable[[Any], Any] | None = None) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=3, unique_by=by).map(tuple)


measures = st.builds(Measure, some(floats), some(floats), some(floats), counts)
by_name = st.dictionaries(words, measures, max_size=3)
fits = st.builds(PatchFit, measures, measures, counts, tuples(words))
costs = st.builds(Cost, floats, floats, counts, st.dictionaries(words, counts, max_size=2))
pairs = st.tuples(floats, floats)
units = tuples(st.builds(BenchUnit, counts, words, some(words), st.booleans(), some(floats)), lambda unit: unit.unit)


@st.composite
def hosts(draw: st.DrawFn) -> BenchHost:
    planted = draw(units)
    said = st.builds(
        Said,
        st.sampled_from([unit.unit for unit in planted] or [0]),
        st.sampled_from(get_args(State)),
        some(words),
        some(floats),
        some(st.booleans()),
        some(floats),
        st.booleans(),
        st.booleans(),
    )
    rows = st.builds(
        BenchRow,
        words,
        st.sampled_from(get_args(Role)),
        by_name,
        by_name,
        tuples(said, lambda one: one.unit) if planted else st.just(()),
        tuples(pairs),
        some(pairs),
        some(costs),
        some(words),
        some(fits),
        some(words),
    )
    texts = [draw(words) for _ in range(4)]
    return BenchHost(*texts, draw(st.tuples(counts, counts)), planted, draw(tuples(rows, lambda row: row.name)))


benchmarks = st.builds(
    Benchmark,
    words,
    words,
    words,
    st.dictionaries(words, jsons, max_size=3),
    st.dictionaries(words, jsons, max_size=3),
    floats,
    tuples(hosts(), lambda host: host.name),
    tuples(st.builds(Gate, words, words, words, st.booleans(), words)),
)


def rounded(value: Any, digits: int = 6) -> Any:
    """What a file keeps of a record: so many digits of each figure. Settings and environment are kept as they are."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = ("settings", "environment")
        return replace(
            value,
            **{
                field.name: rounded(getattr(value, field.name), field.metadata.get("digits", 6))
                for field in fields(value)
                if field.name not in kept
            },
        )
    if isinstance(value, tuple):
        return tuple(rounded(one) for one in value)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, float) and value:
        places = digits - 1 - math.floor(math.log10(abs(value)))
        return round(value, places) if -290 < places < 290 else float(f"{value:.{digits - 1}e}")
    return value


@settings(max_examples=60, deadline=None)
@given(benchmarks)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, result: Benchmark) -> None:
    place = tmp_path_factory.getbasetemp() / "some" / "result.json"
    write_benchmark(result, place)
    assert read_benchmark(place) == rounded(result)
    first = place.read_bytes()
    write_benchmark(read_benchmark(place), place)
    assert place.read_bytes() == first


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = tmp_path / "ergebnis ü.json"
    write_benchmark(random_benchmark(1), file)
    return file


def test_a_result_with_all_parts(place: Path) -> None:
    result = random_benchmark(1)
    read = read_benchmark(str(place))
    assert read == rounded(result)
    assert read.hosts[0].rows[2].cost == rounded(result.hosts[0].rows[2].cost)
    assert read.hosts[0].rows[2].curve[3] == pytest.approx(result.hosts[0].rows[2].curve[3], rel=1e-5)
    assert isinstance(read.hosts[0].rows[0].measures["top1"].value, float)
    assert any(one.text == STRANGE for host in read.hosts for row in host.rows for one in row.said)


def test_a_large_result_is_a_small_file_of_short_lines(tmp_path: Path) -> None:
    result = random_benchmark(2)
    hosts = tuple(replace(result.hosts[0], name=f"host {at}") for at in range(5))
    write_benchmark(replace(result, hosts=hosts), tmp_path / "large.json")
    text = (tmp_path / "large.json").read_text(encoding="utf-8")
    assert len(text.encode()) < 600_000
    assert max(map(len, text.splitlines())) < 250
    said = [line for line in text.splitlines() if '"described", ' in line]
    assert len(said) == sum(one.state == "described" for host in hosts for row in host.rows for one in row.said)


def test_a_change_of_one_label_is_a_change_of_one_line(place: Path) -> None:
    before, result = place.read_text(encoding="utf-8").splitlines(), read_benchmark(place)
    row = result.hosts[1].rows[2]
    said = (replace(row.said[0], text="something else"), *row.said[1:])
    rows = tuple(replace(one, said=said) if one is row else one for one in result.hosts[1].rows)
    hosts = (result.hosts[0], replace(result.hosts[1], rows=rows), *result.hosts[2:])
    write_benchmark(replace(result, hosts=hosts), place)
    after = place.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_fields_that_came_later_have_their_defaults(place: Path) -> None:
    content = json.loads(place.read_text(encoding="utf-8"))
    host = content["hosts"][0]
    del host["rows"][0]["operating"], host["rows"][0]["kinds"], host["rows"][2]["cost"]["calls"]
    at = host["units"]["fields"].index("frequency")
    for one in (host["units"]["fields"], *host["units"]["rows"]):
        del one[at]
    place.write_text(json.dumps(content), encoding="utf-8")
    read = read_benchmark(place).hosts[0]
    assert read.rows[0].operating is None
    assert read.rows[0].kinds == {}
    assert read.rows[2].cost is not None
    assert read.rows[2].cost.calls == {}
    assert {unit.frequency for unit in read.units} == {None}
    assert read.units[3].truth == random_benchmark(1).hosts[0].units[3].truth


def test_whole_numbers_are_figures_too(place: Path) -> None:
    content = json.loads(place.read_text(encoding="utf-8"))
    content["seconds"] = 3
    place.write_text(json.dumps(content), encoding="utf-8-sig")
    assert isinstance(read_benchmark(place).seconds, float)


def test_files_that_are_no_results(tmp_path: Path) -> None:
    place = tmp_path / "x.json"
    with pytest.raises(UserError, match=r"The benchmark file '.*' cannot be read: No such file .* Check the path\."):
        read_benchmark(place)
    with pytest.raises(UserError, match=r"The benchmark file '.*' cannot be read: Is a directory\. Check the path\."):
        read_benchmark(tmp_path)
    place.write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match=r"The benchmark file '.*' is not UTF-8 text"):
        read_benchmark(place)
    for text in ("", "{", '{"seconds": NaN}', "[" * 100_000):
        place.write_text(text, encoding="utf-8")
        with pytest.raises(
            UserError,
            match=r"^The benchmark file '.*' is not JSON: it is cut off, damaged, or something else\. Check the path, "
            r"or run the benchmark again\.$",
        ):
            read_benchmark(place)
    for text in ("[]", "3", "{}", '{"format": "neuronym-study", "schema": 2}'):
        place.write_text(text, encoding="utf-8")
        with pytest.raises(
            UserError,
            match=r"^The file '.*' is not the result of a benchmark: its format is not 'neuronym-benchmark'\. Check "
            r"the path\.$",
        ):
            read_benchmark(place)


Change = Callable[[dict[str, Any]], object]


def _set(*path: str | int, to: object) -> Change:
    def change(content: dict[str, Any]) -> None:
        *way, last = path
        for step in way:
            content = content[step]  # type: ignore[index]
        content[last] = to  # type: ignore[index]

    return change


SAID = ("hosts", 0, "rows", 2, "said")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_set("schema", to=2), r"has schema 2; this version of Neuronym reads schema 1\. Update neuronym\."),
        (_set("schema", to="1"), r"has the schema '1', which is none\. Run the benchmark again\."),
        (lambda content: content.pop("gates"), "damaged or of another version: the file has no field 'gates'"),
        (
            _set("colour", to=1),
            "the file has a field 'colour', which this version of Neuronym does not know. Run the benchmark again, or "
            "update neuronym.",
        ),
        (_set("hosts", 1, "shape", to=1), r"hosts\[1\] has a field 'shape', which this version"),
        (lambda content: content["hosts"][1].pop("layer"), r"hosts\[1\] has no field 'layer'"),
        (_set("hosts", to={}), "hosts is an object, and should be a list"),
        (_set("hosts", 0, to=7), r"hosts\[0\] is 7, and should be an object"),
        (_set("hosts", 0, "images", to=[1]), r"hosts\[0\]\.images has 1 values, and should have 2"),
        (_set("hosts", 0, "images", to=[1, 2.5]), r"hosts\[0\]\.images\[1\] is 2\.5, and should be a whole number"),
        (_set("seconds", to=True), "seconds is True, and should be a number"),
        (_set("seconds", to=1e999), "seconds is inf, and should be a number|is not JSON"),
        (_set("made", to=None), "made is None, and should be a text"),
        (_set("settings", to=[]), "settings is a list, and should be an object"),
        (
            _set("hosts", 0, "rows", 0, "role", to="king"),
            r"rows\[0\]\.role is 'king', and should be one of truth, list",
        ),
        (_set("hosts", 0, "rows", 0, "role", to=[]), r"rows\[0\]\.role is a list, and should be one of truth"),
        (_set("hosts", 0, "rows", 0, "failed", to=0), r"rows\[0\]\.failed is 0, and should be a text or null"),
        (_set(*SAID, "rows", 4, 2, to=3), r"hosts\[0\]\.rows\[2\]\.said\[4\]\.text is 3, and should be a text or null"),
        (
            _set(*SAID, "rows", 4, 1, to="lost"),
            r"said\[4\]\.state is 'lost', and should be one of described, abstained",
        ),
        (_set(*SAID, "rows", 4, to=[1, 2]), r"said\[4\] has 2 values for 9 fields"),
        (_set(*SAID, "rows", 4, to=None), r"said\[4\] is None, and should be a list"),
        (_set(*SAID, "fields", 4, to="loud"), r"said has a field 'loud', which this version"),
        (_set(*SAID, "fields", 4, to="unit"), r"rows\[2\]\.said has a field twice"),
        (_set(*SAID, "fields", 4, to=4), r"said\.fields is 4, and should be a text"),
        (_set(*SAID, "columns", to=[]), r"said is no table of 'fields' and 'rows'"),
        (_set(*SAID, to=[]), r"said is a list, and should be an object"),
        (lambda content: content["hosts"][0]["rows"][0]["measures"]["fields"].remove("value"), "has no field 'value'"),
        (
            _set("hosts", 0, "rows", 0, "measures", "rows", "f1", 0, to="x" * 90),
            r"measures\.f1\.value is 'x{59}…, and should be a number or null",
        ),
        (_set("hosts", 0, "rows", 0, "measures", "rows", to=[]), r"measures\.rows is a list, and should be an object"),
        (_set("hosts", 2, "name", to="taught"), "the file has 2 hosts 'taught'"),
        (_set("hosts", 0, "rows", 1, "name", to="true labels"), "host 'analytic' has 2 rows 'true labels'"),
        (_set("hosts", 0, "units", "rows", 1, 0, to=0), "host 'analytic' has 2 units 0"),
        (_set(*SAID, "rows", 1, 0, to=0), r"row 'clip-dissect\?encoder=oracle:world' of host 'analytic' has 2 units 0"),
        (_set(*SAID, "rows", 1, 0, to=900), r"of host 'analytic' has unit 900, which the host has not"),
    ],
)
def test_damage_is_named(place: Path, change: Change, text: str) -> None:
    content = json.loads(place.read_text(encoding="utf-8"))
    change(content)
    place.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=text):
        read_benchmark(place)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    result = random_benchmark(0)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"a figure is (nan|inf), for which JSON has no text"):
            write_benchmark(replace(result, seconds=bad), tmp_path / "x.json")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="It was not possible to write the file"):
        write_benchmark(result, tmp_path / "file" / "x.json")
