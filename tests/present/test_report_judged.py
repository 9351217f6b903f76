"""What the report shows of evaluations, in a real browser, against the study's tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from neuronym.errors import NeuronymWarning
from neuronym.present.report import ReportInput, write_report
from neuronym.study import Study
from photograph_study import OWN, without_evaluation
from report_page import GALLERY, Seen, fixed, percent, units, watched

pytestmark = pytest.mark.slow


def shown_figure(metric: dict[str, Any], figure: dict[str, Any] | None) -> str:
    """The text of a cell, as it is worked out by hand."""
    if figure is None or figure["value"] is None:
        return "\u2013"
    if not metric["share"]:
        return f"{fixed(figure['value'])} {fixed(figure['low'])} to {fixed(figure['high'])}"
    ends = [f"{100 * figure[end]:.{0 if figure[end] in (0, 1) else 1}f}" for end in ("value", "low", "high")]
    return f"{ends[0]} % {ends[1]} to {ends[2]} %"


def check_alike(text: str, wanted: str) -> None:
    """Equal but for how the last digit of a number was rounded."""
    number = r"\u2212?\d+(?:\.\d+)?"
    assert re.sub(number, "#", text) == re.sub(number, "#", wanted)
    for one, other in zip(re.findall(number, text), re.findall(number, wanted), strict=True):
        step = 10.0 ** -len(other.partition(".")[2])
        assert float(one.replace("\u2212", "-")) == pytest.approx(float(other.replace("\u2212", "-")), abs=1.01 * step)
        assert len(one.partition(".")[2]) == len(other.partition(".")[2])


def test_descriptions_stand_against_other_labels(seen: Seen, study: Study) -> None:
    """Every cell of the tables of figures against the study's own table."""
    seen.open()
    page = seen.data("neuronym.report")
    metrics, runs = {one["name"]: one for one in page["metrics"]}, page["studies"][0]["runs"]
    stored = {(one["layer"], one["run"], one["row"], one["metric"]): one for one in study.store.figures().to_pylist()}
    names = {
        **{"descriptions": "", "constant": "One label for all", "random": "Random labels"},
        "shuffled": "Shuffled descriptions",
    }
    cells = 0
    for layer, section in zip(("relu", "head"), seen.page.locator(".layer .against").all(), strict=True):
        section.locator("summary").click()
        while section.locator("button[aria-expanded=false]").count():
            section.locator("button[aria-expanded=false]").first.click()
        leading, further = section.locator("table").all()
        measured = {metric for _, _, _, metric in stored}  # no run compared masks
        narrow = [name for name in page["leading"] if name in measured]
        wide = [name for name in metrics if name in measured and name not in page["leading"]]
        for table, columns in ((leading, narrow), (further, wide)):
            heads = table.locator("thead th").all()[1:]
            for metric, head in zip(columns, heads, strict=True):
                mark = runs[0]["evaluation"]["marks"].get(metric)
                starred = f"{metrics[metric]['title']}* ({mark})" if mark else metrics[metric]["title"]
                assert head.text_content() == starred
                assert head.get_attribute("title") == metrics[metric]["meaning"]
            for run in [run for run in runs if (layer, run["id"], "descriptions", "pearson") in stored]:
                rows = table.locator(f"tbody[data-run='{run['id']}'] tr").all()
                kinds = [row for row in names if (layer, run["id"], row, "f1") in stored]
                assert [row.get_attribute("class") for row in rows] == kinds
                for kind, row in zip(kinds, rows, strict=True):
                    assert row.is_visible()
                    first = row.locator("th").inner_text()
                    text = stored[layer, run["id"], kind, "f1"]["text"]
                    assert (names[kind] or run["title"]) in first
                    assert kind != "constant" or first == f"One label for all: {text}"
                    figures = [stored.get((layer, run["id"], kind, metric)) for metric in columns]
                    expected = [shown_figure(metrics[one], given) for one, given in zip(columns, figures, strict=True)]
                    for cell, wanted in zip(row.locator("td").all(), expected, strict=True):
                        check_alike(cell.text_content().strip(), wanted)
                    cells += len(expected)
    assert cells == 15 * (3 * 4 + 4 + 3), "the one label of head cannot be shuffled"


def test_other_labels_fold_away_where_there_are_several_methods(seen: Seen) -> None:
    seen.open()
    table = seen.page.locator(".against table").first
    assert table.locator("tr.random:visible").count() == 1
    second = table.get_by_role("button", name="other labels").nth(1)
    second.focus()
    seen.page.keyboard.press("Enter")
    assert second.get_attribute("aria-expanded") == "true"
    assert table.locator("tr.random:visible").count() == 2
    seen.page.keyboard.press("Enter")
    assert table.locator("tr.random:visible").count() == 1


def test_metrics_that_fail_a_test_are_marked_and_explained(seen: Seen) -> None:
    seen.open(f"{GALLERY}&unit=1")
    marks = seen.data("neuronym.report.studies[0].runs[0].evaluation.marks")
    titles = {one["name"]: one["title"] for one in seen.data("neuronym.report.metrics")}
    card = seen.page.locator(".method").first
    card.locator(".metrics summary").click()
    starred = card.locator("table .star").all()
    assert len(starred) == len(marks) == 6
    names = card.locator("tbody th").all_text_contents()
    assert {name for name in names if "*" in name} == {f"{titles[one]}* ({marks[one]})" for one in marks}
    note = card.locator(".footnote").inner_text()
    for mark in set(marks.values()):
        assert f"{', '.join(titles[one] for one in titles if marks.get(one) == mark)}: {mark}" in note
    unit = seen.data("neuronym.pages.get('0/0/0')[1]").get("labels")[0]["held_out"]
    values = card.locator("tbody tr td:nth-child(2)").all_text_contents()
    shares = {"stability"}
    expected = [
        percent(value) if name in shares else fixed(value)
        for name, value in [("pearson", unit["value"]), *((one, unit["metrics"].get(one)) for one in titles)]
        if value is not None
    ]
    assert values == expected


