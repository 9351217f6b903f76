"""The rule of abstention: its figures against plain loops, and methods under it on real studies."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.method_suite import (
    check_asked_units,
    check_determinism,
    check_explain_only,
    check_explanations,
    check_pickling,
    check_silent,
)
from neuronym import plugins
from neuronym.errors import MethodError
from neuronym.explain.abstention import Abstaining, check_level, null_scores, p_values, threshold
from neuronym.explain.clip_dissect import ClipDissect
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.explain.explainer import Explainer
from neuronym.records import Candidate, Evidence, Explanation, Summary, Unit
from neuronym.store.derived_view import with_shuffled
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from neuronym.world.planted import planted_units
from small_study import make_study, small_target
from tiny_net import Colours

numbers = st.floats(-5, 5).map(lambda value: round(value, 1)) | st.just(-math.inf)  # rounded, so that some tie
several = st.lists(numbers, max_size=40)
levels = st.floats(0.001, 0.999) | st.sampled_from([0.05, 0.1, 0.29, 0.5, 0.9])


@given(several, several)
def test_p_values_count_the_null_scores_that_are_reached(scores: list[float], null: list[float]) -> None:
    expected = [(1 + sum(other >= score for other in null)) / (1 + len(null)) for score in scores]
    assert p_values(scores, null).tolist() == expected


@given(several, several, levels)
def test_the_threshold_is_where_the_p_value_reaches_the_level(
    scores: list[float], null: list[float], level: float
) -> None:
    bar = threshold(null, level)
    assert [score > bar for score in scores] == [p <= level for p in p_values(scores, null)]


@settings(max_examples=50)
@given(st.sets(st.integers(-1000, 1000), min_size=2, max_size=30), levels)
def test_of_scores_that_are_alike_no_larger_share_than_the_level_is_described(scores: set[int], level: float) -> None:
    """The p-value of each score among the others is uniform: the guarantee of the rule."""
    ordered = sorted(scores)
    ps = [p_values([one], [other for other in ordered if other != one])[0] for one in ordered]
    assert sorted(ps) == [pytest.approx((rank + 1) / len(ordered)) for rank in range(len(ordered))]
    assert sum(p <= level for p in ps) / len(ps) <= level + 1e-12


def test_what_is_no_number_has_no_p_value() -> None:
    assert threshold([], 0.1) == math.inf
    assert threshold(range(9), 0.1) == 8
    assert threshold(range(8), 0.1) == math.inf
    for scores, null in (([math.nan], [1.0]), ([1.0], [math.nan])):
        with pytest.raises(ValueError, match="a score is NaN"):
            p_values(scores, null)


@dataclass(frozen=True)
class Correlated:
    """Names the label that a unit's summaries go best with; what is odd about it the test says."""

    summary: Summary = "mean"
    silent: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    scored: bool = True
    listing: bool = True

    name: ClassVar[str] = "correlated"
    citation: ClassVar[str] = "Written for this test."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        activations, labels = view.summaries(self.summary, "explain"), view.labels("explain")
        assert labels is not None
        for unit in units:
            column = activations[:, unit.index].astype(float)
            if np.ptp(column) == 0:
                yield Explanation(unit, self.name, view.run, "abstained", reason="it never changes")
                continue
            found = [float(np.corrcoef(column, labels.values[:, at])[0, 1]) for at in range(len(labels.concepts))]
            order = np.argsort([-value for value in found], kind="stable")
            text, score = labels.concepts[order[0]], found[order[0]]
            if text in self.silent or text in self.failing:
                state: Any = "abstained" if text in self.silent else "failed"
                yield Explanation(unit, self.name, view.run, state, reason=f"it is {text}")
                continue
            ranked = tuple(Candidate(labels.concepts[at], found[at]) for at in order) if self.listing else ()
            shown = (Evidence("exemplar", view.images("explain")[int(column.argmax())].id),)
            made = Explanation(unit, self.name, view.run, "described", text, score, ranked, shown)
            yield made if self.scored else replace(made, score=None, candidates=())


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURONYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    layers = ("relu", "head", "one")
    return make_study(tmp_path_factory.mktemp("studies") / "s", layers, summaries=["q99"]).probe(device="cpu")


