"""Masks and detectors of the report in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from dissected_study import ATTACK
from report_page import Seen, check_contrast, units, watched

pytestmark = pytest.mark.slow

LAYER = "study=street&layer=relu"

KINDS_DRAWN = """([unit, place]) => {
  const masks = neuronym.pages.get('0/0/0')[unit].masks[0];
  const picture = document.querySelectorAll('.tiles .picture')[place];
  const number = Number(picture.querySelector('img').src.match(/(\\d+)\\.webp/)[1]);
  const one = masks.images.find(each => each.image === number);
  const canvas = picture.querySelector('canvas');
  if (one.cells === null) return [[], canvas === null];
  const bytes = [...atob(one.cells)].map(letter => letter.charCodeAt(0));
  const kinds = bytes.flatMap(byte => Array((byte >> 2) + 1).fill(byte & 3));
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const found = new Set();
  for (let row = 1; row < masks.rows - 1; row += 1) for (let column = 1; column < masks.columns - 1; column += 1) {
    const at = row * masks.columns + column;
    const around = [-1, 0, 1].flatMap(y => [-1, 0, 1].map(x => kinds[at + y * masks.columns + x]));
    if (around.some(kind => kind !== kinds[at])) continue;
    const x = Math.floor((column + 0.5) / masks.columns * canvas.width);
    const y = Math.floor((row + 0.5) / masks.rows * canvas.height);
    found.add([kinds[at], ...data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4)].join(' '));
  }
  return [[...found].map(one => one.split(' ').map(Number)), true];
}"""


@pytest.fixture
def street(browser: Any, dissected_report: Path) -> Iterator[Seen]:
    yield from watched(browser, dissected_report)


def kind_of(red: int, green: int, blue: int, alpha: int) -> int:
    """Clear 0; orange, only the unit, 1; blue, only the concept, 2; yellow, both, 3."""
    if alpha == 0:
        return 0
    if blue > red:
        return 2
    return 3 if green > 0.75 * red else 1


def iou_words(one: dict[str, Any]) -> str:
    either = one["both"] + one["unit"] + one["concept"]
    if one["cells"] is None:
        return "not annotated"
    value = one["both"] / either
    return f"IoU {'0' if value == 0 else '1' if value == 1 else f'{value:.2f}'.removeprefix('0')}"


def check_crop(picture: Any) -> None:
    """The masks cover the square in the middle of a picture, as the network's input does."""
    whole, over = picture.bounding_box(), picture.locator("canvas").bounding_box()
    side = min(whole["width"], whole["height"])
    assert max(whole["width"], whole["height"]) == pytest.approx(1.5 * side, rel=0.02)
    for start, size in (("x", "width"), ("y", "height")):
        assert over[size] == pytest.approx(side, abs=1)
        assert over[start] - whole[start] == pytest.approx((whole[size] - side) / 2, abs=1)


def test_masks_are_drawn_where_they_are(street: Seen) -> None:
    seen_kinds = set()
    for unit in (0, 2):
        street.open(f"{LAYER}&unit={unit}&show=masks")
        tiles = street.page.locator(".tiles .picture").count()
        assert tiles == 8
        for place in range(tiles):
            found, right = street.page.evaluate(KINDS_DRAWN, [unit, place])
            assert right
            if found:
                check_crop(street.page.locator(".tiles .picture").nth(place))
            for kind, *colour in found:
                assert kind_of(*colour) == kind
                seen_kinds.add(kind)
    assert seen_kinds == {0, 1, 2, 3}


def test_the_switch_has_masks_and_the_address_keeps_them(street: Seen) -> None:
    street.open(f"{LAYER}&unit=0")
    unit = street.data("neuronym.pages.get('0/0/0')[0]")
    assert street.page.locator(".picture.heat canvas").count() == 8
    assert street.page.locator(".mask-key").count() == 0
    street.page.get_by_role("button", name="Masks", exact=True).click()
    assert street.page.url.endswith("show=masks")
    masks = unit["masks"][0]
    assert street.texts(".mask-key li") == ["both", "only the unit", f"only {masks['concept']}"]
    assert street.page.locator(".mask-key canvas").count() == 3
    words = street.texts(".mask-words p")[0]
    title = street.data("neuronym.report.studies[0].runs[0].title")
    assert title == "net-dissect \u00b7 quantile 0.95"
    assert words.startswith(f"{title}: The unit counts as active above ")
    assert ", the 95 % quantile of its activations. IoU: " in words
    assert words.endswith(", of 48\u00a0\u00d7\u00a048 over what the network saw.")
    by_number = {one["image"]: one for one in masks["images"]}
    expected = [iou_words(by_number[one["image"]["image"]]) for one in unit["sets"][0]["exemplars"]]
    assert street.texts(".tile-foot > :last-child") == expected
    assert "not annotated" in expected
    alts = [one.get_attribute("alt") for one in street.page.locator(".tiles img").all()]
    assert all(alt.endswith(f", {words}") for alt, words in zip(alts, expected, strict=True))
    street.page.keyboard.press("j")
    street.settled()
    assert street.page.locator(".picture.masks").count() > 0, "it remembers"
    for show in ("none", "", "region", "masks"):
        street.page.keyboard.press("o")
        assert street.page.url.endswith(f"show={show}" if show else "unit=1")


