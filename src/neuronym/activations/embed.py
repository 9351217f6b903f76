"""The encoding pass: the probe images once through an image-text encoder, kept for every study of these images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.activations import Progress, silent
from neuronym.backends import ImageTextEncoder
from neuronym.backends.encoder import check_embeddings
from neuronym.errors import StudyError
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Split
from neuronym.store.arrays import Arrays

CHUNK = 256
"""Images whose embeddings are written at a time."""


def cache_root() -> Path:
    """Where embeddings are kept for all studies: ``$NEURONYM_CACHE``, or ``~/.cache/neuronym``."""
    given = os.environ.get("NEURONYM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given).expanduser() if given else Path(base).expanduser() / "neuronym"


def embed_images(
    encoder: ImageTextEncoder,
    probe: ProbeSet,
    split: Split,
    root: Path,
    batch_size: int = 32,
    progress: Progress = silent,
) -> npt.NDArray[np.float32]:
    """The embeddings of a split's images, float32 [images, dim], read from the cache where it has them.

    The cache is addressed by the encoder's key and the images' ids, so that it cannot be stale. An encoding that was
    interrupted goes on at the first chunk of images that is missing.

    Raises:
        StudyError: the cache is damaged or cannot be written.
        ProbeError: an image cannot be read any more.
        MethodError: the encoder gives what is no embedding; nothing of it is kept.
    """
    ids = probe.ids(split)
    if not ids:
        return np.zeros((0, encoder.dim), np.float32)
    try:
        return _encoded(encoder, probe, split, ids, root, batch_size, progress)
    except StudyError as error:
        raise StudyError(
            f"{error} The place is in the cache of embeddings; the environment variable NEURONYM_CACHE chooses another."
        ) from error


def _encoded(
    encoder: ImageTextEncoder,
    probe: ProbeSet,
    split: Split,
    ids: Sequence[str],
    root: Path,
    batch_size: int,
    progress: Progress,
) -> npt.NDArray[np.float32]:
    first = 0 if split == "explain" else probe.count("explain")
    arrays = Arrays(root / "embeddings" / quote(encoder.key, safe=""))
    name = hashlib.blake2b("\n".join(ids).encode(), digest_size=16).hexdigest()
    arrays.create(name, (len(ids), encoder.dim), np.float32, rows=CHUNK)
    missing = [int(chunk) * CHUNK for chunk in np.flatnonzero(~arrays.written(name))]
    done = len(ids) - sum(min(CHUNK, len(ids) - start) for start in missing)
    for start in missing:
        stop = min(start + CHUNK, len(ids))
        rows = []
        for images in _loaded(probe, range(first + start, first + stop), batch_size):
            rows.append(check_embeddings(encoder, encoder.encode_images(images), len(images)))
            done += len(images)
            progress(done, len(ids))
        arrays.write(name, start, np.concatenate(rows))
    return arrays.read(name)


def _loaded(probe: ProbeSet, positions: range, batch_size: int) -> Iterator[Sequence[Image.Image]]:
    """The images in batches; the next batch is decoded while the last one is encoded."""
    ahead: list[Future[Image.Image]] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(positions), batch_size):
            ordered = [pool.submit(probe.load, position) for position in positions[start : start + batch_size]]
            if ahead:
                yield [image.result() for image in ahead]
            ahead = ordered
        yield [image.result() for image in ahead]
