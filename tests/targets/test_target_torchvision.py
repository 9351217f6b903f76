from __future__ import annotations

import warnings
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import SqueezeNet1_1_Weights, get_model, get_model_weights

from neuronym.errors import TargetError, UnknownNameError
from neuronym.targets.target import TokenInfo
from neuronym.targets.torchvision import load


def test_random_weights_are_seeded() -> None:
    torch.manual_seed(1)
    first = load("squeezenet1_1", "random")
    torch.manual_seed(2)
    second = load("squeezenet1_1", "random")
    assert first.weights_hash == second.weights_hash
    assert (first.name, first.weights, first.class_names) == ("torchvision:squeezenet1_1", "random", None)


@pytest.mark.parametrize("name", ["resnet18", "vit_b_32", "efficientnet_b1", "swin_t"])
def test_preprocessing_is_that_of_the_weights(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (190, 301, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    theirs = get_model_weights(name).DEFAULT.transforms()(image)
    torch.testing.assert_close(load(name, "random").preprocessing.apply(image), theirs, rtol=0, atol=1e-6)


def test_published_weights_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = SqueezeNet1_1_Weights.DEFAULT
    file = tmp_path / "hub" / "checkpoints" / entry.url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    torch.save(get_model("squeezenet1_1").state_dict(), file)
    target = load("squeezenet1_1", "DEFAULT")
    assert target.class_names is not None
    assert target.class_names[0] == "tench"
    assert (
        target.weights_hash
        == load("squeezenet1_1", "IMAGENET1K_V1").weights_hash
        == load("squeezenet1_1", str(file)).weights_hash
    )


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with (
        warnings.catch_warnings(),
        pytest.raises(
            TargetError, match=r"IMAGENET1K_V1 of torchvision:squeezenet1_1 could not be had .*give its path"
        ),
    ):
        load("squeezenet1_1", "DEFAULT")


def test_files_also_with_another_number_of_classes(tmp_path: Path) -> None:
    model = get_model("resnet18", num_classes=7)
    save_file(model.state_dict(), tmp_path / "seven.safetensors")
    target = load("resnet18", str(tmp_path / "seven.safetensors"))
    assert target.forward(torch.zeros(1, 3, 64, 64)).shape == (1, 7)  # type: ignore[attr-defined]
    assert target.weights == str(tmp_path / "seven.safetensors")
    with pytest.raises(
        TargetError, match=r"do not fit the model; missing: .*; not expected: .*bn1\.num_batches_tracked"
    ):
        load("squeezenet1_1", str(tmp_path / "seven.safetensors"))


def test_errors() -> None:
    with pytest.raises(UnknownNameError, match=r"no torchvision model 'resnet19'\. Nearest: .*resnet18"):
        load("resnet19", "random")
    with pytest.raises(
        UnknownNameError, match=r"no set of weights for torchvision:resnet18 'IMAGENET1K_V9'\. Nearest: IMAGENET1K_V1"
    ):
        load("resnet18", "IMAGENET1K_V9")
    with pytest.raises(
        TargetError,
        match=r"resnet18 needs weights: a published name \(IMAGENET1K_V1, DEFAULT\), the path of a file, or random",
    ):
        load("resnet18", None)
    with pytest.raises(
        TargetError, match="was made for ObjectDetection; only classification and semantic segmentation"
    ):
        load("fasterrcnn_resnet50_fpn", "random")


def test_families() -> None:
    assert load("vit_b_32", "random").token_info == TokenInfo(1, (7, 7))
    assert load("swin_t", "random").channels_last_maps
    assert not load("resnet18", "random").channels_last_maps
    segmenter = load("lraspp_mobilenet_v3_large", "random")
    assert segmenter.preprocessing.input_size((260, 520)) == (520, 1040)
    assert load("googlenet", "random").preprocessing.crop == (224, 224)
