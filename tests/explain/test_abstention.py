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
from scipy.stats import binom

from conformance.method_suite import (
    check_asked_units,
    check_determinism,
    check_explain_only,
    check_explanations,
    check_pickling,
    check_silent,
)
from neuronym.errors import MethodError
from neuronym.explain.abstention import Abstaining, check_level
from neuronym.explain.calibration import Calibration, Chance, Round, calibrate
from neuronym.explain.clip_dissect import ClipDissect
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.explain.explainer import Explainer
from neuronym.records import Candidate, Evidence, Explanation, LabelTable, Summary, Unit
from neuronym.store.derived_view import with_shuffled
from neuronym.store.layer_tables import Top
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from neuronym.world.planted import planted_units
from small_study import make_study, small_target
from tiny_net import Colours

numbers = st.floats(-5, 5).map(lambda value: round(value, 1)) | st.just(-math.inf)  # rounded, so that some tie
several = st.lists(numbers, max_size=12)
levels = st.floats(0.001, 0.999) | st.sampled_from([0.05, 0.1, 0.29, 0.5, 0.9])


def described(score: float | None) -> Explanation:
    return Explanation(Unit("a layer", 3), "a method", "a run", "described", "a text", score)


@given(numbers.filter(math.isfinite), st.lists(st.tuples(st.none() | numbers, several), max_size=6))
def test_a_unit_is_compared_within_each_round(score: float, drawn: list[tuple[float | None, list[float]]]) -> None:
    """A round where the method failed on the unit does not count; plain scores do where units are looked at alone."""
    among = Calibration(tuple(Round({} if own is None else {3: own}, np.array(null)) for own, null in drawn))
    alone = Calibration(tuple(Round(None, np.array(null)) for _, null in drawn))
    pairs = [(own, value) for own, null in drawn if own is not None for value in null]
    assert among.chance(described(score)) == Chance(sum(value >= own for own, value in pairs), len(pairs))
    values = [value for _, null in drawn for value in null]
    assert alone.chance(described(score)) == Chance(sum(value >= score for value in values), len(values))
    assert among.shuffled == alone.shuffled == len(values)


@given(st.integers(0, 300), st.integers(0, 300))
def test_p_values_count_the_unit_itself(reached: int, others: int) -> None:
    assert Chance(reached, reached + others).p == (1 + reached) / (1 + reached + others)


@settings(max_examples=50)
@given(st.sets(st.integers(-1000, 1000), min_size=2, max_size=30), levels)
def test_of_scores_that_are_alike_no_larger_share_than_the_level_is_described(scores: set[int], level: float) -> None:
    """The p-value of each score among the others is uniform: the guarantee of the rule."""
    ps = []
    for one in sorted(scores):
        others = np.array(sorted(scores - {one}), np.float64)
        ps.append(Calibration((Round(None, others),)).chance(described(one)).p)
    assert sorted(ps) == [pytest.approx((rank + 1) / len(ps)) for rank in range(len(ps))]
    assert sum(p <= level for p in ps) / len(ps) <= level + 1e-12


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        (
            None,
            "The method a method gives descriptions without a score, so there is nothing to compare with those of "
            "shuffled units. Leave --abstain out.",
        ),
        *(
            (
                value,
                f"The method a method gives 'a text' the score {name}, which cannot be compared with those of "
                "shuffled units. Mend it, or leave --abstain out.",
            )
            for value, name in ((math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"))
        ),
    ],
)
def test_what_is_no_number_is_not_compared(score: float | None, sentence: str) -> None:
    with pytest.raises(MethodError) as refused:
        Calibration(()).chance(described(score))
    assert str(refused.value) == sentence


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


@dataclass(frozen=True)
class Relative(Correlated):
    """Its scores are above the layer's mean, so that they depend on all units, as those of SoftWPMI do."""

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        whole = [one.score for one in super().explain(view.units, view) if one.score is not None]
        for one in super().explain(units, view):
            if one.score is None:
                yield one
                continue
            score = one.score - float(np.mean(whole))
            yield replace(one, score=score, candidates=(Candidate(str(one.description), score),))


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


def correlations(view: LayerView, unit: int) -> list[float]:
    labels = view.labels("explain")
    assert labels is not None
    column = view.summaries("mean", "explain")[:, unit]
    return [float(np.corrcoef(column, label)[0, 1]) for label in labels.values.T] if np.ptp(column) else []


