"""Occlusion fields and patches of the report in a real browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dissected_study import ATTACK
from neuronym.explain.patches import Patches
from neuronym.records import OcclusionRule
from neuronym.study import Study
from occluded_study import COLOUR, EXEMPLARS
from report_page import Seen, check_contrast, watched

pytestmark = pytest.mark.slow

LAYER = "study=covered&layer=relu"
TRIPLES = f"{LAYER}&unit=0&show=occlusion"

DRAWN = """([place, panel]) => {
  const picture = document.querySelectorAll('.triple')[place].querySelector(`[data-panel=${panel}] .picture`);
  const canvas = picture.querySelector('canvas');
  return canvas === null ? null : canvas.toDataURL('image/png');
}"""

LARGE = """([side, rows]) => {
  // Of an image that is wider than it is seen: only a square of `side` in its middle.
  const frame = [0.25, 0, 0.75, 1];
  const view = {image: 0, name: 'n', label: null, width: 400, height: 200, frame, seen: frame};
  const cover = {image: 0, highest: 1, share: 0.5, field: btoa('\\0\\xff\\xff\\0'), rows: 2, columns: 2, box: null,
    patch: btoa(String.fromCharCode(...rows)), patchRows: side, patchColumns: side, colour: [1, 2, 3]};
  const drawn = neuronym.triple(view, {words: 'w', scale: null, map: null, cover, pixels: 50});
  const canvas = drawn.querySelector('[data-panel=patch] canvas');
  return canvas.toDataURL('image/png');
}"""

VISIBLE = """() => [...document.querySelectorAll('main .triple')].map(
  each => [...each.children].filter(one => one.checkVisibility()).map(one => one.dataset.panel).join())"""


@pytest.fixture
def covered(browser: Any, occluded_report: Path) -> Iterator[Seen]:
    yield from watched(browser, occluded_report)


def drawn(seen: Seen, place: int, panel: str) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    found = seen.page.evaluate(DRAWN, [place, panel])
    return None if found is None else pixels_of(found)


def pixels_of(address: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Red, green, blue and alpha of a drawn canvas, [height, width, 4]."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))


@pytest.mark.parametrize(("unit", "place"), [(0, 0), (2, 0), (0, 1), (0, 2), (1, 1)])
def test_patches_are_what_the_encoder_was_given(covered: Seen, occluded: Study, unit: int, place: int) -> None:
    """By half of the maximum twice, by degrees, by Otsu's threshold, and a box."""
    covered.open(f"{LAYER}&unit={unit}")
    covered.page.locator(".method").nth(place).get_by_role("button", name="Show its patches").click()
    page = covered.data(f"neuronym.pages.get('0/0/0')[{unit}].occlusions[{place}]")
    view = occluded.view("relu")
    rule = OcclusionRule.from_spec(occluded.store.manifest.runs[page["run"]]["occlusion_rule"])
    patches, triples = Patches(view, view.occlusions(rule)), covered.page.locator(".triple")
    exemplars = view.exemplars(unit, rule.summary, maps=False)[: page["exemplars"]]
    assert triples.count() == len(exemplars) == len(page["images"])
    for at, exemplar in enumerate(exemplars):
        patch, found = patches.of(unit, exemplar.index), drawn(covered, at, "patch")
        assert (patch is None) == (found is None)
        if patch is None or found is None:
            assert "no occlusion changes the unit" in triples.nth(at).inner_text()
            continue
        pixels, share = np.asarray(view.image(exemplar.index), np.float64), 1 - found[:, :, 3:] / 255
        given = pixels * share + np.array(COLOUR) * (1 - share)
        assert np.abs(given - np.asarray(patch.picture)).max() <= (0.5 if page["masking"] != "soft" else 2)
        outside = found[:, :, 3] == 255
        assert outside.any()
        assert (found[outside][:, :3] == COLOUR).all()
        field, activation = drawn(covered, at, "field"), drawn(covered, at, "activation")
        assert field is not None
        assert activation is not None
        assert not np.array_equal(field, activation)


