"""What a bundled encoder can: the figures of its card, on scenes of the test split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.backends import ImageTextEncoder
from neuronym.backends.encoder import encode_prompts
from neuronym.recipes.captioned import withheld
from neuronym.world.concepts import Concept, Place, Thing, Writing, presence
from neuronym.world.grammar import said
from neuronym.world.render import render
from neuronym.world.scenes import SECOND, Scenes, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, WORDS

Rows = npt.NDArray[np.float32]

GROUPS: dict[str, tuple[Concept, ...]] = {
    "shapes": tuple(Thing(shape) for shape in SHAPES),
    "colours": tuple(Thing(colour=colour) for colour in COLOURS),
    "patterns": tuple(Thing(pattern=pattern) for pattern in PATTERNS),
    "backgrounds": tuple(Place(name) for name in BACKGROUNDS),
    "words": tuple(Writing(word) for word in WORDS),
}

RETRIEVED_AMONG = 32


def encoder_figures(encoder: ImageTextEncoder, images: int = 4096) -> dict[str, float]:
    """Shares in 0..1, each a zero-shot choice of the description with the highest cosine, in its canonical words.

    ``shapes``, ``colours``, ``patterns``, ``backgrounds`` and ``words`` choose among all of them and are right where
    the choice is true of the scene (of either object; ``words`` counts scenes with one). ``shape of a lone object`` and
    ``pattern of a lone object`` take scenes with one object, where one choice alone is right. ``caption among 32``: the
    own full caption (or another that is true) among those of 32 scenes. ``withheld pairs``: among all 120 pairs of
    shape and colour, for lone objects of a pair that was not trained. ``pairs, two objects``: the same for scenes with
    two objects of other pairs, where the colour of one must not be put with the shape of the other.
    """
    scenes = draw_scenes(SEEDS["test"], np.arange(images))
    rows = embedded(encoder, scenes)
    lone = ~scenes.there[:, SECOND]
    found = {name: _choice(encoder, concepts, scenes, rows) for name, concepts in GROUPS.items() if name != "words"}
    for name in ("shape", "pattern"):
        found[f"{name} of a lone object"] = _choice(encoder, GROUPS[f"{name}s"], scenes.rows(lone), rows[lone])
    written = scenes.word >= 0
    found["words"] = _choice(encoder, GROUPS["words"], scenes.rows(written), rows[written])
    found[f"caption among {RETRIEVED_AMONG}"] = _retrieved(encoder, scenes, rows)
    return found | _combined(encoder, images)


def embedded(encoder: ImageTextEncoder, scenes: Scenes, batch: int = 256) -> Rows:
    """The embeddings of scenes, float32 [scenes, dim]."""
    images, _ = render(scenes)
    parts = [images[start : start + batch] for start in range(0, len(images), batch)]
    return np.concatenate([encoder.encode_images([Image.fromarray(image) for image in part]) for part in parts])


def _choice(encoder: ImageTextEncoder, concepts: Sequence[Concept], scenes: Scenes, rows: Rows) -> float:
    texts = encode_prompts(encoder, [str(concept) for concept in concepts])
    chosen = (rows @ texts.T).argmax(1)
    true = np.stack([presence(concept, scenes) for concept in concepts], 1)
    return float(true[np.arange(len(scenes)), chosen].mean())


def _retrieved(encoder: ImageTextEncoder, scenes: Scenes, rows: Rows) -> float:
    captions = said(scenes, 5, "full")
    texts = encode_prompts(encoder, [text for _, text in captions])
    right = []
    for start in range(0, len(scenes) - RETRIEVED_AMONG + 1, RETRIEVED_AMONG):
        block = slice(start, start + RETRIEVED_AMONG)
        chosen = (rows[block] @ texts[block].T).argmax(1)
        true = np.stack([presence(concept, scenes.rows(block)) for concept, _ in captions[block]], 1)
        right.append(true[np.arange(RETRIEVED_AMONG), chosen].mean())
    return float(np.mean(right))


def _combined(encoder: ImageTextEncoder, images: int) -> dict[str, float]:
    """Choices among all pairs of shape and colour."""
    drawn = draw_scenes(SEEDS["test"], np.arange(images, 3 * images))
    pairs = [Thing(shape, colour) for shape in SHAPES for colour in COLOURS]
    new, two = withheld(drawn), drawn.there[:, SECOND]
    groups = {"withheld pairs": drawn.rows(new & ~two), "pairs, two objects": drawn.rows(~new & two)}
    return {name: _choice(encoder, pairs, scenes, embedded(encoder, scenes)) for name, scenes in groups.items()}
