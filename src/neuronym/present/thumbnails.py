"""Small WebP copies of images, as good as a number of bytes allows."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from neuronym.store.atomic import guarded

Load = Callable[[], Image.Image]
"""Gives an upright RGB image."""

_SAMPLE = 48
_MARGIN = 1.06
_WAITING = 4
"""Images per thread that are decoded ahead."""

TINY = 96
"""Images of at most so many pixels a side are shown pixel by pixel, and kept without loss where there is room."""


@dataclass(frozen=True)
class Size:
    """How a thumbnail is made.

    Attributes:
        side: the longer side has at most so many pixels.
        quality: of WebP, 0 to 100.
        exact: whether images of at most :data:`TINY` pixels a side are kept without loss.
    """

    side: int
    quality: int
    exact: bool = False


LADDER = (
    Size(320, 80, exact=True),
    Size(288, 78, exact=True),
    Size(256, 76, exact=True),
    Size(224, 75, exact=True),
    Size(192, 75),
    Size(160, 74),
    Size(144, 72),
    Size(128, 70),
    Size(112, 68),
    Size(96, 64),
    Size(80, 58),
    Size(64, 50),
    Size(48, 40),
    Size(32, 30),
)
"""From the best that a report shows to the least."""


def encode(image: Image.Image, size: Size) -> bytes:
    """A thumbnail as WebP; images are never enlarged."""
    exact = size.exact and max(image.size) <= TINY
    if max(image.size) > size.side:
        image = image.resize(fitted(image.size, size.side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    data = io.BytesIO()
    if exact:
        image.save(data, "WEBP", lossless=True, quality=60, method=4)
    else:
        image.save(data, "WEBP", quality=size.quality, method=4)
    return data.getvalue()


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with the longer one reduced to ``side``; at least 1 each."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def choose_size(loads: Sequence[Load], budget: float) -> Size:
    """The best size at which all thumbnails together take at most ``budget`` bytes, judged by an even sample."""
    if not loads:
        return LADDER[0]
    count = min(_SAMPLE, len(loads))
    sample = [loads[number * len(loads) // count]() for number in range(count)]
    share = budget / len(loads) / _MARGIN
    for size in LADDER[:-1]:
        if sum(len(encode(image, size)) for image in sample) / count <= share:
            return size
    return LADDER[-1]


def write_thumbnails(
    folder: Path, loads: Mapping[int, Load], budget: float, progress: Callable[[int, int], None]
) -> Size:
    """Write the thumbnail of every image, each once, as ``NUMBER // 1000/NUMBER.webp`` below a folder.

    Images are decoded and encoded in threads; only a few are in memory at a time.

    Args:
        folder: where to.
        loads: what gives the image of each number.
        budget: bytes that all of them may take together.
        progress: told how many are done, and how many there are.

    Returns:
        The size that was chosen.

    Raises:
        StudyError: the disk is full or the folder cannot be written.
    """
    size = choose_size(list(loads.values()), budget)
    for group in sorted({number // 1000 for number in loads}):
        with guarded(folder, "make the report"):
            (folder / str(group)).mkdir(parents=True, exist_ok=True)

    def made(load: Load) -> bytes:
        return encode(load(), size)

    for done, (number, data) in enumerate(_ahead(made, loads), 1):
        path = folder / str(number // 1000) / f"{number}.webp"
        with guarded(path, "write a thumbnail"):
            path.write_bytes(data)
        progress(done, len(loads))
    return size


def _ahead(made: Callable[[Load], bytes], loads: Mapping[int, Load]) -> Iterator[tuple[int, bytes]]:
    """Each number with its thumbnail, in order, made a few ahead in threads."""
    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="neuronym-thumbnails") as pool:
        rest = iter(loads.items())
        waiting: list[tuple[int, Future[bytes]]] = []
        try:
            while True:
                for number, load in islice(rest, _WAITING * threads - len(waiting)):
                    waiting.append((number, pool.submit(made, load)))
                if not waiting:
                    return
                number, future = waiting.pop(0)
                yield number, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
