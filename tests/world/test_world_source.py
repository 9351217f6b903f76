"""The world as probe images: split, labelled by what is in the scenes, and found again by name."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from neuronym import plugins
from neuronym.errors import ProbeError, StudyError, UserError
from neuronym.probes import ProbeSet, index
from neuronym.probes.sources import Source
from neuronym.study import Study
from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import presence
from neuronym.world.render import render
from neuronym.world.scenes import MAIN, draw_scenes
from neuronym.world.source import COUNTS, GROUP, LEAST_NOISE, WorldSource, load
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import SHAPES
from small_study import small_target


@pytest.fixture(scope="module")
def probe() -> ProbeSet:
    return index([load("world/explain/60")], test_paths=[load("world/test/30")])


def test_the_protocol_is_kept() -> None:
    source = load("world/explain/20")
    assert isinstance(source, Source)
    assert (source.name, source.split, source.count) == ("bundled:world/explain/20", "explain", 20)
    scenes = draw_scenes(SEEDS["explain"], range(20))
    assert source.members() == [(str(number), SHAPES[shape]) for number, shape in enumerate(scenes.shape[:, MAIN])]
    fresh = pickle.loads(pickle.dumps(source))
    for number in (0, 7, 19):
        image = fresh.read(str(number))  # without a call of members before
        assert np.array_equal(image, render(scenes)[0][number])
    assert fresh.members() == source.members()
    assert fresh.name == source.name


def test_a_probe_set_of_two_splits(probe: ProbeSet) -> None:
    assert (probe.count("explain"), probe.count("test"), probe.duplicates, probe.skipped) == (60, 30, 0, ())
    assert probe.sources == ("bundled:world/explain/60", "bundled:world/test/30")
    for row, record in enumerate(probe.images):
        assert record.source == f"bundled:world/{record.split}/{60 if record.split == 'explain' else 30}"
        scene = draw_scenes(SEEDS[record.split], [int(record.member)])
        assert record.label == SHAPES[scene.shape[0, MAIN]]
        assert (record.height, record.width) == (64, 64)
        assert np.array_equal(np.asarray(probe.load(row)), render(scene)[0][0])


def test_the_label_table_is_what_is_in_the_scenes(probe: ProbeSet) -> None:
    table = probe.labels
    assert table is not None
    assert set(table.groups) == {"class", GROUP}
    concepts = table.group(GROUP)
    assert concepts.concepts == tuple(map(str, catalogue()))
    for record, values in zip(probe.images, concepts.values, strict=True):
        scene = draw_scenes(SEEDS[record.split], [int(record.member)])
        assert values.tolist() == [float(presence(concept, scene)[0]) for concept in catalogue()]
    classes = table.group("class")
    assert [classes.concepts[column] for column in classes.values.argmax(1)] == [image.label for image in probe.images]


def test_a_probe_set_works_in_another_process(probe: ProbeSet) -> None:
    again = pickle.loads(pickle.dumps(probe))
    assert again.fingerprint == probe.fingerprint
    assert np.array_equal(np.asarray(again.load(50)), np.asarray(probe.load(50)))


def test_the_numbers_of_classes_are_those_of_the_shapes(tmp_path: Path) -> None:
    (tmp_path / "above.json").write_text('{"round": [0, 6, 11], "cornered": [1, 2]}')
    probe = index([load("world/explain/40")], superclasses=tmp_path / "above.json", test_fraction=0)
    assert probe.labels is not None
    above = probe.labels.group("superclass")
    rounded = above.values[:, above.concepts.index("round")]
    assert [bool(value) for value in rounded] == [record.label in ("circle", "ring", "face") for record in probe.images]


@pytest.mark.parametrize(
    ("rest", "split", "count", "links"),
    [
        ("world", "explain", COUNTS["explain"], 0),
        ("world/test", "test", COUNTS["test"], 0),
        ("world/train", "train", COUNTS["train"], 0),
        ("world/explain/0012", "explain", 12, 0),
        ("world/train/1000000", "train", 1_000_000, 0),
        ("world?links=fish:sea:0.9", "explain", COUNTS["explain"], 1),
        ("world/test/9?links=fish:sea:0.9,red:STOP:0.5", "test", 9, 2),
        ("world/test?links=", "test", COUNTS["test"], 0),
        ("world?marked", "explain", COUNTS["explain"], 0),
        ("world/test/9?marked", "test", 9, 0),
        ("world/test/9?links=fish:sea:0.9&marked", "test", 9, 1),
        ("world/test/9?marked&links=fish:sea:0.9", "test", 9, 1),
    ],
)
def test_names(rest: str, split: str, count: int, links: int) -> None:
    source = plugins.image_source(f"bundled:{rest}")
    assert isinstance(source, WorldSource)
    assert (source.name, source.split, source.count) == (f"bundled:{rest}", split, count)
    assert len(source._gallery.links) == links
    assert source._gallery.marked == ("marked" in rest)
    assert (source._gallery.noise, source.start) == (0, 0)


@pytest.mark.parametrize(
    ("options", "noise", "start", "links", "marked"),
    [
        ("noise=0.02", 0.02, 0, 0, False),
        ("noise=.5", 0.5, 0, 0, False),
        ("noise=0.0005&marked", 0.0005, 0, 0, True),
        ("noise=00.50", 0.5, 0, 0, False),
        ("start=2000", 0, 2000, 0, False),
        ("start=0", 0, 0, 0, False),
        ("start=0999991", 0, 999_991, 0, False),
        ("links=fish:sea:0.9,red:STOP:0.5&noise=0.02&start=2000&marked", 0.02, 2000, 2, True),
        ("marked&start=2000&noise=0.020&links=fish:sea:0.9", 0.02, 2000, 1, True),
        ("links=&start=7", 0, 7, 0, False),
    ],
)
def test_names_with_options(options: str, noise: float, start: int, links: int, marked: bool) -> None:
    source = plugins.image_source(f"bundled:world/test/9?{options}")
    assert isinstance(source, WorldSource)
    assert (source.name, source.split, source.count) == (f"bundled:world/test/9?{options}", "test", 9)
    gallery = source._gallery
    assert (gallery.seed, gallery.noise, len(gallery.links), gallery.marked) == (SEEDS["test"], noise, links, marked)
    assert source.start == start
    assert [member.name for member in source.members()] == [str(number) for number in range(start, start + 9)]


def test_the_least_noise_changes_a_value_of_a_picture_or_so() -> None:
    clean, noisy = load("world/test/60"), load(f"world/test/60?noise={LEAST_NOISE}")
    changed = [np.count_nonzero(clean.read(str(i)) != noisy.read(str(i))) for i in range(60)]
    assert 0.5 < np.mean(changed) < 2


FORM = (
    "Write bundled:world/explain/3000, or with options "
    "bundled:world/explain/3000?links=fish:sea:0.9&noise=0.02&start=2000&marked; bundled:planted needs marked."
)
WRONG = [
    ("worlds", f"There are no images 'bundled:worlds'. {FORM}"),
    ("", f"There are no images 'bundled:'. {FORM}"),
    ("clip", f"There are no images 'bundled:clip'. {FORM}"),
    ("world/explain/30/7", f"There are no images 'bundled:world/explain/30/7'. {FORM}"),
    *(
        (f"world{end}", f"There are no images 'bundled:world{end}'. {FORM}")
        for end in ("&marked", "?", "?&marked", "?marked&", "?noise=0.1&&marked")
    ),
    ("world?link=fish:sea:0.9", "There is no option of bundled:world 'link'. Nearest: links."),
    *(
        (f"world?{text}", "There is no option of bundled:world 'mark'. Nearest: marked, start.")
        for text in ("mark", "mark=1", "links=fish:sea:1&mark")
    ),
    ("world?Marked", "There is no option of bundled:world 'Marked'. Nearest: marked."),
    ("world?marked?noise=0.1", "There is no option of bundled:world 'marked?noise'. Nearest: marked, noise."),
    ("world?marked=1", "'bundled:world?marked=1' has the option 'marked=1'. Write it as marked."),
    ("world?marked=", "'bundled:world?marked=' has the option 'marked='. Write it as marked."),
    ("world?links", "'bundled:world?links' has the option 'links'. Write it as links=fish:sea:0.9."),
    ("world?marked&noise", "'bundled:world?marked&noise' has the option 'noise'. Write it as noise=0.02."),
    ("world?start", "'bundled:world?start' has the option 'start'. Write it as start=2000."),
    ("world?marked&marked", "'bundled:world?marked&marked' gives the option marked twice. Give it once."),
    (
        "world?noise=0.1&start=1&noise=0.1",
        "'bundled:world?noise=0.1&start=1&noise=0.1' gives the option noise twice. Give it once.",
    ),
    *(
        (
            f"world?noise={text}",
            f"{f'bundled:world?noise={text}'!r} asks for noise of {text!r}. Give its standard deviation as a plain "
            "decimal from 0.0005 to 0.5, where 1 is the range of a pixel, or leave the option out.",
        )
        for text in (
            *("", "much", "0", "0.0", "-0.02", "+0.02", "0.51", "5.1", "nan", "inf", "0,02", "2%", "."),
            *("1e-999", "1e-9", "1e-2", "0.000499", "0.0" + "0" * 500 + "1", "9" * 5000),
            *("0_0.02", "0.0_2", " 0.02", "0.02 ", "0.02\n", "\u0660.\u0660\u0662", "\uff10.\uff10\uff12"),
        )
    ),
    *(
        (
            f"world/test/9?start={text}",
            f"'bundled:world/test/9?start={text}' starts at scene {text!r}. Give a number from 0 to 999,999.",
        )
        for text in ("", "first", "-1", "1.5", "1000000", "9" * 5000, "1_000", "+1", "²", "٣", "00x")
    ),
    *(
        (
            f"world/test/{count}?start={start}",
            f"'bundled:world/test/{count}?start={start}' asks for {count:,} scenes from number {start:,}, and the last "
            "scene of a split is number 999,999. Give a smaller start, or fewer scenes.",
        )
        for count, start in ((1_000_000, 1), (2, 999_999), (600_000, 400_001))
    ),
    ("world/exlain", "There is no split of the world 'exlain'. Nearest: explain, train."),
    *(
        (f"world/{rest}", "There is no split of the world ''. Known: explain, test, train.")
        for rest in ("", "/10", "/", "?marked", "/10?marked")
    ),
    ("world/3000", "There is no split of the world '3000'. Known: explain, test, train."),
    *(
        (
            f"world/test/{count}",
            f"'bundled:world/test/{count}' asks for {count!r} scenes. Give a number from 1 to 1,000,000. {FORM}",
        )
        for count in ("many", "0", "-5", "1.5", "1000001", "00000000099999999", "9" * 5000, "", "²", "٣")
    ),
    ("world?links=fish:sea", "'fish:sea' is no link between things. Write one as fish:sea:0.9."),
    ("world?links=fish:sea:2", "The link fish:sea:2 has the share 2.0. Give a number from 0 to 1."),
    ("world?links=fsh:sea:1", "There is no property that a link can depend on 'fsh'. Nearest: fish."),
]


@pytest.mark.parametrize(("rest", "sentence"), WRONG, ids=lambda text: text[:30])
def test_names_that_mean_nothing(rest: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        plugins.image_source(f"bundled:{rest}")
    assert str(refused.value) == sentence


@pytest.mark.parametrize("member", ["20", "-1", "x", "", "1.0", "9" * 5000, "²"])
def test_scenes_that_are_not_there(member: str) -> None:
    source = load("world/explain/20")
    text = f"there is no scene number {member!r}; bundled:world/explain/20 has 20"
    for use in (source.read, lambda name: source.concept_table([name])):
        with pytest.raises(ProbeError, match=f"^{re.escape(text)}$"):
            use(member)


@pytest.mark.parametrize("member", ["0", "19", "50", "-20", "20.0"])
def test_scenes_before_the_first_and_after_the_last(member: str) -> None:
    source = load("world/explain/30?start=20")
    text = f"there is no scene number {member!r}; bundled:world/explain/30?start=20 has 30, the first of them 20"
    for use in (source.read, lambda name: source.knowledge([name])):
        with pytest.raises(ProbeError, match=f"^{re.escape(text)}$"):
            use(member)


def test_scenes_from_a_number_on_are_those_of_the_split() -> None:
    # Numbers on both sides of the border between two chunks of the gallery.
    whole, part = load("world/test/530?links=fish:sea:1"), load("world/test/40?links=fish:sea:1&start=490")
    assert part.members() == whole.members()[490:]
    names = [member.name for member in part.members()]
    assert all(np.array_equal(part.read(name), whole.read(name)) for name in names)
    tables = [source.concept_table(names).values for source in (part, whole)]
    assert np.array_equal(*tables)
    shown = [source.knowledge(names).presence("a fish on the sea") for source in (part, whole)]
    assert shown[0] is not None
    assert np.array_equal(shown[0], shown[1])  # type: ignore[arg-type]
    assert shown[0].any()
    again = pickle.loads(pickle.dumps(part))
    assert again.members() == part.members()
    assert np.array_equal(again.read("529"), whole.read("529"))


def test_disjoint_ranges_of_one_split_are_a_probe_set() -> None:
    first, second = "world/explain/30", "world/explain/20?start=30"
    probe = index([load(first)], test_paths=[load(second)])
    assert (probe.count("explain"), probe.count("test"), probe.duplicates) == (30, 20, 0)
    whole = load("world/explain/50")
    for row, record in enumerate(probe.images):
        assert (int(record.member) < 30) == (record.split == "explain")
        assert np.array_equal(np.asarray(probe.load(row)), whole.read(record.member))


def test_links_reach_images_and_tables() -> None:
    linked = load("world/explain/300?links=fish:sea:1")
    table = linked.concept_table([str(number) for number in range(300)])
    fish, sea, both = (table.values[:, table.concepts.index(name)] for name in ("fish", "sea", "fish on the sea"))
    classes = np.array([member.label == "fish" for member in linked.members()])
    assert (sea[classes] == 1).all()
    assert np.array_equal(both, fish * sea)
    number = int(np.flatnonzero(classes)[0])
    assert np.array_equal(linked.read(str(number)), render(linked.scenes([number]))[0][0])


OPTIONS = (
    ("?links=fish:sea:0.9", ""),
    ("?links=fish:sea:0.9&noise=0.02&start=700&marked", "?noise=0.02&start=20&marked"),
)


@pytest.mark.parametrize(("explain", "test"), OPTIONS, ids=["links", "all options"])
def test_a_study_finds_its_images_again_by_their_names(
    explain: str, test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> Study:
        return Study.create(
            tmp_path / "a study",
            model=small_target(),
            layers=["relu"],
            images=f"bundled:world/explain/60{explain}",
            test_images=[f"bundled:world/test/30{test}"],
            resume=(tmp_path / "a study").exists(),
        )

    study = made().probe(device="cpu")
    run = study.explain(concepts=f"labels:{GROUP}", settings={"top_k": 20}, device="cpu")
    table = study.table(run=run)
    assert set(table["description"].to_pylist()) - {None} <= set(map(str, catalogue()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURONYM_CACHE", str(tmp_path / "another cache"))
    again = Study.open(tmp_path / "a study")
    assert again.probe_set.sources == (f"bundled:world/explain/60{explain}", f"bundled:world/test/30{test}")
    for row in (0, 59, 60, 89):
        assert np.array_equal(np.asarray(again.probe_set.load(row)), np.asarray(study.probe_set.load(row)))
    assert again.table(run=run).equals(table)
    figures = again.evaluate(f"labels:{GROUP}")
    assert list(figures) == [(run, "relu")]
    plain = [name for name in table.column_names if name != "state"]  # which says by now what was found of them
    assert made().table(run=run).select(plain).equals(table.select(plain))
    others = {"", explain.replace("noise=0.02", "noise=0.03"), explain.replace("start=700", "start=701")} - {explain}
    for other in others:
        with pytest.raises(StudyError, match="the images or their split changed"):
            Study.create(
                tmp_path / "a study",
                model=small_target(),
                layers=["relu"],
                images=f"bundled:world/explain/60{other}",
                test_images=f"bundled:world/test/30{test}",
                resume=True,
            )
