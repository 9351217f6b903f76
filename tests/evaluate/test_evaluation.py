"""Scores, states and figures of a layer, against NumPy, SciPy and scikit-learn; and what has no score says why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from sklearn import metrics as sk

from neuronym.errors import UserError
from neuronym.evaluate.evaluation import Settings, evaluate_layer
from neuronym.evaluate.figures import HEADLINE, LayerEvaluation
from neuronym.evaluate.sources import LabelSource
from neuronym.functional.metrics import METRICS
from neuronym.records import ConceptSource, Explanation, LabelTable, Split, Unit
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from small_study import COLOURS, make_study

NAMES = list(COLOURS)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("held") / "s", ("relu", "head", "one")).probe(device="cpu")


def described(layer: str, texts: Sequence[str | None], first: int = 0) -> list[Explanation]:
    return [
        Explanation(Unit(layer, first + at), "m", "r", "described", text)
        if text is not None
        else Explanation(Unit(layer, first + at), "m", "r", "abstained", reason="it is shy")
        for at, text in enumerate(texts)
    ]


def source_of(view: LayerView) -> LabelSource:
    return LabelSource.of(view.labels("explain"), view.labels("test"))


@pytest.fixture(scope="module")
def found(study: Study) -> LayerEvaluation:
    view = study.view("head")
    return evaluate_layer(described("head", [NAMES[at % 4] for at in range(5)]), view, source_of(view))


def test_every_metric_is_what_other_libraries_compute(study: Study, found: LayerEvaluation) -> None:
    view = study.view("head")
    labels, explain = view.labels("test"), view.summaries("mean", "explain")
    assert labels is not None
    activations = view.summaries("mean", "test")
    scores = {(one.explanation, one.metric): one.value for one in found.scores}
    for unit in range(5):
        concept = labels.values[:, labels.concepts.index(NAMES[unit % 4])]
        a = activations[:, unit].astype(np.float64)
        ranked = np.sort(explain[:, unit])[::-1]
        threshold = ranked[int(np.ceil(0.05 * len(ranked)))]
        active = a > threshold
        shown = concept == 1
        rank = stats.rankdata(a)
        wanted = {
            "pearson": stats.pearsonr(concept, a).statistic,
            "spearman": stats.spearmanr(concept, a).statistic,
            "cosine": concept @ a / np.linalg.norm(concept) / np.linalg.norm(a),
            "auroc": sk.roc_auc_score(active, concept),
            "inverse_auroc": sk.roc_auc_score(shown, a),
            "auprc": sk.average_precision_score(active, concept),
            "f1": sk.f1_score(active, shown),
            "iou": sk.jaccard_score(active, shown),
            "recall_at_k": shown[np.argsort(-a)[:20]].mean(),
            "wpmi": np.log(np.maximum(concept, 1e-8))[active].mean() - np.log(concept.mean()),
            # Of a control of all images, an image of rank r (from 1) outdoes r - 1, and ties with itself.
            "cosy_auc": (rank[shown] - 0.5).mean() / len(a),
            "cosy_mad": (a[shown].mean() - a.mean()) / a.std(),
        }
        for metric, value in wanted.items():
            assert scores[f"r/head:{unit}", metric] == pytest.approx(value, abs=1e-6), metric
    assert {metric for _, metric in scores} == {*wanted, "discrimination", "stability"}
    assert set(wanted) <= set(METRICS)


def test_discrimination_ranks_the_unit_under_its_own_label(study: Study, found: LayerEvaluation) -> None:
    view = study.view("head")
    labels = view.labels("test")
    assert labels is not None
    activations = view.summaries("mean", "test")
    for one in found.scores:
        if one.metric == "discrimination":
            unit = int(one.explanation.rpartition(":")[2])
            concept = labels.values[:, labels.concepts.index(NAMES[unit % 4])]
            r = [np.corrcoef(concept, activations[:, other])[0, 1] for other in range(5)]
            below = sum(r[other] < r[unit] for other in range(5) if other != unit)
            assert one.value == pytest.approx(below / 4)


def test_states_follow_from_the_interval_and_the_floor_of_the_explain_images(
    study: Study, found: LayerEvaluation
) -> None:
    view = study.view("head")
    labels, test = view.labels("explain"), view.labels("test")
    assert labels is not None
    assert test is not None
    for one in found.assessments:
        unit = int(one.explanation.rpartition(":")[2])
        others = [
            np.corrcoef(labels.values[:, at], view.summaries("mean", "explain")[:, unit])[0, 1]
            for at, name in enumerate(labels.concepts)
            if name != NAMES[unit % 4]
        ]
        assert one.floor == pytest.approx(np.quantile(others, 0.95), abs=1e-6)
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        wanted = "supported" if one.low > one.floor else "weak" if one.value > one.floor else "unsupported"
        assert one.state == wanted
        # Fisher's interval is another way to the same end, wide of the mark by its assumption of normality only.
        count = len(test.values)
        z, half = np.arctanh(one.value), 1.96 / np.sqrt(count - 3)
        assert one.low == pytest.approx(np.tanh(z - half), abs=0.15)
        assert one.high == pytest.approx(np.tanh(z + half), abs=0.15)
    assert sum(found.states.values()) == found.scored == 5


def test_figures_are_means_over_units_beside_those_of_other_labels(study: Study, found: LayerEvaluation) -> None:
    view = study.view("head")
    labels, explain = view.labels("test"), view.labels("explain")
    assert labels is not None
    assert explain is not None
    a, b = view.summaries("mean", "test"), view.summaries("mean", "explain")

    def r(values: npt.NDArray[np.float32], acts: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.array([[np.corrcoef(values[:, c], acts[:, u])[0, 1] for c in range(4)] for u in range(5)])

    test_r, explain_r = r(labels.values, a), r(explain.values, b)
    own = [labels.concepts.index(NAMES[unit % 4]) for unit in range(5)]
    head = found.figure(HEADLINE)
    assert head is not None
    assert (head.units, head.value) == (5, pytest.approx(test_r[np.arange(5), own].mean()))
    best = int(explain_r.mean(0).argmax())
    constant = found.figure(HEADLINE, "constant")
    assert constant is not None
    assert (constant.text, constant.value) == (labels.concepts[best], pytest.approx(test_r[:, best].mean()))
    random = found.figure(HEADLINE, "random")
    assert random is not None
    assert random.value == pytest.approx(test_r.mean(), abs=0.1)
    for one in found.figures:
        assert one.value is None or one.low is None or one.high is None or one.low <= one.value <= one.high
    above = [test_r[u, own[u]] > np.quantile(np.delete(test_r[u], own[u]), 0.95) for u in range(5)]
    assert found.above_random == pytest.approx(np.mean(above))


def test_what_has_no_score_says_why(study: Study) -> None:
    view = study.view("relu")
    labels = view.labels("test")
    assert labels is not None
    with_empty = {
        split: LabelTable(
            (*table.concepts, "empty"), (*table.groups, "class"), np.c_[table.values, np.zeros(len(table.values))]
        )
        for split in ("explain", "test")
        for table in [view.labels(split)]  # type: ignore[arg-type]
        if table is not None
    }
    source = LabelSource("labels:class", with_empty)  # type: ignore[arg-type]
    said = described("relu", ["red", "blue", "zebra", None, "empty", "green"])
    found = evaluate_layer(said, view, source)
    assert [one.unscored for one in found.assessments] == [
        "it is constant on the explain or the test images",
        "it is constant on the explain or the test images",
        "its description is the name of no label",
        "it has no description",
        "what it says is the same on every test image",
        None,
    ]
    assert (found.units, found.scored, found.unresolved) == (6, 1, 0)
    assert found.unscored[0] == ("it is constant on the explain or the test images", 2)
    assert [one.resolved for one in found.assessments] == [True, True, False, True, True, True]
    by_metric = [one for one in found.scores if one.explanation == "r/relu:2"]
    assert all(one.value is None and one.unscored for one in by_metric)


class KnowsRed:
    """A source that understands every meaningful text, and knows no list of them."""

    name = "knows-red"
    complete = True
    vocabulary: Sequence[str] = ()

    def __init__(self, view: LayerView) -> None:
        self._view = view

    def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
        labels = self._view.labels(split)
        assert labels is not None
        return [labels.values[:, labels.concepts.index(text)] if text in labels.concepts else None for text in texts]


def test_a_complete_source_counts_what_it_does_not_understand_as_nothing(study: Study) -> None:
    view = study.view("head")
    source = KnowsRed(view)
    assert isinstance(source, ConceptSource)
    found = evaluate_layer(described("head", ["red", "gibberish", "green", "blue"]), view, source)
    strange = found.assessments[1]
    assert (strange.value, strange.low, strange.high, strange.state) == (0.0, 0.0, 0.0, "unsupported")
    assert not strange.resolved
    assert strange.unscored is None
    assert (found.scored, found.unresolved) == (4, 1)
    values = {one.metric: one.value for one in found.scores if one.explanation == strange.explanation}
    assert values["auroc"] == values["inverse_auroc"] == values["cosy_auc"] == values["discrimination"] == 0.5
    assert values["f1"] == values["auprc"] == 0.0
    wpmi = next(one for one in found.scores if one.explanation == strange.explanation and one.metric == "wpmi")
    assert (wpmi.value, wpmi.unscored) == (None, "its description means nothing to the source")
    head = found.figure(HEADLINE)
    assert head is not None
    scores = [one.value for one in found.assessments if one.value is not None]
    assert head.value == pytest.approx(np.mean(scores))


def test_where_a_source_lists_nothing_other_descriptions_are_the_random_labels(study: Study) -> None:
    view = study.view("head")
    said = described("head", ["red"])
    alone = evaluate_layer(said, view, KnowsRed(view))
    assert alone.assessments[0].unscored == "there is no other label to compare with"
    pooled = evaluate_layer(said, view, KnowsRed(view), pool=["red", "green", "blue"])
    assert pooled.scored == 1
    labels = view.labels("explain")
    assert labels is not None
    activations = view.summaries("mean", "explain")[:, 0]
    r = [np.corrcoef(labels.values[:, labels.concepts.index(name)], activations)[0, 1] for name in ("green", "blue")]
    assert pooled.assessments[0].floor == pytest.approx(np.quantile(r, 0.95), abs=1e-6)


def test_a_layer_of_one_unit_has_no_discrimination(study: Study) -> None:
    view = study.view("one")
    found = evaluate_layer(described("one", ["red"]), view, source_of(view))
    discrimination = next(one for one in found.scores if one.metric == "discrimination")
    assert discrimination.value is None
    assert discrimination.unscored == "there is no other unit to compare with"
    assert found.scored == 1
    assert found.figure(HEADLINE, "shuffled") is None  # there is nothing to deal out
    figure = found.figure("discrimination")
    assert figure is not None
    assert (figure.units, figure.value) == (0, None)


def test_nothing_scored_gives_no_figures(study: Study) -> None:
    view = study.view("head")
    found = evaluate_layer(described("head", ["zebra", None]), view, source_of(view))
    assert (found.units, found.scored, found.mean, found.above_random) == (2, 0, None, None)
    assert found.states == {"supported": 0, "weak": 0, "unsupported": 0}


def test_equal_seeds_give_equal_figures_and_others_do_not(study: Study) -> None:
    view = study.view("head")
    said = described("head", [NAMES[at % 4] for at in range(5)])
    one, two, three = (evaluate_layer(said, view, source_of(view), settings=Settings(seed=seed)) for seed in (0, 0, 1))
    assert one == two
    assert one.figures != three.figures


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 0.0}, "The share of active images is 0.0. Give a number between 0 and 1, such as 0.05."),
        ({"k": 0}, "k is 0. Give at least 1."),
        ({"draws": 5}, "draws is 5. Give at least 100."),
        ({"draws": 200_000}, "draws is 200000. Give at most 100,000."),
        ({"seed": -1}, "seed is -1. Give at least 0."),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as caught:
        Settings(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_random_labels_are_seldom_supported(tmp_path: Path) -> None:
    """States are about held-out truth: labels dealt at random are almost never supported."""
    made = make_study(tmp_path / "s", ("relu", "head"), per_class=60).probe(device="cpu")
    view = made.view("head")
    generator = np.random.default_rng(0)
    noise = {
        split: LabelTable(
            tuple(f"c{at}" for at in range(200)),
            ("class",) * 200,
            (generator.random((len(view.images(split)), 200)) < 0.2).astype(np.float32),
        )
        for split in ("explain", "test")
    }
    source = LabelSource("labels:class", noise)  # type: ignore[arg-type]
    states = [
        one.state
        for first in range(40)
        for one in evaluate_layer(
            described("head", [f"c{first * 5 + at}" for at in range(5)]), view, source
        ).assessments
    ]
    assert states.count("supported") / len(states) < 0.02


def noise_source(view: LayerView, columns: dict[str, npt.NDArray[np.float32]]) -> LabelSource:
    """Labels whose values on the explain images are given; on the test images they are those of the same seed."""
    explain = LabelTable(tuple(columns), ("class",) * len(columns), np.stack(list(columns.values()), 1))
    generator = np.random.default_rng(1)
    count = len(view.images("test"))
    test = (generator.random((count, len(columns))) < 0.3).astype(np.float32)
    return LabelSource("labels", {"explain": explain, "test": LabelTable(explain.concepts, explain.groups, test)})


def test_a_label_that_means_nothing_is_never_above_labels_that_go_against_the_unit(study: Study) -> None:
    """All random labels are the opposite of the unit: their 95th percentile is negative, and the floor is 0."""
    view = study.view("head")
    a = view.summaries("mean", "explain")[:, 0]
    generator = np.random.default_rng(0)
    against = {
        f"c{at}": (a + generator.normal(0, a.std(), len(a)) < np.median(a)).astype(np.float32) for at in range(9)
    }
    source = noise_source(view, against)
    one = evaluate_layer(described("head", ["c0"]), view, source).assessments[0]
    r = [np.corrcoef(values, a)[0, 1] for name, values in against.items() if name != "c0"]
    assert np.quantile(r, 0.95) < 0
    assert one.floor == 0

    class Complete(KnowsRed):
        vocabulary = source.vocabulary

        def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
            return source.concepts(texts, split)

    nothing = evaluate_layer(described("head", ["gibberish"]), view, Complete(view)).assessments[0]
    assert (nothing.value, nothing.floor, nothing.state) == (0, 0, "unsupported")


def test_another_way_to_write_the_own_label_is_no_random_label(study: Study) -> None:
    view = study.view("head")
    plain, other = (
        evaluate_layer(described("head", texts), view, source_of(view))
        for texts in (["red", "green", "blue"], ["A Red.", "the green", "BLUE"])
    )
    for one, two in zip(plain.assessments, other.assessments, strict=True):
        assert (one.value, one.low, one.state) == (two.value, two.low, two.state)
        assert one.floor == pytest.approx(two.floor, abs=1e-12)
    assert plain.above_random == other.above_random


def test_floors_are_quantiles_of_the_other_labels(study: Study) -> None:
    view = study.view("head")
    generator = np.random.default_rng(2)
    count = len(view.images("explain"))
    columns = {f"c{at}": (generator.random(count) < 0.3).astype(np.float32) for at in range(37)}
    columns["c0 again"] = columns["c0"]
    found = evaluate_layer(described("head", ["c0", "c1", "c2", "c3", "c4"]), view, noise_source(view, columns))
    for unit, one in enumerate(found.assessments):
        a = view.summaries("mean", "explain")[:, unit]
        others = {name: values for name, values in columns.items() if not np.array_equal(values, columns[f"c{unit}"])}
        assert len(others) == (36 if unit == 0 else 37)
        r = [np.corrcoef(values, a)[0, 1] for values in others.values()]
        assert one.floor == pytest.approx(max(np.quantile(r, 0.95), 0), abs=1e-9)


def test_other_labels_are_judged_on_the_same_units_as_the_descriptions(study: Study) -> None:
    """A text that means nothing counts as 0; the rows beside it are of its unit too, and it is dealt out as well."""
    view = study.view("head")
    found = evaluate_layer(described("head", ["red", "gibberish", "green", "blue"]), view, KnowsRed(view))
    for row in ("descriptions", "constant", "random", "shuffled"):
        figure = found.figure(HEADLINE, row)  # type: ignore[arg-type]
        assert figure is not None
        assert figure.units == 4
    labels, explain = view.labels("test"), view.labels("explain")
    assert labels is not None
    assert explain is not None
    constant = found.figure(HEADLINE, "constant")
    assert constant is not None
    assert constant.text in ("red", "green", "blue")
    column = labels.concepts.index(constant.text)
    r = [np.corrcoef(labels.values[:, column], view.summaries("mean", "test")[:, unit])[0, 1] for unit in range(4)]
    assert constant.value == pytest.approx(np.mean(r))


def test_the_test_images_decide_no_floor(study: Study) -> None:
    """Floors and the best constant label are the same, whatever the labels are on the test images."""
    view = study.view("head")
    tables = {split: view.labels(split) for split in ("explain", "test")}  # type: ignore[arg-type]
    test = tables["test"]
    assert test is not None
    generator = np.random.default_rng(3)
    values = generator.permutation(test.values)
    values[:, test.concepts.index("grey")] = 0  # a label that no test image has
    changed = {**tables, "test": LabelTable(test.concepts, test.groups, values)}
    said = described("head", ["red", "green", "blue"])
    before, after = (
        evaluate_layer(said, view, LabelSource("labels", labels))  # type: ignore[arg-type]
        for labels in (tables, changed)
    )
    assert [one.floor for one in before.assessments] == [one.floor for one in after.assessments]
    texts = [one.figure(HEADLINE, "constant") for one in (before, after)]
    assert texts[0] is not None
    assert texts[1] is not None
    assert texts[0].text == texts[1].text


@pytest.mark.parametrize("per_class", [1, 2])
def test_very_few_images_give_reasons_or_numbers_and_never_nan(per_class: int, tmp_path: Path) -> None:
    made = make_study(tmp_path / "s", ("head",), per_class=per_class, test_fraction=0.5).probe(device="cpu")
    view = made.view("head")
    found = evaluate_layer(described("head", NAMES), view, source_of(view))
    for one in (*found.scores, *found.assessments, *found.figures):
        for end in (one.value, one.low, one.high):
            assert end is None or np.isfinite(end)
    for score in found.scores:
        assert (score.value is None) == (score.unscored is not None)
