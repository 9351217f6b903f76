"""What the last evaluation of each run says of a study's descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from neuronym.present.figures_page import EvaluationView, FigureRow, FigureView
from neuronym.present.metrics import HEADLINE
from neuronym.present.names import last_part
from neuronym.present.survey import rounded
from neuronym.present.unit_page import HeldOutView
from neuronym.records import Assessment, Explanation, Figure, Row
from neuronym.store.study_store import StudyStore
from neuronym.store.tables import assessments_records, figures_records


@dataclass(frozen=True)
class Judged:
    """The evaluations of a study."""

    store: StudyStore

    @cached_property
    def evaluations(self) -> Mapping[str, EvaluationView]:
        """What the last evaluation of each run was made with; runs without one are not there."""
        return {str(made["run"]): _evaluation(made) for made in self.store.latest()}

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that was computed, in the order found."""
        return tuple(dict.fromkeys(one.metric for rows in self._figures.values() for one in rows))

    def state(self, said: Explanation) -> str:
        """What became of a unit: the state of its description where it was judged, else that of the explanation."""
        found = self._assessments.get(said.id)
        return said.state if found is None or found.state is None else found.state

    def held_out(self, said: Explanation) -> HeldOutView | None:
        """What was found of an explanation; None if it was not judged, or there is nothing to judge."""
        found = self._assessments.get(said.id)
        if found is None or said.description is None:
            return None
        return HeldOutView(
            last_part(found.source),
            _rounded(found.value),
            _rounded(found.low),
            _rounded(found.high),
            _rounded(found.floor),
            found.resolved,
            found.unscored,
            self._values.get(said.id, {}),
        )

    def rows(self, run: str, layer: str) -> tuple[FigureRow, ...]:
        """The figures of a layer under a run: the descriptions', then those of other labels."""
        figures = self._figures.get((run, layer), [])
        made = []
        for row in get_args(Row):
            some = [one for one in figures if one.row == row]
            if some:
                text = next((one.text for one in some if one.text is not None), None)
                made.append(FigureRow(row, text, tuple(_figure(one) for one in some)))
        return tuple(made)

    @cached_property
    def _assessments(self) -> Mapping[str, Assessment]:
        return {one.explanation: one for one in assessments_records(self.store.assessments())}

    @cached_property
    def _figures(self) -> Mapping[tuple[str, str], list[Figure]]:
        found: dict[tuple[str, str], list[Figure]] = {}
        for one in figures_records(self.store.figures()):
            found.setdefault((one.run, one.layer), []).append(one)
        return found

    @cached_property
    def _values(self) -> Mapping[str, Mapping[str, float | None]]:
        """The metrics beside the headline, by explanation; those without any value are left out."""
        table = self.store.scores()
        found: dict[str, dict[str, float | None]] = {}
        columns = (table[name].to_pylist() for name in ("explanation", "metric", "value"))
        for explanation, metric, value in zip(*columns, strict=True):
            if metric != HEADLINE:
                found.setdefault(explanation, {})[metric] = _rounded(value)
        return {name: values for name, values in found.items() if any(one is not None for one in values.values())}


def _evaluation(made: Mapping[str, Any]) -> EvaluationView:
    settings, marks = made.get("settings") or {}, made.get("marks") or {}
    return EvaluationView(
        last_part(str(made["source"])),
        str(made["at"]),
        {str(name): str(value) for name, value in settings.items()},
        {str(name): str(words) for name, words in marks.items()},
    )


def _figure(one: Figure) -> FigureView:
    return FigureView(one.metric, one.units, _rounded(one.value), _rounded(one.low), _rounded(one.high))


def _rounded(value: float | None) -> float | None:
    return None if value is None else rounded(value)
