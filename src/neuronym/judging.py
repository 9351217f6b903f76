"""Scores in a study: whose descriptions are judged, and what is kept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from neuronym.errors import NeuronymWarning, StudyError
from neuronym.evaluate.evaluation import evaluate_layer
from neuronym.evaluate.figures import LayerEvaluation
from neuronym.evaluate.generated import evaluate_generated
from neuronym.evaluate.marks import marks
from neuronym.materials import Materials
from neuronym.records import Explanation, Json, Summary
from neuronym.sourcing import Asked, Sources
from neuronym.store.study_folder import is_writable
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records


class Judge:
    """Judges the descriptions of a study.

    Args:
        store: the study.
        materials: its images and encoders.
        asked: by what.

    Raises:
        UserError: there is no such source, or there are no test images.
    """

    def __init__(self, store: StudyStore, materials: Materials, asked: Asked) -> None:
        self._store, self._materials, self._asked = store, materials, asked
        if not any(image.split == "test" for image in store.images):
            raise StudyError(
                f"The study {str(store.folder)!r} has no test images to evaluate on. Make one with a --test-fraction "
                "above 0, or with --test-images."
            )
        self._sources = Sources(store, materials, asked)

    def check(self, run: str) -> None:
        """Raise unless a run may be judged as asked; see :meth:`Sources.check`."""
        self._sources.check(run)

    def run(self, run: str) -> list[LayerEvaluation]:
        """What is found of one run's descriptions, by layer; it is kept if the study can be written.

        Raises:
            MethodError: there are no such labels.

        Warns:
            NeuronymWarning: nothing was kept, and why.
        """
        explained = explanations_records(self._store.explanations(run))
        layers = [layer for layer in self._store.layers if any(one.unit.layer == layer.name for one in explained)]
        if (rule := self._sources.mask_rule(run)) is not None:
            self._materials.make_masks(layers, rule, self._sources.grid)  # in one pass over the images
        found = [self._layer(run, [one for one in explained if one.unit.layer == layer.name]) for layer in layers]
        try:
            self._keep(run, found)
        except StudyError as error:
            warnings.warn(NeuronymWarning(f"{error} The figures of {run} are not kept."), stacklevel=2)
        return found

    def _layer(self, run: str, explanations: Sequence[Explanation]) -> LayerEvaluation:
        name = explanations[0].unit.layer
        view = self._store.view(name, self._materials.services, run)
        summary = cast("Summary", str(self._store.manifest.runs[run]["summary"]))
        if self._sources.kind(run) == "generated":
            return evaluate_generated(
                explanations,
                view,
                self._sources.generator(),
                summary=summary,
                seed=self._asked.settings.seed,
                progress=lambda done, total: self._materials.report(f"generating for {name}", done, total),
            )
        return evaluate_layer(
            explanations,
            view,
            self._sources.source(view, run),
            summary=summary,
            pool=self._pool(name),
            settings=self._asked.settings,
            masked=self._sources.masked(view, run),
        )

    def _pool(self, layer: str) -> list[str]:
        """What all runs say of a layer's units."""
        table = self._store.explanations()
        pairs = zip(table["layer"].to_pylist(), table["description"].to_pylist(), strict=True)
        return [text for name, text in pairs if name == layer and text is not None]

    def _keep(self, run: str, found: Sequence[LayerEvaluation]) -> None:
        """Write what was found.

        Raises:
            StudyError: the study cannot be written, or another process is writing it.
        """
        if not found:
            return
        if not is_writable(self._store.folder):
            raise StudyError(f"The study {str(self._store.folder)!r} may only be read.")
        kind, rule = self._sources.kind(run), self._sources.mask_rule(run)
        made_with: dict[str, Json] = {
            "run": run,
            "source": found[0].source,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "decides": kind != "generated",
            "settings": asdict(self._asked.settings),
            "hierarchy": None if self._asked.hierarchy is None else Path(self._asked.hierarchy).name,
            "templates": list(self._asked.templates) if kind == "encoder" else [],
            "masks": None if rule is None else rule.name,
            "annotations": self._store.manifest.annotations.get("key") if kind == "annotations" else None,
            "marks": marks(),
        }
        with self._store.lock():
            self._store.write_evaluation(
                made_with,
                [score for one in found for score in one.scores],
                [one for layer in found for one in layer.assessments],
                [figure for one in found for figure in one.figures],
            )
