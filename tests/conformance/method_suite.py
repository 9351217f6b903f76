"""The conformance suite of methods: plain functions that say in an AssertionError what is wrong.

It runs on every method, built-in or foreign. A third party calls, in any test runner,

    check_method(MyMethod(concepts, encoder), view)

with a :class:`~neuronym.store.layer_view.LayerView` of a real study: ``study.view("layer1")`` after ``study.probe()``.
The layer has at least four units, one of which never fires and one of which has the same value everywhere; without
those the suite refuses, because their descriptions are what goes wrong most.
"""

from __future__ import annotations

import math
import pickle
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args

import numpy as np
import torch

from neuronym import plugins
from neuronym.errors import UserError
from neuronym.explain.concepts import ConceptSet
from neuronym.explain.explainer import Explainer
from neuronym.records import Explanation, Grid, ImageRecord, MaskRule, Split, Summary, Unit
from neuronym.store.layer_view import LayerView


def check_method(method: Explainer, view: LayerView, tolerance: float = 1e-6) -> None:
    """Every check; ``tolerance`` is the largest difference of scores allowed where only the asked units differ."""
    dead, constant = (view.dead, view.constant & ~view.dead)
    if len(view.units) < 4 or not dead.any() or not constant.any():
        raise ValueError(
            f"the suite needs a layer of 4 units with a dead and a constant one, got {len(view.units)} units, "
            f"{dead.sum()} dead and {constant.sum()} constant"
        )
    check_class(method)
    check_masks(method)
    check_explanations(method, view)
    check_silent(method, view)
    check_determinism(method, view)
    check_asked_units(method, view, tolerance)
    check_pickling(method, view)
    check_explain_only(method, view)
    check_concept_order(method, view)


def check_class(method: Explainer) -> None:
    """It is a frozen dataclass with a name, a summary, a citation, and plain parameters that all have a default."""
    cls: Any = type(method)
    assert is_dataclass(type(method)), f"{cls.__name__} is not a dataclass"
    assert cls.__dataclass_params__.frozen, f"{cls.__name__} is not frozen"
    assert re.fullmatch(r"\w[\w.-]*", method.name), f"name is not fit for a file name: {method.name!r}"
    assert method.summary in get_args(Summary), f"summary is {method.summary!r}, not one of {get_args(Summary)}"
    assert isinstance(method.citation, str), f"citation is not a string but {method.citation!r}"
    assert len(method.citation.split()) > 1, f"citation says nothing: {method.citation!r}"
    try:
        found: Any = plugins.method_class(f"{cls.__module__}:{cls.__qualname__}")
    except UserError as error:
        raise AssertionError(str(error)) from error
    assert found is cls, f"another class is found under the name of {cls}"
    for name in plugins.parameters(cls):
        value = getattr(method, name)
        assert _plain(value), f"the parameter {name} is {value!r}; it must be a number, a text, texts, a bool or None"


def check_masks(method: Explainer) -> None:
    """What it says of masks, if anything, is of the types that are read."""
    needs, rule = getattr(method, "needs_annotations", False), getattr(method, "mask_rule", None)
    assert isinstance(needs, bool), f"needs_annotations is {needs!r}; it must be True or False"
    assert getattr(type(method), "needs_annotations", False) is needs, "needs_annotations is not told by the class"
    assert rule is None or isinstance(rule, MaskRule), f"mask_rule is {rule!r}; it must be a MaskRule or None"


def check_explanations(method: Explainer, view: LayerView) -> None:
    """One explanation per unit, in order, whose parts agree with each other."""
    units = view.units
    found = _explained(method, units, view)
    assert [one.unit for one in found] == list(units), "not one explanation per unit, in the order asked"
    assert any(one.state == "described" for one in found), "no unit was described"
    ids = {image.id for image in view.images("explain")}
    for one in found:
        _check_explanation(one, method, view, ids)
    assert not _explained(method, [], view), "no units were asked for, but some explained"