@pytest.fixture(scope="module")
def view(study: Study) -> LayerView:
    return study.view("relu", "a-run")


def said(method: Explainer, view: LayerView) -> list[Explanation]:
    return list(method.explain(view.units, view))


def test_null_scores_are_the_methods_own_of_units_whose_images_are_shuffled(view: LayerView) -> None:
    found = null_scores(Correlated(), view, 3)
    living = [unit for unit in range(12) if not view.constant[unit]]
    generator = np.random.default_rng(3)
    dealt = [int(unit) for _ in range(3) for unit in generator.permutation(living)]
    expected = []
    for number in range(10):  # of the layer's 12 units a fifth, rounded up, in each of 10 rounds
        wider = with_shuffled(view, dealt[3 * number : 3 * number + 3], 30 + number)
        labels = wider.labels("explain")
        assert labels is not None
        for unit in range(12, 15):
            column = wider.summaries("mean", "explain")[:, unit]
            expected.append(max(np.corrcoef(column, label)[0, 1] for label in labels.values.T))
    assert found.dtype == np.float64
    assert found.tolist() == pytest.approx(expected)
    assert null_scores(Correlated(), view, 3).tolist() == found.tolist()
    assert null_scores(Correlated(), view, 4).tolist() != found.tolist()


def test_how_many_null_scores_there_are(view: LayerView) -> None:
    asked: list[tuple[int, int]] = []

    class Counting(Correlated):
        def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
            asked.append((len(units), view.layer.units))
            return super().explain(units, view)

    contents = view.contents
    for units, expected in ((1, [(1, 2)] * 10), (12, [(3, 15)] * 10), (142, [(29, 171)] * 7), (990, [(100, 1090)] * 2)):
        sources = 2 + np.arange(units) % 10
        whole = with_shuffled(view, sources.tolist(), 0)  # as many living units as asked for
        wide = LayerView(replace(contents, layer=replace(contents.layer, units=units), tables=_Later(whole)))
        asked.clear()
        assert len(null_scores(Counting(), wide)) == sum(count for count, _ in expected)
        assert asked == expected


class _Later:
    """The tables of the units after the first 12."""

    def __init__(self, view: LayerView) -> None:
        self._tables = view.contents.tables

    def keeps(self, summary: Any) -> bool:
        return self._tables.keeps(summary)

    def summaries(self, summary: Any, split: Any) -> npt.NDArray[np.float32]:
        return self._tables.summaries(summary, split)[:, 12:]

    def top(self, summary: Any, unit: int) -> Any:
        return self._tables.top(summary, 12 + unit)

    def maps(self, summary: Any, unit: int) -> npt.NDArray[np.float32]:
        return self._tables.maps(summary, 12 + unit)

    def quantiles(self) -> npt.NDArray[np.float64]:
        return self._tables.quantiles()[:, 12:]

    def moments(self) -> npt.NDArray[np.float64]:
        return self._tables.moments()[:, 12:]


def test_what_a_method_does_not_describe_counts_as_the_least_score_or_not_at_all(view: LayerView) -> None:
    usual = null_scores(Correlated(), view)
    shy = null_scores(Correlated(silent=("red", "blue")), view)
    assert len(shy) == len(usual)
    assert 0 < np.isinf(shy).sum() < len(shy)
    assert shy[np.isfinite(shy)].tolist() == usual[np.isfinite(shy)].tolist()
    broken = null_scores(Correlated(failing=("red", "blue")), view)
    assert broken.tolist() == shy[np.isfinite(shy)].tolist()


