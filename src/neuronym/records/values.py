"""What records are made of: names for the few values that a word may have, and the identity of a JSON value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What may stand in a manifest."""

Split: TypeAlias = Literal["explain", "test"]
"""Descriptions are made from ``explain`` images and judged on ``test`` images."""

Summary: TypeAlias = Literal["mean", "max", "abs-mean", "q99"]
"""The function g that turns one image's activation map into one number."""

Tokens: TypeAlias = Literal["cls", "mean", "max", "grid"]
"""How the tokens of a transformer become a unit's activation: the class token, the mean or the maximum over the patch
tokens, or the patch tokens as a map."""

State: TypeAlias = Literal["described", "abstained", "failed"]
"""What became of a unit under a method."""

Standing: TypeAlias = Literal["supported", "weak", "unsupported"]
"""What held-out images say of a description: its whole interval is above what random labels reach, or its score alone,
or not even that."""

Stage: TypeAlias = Literal["pending", "running", "done", "failed"]
"""What became of a step of the work."""


def digest(value: object, length: int = 16) -> str:
    """The first ``length`` hex digits of the SHA-256 of a JSON value in canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
