"""The batched form is the scalar form, pair by pair, whatever the blocks."""

from __future__ import annotations

import inspect
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError, UnknownNameError
from neuronym.functional import metrics
from neuronym.functional.metrics import METRICS, PAIRED, batched, pairs, pairs_by_name

THRESHOLD = {"auroc", "auprc", "f1", "iou", "wpmi"}
CUT = {"inverse_auroc", "f1", "iou", "recall_at_k"}


def scalar(name: str, concept: Tensor, activations: Tensor, threshold: float | None, cut: float, k: int) -> float:
    if name.startswith("cosy"):
        return float(getattr(metrics, name)(activations, activations[concept > cut]))
    options = {"threshold": threshold} if name in THRESHOLD else {}
    options |= {"cut": cut} if name in CUT else {}
    options |= {"k": k} if name == "recall_at_k" else {}
    return float(getattr(metrics, name)(concept, activations, **options))


def data(images: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """With ties, and with a constant column on either side."""
    generator = torch.Generator().manual_seed(seed)
    concepts = torch.rand(images, count, generator=generator).round(decimals=1)
    activations = torch.randn(images, count, generator=generator).round(decimals=1)
    concepts[:, 0], activations[:, -1] = 0.7, -1.5
    return concepts, activations


@pytest.mark.parametrize("name", PAIRED)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), images=st.integers(1, 40), limits=st.booleans())
def test_batch_is_scalar(name: str, seed: int, images: int, limits: bool) -> None:
    concepts, activations = data(images, 5, seed)
    thresholds = torch.linspace(-1, 2, 5) if limits else None
    cuts = torch.tensor([0.1, 0.2, 0.45, 0.8, 0.95]) if limits else None
    got = pairs(name, concepts, activations, thresholds=thresholds, cuts=cuts, k=7)
    assert got.dtype == torch.float64
    expected = [
        scalar(
            name,
            concepts[:, i],
            activations[:, i],
            None if thresholds is None else float(thresholds[i]),
            0.5 if cuts is None else float(cuts[i]),
            7,
        )
        for i in range(5)
    ]
    assert got.tolist() == pytest.approx(expected, abs=1e-12)
    low, high = METRICS[name].range
    assert bool(((got >= low) & (got <= high)).all())


def test_blocks_and_company_do_not_change_values(monkeypatch: pytest.MonkeyPatch) -> None:
    concepts, activations = data(60, 11, 3)
    limits = {"thresholds": torch.linspace(-1, 1, 11), "cuts": torch.linspace(0, 1, 11)}
    whole = pairs_by_name(PAIRED, concepts, activations, **limits)
    assert tuple(whole) == PAIRED
    monkeypatch.setattr(batched, "_ELEMENTS", 180)
    for name in PAIRED:
        assert torch.equal(pairs(name, concepts, activations, **limits), whole[name])


def test_share_reaches_the_labels() -> None:
    concepts, activations = data(100, 4, 0)
    for name in THRESHOLD:
        got = pairs(name, concepts, activations, share=0.3)
        expected = [float(getattr(metrics, name)(concepts[:, i], activations[:, i], share=0.3)) for i in range(4)]
        assert got.tolist() == pytest.approx(expected, abs=1e-12)


def test_no_pairs_give_no_values() -> None:
    for name in PAIRED:
        assert pairs(name, torch.zeros(5, 0), torch.zeros(5, 0)).shape == (0,)


def test_bad_input_is_named() -> None:
    concepts, activations = data(10, 3, 0)
    raw = inspect.unwrap(pairs)
    with pytest.raises(UnknownNameError, match=r"There is no metric of pairs 'aurox'\. Nearest: auroc"):
        raw("aurox", concepts, activations)
    with pytest.raises(UnknownNameError, match=r"There is no metric of pairs 'bleu'\."):
        raw("bleu", concepts, activations)
    with pytest.raises(ValueError, match="concepts have 3 pairs, activations have 2"):
        raw("f1", concepts, activations[:, :2])
    with pytest.raises(ValueError, match="concepts have 10 images, activations have 9"):
        raw("f1", concepts, activations[:9])
    with pytest.raises(ValueError, match="concepts have 3 pairs, thresholds have 4"):
        raw("f1", concepts, activations, thresholds=torch.zeros(4))


def test_limits_are_finite() -> None:
    concepts, activations = data(10, 3, 0)
    with pytest.raises(NonFiniteError, match="The cuts contain NaN or infinite values"):
        pairs("f1", concepts, activations, cuts=torch.tensor([0, torch.nan, 0]))
    with pytest.raises(NonFiniteError, match="The thresholds contain NaN or infinite values"):
        pairs("f1", concepts, activations, thresholds=torch.tensor([0, torch.inf, 0]))
    with pytest.raises(ValueError, match="there are no images"):
        pairs("f1", concepts[:0], activations[:0])


def test_every_metric_of_pairs_is_declared() -> None:
    assert {name for name, metric in METRICS.items() if metric.kind not in ("text", "pixels")} == set(PAIRED)
    assert all(metric.name == name and callable(getattr(metrics, name)) for name, metric in METRICS.items())
    assert all(metric.source and metric.unit and metric.range[0] < metric.range[1] for metric in METRICS.values())
    assert set(metrics.__all__) <= set(vars(metrics))


def test_thousands_of_pairs_take_seconds() -> None:
    generator = torch.Generator().manual_seed(0)
    concepts, activations = (torch.rand(2000, 1000, generator=generator) for _ in range(2))
    start = time.process_time()
    pairs_by_name(PAIRED, concepts, activations)
    assert time.process_time() - start < 30
