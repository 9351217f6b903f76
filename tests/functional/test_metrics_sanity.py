"""Which metrics notice labels that say too little or too much: the published verdicts, and the yardstick's table."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import UnknownNameError, UserError
from neuronym.functional.metrics import (
    TESTED,
    Outcome,
    Verdict,
    extra_labels,
    missing_labels,
    pairs,
    sanity_table,
    verdicts,
)
from neuronym.functional.metrics.sanity import Planted, planted


def test_the_published_verdicts() -> None:
    """Oikarinen et al. 2025. AUROC sees what is missing and not what is too much; its inverse the other way round."""
    found = {name: (one.passes_missing, one.passes_extra) for name, one in verdicts().items()}
    assert found == {
        "pearson": (True, True),
        "cosine": (True, True),
        "auprc": (True, True),
        "f1": (True, True),
        "iou": (True, True),
        "mask_iou": (True, True),
        "spearman": (True, True),
        "auroc": (True, False),
        "inverse_auroc": (False, True),
        "recall_at_k": (True, False),
        "wpmi": (True, False),
        "cosy_auc": (False, True),
        "cosy_mad": (False, True),
    }
    assert verdicts() is verdicts()
    assert all(one.passes == (one.passes_missing and one.passes_extra) for one in verdicts().values())


@pytest.mark.parametrize("seed", [1, 2])
def test_verdicts_do_not_hang_on_the_seed(seed: int) -> None:
    found = {one.metric: one for one in sanity_table(seed=seed, images=10_000, units=10)}
    assert {name: one.passes for name, one in found.items()} == {name: one.passes for name, one in verdicts().items()}


def test_equal_settings_give_equal_figures_and_names_keep_their_order() -> None:
    settings = {"frequencies": (0.2, 0.05), "images": 400, "units": 3}
    first = sanity_table(["iou", "pearson"], **settings)
    assert first == sanity_table(("iou", "pearson"), **settings)
    assert [one.metric for one in first] == ["iou", "pearson"]
    assert [outcome.frequency for outcome in first[0].missing] == [0.2, 0.05]
    assert first != sanity_table(["iou", "pearson"], seed=1, **settings)
    assert [one.metric for one in sanity_table(**settings)] == list(TESTED)


def test_drops_are_the_plain_formula() -> None:
    """F1 by scikit-learn on the same planted units, unit by unit."""
    (verdict,) = sanity_table(["f1"], (0.1,), images=300, units=5, seed=7)
    world = planted(0.1, 300, 5, 1.0, torch.Generator().manual_seed(7))
    drops, worse = [], []
    for unit in range(5):
        fires = world.activations[:, unit] > world.activations[:, unit].sort(descending=True).values[30]
        true, extra, floor = (
            sk.f1_score(fires, concept[:, unit]) for concept in (world.true, world.extra, world.random)
        )
        drops.append((true - extra) / (true - floor))
        worse.append(extra < true)
    (outcome,) = verdict.extra
    assert (outcome.frequency, outcome.worse) == (0.1, np.mean(worse))
    assert outcome.drop == pytest.approx(np.mean(drops))


def test_masks_are_tested_on_planted_pixels() -> None:
    """By scikit-learn, pixel by pixel: what a unit and a label share, of what either has."""
    (verdict,) = sanity_table(["mask_iou"], (0.1,), images=300, units=4, seed=5)
    world = planted(0.1, 300, 4, 1.0, torch.Generator().manual_seed(5))
    drops = []
    for unit in range(4):
        fires = world.activations[:, unit] > world.activations[:, unit].sort(descending=True).values[30]
        true, missing, floor = (
            sk.jaccard_score(fires, concept[:, unit]) for concept in (world.true, world.missing, world.random)
        )
        drops.append((true - missing) / (true - floor))
    assert verdict.missing[0].drop == pytest.approx(np.mean(drops))
    assert verdict.missing[0].drop == pytest.approx(0.5, abs=0.1)
    assert verdict.extra[0].drop == pytest.approx(0.5, abs=0.1)


def test_both_conditions_hold_at_every_frequency() -> None:
    good, shallow, rare = Outcome(0.1, 0.05, 0.9), Outcome(0.01, 0.049, 1.0), Outcome(0.01, 0.5, 0.89)
    assert good.passed
    assert not shallow.passed
    assert not rare.passed
    assert Verdict("f1", (good, good), (good,)).passes
    assert not Verdict("f1", (good, shallow), (good,)).passes_missing
    assert not Verdict("f1", (good,), (good, rare)).passes
    assert Verdict("f1", (good,), (good, rare)).passes_missing


def test_a_metric_without_room_does_not_fall() -> None:
    """Noise so loud that no label is better than a random one leaves no NaN."""
    for verdict in sanity_table(frequencies=(0.1,), images=40, units=4, noise=1e6):
        assert all(np.isfinite(outcome.drop) for outcome in (*verdict.missing, *verdict.extra))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=40), st.integers(0, 99))
def test_what_is_done_to_labels(column: list[bool], seed: int) -> None:
    concept = torch.tensor(column)
    positives = sum(column)
    generator = torch.Generator().manual_seed(seed)
    if positives >= 2:
        fewer = missing_labels(concept, generator)
        assert int(fewer.sum()) == positives - positives // 2
        assert bool((fewer <= concept).all())
    else:
        with pytest.raises(ValueError, match=f"the concept has {positives} positives, and 2 are needed"):
            missing_labels(concept, generator)
    if 0 < positives <= len(column) - positives:
        for given_as in (concept, concept.double()):
            more = extra_labels(given_as, generator)
            assert more.dtype == given_as.dtype
            assert int(more.sum()) == 2 * positives
            assert bool((more >= given_as).all())
    else:
        with pytest.raises(ValueError, match=f"the concept has {positives} positives and .* negatives to turn into"):
            extra_labels(concept, generator)
    assert concept.tolist() == column


def test_every_label_is_as_likely_to_be_drawn() -> None:
    concept = torch.arange(12) < 4
    generator = torch.Generator().manual_seed(0)
    kept = torch.stack([missing_labels(concept, generator) for _ in range(2000)]).double().mean(0)
    added = torch.stack([extra_labels(concept, generator) for _ in range(2000)]).double().mean(0)
    np.testing.assert_allclose(kept, [0.5] * 4 + [0.0] * 8, atol=0.05)
    np.testing.assert_allclose(added, [1.0] * 4 + [0.5] * 8, atol=0.05)


@pytest.mark.parametrize("frequency", [0.1, 0.01, 0.001])
def test_true_labels_correlate_as_planted(frequency: float) -> None:
    world = planted(frequency, 20_000, 20, 1.0, torch.Generator().manual_seed(0))
    assert float(pairs("pearson", world.true, world.activations).mean()) == pytest.approx(0.5**0.5, abs=0.02)
    assert float(pairs("pearson", world.random, world.activations).mean()) == pytest.approx(0, abs=0.02)
    assert world.true.sum(0).tolist() == [round(frequency * 20_000)] * 20


def test_bad_settings_say_what_to_do() -> None:
    raw = inspect.unwrap(sanity_table)
    with pytest.raises(UnknownNameError, match=r"There is no metric of pairs 'token_f1'\. Nearest: "):
        raw(["token_f1"])
    with pytest.raises(UserError, match=r"Metrics cannot be tested at no frequency\. Name one at least"):
        raw(frequencies=())
    message = "Metrics cannot be tested at frequency .*: a concept has to be in 2 images"
    for bad in ({"frequencies": (0.001,), "images": 100}, {"frequencies": (0.6,)}, {"units": 0}, {"noise": -1}):
        with pytest.raises(UserError, match=message):
            raw(**bad)


def ten_times_too_broad(world: Planted) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    columns = world.true.clone()
    for unit in range(columns.shape[1]):
        negatives = (~columns[:, unit]).nonzero()[:, 0]
        order = torch.randperm(len(negatives), generator=generator)
        columns[negatives[order[: 9 * int(columns[:, unit].sum())]], unit] = True
    return columns


def test_the_yardsticks_table() -> None:
    """50,000 inputs, concept frequency 0.5 %.

    The table's F1 of the true label, .94, and its other F1s come out where the unit counts as firing on 88 % as many
    images as the concept is in; at the planted frequency itself the true label has 1.00.
    """
    world = planted(0.005, 50_000, 20, 1.0, torch.Generator().manual_seed(0))
    labels = {"true": world.true, "broad": ten_times_too_broad(world), "half": world.missing, "wrong": world.random}
    names = ("inverse_auroc", "pearson", "f1", "recall_at_k")
    got = {
        row: [float(pairs(name, concepts, world.activations, share=0.0044).mean()) for name in names]
        for row, concepts in labels.items()
    }
    published = {
        "true": [1.00, 0.70, 0.94, 1.00],
        "broad": [0.54, 0.20, 0.16, 1.00],
        "half": [1.00, 0.49, 0.63, 0.51],
        "wrong": [0.50, 0.00, 0.00, 0.00],
    }
    for row, figures in published.items():
        for name, value, figure in zip(names, got[row], figures, strict=True):
            assert value == pytest.approx(figure, abs=0.06 if name == "recall_at_k" else 0.02), (row, name)
    assert float(pairs("f1", world.true, world.activations, share=world.frequency).mean()) > 0.99
