"""From the bytes of any image file, or an array, to an upright 8-bit RGB picture; and the id of its content.

What becomes of the less usual kinds of picture:

- Transparency (alpha channel, transparent palette entry or colour) is laid over white.
- 16-bit grey is scaled: value / 257, rounded; of 16-bit colour Pillow keeps the high byte, the same within one step.
- 32-bit integers: 0..255 as they are; 0..65535 as 16-bit; anything else is stretched from minimum to maximum.
- Floats: 0..1 is scaled to 0..255; 0..255 as they are; anything else is stretched; NaN or infinity is unreadable.
- Animations and multi-page files give their first frame.
- The EXIF orientation is applied; colour profiles are not.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
import warnings
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from neuronym.errors import ProbeError

Encoded = bytes | npt.NDArray[np.uint8]
"""What a source reads: the bytes of an image file, or uint8 [height, width, 3] or [height, width]."""

# Only formats that Pillow decodes inside the process: EPS and its like start foreign programs on untrusted input.
_FORMATS = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "HEIF"),
    *("TGA", "QOI", "ICO", "PCX", "SGI"),
)
_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImageError(ProbeError):
    """One image cannot be decoded; the message is the reason, without the image's name."""


def decode(data: Encoded) -> Image.Image:
    """The picture as an upright, 8-bit RGB image.

    Args:
        data: the bytes of an image file, or uint8 [height, width, 3] or [height, width].

    Raises:
        UnreadableImageError: the file is empty, truncated, corrupt, of an unknown format, has no pixels, or claims
            more pixels than Pillow's limit against decompression bombs.
    """
    if isinstance(data, np.ndarray):
        return _from_array(data)
    with quiet:
        try:
            with _open(data) as image:
                image.load()
                upright = _upright(image)
                rgb = _to_rgb(upright)
        except UnreadableImageError:
            raise
        except Exception as error:
            # Pillow's plug-ins meet broken files with almost any exception (struct.error, IndexError, zlib.error ...).
            raise UnreadableImageError(reason(error)) from error
    # A picture that is upright must not carry the orientation that a later reader would apply once more.
    rgb.info = {}
    return rgb


def inspect(data: Encoded) -> tuple[int, int]:
    """(height, width) of the upright picture, after checking that the whole of it can be decoded.

    A JPEG is decoded at an eighth of its size and in grey, which still reads every byte of it.

    Raises:
        UnreadableImageError: as :func:`decode`.
    """
    if not isinstance(data, np.ndarray):
        size = _inspect_jpeg(data)
        if size is not None:
            return size
    image = decode(data)
    return image.height, image.width


def content_id(data: Encoded) -> str:
    """32 hex digits that identify the content: BLAKE2b of a file's bytes, or of an array's type, shape and values."""
    if isinstance(data, np.ndarray):
        hasher = hashlib.blake2b(digest_size=16, person=b"neuronym array")
        hasher.update(f"{data.dtype.str}{data.shape}".encode())
        hasher.update(np.ascontiguousarray(data).data)
        return hasher.hexdigest()
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class _Quiet:
    """Silences Pillow's warnings while any thread is inside.

    ``warnings.catch_warnings`` swaps the process's filters and is not safe when threads overlap, so one filter is put
    in by the first thread to enter and taken out by the last to leave.
    """

    # The regular expression's comment makes the filter ours alone, so that taking it out never removes a user's.
    _MODULE = r"PIL\.(?#neuronym)"

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """A forked child starts with no thread inside, whatever the parent's threads were doing."""
        self._lock = threading.Lock()
        self._inside = 0
        self._filters: Any = None
        self._filter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                warnings.filterwarnings("ignore", module=self._MODULE)
                self._filters, self._filter = warnings.filters, warnings.filters[0]
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._filter in self._filters:
                self._filters.remove(self._filter)


quiet = _Quiet()
"""``with quiet:`` around whatever Pillow opens or decodes."""


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of the allowed formats that this Pillow, with its registered plug-ins, can open."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableImageError("the file is empty")
    return Image.open(io.BytesIO(data), formats=_formats())


def _inspect_jpeg(data: bytes) -> tuple[int, int] | None:
    """As :func:`inspect` for a JPEG file; None if it is not one."""
    if not data.startswith(b"\xff\xd8"):
        return None
    with quiet:
        try:
            with _open(data) as image:
                width, height = image.size
                turned = _orientation(image) >= 5
                image.draft("L", (1, 1))
                image.load()
        except Exception as error:
            raise UnreadableImageError(reason(error)) from error
    return (width, height) if turned else (height, width)


def reason(error: Exception) -> str:
    """Why Pillow could not decode a file, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())[:200]


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the EXIF block is broken."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # Only the tag is lost, not the picture; Pillow raises many kinds of exception on a broken block.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
    method = _TRANSPOSE.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> Image.Image:
    if min(image.size) < 1:
        raise UnreadableImageError("the image has no pixels")
    if image.mode.startswith("I;16"):
        return _scale_sixteen(np.asarray(image).astype(np.int64))
    if image.mode == "I":
        # Pillow brings 16-bit PGM files to mode I, always in the range 0..65535.
        return _scale_integers(np.asarray(image).astype(np.int64), sixteen=image.format == "PPM")
    if image.mode == "F":
        return _scale_floats(np.asarray(image).astype(np.float64))
    if _transparent(image):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _transparent(image: Image.Image) -> bool:
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        # The transparent colour of a 16-bit PNG cannot be told apart once the image has 8 bits.
        del image.info["transparency"]
    return image.has_transparency_data


def _scale_sixteen(values: npt.NDArray[np.int64]) -> Image.Image:
    """v / 257 rounded to the nearest, for v in 0..65535."""
    return _grey((values + 128) // 257)


def _scale_integers(values: npt.NDArray[np.int64], *, sixteen: bool) -> Image.Image:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        return _stretch(values.astype(np.float64))
    return _scale_sixteen(values) if sixteen or high > 255 else _grey(values)


def _scale_floats(values: npt.NDArray[np.float64]) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnreadableImageError("the image holds NaN or infinite values")
    if low < 0 or high > 255:
        return _stretch(values)
    return _grey(np.rint(values * 255 if high <= 1 else values))


def _stretch(values: npt.NDArray[np.float64]) -> Image.Image:
    low, high = values.min(), values.max()
    return _grey(np.rint((values - low) * (255 / (high - low))) if high > low else np.zeros_like(values))


def _grey(values: npt.NDArray[Any]) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _from_array(data: npt.NDArray[np.uint8]) -> Image.Image:
    if data.dtype != np.uint8 or not (data.ndim == 2 or (data.ndim == 3 and data.shape[2] == 3)):
        raise UnreadableImageError(
            f"an array of {data.dtype} {list(data.shape)} is not uint8 [height, width, 3] or [height, width]"
        )
    if data.size == 0:
        raise UnreadableImageError("the image has no pixels")
    return Image.fromarray(np.ascontiguousarray(data)).convert("RGB")
