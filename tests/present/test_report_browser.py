"""The report in a real browser, opened from disk."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from photograph_study import ATTACK, CLASSES, DOT, OWN, OWN_FILE, place_of_dot
from report_page import GALLERY, Seen, check_bullet, check_contrast, fixed, percent, units, watched

pytestmark = pytest.mark.slow


def test_the_overview_shows_the_study(seen: Seen) -> None:
    seen.open()
    page = seen.data("neuronym.report")
    assert seen.texts("h1") == ["spots"]
    assert seen.page.title() == "spots · Neuronym"
    study = page["studies"][0]
    assert seen.texts(".layer h3") == [layer["name"] for layer in study["layers"]] == ["relu", "head"]
    facts = dict(zip(seen.texts(".study > .facts dt"), seen.texts(".study > .facts dd"), strict=True))
    probe = study["probe"]
    assert facts["Model"] == study["model"] == "spots"
    assert facts["Images"] == f"60 · {probe['explain']} to explain, {probe['test']} to test"
    assert facts["Input"] == "40 \u00d7 40"
    first = study["layers"][0]
    made = next(one for one in first["figures"] if one["run"] == first["main"])
    assert seen.texts(".layer .lead-figure strong")[0] == f"{100 * made['states']['supported'] / made['scored']:.0f} %"
    states = ", ".join(f"{count} {name}" for name, count in made["states"].items())
    assert seen.page.locator(".layer").first.locator(".spread-bar").get_attribute("aria-label") == states
    assert seen.texts(".layer:first-of-type .key") == states.split(", ")
    highlights = seen.texts(".layer:first-of-type .highlight > .said")
    assert highlights == [one["label"]["description"] for one in first["highlights"]]
    rows = seen.page.locator(".study > .scroll tbody tr").all_inner_texts()
    assert len(rows) == len(study["runs"]) == 3
    for row, run in zip(rows, study["runs"], strict=True):
        assert run["id"] in row
        assert run["summary"] in row
        assert run["evaluation"]["source"] in row
    assert f"labels from {OWN_FILE}" in rows[2]
    seen.page.locator(".study .provenance summary").click()
    shown = seen.page.locator(".study .provenance").inner_text()
    for value in (
        study["weights_hash"],
        probe["fingerprint"],
        *study["preprocessing"].values(),
        *study["versions"].values(),
        *(run["evaluation"]["at"] for run in study["runs"]),
    ):
        assert value in shown


def test_the_gallery_shows_its_rows(seen: Seen) -> None:
    seen.open(GALLERY)
    page = seen.data("neuronym.pages.get('0/0')")
    assert units(seen) == [0, 1, 2, 3, 4]
    main = page["layer"]["main"]
    for row in page["rows"]:
        card = seen.page.locator(f".card[data-unit='{row['unit']}']")
        label = next((one for one in row["labels"] if one["run"] == main), None)
        words = label["description"] if label and label["description"] is not None else row["silent"]
        assert card.locator(".said").first.text_content() == words
        images = [int(Path(urlsplit(one.get_attribute("src")).path).stem) for one in card.locator("img").all()]
        assert images == [one["image"] for one in row["images"]]
        if label:
            assert card.locator(".badge").inner_text() == label["state"]
            assert card.locator(".badge svg").count() == 1
        assert (card.locator(".bullet").count() == 1) == bool(label and label["held_out"] is not None)
        if label and label["held_out"] is not None:
            assert f"{label['held_out']:.2f}" in card.inner_text()
            assert card.locator(".bullet-band").count() == card.locator(".bullet-floor").count() == 1
    assert seen.texts(".found") == ["5 of 5 units"]


def test_search_narrows_as_one_types(seen: Seen) -> None:
    seen.open(GALLERY)
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("BOLD")
    assert units(seen) == [row for row in (0, 1, 2) if row in units(seen)]
    whole = seen.data("neuronym.pages.get('0/0').rows")
    expected = [row["unit"] for row in whole if any("bold" in text for one in row["labels"] for text in said(one))]
    assert units(seen) == expected
    assert "q=BOLD" in seen.page.url
    seen.page.keyboard.press("Escape")
    assert units(seen) == [0, 1, 2, 3, 4]
    seen.page.locator("input[name=q]").fill("4")
    assert units(seen) == [4]
    seen.page.locator("input[name=q]").fill("no such thing")
    assert units(seen) == []
    seen.page.get_by_role("button", name="Show all").click()
    assert units(seen) == [0, 1, 2, 3, 4]


def said(label: dict[str, Any]) -> list[str]:
    return [(label["description"] or "").lower(), *(text.lower() for text in label["also"])]


def test_sorting_orders_and_is_in_the_address(seen: Seen) -> None:
    seen.open(GALLERY)
    rows = seen.data("neuronym.pages.get('0/0').rows")
    main = seen.data("neuronym.pages.get('0/0').layer.main")
    held = {row["unit"]: next((one["held_out"] for one in row["labels"] if one["run"] == main), None) for row in rows}
    seen.page.locator("select[name=sort]").select_option("r")
    scored = sorted((unit for unit in held if held[unit] is not None), key=lambda unit: -float(held[unit] or 0))
    silent = [unit for unit in held if held[unit] is None]
    assert units(seen) == [*scored, *silent]
    seen.page.get_by_role("button", name="Descending; sort ascending").click()
    assert units(seen) == [*reversed(scored), *silent]
    seen.page.locator("select[name=sort]").select_option("peak")
    assert units(seen) == [row["unit"] for row in sorted(rows, key=lambda row: (-row["high"], row["unit"]))]
    address = seen.page.url
    seen.page.goto("about:blank")
    seen.page.goto(address)
    seen.settled()
    assert units(seen) == [row["unit"] for row in sorted(rows, key=lambda row: (-row["high"], row["unit"]))]


def test_filters_show_what_they_say(seen: Seen) -> None:
    seen.open(f"{GALLERY}&show=silent")
    assert units(seen) == [3, 4]
    options = dict(seen.data("[...document.querySelector('select[name=show]').options].map(o => [o.value, o.text])"))
    for name, text in options.items():
        seen.page.locator("select[name=show]").evaluate(
            "(select, name) => { select.value = name; select.dispatchEvent(new Event('change')); }", name
        )
        assert text.endswith(f"({len(units(seen))})")
    other = seen.data("neuronym.report.studies[0].runs[1].id")
    seen.open(f"{GALLERY}&run={other}&show=unseen")
    assert units(seen) == [2, 4]


def test_a_unit_page_shows_its_data(seen: Seen) -> None:
    seen.open(f"{GALLERY}&unit=1")
    unit = seen.data("neuronym.pages.get('0/0/0')[1]")
    assert seen.texts("h1") == [CLASSES[1]]
    assert seen.texts(".method > .said > bdi") == [label["description"] for label in unit["labels"]]
    assert [
        float(text.removeprefix(" score ").strip().removeprefix("score "))
        for text in seen.texts(".method > .said > .muted")
    ] == [pytest.approx(label["score"], abs=0.01) for label in unit["labels"] if label["score"] is not None]
    for card, label in zip(seen.page.locator(".method").all(), unit["labels"], strict=True):
        found = label["held_out"]
        assert card.locator(".badge").inner_text() == label["state"]
        assert f"held-out r {fixed(found['value'])}" in card.inner_text()
        assert card.locator(".held .interval").inner_text() == f"{fixed(found['low'])} to {fixed(found['high'])}"
        stated = dict(zip(*(card.locator(f".facts {part}").all_inner_texts() for part in ("dt", "dd")), strict=True))
        assert stated["random labels reach"] == fixed(found["floor"])
        assert stated["discrimination"] == fixed(found["metrics"]["discrimination"])
        assert stated["stability"] == percent(found["metrics"]["stability"])
        assert f"judged by {found['source']}" in card.inner_text()
        check_bullet(card, found)
    assert seen.texts(".method:first-child .candidates bdi") == [one["text"] for one in unit["labels"][0]["candidates"]]
    evidence = seen.texts(".evidence bdi")
    assert evidence == [one["text"] for label in unit["labels"] for one in label["evidence"]]
    shown = unit["sets"][0]
    sources = seen.data(
        "[...document.querySelectorAll('.tiles img')].map(i => Number(i.src.match(/(\\d+)\\.webp/)[1]))"
    )
    assert sources == [one["image"]["image"] for one in shown["exemplars"]]
    assert seen.texts(".tiles .tile-foot > :first-child") == [one["image"]["label"] for one in shown["exemplars"]]
    values = [float(text) for text in seen.texts(".tiles .tile-foot > :last-child")]
    assert values == [pytest.approx(one["value"], abs=0.01) for one in shown["exemplars"]]
    samples = seen.data(
        "[...document.querySelectorAll('.samples img')].map(i => Number(i.src.match(/(\\d+)\\.webp/)[1]))"
    )
    assert samples == [one["image"]["image"] for some in shown["ranges"] for one in some["samples"]]
    assert seen.texts(".range h3") == ["Top 0.1 %", "0.1 to 1 %", "1 to 5 %"]
    bins = [int(text.rpartition(": ")[2]) for text in seen.texts(".unit-page .bin title")]
    assert bins == [count for count in shown["histogram"]["counts"] if count]
    assert seen.page.locator(".unit-page .rug").count() == len(shown["exemplars"])
    facts = dict(zip(seen.texts(".unit-body .facts dt"), seen.texts(".unit-body .facts dd"), strict=True))
    assert float(facts["Highest"]) == pytest.approx(unit["high"], abs=0.001)
    assert facts["Not zero at"] == f"{100 * unit['frequency']:.1f} % of positions"
    assert all(seen.data("[...document.images].map(i => i.complete && i.naturalWidth > 0)"))
    seen.page.get_by_role("button", name="by max").click()
    assert seen.texts(".tiles .tile-foot > :first-child") == [
        one["image"]["label"] for one in unit["sets"][1]["exemplars"]
    ]


def test_a_silent_unit_says_why(seen: Seen) -> None:
    seen.open(f"{GALLERY}&unit=3")
    assert seen.texts(".notice") == [seen.data("neuronym.pages.get('0/0/0')[3].note")]
    assert seen.page.locator(".tiles").count() == 0


def test_units_are_leafed_through_in_the_order_of_the_gallery(seen: Seen) -> None:
    seen.open(f"{GALLERY}&sort=peak")
    order = units(seen)
    seen.page.keyboard.press("j")
    seen.page.keyboard.press("j")
    assert seen.data("Number(document.activeElement.dataset.unit)") == order[1]
    seen.page.keyboard.press("Enter")
    seen.settled()
    for step, key in ((2, "j"), (1, "ArrowLeft"), (2, "ArrowRight"), (1, "k")):
        seen.page.keyboard.press(key)
        seen.page.wait_for_function("unit => document.body.dataset.ready.endsWith(`unit=${unit}`)", arg=order[step])
    assert seen.data("document.activeElement.tagName") == "H1"
    seen.page.keyboard.press("u")
    seen.page.wait_for_selector(".gallery")
    seen.page.go_back()
    seen.settled()
    assert seen.page.url.endswith(f"unit={order[1]}")


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_the_hottest_spot_is_drawn_on_the_square(seen: Seen, unit: int) -> None:
    """Independent of the report's arithmetic: where on the screen the canvas is strongest, and where the square is."""
    seen.open(f"{GALLERY}&unit={unit}")
    found = seen.data(
        """[...document.querySelectorAll('.tiles .picture')].map(picture => {
          const image = picture.querySelector('img').getBoundingClientRect();
          const canvas = picture.querySelector('canvas');
          const place = canvas.getBoundingClientRect();
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          let best = 0, x = 0, y = 0, count = 0;
          for (let at = 0; at < data.length / 4; at += 1) {
            const heat = 4 * data[4 * at + 3] + data[4 * at] + data[4 * at + 1];
            if (heat > best) [best, x, y, count] = [heat, 0, 0, 0];
            if (heat === best) { x += at % canvas.width + 0.5; y += Math.floor(at / canvas.width) + 0.5; count += 1; }
          }
          return [picture.querySelector('img').alt,
            (place.left - image.left + x / count / canvas.width * place.width) / image.width,
            (place.top - image.top + y / count / canvas.height * place.height) / image.height];
        })"""
    )
    sides = {"landscape": (120, 80), "portrait": (80, 120)}
    assert len(found) == 8
    for alt, x, y in found:
        number = int(alt.partition(".png")[0].rpartition("-")[2])
        width, height = sides["landscape" if number % 2 else "portrait"]
        left, top = place_of_dot(number, width, height)
        assert left - 4 <= x * width <= left + DOT + 4
        assert top - 4 <= y * height <= top + DOT + 4