def check_silent(method: Explainer, view: LayerView) -> None:
    """A unit that is zero or constant everywhere is not described, and the reason says why."""
    for one in _explained(method, view.units, view):
        if view.constant[one.unit.index]:
            assert one.state != "described", f"{one.unit} has one value everywhere, but is described: {one.description}"
            assert one.reason is not None, f"{one.unit} has no reason"
            assert one.reason.strip(), f"{one.unit} has an empty reason"


def check_determinism(method: Explainer, view: LayerView) -> None:
    """Twice gives the same, exactly, whatever the global random states are, and these are left as they were."""
    first = _seeded(method, view, 1)
    _check_same(first, _seeded(method, view, 2), 0, "two runs differ (random numbers come from a field seed)")


def check_asked_units(method: Explainer, view: LayerView, tolerance: float) -> None:
    """What is said of a unit does not depend on which others were asked for, in which order or how many at a time."""
    whole = _explained(method, view.units, view)
    backwards = _explained(method, view.units[::-1], view)[::-1]
    _check_same(whole, backwards, tolerance, "units in reversed order are explained otherwise")
    some = _explained(method, view.units[1::2], view)
    _check_same(whole[1::2], some, tolerance, "some of the units are explained otherwise than all of them")
    step = max(1, len(whole) // 4)
    single = [one for unit in view.units[::step] for one in _explained(method, [unit], view)]
    _check_same(whole[::step], single, tolerance, "units one at a time are explained otherwise than together")


def check_pickling(method: Explainer, view: LayerView) -> None:
    """The method can be pickled, and comes back with the same parameters and results."""
    try:
        again = pickle.loads(pickle.dumps(method))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"{method.name} cannot be pickled: {error}") from error
    for name in plugins.parameters(type(method)):
        before, after = getattr(method, name), getattr(again, name)
        assert before == after, f"pickling changed {name} from {before!r} to {after!r}"
    _check_same(
        _explained(method, view.units, view),
        _explained(again, view.units, view),
        0,
        "the pickled method explains otherwise",
    )


def check_explain_only(method: Explainer, view: LayerView) -> None:
    """The method gives the same where the test images are out of its sight."""
    blind = _ExplainOnly(view)
    try:
        found = _explained(method, view.units, blind)
    finally:
        # Looked at outside of the method too, which might catch what is raised.
        assert not blind.looked, f"the method looks at the test images: {', '.join(blind.looked)}"
    _check_same(_explained(method, view.units, view), found, 0, "without the test images the units explain otherwise")


def check_concept_order(method: Explainer, view: LayerView) -> None:
    """The order and the repetitions in the concept file do not matter."""
    concepts: ConceptSet | None = getattr(method, "concepts", None)
    if concepts is None:
        return
    lines = [*reversed(concepts.texts), concepts.texts[0]]
    other = replace(method, concepts=ConceptSet.of(lines, concepts.source, concepts.group))  # type: ignore[type-var]
    _check_same(
        _explained(method, view.units, view),
        _explained(other, view.units, view),
        0,
        "the same concepts in another order explain otherwise",
    )


class _ExplainOnly(LayerView):
    """The same view, but every way to the test images raises and is noted."""

    def __init__(self, view: LayerView) -> None:
        self.__dict__.update(view.__dict__)
        self.looked: list[str] = []

    def images(self, split: Split) -> tuple[ImageRecord, ...]:
        self._refuse("images", split)
        return super().images(split)

    def image(self, index: int, split: Split = "explain") -> Any:
        self._refuse("image", split)
        return super().image(index, split)

    def geometry(self, index: int, split: Split = "explain") -> Any:
        self._refuse("geometry", split)
        return super().geometry(index, split)

    def summaries(self, summary: Summary, split: Split) -> Any:
        self._refuse("summaries", split)
        return super().summaries(summary, split)

    def labels(self, split: Split) -> Any:
        self._refuse("labels", split)
        return super().labels(split)

    def embeddings(self, encoder: Any, split: Split) -> Any:
        self._refuse("embeddings", split)
        return super().embeddings(encoder, split)

    def concept_masks(self, split: Split) -> Any:
        self._refuse("concept masks", split)
        return super().concept_masks(split)

    def unit_masks(
        self, rule: MaskRule, split: Split, grid: Grid | None = None, units: Sequence[int] | None = None
    ) -> Any:
        self._refuse("unit masks", split)
        return super().unit_masks(rule, split, grid, units)

    def _refuse(self, what: str, split: Split) -> None:
        if split != "explain":
            self.looked.append(what)
            raise AssertionError(f"the method looks at the test images: {what}")


