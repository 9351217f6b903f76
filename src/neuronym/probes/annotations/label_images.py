"""PNG files whose pixels are numbers, read exactly: no colour is converted, nothing is scaled or turned."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.errors import ProbeError
from neuronym.probes.decode import UnreadableImageError, quiet, reason

SUFFIX = ".png"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _RGBA = 0, 2, 6
_KINDS = {_GREY: "grey", _RGB: "RGB", 3: "palette", 4: "grey with transparency", _RGBA: "RGB with transparency"}


def integers(path: Path) -> npt.NDArray[np.integer[Any]]:
    """Uint8 or uint16 [height, width]: the grey values, or the numbers of the palette's entries.

    Raises:
        ProbeError: the file cannot be read, or its pixels are colours.
    """
    image, depth, kind = _read(path)
    if image.mode not in ("1", "L", "P", "I;16", "I"):
        raise ProbeError(
            f"The label image {str(path)!r} is {_described(depth, kind)}, not one number a pixel. Save it as a grey or "
            "palette PNG of the values."
        )
    values = np.asarray(image)
    if depth == 16:
        return values.astype(np.uint16)
    # Pillow spreads greys of 2 and 4 bits over 0..255.
    scale = 255 // (2**depth - 1) if kind == _GREY and image.mode == "L" else 1
    return values.astype(np.uint8) // np.uint8(scale)


def colours(path: Path) -> npt.NDArray[np.uint32]:
    """Uint32 [height, width]: R + 256 G + 256² B of an RGB image or of a palette's entries.

    Raises:
        ProbeError: the file cannot be read, or its pixels are not 8-bit RGB.
    """
    image, depth, kind = _read(path)
    if image.mode not in ("RGB", "RGBA", "P") or depth > 8:
        raise ProbeError(
            f"The label image {str(path)!r} is {_described(depth, kind)}, not 8-bit RGB, whose colours are the numbers "
            "of labels. Save it as RGB."
        )
    channels = np.asarray(image.convert("RGB") if image.mode == "P" else image).astype(np.uint32)
    return np.asarray(channels[..., 0] | channels[..., 1] << 8 | channels[..., 2] << 16)


def red_green(path: Path) -> npt.NDArray[np.uint16]:
    """Uint16 [height, width]: R + 256 G, as :func:`colours` reads them; blue says nothing."""
    return (colours(path) & 0xFFFF).astype(np.uint16)


def _read(path: Path) -> tuple[Image.Image, int, int]:
    """The image as Pillow stores it, the bits of a channel and the kind of colour that the file names."""
    try:
        data = path.read_bytes()
        if not data.startswith(_SIGNATURE):
            raise UnreadableImageError("it is no PNG")
        with quiet, Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
    except OSError as error:
        raise _unreadable(path, error.strerror or reason(error)) from error
    except Exception as error:
        # Pillow's plug-ins meet broken files with almost any exception.
        raise _unreadable(path, reason(error)) from error
    return image, data[24], data[25]


def _unreadable(path: Path, why: str) -> ProbeError:
    return ProbeError(f"The label image {str(path)!r} cannot be read: {why}. Put it back, or remove what names it.")


def _described(depth: int, kind: int) -> str:
    return f"{depth}-bit {_KINDS.get(kind, 'of an unknown kind')}"
