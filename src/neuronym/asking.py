"""What a study is asked for: whether it may be made, from what, and whether it is the same as one that is there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from neuronym import plugins
from neuronym.errors import StudyError, UserError
from neuronym.probes.probe_set import Given, ProbeSet
from neuronym.records import Json, LabelTable, LayerInfo, Tokens, digest
from neuronym.store.manifest import is_study, versions
from neuronym.targets.layers import select as select_layers
from neuronym.targets.target import Target
from neuronym.targets.weights import is_path


def check_place(place: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether a study is there, after making sure that it may be touched."""
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other. Give one of them.")
    exists = is_study(place)
    if exists and not (resume or overwrite):
        raise StudyError(
            f"There is a study at {str(place)!r} already. Go on with it by --resume, replace it by --overwrite, or "
            "choose another --out."
        )
    if not exists and place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise StudyError(f"There is something else than a study at {str(place)!r}. Choose another --out.")
    return exists


def choose_target(model: str | Target, weights: str | None, overrides: Mapping[str, str | None]) -> Target:
    """The model that was asked for, with the parts of its preprocessing that were overridden."""
    if weights is not None and is_path(weights):
        weights = str(Path(weights).expanduser().absolute())
    target = plugins.target(model, weights) if isinstance(model, str) else model
    given = {key: value for key, value in overrides.items() if value is not None}
    if not given:
        return target
    changed = target.preprocessing.overridden(**given)
    same = changed.input_size((224, 224)) == target.preprocessing.input_size((224, 224))
    # What is known of the grid of tokens holds for the former size of the input only.
    return replace(target, preprocessing=changed, token_info=target.token_info if same else None)


def select_early(
    target: Target, layers: Sequence[str], tokens: Tokens | None, prefix_tokens: int | None
) -> list[LayerInfo] | None:
    """The layers, before thousands of images are read, where the input's size does not depend on the images."""
    if not layers:
        raise UserError("No layers were given. Name some with --layers; `neuronym layers` lists them.")
    fixed = {target.preprocessing.input_size(size) for size in ((200, 300), (300, 200), (64, 64))}
    return None if len(fixed) > 1 else select_layers(target, layers, tokens=tokens, prefix_tokens=prefix_tokens)


def absolute(given: Sequence[Given] | Given) -> list[Given]:
    """Paths that lead to the same place from any folder."""
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return [str(Path(one).expanduser().absolute()) if isinstance(one, str | Path) else one for one in several]


def labels_key(labels: LabelTable | None) -> str | None:
    """Equal for label tables that say the same."""
    if labels is None:
        return None
    values = hashlib.sha256(np.ascontiguousarray(labels.values).data).hexdigest()
    return digest([list(labels.concepts), list(labels.groups), values])


def check_same(place: Path, there: Mapping[str, Json], asked: Mapping[str, Json]) -> None:
    """Raise unless the study that is there was asked for in the same way."""
    different = list(_differences("", there, asked))
    if different:
        raise StudyError(
            f"The study at {str(place)!r} was made otherwise and cannot go on: {'; '.join(different[:3])}"
            f"{' ...' if len(different) > 3 else ''}. Ask as before, or choose another --out, or --overwrite it."
        )


def _differences(path: str, there: Any, asked: Any) -> list[str]:
    if isinstance(there, Mapping) and isinstance(asked, Mapping):
        keys = sorted({*there, *asked})
        return [text for key in keys for text in _differences(f"{path}{key}.", there.get(key), asked.get(key))]
    if there == asked:
        return []
    if path == "layers.":
        there, asked = (", ".join(f"{one['path']}{':after' * one['after']}" for one in some) for some in (there, asked))
    return [f"{path.rstrip('.')} is {there!r} there and {asked!r} now"]


def provenance(target: Target, probe: ProbeSet) -> dict[str, Json]:
    """Where a study comes from; no part of what identifies it."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "weights": target.weights,
        "sources": list(probe.sources),
        "duplicates": probe.duplicates,
        "skipped": len(probe.skipped),
        "notes": list(probe.notes),
    }
