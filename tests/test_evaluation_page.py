"""The table of metrics in docs/evaluation.md is what the metrics say of the labels that it describes."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch

from neuronym.functional.metrics import pairs_by_name

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
IMAGES, SHOWN, UNITS = 50_000, 250, 4
METRICS = ("pearson", "auprc", "f1", "auroc", "inverse_auroc", "recall_at_k")
LABELS = ("the true one", "ten times too broad", "half of the truth", "wrong")


def table() -> dict[str, tuple[float, ...]]:
    """The page's rows: the label, and a number for each of the metrics."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Which metrics can be trusted\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    return {row[0]: tuple(map(float, row[1:])) for row in rows if re.fullmatch(r"-?[01]?\.\d\d", row[1])}


def test_the_table_of_metrics_is_true() -> None:
    generator = torch.Generator().manual_seed(0)
    orders = torch.stack([torch.randperm(IMAGES, generator=generator) for _ in range(UNITS)], 1)
    places = {
        "the true one": orders[:SHOWN],
        "ten times too broad": orders[: 10 * SHOWN],
        "half of the truth": orders[: SHOWN // 2],
        "wrong": orders[2 * SHOWN : 3 * SHOWN],
    }
    labels = {name: torch.zeros(IMAGES, UNITS, dtype=torch.bool).scatter_(0, at, True) for name, at in places.items()}
    share = SHOWN / IMAGES
    noise = torch.randn(IMAGES, UNITS, generator=generator, dtype=torch.float64)
    activations = labels["the true one"] + math.sqrt(share * (1 - share)) * noise
    shown = table()
    assert tuple(shown) == LABELS
    for name, concepts in labels.items():
        found = pairs_by_name((*METRICS, "cosy_auc"), concepts, activations, share=share, k=20)
        values = [float(found[metric].mean()) for metric in METRICS]
        assert values == pytest.approx(shown[name], abs=0.025), name
        assert float(found["cosy_auc"].mean()) == pytest.approx(shown[name][4], abs=0.025), name
