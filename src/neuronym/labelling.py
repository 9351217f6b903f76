"""Anyone's labels as a run of a study, and descriptions beside the known names of units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from neuronym.errors import StudyError, UserError
from neuronym.evaluate.known_names import CLASSES, found_among, names_of_classes, names_of_file, sets_of
from neuronym.evaluate.label_files import LabelFile, fit, parse_given, read_label_file
from neuronym.evaluate.similarities import text_similarity
from neuronym.evaluate.text_match import Match, match
from neuronym.execute.devices import choose_device
from neuronym.materials import Materials
from neuronym.records import Explanation, Json, Summary, digest
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records, explanations_table

AMONG = 5
"""Candidates among which a name is looked for, beside the description itself."""


@dataclass(frozen=True)
class NamesCompared:
    """Descriptions beside the known names of units.

    Attributes:
        matches: one for each similarity.
        among: by run, for how many units the name is among the first :data:`AMONG` candidates, and of how many.
    """

    matches: tuple[Match, ...]
    among: Mapping[str, tuple[int, int]]


def compare_names(
    store: StudyStore,
    materials: Materials,
    truth: str,
    similarities: Sequence[str],
    run: str | None,
    first_unit: int | None,
    seed: int,
    device: str,
) -> NamesCompared:
    """See :meth:`neuronym.study.Study.compare_names`."""
    if truth == CLASSES:
        names = names_of_classes(store.layers, materials.target.class_names)
    else:
        layer, path = parse_given(truth)
        names = names_of_file(
            str(path), {one.name: one.units for one in store.layers}, layer=layer, first_unit=first_unit
        )
    said = explanations_records(store.explanations(run))
    known = sorted({unit.layer for unit in names})
    sets = sets_of(said, names, {name: name for name in store.runs})
    if not sets:
        raise StudyError(
            f"No unit with a known name was described in {str(store.folder)!r}: the names are of {', '.join(known)}."
        )
    chosen = choose_device(device)
    alike = [
        text_similarity(name, lambda encoder: materials.encoder(encoder, device), chosen)
        for name in dict.fromkeys(similarities)
    ]
    matches = tuple(match(names, sets, one, seed=seed) for one in alike)
    return NamesCompared(matches, found_among(said, names, AMONG))


def import_labels(
    store: StudyStore, given: str | Path, *, first_unit: int | None, summary: Summary, name: str | None = None
) -> tuple[str, tuple[str, ...]]:
    """Takes anyone's labels into a study as a run of their own.

    Args:
        store: the study.
        given: ``[LAYER=]FILE``; see :mod:`neuronym.evaluate.label_files`.
        first_unit: 0 or 1 where the file's layout does not say what its units are counted from.
        summary: what becomes of an activation map when they are judged.
        name: what the labels are called; the file's name if not given.

    Returns:
        The id of the run, the same for the same labels, and remarks on what was left out.

    Raises:
        UserError: the file cannot be read, or is not about the study's units, or the name has other characters than
            letters, digits, '.', '-' and '_'.
    """
    if name is not None and not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"The name {name!r} of labels cannot be used: use letters, digits, '.', '-' and '_'.")
    layer, path = parse_given(str(given))
    file = read_label_file(path, first_unit=first_unit)
    sizes = {one.name: one.units for one in store.layers}
    method = name or fit(file, sizes, layer=layer, run="").explanations[0].method
    run = f"{method}-{digest([store.manifest.key, file.key, layer, file.first_unit, summary], 8)}"
    fitted = fit(file, sizes, layer=layer, run=run)
    said = [replace(one, method=method) for one in fitted.explanations]
    if not store.is_done(f"import/{run}"):
        with store.lock(), store.stage(f"import/{run}", run, len(fitted.explanations)):
            _write(store, run, file, said, summary)
    return run, fitted.notes


def _write(store: StudyStore, run: str, file: LabelFile, explanations: Sequence[Explanation], summary: Summary) -> None:
    for layer in dict.fromkeys(one.unit.layer for one in explanations):
        parts = store.parts(run, layer)
        parts.clear()  # what an import that was stopped has left
        parts.append(explanations_table([one for one in explanations if one.unit.layer == layer]))
    made_with: dict[str, Json] = {
        "began": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": explanations[0].method,
        "summary": summary,
        "concepts": None,
        "label_group": None,
        "encoder": None,
        "labels": {"file": Path(file.path).name, "layout": file.layout, "first_unit": file.first_unit},
        "key": {"labels": file.key},
    }
    store.update(store.manifest.with_run(run, made_with))
