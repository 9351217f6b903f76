"""open_clip encoders on a tiny model, against open_clip's own calls."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from conformance.encoder_suite import check_encoder, check_equal_keys
from neuronym.backends import open_clip as backend
from neuronym.errors import UnknownNameError, UserError

open_clip = pytest.importorskip("open_clip")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.open_clip_folder(tmp_path_factory.mktemp("open clip") / "tiny")


@pytest.fixture
def architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny architecture under a name of its own, as users add theirs."""
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", list(open_clip.factory._MODEL_CONFIG_PATHS))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    file = tmp_path / "tiny-for-tests.json"
    file.write_text(json.dumps(tiny_models.OPEN_CLIP_CONFIG), encoding="utf-8")
    open_clip.add_model_config(file)
    return "tiny-for-tests"


def test_conforms(folder: Path) -> None:
    encoder = backend.load(f"local-dir:{folder}", CPU)
    check_encoder(encoder, tiny_models.images(), tiny_models.TEXTS)
    again = backend.load(f"local-dir:{folder}", CPU)
    check_equal_keys(encoder, again, tiny_models.images(), tiny_models.TEXTS, tolerance=0)


def test_equals_open_clip(folder: Path) -> None:
    name = f"local-dir:{folder}"
    model, preprocess = open_clip.create_model_from_pretrained(name)
    model.eval()
    encoder = backend.load(name, CPU)
    assert encoder.name == f"open_clip:{name}"
    assert encoder.dim == 8
    with torch.no_grad():
        texts = model.encode_text(open_clip.get_tokenizer(name)(tiny_models.TEXTS), normalize=True)
        images = [model.encode_image(preprocess(image)[None], normalize=True) for image in tiny_models.images()]
    np.testing.assert_allclose(encoder.encode_texts(tiny_models.TEXTS), texts.numpy(), atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(tiny_models.images()), torch.cat(images).numpy(), atol=1e-5)


def test_long_texts_are_cut(folder: Path) -> None:
    encoder = backend.load(f"local-dir:{folder}", CPU)
    whole, same_start, other_start = encoder.encode_texts(["red " * 40, "red " * 20 + "dog", "dog " + "red " * 40])
    np.testing.assert_allclose(whole, same_start, atol=1e-6)
    assert np.abs(whole - other_start).max() > 1e-3


@pytest.mark.parametrize("absolute", [True, False])
def test_architecture_and_file(
    folder: Path, architecture: str, absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    path = folder / "open_clip_model.safetensors" if absolute else Path("tiny/open_clip_model.safetensors")
    encoder = backend.load(f"{architecture}/{path}", CPU)
    assert encoder.name == f"open_clip:tiny-for-tests/{path}"
    from_folder = backend.load(f"local-dir:{folder}", CPU)
    assert np.array_equal(encoder.encode_texts(tiny_models.TEXTS), from_folder.encode_texts(tiny_models.TEXTS))
    # The folder's own mean and deviation belong to its preprocessing; a bare file gets open_clip's.
    assert encoder.key != from_folder.key
    assert np.abs(encoder.encode_images(tiny_models.images()) - from_folder.encode_images(tiny_models.images())).max()


def test_published_weights_get_their_activation(
    folder: Path, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag that was trained with the quick GELU gets it, without the warning that open_clip gives."""
    file = str(folder / "open_clip_model.safetensors")
    tags = {"exact": {"file": file}, "quick": {"file": file, "quick_gelu": True}}
    monkeypatch.setitem(sys.modules["open_clip.pretrained"]._PRETRAINED, architecture, tags)
    exact, quick = (backend.load(f"{architecture}/{tag}", CPU) for tag in ("exact", "quick"))
    assert exact.key != quick.key
    model = open_clip.create_model(architecture, file, force_quick_gelu=True).eval()
    with torch.no_grad():
        expected = model.encode_text(open_clip.get_tokenizer(architecture)(tiny_models.TEXTS), normalize=True)
    np.testing.assert_allclose(quick.encode_texts(tiny_models.TEXTS), expected.numpy(), atol=1e-5)
    with pytest.raises(UnknownNameError, match=r"There is no tag or file of weights for tiny-for-tests, 'qick'. Near"):
        backend.load(f"{architecture}/qick", CPU)


def test_key_covers_weights_and_settings(folder: Path, tmp_path: Path) -> None:
    before = backend.load(f"local-dir:{folder}", CPU).key
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert backend.load(f"local-dir:{copy}", CPU).key == before
    config = json.loads((copy / "open_clip_config.json").read_text(encoding="utf-8"))
    config["preprocess_cfg"]["mean"][0] = 0.1
    (copy / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    other_mean = backend.load(f"local-dir:{copy}", CPU).key
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"clean": "canonicalize"}
    (copy / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    other_cleaning = backend.load(f"local-dir:{copy}", CPU).key
    weights = load_file(copy / "open_clip_model.safetensors")
    weights["text_projection"][0, 0] += 1
    save_file(weights, copy / "open_clip_model.safetensors")
    other_weight = backend.load(f"local-dir:{copy}", CPU).key
    assert len({before, other_mean, other_cleaning, other_weight}) == 4


def test_masking_of_training_is_not_used(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = json.loads((copy / "open_clip_config.json").read_text(encoding="utf-8"))
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"reduction_mask": "random"}
    (copy / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    long = ["red green blue cat dog photo square left " * 4]
    rows = backend.load(f"local-dir:{copy}", CPU).encode_texts(long)
    assert np.array_equal(rows, backend.load(f"local-dir:{folder}", CPU).encode_texts(long))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ViT-B-33/openai", "There is no open_clip model 'ViT-B-33'. Nearest: ViT-B-32"),
        ("ViT-B-32/opnai", "no tag or file of weights for ViT-B-32, 'opnai'. Nearest: openai. Give one of its tags or"),
        ("ViT-B-32", "'open_clip:ViT-B-32' names no weights. Write open_clip:ViT-B-32/TAG with a tag such as openai,"),
        ("local-dir:nowhere", "'nowhere' holds no open_clip_config.json. Give a folder with that file"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        backend.load(name, CPU)


def test_weights_of_another_architecture(folder: Path, architecture: str, tmp_path: Path) -> None:
    save_file({"some.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"cannot be loaded: .* made for this architecture"):
        backend.load(f"{architecture}/{tmp_path}/other.safetensors", CPU)


class Harmful:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_code_in_weights_is_not_run(architecture: str, tmp_path: Path) -> None:
    torch.save({"weight": Harmful(tmp_path / "harm")}, tmp_path / "harmful.pt")
    with pytest.raises(UserError, match="check that its weights are safetensors or plain tensors"):
        backend.load(f"{architecture}/{tmp_path}/harmful.pt", CPU)
    assert not (tmp_path / "harm").exists()


def test_folder_without_weights(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "open_clip_config.json", tmp_path)
    with pytest.raises(UserError, match="cannot be loaded"):
        backend.load(f"local-dir:{tmp_path}", CPU)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(UserError, match=r"not installed. Install it with `pip install 'neuronym\[open-clip\]'`"):
        backend.load("ViT-B-32/openai", CPU)