def test_the_page_says_what_states_and_figures_mean(seen: Seen) -> None:
    seen.open()
    seen.page.locator(".meanings summary").click()
    words = seen.page.locator(".meanings").inner_text()
    page = seen.data("neuronym.report")
    assert len(page["states"]) == 6
    for one in [*page["states"], *page["metrics"]]:
        assert one["meaning"] in words


@pytest.mark.parametrize("run", [0, 1, 2])
def test_states_filter_by_word_and_by_address(seen: Seen, run: int) -> None:
    name = seen.data_of_run(run)
    seen.open(f"{GALLERY}&run={name}")
    rows = seen.data("neuronym.pages.get('0/0').rows")
    states = {row["unit"]: one["state"] for row in rows for one in row["labels"] if one["run"] == run}
    chips = seen.page.locator(".layer-spread button").all()
    assert [chip.get_attribute("data-state") for chip in chips] == [
        state
        for state in ("supported", "weak", "unsupported", "described", "abstained", "failed")
        if state in states.values()
    ]
    for chip in chips:
        state = chip.get_attribute("data-state")
        fits = [unit for unit in states if states[unit] == state]
        chosen = seen.page.locator(f".layer-spread button[data-state={state}]")
        chosen.focus()
        seen.page.keyboard.press("Enter")
        assert units(seen) == fits
        assert chosen.get_attribute("aria-pressed") == "true"
        assert seen.data("document.activeElement.dataset.state") == state
        assert f"show={state}" in seen.page.url
        assert seen.page.locator("select[name=show]").input_value() == state
        assert chosen.text_content() == f"{len(fits)} {state}"
        seen.page.keyboard.press("Enter")
        assert len(units(seen)) == len(rows)
        seen.open(f"{GALLERY}&run={name}&show={state}")
        assert units(seen) == fits
        seen.open(f"{GALLERY}&run={name}")


def test_a_description_without_a_score_says_why(seen: Seen) -> None:
    own = seen.data_of_run(2)
    seen.open(f"{GALLERY}&run={own}&unit=2")
    assert seen.texts("h1") == [OWN["relu", 2]]
    card = seen.page.locator(f".method[data-run='{own}']")
    assert "described not scored, because its description is the name of no label" in " ".join(
        card.inner_text().split()
    )
    assert "which makes nothing of this text" in card.inner_text()
    assert card.locator(".bullet, .metrics").count() == 0
    seen.open()
    assert "2 not scored" not in seen.page.locator(".layer").first.inner_text(), "that is not the main run"


@pytest.fixture(scope="session")
def bare_report(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the study before it was evaluated."""
    folder = tmp_path_factory.mktemp("bare")
    bare = without_evaluation(study, folder / "study")
    return write_report(folder / "report", [ReportInput("spots", bare.store, bare.view)]).parent


def test_a_study_that_was_not_evaluated_shows_scores_and_no_states(browser: Any, bare_report: Path) -> None:
    for seen in watched(browser, bare_report):
        seen.open()
        assert seen.texts(".layer .lead-figure")[0] == "3 described"
        assert seen.page.locator(".against, .bullet, .star").count() == 0
        assert seen.page.locator("main").inner_text().count("Not evaluated on held-out images.") == 2
        assert seen.texts(".study > .scroll tbody td:nth-child(5)") == ["not evaluated"] * 3
        for view in ("", "&view=list"):
            seen.open(f"{GALLERY}{view}")
            score = seen.data("neuronym.pages.get('0/0').rows[0].labels[0].score")
            assert f"{score:.2f}" in seen.page.locator("[data-unit='0']").inner_text()
            assert seen.page.locator(".rows .badge, .bullet").count() == 0
        seen.open(f"{GALLERY}&unit=0")
        assert seen.page.locator(".badge, .bullet, .metrics").count() == 0
        assert "held-out" not in seen.page.locator("main").inner_text()
        for width in (1200, 360):
            seen.page.set_viewport_size({"width": width, "height": 740})
            assert seen.data("document.documentElement.scrollWidth") <= width


def test_a_study_judged_by_an_encoder_says_so(browser: Any, study: Study, report: Path, tmp_path: Path) -> None:
    """The last evaluation of each run is shown; another run keeps its own."""
    judged = without_evaluation(study, tmp_path / "study")
    first, _, own = judged.store.runs
    judged.evaluate(run=own)
    with pytest.warns(NeuronymWarning, match="knows only images of bundled:world"):
        judged.evaluate("encoder:bundled:align", run=first)
    folder = write_report(tmp_path / "report", [ReportInput("spots", judged.store, judged.view)]).parent
    for seen in watched(browser, folder):
        seen.open()
        sources = seen.texts(".study > .scroll tbody td:nth-child(5)")
        assert sources == ["encoder:bundled:align", "not evaluated", "labels"]
        assert seen.page.locator(".against table").first.locator("tbody").count() == 2
        seen.open(f"{GALLERY}&unit=2")
        cards = seen.page.locator(".method").all_inner_texts()
        assert "judged by encoder:bundled:align" in cards[0]
        assert "judged by labels, which makes nothing of this text" in cards[1]
