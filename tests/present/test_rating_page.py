"""The page for blind rating: what is drawn, that it tells nothing of methods, and rating in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from neuronym.errors import StudyError, UnknownNameError, UserError
from neuronym.present.rating import write as module
from neuronym.present.rating.draw import Asked, draw
from neuronym.rating import import_ratings, write_rating
from neuronym.store.rating_key import RatingKey, read_key
from neuronym.study import Study
from rated_study import (
    ALPHA,
    BEST,
    BETA,
    CHOSEN,
    CHOSEN_KEPT,
    GAMMA,
    GREEN,
    MEANS,
    MEANS_KEPT,
    METHODS,
    RATED,
    TITLES,
    make_rated_study,
    rows,
)

_PICTURE = re.compile(r"data:image/[\w+]+;base64,[A-Za-z0-9+/=]*")


@pytest.fixture(scope="session")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Not to be changed; its page is written elsewhere."""
    return make_rated_study(tmp_path_factory.mktemp("rated"))


@pytest.fixture(scope="session")
def place(rated: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page about all units; not to be changed."""
    folder = tmp_path_factory.mktemp("rating") / "an ö page"
    assert write_rating(rated, folder).units == 6
    return folder


@pytest.fixture
def key(place: Path) -> RatingKey:
    return read_key(place)


def texts(key: RatingKey) -> dict[tuple[str, int], set[str]]:
    return {(item.layer, item.unit): {one.description for one in item.options} for item in key.items}


def test_every_described_unit_that_is_not_constant_is_asked_about(key: RatingKey) -> None:
    assert texts(key) == {
        ("relu", 0): {ALPHA[0], BETA[0], GAMMA[0]},
        ("relu", 1): {GREEN, GAMMA[1]},
        ("relu", 2): {ALPHA[2]},
        ("head", 0): {ALPHA[0], BETA[0]},
        ("head", 1): {GREEN},
        ("head", 2): {ALPHA[2]},
    }
    assert {(item.layer, item.unit) for item in key.items if item.best} == set(BEST)
    assert tuple(key.runs.values()) == TITLES
    for item in key.items:
        for one in item.options:
            said = {run.rpartition("-")[0] for run in one.runs}
            assert (
                said
                == {
                    **{ALPHA[0]: {"alphanamer"}, ALPHA[2]: {"alphanamer"}, BETA[0]: {"betanamer"}},
                    **{GREEN: {"alphanamer", "betanamer"}, GAMMA[0]: {"gammanamer"}, GAMMA[1]: {"gammanamer"}},
                }[one.description]
            )
    tokens = [token for item in key.items for token in (item.item, *(one.option for one in item.options))]
    assert len(set(tokens)) == len(tokens)


def test_the_images_are_the_strongest_exemplars(key: RatingKey, rated: Study) -> None:
    for item in key.items:
        shown = rated.view(item.layer).exemplars(item.unit, "mean")
        assert list(item.images) == [one.image_id for one in shown[:10]]
    few = draw(rated.shown, Asked(images=3)).key
    assert {len(item.images) for item in few.items} == {3}


def test_units_are_drawn_by_the_seed_evenly_from_the_layers(rated: Study) -> None:
    def drawn(seed: int, units: int = 4) -> list[tuple[str, int]]:
        return [(item.layer, item.unit) for item in draw(rated.shown, Asked(units=units, seed=seed)).key.items]

    assert drawn(0) == drawn(0)
    many = [drawn(seed) for seed in range(40)]
    assert all([layer for layer, _ in one].count("relu") == 2 for one in many)
    assert {unit for one in many for unit in one} == {(layer, unit) for layer in ("relu", "head") for unit in range(3)}
    assert len({tuple(layer for layer, _ in one) for one in many}) == 6  # every order of two and two
    assert draw(rated.shown, Asked(units=4)).eligible == 6


def test_no_method_is_likely_to_stand_first(rated: Study) -> None:
    first = []
    for seed in range(300):
        keys = draw(rated.shown, Asked(seed=seed, layers=["head"])).key
        first += [item.options[0].description for item in keys.items if len(item.options) == 2]
    assert 0.4 < first.count(ALPHA[0]) / 300 < 0.6


def test_the_page_is_the_same_whoever_said_what(place: Path, tmp_path: Path) -> None:
    """The same texts by other methods give the same bytes: nothing in the page follows from a method."""
    swapped = make_rated_study(tmp_path, alpha="Betanamer", beta="Alphanamer")
    write_rating(swapped)
    assert (swapped.folder / "rating" / "rate.html").read_bytes() == (place / "rate.html").read_bytes()
    assert read_key(swapped.folder / "rating").items != read_key(place).items


def test_the_page_holds_no_name_of_a_method_and_no_run(place: Path, key: RatingKey) -> None:
    page = _PICTURE.sub("", (place / "rate.html").read_text("utf-8"))
    for name in (*METHODS, *key.runs, "clip-dissect", "relu", *(image for item in key.items for image in item.images)):
        assert name.lower() not in page.lower()
    assert all(item.item in page for item in key.items)


def test_the_page_is_one_file_that_loads_nothing(place: Path) -> None:
    page = (place / "rate.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert "innerHTML" not in page
    assert "://" not in _PICTURE.sub("", page).replace("http://www.w3.org/2000/svg", "")
    assert page.count("</script>") == 3
    assert sorted(file.name for file in place.iterdir()) == ["key.json", "rate.html"]


def test_images_are_made_smaller_until_they_fit(rated: Study, tmp_path: Path) -> None:
    big = module.write_rating(tmp_path / "big", rated.shown, Asked()).page.stat().st_size
    small = module.write_rating(tmp_path / "small", rated.shown, Asked(), budget=20_000).page.stat().st_size
    assert small < big / 2


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        (Asked(layers=["reul"]), UnknownNameError, "There is no layer of this study 'reul'. Nearest: relu."),
        (Asked(runs=["alpha"]), UnknownNameError, "There is no run 'alpha'. Nearest: alphanamer-"),
        (Asked(units=0), UserError, "--units is 0. Give at least 1."),
        (Asked(images=-1), UserError, "--images is -1. Give at least 1."),
        (Asked(layers=[]), UserError, "--layers names nothing. Name some, or leave it out for all of them."),
        (Asked(runs=[]), UserError, "--runs names nothing. Name some, or leave it out for all of them."),
    ],
)
def test_what_cannot_be_asked_is_refused(
    rated: Study, tmp_path: Path, asked: Asked, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=re.escape(sentence)):
        write_rating(rated, tmp_path / "page", asked)
    assert not (tmp_path / "page").exists()


def test_without_a_unit_to_rate_nothing_is_written(rated: Study, tmp_path: Path) -> None:
    gamma = [run for run in rated.store.runs if run.startswith("gamma")]
    with pytest.raises(StudyError, match=r"No unit of '.*spots' was described by what was asked for\. Run `neuronym"):
        write_rating(rated, tmp_path / "page", Asked(layers=["head"], runs=gamma))
    bare = Study.create(tmp_path / "bare", model=rated.target, layers=["relu"], images=rated.sources[0], top_k=3)
    with pytest.raises(StudyError, match=r"The activation pass of the study '.*bare' is not done\. Go on with"):
        write_rating(bare)
    bare.probe(device="cpu")
    with pytest.raises(StudyError, match=r"No unit of '.*bare' was described by what was asked for\. Run `neuronym"):
        write_rating(bare)
    bare.explain("scripted_methods:Alphanamer", units=[3, 4])
    with pytest.raises(
        StudyError, match=r"All units that were described in '.*bare' are constant: they have no images to rate by\."
    ):
        write_rating(bare)
    assert not (bare.folder / "rating").exists()


def test_a_page_is_replaced_only_when_asked_and_other_files_stay(rated: Study, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    write_rating(rated, folder)
    before = (folder / "rate.html").read_bytes()
    with pytest.raises(StudyError, match=r"There is a rating page at '.*page' already, and ratings made on it need it"):
        write_rating(rated, folder, Asked(units=2))
    (folder / "ratings-anna.csv").write_text("hours of work")
    (folder / "figures.json").write_text("of the page that was")
    write_rating(rated, folder, Asked(units=2), overwrite=True)
    assert (folder / "rate.html").read_bytes() != before
    assert {file.name for file in folder.iterdir()} == {"key.json", "rate.html", "ratings-anna.csv"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "key.json").write_text("{}")
    with pytest.raises(StudyError, match=r"'.*mine' holds something other than a rating, and is not touched\. Choose"):
        write_rating(rated, tmp_path / "mine", overwrite=True)
    with pytest.raises(StudyError, match=r"'.*key\.json' is a file\. Choose another --out for the rating page\."):
        write_rating(rated, tmp_path / "mine" / "key.json")


class Rater:
    """A browser with the page open, and everything that went wrong in it."""

    def __init__(self, browser: Any, folder: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append("a dialog"))
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.address = f"file://{quote(str(folder))}/rate.html"
        self.page.goto(self.address)
        self.at("start")

    def at(self, place: int | str) -> None:
        self.page.wait_for_function("place => document.body.dataset.at === place", arg=str(place))

    def keys(self, *pressed: str) -> None:
        for one in pressed:
            self.page.keyboard.press(one)

    def start(self, name: str) -> None:
        self.page.keyboard.type(name)
        self.keys("Enter")
        self.page.wait_for_function("() => document.body.dataset.at !== 'start'")

    def checked(self) -> list[str]:
        return self.page.evaluate("[...document.querySelectorAll('input:checked')].map(one => one.value)")

    def download(self) -> tuple[str, list[list[str]]]:
        with self.page.expect_download() as given:
            self.page.locator("#download").click()
        content = Path(given.value.path()).read_text("utf-8")
        return given.value.suggested_filename, list(csv.reader(io.StringIO(content, newline="")))

    def well(self) -> None:
        """Nothing was complained of, and nothing but the page itself was asked for."""
        assert self.problems == []
        assert self.page.evaluate("typeof pwned") == "undefined"
        asked = {url for url in self.requests if not url.startswith(("data:", "blob:"))}
        assert asked == {self.address}
        self.context.close()


@pytest.fixture
def rater(browser: Any, place: Path) -> Iterator[Rater]:
    made = Rater(browser, place)
    yield made
    made.well()


def rate_by_keys(rater: Rater, key: RatingKey) -> None:
    for number, item in enumerate(key.items):
        rater.at(number)
        rater.keys(*(str(RATED[one.description]) for one in item.options))
        if item.best:
            shown = [one.description for one in item.options]
            rater.keys("abc"[shown.index(BEST[item.layer, item.unit])])
        rater.keys("Enter")
    rater.at(len(key.items))


@pytest.mark.slow
def test_rating_with_keys_gives_the_figures_worked_out_by_hand(
    rater: Rater, key: RatingKey, rated: Study, place: Path, tmp_path: Path
) -> None:
    name = 'Zoë "Z", 2'
    rater.start(name)
    rate_by_keys(rater, key)
    assert rater.page.locator("h1").inner_text() == "Done. Thank you!"
    file, cells = rater.download()
    assert file == "ratings-Zoë-Z-2.csv"
    assert cells == [list(row) for row in rows(key, name)]
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "key.json").write_bytes((place / "key.json").read_bytes())
    with (tmp_path / file).open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(cells)
    found = import_ratings(rated, [tmp_path / file], tmp_path / "page")
    assert (found.invalid, found.incomplete, found.unchecked, found.units) == (1, 0, 3, 6)
    for figures, means, chosen in ((found.valid, MEANS, CHOSEN), (found.kept, MEANS_KEPT, CHOSEN_KEPT)):
        assert {one.title: one.rating.value for one in figures.methods if one.rating} == pytest.approx(means)
        assert {one.title: one.chosen.value for one in figures.methods if one.chosen} == pytest.approx(chosen)
    written = json.loads((tmp_path / "page" / "figures.json").read_text("utf-8"))
    assert written["valid"]["methods"][0]["rating"]["value"] == pytest.approx(4)


@pytest.mark.slow
def test_what_was_answered_outlasts_the_page(rater: Rater, key: RatingKey, browser: Any, place: Path) -> None:
    rater.start("anna")
    rater.keys("ArrowRight", "4")
    rater.at(1)
    rater.page.reload()
    rater.at(1)
    assert rater.checked() == ["4"]
    assert rater.page.locator(".progress").inner_text().split("\n")[0] == "anna"
    rater.page.locator(".rater").click()
    rater.at("start")
    rater.start("bert")
    rater.at(0)
    rater.keys("ArrowRight")
    assert rater.checked() == []
    rater.page.locator(".rater").click()
    rater.page.locator(".chip", has_text="anna").click()
    rater.at(1)
    assert rater.checked() == ["4"]
    rater.keys("ArrowUp", "2")
    assert rater.checked() == ["2"]
    name, cells = rater.download()
    assert name == "ratings-anna.csv"
    assert [row for row in cells[1:] if row[3]] == [
        ["anna", key.items[1].item, key.items[1].options[0].option, "2", ""]
    ]


@pytest.mark.slow
def test_keys_go_to_what_is_open_and_back(rater: Rater, key: RatingKey) -> None:
    place = next(number for number, item in enumerate(key.items) if len(item.options) == 3)
    rater.start("anna")
    rater.keys(*["ArrowRight"] * place)
    rater.at(place)

    def active() -> int:
        shown = rater.page.evaluate("[...document.querySelectorAll('.question')].map(one => one.matches('.active'))")
        assert sum(shown) == 1
        return int(shown.index(True))

    rater.keys("ArrowDown", "3")
    assert active() == 2
    rater.keys("5", "9", "0", "x")  # none is an answer to the last question
    assert active() == 3
    assert rater.checked() == ["3", "5"]
    rater.keys("2")
    assert rater.checked() == ["3", "5", key.items[place].options[1].option]
    rater.keys("Enter")
    assert active() == 0
    assert rater.page.locator("#next").inner_text() == "Skip for now"
    rater.keys("1")
    assert rater.page.locator("#next").inner_text() in ("Next", "Finish")
    rater.keys("Enter")
    rater.at(place + 1)
    rater.keys("ArrowLeft")
    rater.at(place)
    assert rater.checked()[:3] == ["1", "3", "5"]
    rater.keys(*["ArrowRight"] * 9)
    rater.at(len(key.items))
    assert rater.page.locator("h1").inner_text() == "1 of 6 are complete"
    assert rater.page.locator(".chip.complete").all_inner_texts() == [str(place + 1)]
    rater.keys("?")
    assert rater.page.locator("dialog[open]").count() == 1
    rater.keys("Escape")
    rater.page.locator("#open").click()
    rater.at(0 if place else 1)


@pytest.mark.slow
def test_tab_and_arrows_work_as_in_any_form(rater: Rater, key: RatingKey) -> None:
    rater.start("anna")
    rater.page.locator(".steps input").first.focus()
    rater.keys("Space", "ArrowRight", "ArrowRight")
    rater.at(0)
    assert rater.checked() == ["3"]
    rater.keys("Tab")
    assert rater.page.evaluate("document.activeElement.closest('.question').matches('.active')")
    if len(key.items[0].options) > 1:
        rater.keys("5")
        assert rater.checked() == ["3", "5"]
    rater.page.locator("#next").focus()
    rater.keys("Enter")
    rater.at(1)  # and not two pages on
    rater.page.locator(".picture").first.click()
    rater.keys("Escape")
    rater.page.wait_for_function("() => !document.querySelector('dialog') && document.activeElement === document.body")


@pytest.mark.slow
def test_a_hostile_description_is_text(rater: Rater, key: RatingKey) -> None:
    rater.start("<b>me</b>")
    seen: set[str] = set()
    for _ in key.items:
        seen |= set(rater.page.locator(".text .said").all_inner_texts())
        rater.keys("ArrowRight")
    assert seen == {one.description for item in key.items for one in item.options}
    assert rater.page.locator("main b, main img[src=x]").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_rates_by_touch(browser: Any, place: Path, key: RatingKey, scheme: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    rater = Rater(browser, place, **phone)
    rater.start("anna")
    for number, item in enumerate(key.items):
        rater.at(number)
        for at in range(len(item.options)):
            step = rater.page.locator(".rate").nth(at).locator("label").nth(3)
            box = step.bounding_box()
            assert min(box["width"], box["height"]) >= 44
            step.tap()
        if item.best:
            rater.page.locator(".choices label").first.tap()
        assert rater.page.evaluate("document.documentElement.scrollWidth") == 390
        rater.page.locator("#next").tap()
    rater.at(len(key.items))
    assert rater.page.locator("h1").inner_text() == "Done. Thank you!"
    rater.well()


@pytest.mark.slow
def test_every_control_has_a_name_and_every_image_a_text(rater: Rater, key: RatingKey) -> None:
    rater.start("anna")
    first = key.items[0]
    images = rater.page.locator(".pictures img")
    count = len(first.images)
    assert [one.get_attribute("alt") for one in images.all()] == [f"Image {at + 1} of {count}" for at in range(count)]
    assert all(image.evaluate("one => one.naturalWidth > 0") for image in images.all())
    question = f"Does the description accurately describe most of the above {count} images?"
    for at, one in enumerate(first.options):
        words = " ".join([question, "ABC"[at], one.description])
        group = rater.page.get_by_role("radiogroup").nth(at)
        name = group.evaluate(
            "one => one.getAttribute('aria-labelledby').split(' ')"
            ".map(id => document.getElementById(id).innerText).join(' ')"
        )
        assert " ".join(name.split()) == words
        assert group.get_by_role("radio", name="5, strongly agree", exact=True).count() == 1
    images.first.click()
    rater.keys("ArrowRight")
    assert rater.page.locator("dialog img").get_attribute("alt") == f"Image 2 of {count}"
    rater.keys("Escape")
    rater.page.wait_for_function("() => !document.querySelector('dialog')")


@pytest.mark.slow
def test_a_browser_that_keeps_nothing_says_so(browser: Any, place: Path) -> None:
    rater = Rater(browser, place)
    rater.page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') }; }")
    rater.start("anna")
    rater.keys("4")
    assert "forgets your answers" in rater.page.locator(".notice").inner_text()
    assert rater.download()[1][1][3] == "4"
    rater.well()
