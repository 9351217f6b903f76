"""The recipe of ``bundled:concepts``: how it is written and loaded, and that its channels are measured rightly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuronym.recipes import bundled, classifiers, fidelity, taught
from neuronym.recipes.fidelity import FIGURES, fidelities, fidelity_of_kinds
from neuronym.targets.huggingface import load
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.taught import LAYER, NAME, taught_maps, taught_presence, taught_units
from neuronym.world.vocabulary import PATTERNS


class Says(nn.Module):
    """A network whose taught layer gives maps that are known beforehand."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = maps
        inner: nn.Module = nn.Identity()
        *outer, last = LAYER.split(".")
        for name in (last, *reversed(outer)):
            holder = nn.Module()
            holder.add_module(name, inner)
            inner = holder
        self.layer = inner.get_submodule(LAYER)
        self.add_module(LAYER.split(".")[0], inner.get_submodule(LAYER.split(".")[0]))
        self.done = 0

    def forward(self, pixel_values: Tensor) -> Tensor:
        rows = self.maps[self.done : self.done + len(pixel_values)]
        self.done += len(rows)
        shown: Tensor = self.layer(rows)
        return shown


def truth(images: int) -> Tensor:
    scenes = draw_scenes(SEEDS["test"], range(images))
    return torch.from_numpy(taught_maps(scenes, render(scenes)[1]))


def test_a_network_that_knows_is_perfect() -> None:
    rows = fidelities(Says(truth(400)), 400, 128)
    assert [(row.index, row.kind, row.text) for row in rows] == [(u.index, u.kind, u.text) for u in taught_units()]
    for row in rows:
        assert (row.map, row.iou) == (1.0, 1.0), row.text
        assert row.mean == row.mean_of_truth <= row.most, row.text
        assert row.most > 0.98, row.text  # of a perfect map; in one scene in many an object is nearly hidden


def test_the_figures_are_those_of_plain_arithmetic() -> None:
    true = truth(60).numpy()
    maps = np.maximum(0.7 * true + np.random.default_rng(1).normal(0, 0.3, true.shape), 0).astype(np.float32)
    present = taught_presence(draw_scenes(SEEDS["test"], range(60)))
    rows = fidelities(Says(torch.from_numpy(maps)), 60, 25)
    seen = [channel for channel in range(64) if present[:, channel].any()]
    assert len(seen) > 40
    for channel in seen:
        one, other, there = maps[:, channel], true[:, channel], present[:, channel]
        shown, covered = one > 0.5, other > 0.5
        wanted = {
            "share": there.mean(),
            "mean": np.corrcoef(one.mean((1, 2)), there)[0, 1],
            "most": np.corrcoef(one.max((1, 2)), there)[0, 1],
            "map": np.corrcoef(one.ravel(), other.ravel())[0, 1],
            "iou": (shown & covered).sum() / (shown | covered).sum(),
            "mean_of_truth": np.corrcoef(other.mean((1, 2)), there)[0, 1],
        }
        for figure, value in wanted.items():
            assert getattr(rows[channel], figure) == pytest.approx(value, abs=6e-5), (rows[channel].text, figure)


def test_a_channel_that_never_fires_has_figures_of_zero() -> None:
    for row in fidelities(Says(torch.zeros(40, 64, 16, 16)), 40):
        assert (row.mean, row.most, row.map, row.iou) == (0, 0, 0, 0)


def test_figures_of_kinds_are_medians_over_channels() -> None:
    rows = fidelities(Says(truth(50) ** 2), 50)
    kinds = fidelity_of_kinds(rows)
    assert {kind: figures["channels"] for kind, figures in kinds.items()} == {
        **{"all": 64, "single": 41},
        **{"and": 12, "or": 6, "and-not": 5},
    }
    for figure in FIGURES:
        ordered = sorted(getattr(row, figure) for row in rows if row.kind == "and-not")
        assert kinds["and-not"][figure] == ordered[2]


def test_the_network_is_trained_written_and_loaded_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(taught.RECIPES, NAME, replace(taught.RECIPES[NAME], images=96, batch=16))
    monkeypatch.setattr(taught, "_WEIGHED_ON", 256)
    monkeypatch.setattr(bundled, "fidelities", lambda model: fidelities(model, 96))
    monkeypatch.setattr(classifiers, "accuracy", lambda model, whole=classifiers.accuracy: whole(model, 256))
    steps: list[tuple[int, int]] = []
    folder = bundled.make(NAME, tmp_path, lambda step, count, loss: steps.append((step, count)))
    assert steps == [(step, 6) for step in range(1, 7)]
    card = json.loads((folder / bundled.CARD).read_text())
    assert card["data"].startswith("96 scenes")
    assert (card["layer"], len(card["units"])) == (LAYER, 64)
    target = load(str(folder), None)
    assert fidelity.fidelity_card(fidelities(target.model, 96))["units"] == card["units"]
    text = (folder / "README.md").read_text()
    assert text.startswith(f"# bundled:{NAME}\n")
    for row in card["units"]:
        assert f"| {row['index']} | {row['text']} | {row['share']:.1%} | {row['most']:.2f} |" in text
    again = bundled.make(NAME, tmp_path / "again")
    assert (folder / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


def test_seldom_seen_concepts_and_patterns_count_more() -> None:
    weights, shares = taught._weights().numpy(), taught_presence(draw_scenes(SEEDS["train"], range(4096))).mean(0)
    assert weights.mean() == pytest.approx(1, abs=1e-5)
    factors = weights * np.sqrt(shares) / (weights[0] * np.sqrt(shares[0]))
    names = {unit.text: factors[unit.index] for unit in taught_units()}
    patterned = [text for text in names if any(pattern in text for pattern in PATTERNS)]
    assert {"dotted object", "striped square", "(striped object or zigzag object)"} < set(patterned)
    assert len(patterned) == 12
    for text, factor in names.items():
        assert factor == pytest.approx(4 if text in patterned else 1, rel=1e-4), text
