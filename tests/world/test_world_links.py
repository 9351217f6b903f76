"""Correlations that a user asks for: their share, what they leave alone, and how wrong ones are refused."""

from __future__ import annotations

from dataclasses import fields
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuronym.errors import ProbeError, UnknownNameError
from neuronym.world.links import Link, check_order, parse_links
from neuronym.world.scenes import MAIN, SECOND, Scenes, draw_scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIZES, WORDS

COUNT = 12_000
FISH, SEA = SHAPES.index("fish"), BACKGROUNDS.index("sea")

_OF = {
    "shape": (SHAPES, lambda scenes: scenes.shape[:, MAIN]),
    "colour": (COLOURS, lambda scenes: scenes.colour[:, MAIN]),
    "pattern": (PATTERNS, lambda scenes: scenes.pattern[:, MAIN]),
    "size": (SIZES, lambda scenes: scenes.size[:, MAIN]),
    "background": (BACKGROUNDS, lambda scenes: scenes.background),
    "word": (WORDS, lambda scenes: scenes.word),
}


def has(scenes: Scenes, kind: str, name: str) -> np.ndarray:
    names, values = _OF[kind]
    return values(scenes) == names.index(name)


def same(first: Scenes, second: Scenes) -> bool:
    return all(np.array_equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(Scenes))


@pytest.mark.parametrize(
    ("text", "chance"),
    [
        ("fish:sea:0.9", 1 / 8),
        ("red:STOP:0.5", 0.25 / 10),
        ("striped:large:0.7", 1 / 3),
        ("small:green:1", 1 / 10),
        ("heart:dotted:0.25", 1 / 6),
        ("large:night:0", 1 / 8),
    ],
)
def test_the_effect_has_the_stated_share_and_nothing_else_changes(text: str, chance: float) -> None:
    (link,) = parse_links(text)
    without, scenes = draw_scenes(9, range(COUNT)), draw_scenes(9, range(COUNT), [link])
    cause = has(without, link.cause_kind, link.cause)
    assert np.array_equal(cause, has(scenes, link.cause_kind, link.cause))
    effect = has(scenes, link.effect_kind, link.effect)
    share = link.share + (1 - link.share) * chance
    assert abs(effect[cause].mean() - share) <= 4 * sqrt(share * (1 - share) / cause.sum())
    # Scenes where the link put nothing in are the very same.
    untouched = np.flatnonzero(~cause | ~effect | has(without, link.effect_kind, link.effect))
    assert same(scenes.rows(untouched), without.rows(untouched))
    assert len(untouched) < COUNT or link.share == 0


def test_a_linked_colour_leaves_the_second_object_another() -> None:
    scenes = draw_scenes(4, range(2000), parse_links("circle:red:1"))
    circles = scenes.shape[:, MAIN] == SHAPES.index("circle")
    assert (scenes.colour[circles, MAIN] == COLOURS.index("red")).all()
    assert (scenes.colour[:, MAIN] != scenes.colour[:, SECOND]).all()


def test_links_in_a_chain_and_links_that_contend() -> None:
    chain = draw_scenes(5, range(COUNT), parse_links("striped:red:1, red:sea:1"))
    striped = has(chain, "pattern", "striped")
    assert has(chain, "background", "sea")[striped].all()
    contending = draw_scenes(5, range(COUNT), parse_links("fish:sea:1,red:night:1"))
    fish, red = has(contending, "shape", "fish"), has(contending, "colour", "red")
    assert has(contending, "background", "night")[red].all()
    assert has(contending, "background", "sea")[fish & ~red].all()
    assert (fish & red).any()


def test_as_written() -> None:
    assert parse_links("") == parse_links(" , ") == ()
    links = parse_links(" fish:sea:0.9 ,red : STOP: .5,")
    assert links == (Link("fish", "sea", 0.9), Link("red", "STOP", 0.5))
    assert [str(link) for link in links] == ["fish:sea:0.9", "red:STOP:0.5"]
    assert [(link.cause_kind, link.effect_kind) for link in links] == [("shape", "background"), ("colour", "word")]


@given(
    st.sampled_from([*SHAPES, *COLOURS]),
    st.sampled_from([*PATTERNS, *SIZES[1:], *BACKGROUNDS, *WORDS]),
    st.integers(0, 1000),
)
def test_what_is_written_is_read_back(cause: str, effect: str, share: int) -> None:
    link = Link(cause, effect, share / 1000)
    assert parse_links(str(link)) == (link,)


FORM = "is no link between things. Write one as fish:sea:0.9."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fish", f"'fish' {FORM}"),
        ("fish:sea", f"'fish:sea' {FORM}"),
        ("fish:sea:often", f"'fish:sea:often' {FORM}"),
        ("fish:sea:", f"'fish:sea:' {FORM}"),
        ("fish:sea:0.9:1", f"'fish:sea:0.9:1' {FORM}"),
        ("red:STOP:0.5,fish", f"'fish' {FORM}"),
        ("fish:sea:1.5", "The link fish:sea:1.5 has the share 1.5. Give a number from 0 to 1."),
        ("fish:sea:-0.1", "The link fish:sea:-0.1 has the share -0.1. Give a number from 0 to 1."),
        ("fish:sea:nan", "The link fish:sea:nan has the share nan. Give a number from 0 to 1."),
        ("fish:sea:inf", "The link fish:sea:inf has the share inf. Give a number from 0 to 1."),
        (
            "red:blue:0.9",
            "The link red:blue:0.9 joins two values of one kind (colour). An object has one of each kind.",
        ),
    ],
)
def test_wrong_links(text: str, sentence: str) -> None:
    with pytest.raises(ProbeError) as refused:
        parse_links(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fihs:sea:0.9", "depend on 'fihs'. Nearest: fish, house."),
        ("fish:see:0.9", "put in 'see'. Nearest: sea, green, striped."),
        # What may only be put in, what may only be depended on, and what no main object is.
        ("snow:fish:0.9", "depend on 'snow'. Nearest: arrow, yellow."),
        ("red:circle:0.9", "put in 'circle'. Nearest: purple, red, blue."),
        ("red:tiny:0.9", "put in 'tiny'. Nearest: pink, plain."),
        ("FISH:sea:0.9", "depend on 'FISH'. Known: arrow, black, blue, checkered, circle, crescent, cross, cyan, …."),
    ],
)
def test_unknown_things(text: str, sentence: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        parse_links(text)
    assert str(refused.value) == f"There is no property that a link can {sentence}"


def test_a_link_after_one_that_depends_on_it() -> None:
    links = parse_links("red:STOP:0.5,fish:red:0.9")
    sentence = "The link fish:red:0.9 changes what the link red:STOP:0.5 depends on. Give fish:red:0.9 first."
    with pytest.raises(ProbeError) as refused:
        check_order(links)
    assert str(refused.value) == sentence
    with pytest.raises(ProbeError) as also:
        draw_scenes(0, [0], links)
    assert str(also.value) == sentence
    check_order(tuple(reversed(links)))
