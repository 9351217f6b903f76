"""The page of a benchmark: every number of the record stands in it, and nothing that it says is taken for markup."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from neuronym.errors import StudyError
from neuronym.present.benchmark.write import PAGE, check_place, write_benchmark_page
from neuronym.records.benchmark import (
    COLUMNS,
    BenchHost,
    Benchmark,
    BenchRow,
    BenchUnit,
    Cost,
    Gate,
    Measure,
    Role,
    Said,
)
from page_tree import Node, page_tree
from random_benchmark import FAILED, STRANGE, changed, random_benchmark

RESULT = random_benchmark(4)
ATTACK = "</script></bdi><img src=x onerror=pwned()>'\"&amp;@MAIN@ ?x=<b>&y"


def page(result: Benchmark, folder: Path) -> Node:
    return page_tree(write_benchmark_page(result, folder / "bench", overwrite=True).read_text("utf-8"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return page(RESULT, tmp_path_factory.mktemp("bench"))


def section(tree: Node, host: BenchHost) -> Node:
    return tree.one("section", id=f"host-{host.name}")


def main_table(tree: Node, host: BenchHost) -> Node:
    return section(tree, host).one("div", aria_label=f"Results on {host.name}")


def written(value: float | None, share: bool = False) -> str:
    """A number as the page has it, by decimal arithmetic."""
    if value is None:
        return "\N{EN DASH}"
    if share:
        text = str((Decimal(value) * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN))
        text = (text[:-2] if value in (0, 1) else text) + " %"
    else:
        text = str(Decimal(value).quantize(Decimal("0.001"), ROUND_HALF_EVEN))
        text = re.sub(r"^(-?)0\.", r"\1.", text)
    return text.replace("-", "\N{MINUS SIGN}" if re.search("[1-9]", text) else "")


def test_every_number_of_the_tables_is_the_records(tree: Node) -> None:
    seen = 0
    for host in RESULT.hosts:
        shown = {str(row.attributes["data-row"]): row for row in main_table(tree, host).all("tr") if row.attributes}
        assert set(shown) == {row.name for row in host.rows}
        for row in host.rows:
            if row.failed is not None:
                continue
            cells = {cell.attributes["data-column"]: cell for cell in shown[row.name].all("td")}
            for column, measure in row.measures.items():
                share = COLUMNS[column].share
                words = written(measure.value, share)
                if measure.low is not None and measure.high is not None:
                    low, high = written(measure.low, share), written(measure.high, share)
                    words += f" {low.removesuffix(' %')} to {high}" if share else f" {low} to {high}"
                    assert str(cells[column].attributes["title"]).endswith(f"{measure.units} units")
                assert cells[column].text == words
                seen += 1
            for column in set(cells) - set(row.measures) - {"seconds", "calls"}:
                assert cells[column].text == "\N{EN DASH}"
            if row.cost is not None:
                assert float(cells["seconds"].text) == pytest.approx(row.cost.seconds / row.cost.units, rel=0.06)
                assert float(cells["calls"].text) == pytest.approx(
                    sum(row.cost.calls.values()) / row.cost.units, rel=0.01
                )
                assert "2,000 images, 410 texts" in str(cells["calls"].attributes["title"])
    assert seen > 150


def test_rows_stand_from_the_ceiling_to_the_floor_and_methods_by_score(tree: Node) -> None:
    for host in RESULT.hosts:
        names = [row.attributes["data-row"] for row in main_table(tree, host).one("tbody").all("tr")]
        roles = {row.name: row.role for row in host.rows}
        order = ["truth", "list", "method", "labels", "constant", "random", "shuffled"]
        places = [order.index(roles[str(name)]) for name in names]
        assert places == sorted(places)
        scores = {row.name: row.measures["normalised"].value for row in host.rows if row.measures}
        methods = [str(name) for name in names if roles[str(name)] == "method"]
        known = [scores[name] or 0.0 for name in methods if name in scores]
        assert known == sorted(known, reverse=True)
        assert [name for name in methods if name not in scores] == methods[len(known) :]


def test_the_best_of_the_methods_is_bold_in_each_column(tree: Node) -> None:
    for host in RESULT.hosts:
        for column in COLUMNS:
            values = {
                row.name: row.measures[column].value
                for row in host.rows
                if row.role in ("method", "labels") and column in row.measures
            }
            cells = main_table(tree, host).all("td", data_column=column)
            bold = [cell for cell in cells if cell.all("span", "best")]
            if len(values) < 2 or len(set(values.values())) < 2:
                assert bold == []
                continue
            found = [value for value in values.values() if value is not None]
            best = max(found) if COLUMNS[column].better == "up" else min(found)
            assert {one.one("span", "best").text for one in bold} == {written(best, COLUMNS[column].share)}


def test_headings_say_which_way_is_better_and_lead_to_their_meaning(tree: Node) -> None:
    head = main_table(tree, RESULT.hosts[0]).one("thead")
    for column, one in COLUMNS.items():
        link = head.one("th", data_column=column).one("a")
        assert link.attributes["title"] == one.meaning
        arrow = "\N{UPWARDS ARROW}" if one.better == "up" else "\N{DOWNWARDS ARROW}"
        words = "higher" if one.better == "up" else "lower"
        assert link.text == f"{one.title}\N{NO-BREAK SPACE}{arrow} ({words} is better)"
        meaning = tree.one("div", id=str(link.attributes["href"]).removeprefix("#"))
        assert meaning.one("dd").text.lower() == one.meaning.lower()
    for link in tree.all("a"):
        place = str(link.attributes["href"]).removeprefix("#")
        assert place == "top" or tree.all(id=place), place


def test_kinds_stand_with_their_values_and_strengths(tree: Node) -> None:
    for host in RESULT.hosts:
        tables = section(tree, host).all("table", "heat")
        kinds = {kind for row in host.rows for kind in row.kinds}
        if len(kinds) < 2:
            assert tables == []
            continue
        heads = {one.all("bdi")[0].text: one.one("span", "note").text for one in tables[0].one("thead").all("th")[1:]}
        assert heads == {
            kind: f"{count} unit{'s' if count > 1 else ''}"
            for kind in kinds
            for count in [sum(unit.kind == kind and unit.truth is not None for unit in host.units)]
        }
        lines = tables[0].one("tbody").all("tr")
        ordered = [row.attributes["data-row"] for row in main_table(tree, host).one("tbody").all("tr")]
        rows = {row.name: row for row in host.rows}
        for line, name in zip(lines, [one for one in ordered if rows[str(one)].kinds], strict=True):
            for kind, measure in rows[str(name)].kinds.items():
                cell = line.one("td", data_kind=kind)
                assert cell.text == written(measure.value)
                assert measure.value is not None
                assert f"h{min(10, max(0, round(10 * measure.value)))}" in cell.classes


def test_lines_run_through_the_points_of_their_curve(tree: Node) -> None:
    for host in RESULT.hosts:
        plot = section(tree, host).one("svg", "risk")
        for row in host.rows:
            group = plot.all("g", data_row=row.name)
            if not row.curve:
                assert group == []
                continue
            points = [tuple(map(float, one.split(","))) for one in _points(group[0]).split()]
            assert points == [
                pytest.approx((62 + 538 * coverage, 346 - 332 * risk), abs=0.051) for coverage, risk in row.curve
            ]
            assert row.operating is not None
            title = group[1].one("title").text
            assert written(row.operating[0], True) in title
            assert written(row.operating[1]) in title
            figures = [
                cell.text for cell in section(tree, host).one("table", "stops").one("tr", data_row=row.name).all("td")
            ]
            assert figures[1:] == [written(row.operating[0], True), written(row.operating[1])]
            assert figures[0] == written(row.measures["aurc"].value)


def _points(group: Node) -> str:
    return str(group.one("polyline", "line").attributes["points"])


def test_all_units_stand_with_what_was_said_of_them(tree: Node) -> None:
    for host in RESULT.hosts:
        table = section(tree, host).one("table", "units")
        lines = table.one("tbody").all("tr")
        assert [line.attributes["data-unit"] for line in lines] == [str(unit.unit) for unit in host.units]
        names = [head.attributes["data-row"] for head in table.one("thead").all("th")[3:]]
        rows = {row.name: {one.unit: one for one in row.said} for row in host.rows}
        assert names == ["best of the list", *[one for one in names if "clip-dissect" in str(one)]]
        truth = rows["true labels"]
        for line, unit in zip(lines, host.units, strict=True):
            cells = line.all("td")
            assert cells[0].text == unit.kind
            assert [one.text for one in cells[1].all("bdi")] == ([] if unit.truth is None else [unit.truth])
            for cell, name in zip(cells[2:], names, strict=True):
                one = rows[str(name)][unit.unit]
                assert [each.text for each in cell.all("bdi")] == ([] if one.text is None else [one.text])
                assert bool(cell.all("s")) == bool(one.silent and one.text is not None)
                if one.text is not None and one.pearson is not None:
                    assert cell.one("span", "r-of").text.strip() == written(one.pearson)
                assert cell.one("svg", "sign").attributes["aria-label"] == _verdict(unit, one, truth[unit.unit].pearson)


def _verdict(unit: BenchUnit, one: Said, best: float | None) -> str:
    """By a table instead of the branches of the page."""
    told = one.text is not None
    rules = [
        (not told and unit.hopeless and one.state == "abstained", "right"),
        (not told, "nothing"),
        (unit.hopeless and one.silent is True, "right"),
        (unit.hopeless, "wrong"),
        (unit.truth is None, "unknown"),
        (one.equivalent, "right"),
        (not one.resolved, "unread"),
        (best is not None and best > 0 and (one.pearson or -1) >= best / 2, "near"),
        (True, "wrong"),
    ]
    return next(name for holds, name in rules if holds)


def test_the_top_says_what_was_done_and_which_gates_do_not_hold(tree: Node) -> None:
    facts = dict(
        zip(
            [one.text for one in tree.all("dl", "facts")[0].all("dt")],
            [one.text for one in tree.all("dl", "facts")[0].all("dd")],
            strict=True,
        )
    )
    assert facts["Made"] == "2025-06-01 12:30 UTC"
    assert facts["Units and images"] == "version 1"
    assert facts["Seed"] == "4"
    assert facts["Images"] == "2,000 to explain, 1,000 to test"
    assert float(facts["Took"].removesuffix(" s")) == pytest.approx(RESULT.seconds, abs=0.05)
    gates = tree.one("div", "gates")
    (failed,) = [gate for gate in RESULT.gates if not gate.passed]
    assert "1 of 7 gates does not hold." in gates.text
    first, every = gates.all("ul")
    for part in (failed.name, failed.host, failed.row, failed.text):
        assert part in first.text
    assert [one.attributes["data-passed"] for one in every.all("li")] == [
        "yes" if gate.passed else "no" for gate in RESULT.gates
    ]
    scores = tree.one("table", "scores")
    for line in scores.one("tbody").all("tr"):
        for host, cell in zip(RESULT.hosts, line.all("td"), strict=True):
            row = next((one for one in host.rows if one.name == line.attributes["data-row"]), None)
            if row is None:
                assert cell.text == "\N{EN DASH}"
            elif row.failed:
                assert cell.text == "failed"
            else:
                assert cell.text.split()[0] == written(row.measures["normalised"].value)


def test_the_end_says_how_to_run_it_again_and_where_it_ran(tree: Node) -> None:
    end = tree.one("section", id="made")
    assert end.one("pre").text == RESULT.command
    for name, value in RESULT.environment.items():
        assert name in end.text
        assert str(value) in end.text
    assert "2000, 1000" in end.text
    assert "yes" in end.text


def test_a_row_that_failed_says_why(tree: Node) -> None:
    host = RESULT.hosts[2]
    row = main_table(tree, host).one("tr", data_row=FAILED.name)
    assert row.one("td").text == f"failed: {FAILED.failed}"
    columns = len(main_table(tree, host).one("thead").all("th"))
    assert row.one("td").attributes["colspan"] == str(columns - 1)


def test_all_gates_hold_in_one_line(tmp_path: Path) -> None:
    gates = tuple(gate for gate in RESULT.gates if gate.passed)
    assert "All 6 gates hold." in page(replace(RESULT, gates=gates), tmp_path).one("div", "gates").text
    assert "The 1 gate holds." in page(replace(RESULT, gates=gates[:1]), tmp_path).one("div", "gates").text
    assert page(replace(RESULT, gates=()), tmp_path).one("p", "gates").text == "No gate was checked."


def hostile() -> Benchmark:
    """Every text of a record is an attack."""
    said = (Said(0, "described", ATTACK, 0.5, True, 0.25, True, False),)
    curve = ((0.5, 0.25), (1.0, 0.5))
    cost = Cost(1.0, 2.0, 1, {ATTACK: 3})
    roles: tuple[Role, ...] = ("truth", "list", "method", "method", "labels", "constant", "random", "shuffled")
    rows = tuple(
        BenchRow(
            f"{ATTACK}{at}",
            role,
            {"normalised": Measure(0.5, 0.25, 0.75, 2)},
            {ATTACK: Measure(0.5), "other": Measure(-0.25)},
            said,
            curve,
            (0.5, 0.25),
            cost,
            ATTACK,
        )
        for at, role in enumerate(roles)
    )
    rows += (BenchRow("gone", "method", failed=ATTACK),)
    units = (BenchUnit(0, ATTACK, ATTACK, False, 0.25),)
    host = BenchHost(ATTACK, ATTACK, ATTACK, ATTACK, (1, 1), units, rows)
    gates = (Gate(ATTACK, ATTACK, ATTACK, False, ATTACK),)
    values = {ATTACK: ATTACK, "seed": ATTACK}
    return Benchmark(
        ATTACK, ATTACK, ATTACK, values, {**values, "neuronym": ATTACK}, 1.0, (host, replace(host, name="second")), gates
    )


def test_hostile_texts_are_shown_literally(tmp_path: Path) -> None:
    tree = page(hostile(), tmp_path)
    assert len(tree.all("script")) == 2
    assert [one.attributes.get("src", "").partition(":")[0] for one in tree.all("img")] == ["data"]
    assert tree.all("b") == []
    assert tree.text.count(ATTACK) > 40
    assert ATTACK in [one.text for one in tree.one("pre").all("code")]
    assert not [name for one in tree.walk() for name in one.attributes if name.startswith("on")]
    assert f"3 {ATTACK}, for 1 unit" in [one.attributes.get("title") for one in tree.all("td")]


def test_texts_that_no_file_can_hold_do_not_stop_the_page(tmp_path: Path) -> None:
    result = changed(RESULT, "taught", "best constant", lambda row: replace(row, text="a \udcff circle"))
    assert "a ? circle" in page(result, tmp_path).text


def test_what_is_missing_is_left_out(tmp_path: Path) -> None:
    units = (BenchUnit(3, "single", "a ring", False), BenchUnit(5, "noise", None, True))
    bare = BenchRow("mine", "method", {"pearson": Measure(None), "top1": Measure(0.0, None, None, 1)})
    unheard = BenchRow("other", "method", said=(Said(3, "failed", None, None, None, None, False, False),))
    host = BenchHost("one", "One", "model", "layer", (10, 5), units, (bare, unheard))
    result = Benchmark("1", "yesterday", "neuronym bench", {}, {}, 0.0, (host,), ())
    tree = page(result, tmp_path)
    assert [one.attributes["data-column"] for one in main_table(tree, host).one("thead").all("th")[1:]] == ["top1"]
    assert [cell.text for cell in main_table(tree, host).all("td")] == ["0 %", "\N{EN DASH}"]
    assert tree.all("svg", "risk") == tree.all("table", "heat") == tree.all("table", "scores") == []
    assert [cell.text for cell in tree.one("table", "units").all("td")] == [
        *("single", "a ring", "failed"),
        *("noise", "none", "not judged"),
    ]
    assert "yesterday" in tree.text
    for hosts in ((), (replace(host, units=(), rows=()),)):
        empty = page(replace(result, hosts=hosts), tmp_path)
        assert empty.all("table") == []
        assert ("No row was asked for." in empty.text) == bool(hosts)


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    place = write_benchmark_page(RESULT, tmp_path / "new" / "place", overwrite=False)
    assert place == tmp_path / "new" / "place" / PAGE
    assert [file.name for file in place.parent.iterdir()] == [PAGE]
    text = place.read_text("utf-8")
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not [one for one in page_tree(text).walk() if "style" in one.attributes]
    assert STRANGE in page_tree(text).text
    again = write_benchmark_page(RESULT, tmp_path / "again", overwrite=False)
    assert again.read_bytes() == place.read_bytes()


def test_a_page_is_replaced_only_when_asked_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "result.json").write_text("{}")
    check_place(folder, overwrite=False)
    place = write_benchmark_page(RESULT, folder, overwrite=False)
    before = place.read_bytes()
    with pytest.raises(
        StudyError, match=r"^There is a benchmark at '.*bench' already\. Replace it with --overwrite, or"
    ):
        write_benchmark_page(random_benchmark(5), folder, overwrite=False)
    assert place.read_bytes() == before
    write_benchmark_page(random_benchmark(5), folder, overwrite=True)
    assert place.read_bytes() != before
    assert sorted(file.name for file in folder.iterdir()) == [PAGE, "result.json"]
    (tmp_path / PAGE).write_text("<p>mine</p>")
    with pytest.raises(
        StudyError, match=r"^'.*index\.html' is no page of a benchmark, and is not touched\. Choose another"
    ):
        write_benchmark_page(RESULT, tmp_path, overwrite=True)
    with pytest.raises(StudyError, match=r"^'.*result\.json' is a file\. Choose another folder for the benchmark\.$"):
        write_benchmark_page(RESULT, folder / "result.json", overwrite=True)
