"""Studies whose images are annotated: judged by their masks, and the IoU of units and descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from neuronym.cli.judged import show_evaluations
from neuronym.cli.showing import show_table
from neuronym.errors import MethodError, UserError
from neuronym.evaluate.baselines import rows as baseline_rows
from neuronym.evaluate.evaluation import Settings, evaluate_layer
from neuronym.evaluate.figures import HEADLINE, MASK_IOU, LayerEvaluation
from neuronym.evaluate.mask_iou import Masked
from neuronym.evaluate.measures import Measures
from neuronym.evaluate.sources import AnnotationSource, TruthMasks, TruthSource
from neuronym.evaluate.vectors import resolve
from neuronym.materials import Materials
from neuronym.records import ConceptMasks, Explanation, MaskRule, Row, Split, Unit, unpacked
from neuronym.sourcing import Asked, Sources
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from painted_images import Painted, painted_study
from small_study import make_study, small_target

QUICK = Settings(draws=100)
LABELS = """layer,unit,description
relu,0,red
relu,2,red
relu,3,the Left
relu,4,street
relu,5,dot
relu,6,zebra
relu,7,left
"""
RULE = MaskRule(0.9)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Three of four images are annotated; what units say was written by hand."""
    folder = tmp_path_factory.mktemp("masks")
    made = painted_study(folder / "s", Painted(80, annotated=lambda number: number % 4 != 3)).probe(device="cpu")
    with pytest.warns(match="20 of the 80 images"), pytest.warns(match="'nowhere'"):
        made.annotate()
    (folder / "mine.csv").write_text(LABELS)
    made.import_labels(folder / "mine.csv")
    return made


@pytest.fixture(scope="module")
def found(study: Study) -> LayerEvaluation:
    [run] = study.store.runs
    return study.evaluate("annotations", masks=True, settings=QUICK)[run, "relu"]


def source_of(study: Study) -> AnnotationSource:
    stored = study.store.annotations
    assert stored is not None
    return AnnotationSource.of(stored, len(study.view("relu").images("explain")))


