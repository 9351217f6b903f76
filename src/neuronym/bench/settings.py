"""What a benchmark is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neuronym.errors import UserError, unknown_name
from neuronym.explain.abstention import check_level

NOISE = 0.02
"""Standard deviation of the image noise that labels should survive, where 1 is the range of a pixel."""

TOP_K = 60
"""Exemplars that are kept: of images drawn anew a third is missing, and 20 should be left."""

INSTEAD: Mapping[str, Sequence[str]] = {
    "occlusion-vocab": [
        "occlusion-vocab?exemplars=5&occluder=8&stride=4",
        "occlusion-vocab?exemplars=5&preset=best",
    ],
}
"""Rows of methods whose published form and best one are both worth a row, with fewer images and places than usual.

At 64 pixels the usual occluder, 5 every 3, covers some pixels more often than others; this one covers all equally.
"""


@dataclass(frozen=True)
class BenchSettings:
    """How much is measured.

    Attributes:
        explain: images that labels are made from.
        test: images that they are judged on.
        bootstraps: how often the explain images are drawn anew, 1 to 1,000.
        level: of the rule of abstention; see :class:`neuronym.explain.abstention.Abstaining`.
        draws: resamples of units behind each interval, 100 to 100,000.
        seed: decides which scenes these are, and all else that is random; 0 to 100.
        kinds: kinds of units that are judged; all of them if empty.
        hosts: hosts by name; all of them if empty.
        methods: rows, see :mod:`neuronym.bench.entrants`; all that is installed if empty.
        instead: if it is empty, the rows that stand for some installed methods.
        device: where networks run.
    """

    explain: int = 3000
    test: int = 1500
    bootstraps: int = 20
    level: float = 0.1
    draws: int = 1000
    seed: int = 0
    kinds: Sequence[str] = ()
    hosts: Sequence[str] = ()
    methods: Sequence[str] = ()
    instead: Mapping[str, Sequence[str]] = field(default_factory=lambda: INSTEAD)
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, least, most in (
            *(("explain", 200, 100_000), ("test", 100, 100_000), ("bootstraps", 1, 1000)),
            *(("draws", 100, 100_000), ("seed", 0, 100)),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name} is {value:,}. Give a number from {least:,} to {most:,}.")
        check_level(self.level)


QUICK: dict[str, Any] = {
    "explain": 600,
    "test": 400,
    "bootstraps": 3,
    "instead": {
        "occlusion-vocab": ["occlusion-vocab?encoder=oracle:world&exemplars=3&preset=best&stride=8"],
    },
}
"""What ``--quick`` changes: enough for every gate, in a minute or so.

A method that passes 441 occluded copies of hundreds of images is there with one row, of 36 copies of fewer.
"""

QUICK_HOSTS = ("analytic", "taught", "resnet")
"""The hosts of ``--quick``, unless others are asked for: one of each kind."""


def chosen(what: str, asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Those of the known names that were asked for, in the order of the known ones; all of them if none were.

    Raises:
        UnknownNameError: one is not known.
    """
    for name in asked:
        if name not in known:
            raise unknown_name(what, name, known, f"All of them: {', '.join(known)}.")
    return [name for name in known if not asked or name in asked]