def test_overlays_switch_and_are_in_the_address(seen: Seen) -> None:
    seen.open(f"{GALLERY}&unit=0")
    assert seen.page.locator(".picture.heat canvas").count() == 8
    seen.page.keyboard.press("o")
    assert seen.page.locator(".picture.region canvas").count() == 8
    assert seen.page.url.endswith("show=region")
    seen.page.get_by_role("button", name="Plain").click()
    assert seen.page.locator(".tiles canvas").count() == 0
    seen.open(f"{GALLERY}&unit=0&show=region")
    lit = seen.data(
        """[...document.querySelectorAll('.tiles canvas')].map(canvas => {
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          let clear = 0;
          for (let at = 3; at < data.length; at += 4) clear += data[at] < 128;
          return clear / (data.length / 4);
        })"""
    )
    assert all(share < 0.25 for share in lit)
    assert max(lit) > 0


def test_an_exemplar_enlarges_and_leafs(seen: Seen) -> None:
    seen.open(f"{GALLERY}&unit=0")
    exemplars = seen.data("neuronym.pages.get('0/0/0')[0].sets[0].exemplars")
    seen.page.locator(".tile").first.click()
    assert seen.texts("dialog .said") == [exemplars[0]["image"]["label"]]
    seen.page.keyboard.press("ArrowRight")
    assert seen.texts("dialog .said") == [exemplars[1]["image"]["label"]]
    assert exemplars[1]["image"]["name"] in seen.texts("dialog .caption .muted")[0]
    seen.page.keyboard.press("Escape")
    seen.page.locator("dialog").wait_for(state="detached")  # the close event comes a moment after the key
    assert seen.data("document.body.dataset.ready").endswith("unit=0")


