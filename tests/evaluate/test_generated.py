"""Descriptions judged by images that were made of them, against the formulas of CoSy written out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

from neuronym.backends import ImageGenerator
from neuronym.errors import NeuronymWarning
from neuronym.evaluate.figures import LayerEvaluation
from neuronym.evaluate.generated import evaluate_generated
from neuronym.records import Explanation, Unit
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from small_study import COLOURS, SIDE, make_study

SAID = ["red", " green ", "blue", "unspeakable", None]


class Painter:
    """Draws noisy images of a colour that it knows by name."""

    name, key = "painter", "painter-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, text: str, count: int, seed: int) -> list[Image.Image] | None:
        self.asked.append(text)
        if text not in COLOURS:
            return None
        noise = np.random.default_rng([seed, len(text)]).normal(0, 20, (count, SIDE, SIDE, 3))
        pixels = np.clip(np.array(COLOURS[text]) + noise, 0, 255).astype(np.uint8)
        return [Image.fromarray(one) for one in pixels]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("made") / "s", ("relu", "head")).probe(device="cpu")


def described(layer: str, texts: Sequence[str | None], first: int = 0) -> list[Explanation]:
    return [
        Explanation(Unit(layer, first + at), "m", "r", "described", text)
        if text is not None
        else Explanation(Unit(layer, first + at), "m", "r", "abstained", reason="it is shy")
        for at, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def found(study: Study) -> LayerEvaluation:
    return evaluate_generated(described("head", SAID), study.view("head"), Painter(), count=6, seed=3)


def values_of(view: LayerView, text: str, unit: int) -> tuple[float, float]:
    """CoSy's pair by plain NumPy and scikit-learn."""
    images = Painter().generate(text, 6, 3)
    assert images is not None
    control, made = view.summaries("mean", "test")[:, unit].astype(float), view.respond(images)[:, unit].astype(float)
    auc = sk.roc_auc_score([0] * len(control) + [1] * len(made), np.concatenate([control, made]))
    return float(auc), float((made.mean() - control.mean()) / control.std())


def test_both_metrics_are_what_other_libraries_compute(study: Study, found: LayerEvaluation) -> None:
    assert isinstance(Painter(), ImageGenerator)
    scores = {(one.explanation, one.metric): one for one in found.scores}
    assert len(scores) == 10
    for unit, text in enumerate(("red", "green", "blue")):
        auc, mad = values_of(study.view("head"), text, unit)
        assert scores[f"r/head:{unit}", "cosy_auc"].value == pytest.approx(auc, abs=1e-9)
        assert scores[f"r/head:{unit}", "cosy_mad"].value == pytest.approx(mad, rel=1e-5)
    means = {metric: found.figure(metric) for metric in ("cosy_auc", "cosy_mad")}
    for metric, figure in means.items():
        own = [scores[f"r/head:{unit}", metric].value for unit in range(3)]
        assert figure is not None
        assert (figure.units, figure.value) == (3, pytest.approx(np.mean(own)))  # type: ignore[arg-type]
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high  # type: ignore[operator]


def test_a_text_that_gives_no_images_has_no_score_and_no_state_is_decided(found: LayerEvaluation) -> None:
    assert found.source == "generated:painter"
    assert [one.unscored for one in found.assessments] == [
        *(None, None, None),
        "no image can be made of its description",
        "it has no description",
    ]
    assert [one.resolved for one in found.assessments] == [True, True, True, False, True]
    assert all(one.state is None and one.value is None for one in found.assessments)
    assert [one.value is None for one in found.scores] == [one.unscored is not None for one in found.scores]
    assert (found.units, found.scored) == (5, 0)


def test_descriptions_dealt_out_anew_go_to_other_units(study: Study) -> None:
    texts = ["red", "green", "blue", "red"]
    made = evaluate_generated(described("head", texts), study.view("head"), Painter(), count=6, seed=3)
    shuffled = made.figure("cosy_auc", "shuffled")
    assert shuffled is not None
    table = {(text, unit): values_of(study.view("head"), text, unit)[0] for text in texts for unit in range(4)}
    possible = {
        round(float(np.mean([table[texts[unit], at] for at, unit in enumerate(order)])), 9)
        for order in ([1, 2, 3, 0], [1, 3, 0, 2], [2, 0, 3, 1], [2, 3, 1, 0], [3, 0, 1, 2], [3, 2, 0, 1])
    }
    assert round(shuffled.value or 0, 9) in possible
    alike = evaluate_generated(described("head", ["red", "red"]), study.view("head"), Painter(), count=6)
    assert alike.figure("cosy_auc", "shuffled") is None


def test_each_text_is_made_once_and_equal_seeds_give_equal_images(study: Study) -> None:
    painter, told = Painter(), list[tuple[int, int]]()
    said = described("head", ["red", " red", "blue", "red"])
    one = evaluate_generated(
        said, study.view("head"), painter, count=4, progress=lambda done, total: told.append((done, total))
    )
    assert painter.asked == ["red", "blue"]
    assert told == [(1, 2), (2, 2)]
    assert one == evaluate_generated(said, study.view("head"), Painter(), count=4)
    assert one != evaluate_generated(said, study.view("head"), Painter(), count=4, seed=1)


def test_maps_are_summarised_and_constant_units_are_not_scored(study: Study) -> None:
    view = study.view("relu")
    made = evaluate_generated(described("relu", ["red", "red", "red"]), view, Painter(), summary="max", count=6, seed=3)
    constant = "it is constant on the test images"
    assert [one.unscored for one in made.assessments] == [constant, constant, None]
    images = Painter().generate("red", 6, 3)
    assert images is not None
    control, fresh = view.summaries("max", "test")[:, 2], view.respond(images)[:, 2].max((1, 2))
    wanted = (np.greater.outer(fresh, control) + 0.5 * np.equal.outer(fresh, control)).mean()
    value = next(one.value for one in made.scores if one.explanation == "r/relu:2" and one.metric == "cosy_auc")
    assert value == pytest.approx(wanted)


def test_nothing_said_gives_nothing(study: Study) -> None:
    made = evaluate_generated(described("head", [None]), study.view("head"), Painter())
    assert made.figures == ()
    assert [one.unscored for one in made.scores] == ["it has no description"] * 2


def test_what_is_kept_decides_no_state(tmp_path: Path) -> None:
    made = make_study(tmp_path / "s", ("head",)).probe(device="cpu")
    labels = tmp_path / "mine.csv"
    labels.write_text("layer,unit,description\nhead,0,red fish\nhead,1,square\nhead,2,gibberish\n")
    run, _ = made.import_labels(labels)
    made.evaluate("labels")
    before = made.table().to_pylist()
    with pytest.warns(NeuronymWarning, match="knows only images of bundled:world"):
        made.evaluate("generated:bundled:world")
    assert made.table().to_pylist() == before
    by_images = made.table(source="generated:bundled:world").to_pylist()
    assert [row["state"] for row in by_images] == ["described"] * 3
    assert [row["cosy_auc"] is None for row in by_images] == [False, False, True]
    assert [made["source"] for made in made.store.evaluations(run)] == ["labels", "generated:bundled:world"]
    assert [made["source"] for made in made.store.latest()] == ["labels"]
