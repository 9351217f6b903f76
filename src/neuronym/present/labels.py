"""What runs said of units, joined with how true it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc

from neuronym.present.pages import RowLabel, RunFigures, RunView
from neuronym.present.survey import histogram, rounded
from neuronym.present.unit_page import CandidateView, EvidenceView, HeldOutView, HistogramView, MethodLabel
from neuronym.records import Explanation
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import explanations_records

METRIC = "pearson"
"""The held-out metric that galleries and overviews show."""

FLOOR = "-random-95"
"""What follows a metric's name in that of its random floor."""

_ALSO = 4
_CANDIDATES = 10
_BINS = 32

Labels = Mapping[int, Sequence[MethodLabel]]
"""What the runs say of a layer's units, by position."""


@dataclass(frozen=True)
class Said:
    """Everything that was said in a study, and scored."""

    store: StudyStore

    @cached_property
    def runs(self) -> tuple[RunView, ...]:
        """The runs, the earliest first."""
        made = self.store.manifest.runs
        methods = [str(made[run].get("method", run)) for run in self.store.runs]
        titles = [
            " · ".join([method, *_parts(made[run])]) if methods.count(method) > 1 else method
            for run, method in zip(self.store.runs, methods, strict=True)
        ]
        return tuple(
            RunView(
                run,
                title if titles.count(title) == 1 else f"{title} · {run.rpartition('-')[2]}",
                method,
                str(made[run].get("summary", "mean")),
                _text(made[run].get("concepts")),
                _text(made[run].get("encoder")),
                _parameters(made[run]),
            )
            for run, method, title in zip(self.store.runs, methods, titles, strict=True)
        )

    def layer(self, name: str) -> Labels:
        """What the runs say of a layer's units."""
        rows = self._explanations.filter(pc.field("layer") == name)
        order = {run.id: place for place, run in enumerate(self.runs)}
        said: dict[int, list[MethodLabel]] = {}
        for one in sorted(explanations_records(rows), key=lambda one: (one.unit.index, order[one.run])):
            said.setdefault(one.unit.index, []).append(self._label(one))
        return said

    @cached_property
    def _explanations(self) -> Any:
        return self.store.explanations()

    @cached_property
    def _scores(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of scores by explanation."""
        by_explanation: dict[str, list[dict[str, Any]]] = {}
        for row in self.store.scores().to_pylist():
            by_explanation.setdefault(row["explanation"], []).append(row)
        return by_explanation

    def _label(self, said: Explanation) -> MethodLabel:
        return MethodLabel(
            said.run,
            said.method,
            said.state,
            said.description,
            None if said.score is None else rounded(said.score),
            said.reason,
            tuple(CandidateView(one.text, rounded(one.score)) for one in said.candidates[:_CANDIDATES]),
            tuple(EvidenceView(one.kind, one.text) for one in said.evidence if one.text is not None),
            _held_out(self._scores.get(said.id, ())),
        )


def row_label(label: MethodLabel, run: int) -> RowLabel:
    """A label as the gallery shows it, for the run at a position."""
    score = held_out(label)
    also = tuple(one.text for one in label.candidates if one.text != label.description)[:_ALSO]
    return RowLabel(
        run,
        label.state,
        label.description,
        label.score,
        None if score is None else score.value,
        None if score is None else score.floor,
        also,
    )


def held_out(label: MethodLabel) -> HeldOutView | None:
    """The score that galleries show, if there is one."""
    return next((one for one in label.held_out if one.metric == METRIC), None)


def figures(labels: Labels, runs: Sequence[RunView]) -> tuple[RunFigures, ...]:
    """What came out of each run that looked at a layer."""
    return tuple(
        _figures(place, some)
        for place, run in enumerate(runs)
        if (some := [label for unit in labels.values() for label in unit if label.run == run.id])
    )


def _figures(run: int, labels: Sequence[MethodLabel]) -> RunFigures:
    states = [label.state for label in labels]
    found = [score for label in labels if (score := held_out(label)) is not None and score.above_random is not None]
    values = [one.value for one in found if one.value is not None]
    floors = [one.floor for one in found if one.floor is not None]
    own = [label.score for label in labels if label.score is not None]
    return RunFigures(
        run,
        states.count("described"),
        states.count("abstained"),
        states.count("failed"),
        len(values),
        rounded(np.mean(values)) if values else None,
        sum(one.above_random is True for one in found),
        _distribution(values),
        rounded(np.mean(floors)) if floors else None,
        _distribution(own),
    )


def _distribution(values: Sequence[float]) -> HistogramView | None:
    return histogram(np.array(values), _BINS) if values else None


def _held_out(rows: Sequence[Mapping[str, Any]]) -> tuple[HeldOutView, ...]:
    """The scores of an explanation, each with its floor."""
    floors = {row["metric"].removesuffix(FLOOR): row["value"] for row in rows if row["metric"].endswith(FLOOR)}
    return tuple(
        HeldOutView(
            row["metric"],
            row["source"],
            None if row["value"] is None else rounded(row["value"]),
            None if (floor := floors.get(row["metric"])) is None else rounded(floor),
            row["unscored"],
        )
        for row in rows
        if not row["metric"].endswith(FLOOR)
    )


def _parts(made_with: Mapping[str, Any]) -> list[str]:
    """What tells runs of one method apart."""
    return [str(made_with[part]) for part in ("concepts", "encoder") if made_with.get(part)]


def _parameters(made_with: Mapping[str, Any]) -> dict[str, str]:
    key = made_with.get("key")
    given = key.get("parameters") if isinstance(key, Mapping) else None
    return {name: _shown(value) for name, value in sorted(given.items())} if isinstance(given, Mapping) else {}


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return "default" if value is None else str(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