def rounds(view: LayerView, seed: int) -> list[LayerView]:
    """The view of 12 units with four shuffled ones in each of 10 rounds."""
    living = [unit for unit in range(12) if not view.constant[unit]]
    generator = np.random.default_rng(seed)
    dealt = [int(unit) for _ in range(5) for unit in generator.permutation(living)]
    return [with_shuffled(view, dealt[4 * at : 4 * at + 4], 10 * seed + at) for at in range(10)]


def nulls(known: Calibration) -> list[float]:
    return [float(value) for one in known.rounds for value in one.null]


def test_shuffled_units_score_what_the_method_gives_them(view: LayerView) -> None:
    found = calibrate(Correlated(), view, view.units, 3)
    expected = [max(correlations(wider, unit)) for wider in rounds(view, 3) for unit in range(12, 16)]
    assert nulls(found) == pytest.approx(expected)
    assert all(one.own is None for one in found.rounds)
    assert nulls(calibrate(Correlated(), view, view.units, 3)) == nulls(found)
    assert nulls(calibrate(Correlated(), view, view.units[:1], 3)) == nulls(found)
    assert nulls(calibrate(Correlated(), view, view.units, 4)) != nulls(found)


def test_where_scores_depend_on_the_layer_real_units_are_scored_in_the_wider_one(view: LayerView) -> None:
    found = calibrate(Relative(), view, view.units, 3)
    chances = {one.unit.index: found.chance(one) for one in said(Relative(), view) if one.state == "described"}
    assert 5 < len(chances) < 12
    reached = dict.fromkeys(chances, 0)
    for wider, known in zip(rounds(view, 3), found.rounds, strict=True):
        best = {unit: max(values) for unit in range(16) if (values := correlations(wider, unit))}
        mean = np.mean(list(best.values()))
        assert known.own is not None
        for unit in range(12):
            assert known.own[unit] == (pytest.approx(best[unit] - mean) if unit in best else -math.inf)
        for unit in chances:
            reached[unit] += sum(best[other] >= best[unit] for other in range(12, 16))
    assert chances == {unit: Chance(count, 40) for unit, count in reached.items()}
    for some in ([4, 9], [9, 4], [9]):
        asked = calibrate(Relative(), view, [view.units[unit] for unit in some], 3)
        for one in Relative().explain([view.units[unit] for unit in some], view):
            assert asked.chance(one) == chances[one.unit.index]


class Told:
    """The tables of a layer whose summaries, all alike, are given."""

    def __init__(self, values: npt.NDArray[np.float32]) -> None:
        self._values = values

    def keeps(self, summary: Any) -> bool:
        return True

    def summaries(self, summary: Any, split: Any) -> npt.NDArray[np.float32]:
        return self._values

    def top(self, summary: Any, unit: int) -> Top:
        order = np.argsort(-self._values[:, unit], kind="stable")[:20]
        return Top(self._values[order, unit], order)

    def maps(self, summary: Any, unit: int) -> npt.NDArray[np.float32]:
        raise AssertionError("it has no maps")

    def quantiles(self) -> npt.NDArray[np.float64]:
        raise AssertionError("no method here asks for quantiles")

    def moments(self) -> npt.NDArray[np.float64]:
        low, high = self._values.min(0), self._values.max(0)
        return np.stack([low, low, low, high, low, low]).astype(np.float64)


def layer(like: LayerView, values: npt.NDArray[np.float32], labels: LabelTable | None = None) -> LayerView:
    """A layer of known activations [images, units], on as many of the images of another one."""
    contents = like.contents
    info = replace(contents.layer, units=values.shape[1], map_size=None)
    records = tuple(replace(contents.images[0], id=f"{at:06d}", split="explain") for at in range(len(values)))
    given = labels or contents.labels
    return LayerView(replace(contents, layer=info, tables=Told(values), images=records, labels=given))