def test_what_is_said_under_the_rule(view: LayerView) -> None:
    view = with_shuffled(view, [3, 4, 5, 6, 7], 99)  # so that some units mean nothing
    method = Correlated(silent=("grey",))
    plain, null = said(method, view), null_scores(method, view)
    level = 0.5
    found = said(Abstaining(method, level), view)
    assert [one.unit for one in found] == list(view.units)
    states = set()
    for before, after in zip(plain, found, strict=True):
        if before.state != "described":
            assert after == before
            continue
        reached = sum(value >= before.score for value in null)  # type: ignore[operator]
        p = (1 + reached) / (1 + len(null))
        states.add(after.state)
        assert after.evidence[:-1] == before.evidence
        assert after.evidence[-1] == Evidence(
            "p-value",
            text=f"p = {p:.3g}: {reached} of {len(null)} shuffled units score at least {before.score:.4g}",
        )
        assert after.candidates == before.candidates
        if p <= level:
            assert replace(after, evidence=before.evidence) == before
            continue
        assert (after.state, after.description, after.score) == ("abstained", None, None)
        assert after.reason == (
            f"its best description, {before.description!r}, scores {before.score:.4g}, which "
            f"{100 * reached / len(null):.0f} % of shuffled units reach (p = {p:.3g}, above 0.5)"
        )
    assert states == {"described", "abstained"}


def test_the_text_of_a_method_without_candidates_is_kept_as_one(view: LayerView) -> None:
    view = with_shuffled(view, [3, 4, 5, 6, 7], 99)
    bare = said(Abstaining(Correlated(listing=False), 0.5), view)
    whole = said(Abstaining(Correlated(), 0.5), view)
    assert [one.state for one in bare] == [one.state for one in whole]
    silent = [pair for pair in zip(bare, whole, strict=True) if "reach" in str(pair[0].reason)]
    assert silent
    assert all(one.candidates == other.candidates[:1] for one, other in silent)


def test_it_is_called_and_works_as_the_method_in_it() -> None:
    method = Abstaining(Correlated(summary="max"), 0.2)
    assert (method.name, method.summary, method.citation) == ("correlated", "max", "Written for this test.")


@pytest.mark.parametrize("similarity", ["soft_wpmi", "cosine_cubed"])
def test_a_method_under_the_rule_keeps_the_contract_of_methods(similarity: Any, view: LayerView) -> None:
    labels = read_concepts("labels", view.labels("explain"))
    method = Abstaining(ClipDissect(labels, similarity=similarity, top_k=20), 0.5)
    check_explanations(method, view)
    check_silent(method, view)
    check_determinism(method, view)
    check_asked_units(method, view, 1e-6)
    check_explain_only(method, view)
    check_pickling(method, view)


def test_the_test_images_are_not_looked_at_even_to_shuffle_them(study: Study, tmp_path: Path) -> None:
    whole = said(Abstaining(Correlated(), 0.5), study.view("relu"))
    blind = Path(shutil.copytree(study.folder, tmp_path / "blind"))
    tables = list(blind.glob("layers/*/summaries/*/test"))
    assert len(tables) == 9
    for table in tables:
        shutil.rmtree(table)
    assert said(Abstaining(Correlated(), 0.5), Study.open(blind).view("relu")) == whole


class Counted(Colours):
    """An encoder that counts the texts it is asked for."""

    def __init__(self) -> None:
        self.texts = 0

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.texts += len(texts)
        return super().encode_texts(texts)


def test_concepts_are_encoded_once_for_all_rounds(view: LayerView) -> None:
    encoder = Counted()
    concepts = ConceptSet.of([f"a {word} thing" for word in ("red", "green", "blue", "grey", "round")])
    method = ClipDissect(concepts, encoder, top_k=20)
    plain = said(method, view)
    assert encoder.texts == 5
    found = said(Abstaining(method, 0.9), view)
    assert encoder.texts == 10
    for before, after in zip(plain, found, strict=True):
        assert after.candidates == before.candidates
    null_scores(method, view)
    assert encoder.texts == 15


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, math.nan, math.inf, "0.1", None])
def test_a_level_that_is_no_share_is_refused(level: Any) -> None:
    with pytest.raises(MethodError) as refused:
        Abstaining(Correlated(), level)
    assert str(refused.value) == f"--abstain got {level!r}. Give a share above 0 and below 1, such as 0.1."
    with pytest.raises(MethodError, match=r"The seed of the shuffled units is -1\. Give 0 or more"):
        Abstaining(Correlated(), 0.1, -1)


