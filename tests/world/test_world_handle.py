"""Scenes one by one, as users look at them, and what is said where one asks for what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from neuronym import Scene, World
from neuronym.errors import UserError
from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import Place, presence
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS


def test_a_world_is_a_sequence_of_the_scenes_of_its_split() -> None:
    world = World("test", count=40)
    tables = draw_scenes(SEEDS["test"], range(40))
    images, regions = render(tables)
    assert len(world) == 40
    assert [scene.number for scene in world] == list(range(40))
    assert np.array_equal(np.asarray(world[7].image), images[7])
    assert np.array_equal(world[-1].regions, regions[39])
    assert [scene.number for scene in world[3:9:2]] == [3, 5, 7]
    assert world[5] in world
    assert world.index(world[6]) == 6
    assert world[1] != World("explain")[1]
    assert len({world[2], world[2], world[3]}) == 2


def test_a_scene_says_what_is_in_it() -> None:
    for scene in World("explain", count=30):
        assert scene.label in scene.concepts
        assert set(scene.concepts) == {str(c) for c in catalogue() if presence(c, scene.table)[0]}
        for seed in range(3):
            text = scene.caption(seed)
            assert scene.shows(text), text
        place = next(c for c in catalogue() if isinstance(c, Place) and scene.shows(c))
        assert np.array_equal(scene.mask(place), scene.regions == 0)
        assert np.array_equal(scene.mask(f"no {place}"), scene.regions != 0)


def test_links_are_in_the_scenes() -> None:
    fishy = [scene for scene in World("explain", count=400, links="fish:sea:1") if scene.label == "fish"]
    assert len(fishy) > 15
    assert all(scene.shows("ocean") for scene in fishy)


def test_they_show_themselves_in_notebooks_and_terminals() -> None:
    world = World("train", count=3)
    assert repr(world) == "<3 scenes of the world's split 'train'>"
    assert repr(world[1]) == f"<scene 1: {world[1].caption(detail='full')}>"
    assert world[0]._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (lambda: World("nowhere"), "There is no split of the world 'nowhere'."),
        (lambda: World(count=0), "A world of 0 scenes was asked for. Give a whole number from 1 to 1,000,000."),
        (lambda: World(count=2.5), "A world of 2.5 scenes was asked for."),
        (lambda: World(links="fish"), "'fish' is no link between things. Write one as fish:sea:0.9."),
        (lambda: World()[0].mask("a glorp"), "The text 'a glorp' is not understood: "),
        (lambda: World()[0].shows(3), "3 is no concept. Give a text such as 'a red fish'"),
        (lambda: World()[0].caption(detail="glorp"), "There is no detail of a caption 'glorp'."),
    ],
)
def test_what_is_not_there_is_said(asked: object, text: str) -> None:
    with pytest.raises(UserError) as error:
        asked()  # type: ignore[operator]
    assert str(error.value).startswith(text)


def test_a_scene_beyond_the_last_is_an_index_error() -> None:
    with pytest.raises(IndexError, match=r"There is no scene 1000000000 of the 5 that were asked for\."):
        World(count=5)[10**9]
    assert isinstance(World(count=5)[4], Scene)
