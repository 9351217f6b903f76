"""Hugging Face encoders on tiny models in the real format, against transformers' own calls."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from conformance.encoder_suite import check_encoder, check_equal_keys
from neuronym.backends import huggingface
from neuronym.errors import UnknownNameError, UserError

CPU = torch.device("cpu")
KINDS = {
    "clip": (tiny_models.clip_folder, True, 12),
    "siglip": (tiny_models.siglip_folder, "max_length", 10),
    "siglip2": (tiny_models.siglip2_folder, "max_length", 10),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny models")
    return {kind: make(root / kind) for kind, (make, _, _) in KINDS.items()}


@pytest.fixture
def clip(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the CLIP folder to be changed."""
    return Path(shutil.copytree(folders["clip"], tmp_path / "clip"))


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_conforms(folders: dict[str, Path], kind: str) -> None:
    encoder = huggingface.load(str(folders[kind]), CPU)
    check_encoder(encoder, tiny_models.images(), tiny_models.TEXTS)
    check_equal_keys(
        encoder, huggingface.load(str(folders[kind]), CPU), tiny_models.images(), tiny_models.TEXTS, tolerance=0
    )


@pytest.mark.parametrize("kind", KINDS)
def test_equals_transformers(folders: dict[str, Path], kind: str) -> None:
    from transformers import AutoModel, AutoProcessor

    _, padding, length = KINDS[kind]
    model = AutoModel.from_pretrained(folders[kind])
    processor = AutoProcessor.from_pretrained(folders[kind])
    encoder = huggingface.load(str(folders[kind]), CPU)
    assert encoder.name == f"hf:{folders[kind]}"
    images, texts = tiny_models.images(), tiny_models.TEXTS
    # A SigLIP 2 processor, unlike its image processor, takes 256 patches of 16 pixels unless told.
    sizes = {"patch_size": 4, "max_num_patches": 16} if kind == "siglip2" else {}
    inputs = processor(
        text=texts, images=images, padding=padding, truncation=True, max_length=length, return_tensors="pt", **sizes
    )
    with torch.no_grad():
        output = model(**inputs)
    np.testing.assert_allclose(encoder.encode_images(images), output.image_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts), output.text_embeds.numpy(), atol=1e-5)
    assert encoder.dim == output.image_embeds.shape[1]


@pytest.mark.parametrize("kind", KINDS)
def test_long_texts_are_cut(folders: dict[str, Path], kind: str) -> None:
    encoder = huggingface.load(str(folders[kind]), CPU)
    whole, same_start, other_start = encoder.encode_texts(["red " * 40, "red " * 20 + "dog", "dog " + "red " * 40])
    np.testing.assert_allclose(whole, same_start, atol=1e-6)
    assert np.abs(whole - other_start).max() > 1e-3


def test_half_precision_files_are_computed_in_float32(clip: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(clip, dtype=torch.float16)
    model.save_pretrained(clip)
    encoder = huggingface.load(str(clip), CPU)
    with torch.no_grad():
        wide = model.float().get_text_features(
            **encoder._tokenizer(tiny_models.TEXTS, padding=True, truncation=True, max_length=12, return_tensors="pt")
        )
    expected = torch.nn.functional.normalize(wide.pooler_output, dim=1)
    np.testing.assert_allclose(encoder.encode_texts(tiny_models.TEXTS), expected.numpy(), atol=1e-6)


def flip_one_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["visual_projection.weight"][0, 0] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def larger_resize(folder: Path) -> None:
    change_json(folder / "processor_config.json", lambda c: c["image_processor"]["size"].update(shortest_edge=20))


def other_activation(folder: Path) -> None:
    change_json(folder / "config.json", lambda c: c["text_config"].update(hidden_act="gelu"))


def fewer_merges(folder: Path) -> None:
    change_json(folder / "tokenizer.json", lambda c: c["model"]["merges"].pop())


@pytest.mark.parametrize("change", [flip_one_weight, larger_resize, other_activation, fewer_merges])
def test_key_covers_what_changes_an_embedding(clip: Path, change: Callable[[Path], None]) -> None:
    before = huggingface.load(str(clip), CPU).key
    change(clip)
    assert huggingface.load(str(clip), CPU).key != before


def test_key_does_not_depend_on_the_place_or_on_use(folders: dict[str, Path], clip: Path) -> None:
    encoder = huggingface.load(str(folders["clip"]), CPU)
    moved = huggingface.load(str(clip), CPU)
    assert moved.key == encoder.key
    # Calls leave truncation behind in the tokenizer; saved and loaded again it is the same encoder.
    moved.encode_texts(tiny_models.TEXTS)
    moved._tokenizer.save_pretrained(clip)
    assert huggingface.load(str(clip), CPU).key == encoder.key


def test_home_folder_is_expanded(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folders["clip"].parent))
    monkeypatch.setenv("USERPROFILE", str(folders["clip"].parent))
    assert huggingface.load("~/clip", CPU).dim == 8


def test_unknown_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no folder .*none.*, and it is no hub id of the form owner/"):
        huggingface.load(str(tmp_path / "none"), CPU)


def test_unknown_hub_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    expected = "'neuronym-tests/no-such-model' is no local folder, is not in the cache, .* or give a local folder"
    with pytest.raises(UnknownNameError, match=expected):
        huggingface.load("neuronym-tests/no-such-model", CPU)


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read as a Hugging Face model: .* as save_pretrained writes them"):
        huggingface.load(str(tmp_path), CPU)


def test_not_an_encoder(tmp_path: Path) -> None:
    folder = tiny_models.vit_folder(tmp_path / "vit")
    with pytest.raises(UserError, match=r"\(vit\) does not embed images and texts in one space. Choose a CLIP or"):
        huggingface.load(str(folder), CPU)


def test_damaged_weights(clip: Path) -> None:
    content = (clip / "model.safetensors").read_bytes()
    (clip / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="cannot be read as a Hugging Face model"):
        huggingface.load(str(clip), CPU)


def test_missing_weights_are_not_filled_with_noise(clip: Path) -> None:
    weights = load_file(clip / "model.safetensors")
    image_side = {name: value for name, value in weights.items() if "text" not in name}
    save_file(image_side, clip / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"incomplete: 3\d tensors are missing, the first is text_model"):
        huggingface.load(str(clip), CPU)


def test_weights_of_another_size(clip: Path) -> None:
    change_json(clip / "config.json", lambda c: c.update(projection_dim=9))
    with pytest.raises(UserError, match="cannot be read as a Hugging Face model"):
        huggingface.load(str(clip), CPU)


def test_nan_weights(clip: Path) -> None:
    weights = load_file(clip / "model.safetensors")
    weights["text_projection.weight"][0, 0] = float("nan")
    save_file(weights, clip / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"gave embeddings that are zero, NaN or infinite. Its weights are damaged"):
        huggingface.load(str(clip), CPU)


def test_no_tokenizer(clip: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (clip / name).unlink()
    with pytest.raises(UserError, match=r"comes without a vocabulary for its tokenizer. Add the files"):
        huggingface.load(str(clip), CPU)


def test_no_image_settings(clip: Path) -> None:
    (clip / "processor_config.json").unlink()
    with pytest.raises(UserError, match=r"cannot be read as|without a tokenizer or without image settings"):
        huggingface.load(str(clip), CPU)


def test_wrong_end_token(tmp_path: Path) -> None:
    folder = tiny_models.clip_folder(tmp_path / "clip", eos_token_id=49407)
    with pytest.raises(UserError, match="every text the same embedding: its config says that token 49407 ends a text"):
        huggingface.load(str(folder), CPU)