def _explained(method: Explainer, units: Sequence[Unit], view: LayerView) -> list[Explanation]:
    found: Iterable[Explanation] = method.explain(units, view)
    assert iter(found) is found, f"explain() gives a {type(found).__name__}, not an iterator"
    return list(found)


def _seeded(method: Explainer, view: LayerView, seed: int) -> list[Explanation]:
    """The explanations under other global random states; NumPy's and torch's must come through unused."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        _seed_all(seed)
        found = _explained(method, view.units, view)
        # Python's own is not looked at: checkers of annotations, which tests run with, draw from it.
        drawn = np.random.random(), torch.rand(()).item()
        _seed_all(seed)
        assert drawn == (np.random.random(), torch.rand(()).item()), "the method changes the global random state"
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])
    return found


def _seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _check_explanation(one: Explanation, method: Explainer, view: LayerView, ids: set[str]) -> None:
    assert isinstance(one, Explanation), f"explain() gave a {type(one).__name__}, not an Explanation"
    assert one.method == method.name, f"{one.unit} is by {one.method!r}, not by {method.name!r}"
    assert one.run == view.run, f"{one.unit} is of the run {one.run!r}, not of the view's, {view.run!r}"
    assert one.state in ("described", "abstained", "failed"), f"{one.unit} is in the state {one.state!r}"
    text = one.description if one.state == "described" else one.reason
    assert text is not None, f"{one.unit} is {one.state}, but says nothing"
    assert text.strip() == text != "", f"{one.unit} is {one.state} with a blank or untidy text: {text!r}"
    assert one.score is None or math.isfinite(one.score), f"{one.unit} has the score {one.score}"
    assert one.state == "described" or one.score is None, f"{one.unit} is {one.state}, but has a score"
    _check_candidates(one)
    shown = {part.image_id for part in one.evidence if part.image_id is not None}
    shown |= {part.region.image_id for part in one.evidence if part.region is not None}
    assert shown <= ids, f"the evidence of {one.unit} names images that are not of the explain split"


def _check_candidates(one: Explanation) -> None:
    scores = [candidate.score for candidate in one.candidates]
    texts = [candidate.text for candidate in one.candidates]
    assert all(map(math.isfinite, scores)), f"the candidates of {one.unit} have the scores {scores}"
    assert scores == sorted(scores, reverse=True), f"the candidates of {one.unit} are not in the order of their scores"
    assert len(set(texts)) == len(texts), f"a candidate of {one.unit} is there twice: {texts}"
    if one.state == "described" and one.candidates:
        best = one.candidates[0]
        assert (best.text, best.score) == (one.description, one.score), (
            f"the first candidate of {one.unit} is {best.text!r} with {best.score}, but it is described as "
            f"{one.description!r} with {one.score}"
        )


def _check_same(first: Sequence[Explanation], second: Sequence[Explanation], tolerance: float, message: str) -> None:
    assert len(first) == len(second), f"{message}: {len(first)} and {len(second)} explanations"
    for one, other in zip(first, second, strict=True):
        for name in (field.name for field in fields(Explanation)):
            left, right = getattr(one, name), getattr(other, name)
            if name == "candidates":
                scores = [[candidate.score for candidate in side] for side in (left, right)]
                left, right = ([candidate.text for candidate in side] for side in (left, right))
                same = left == right and all(abs(a - b) <= tolerance for a, b in zip(*scores, strict=True))
            elif name == "score" and left is not None and right is not None:
                same = abs(left - right) <= tolerance
            else:
                same = left == right
            assert same, f"{message}: {one.unit} has {name} {getattr(one, name)!r} and {getattr(other, name)!r}"


def _plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, str) for part in value)
    return value is None or isinstance(value, bool | int | float | str)
