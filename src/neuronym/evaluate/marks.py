"""Which metrics failed a test of metrics: what is shown beside their figures."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import torch

from neuronym.activations.embed import cache_root
from neuronym.errors import StudyError
from neuronym.functional import metrics
from neuronym.functional.metrics import verdicts
from neuronym.records import Json, digest
from neuronym.store.atomic import write_json


def marks() -> dict[str, Json]:
    """The metrics that fail a test of metrics, and which: what is shown beside their figures.

    The tests take seconds and always come out the same, so what came out is kept in the cache.
    """
    place = cache_root() / "marks" / f"{_formulas()}.json"
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads(place.read_bytes()))
    failed: dict[str, Json] = {}
    for name, verdict in verdicts().items():
        passed = {"missing": verdict.passes_missing, "extra": verdict.passes_extra}
        tests = [f"{test}-label" for test, sees in passed.items() if not sees]
        if tests:
            failed[name] = f"fails the {' and the '.join(tests)} test"
    with suppress(StudyError):  # a cache that cannot be written costs seconds
        write_json(place, failed)
    return failed


def _formulas() -> str:
    """Identity of the code of all metrics and their tests."""
    folder = Path(metrics.__file__).parent
    return digest([torch.__version__, *(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py")))])
