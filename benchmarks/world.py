"""How fast the embedded world is made on one core: scenes, pixels, captions, and pixels from the cache.

The limit beside the renderer is copying pixels and regions that are finished. NEURONYM_CACHE is a new folder.

python benchmarks/world.py [--images 4096] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from typing import Any

import numpy as np

from common import in_turns, store


def measure(images: int, repeats: int) -> dict[str, Any]:
    from neuronym.world.gallery import Gallery
    from neuronym.world.grammar import captions, parse
    from neuronym.world.render import render
    from neuronym.world.scenes import draw_scenes

    numbers = np.arange(images)
    scenes = draw_scenes(1, numbers)
    pixels, regions = render(scenes)
    texts = captions(scenes, 0)
    kept = Gallery(1)
    order = np.random.default_rng(0).permutation(images)
    for position in range(0, images, 512):
        kept.chunk(position // 512)
    times = in_turns(
        repeats,
        {
            "drawing the tables of scenes": lambda: draw_scenes(1, numbers),
            "scenes and pixels": lambda: render(draw_scenes(1, numbers)),
            "copying finished pixels (the limit)": lambda: (pixels.copy(), regions.copy()),
            "pixels from the cache, in random order": lambda: [kept.image(int(number)) for number in order],
            "captions": lambda: captions(scenes, 0),
            "captions read back": lambda: [parse(text) for text in texts],
        },
    )
    return {name: images / min(seconds) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NEURONYM_CACHE"] = cache
        found = measure(arguments.images, arguments.repeats)
    for name, speed in found.items():
        print(f"{name}: {speed:,.0f} a second")
    store("world", {"images": arguments.images, "per_second": found})


if __name__ == "__main__":
    main()
