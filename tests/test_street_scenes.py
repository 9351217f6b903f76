"""Network Dissection on real street scenes: a documented command runs, and a dense computation in PyTorch agrees."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models import squeezenet1_0

from neuronym.records import MaskRule, unpacked
from neuronym.study import Study
from program import neuronym

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "network-dissection.md"
LAYER, SIDE, CLASSES = "features.12", 227, 11

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the networks and images of ../shared/data are not here"),
]


def command(model: str) -> list[str]:
    """The words of the page's command for a model, without the program's name."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    return shlex.split(
        next(line for line in text.splitlines() if line.startswith(f"neuronym explain --model {model}"))
    )[1:]


def explained(model: str, folder: Path, *more: str) -> Study:
    """The study that the page's command makes, of fewer images."""
    there = [word.replace("$D", str(DATA)).replace("studies/", f"{folder}/") for word in command(model)]
    assert LAYER in there[there.index("--layers") + 1].split(",")
    there[there.index("--layers") + 1] = LAYER
    ran = neuronym(*there, *more, cwd=ROOT)
    assert ran.code == 0, ran.err
    assert "detectors: units that a concept describes" in ran.out
    return Study.open(there[there.index("--out") + 1])


class Dense:
    """The same without Neuronym: all maps in memory, upsampled by torch, compared with boolean label images."""

    def __init__(self, study: Study) -> None:
        with np.load(DATA / "camvid" / "camvid_train.npz") as file:
            self._images, self._labels = file["images"], file["masks"]
            self.names = [str(name) for name in file["class_names"][:CLASSES]]
        model = squeezenet1_0(weights=None)
        model.load_state_dict(load_file(DATA / "squeezenet1_0_imagenet.safetensors"))
        self._model = model.eval().features[:13]
        self.members = [int(image.member) for image in study.images if image.split == "explain"]
        with torch.no_grad():
            self.maps = torch.cat([self._model(self._input(member)[None]) for member in self.members]).double()

    def _input(self, member: int) -> torch.Tensor:
        width = int(160 * SIDE / 120)
        left = round((width - SIDE) / 2)
        image = Image.fromarray(self._images[member]).resize((width, SIDE), Image.Resampling.BICUBIC)
        pixels = np.array(image)[:, left : left + SIDE].astype(np.float32) - np.float32([123, 117, 104])
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())

    def labels(self) -> npt.NDArray[np.uint8]:
        """What of the label images the network sees, [images, 120, 120]."""
        width = int(160 * SIDE / 120)
        left = round((width - SIDE) / 2)
        columns = [int(((column + 0.5) * SIDE / 120 + left) * 160 / width) for column in range(120)]
        found: npt.NDArray[np.uint8] = self._labels[self.members][:, :, columns]
        return found

    def active(self, thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Bool [images, units, 120, 120]."""
        above = torch.from_numpy(thresholds)[None, :, None, None]
        parts = [
            torch.nn.functional.interpolate(some, size=(120, 120), mode="bilinear", align_corners=False) > above
            for some in self.maps.split(4)
        ]
        return torch.cat(parts).numpy()


def overlap(units: npt.NDArray[np.bool_], labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """IoU [units, classes]."""
    flat = units.transpose(1, 0, 2, 3).reshape(units.shape[1], -1)
    found = np.zeros((len(flat), CLASSES))
    for number in range(CLASSES):
        shown = (labels == number).ravel()
        both = flat[:, shown].sum(1)
        found[:, number] = both / np.maximum(1, flat.sum(1) + shown.sum() - both)
    return found


def test_a_dense_computation_finds_the_same_masks_and_the_same_iou(tmp_path: Path) -> None:
    study = explained("torchvision:squeezenet1_0", tmp_path, "--limit", "48")
    dense, view = Dense(study), study.view(LAYER)
    assert view.annotated is not None
    assert view.annotated.grid == (120, 120)
    exact = dense.maps.permute(1, 0, 2, 3).flatten(1).quantile(0.995, dim=1).numpy()
    stored = view.mask_thresholds(MaskRule())
    alive = exact > 0
    assert np.median(np.abs(stored - exact)[alive] / exact[alive]) < 0.01  # the histogram's rank error is 1e-3 or less

    units = dense.active(stored)  # the same thresholds, so that only masks and counting are compared
    images = np.arange(len(dense.members))
    masks = view.unit_masks(MaskRule(), "explain")
    for block in masks.blocks(8):
        differ = unpacked(masks.rows(block), (120, 120)) != units[block]
        assert differ.mean() < 1e-6  # activations in batches of another size differ in their last bits
    concepts, labels = view.concept_masks("explain").rows(images), dense.labels()
    names = [concept.name for concept in view.annotated.concepts]
    for image in images:
        numbers, words = concepts.of(int(image))
        shown = dict(zip((names[number] for number in numbers), unpacked(words, (120, 120)), strict=True))
        for number, name in enumerate(dense.names):
            expected = labels[image] == number
            assert np.array_equal(shown.get(name, np.zeros_like(expected)), expected)

    table = overlap(units, labels)
    said: list[dict[str, Any]] = study.table(LAYER).to_pylist()
    described = {row["unit"]: row for row in said if row["state"] == "described"}
    assert set(described) == {int(unit) for unit in np.flatnonzero(table.max(1) > 0.04)}
    assert len(described) > 5
    for unit, row in described.items():
        assert row["description"] == dense.names[int(table[unit].argmax())]
        assert row["score"] == pytest.approx(table[unit].max(), abs=1e-5)


def test_the_network_of_scenes_runs_and_is_judged_where_it_did_not_look(tmp_path: Path) -> None:
    study = explained("examples.squeezenet_places:squeezenet_places", tmp_path, "--limit", "48")
    ran = neuronym("evaluate", study.folder, cwd=ROOT)
    assert ran.code == 0, ran.err
    assert "judged by annotations" in ran.out
    assert "mask IoU" in ran.out
