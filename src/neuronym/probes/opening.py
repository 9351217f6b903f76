"""The choice of a source by what a path is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePath

from neuronym.errors import ProbeError
from neuronym.probes.annotations.broden import is_broden
from neuronym.probes.annotations.simple import is_masked
from neuronym.probes.annotations.sources import BrodenSource, MaskedFolderSource
from neuronym.probes.archive import ArchiveSource
from neuronym.probes.arrays import ArraySource
from neuronym.probes.choice import Choice, parse_choice
from neuronym.probes.dataset_files import is_saved
from neuronym.probes.folder import FolderSource
from neuronym.probes.listing import ListSource
from neuronym.probes.shard_names import compressed_error, find_shards, is_compressed, is_pattern, is_shard_name
from neuronym.probes.sources import IMAGE_EXTENSIONS, LIST_EXTENSIONS, TABLE_EXTENSIONS, Source, is_image_name
from neuronym.probes.walking import walk
from neuronym.probes.webdataset import ShardSource

_KINDS = (
    f"a folder, a text file that lists images ({', '.join(sorted(LIST_EXTENSIONS))}), an array file (.npz, .npy), a "
    ".zip of images, a dataset (a folder that save_to_disk wrote, .parquet, .arrow) or tar shards (.tar, "
    "shard-{000..012}.tar)"
)


def open_source(path: str | Path) -> Source:
    """The source for what a path leads to.

    - A folder of images; one that holds no image but tar shards, or but Parquet or Arrow files, is those.
    - A folder of images and their annotations: ``images``, ``masks`` and names.csv, or the layout of Broden.
    - A list of image files, an array file (.npz, .npy), a zip archive.
    - A dataset of Hugging Face ``datasets``: a folder that ``save_to_disk`` wrote, a folder of Parquet or Arrow files
      as the hub has them, or one such file. Its split and columns may follow: ``FOLDER#SPLIT:IMAGE:LABEL``.
    - Tar shards: a .tar, or several by a pattern, ``shard-{000..012}.tar``.

    Raises:
        ProbeError: nothing is at the path, it is none of these, or the choice after ``#`` does not fit it.
    """
    name = str(path)
    place, choice = parse_choice(name)
    if not place.exists():
        if is_pattern(name):
            return _open_pattern(name)
        raise ProbeError(f"There are no probe images at {name!r}: no such file or folder. Check the path.")
    if is_saved(place) or (place.suffix.lower() in TABLE_EXTENSIONS and place.is_file()):
        return _open_dataset(name, place, choice)
    if place.is_dir():
        return _open_folder(name, place, choice)
    return _without_choice(_open_file(name, place), choice)


def _open_folder(name: str, place: Path, choice: Choice | None) -> Source:
    if is_broden(place) or is_masked(place):
        return _without_choice(BrodenSource(name) if is_broden(place) else MaskedFolderSource(name), choice)
    kinds = _kinds_in(place)
    if "image" not in kinds and "shard" in kinds:
        shards = sorted(file for file in walk(place) if is_shard_name(file))
        return _without_choice(_open_shards(name, {file: place / file for file in shards}), choice)
    if "image" not in kinds and "table" in kinds:
        return _open_dataset(name, place, choice)
    return _without_choice(FolderSource(name), choice)


def _kinds_in(folder: Path) -> set[str]:
    """Whether a folder has images, shards or tables; it is looked through up to the first image."""
    kinds: set[str] = set()
    try:
        for file in walk(folder):
            if is_image_name(file):
                return {*kinds, "image"}
            if is_shard_name(file):
                kinds.add("shard")
            elif PurePath(file).suffix.lower() in TABLE_EXTENSIONS:
                kinds.add("table")
    except ProbeError:
        return {"image"}  # as a folder of images it says what cannot be read, or reads what it did before
    return kinds


def _open_file(name: str, place: Path) -> Source:
    kinds: dict[str, Callable[[str], Source]] = {".npz": ArraySource, ".npy": ArraySource, ".zip": ArchiveSource}
    kinds |= dict.fromkeys(LIST_EXTENSIONS, ListSource)
    suffix = place.suffix.lower()
    if suffix in kinds:
        return kinds[suffix](name)
    if is_shard_name(place.name):
        return _open_shards(name, {"": place})
    if suffix in IMAGE_EXTENSIONS:
        raise ProbeError(f"{name!r} is a single image. Give its folder, or a text file that lists images.")
    raise ProbeError(f"{name!r} is of no kind that holds probe images. Give {_KINDS}.")


def _open_dataset(name: str, place: Path, choice: Choice | None) -> Source:
    from neuronym.probes.dataset import DatasetSource  # pyarrow is imported where there are tables to read

    return DatasetSource(name, place, choice or Choice())


def _open_pattern(pattern: str) -> Source:
    """The shards of a pattern, named by their paths below the last folder that has no braces."""
    root = os.path.dirname(pattern[: pattern.index("{")])  # noqa: PTH120 - what stands before a brace need be no path
    return _open_shards(
        pattern, {os.path.relpath(path, root or "."): Path(path).expanduser() for path in find_shards(pattern)}
    )


def _open_shards(name: str, shards: dict[str, Path]) -> Source:
    for path in shards.values():
        if is_compressed(path.name):
            raise compressed_error(str(path))
    return ShardSource(name, shards)


def _without_choice(source: Source, choice: Choice | None) -> Source:
    if choice is not None:
        raise ProbeError(
            f"{source.name!r} chooses {str(choice)!r} of what has no splits and columns. Leave it out; only datasets "
            "have them."
        )
    return source
