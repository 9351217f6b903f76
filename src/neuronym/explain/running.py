"""Running a method on a layer and keeping what it says, unit by unit, so that a kill loses little."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

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
        MethodError: the method cannot run, or does not give one explanation per unit, in order.
    """
    written = parts.read()
    known = set() if written is None else set(written["unit"].to_pylist())
    todo = [unit for unit in units if unit.index not in known]
    done, saved, pending = len(units) - len(todo), time.monotonic(), list[Explanation]()
    progress(done, len(units))
    if not todo:
        return
    expected = iter(todo)
    for explanation in explainer.explain(todo, view):
        unit = next(expected, None)
        if explanation.unit != unit:
            raise RuntimeError(f"the method {explainer.name} explained {explanation.unit}, but {unit} was next")
        pending.append(explanation)
        if len(pending) >= AT_A_TIME or time.monotonic() - saved > save_seconds:
            parts.append(explanations_table(pending))
            done, saved = done + len(pending), time.monotonic()
            pending.clear()
            progress(done, len(units))
    if (unit := next(expected, None)) is not None:
        raise RuntimeError(f"the method {explainer.name} ended before {unit}")
    if pending:
        parts.append(explanations_table(pending))
    parts.compact()
    progress(len(units), len(units))