def test_hostile_names_are_shown_literally(seen: Seen) -> None:
    own = seen.data_of_run(2)
    seen.open(f"{GALLERY}&run={own}")
    assert OWN["relu", 2] in seen.data("document.body.textContent")
    seen.open()
    assert OWN_FILE in seen.data("document.body.textContent")
    assert f"One label for all: {CLASSES[2]}" in seen.page.locator(".against").first.inner_text()
    assert seen.page.locator("tr.constant b").count() == 0
    addresses = (f"{GALLERY}&run={own}&view=list", f"{GALLERY}&run={own}&unit=2")
    for address in (
        "",
        GALLERY,
        *addresses,
        f"{GALLERY}&view=list",
        f"{GALLERY}&unit=0",
        f"{GALLERY}&q={quote(ATTACK)}",
    ):
        seen.open(address)
        assert seen.page.locator("img[src=x]").count() == 0
        assert seen.page.locator("b").count() == 0
        assert CLASSES[0] in seen.data("document.body.textContent")
    seen.open(f"{GALLERY}&unit=0")
    assert seen.page.locator(".tile").first.get_attribute("title").startswith(ATTACK)
    hostile = quote("<img src=x onerror=pwned()>")
    seen.open(f"study={hostile}&layer={hostile}")
    assert ATTACK in seen.texts(".problem p")[0]
    seen.open(f"{GALLERY}&unit=99999")
    assert seen.texts(".problem p")[0] == "relu has no unit 99999."