def test_the_field_is_hottest_where_it_is_highest(covered: Seen, occluded: Study) -> None:
    covered.open(TRIPLES)
    view = occluded.view("relu")
    first = view.exemplars(0, "max", maps=False)[0]
    rule = OcclusionRule.from_spec(occluded.store.manifest.runs[occluded.store.runs[0]]["occlusion_rule"])
    stored, found = view.occlusions(rule).found(first.index, 0), drawn(covered, 0, "field")
    assert stored is not None
    assert found is not None
    high, low = stored.field >= 0.9 * stored.field.max(), stored.field == 0
    across = (np.arange(found.shape[1]) * 48) // found.shape[1]
    down = (np.arange(found.shape[0]) * 48) // found.shape[0]
    alpha = found[:, :, 3].astype(int)
    assert alpha[high[np.ix_(down, across)]].mean() > 180
    assert alpha[low[np.ix_(down, across)]].mean() < 10


@pytest.mark.parametrize("side", [8, 224])
def test_patches_of_large_images_are_drawn_cell_by_cell(covered: Seen, side: int) -> None:
    covered.open(TRIPLES)
    rng = np.random.default_rng(side)
    mask = np.kron(rng.random((8, 8)) < 0.4, np.ones((side // 8, side // 8))) > 0
    # Lengths of runs by turns, the first outside, by a plain loop.
    lengths, inside = [0], False
    for cell in mask.ravel().tolist():
        if cell != inside:
            lengths.append(0)
            inside = cell
        lengths[-1] += 1
    data = [byte for length in lengths for byte in ([length] if length < 128 else [length % 128 + 128, length // 128])]
    assert max(lengths) < 2**14
    alpha = pixels_of(covered.page.evaluate(LARGE, [side, data]))[:, :, 3]
    height, width = alpha.shape
    assert (width, height) == ((50, 25) if side == 8 else (448, 224))
    for y in range(height):
        for x in range(width):
            row, column = int((y + 0.5) / height * side), ((x + 0.5) / width - 0.25) * 2 * side
            known = 0 <= column < side and bool(mask[row, int(column)])
            assert alpha[y, x] == (0 if known else 255)


def test_the_switch_has_occlusion_and_says_what_it_is(covered: Seen) -> None:
    covered.open(f"{LAYER}&unit=0")
    assert covered.page.locator(".picture.heat canvas").count() == 6
    assert covered.page.locator(".triple").count() == 0
    covered.page.get_by_role("button", name="Occlusion", exact=True).click()
    assert covered.page.url.endswith("show=occlusion")
    assert covered.page.locator(".triple").count() == EXEMPLARS
    assert covered.page.locator(".triples + .uncovered + .tiles > li").count() == 2
    assert covered.texts(".uncovered") == ["The run looked at the first 4 by max, not at these:"]
    words = " ".join(covered.texts(".mask-words p"))
    assert "where a square of 9\u00a0\u00d7\u00a09\u00a0px changes the unit\u2019s max" in words
    assert "where the field is at least half of its highest" in words
    assert "approximate" not in words
    facts = covered.page.locator(".method").nth(2).locator(".cover-facts").inner_text()
    assert "5\u00a0\u00d7\u00a05\u00a0px, every 3\u00a0px" in facts
    assert "approximate (coarse to fine, every 2nd place first)" in facts
    assert "3 by max" in facts
    covered.page.keyboard.press("j")
    covered.settled()
    assert covered.page.locator(".triple").count() == EXEMPLARS, "it remembers"
    for show in ("none", "", "region", "occlusion"):
        covered.page.keyboard.press("o")
        assert covered.page.url.endswith(f"show={show}" if show else "unit=1")


def test_boxes_lie_about_the_patches(covered: Seen) -> None:
    covered.open(TRIPLES)
    images = covered.data("neuronym.pages.get('0/0/0')[0].occlusions[0].images")
    for at, one in enumerate(images):
        for panel in ("field", "patch"):
            picture = covered.page.locator(".triple").nth(at).locator(f"[data-panel={panel}] .picture")
            whole, found = picture.bounding_box(), picture.locator(".patch-box").bounding_box()
            for side, size, low, high in (("x", "width", 0, 2), ("y", "height", 1, 3)):
                assert found[side] - whole[side] == pytest.approx(one["box"][low] * whole[size], abs=1)
                assert found[size] == pytest.approx((one["box"][high] - one["box"][low]) * whole[size], abs=1)


def test_each_run_has_its_own_patches(covered: Seen) -> None:
    covered.open(TRIPLES)
    third = covered.page.locator(".method").nth(2)
    third.get_by_role("button", name="Show its patches").click()
    assert covered.page.locator(".triple").count() == 3
    again = third.get_by_role("button", name="Hide its patches")
    assert again.evaluate("each => each === document.activeElement"), "the focus stays"
    again.click()
    assert covered.page.locator(".triple").count() == 0
    assert covered.page.locator(".picture.heat canvas").count() == 6
    covered.open(f"{LAYER}&unit=4&show=occlusion")
    assert covered.page.get_by_role("button", name="Show its patches").count() == 0
    assert covered.page.locator(".cover-facts").count() == 1


def test_the_lightbox_has_all_three(covered: Seen) -> None:
    covered.open(TRIPLES)
    one = covered.data("neuronym.pages.get('0/0/0')[0].occlusions[0].images[0]")
    covered.page.locator(".triples .tile").first.click()
    assert covered.page.locator(".stage canvas").count() == 3
    sizes = [each.bounding_box() for each in covered.page.locator(".stage .picture").all()]
    assert all(box["width"] > 250 for box in sizes)
    assert len({box["y"] for box in sizes}) == 1
    caption = covered.page.locator(".caption").inner_text()
    assert f"{100 * one['share']:.1f} % of what the network saw" in caption
    covered.page.keyboard.press("ArrowLeft")  # the last exemplar, which the run did not look at
    assert covered.page.locator(".stage canvas").count() == 1
    assert "network saw" not in covered.page.locator(".caption").inner_text()
    covered.page.keyboard.press("ArrowRight")
    covered.page.keyboard.press("o")
    assert covered.page.locator(".stage .triple").count() == 0


def test_screen_readers_are_told_all_three(covered: Seen) -> None:
    covered.open(TRIPLES)
    alts = [one.get_attribute("alt") for one in covered.page.locator(".triple").first.locator("img").all()]
    assert [alt.split(":")[0].split(",")[0] for alt in alts] == ["Exemplar 1 of unit 0", "Occlusion field", "Patch"]
    assert ATTACK in covered.texts(".candidates bdi") or ATTACK in " ".join(covered.texts(".method"))


def test_a_phone_shows_one_of_the_three(covered: Seen) -> None:
    covered.page.set_viewport_size({"width": 390, "height": 800})
    covered.open(TRIPLES)
    for name, panel in (("Patch", "patch"), ("Activation", "activation"), ("Field", "field")):
        covered.page.get_by_role("button", name=name, exact=True).click()
        assert covered.data(VISIBLE) == [panel] * EXEMPLARS
        assert covered.data("document.documentElement.scrollWidth") <= 390
    covered.page.locator(".triples .tile").first.click()
    dialog = covered.page.locator("dialog")
    dialog.get_by_role("button", name="Patch", exact=True).click()
    assert dialog.locator(".panel:visible").count() == 1
    assert dialog.locator(".panel:visible").get_attribute("data-panel") == "patch"
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    covered.page.keyboard.press("Escape")
    assert covered.data(VISIBLE) == ["patch"] * EXEMPLARS, "one choice for all"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_are_readable_and_nothing_is_wider_than_a_phone(browser: Any, occluded_report: Path, theme: str) -> None:
    for seen in watched(browser, occluded_report, color_scheme=theme):
        for unit in (0, 2, 4):
            for width in (390, 1200):
                seen.page.set_viewport_size({"width": width, "height": 800})
                seen.open(f"{LAYER}&unit={unit}&show=occlusion")
                check_contrast(seen)
                assert seen.data("document.documentElement.scrollWidth") <= width
