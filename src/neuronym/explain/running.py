"""Running a method on a layer and keeping what it says, unit by unit, so that a kill loses little."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from neuronym.explain.explainer import Explainer
from neuronym.records import Explanation, Unit
from neuronym.store.layer_view import LayerView
from neuronym.store.parts import Parts
from neuronym.store.tables import explanations_table

AT_A_TIME = 256
"""Explanations that are written together, unless they come slowly."""


def run_method(
    explainer: Explainer,
    units: Sequence[Unit],
    view: LayerView,
    parts: Parts,
    progress: Callable[[int, int], None],
    save_seconds: float = 5.0,
) -> None:
    """Explain the units that ``parts`` does not have yet, and append to it.

    Args:
        explainer: the method.
        units: some units of the view's layer.
        view: the layer, under the run.
        parts: what was explained in this run and layer so far.
        progress: told how many of ``units`` are done, and how many there are.
        save_seconds: explanations that come slower are written this often.

    Raises:
        MethodError: the method cannot run.
        RuntimeError: it does not keep its contract.
    """
    todo = remaining(units, parts)
    done, saved, pending = len(units) - len(todo), time.monotonic(), list[Explanation]()
    progress(done, len(units))
    if not todo:
        return
    for explanation in explained(explainer, todo, view):
        pending.append(explanation)
        if len(pending) >= AT_A_TIME or time.monotonic() - saved > save_seconds:
            parts.append(explanations_table(pending))
            done, saved = done + len(pending), time.monotonic()
            pending.clear()
            progress(done, len(units))
    if pending:
        parts.append(explanations_table(pending))
    parts.compact()
    progress(len(units), len(units))


def remaining(units: Sequence[Unit], parts: Parts) -> list[Unit]:
    """The units that ``parts`` does not have yet.

    Raises:
        StudyError: what it has is damaged.
    """
    written = parts.read()
    known = set() if written is None else set(written["unit"].to_pylist())
    return [unit for unit in units if unit.index not in known]


def explained(explainer: Explainer, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
    """What a method says of units, after making sure that it keeps its contract.

    Raises:
        MethodError: the method cannot run.
        RuntimeError: it does not give one explanation per unit, in order, or gives a score that is no finite number.
        TypeError: it gives something else.
    """
    expected = iter(units)
    for explanation in explainer.explain(units, view):
        unit = next(expected, None)
        if not isinstance(explanation, Explanation):
            raise TypeError(f"the method {explainer.name} gave a {type(explanation).__name__} for {unit}")
        if explanation.unit != unit:
            raise RuntimeError(f"the method {explainer.name} explained {explanation.unit}, but {unit} was next")
        if explanation.score is not None and not math.isfinite(explanation.score):
            raise RuntimeError(f"the method {explainer.name} gave {unit} the score {explanation.score}")
        yield explanation
    if (unit := next(expected, None)) is not None:
        raise RuntimeError(f"the method {explainer.name} ended before {unit}")
