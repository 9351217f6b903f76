from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image


def _noise(seed: int, size: tuple[int, int] = (6, 8)) -> npt.NDArray[np.uint8]:
    """Different random RGB pixels [height, width, 3] for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def _encode(image: npt.NDArray[Any] | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(pixels: npt.NDArray[np.uint16], colour: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG written by hand, because Pillow writes none in colour: [h, w] or [h, w, channels]."""

    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + extra
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _grey_png(values: npt.NDArray[np.uint8], bits: int) -> bytes:
    """A grey PNG of 1, 2 or 4 bits a pixel, which Pillow does not write: [h, w], whole bytes a row."""

    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    spread = np.unpackbits(values[..., None], axis=-1)[..., -bits:].reshape(len(values), -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(spread, axis=1))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _files(root: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def _archive(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="session")
def noise() -> Callable[..., npt.NDArray[np.uint8]]:
    return _noise


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    return _encode


@pytest.fixture(scope="session")
def png16() -> Callable[..., bytes]:
    return _png


@pytest.fixture(scope="session")
def png_of_bits() -> Callable[..., bytes]:
    return _grey_png


@pytest.fixture(scope="session")
def picture() -> Callable[[int], bytes]:
    """A small PNG file, different for every number."""
    return lambda seed: _encode(_noise(seed))


@pytest.fixture(scope="session")
def write_files() -> Callable[[Path, Mapping[str, bytes | str]], Path]:
    return _files


@pytest.fixture(scope="session")
def write_zip() -> Callable[[Path, Mapping[str, bytes]], Path]:
    return _archive