def pixels(masks: ConceptMasks, concepts: int, grid: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Dense masks, [concepts, images, height, width]."""
    found = np.zeros((concepts, len(masks), *grid), np.bool_)
    for image in range(len(masks)):
        numbers, words = masks.of(image)
        found[numbers, image] = unpacked(words, grid)
    return found


def iou_tables(view: LayerView, rule: MaskRule) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The names of concepts, and their IoU with each unit on the test images, by dense masks: [units, concepts]."""
    about = view.annotated
    assert about is not None
    everything = np.arange(len(view.images("test")))
    window = view.concept_masks("test").rows(everything)
    valid = unpacked(window.valid, about.grid)
    concepts = pixels(window, len(about.concepts), about.grid) & valid
    units = unpacked(view.unit_masks(rule, "test").rows(everything), about.grid).swapaxes(0, 1) & valid
    table = [[(unit & concept).sum() / max(1, (unit | concept).sum()) for concept in concepts] for unit in units]
    return [concept.name for concept in about.concepts], np.array(table)


def values_of(found: LayerEvaluation, metric: str) -> dict[int, float | None]:
    return {int(one.explanation.rpartition(":")[2]): one.value for one in found.scores if one.metric == metric}


def test_annotations_judge_by_the_share_of_an_image_that_a_concept_covers(study: Study, found: LayerEvaluation) -> None:
    view = study.view("relu")
    about, stored = view.annotated, study.store.annotations
    assert about is not None
    assert stored is not None
    explain = len(view.images("explain"))
    shares, annotated = stored.shares[explain:], stored.annotated[explain:]
    assert 0 < annotated.sum() < len(annotated)
    names = [concept.name for concept in about.concepts]
    activations = view.summaries("mean", "test")[annotated]
    values = values_of(found, HEADLINE)
    for unit, name in ((2, "red"), (3, "left"), (4, "street"), (5, "dot"), (7, "left")):
        wanted = np.corrcoef(shares[annotated, names.index(name)], activations[:, unit])[0, 1]
        assert values[unit] == pytest.approx(wanted, abs=1e-6)
    reasons = {int(one.explanation.rpartition(":")[2]): one.unscored for one in found.assessments}
    assert reasons[0] == "it is constant on the explain or the test images"
    assert reasons[6] == "its description is the name of no label"
    assert found.source == "annotations"


def test_mask_iou_is_that_of_dense_masks(study: Study, found: LayerEvaluation) -> None:
    names, table = iou_tables(study.view("relu"), MaskRule())
    values = values_of(found, MASK_IOU)
    for unit, name in ((2, "red"), (3, "left"), (4, "street"), (5, "dot"), (7, "left")):
        assert values[unit] == pytest.approx(table[unit, names.index(name)], abs=1e-12)
    assert values[0] is None
    assert values[6] is None
    assert any(value for value in values.values())
    rows = {row["unit"]: row for row in study.table("relu").to_pylist()}
    assert {unit: rows[unit][MASK_IOU] for unit in values} == values


def test_rows_of_other_labels_have_a_mask_iou_of_the_same_draws(study: Study) -> None:
    view, source = study.view("relu"), source_of(study)
    said = [Explanation(Unit("relu", unit), "m", "r", "described", "red" if unit % 2 else "left") for unit in range(12)]
    found = evaluate_layer(said, view, source, settings=QUICK, masked=Masked(source, RULE))
    names, table = iou_tables(view, RULE)
    scored = sorted(unit for unit, value in values_of(found, HEADLINE).items() if value is not None)
    own = [table[unit, names.index("red" if unit % 2 else "left")] for unit in scored]
    vectors = resolve(source, [one.description or "" for one in said], (), QUICK.seed)
    known = np.flatnonzero(source.known_images("explain")), np.flatnonzero(source.known_images("test"))
    measures = Measures(
        view.summaries("mean", "explain")[known[0]], view.summaries("mean", "test")[known[1]], vectors, 0.05, 20
    )
    units = np.array(scored)
    columns = np.array([vectors.columns["red" if unit % 2 else "left"] for unit in scored])
    figure = found.figure(MASK_IOU)
    assert figure is not None
    assert (figure.units, figure.value) == (len(scored), pytest.approx(np.mean(own)))
    dealt = baseline_rows(measures, units, columns, QUICK.seed)
    assert set(dealt) == {"constant", "random", "shuffled"}
    for row, labels in dealt.items():
        wanted = [
            [table[unit, names.index(vectors.texts[column])] for unit, column in zip(units, draw, strict=True)]
            for draw in labels
        ]
        beside = found.figure(MASK_IOU, row)
        assert beside is not None
        assert (beside.units, beside.value) == (len(scored), pytest.approx(np.mean(wanted)))
    without = evaluate_layer(said, view, source, settings=QUICK)
    assert {one.metric for one in found.figures} - {one.metric for one in without.figures} == {MASK_IOU}
    assert [one for one in found.figures if one.metric != MASK_IOU] == list(without.figures)


def test_the_terminal_has_room_for_the_masks(study: Study, found: LayerEvaluation) -> None:
    [run] = study.store.runs
    console = Console(width=80, record=True, file=StringIO())
    show_evaluations({(run, "relu"): found}, study.store.manifest.runs, console)
    said = console.export_text()
    head = next(line for line in said.splitlines() if line.startswith(" labels"))
    assert head.split() == ["labels", "units", "r", "95", "%", "mask", "IoU", "F1", ">", "random", "discr."]
    assert "AUPRC ." in said
    assert "\nmask IoU: pixels of the test images where" in said
    study.evaluate("annotations", masks=True, settings=QUICK)
    wide = Console(width=120, record=True, file=StringIO())
    show_table(study.table("relu"), wide)
    lines = wide.export_text().splitlines()
    values = values_of(found, MASK_IOU)
    for row in study.table("relu").to_pylist():
        [line] = [line for line in lines if line.split()[:2] == ["relu", str(row["unit"])]]
        value = values[row["unit"]]
        assert value is None or f" {value:.3f} " in line
    assert "mask IoU" in lines[1]
    study.evaluate("annotations", settings=QUICK)


@pytest.mark.filterwarnings("ignore:(1 of the 5 concepts|12 of the 60 images)")
def test_network_dissection_is_judged_by_what_it_looked_at(tmp_path: Path) -> None:
    made = painted_study(tmp_path / "s", Painted(60)).probe(device="cpu")
    run = made.explain("net-dissect", settings={"quantile": 0.9, "min_iou": 0.0}, device="cpu")
    assert made.store.manifest.runs[run]["mask_rule"] == {"quantile": 0.9, "value": None}
    [one] = made.evaluate(settings=QUICK, device="cpu").values()
    assert one.source == "annotations"
    assert one.scored > 5
    names, table = iou_tables(made.view("relu"), MaskRule(0.9))
    said = {row["unit"]: row["description"] for row in made.table("relu").to_pylist()}
    for unit, value in values_of(one, MASK_IOU).items():
        assert value is None or value == pytest.approx(table[unit, names.index(said[unit])])
    [kept] = made.store.evaluations(run)
    assert kept["masks"] == "quantile-0.9"


class Complete(AnnotationSource):
    """One that takes a text that it does not know for one that means nothing."""

    complete = True


def test_a_text_that_means_nothing_and_a_unit_that_never_fires_have_an_iou_of_0(study: Study) -> None:
    view = study.view("relu")
    source = Complete(**vars(source_of(study)))
    said = [
        Explanation(Unit("relu", unit), "m", "r", "described", text)
        for unit, text in ((2, "red"), (3, "gibberish"), (4, "left"))
    ]
    thresholds = np.full(view.layer.units, 1e9)
    thresholds[:4] = 0
    found = evaluate_layer(said, view, source, masked=Masked(source, MaskRule(None, tuple(thresholds.tolist()))))
    values = values_of(found, MASK_IOU)
    assert values[2] is not None
    assert values[2] > 0
    assert (values[3], values[4]) == (0.0, 0.0)
    figure: dict[Row, float | None] = {
        row: one.value for row in ("descriptions", "shuffled") if (one := found.figure(MASK_IOU, row)) is not None
    }
    assert figure["descriptions"] == pytest.approx(values[2] / 3)
    assert set(figure) == {"descriptions", "shuffled"}


def changed(study: Study, made: Mapping[str, object]) -> Study:
    """The study with another entry of its run in the manifest, which is not written."""
    [run] = study.store.runs
    other = Study.open(study.folder)
    other.materials = Materials(other.store, other.report, study.target, study.probe_set)
    entry = {**other.store.manifest.runs[run], **made}
    other.store.manifest = replace(other.store.manifest, runs={run: entry})  # type: ignore[dict-item]
    return other


def sources_of(study: Study, asked: Asked) -> Sources:
    return Sources(study.store, study.materials, asked)


def test_masks_are_compared_by_the_runs_own_rule_or_where_that_is_asked_for(study: Study) -> None:
    [run] = study.store.runs
    by_hand = changed(study, {"mask_rule": {"quantile": None, "value": [0.5] * 12}})
    annotations = Asked("annotations")
    assert sources_of(study, annotations).mask_rule(run) is None
    assert sources_of(study, Asked("annotations", masks=True)).mask_rule(run) == MaskRule()
    assert sources_of(by_hand, annotations).mask_rule(run) == MaskRule(None, (0.5,) * 12)
    assert sources_of(by_hand, Asked("encoder:bundled:clip")).mask_rule(run) is None
    assert sources_of(by_hand, Asked(source_of(study))).mask_rule(run) == MaskRule(None, (0.5,) * 12)
    assert MaskRule.from_spec({"quantile": None, "value": 0.25}) == MaskRule(None, 0.25)
    assert MaskRule.from_spec({"quantile": 0.99, "value": None}) == MaskRule(0.99)
    plain = study.evaluate("annotations", settings=QUICK)[run, "relu"]
    assert plain.figure(MASK_IOU) is None
    assert MASK_IOU not in study.table("relu").column_names


def test_auto_takes_annotations_for_methods_that_look_at_them(study: Study, tmp_path: Path) -> None:
    [run] = study.store.runs
    assert sources_of(study, Asked()).kind(run) == "annotations"  # there is nothing else
    labelled = make_study(tmp_path / "s").probe(device="cpu")
    (tmp_path / "mine.csv").write_text("layer,unit,description\nhead,0,red\n")
    mine, _ = labelled.import_labels(tmp_path / "mine.csv")
    assert sources_of(labelled, Asked()).kind(mine) == "labels"
    looks = sources_of(changed(study, {"annotations": "key"}), Asked())
    assert looks.kind(run) == "annotations"
    looks._store.labels = labelled.store.labels  # type: ignore[misc]
    assert looks.kind(run) == "annotations"
    looks._store.manifest = study.store.manifest
    assert looks.kind(run) == "labels"


def test_what_cannot_be_judged_by_masks_says_so(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        study.evaluate("encoder:bundled:clip", masks=True)
    assert str(caught.value) == (
        "--masks compares pixels, and the source is encoder, which does not know where things are. Give --source "
        "annotations, or truth for images that know."
    )
    labelled = make_study(tmp_path / "s").probe(device="cpu")
    (tmp_path / "mine.csv").write_text("layer,unit,description\nhead,0,red\n")
    mine, _ = labelled.import_labels(tmp_path / "mine.csv")
    for options in ({"source": "annotations"}, {"masks": True}):
        with pytest.raises(MethodError, match=r"^Nothing is annotated in the images of the study\. Give masks"):
            labelled.evaluate(**options)  # type: ignore[arg-type]
    with pytest.raises(MethodError) as nothing:
        sources_of(labelled, Asked("annotations")).check(mine)
    assert str(nothing.value) == (
        "Nothing is annotated in the images of the study. Give masks to `neuronym explain` with --annotations, or "
        "another --source."
    )
    stored = study.store.annotations
    assert stored is not None
    with pytest.raises(MethodError) as unknown:
        AnnotationSource.of(stored, len(study.images))
    assert str(unknown.value) == (
        "None of the 0 test images is annotated, so that annotations cannot judge. Give masks of some of them too, or "
        "another --source."
    )


def test_the_worlds_truth_and_its_annotations_have_the_same_masks(tmp_path: Path) -> None:
    made = Study.create(
        tmp_path / "s",
        model=small_target(),
        layers=["relu"],
        images="bundled:world/explain/30",
        test_images="bundled:world/test/20",
    ).probe(device="cpu")
    with pytest.warns(match="are in no image of the study"):
        made.annotate()
    view = made.view("relu")
    about, stored = view.annotated, made.store.annotations
    assert about is not None
    assert stored is not None
    splits: tuple[Split, ...] = ("explain", "test")
    truth = TruthSource({split: view.images(split) for split in splits}, made.probe_set.opened.get)
    assert TruthMasks.can(truth)
    names = [concept.name for concept in about.concepts]
    images = np.array([3, 19, 0], np.int64)
    masks = TruthMasks(truth, view.geometry, about.grid)
    one, other = masks.text_masks(names, "test", images), view.concept_masks("test").rows(images)
    assert np.array_equal(one.valid, other.valid)
    assert np.array_equal(pixels(one, len(names), about.grid), pixels(other, len(names), about.grid))
    both = masks.text_masks(["a red circle", "red object", "qwertz"], "test", images)
    red, circle = (pixels(other, len(names), about.grid)[names.index(name)] for name in ("red object", "circle"))
    found = pixels(both, 3, about.grid)
    assert (found[0] <= (red & circle)).all()
    assert np.array_equal(found[1], red)
    assert not found[2].any()


def test_columns_that_say_nothing_are_left_out(study: Study) -> None:
    """Where another run of the study was judged and this one was not."""
    table = study.table("relu")
    table = table.drop_columns([name for name in (HEADLINE, MASK_IOU) if name in table.column_names])
    for name in (HEADLINE, MASK_IOU):
        table = table.append_column(name, [[None] * len(table)])
    shown = StringIO()
    show_table(table, Console(file=shown, width=160))
    assert "description" in shown.getvalue()
    assert "held-out r" not in shown.getvalue()
    assert "mask IoU" not in shown.getvalue()


def test_figures_by_annotations_that_were_replaced_do_not_count(tmp_path: Path) -> None:
    made = painted_study(tmp_path / "s", Painted(40)).probe(device="cpu")
    with pytest.warns(match="8 of the 40 images"), pytest.warns(match="'nowhere'"):
        made.annotate()
    (tmp_path / "mine.csv").write_text(LABELS)
    made.import_labels(tmp_path / "mine.csv")
    made.evaluate("annotations", masks=True, settings=QUICK)
    assert HEADLINE in made.table().column_names
    masks = made.store.arrays("relu").folder / "masks"
    assert [place.name for place in masks.iterdir()] == ["quantile-0.995-12x12"]
    with pytest.warns(match="8 of the 40 images"), pytest.warns(match="'nowhere'"):
        made.annotate(grid=(8, 8))
    assert made.store.evaluations() == []
    assert HEADLINE not in made.table().column_names
    assert list(masks.iterdir()) == []  # which nothing could be compared with