def test_the_lightbox_says_the_agreement(street: Seen) -> None:
    street.open(f"{LAYER}&unit=0&show=masks")
    masks = {one["image"]: one for one in street.data("neuronym.pages.get('0/0/0')[0].masks[0].images")}
    exemplars = street.data("neuronym.pages.get('0/0/0')[0].sets[0].exemplars")
    place = next(at for at, one in enumerate(exemplars) if masks[one["image"]["image"]]["cells"] is not None)
    one = masks[exemplars[place]["image"]["image"]]
    street.page.locator(".tile").nth(place).click()
    either = one["both"] + one["unit"] + one["concept"]
    caption = street.page.locator(".caption").inner_text()
    assert f"{iou_words(one)}: {one['both']} cells in both masks, {either} in either" in caption
    assert street.page.locator(".caption .mask-key li").count() == 3
    assert street.page.locator(".stage canvas").count() == 1
    street.page.keyboard.press("o")
    assert "IoU" not in street.page.locator(".caption").inner_text()


def test_each_run_has_its_own_masks(street: Seen) -> None:
    street.open(f"{LAYER}&unit=0")
    both = street.data("neuronym.pages.get('0/0/0')[0].masks")
    assert len(both) == 2
    street.page.locator(".method").nth(1).get_by_role("button", name="Show its masks").click()
    words = street.texts(".mask-words p")[0]
    assert words.startswith("net-dissect \u00b7 threshold 0.05: The unit counts as active above 0.050. IoU")
    again = street.page.locator(".method").nth(1).get_by_role("button", name="Hide its masks")
    assert again.evaluate("each => each === document.activeElement"), "the focus stays"
    top = street.page.locator(".section-head").first.bounding_box()["y"]
    assert street.page.locator("header").first.bounding_box()["height"] <= top < 400, "what was asked for is in view"
    by_number = {one["image"]: one for one in both[1]["images"]}
    exemplars = street.data("neuronym.pages.get('0/0/0')[0].sets[0].exemplars")
    shown = [iou_words(by_number[one["image"]["image"]]) for one in exemplars]
    assert street.texts(".tile-foot > :last-child") == shown
    again.click()
    assert street.page.locator(".picture.heat canvas").count() == 8
    street.open(f"{LAYER}&unit=3&show=masks")
    assert street.page.get_by_role("button", name="Hide its masks").count() == 1
    assert street.page.get_by_role("button", name="Show its masks").count() == 0


def test_units_without_masks_show_what_they_have(seen: Seen) -> None:
    seen.open("study=spots&layer=relu&unit=0&show=masks")
    assert seen.texts(".switch[aria-label^=Overlay] button") == ["Heat", "Region", "Plain"]
    assert seen.page.locator(".picture.heat canvas").count() == 8
    seen.open("study=spots&layer=relu")
    assert seen.page.locator(".detectors, .tag").count() == 0
    seen.open()
    assert seen.page.locator(".by-layer, .detector-words").count() == 0


def test_categories_and_evidence_stand_beside_the_label(street: Seen) -> None:
    street.open(f"{LAYER}&unit=0")
    label = street.data("neuronym.pages.get('0/0/0')[0].labels[0]")
    assert street.texts(".named .tag") == [label["category"]]
    first = street.page.locator(".method").first
    assert first.locator(".said .tag").inner_text() == label["category"]
    kinds = list(dict.fromkeys(one["kind"] for one in label["evidence"]))
    names = [{"best": "best by category"}.get(kind, kind) for kind in kinds]
    assert first.locator(".evidence .kind").all_inner_texts() == names
    assert first.locator(".evidence bdi").all_inner_texts() == [one["text"] for one in label["evidence"]]
    street.open(LAYER)
    rows = street.data("neuronym.pages.get('0/0').rows")
    main = street.data("neuronym.pages.get('0/0').layer.main")
    for row in rows:
        own = next(one for one in row["labels"] if one["run"] == main)
        tags = street.page.locator(f".card[data-unit='{row['unit']}'] .tag").all_inner_texts()
        assert tags == ([own["category"]] if own["category"] else [])


