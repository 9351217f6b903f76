"""How the store recognises bytes that are not what was written."""

from __future__ import annotations

import google_crc32c


class Damaged(Exception):  # noqa: N818 - caught within the store, where it becomes a sentence for the user
    """Bytes that are not what was written."""


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of the bytes, 0 to 2**32 - 1; any one flipped byte changes it."""
    return int(google_crc32c.value(data))