def test_every_image_and_button_has_a_name(seen: Seen) -> None:
    for address in ("", GALLERY, f"{GALLERY}&unit=0", "study=spots&layer=head&unit=1"):
        seen.open(address)
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        nameless = seen.data(
            "[...document.querySelectorAll('main img')].filter(i => !i.alt.trim()).length"
            " + [...document.querySelectorAll('button, a, input, select')]"
            ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.querySelector('img'))).length"
        )
        assert nameless == 0
        assert seen.page.locator("h1").count() == 1
        levels = seen.data(
            "[...document.querySelectorAll('h1,h2,h3,h4')].filter(e => e.checkVisibility()).map(e => +e.tagName[1])"
        )
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_theme_follows_the_system_and_the_key(browser: Any, report: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        for seen in watched(browser, report, color_scheme=scheme):
            seen.open(f"{GALLERY}&unit=0")
            grounds[scheme] = seen.data("getComputedStyle(document.body).backgroundColor")
            seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            check_contrast(seen)
            seen.page.keyboard.press("t")
            grounds[f"{scheme} switched"] = seen.data("getComputedStyle(document.body).backgroundColor")
            check_contrast(seen)
            seen.page.reload()
            seen.settled()
            assert seen.data("getComputedStyle(document.body).backgroundColor") == grounds[f"{scheme} switched"]
    assert grounds["light"] == grounds["dark switched"] == "rgb(250, 249, 246)"
    assert grounds["dark"] == grounds["light switched"] == "rgb(19, 18, 21)"


@pytest.mark.parametrize(
    "address", ["", GALLERY, f"{GALLERY}&view=list", f"{GALLERY}&unit=0", f"{GALLERY}&show=unsupported&run=OWN"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_page_without_scrolling_sideways(
    browser: Any, report: Path, address: str, scheme: str
) -> None:
    for seen in watched(browser, report, color_scheme=scheme):
        seen.page.set_viewport_size({"width": 360, "height": 740})
        seen.open(address.replace("OWN", seen.data_of_run(2)))
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert seen.data("document.documentElement.scrollWidth") <= 360
        check_contrast(seen)


def test_paper_is_light_in_both_themes(browser: Any, report: Path) -> None:
    for seen in watched(browser, report, color_scheme="dark"):
        seen.page.emulate_media(media="print")
        for themed in ("", "dark"):
            seen.open(f"{GALLERY}&unit=0")
            seen.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", themed)
            assert seen.data("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert not seen.page.locator(".bar").is_visible()
            check_contrast(seen)


def test_without_storage_the_theme_still_switches(browser: Any, report: Path) -> None:
    for seen in watched(browser, report):
        seen.page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
        seen.open()
        seen.page.keyboard.press("t")
        assert seen.data("document.documentElement.dataset.theme") == "dark"


def test_the_policy_forbids_the_outside_and_inline_code(seen: Seen) -> None:
    seen.open()
    blocked = seen.data(
        """async () => {
          const seen = [];
          document.addEventListener('securitypolicyviolation', event => seen.push(event.effectiveDirective));
          const image = new Image();
          image.src = 'https://outside.invalid/a.png';
          const script = document.createElement('script');
          script.textContent = 'window.pwned = 1';
          document.body.append(script);
          const handler = document.createElement('p');
          handler.setAttribute('onclick', 'window.pwned = 1');
          document.body.append(handler);
          handler.click();
          await new Promise(resolve => setTimeout(resolve, 200));
          return seen;
        }"""
    )
    assert {"img-src", "script-src-elem", "script-src-attr"} <= set(blocked)
    seen.problems.clear()  # that the browser complained is what was asked for
    seen.requests[:] = [url for url in seen.requests if "outside.invalid" not in url]


def test_a_missing_file_is_said(browser: Any, report: Path, tmp_path: Path) -> None:
    folder = tmp_path / "holes"
    shutil.copytree(report, folder)
    (folder / "data" / "0" / "0" / "gallery.js").unlink()
    for seen in watched(browser, folder):
        seen.open(GALLERY)
        assert seen.texts(".problem p")[0] == "The report's file data/0/0/gallery.js is missing or damaged."
        assert seen.problems
        seen.problems.clear()


def test_help_lists_the_keys(seen: Seen) -> None:
    seen.open()
    seen.page.keyboard.press("?")
    assert "search" in seen.page.locator("dialog").inner_text()
    seen.page.keyboard.press("Escape")
    seen.page.locator("dialog").wait_for(state="detached")  # the close event comes a moment after the key


def test_page_data_in_the_browser_are_those_of_the_folder(seen: Seen, report: Path) -> None:
    seen.open()
    assert seen.data("neuronym.report") == json.loads((report / "report.json").read_text("utf-8"))["report"]
