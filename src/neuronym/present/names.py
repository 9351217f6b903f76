"""Names for people elsewhere: a report is passed on, and where its maker's files lie is nobody's business."""

from __future__ import annotations

import re
from pathlib import PurePath

_PREFIXES = re.compile(r"(?:[\w-]{2,}:(?![\\/]{2}))*")
_PLACE = re.compile(r"[\\/]|~|\.{1,2}[\\/]|[A-Za-z]:[\\/]")


def last_part(path: str) -> str:
    """The last part of a path, after the prefixes it may have.

    A name with a prefix that is no place on a disk, such as ``bundled:world/test`` or ``hf:owner/model``, stays as it
    is.
    """
    prefixes = _PREFIXES.match(path)
    assert prefixes is not None  # it matches the empty text
    rest = path[prefixes.end() :]
    if prefixes[0] and not _PLACE.match(rest):
        return path
    return prefixes[0] + (PurePath(re.sub(r"[\\/]+$", "", rest).replace("\\", "/")).name or rest)
