"""Where in a tar shard each image and its class lie."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from neuronym.errors import ProbeError
from neuronym.probes.shard_names import compressed_error
from neuronym.probes.sources import IMAGE_EXTENSIONS

_MAGIC = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}
_LARGEST_CLASS = 2**20
"""Bytes. What is larger says something of the whole set (a table of annotations), and not the class of a sample."""

_CLASS_KEYS = ("label", "class", "cls")


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of a shard whose names agree up to the first dot: their ``key``, the name of the first image, the class."""

    key: str
    image: str | None
    label: str | None


@dataclass(frozen=True, slots=True)
class Index:
    """What a shard holds.

    Attributes:
        images: for every file named like an image its place (offset, bytes); None where it is no plain file.
        samples: in the order of the shard.
        empty: the keys of samples without image.
        paired: whether a sample has an image and something else, so that the shard holds samples, not image files.
    """

    images: dict[str, tuple[int, int] | None]
    samples: tuple[Sample, ...]
    empty: frozenset[str]
    paired: bool


def split_key(name: str) -> tuple[str, str] | None:
    """A file's sample and what it is of it: the name up to the first dot of its last part, and the rest in lower case.

    None for hidden files and those without a dot.
    """
    folder, slash, last = name.rpartition("/")
    key, dot, rest = last.partition(".")
    above = [part for part in folder.split("/") if part not in (".", "..")]
    hidden = not key or any(part.startswith(".") or part == "__MACOSX" for part in above)
    return None if hidden or not dot else (folder + slash + key, rest.lower())


def scan(path: Path) -> Index:
    """Reads the headers of a shard, and the small files that may name classes.

    Raises:
        ProbeError: the shard cannot be read, is compressed, damaged or cut short, holds a name twice, or a sample's
            class is no text or JSON.
    """
    _check_plain(path)
    images: dict[str, tuple[int, int] | None] = {}
    samples: dict[str, _Found] = {}
    seen: set[str] = set()
    for info, content in _entries(path):
        if info.name in seen:
            raise ProbeError(
                f"The shard {str(path)!r} holds two files named {info.name!r}. Make it again with different names."
            )
        seen.add(info.name)
        named = split_key(info.name)
        if named is None:
            continue
        found = samples.setdefault(named[0], _Found())
        kind = named[1].rpartition(".")[2]
        if f".{kind}" in IMAGE_EXTENSIONS:
            images[info.name] = _place(info, images)
            found.images.append(info.name)
        else:
            found.others += 1
            if content is not None:
                found.classes.setdefault(kind, (info.name, content))
    made = tuple(
        Sample(key, found.images[0] if found.images else None, _label(path, found) if found.images else None)
        for key, found in samples.items()
    )
    empty = frozenset(sample.key for sample in made if sample.image is None)
    return Index(images, made, empty, any(found.images and found.others for found in samples.values()))


@dataclass(slots=True)
class _Found:
    images: list[str] = field(default_factory=list)
    others: int = 0
    classes: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def _place(info: tarfile.TarInfo, images: dict[str, tuple[int, int] | None]) -> tuple[int, int] | None:
    if info.islnk():
        return images.get(info.linkname)  # a file that the tar met before under another name
    return (info.offset_data, info.size) if info.isreg() and not info.issparse() else None


def _check_plain(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ProbeError(f"The shard {str(path)!r} cannot be read: {error.strerror}. Put it back.") from error
    for magic, command in _MAGIC.items():
        if start.startswith(magic):
            raise compressed_error(str(path), command)


def _entries(path: Path) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    """All of a shard but its folders, with the content of what may name a class."""
    at = 0
    try:
        with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            while (info := tar.next()) is not None:
                at = info.offset
                if not info.isdir():
                    yield info, _read_class(tar, info)
            at = tar.offset
            _check_end(path, at)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProbeError(
            f"The shard {str(path)!r} is damaged or was cut short at byte {at}: {reason}. Make it again or copy it "
            "again, or unpack what is left and give that folder."
        ) from error


def _read_class(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes | None:
    if not info.isreg() or info.size > _LARGEST_CLASS or not info.name.lower().endswith((".cls", ".json")):
        return None
    file = tar.extractfile(info)
    return None if file is None else file.read()


def _check_end(path: Path, at: int) -> None:
    """tarfile takes a damaged header, and a file that stops after any member, for the end of a tar."""
    with path.open("rb") as file:
        file.seek(at)
        block = file.read(tarfile.BLOCKSIZE)
    if block != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("the end of the tar is missing" if not block else "no header is there")


def _label(path: Path, found: _Found) -> str | None:
    """The class of a sample: the text of its ``.cls``, or else of a key of its ``.json``."""
    if "cls" in found.classes:
        return _text(path, *found.classes["cls"]).strip() or None
    if "json" not in found.classes:
        return None
    name, content = found.classes["json"]
    try:
        said = json.loads(_text(path, name, content))
    except (ValueError, RecursionError) as error:
        raise ProbeError(f"{name!r} in the shard {str(path)!r} is not JSON: {error}. Correct it.") from error
    value = next((said[key] for key in _CLASS_KEYS if key in said), None) if isinstance(said, dict) else None
    return str(value).strip() or None if isinstance(value, str | int) and not isinstance(value, bool) else None


def _text(path: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProbeError(
            f"{name!r} in the shard {str(path)!r} is not UTF-8 text ({error.reason}). Write the class as a number or a "
            "name."
        ) from error
