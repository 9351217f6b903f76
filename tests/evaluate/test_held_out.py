"""Held-out correlation against NumPy, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuronym.errors import MethodError, UnknownNameError, UserError
from neuronym.evaluate.concept_sources import LabelSource
from neuronym.evaluate.figures import FLOOR, METRIC, summary_of
from neuronym.evaluate.held_out import held_out_scores
from neuronym.records import ConceptSource, Explanation, LabelTable, Score, Unit
from neuronym.study import Study
from small_study import COLOURS, make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("held") / "s", ("relu", "head")).probe(device="cpu")


def test_scores_are_the_correlations_on_the_test_images(study: Study) -> None:
    view = study.view("head")
    source = LabelSource.of(view.labels("explain"), view.labels("test"))
    assert isinstance(source, ConceptSource)
    names = list(COLOURS)
    said = [Explanation(unit, "m", "r", "described", names[unit.index % 4]) for unit in view.units]
    scores = held_out_scores(said, view, source)
    activations, table = view.summaries("mean", "test"), view.labels("test")
    assert table is not None
    for explanation in said:
        own = {s.metric: s.value for s in scores if s.explanation == explanation.id}
        everyone = {
            name: np.corrcoef(table.values[:, i], activations[:, explanation.unit.index])[0, 1]
            for i, name in enumerate(table.concepts)
        }
        mine = everyone.pop(str(explanation.description))
        assert own[METRIC] == pytest.approx(mine, abs=1e-6)
        assert own[FLOOR] == pytest.approx(np.quantile(list(everyone.values()), 0.95), abs=1e-6)
    assert all(s.split == "test" and s.source == "labels:class" for s in scores)


def test_what_has_no_score_says_why(study: Study) -> None:
    view = study.view("relu")
    labels = view.labels("test")
    assert labels is not None
    with_empty = LabelTable(
        (*labels.concepts, "empty"), (*labels.groups, "class"), np.c_[labels.values, np.zeros(len(labels.values))]
    )
    source = LabelSource("labels:class", {"explain": with_empty, "test": with_empty})
    said = [
        Explanation(Unit("relu", 2), "m", "r", "described", "zebra"),
        Explanation(Unit("relu", 3), "m", "r", "abstained", reason="it is shy"),
        Explanation(Unit("relu", 4), "m", "r", "described", "empty"),
        Explanation(Unit("relu", 0), "m", "r", "described", "red"),
    ]
    scores = held_out_scores(said, view, source)
    assert all(score.value is None for score in scores)
    assert [score.unscored for score in scores[::2]] == [
        "its description is the name of no label",
        "it has no description",
        "its label is the same on every test image",
        "it is constant on the test images",
    ]
    figures = summary_of(scores)
    assert (figures.units, figures.scored, figures.mean, figures.above_random) == (4, 0, None, None)
    assert sorted(figures.unscored) == sorted((reason, 1) for reason in [score.unscored for score in scores[::2]])


def test_figures_count_what_exceeds_the_random_labels() -> None:
    rows = [("a", 0.5, 0.2), ("b", 0.1, 0.2), ("c", None, None), ("d", 0.3, 0.2)]
    scores = [
        Score(name, metric, "s", "test", value, None if value is not None else "because")
        for name, own, floor in rows
        for metric, value in ((METRIC, own), (FLOOR, floor))
    ]
    figures = summary_of(scores)
    assert (figures.units, figures.scored) == (4, 3)
    assert figures.mean == pytest.approx(0.3)
    assert figures.above_random == pytest.approx(2 / 3)


def test_random_descriptions_exceed_the_floor_one_time_in_twenty() -> None:
    """The floor is what it is called: checked over random labels and units of their own."""
    generator = np.random.default_rng(0)
    table = generator.normal(size=(300, 200))
    activations = generator.normal(size=(300, 400))
    standard = lambda x: (x - x.mean(0)) / x.std(0)  # noqa: E731
    r = standard(activations).T @ standard(table) / 300
    own = generator.integers(0, 200, 400)
    exceeded = [r[unit, at] > np.quantile(np.delete(r[unit], at), 0.95) for unit, at in enumerate(own)]
    assert 0.02 < np.mean(exceeded) < 0.09


def test_the_whole_way_through_a_study(study: Study) -> None:
    run = study.explain(concepts="labels", settings={"top_k": 15})
    figures = study.evaluate()
    assert set(figures) == {(run, "relu"), (run, "head")}
    assert figures[run, "relu"].units == 12
    assert figures[run, "relu"].scored == 10
    table = study.table("relu").to_pylist()
    assert [row["pearson"] is None for row in table] == [True, True] + [False] * 10
    assert Study.open(study.folder).evaluate(run=run) == figures
    with pytest.raises(UserError) as refused:
        study.evaluate("clip")
    assert str(refused.value) == "There is no concept source 'clip'. Use labels or labels:GROUP."
    with pytest.raises(UnknownNameError):
        study.evaluate("labels:superclass")


def test_without_labels_there_is_nothing_to_evaluate_with(tmp_path: Path) -> None:
    with pytest.raises(MethodError) as refused:
        LabelSource.of(None, None)
    assert str(refused.value) == (
        "The probe images have no labels to evaluate with. Give images with labels, or --labels."
    )
