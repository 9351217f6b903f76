"""What runs said of units, joined with how true it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc

from neuronym.present.figures_page import CategoryDetectors, ConceptDetectors, FigureRow, RunFigures
from neuronym.present.judged import Judged
from neuronym.present.metrics import STATES
from neuronym.present.names import last_part
from neuronym.present.pages import LabelFileView, RowLabel, RunView
from neuronym.present.run_made import in_words, run_parameters, run_titles
from neuronym.present.survey import histogram, rounded
from neuronym.present.unit_page import CandidateView, EvidenceView, HistogramView, MethodLabel
from neuronym.records import Explanation
from neuronym.store.detectors import CATEGORY, category_of, detectors
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records

_ALSO = 4
_CANDIDATES = 10
_BINS = 32

Labels = Mapping[int, Sequence[MethodLabel]]
"""What the runs say of a layer's units, by position."""


@dataclass(frozen=True)
class Said:
    """Everything that was said in a study, and what was found of it."""

    store: StudyStore

    @cached_property
    def judged(self) -> Judged:
        """The evaluations."""
        return Judged(self.store)

    @cached_property
    def runs(self) -> tuple[RunView, ...]:
        """The runs, the earliest first."""
        made = {run: self.store.manifest.runs[run] for run in self.store.runs}
        return tuple(
            RunView(
                run,
                title,
                str(made[run].get("method", run)),
                str(made[run].get("summary", "mean")),
                _name(made[run].get("concepts")),
                _name(made[run].get("encoder")),
                made[run].get("mask_rule") is not None,
                _parameters(made[run]),
                _label_file(made[run]),
                self.judged.evaluations.get(run),
            )
            for run, title in run_titles(made).items()
        )

    def layer(self, name: str) -> Labels:
        """What the runs say of a layer's units."""
        rows = self._explanations.filter(pc.field("layer") == name)
        order = {run.id: place for place, run in enumerate(self.runs)}
        said: dict[int, list[MethodLabel]] = {}
        for one in sorted(explanations_records(rows), key=lambda one: (one.unit.index, order[one.run])):
            said.setdefault(one.unit.index, []).append(self._label(one))
        return said

    def figures(self, layer: str, labels: Labels) -> tuple[RunFigures, ...]:
        """What came out of each run that looked at a layer, given what the runs say of it."""
        return tuple(
            _figures(place, some, self.judged.rows(run.id, layer), self._detectors(run.id, layer))
            for place, run in enumerate(self.runs)
            if (some := [label for unit in labels.values() for label in unit if label.run == run.id])
        )

    def _detectors(self, run: str, layer: str) -> tuple[CategoryDetectors, ...]:
        rows = self._explanations.filter((pc.field("run") == run) & (pc.field("layer") == layer))
        return tuple(
            CategoryDetectors(
                one.category, tuple(ConceptDetectors(concept, len(units)) for concept, units in one.units.items())
            )
            for one in detectors(rows)
        )

    @cached_property
    def _explanations(self) -> Any:
        return self.store.explanations()

    def _label(self, said: Explanation) -> MethodLabel:
        return MethodLabel(
            said.run,
            said.method,
            self.judged.state(said),
            said.description,
            category_of(said),
            None if said.score is None else rounded(said.score),
            said.reason,
            tuple(CandidateView(one.text, rounded(one.score)) for one in said.candidates[:_CANDIDATES]),
            tuple(
                EvidenceView(one.kind, one.text)
                for one in said.evidence
                if one.text is not None and one.kind != CATEGORY
            ),
            self.judged.held_out(said),
        )


def row_label(label: MethodLabel, run: int) -> RowLabel:
    """A label as the gallery shows it, for the run at a position."""
    found = label.held_out
    also = tuple(one.text for one in label.candidates if one.text != label.description)[:_ALSO]
    known = (None,) * 4 if found is None else (found.value, found.low, found.high, found.floor)
    return RowLabel(run, label.state, label.description, label.category, label.score, *known, also)


def _figures(
    run: int,
    labels: Sequence[MethodLabel],
    rows: tuple[FigureRow, ...],
    found_detectors: tuple[CategoryDetectors, ...],
) -> RunFigures:
    states = Counter(label.state for label in labels)
    found = [label.held_out for label in labels if label.held_out is not None]
    values = [one.value for one in found if one.value is not None]
    floors = [one.floor for one in found if one.floor is not None]
    own = [label.score for label in labels if label.score is not None]
    reasons = Counter(one.unscored for one in found if one.unscored is not None)
    return RunFigures(
        run,
        sum(label.description is not None for label in labels),
        {state.name: states[state.name] for state in STATES if states[state.name]},
        len(values),
        sum(one.value is not None and not one.resolved for one in found),
        dict(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))),
        _distribution(values),
        rounded(np.mean(floors)) if floors else None,
        _distribution(own),
        rows,
        found_detectors,
    )


def _distribution(values: Sequence[float]) -> HistogramView | None:
    return histogram(np.array(values), _BINS) if values else None


def _parameters(made_with: Mapping[str, Any]) -> dict[str, str]:
    level = {"abstain": made_with["abstain"]} if made_with.get("abstain") is not None else {}
    return {name: in_words(value) for name, value in sorted({**level, **run_parameters(made_with)}.items())}


def _label_file(made_with: Mapping[str, Any]) -> LabelFileView | None:
    labels = made_with.get("labels")
    if not isinstance(labels, Mapping):
        return None
    first = labels.get("first_unit")
    name = str(labels.get("file", "")).replace("\\", "/").rpartition("/")[2]
    return LabelFileView(name, str(labels.get("layout", "")), first if isinstance(first, int) else None)


def _name(value: Any) -> str | None:
    return None if value is None else last_part(str(value))
