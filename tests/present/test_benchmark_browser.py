"""The page of a benchmark in a real browser, opened from disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from neuronym.present.benchmark.write import write_benchmark_page
from neuronym.records.benchmark import Benchmark
from random_benchmark import STRANGE, random_benchmark
from report_page import Seen, check_contrast, watched

pytestmark = pytest.mark.slow

RESULT: Benchmark = random_benchmark(4)
HOST = RESULT.hosts[0]
LIST = f"#host-{HOST.name} .unit-list"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "a ö page"
    write_benchmark_page(RESULT, folder, overwrite=False)
    return folder


@pytest.fixture
def bench(browser: Any, place: Path) -> Iterator[Seen]:
    for seen in watched(browser, place):
        seen.open()
        yield seen


def units(seen: Seen) -> list[int]:
    """The units of the first host that are shown."""
    code = (
        f"[...document.querySelectorAll('{LIST} tbody tr')].filter(r => r.checkVisibility()).map(r => +r.dataset.unit)"
    )
    return [int(one) for one in seen.data(code)]


def test_the_filter_narrows_by_text_kind_and_labels(bench: Seen) -> None:
    every = [unit.unit for unit in HOST.units]
    assert units(bench) == every
    bench.page.locator(f"{LIST} select[name=kind]").select_option("noise")
    assert units(bench) == [unit.unit for unit in HOST.units if unit.kind == "noise"]
    assert bench.texts(f"{LIST} .found") == ["10 of 142 units"]
    bench.page.locator(f"{LIST} select[name=kind]").select_option("")
    search = bench.page.locator(f"{LIST} input")
    search.fill("17")
    assert units(bench) == [17]
    search.fill(STRANGE.upper())
    said = {one.unit for row in HOST.rows if row.role == "method" for one in row.said if one.text == STRANGE}
    assert set(units(bench)) == said
    assert said
    bench.page.keyboard.press("Escape")
    assert units(bench) == every
    search.fill("no such label")
    assert units(bench) == []
    search.fill("")
    bench.page.locator(f"{LIST} select[name=not]").select_option("1")
    heads = bench.data(f"[...document.querySelectorAll('{LIST} thead th')].map(one => one.dataset.row || '')")
    row = next(one for one in HOST.rows if one.name == heads[4])
    hopeless = {unit.unit for unit in HOST.units if unit.hopeless}
    wrong = [one.unit for one in row.said if not (one.silent if one.unit in hopeless else one.equivalent)]
    assert units(bench) == wrong
    other = f"#host-{RESULT.hosts[1].name} .unit-list"
    assert bench.texts(f"{other} .found") == [f"{len(RESULT.hosts[1].units)} units"]


def test_without_scripts_everything_is_there(browser: Any, place: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{quote(str(place))}/index.html")
    assert page.locator(f"{LIST} tbody tr").count() == len(HOST.units)
    assert page.locator(".tools").count() == len(RESULT.hosts)
    assert not any(one.is_visible() for one in page.locator(".tools").all())
    assert page.locator(f"{LIST} tbody tr").last.is_visible()
    assert page.locator("svg.risk").first.is_visible()
    context.close()


@pytest.mark.parametrize("width", [390, 760, 1200])
def test_the_page_never_scrolls_sideways(browser: Any, place: Path, width: int) -> None:
    for seen in watched(browser, place):
        seen.page.set_viewport_size({"width": width, "height": 844})
        seen.open()
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert seen.data("document.documentElement.scrollWidth") == width
        beyond = seen.data(
            "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .hidden, .risk') "
            "&& e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 90))"
        )
        assert beyond == []
        boxes = seen.data(
            "[...document.querySelectorAll('.scroll')].map(e => [e.tabIndex, e.getAttribute('aria-label'), "
            "getComputedStyle(e).overflowX])"
        )
        assert all(tab == 0 and label and flow == "auto" for tab, label, flow in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(browser: Any, place: Path, scheme: str) -> None:
    for seen in watched(browser, place, color_scheme=scheme):
        seen.open()
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        check_contrast(seen)
        grounds = seen.data(
            "[...document.querySelectorAll('.swatches')][0].querySelectorAll('.swatch').length"
            " && [...document.querySelector('.swatches').children].map(e => getComputedStyle(e).backgroundColor)"
        )
        assert len(set(grounds)) == 11


def test_the_key_changes_the_theme(bench: Seen) -> None:
    before = bench.data("getComputedStyle(document.body).backgroundColor")
    bench.page.keyboard.press("t")
    after = bench.data("getComputedStyle(document.body).backgroundColor")
    assert after != before
    bench.page.get_by_role("button", name="Light or dark (t)").click()
    assert bench.data("getComputedStyle(document.body).backgroundColor") == before
    bench.page.locator(f"{LIST} input").fill("")
    bench.page.locator(f"{LIST} input").press("t")
    assert bench.data("getComputedStyle(document.body).backgroundColor") == before


def test_everything_has_a_name_and_headings_follow(bench: Seen) -> None:
    nameless = bench.data(
        "[...document.querySelectorAll('button, a, input, select')]"
        ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).length"
        " + [...document.querySelectorAll('svg:not(.hidden)')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-hidden'))).length"
        " + [...document.querySelectorAll('select')].filter(e => !e.labels[0].textContent.trim()).length"
    )
    assert nameless == 0
    assert bench.page.locator("h1").count() == 1
    levels = bench.data("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])")
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = bench.data("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_heading_leads_to_its_meaning(bench: Seen) -> None:
    bench.page.locator(f"#host-{HOST.name} th[data-column=aurc] a").focus()
    bench.page.keyboard.press("Enter")
    bench.page.wait_for_function("() => document.body.dataset.ready === '#column-aurc'")
    box = bench.page.locator("#column-aurc").bounding_box()
    assert box is not None
    assert 52 <= box["y"] < 800


def test_names_of_lines_do_not_lie_on_each_other(bench: Seen) -> None:
    for host in RESULT.hosts:
        boxes = [one.bounding_box() for one in bench.page.locator(f"#host-{host.name} .risk .name").all()]
        spans = sorted((box["y"], box["y"] + box["height"]) for box in boxes)
        assert all(after[0] >= before[1] - 1 for before, after in pairwise(spans))
        drawn = bench.page.locator(f"#host-{host.name} .risk polyline.line").all()
        assert len(drawn) == sum(bool(row.curve) for row in host.rows)
        plot = bench.page.locator(f"#host-{host.name} .risk").bounding_box()
        assert all(box["x"] + box["width"] <= plot["x"] + plot["width"] for box in boxes)
