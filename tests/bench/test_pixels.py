"""The column of masks: the IoU of units and texts comes out again pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from neuronym.bench.hosts import HOSTS
from neuronym.bench.labels import true_labels
from neuronym.bench.pixels import GRID, Pixels
from neuronym.bench.probing import Probed, probe
from neuronym.bench.scoring import HostScorer
from neuronym.bench.settings import BenchSettings
from neuronym.evaluate.mask_iou import text_ious
from neuronym.evaluate.sources import TruthMasks, TruthSource
from neuronym.records import Explanation, MaskRule, Split, Unit
from neuronym.store.layer_view import LayerView
from neuronym.study import silent
from neuronym.world.concepts import mask, presence
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS

SETTINGS = BenchSettings(explain=250, test=150, bootstraps=1, draws=100)
TEXTS = ("a fish or a heart", "sea", "red object", "red and not the word STOP", "no circle", "gibberish of no kind")


@pytest.fixture(scope="module", params=["analytic", "taught"])
def probed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return probe(HOSTS[request.param], tmp_path_factory.mktemp("host"), SETTINGS, silent, whole=False)


@pytest.fixture(scope="module")
def pixels(probed: Probed) -> Pixels:
    found = probed.pixels(silent)
    assert found is not None
    return found


def maps(view: LayerView, split: Split) -> npt.NDArray[np.float32]:
    return view.respond([view.image(at, split) for at in range(len(view.images(split)))])


def shown(text: str, view: LayerView, split: Split) -> npt.NDArray[np.bool_]:
    """The pixels of a text, from the scenes and the pictures of the regions, [images, 64, 64]."""
    scenes = draw_scenes(SEEDS[split], [int(image.member) for image in view.images(split)])
    concept = parse(text)
    if isinstance(concept, Unparsed):
        return np.zeros((len(scenes), *GRID), bool)
    return mask(concept, scenes, render(scenes)[1]) & presence(concept, scenes)[:, None, None]


def test_the_threshold_leaves_as_many_cells_as_the_true_concept_covers(probed: Probed, pixels: Pixels) -> None:
    values = maps(probed.view(), "explain")
    for unit in probed.units[::9]:
        own = values[:, unit.unit].ravel()
        if unit.truth is None:
            assert pixels.thresholds[unit.unit] == own.max()
            continue
        share = shown(unit.truth, probed.view(), "explain").mean()
        wanted = np.quantile(own.astype(np.float64), 1 - share)
        near = np.quantile(own.astype(np.float64), np.clip([1 - share - 2e-3, 1 - share + 2e-3], 0, 1))
        assert near[0] <= pixels.thresholds[unit.unit] <= near[1]
        assert pixels.thresholds[unit.unit] == pytest.approx(wanted, abs=0.02 * float(np.ptp(own)))


def test_ious_come_out_again_pixel_by_pixel(probed: Probed, pixels: Pixels) -> None:
    view = probed.view()
    texts = (*TEXTS, *(str(unit.truth) for unit in probed.units[:3]))
    units = range(0, view.layer.units, 7)
    some = torch.from_numpy(maps(view, "test")[:, units]).double()
    large = torch.nn.functional.interpolate(some, size=GRID, mode="bilinear").numpy()
    found = pixels.ious(texts)
    assert found.shape == (view.layer.units, len(texts))
    masks = [shown(text, view, "test") for text in texts]
    for place, unit in enumerate(units):
        active = large[:, place] > pixels.thresholds[unit]
        for text, of_text, iou in zip(texts, masks, found[unit], strict=True):
            either = (active | of_text).sum()
            wanted = (active & of_text).sum() / either if either else 0.0
            assert iou == pytest.approx(wanted, abs=1e-4), text  # a pixel may lie at the threshold
    assert not found[:, texts.index("gibberish of no kind")].any()


def test_they_are_those_of_evaluation(probed: Probed, pixels: Pixels) -> None:
    study, view = probed.studies["plain"], probed.view()
    splits: tuple[Split, ...] = ("explain", "test")
    truth = TruthSource({split: view.images(split) for split in splits}, study.probe_set.source)
    rule = MaskRule(None, tuple(pixels.thresholds.tolist()))
    source = TruthMasks(truth, view.geometry, GRID)
    wanted = text_ious(view.layer.units, view.unit_masks(rule, "test", GRID), TEXTS, source, "test")
    assert np.allclose(pixels.ious(TEXTS), wanted, rtol=0, atol=1e-12)


def test_the_column_is_the_mean_over_units_with_a_truth(probed: Probed, pixels: Pixels) -> None:
    scorer = HostScorer(probed.view(), probed.truth, probed.units, 100, 0, pixels)
    named = [unit for unit in probed.units if unit.truth is not None]
    labels = true_labels(scorer.layer, probed.units)
    silent_one, odd_one = named[0].unit, named[1].unit
    del labels[silent_one]
    labels[odd_one] = Explanation(Unit(scorer.layer, odd_one), "m", "m", "described", "gibberish of no kind", 1.0)
    row = scorer.row("mine", "method", labels)
    values = {unit.unit: pixels.ious([str(unit.truth)])[unit.unit, 0] for unit in named}
    values[silent_one] = values[odd_one] = 0.0
    measured = row.measures["mask_iou"]
    assert measured.units == len(named)
    assert measured.value == pytest.approx(np.mean(list(values.values())))
    said = {one.unit: one.mask_iou for one in row.said}
    assert said[silent_one] is None
    assert said[odd_one] == 0
    for unit in probed.units:
        if unit.unit not in (silent_one, odd_one):
            assert said[unit.unit] == (None if unit.truth is None else pytest.approx(values[unit.unit]))


def test_baselines_have_the_column_and_the_truth_is_above_them(probed: Probed, pixels: Pixels) -> None:
    scorer = HostScorer(probed.view(), probed.truth, probed.units, 100, 0, pixels)
    truth = scorer.row("true labels", "truth", true_labels(scorer.layer, probed.units)).measures["mask_iou"].value
    assert truth is not None
    rows = {row.role: row for row in scorer.baselines()}
    for row in rows.values():
        value = row.measures["mask_iou"].value
        assert value is not None
        assert value < truth / 2
    text = rows["constant"].text
    assert text is not None
    wanted = np.mean([pixels.ious([text])[unit.unit, 0] for unit in probed.units if unit.truth is not None])
    assert rows["constant"].measures["mask_iou"].value == pytest.approx(wanted)


def test_a_layer_without_maps_has_no_such_column(tmp_path_factory: pytest.TempPathFactory) -> None:
    flat = probe(HOSTS["resnet"], tmp_path_factory.mktemp("flat"), SETTINGS, silent, whole=False)
    assert flat.pixels(silent) is None
    scorer = HostScorer(flat.view(), flat.truth, flat.units, 100, 0, flat.pixels(silent))
    row = scorer.row("true labels", "truth", true_labels(scorer.layer, flat.units))
    assert "mask_iou" not in row.measures
    assert {one.mask_iou for one in row.said} == {None}
    assert all("mask_iou" not in one.measures for one in scorer.baselines())