def test_bars_are_the_counts_and_lead_to_their_units(street: Seen) -> None:
    street.open(LAYER)
    page = street.data("neuronym.pages.get('0/0')")
    main = page["layer"]["main"]
    found = next(one for one in page["layer"]["figures"] if one["run"] == main)["detectors"]
    bars = street.page.locator(".towers a")
    expected = [(group["category"], one["concept"], one["units"]) for group in found for one in group["concepts"]]
    words = [bar.get_attribute("aria-label") for bar in bars.all()]
    assert words == [f"{name} ({category}): {count} unit{'s' * (count > 1)}" for category, name, count in expected]
    heights = [bar.locator(".tower").bounding_box()["height"] for bar in bars.all()]
    most = max(count for *_, count in expected)
    assert heights == [pytest.approx(100 * count / most, abs=1) for *_, count in expected]
    assert street.texts(".categories .category-name") == [group["category"] for group in found]
    assert ATTACK in {name for _, name, _ in expected}
    for at, (category, name, _) in enumerate(expected):
        bars.nth(at).focus()
        street.page.keyboard.press("Enter")
        asked = parse_qs(street.page.url.partition("#")[2])
        assert (asked["label"], asked["category"]) == ([name], [category])
        assert units(street) == units_called(page, main, name, category)
        assert street.texts(".called > .said") == [name]
        assert bars.nth(at).get_attribute("aria-current") == "true"
        assert street.page.locator(".towers [aria-current]").count() == 1
        assert parse_qs((bars.nth(at).get_attribute("href") or "").partition("#")[2])["label"] == [name]
    street.page.get_by_role("button", name="Show units of all descriptions").click()
    assert len(units(street)) == 5
    assert not street.page.locator(".called").is_visible()


LONG_NAMES = """() => {
  const [study] = neuronym.report.studies;
  const concepts = ['a', 'the end of a very long name', 'b'].map(concept => ({concept, units: 2}));
  const made = {run: 0, detectors: [{category: 'part', concepts}, {category: 'x'.repeat(40), concepts}]};
  const drawn = neuronym.detectors(study, study.layers[0], made, {open: true, choose: null});
  document.querySelector('.gallery').prepend(drawn);
  const edge = drawn.querySelector('.towers').getBoundingClientRect();
  return [...drawn.querySelectorAll('.towers text')].map(each => each.getBoundingClientRect()).every(
    box => box.left >= edge.left && box.right <= edge.right && box.top >= edge.top && box.bottom <= edge.bottom);
}"""


def test_long_names_of_concepts_are_not_cut_off(street: Seen) -> None:
    street.open(LAYER)
    assert street.page.evaluate(LONG_NAMES)
    street.page.set_viewport_size({"width": 390, "height": 800})
    # The gallery lays its rows out again one frame after the window has changed.
    street.page.wait_for_function("document.documentElement.scrollWidth <= 390", timeout=10_000)


def units_called(page: dict[str, Any], run: int, name: str | None, category: str) -> list[int]:
    """The units that a run describes so."""
    return [
        row["unit"]
        for row in page["rows"]
        for one in row["labels"]
        if one["run"] == run and one["description"] is not None
        if one["category"] == category and name in (None, one["description"])
    ]


def test_layers_stand_side_by_side_in_the_overview(street: Seen) -> None:
    street.open()
    layers = street.data("neuronym.report.studies[0].layers")
    bars = street.page.locator(".by-layer .towers a")
    expected = []
    for card in layers:
        found = next(one for one in card["figures"] if one["run"] == 0)["detectors"]
        for group in found:
            total = sum(one["units"] for one in group["concepts"])
            count = len(group["concepts"])
            unique = f"{count} unique detector{'s' * (count > 1)}"
            expected.append(f"{card['name']}, {group['category']}: {unique}, {total} unit{'s' * (total > 1)}")
    assert [bar.get_attribute("aria-label") for bar in bars.all()] == expected
    assert street.texts(".by-layer .towers .name") == ["relu", "pool"]
    bars.last.click()
    street.settled()
    asked = parse_qs(street.page.url.partition("#")[2])
    assert asked["layer"] == ["pool"]
    street.page.wait_for_selector(".card")
    page = street.data("neuronym.pages.get('0/1')")
    assert units(street) == units_called(page, 0, None, asked["category"][0])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_are_readable_and_nothing_is_wider_than_a_phone(browser: Any, dissected_report: Path, theme: str) -> None:
    for seen in watched(browser, dissected_report, color_scheme=theme):
        for address in ("", LAYER, f"{LAYER}&unit=0&show=masks"):
            for width in (390, 1200):
                seen.page.set_viewport_size({"width": width, "height": 800})
                seen.open(address)
                check_contrast(seen)
                assert seen.data("document.documentElement.scrollWidth") <= width
