from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextImageProcessor,
    EfficientNetImageProcessor,
    MobileViTImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTModel,
)

from neuronym.errors import TargetError
from neuronym.targets.hooks import recording
from neuronym.targets.huggingface import load
from neuronym.targets.layers import select
from neuronym.targets.target import TokenInfo

VIT = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}


def make(folder: Path, kind: str) -> str:
    torch.manual_seed(7)  # not the seed of random weights
    if kind == "vit":
        config = ViTConfig(**VIT, id2label={0: "cat", 1: "dog", 2: "cow"}, label2id={"cat": 0, "dog": 1, "cow": 2})
        model, processor = ViTForImageClassification(config), ViTImageProcessor(size={"height": 32, "width": 32})
    elif kind == "convnext":
        model = ConvNextForImageClassification(ConvNextConfig(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1]))
        processor = ConvNextImageProcessor(size={"shortest_edge": 64})
    elif kind == "convnext384":
        model = ConvNextForImageClassification(ConvNextConfig(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1]))
        processor = ConvNextImageProcessor(size={"shortest_edge": 384})
    elif kind == "resnet":
        model = ResNetForImageClassification(ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1]))
        processor = ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.9)
    else:
        text = {
            "vocab_size": 30,
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
        }
        text |= {"bos_token_id": 0, "eos_token_id": 3, "pad_token_id": 1}
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=VIT, projection_dim=8))
        processor = CLIPImageProcessor(size={"shortest_edge": 33}, crop_size={"height": 32, "width": 32})
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["vit", "convnext", "convnext384", "resnet", "clip"])
def test_preprocessing_is_the_processors(tmp_path: Path, kind: str) -> None:
    target = load(make(tmp_path, kind), None)
    pillow = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    default = AutoImageProcessor.from_pretrained(tmp_path)
    for height, width in ((70, 97), (97, 70), (81, 81), (40, 131)):
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
        ours = target.preprocessing.apply(image)
        theirs = pillow(images=image, return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
        # torchvision resamples bytes in its own fixed point: a grey level or two.
        theirs = default(images=image, return_tensors="pt")["pixel_values"][0]
        unit = torch.tensor(target.preprocessing.std).view(3, 1, 1)
        assert ((ours - theirs) * unit * 255).abs().max() < 2.5


@torch.inference_mode()
def test_vit(tmp_path: Path) -> None:
    target = load(make(tmp_path, "vit"), None)
    assert target.token_info == TokenInfo(1, (4, 4))
    assert target.class_names == ("cat", "dog", "cow")
    assert target.weights == "checkpoint"
    assert target.name == f"hf:{tmp_path}"
    batch = torch.rand(2, 3, 32, 32)
    hidden = target.model(batch, output_hidden_states=True).hidden_states[1]
    paths = [path for path, module in target.model.named_modules() if type(module).__name__ == "ViTLayer"]
    kept = []
    for policy in ("cls", "mean", "max", "grid"):
        layers = select(target, [paths[0]], tokens=policy)  # type: ignore[arg-type]
        with recording(target, layers, lambda _, activations: kept.append(activations.clone())) as run:
            run(batch)
    expected = [hidden[:, 0], hidden[:, 1:].mean(1), hidden[:, 1:].amax(1), hidden[:, 1:].mT.reshape(2, 16, 4, 4)]
    for ours, theirs in zip(kept, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.inference_mode()
def test_clip_gives_its_vision_tower(tmp_path: Path) -> None:
    target = load(make(tmp_path, "clip"), None)
    assert target.token_info == TokenInfo(1, (4, 4))
    assert target.class_names is None
    batch = torch.rand(2, 3, 32, 32)
    whole = CLIPModel.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(target.forward(batch).pooler_output, whole.vision_model(batch).pooler_output)  # type: ignore[attr-defined]
    [layer] = select(target, ["encoder.layers.0.mlp.fc1:after"], tokens="mean")
    assert (layer.units, layer.activation) == (24, "quick_gelu")
    kept = {}
    with recording(
        target, [layer, *select(target, ["encoder.layers.0.mlp.fc1"], tokens="grid")], kept.__setitem__
    ) as run:
        run(batch)
    raw = kept[1].flatten(2)
    torch.testing.assert_close(kept[0], (raw / (1 + torch.exp(-1.702 * raw))).mean(2))


def test_resnet_layers(tmp_path: Path) -> None:
    target = load(make(tmp_path, "resnet"), "DEFAULT")
    assert target.weights == "checkpoint"
    assert target.class_names is None  # LABEL_0, LABEL_1 are no names
    [layer] = select(target, ["resnet.encoder"])
    assert (layer.output, layer.layout) == ("['last_hidden_state']", "nchw")


def test_weights_of_another_file_and_random(tmp_path: Path) -> None:
    folder = make(tmp_path / "model", "vit")
    random = load(folder, "random")
    assert random.weights_hash == load(folder, "random").weights_hash != load(folder, None).weights_hash
    torch.save(random.model.state_dict(), tmp_path / "other.pt")
    assert load(folder, str(tmp_path / "other.pt")).weights_hash == random.weights_hash
    torch.save({"a": torch.zeros(1)}, tmp_path / "bad.pt")
    with pytest.raises(TargetError, match=r"do not fit the model; missing: .*; not expected: a"):
        load(folder, str(tmp_path / "bad.pt"))


def test_missing_poolers_are_left_out_and_other_gaps_refused(tmp_path: Path) -> None:
    ViTModel(ViTConfig(**VIT), add_pooling_layer=False).save_pretrained(tmp_path / "a")
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path / "a")
    target = load(str(tmp_path / "a"), None)
    assert not [path for path, _ in target.model.named_modules() if "pooler" in path]
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    config["architectures"] = ["ViTForImageClassification"]
    (tmp_path / "a" / "config.json").write_text(json.dumps(config))
    with pytest.raises(TargetError, match=r"lacks weights of ViTForImageClassification, .*classifier\.bias"):
        load(str(tmp_path / "a"), None)


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(TargetError, match=r"There is no folder '\./nowhere'"):
        load("./nowhere", None)
    with pytest.raises(TargetError, match=r"hf:nobody/nothing cannot be had: .*Give a local folder"):
        load("nobody/nothing", None)
    folder = make(tmp_path / "vit", "vit")
    for name in ("preprocessor_config.json", "processor_config.json"):
        (tmp_path / "vit" / name).unlink(missing_ok=True)
    with pytest.raises(TargetError, match="has no image processor that can be read"):
        load(folder, None)
    for processor in (EfficientNetImageProcessor(include_top=True), MobileViTImageProcessor()):
        processor.save_pretrained(folder)
        with pytest.raises(
            TargetError, match=rf"\({type(processor).__name__}.*\) does more than resize, crop centrally"
        ):
            load(folder, None)
    BertModel(
        BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    ).save_pretrained(tmp_path / "bert")
    with pytest.raises(TargetError, match="is a BertModel, which has no part that takes only images"):
        load(str(tmp_path / "bert"), None)
