from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from neuronym.errors import TargetError, UnknownNameError
from neuronym.targets.layers import discover, select
from neuronym.targets.target import TokenInfo
from neuronym.targets.timm import _preprocessing, load


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet18", "mobilenetv3_small_050", "beit_base_patch16_224"])
def test_preprocessing_is_timms(name: str) -> None:
    target = load(name, "random")
    config = timm.data.resolve_model_data_config(target.model)
    theirs = timm.data.create_transform(**config)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (281, 190, 3), dtype=np.uint8))
    torch.testing.assert_close(target.preprocessing.apply(image), theirs(image), rtol=0, atol=1e-6)


def test_squash_is_timms() -> None:
    config = {"input_size": (3, 96, 64), "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "bicubic"}
    config |= {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 131, 3), dtype=np.uint8))
    theirs = timm.data.create_transform(**config)
    torch.testing.assert_close(_preprocessing("x", config).apply(image), theirs(image), rtol=0, atol=1e-6)
    for other in ({"crop_mode": "border"}, {"crop_mode": "center"}):
        with pytest.raises(TargetError, match=r"crops an input of 96x64 in the mode .*, which is not supported"):
            _preprocessing("x", config | other)
    with pytest.raises(TargetError, match="resizes with 'random'"):
        _preprocessing("x", config | {"interpolation": "random"})


def test_tokens_and_layouts() -> None:
    assert load("vit_tiny_patch16_224", "random").token_info == TokenInfo(1, (14, 14))
    assert load("vit_small_patch14_reg4_dinov2", "random").token_info == TokenInfo(5, (37, 37))
    assert load("resnet18", "random").token_info is None
    swin = load("swin_tiny_patch4_window7_224", "random")
    assert (swin.token_info, swin.channels_last_maps) == (None, True)
    found = {layer.path: layer for layer in discover(swin, torch.zeros(2, 3, 224, 224))}
    assert (found["layers.1"].layout, found["layers.1"].units, found["layers.1"].map_size) == ("nhwc", 192, (28, 28))


def test_files_and_seeds(tmp_path: Path) -> None:
    save_file(timm.create_model("resnet18", num_classes=4).state_dict(), tmp_path / "four.safetensors")
    target = load("resnet18", str(tmp_path / "four.safetensors"))
    assert target.forward(torch.zeros(1, 3, 64, 64)).shape == (1, 4)  # type: ignore[attr-defined]
    assert load("resnet18", "random").weights_hash == load("resnet18", "random").weights_hash


def test_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match=r"no timm model 'resnet19'\. Nearest: .*resnet18"):
        load("resnet19", "random")
    with pytest.raises(UnknownNameError, match="no set of weights for timm:resnet18 'nonsense'"):
        load("resnet18", "nonsense")
    with pytest.raises(UnknownNameError, match=r"no set of weights for timm:resnet18 'a1_in2k'.*Nearest: a1_in1k"):
        load("resnet18.a1_in2k", "random")
    with pytest.raises(TargetError, match=r"timm:resnet18 needs weights: pretrained, a tag \(.*a1_in1k.*\), the path"):
        load("resnet18", None)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(TargetError, match=r"need the timm package; pip install 'neuronym\[timm\]'"):
        load("resnet18", "random")


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        TargetError, match=r"published weights of timm:resnet18\.a1_in1k could not be had .*give its path"
    ):
        load("resnet18", "a1_in1k")


@pytest.mark.parametrize(
    ("name", "prefix", "grid"), [("test_vit", 1, (10, 10)), ("swin_tiny_patch4_window7_224", 0, None)]
)
def test_a_dynamic_image_size_still_gives_a_sequence_of_tokens(
    name: str, prefix: int, grid: tuple[int, int] | None
) -> None:
    target = load(name, "random")
    assert (target.token_info is None) == (grid is None)
    if target.token_info is not None:
        assert (target.token_info.prefix_tokens, target.token_info.grid) == (prefix, grid)
        (layer,) = select(target, ["blocks.1.mlp.fc1"], tokens="grid")
        assert layer.map_size == grid
