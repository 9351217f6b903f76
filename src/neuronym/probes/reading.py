"""Reads every image of the sources once, in threads: its content id, its size, and whether it can be decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from neuronym.errors import ProbeError
from neuronym.probes.decode import content_id, inspect
from neuronym.probes.sources import Member, Source
from neuronym.probes.split import order_key

Progress = Callable[[int, int], None]
"""Called with how many images are done and how many there are."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that may be used; ``position`` counts over all sources, ``test`` says if it was given for testing."""

    position: int
    source: Source
    member: Member
    test: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading an image told: its content's id and its upright size."""

    id: str
    height: int
    width: int


Outcome = Reading | str
"""A reading, or the reason why there is none."""


def read_all(
    candidates: Sequence[Candidate], *, seed: int, limit: int | None, progress: Progress | None
) -> list[tuple[Candidate, Outcome]]:
    """The outcome for every candidate, in their order.

    With ``limit``, images are read in an order drawn by ``seed`` from their names, until that many different ones
    have been found; the rest is not looked at. The progress is then counted in images found.
    """
    queue = list(candidates)
    if limit is not None:
        queue.sort(key=lambda c: (order_key(f"{PurePath(c.source.name).name}/{c.member.name}", seed), c.position))
    total = len(queue) if limit is None else min(limit, len(queue))
    outcomes: list[tuple[Candidate, Outcome]] = []
    found: set[str] = set()
    for candidate, outcome in _outcomes(queue, _BLOCK if limit is None else min(_BLOCK, limit)):
        outcomes.append((candidate, outcome))
        if isinstance(outcome, Reading):
            found.add(outcome.id)
        if progress is not None:
            progress(len(outcomes) if limit is None else len(found), total)
        if limit is not None and len(found) == limit:
            break
    return sorted(outcomes, key=lambda pair: pair[0].position)


def _outcomes(queue: Sequence[Candidate], block: int) -> Iterator[tuple[Candidate, Outcome]]:
    """Reads block by block, so that neither futures nor work to be thrown away pile up."""
    waiting = iter(queue)
    pool = ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4), thread_name_prefix="neuronym-probes")
    try:
        while batch := list(islice(waiting, block)):
            yield from zip(batch, pool.map(_read, batch), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(candidate: Candidate) -> Outcome:
    name = candidate.member.name
    if not _is_text(name):
        return "its name is not UTF-8; rename it"
    try:
        data = candidate.source.read(name)
        return Reading(content_id(data), *inspect(data))
    except ProbeError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)


def _is_text(name: str) -> bool:
    """False for file names with bytes that are not UTF-8, which no table or manifest can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
