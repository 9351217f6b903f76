"""Which tar shards a path or a pattern means."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path, PurePosixPath

from neuronym.errors import ProbeError

SHARD_EXTENSION = ".tar"

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_MOST_SHARDS = 1_000_000
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst")


def is_shard_name(name: str) -> bool:
    """Whether a file's name is that of a tar, compressed or not."""
    return name.lower().endswith(SHARD_EXTENSION) or is_compressed(name)


def is_compressed(name: str) -> bool:
    """Whether a file's name is that of a compressed tar."""
    stem, ending = PurePosixPath(name.lower()).stem, PurePosixPath(name.lower()).suffix
    return ending in _COMPRESSED and (ending.startswith(".t") or stem.endswith(SHARD_EXTENSION))


def is_pattern(name: str) -> bool:
    """Whether a path means several shards: it has braces and the ending of a tar."""
    return _BRACES.search(name) is not None and is_shard_name(name)


def expand(pattern: str) -> list[str]:
    """The paths that ``{000..012}`` and ``{a,b}`` in a path stand for, the last braces running fastest.

    Numbers are padded to one width where the first or the last begins with a zero, as in a shell.

    Raises:
        ProbeError: braces hold neither, a range ends before it begins, or there would be over a million shards.
    """
    pieces = _BRACES.split(pattern)
    options = [[piece] if at % 2 == 0 else _options(pattern, piece) for at, piece in enumerate(pieces)]
    count = math.prod(map(len, options))
    if count > _MOST_SHARDS:
        raise ProbeError(f"The pattern {pattern!r} stands for {count:,} shards. Give at most {_MOST_SHARDS:,}.")
    return ["".join(chosen) for chosen in itertools.product(*options)]


def _options(pattern: str, body: str) -> list[str]:
    found = _RANGE.fullmatch(body)
    if found is None:
        if "," in body:
            return [part.strip() for part in body.split(",")]
        raise ProbeError(
            f"The pattern {pattern!r} has {{{body}}}. Give a range such as {{000..012}} or a list {{a,b}}."
        )
    first, last = int(found[1]), int(found[2])
    if last < first or last - first >= _MOST_SHARDS:
        raise ProbeError(f"The pattern {pattern!r} counts from {first} to {last}. Count up, over at most a million.")
    padded = any(len(number) > 1 and number.startswith("0") for number in found.groups())
    width = max(map(len, found.groups())) if padded else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def find_shards(pattern: str) -> list[str]:
    """The paths of all shards of a pattern.

    Raises:
        ProbeError: as :func:`expand`, or some do not exist.
    """
    paths = expand(pattern)
    missing = [path for path in paths if not Path(path).expanduser().is_file()]
    if missing:
        raise ProbeError(
            f"{len(missing)} of the {len(paths)} shards of {pattern!r} are missing: {', '.join(map(repr, missing[:3]))}"
            f"{' ...' if len(missing) > 3 else ''}. Put them there, or change the pattern."
        )
    return paths


def compressed_error(name: str, command: str = "") -> ProbeError:
    """The error for a compressed tar; ``command`` undoes it."""
    return ProbeError(
        f"{name!r} is a compressed tar, which can be read from its beginning only, and images are read in any order. "
        f"Decompress it{f' with {command}' if command else ''}, and give the .tar."
    )
