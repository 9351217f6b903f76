"""A study of photographs with coloured things, described by the patches that occlusion finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dissected_study import ATTACK, colour_finder, write_dissected
from neuronym.study import Study

COLOUR = (102, 128, 76)
"""The mean of the data set that the network was trained on."""

EXEMPLARS = 4
TEXTS = ("red thing", "green thing", "blue thing", ATTACK)


class Colours:
    """An image-text encoder that knows how red, green and blue an image is."""

    name = "occluded_study:COLOURS"
    key = "colours of occluded studies"
    dim = 4

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        means = [np.asarray(image.convert("RGB"), np.float64).mean((0, 1)) for image in images]
        return _rows([[*mean, 1] for mean in means])

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return _rows([[float(colour in text) for colour in ("red", "green", "blue")] + [0.1] for text in texts])


COLOURS = Colours()


def _rows(values: Sequence[Sequence[float]]) -> npt.NDArray[np.float32]:
    rows = np.array(values, np.float64).reshape(-1, Colours.dim)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_occluded_study(folder: Path) -> Study:
    """Four runs: patches by half of the field's maximum, by degrees, by Otsu's threshold on a coarse grid, by boxes.

    The things are larger than some occluders, which then change nothing of a unit's maximum.
    """
    images = write_dissected(folder / "street", 24) / "images"
    target = colour_finder()
    target = replace(target, preprocessing=replace(target.preprocessing, mean=tuple(part / 255 for part in COLOUR)))
    made = Study.create(folder / "covered", model=target, layers=["relu"], images=str(images), top_k=6)
    made.probe(device="cpu")
    concepts = folder / "texts.txt"
    concepts.write_text("\n".join(TEXTS), "utf-8")
    for units, settings in (
        (None, {"occluder": 9}),
        ([0, 2], {"masking": "soft", "occluder": 9}),
        ([0], {"masking": "otsu", "coarse": 2, "exemplars": 3}),
        ([1], {"preset": "best", "occluder": 9}),
    ):
        made.explain(
            method="occlusion-vocab",
            encoder=COLOURS.name,
            concepts=str(concepts),
            settings={"exemplars": EXEMPLARS, **settings},
            units=units,
        )
    return made
