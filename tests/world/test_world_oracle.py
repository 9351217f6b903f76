"""The encoder that knows the scenes: the conformance suite, and exact agreement with the concept table."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image

import tiny_models
from conformance.encoder_suite import check_encoder, check_equal_keys
from neuronym import plugins
from neuronym.errors import MethodError, UnknownNameError
from neuronym.world import oracle
from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import mask, presence
from neuronym.world.links import parse_links
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.source import load
from neuronym.world.splits import SEEDS

CPU = torch.device("cpu")
LINKS = "fish:sea:1,red:STOP:0.5"


def encoder(name: str = "oracle:world") -> oracle.OracleEncoder:
    made = plugins.encoder(name, CPU)
    assert isinstance(made, oracle.OracleEncoder)
    return made


def scene_images(split: str, numbers: list[int], links: str = "") -> list[Image.Image]:
    return [Image.fromarray(image) for image in render(draw_scenes(SEEDS[split], numbers, parse_links(links)))[0]]


def test_the_suite() -> None:
    images = [*scene_images("explain", [0, 5, 600]), *scene_images("test", [3, 4])]
    texts = ["a red circle", "on grass", "a written word", "no such thing", "a dog"]
    check_encoder(encoder(), images, texts)
    check_equal_keys(encoder(), encoder(), images, texts)
    check_encoder(encoder(f"oracle:world?links={LINKS}"), scene_images("train", [1, 2, 3], LINKS), texts)


@pytest.mark.parametrize("links", ["", LINKS])
def test_a_text_fits_exactly_the_images_that_show_it(links: str) -> None:
    made = encoder("oracle:world" + (f"?links={links}" if links else ""))
    numbers = {"explain": list(range(0, 700, 13)), "test": list(range(40)), "train": [0, 511, 512]}
    scenes = [draw_scenes(SEEDS[split], some, parse_links(links)) for split, some in numbers.items()]
    images = [image for split, some in numbers.items() for image in scene_images(split, some, links)]
    similarity = made.encode_images(images) @ made.encode_texts([str(concept) for concept in catalogue()]).T
    for column, concept in enumerate(catalogue()):
        there = np.concatenate([presence(concept, some) for some in scenes])
        seen = np.concatenate([mask(concept, some, render(some)[1]).any((1, 2)) for some in scenes])
        assert np.array_equal(similarity[:, column] > 0, there), concept
        assert np.array_equal(there, seen), concept


def test_texts_that_name_no_concept_of_the_list_fit_nothing() -> None:
    made = encoder()
    images = made.encode_images(scene_images("explain", list(range(30))))
    texts = ["a dog", "", "a red circle on a striped ring with a heart", "not a circle", "circle " * 500]
    assert not (images @ made.encode_texts(texts).T).any()


def test_ways_to_say_the_same_are_one_text() -> None:
    made = encoder()
    rows = made.encode_texts(["red circle", "a red circle", "Red circle.", "a photo of a red circle"])
    assert (rows == rows[0]).all()
    assert rows[0, -1] == 0


def test_an_image_fits_its_concepts_equally() -> None:
    (row,) = encoder().encode_images(scene_images("test", [17]))
    there = [presence(concept, draw_scenes(SEEDS["test"], [17]))[0] for concept in catalogue()]
    assert row[-1] == 0
    np.testing.assert_allclose(row[:-1], np.array(there) / np.sqrt(sum(there)), atol=1e-6)


NONE = "oracle:world was given an image that is none of the first {:,} scenes of any split of the world without links. "
ONLY = (
    "It reads only images of bundled:world, as they are; give it their links, as in oracle:world?links=fish:sea:0.9, "
    "or an encoder that looks at images, such as bundled:clip or hf:NAME."
)


def test_an_image_of_another_size_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "_fingerprint", lambda image: image.tobytes() if len(image) < 64 else 1 / 0)
    text = NONE.format(20_480) + ONLY
    with pytest.raises(MethodError, match=f"^{re.escape(text)}$"):
        encoder().encode_images(tiny_models.images())


def test_images_that_are_no_scenes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "_CHUNKS", 1)
    known = scene_images("explain", [3])[0]
    turned = known.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    linked = next(
        image
        for image, other in zip(
            scene_images("explain", [*range(50)], LINKS), scene_images("explain", [*range(50)]), strict=True
        )
        if image != other
    )
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    beyond = scene_images("explain", [512])[0]
    text = NONE.format(512) + ONLY
    made = encoder()
    for image in (turned, linked, noise, beyond):
        with pytest.raises(MethodError, match=f"^{re.escape(text)}$"):
            made.encode_images([known, image])
    assert made.encode_images([known]).any()
    text = f"of any split of the world with these links. {ONLY}"
    with pytest.raises(MethodError, match=re.escape(text)):
        encoder(f"oracle:world?links={LINKS}").encode_images([turned])


def test_the_key_tells_worlds_with_other_links() -> None:
    keys = {
        encoder(name).key for name in ("oracle:world", "oracle:world?links=fish:sea:0.9", f"oracle:world?links={LINKS}")
    }
    assert len(keys) == 3
    assert encoder("oracle:world?links=").key == encoder().key


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("oracle:words", "There is no oracle 'words'. Use oracle:world, for images of bundled:world."),
        ("oracle:", "There is no oracle ''. Use oracle:world, for images of bundled:world."),
        ("oracle:world/explain", "There is no oracle 'world/explain'. Use oracle:world, for images of bundled:world."),
        ("oracle:world?links=fsh:sea:1", "There is no property that a link can depend on 'fsh'. Nearest: fish."),
    ],
)
def test_oracles_that_are_none(name: str, sentence: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        plugins.encoder(name, CPU)
    assert str(refused.value) == sentence


def test_images_of_a_source_are_known() -> None:
    source = load("world/test/20?links=fish:sea:1")
    rows = encoder("oracle:world?links=fish:sea:1").encode_images(
        [Image.fromarray(source.read(str(number))) for number in range(20)]
    )
    table = source.concept_table([str(number) for number in range(20)])
    assert np.array_equal(rows[:, :-1] > 0, table.values > 0)