@pytest.mark.parametrize("units", [1, 12, 142, 990])
@pytest.mark.parametrize("method", [Correlated, Relative])
def test_how_often_and_of_what_a_method_is_asked(method: type[Correlated], units: int, view: LayerView) -> None:
    asked: list[tuple[int, int]] = []

    class Counting(method):  # type: ignore[misc, valid-type]
        def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
            asked.append((len(units), view.layer.units))
            yield from super().explain(units, view)

    images = len(view.images("explain"))
    wide = layer(view, np.random.default_rng(0).random((images, units), np.float32))
    times, size = {1: (10, 4), 12: (10, 4), 142: (7, 29), 990: (2, 100)}[units]
    some, wider, few = min(5, units), units + size, 1
    told: list[tuple[str, int, int]] = []
    found = calibrate(Counting(), wide, wide.units[:few], 0, lambda *now: told.append(now))
    assert found.shuffled == times * size
    assert told == [("shuffled units of relu", at * size, times * size) for at in range(times + 1)]
    first = [(some + size, wider), (some, units)]
    if method is Correlated:
        assert asked == first + [(size, wider)] * (times - 1)
    else:
        assert asked == [*first, (few, wider), *[(few + size, wider)] * (times - 1)]


def test_what_a_method_does_not_describe_counts_as_the_least_score_or_not_at_all(view: LayerView) -> None:
    usual = nulls(calibrate(Correlated(), view, view.units))
    shy = nulls(calibrate(Correlated(silent=("red", "blue")), view, view.units))
    assert len(shy) == len(usual)
    assert 0 < np.isinf(shy).sum() < len(shy)
    finite = [value for value in shy if math.isfinite(value)]
    assert finite == [one for one, other in zip(usual, shy, strict=True) if one == other]
    assert nulls(calibrate(Correlated(failing=("red", "blue")), view, view.units)) == finite


def test_what_is_said_under_the_rule(view: LayerView) -> None:
    view = with_shuffled(view, [3, 4, 5, 6, 7], 99)  # so that some units mean nothing
    method = Correlated(silent=("grey",))
    plain, null = said(method, view), nulls(calibrate(method, view, view.units))
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
        text = f"p = {p:.3f}: {reached} of {len(null)} shuffled units reach its score"
        assert after.evidence[-1] == Evidence("p-value", text=text)
        assert after.candidates == before.candidates
        if p <= level:
            assert replace(after, evidence=before.evidence) == before
            continue
        assert (after.state, after.description, after.score) == ("abstained", None, None)
        assert after.reason == (
            f"its best description, {before.description!r}, scores {before.score:.4g}, which {reached} of {len(null)} "
            f"shuffled units reach (p = {p:.3f}, above 0.5)"
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
    calibrate(method, view, view.units)
    assert encoder.texts == 15


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, math.nan, math.inf, "0.1", None])
def test_a_level_that_is_no_share_is_refused(level: Any) -> None:
    with pytest.raises(MethodError) as refused:
        Abstaining(Correlated(), level)
    assert str(refused.value) == f"--abstain got {level!r}. Give a share above 0 and below 1, such as 0.1."


@pytest.mark.parametrize("level", [5e-324, 1e-308, 0.00009])
def test_a_level_that_no_layer_is_large_enough_for_is_refused(level: float) -> None:
    for layers in (None, {"wide": 10**6}):
        with pytest.raises(MethodError) as refused:
            check_level(level, layers)
        assert (
            str(refused.value) == f"--abstain got {level}, and the least is 0.0001; give a larger share, such as 0.1."
        )
    check_level(0.0001)


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(MethodError, match=r"The seed of the shuffled units is -1\. Give 0 or more"):
        Abstaining(Correlated(), 0.1, -1)


def test_a_layer_too_small_for_the_level_is_refused(study: Study) -> None:
    sentence = (
        "--abstain 0.01 needs 99 shuffled units to compare with, and the layer 'one' of 1 gives 40. Give 0.025 or "
        "more, or leave it out."
    )
    with pytest.raises(MethodError) as refused:
        check_level(0.01, {"one": study.store.layer("one").units})
    assert str(refused.value) == sentence
    with pytest.raises(MethodError) as late:
        said(Abstaining(Correlated(), 0.01), study.view("one"))
    assert str(late.value) == sentence
    check_level(0.025, {layer.name: layer.units for layer in study.layers})
    assert len(said(Abstaining(Correlated(), 0.025), study.view("one"))) == 1


def test_shuffled_units_that_failed_may_leave_too_few(view: LayerView) -> None:
    with pytest.raises(
        MethodError, match=r"--abstain 0\.03 needs 33 shuffled units .* 'relu' of 12 gives [12]?\d\. Give"
    ):
        said(Abstaining(Correlated(failing=("red", "blue", "green")), 0.03), view)


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
    assert calibrate(Correlated(), view, view.units) == Calibration(())
    assert {one.state for one in said(Abstaining(Correlated()), view)} == {"abstained"}
    with pytest.raises(MethodError) as refused:
        said(Abstaining(Reckless()), view)
    assert str(refused.value) == (
        "The layer 'conv' has no unit to shuffle: none of them varies over the explain images. Leave --abstain out."
    )