def test_a_layer_too_small_for_the_level_is_refused(study: Study) -> None:
    sentence = (
        "--abstain 0.01 needs 99 shuffled units to compare with, and the layer 'one' of 1 gives 10. Give 0.091 or "
        "more, or leave it out."
    )
    with pytest.raises(MethodError) as refused:
        check_level(0.01, [study.store.layer("one")])
    assert str(refused.value) == sentence
    with pytest.raises(MethodError) as late:
        said(Abstaining(Correlated(), 0.01), study.view("one"))
    assert str(late.value) == sentence
    check_level(0.091, study.layers)
    assert len(said(Abstaining(Correlated(), 0.091), study.view("one"))) == 1


def test_null_scores_that_failed_may_leave_too_few(view: LayerView) -> None:
    with pytest.raises(MethodError, match=r"--abstain 0\.05 needs 19 shuffled units .* 'relu' of 12 gives 1?\d\. Give"):
        said(Abstaining(Correlated(failing=("red", "blue", "green")), 0.05), view)


def test_a_method_without_scores_is_refused(view: LayerView) -> None:
    with pytest.raises(MethodError) as refused:
        said(Abstaining(Correlated(scored=False)), view)
    assert str(refused.value) == (
        "The method correlated gives descriptions without a score, so there is nothing to compare with those of "
        "shuffled units. Leave --abstain out."
    )


@dataclass(frozen=True)
class Reckless(Correlated):
    """Describes every unit."""

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for unit in units:
            yield Explanation(unit, self.name, view.run, "described", "anything", 1.0)


def test_a_layer_without_a_living_unit(tmp_path: Path) -> None:
    target = small_target()
    with torch.no_grad():
        target.model.conv.weight.zero_()
    view = make_study(tmp_path / "s", ("conv",), model=target, per_class=4).probe(device="cpu").view("conv")
    assert null_scores(Correlated(), view).shape == (0,)
    assert {one.state for one in said(Abstaining(Correlated()), view)} == {"abstained"}
    with pytest.raises(MethodError) as refused:
        said(Abstaining(Reckless()), view)
    assert str(refused.value) == (
        "The layer 'conv' has no unit to shuffle: none of them varies over the explain images. Leave --abstain out."
    )


def test_nothing_is_done_where_no_units_are_asked_for(view: LayerView) -> None:
    assert list(Abstaining(Correlated(scored=False)).explain([], view)) == []


@pytest.mark.slow
def test_planted_noise_is_told_from_planted_concepts(tmp_path: Path) -> None:
    study = Study.create(
        tmp_path / "planted",
        model="bundled:planted",
        layers=["units"],
        images="bundled:world/explain/1000?marked",
        test_fraction=0.01,
    ).probe(device="cpu")
    options: dict[str, Any] = {"concepts": "labels:concept", "encoder": "oracle:world", "device": "cpu"}
    run = study.explain(**options, abstain=0.1)
    silent = np.array([row["state"] == "abstained" for row in study.table(run=run).to_pylist()])
    kinds = np.array([unit.kind for unit in planted_units()])
    assert silent[np.isin(kinds, ["dead", "noise"])].mean() >= 0.9
    assert silent[[unit.describable for unit in planted_units()]].mean() <= 0.1
    reasons = json.dumps(study.table(run=run, units=range(132, 142)).to_pylist(), default=str)
    assert reasons.count("of shuffled units reach (p = ") >= 8

    view = study.view("units")
    concepts = read_concepts("labels:concept", view.labels("explain"))
    method = ClipDissect(concepts, plugins.encoder("oracle:world", torch.device("cpu")))
    nulls = [null_scores(method, view, seed) for seed in range(4)]
    shares = [(p_values(one, other) <= 0.1).mean() for one in nulls for other in nulls if one is not other]
    assert 0.07 <= np.mean(shares) <= 0.13