@dataclass(frozen=True)
class Fragile(Relative):
    """Fails in wider layers: on shuffled units, or on the real unit 4."""

    shuffled: bool = True

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for one in super().explain(units, view):
            bad = one.unit.index >= 12 if self.shuffled else one.unit.index == 4
            broken = Explanation(one.unit, self.name, view.run, "failed", reason="it fell")
            yield broken if bad and view.layer.units > 12 else one


@pytest.mark.parametrize(
    ("shuffled", "failed"),
    [
        (True, "failed on all 40 shuffled units of the layer 'relu'"),
        (False, "never succeeded on unit 4 of the layer 'relu' and a shuffled one in one round"),
    ],
)
def test_a_method_that_failed_wherever_it_would_be_compared_is_refused(
    shuffled: bool, failed: str, view: LayerView
) -> None:
    assert said(Fragile(), view)[4].state == "described"
    with pytest.raises(MethodError) as refused:
        said(Abstaining(Fragile(shuffled=shuffled)), view)
    assert str(refused.value) == (
        f"The method correlated {failed}, so there is nothing to compare with. Mend it, or leave --abstain out."
    )


def test_nothing_is_done_where_no_units_are_asked_for(view: LayerView) -> None:
    assert list(Abstaining(Correlated(scored=False)).explain([], view)) == []


IMAGES, CONCEPTS = 500, 60


def concepts_and_units(seed: int) -> tuple[LabelTable, npt.NDArray[np.float32]]:
    """Concepts in a tenth of the images or so, [images, concepts], and for each a unit that fires there, with noise."""
    generator = np.random.default_rng(seed)
    shown = generator.random((IMAGES, CONCEPTS)) < generator.uniform(0.05, 0.3, CONCEPTS)
    labels = LabelTable(tuple(f"c{at}" for at in range(CONCEPTS)), ("class",) * CONCEPTS, shown.astype(np.float32))
    units = np.maximum(shown + generator.normal(0, 0.3, shown.shape), 0)
    return labels, units.astype(np.float32)


def share_described(
    view: LayerView, similarity: Any, units: int, meaningless: int, draws: int
) -> tuple[list[bool], list[bool]]:
    """Which units are described: those that mean nothing and stand in the layer as real ones, and the others."""
    nothing, something = list[bool](), list[bool]()
    for draw in range(draws):
        labels, known = concepts_and_units(draw)
        generator = np.random.default_rng(1000 + draw)
        whole = layer(view, known, labels)
        added = with_shuffled(whole, generator.integers(CONCEPTS, size=meaningless).tolist(), 2000 + draw)
        chosen = [*(generator.permutation(units - meaningless) % CONCEPTS), *range(CONCEPTS, CONCEPTS + meaningless)]
        real = layer(view, added.summaries("mean", "explain")[:, chosen], labels)
        method = ClipDissect(read_concepts("labels", labels), similarity=similarity, top_k=30)
        found = [one.state == "described" for one in Abstaining(method, 0.1, draw).explain(real.units, real)]
        something += found[: units - meaningless]
        nothing += found[units - meaningless :]
    return nothing, something


@pytest.mark.parametrize("similarity", ["soft_wpmi", "cosine_cubed"])
@pytest.mark.parametrize(
    ("units", "meaningless", "draws"), [(1, 1, 40), (1, 0, 20), (12, 2, 30), (40, 10, 8), (142, 40, 4)]
)
def test_about_the_levels_share_of_meaningless_units_in_a_layer_is_described(
    similarity: Any, units: int, meaningless: int, draws: int, view: LayerView
) -> None:
    nothing, something = share_described(view, similarity, units, meaningless, draws)
    low, high = binom.ppf([0.001, 0.999], len(nothing), 0.1)
    assert sum(nothing) <= high
    if units > 1:  # in a layer of one unit SoftWPMI is more careful than it has to be
        assert sum(nothing) >= low
    assert not something or np.mean(something) >= 0.9


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
    assert reasons.count("shuffled units reach (p = ") >= 8
