"""Sentence encoders on tiny models in the real format, against transformers' own network and plain loops."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_text_models
from neuronym.backends import sentences
from neuronym.backends.sentences import SentenceEncoder
from neuronym.errors import UnknownNameError, UserError

CPU = torch.device("cpu")
TEXTS = tiny_text_models.TEXTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text_models.sentence_folder(tmp_path_factory.mktemp("tiny sentences") / "tiny")


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "changed"))


def mean_of_tokens(folder: Path, text: str) -> np.ndarray:
    """The second implementation: the network of transformers, and a loop over the tokens of one text."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, truncation=True, max_length=tiny_text_models.CONTEXT, return_tensors="pt")
    with torch.no_grad():
        vectors = AutoModel.from_pretrained(folder)(**inputs).last_hidden_state[0].numpy()
    total = np.zeros(vectors.shape[1])
    for vector in vectors:
        total += vector
    length = sum(float(value) ** 2 for value in total) ** 0.5
    return np.asarray(total / length)


def test_rows_are_means_of_tokens_of_length_one(folder: Path) -> None:
    encoder = sentences.load(str(folder), CPU)
    assert isinstance(encoder, SentenceEncoder)
    assert (encoder.name, encoder.dim, encoder.context) == (f"sentence:{folder}", 16, 12)
    rows = encoder.encode(TEXTS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [mean_of_tokens(folder, text) for text in TEXTS], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_rows_do_not_depend_on_the_batch_or_its_order(folder: Path) -> None:
    encoder = sentences.load(str(folder), CPU)
    whole = encoder.encode(TEXTS)
    np.testing.assert_array_equal(whole, encoder.encode(tuple(TEXTS)))
    np.testing.assert_allclose(whole, np.concatenate([encoder.encode([text]) for text in TEXTS]), atol=1e-5)
    np.testing.assert_allclose(whole, encoder.encode(TEXTS[::-1])[::-1], atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)


def test_any_text_is_encoded_and_long_ones_are_cut(folder: Path) -> None:
    encoder = sentences.load(str(folder), CPU)
    assert encoder.encode(["", "  ", "naïve café", "赤い", "[SEP] red\n"]).shape == (5, 16)
    whole, same_start, other_start = encoder.encode(["red " * 40, "red " * 20 + "dog", "dog " + "red " * 40])
    np.testing.assert_allclose(whole, same_start, atol=1e-6)
    assert np.abs(whole - other_start).max() > 1e-3


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    capfd.readouterr()
    sentences.load(str(folder), CPU).encode(TEXTS)
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()


def test_pickled_it_is_the_same(folder: Path) -> None:
    encoder = sentences.load(str(folder), CPU)
    again = pickle.loads(pickle.dumps(encoder))
    assert again.key == encoder.key
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


def test_half_precision_files_are_computed_in_float32(changed: Path) -> None:
    weights = {name: tensor.half() for name, tensor in load_file(changed / "model.safetensors").items()}
    save_file(weights, changed / "model.safetensors", {"format": "pt"})
    encoder = sentences.load(str(changed), CPU)
    assert {parameter.dtype for parameter in encoder._model.parameters()} == {torch.float32}
    assert np.isfinite(encoder.encode(TEXTS)).all()


def test_key_does_not_depend_on_the_place_or_on_use(folder: Path, changed: Path) -> None:
    encoder = sentences.load(str(folder), CPU)
    encoder.encode(TEXTS)
    assert sentences.load(str(changed), CPU).key == encoder.key


def flip_one_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.weight"][0, 0] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def other_pooling(folder: Path) -> None:
    change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")


def shorter(folder: Path) -> None:
    change_json(folder / "tokenizer_config.json", model_max_length=6)


def other_word(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"dog"', '"hog"'), encoding="utf-8")


def a_prompt(folder: Path) -> None:
    change_json(folder / "config_sentence_transformers.json", prompts={"of": "a red "}, default_prompt_name="of")


@pytest.mark.parametrize("change", [flip_one_weight, other_pooling, shorter, other_word, a_prompt])
def test_key_covers_what_changes_an_embedding(folder: Path, changed: Path, change) -> None:  # type: ignore[no-untyped-def]
    before = sentences.load(str(folder), CPU)
    change(changed)
    after = sentences.load(str(changed), CPU)
    assert after.key != before.key
    texts = ["dog and cat " * 4]
    assert np.abs(before.encode(texts) - after.encode(texts)).max() > 1e-4


def test_a_prompt_of_the_model_is_put_before_every_text(folder: Path, changed: Path) -> None:
    a_prompt(changed)
    np.testing.assert_allclose(
        sentences.load(str(changed), CPU).encode(["dog"]),
        sentences.load(str(folder), CPU).encode(["a red dog"]),
        atol=1e-5,
    )


def test_a_checkpoint_without_a_pooler_has_one_key(changed: Path) -> None:
    weights = load_file(changed / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    assert len(kept) == len(weights) - 2
    save_file(kept, changed / "model.safetensors", {"format": "pt"})
    assert sentences.load(str(changed), CPU).key == sentences.load(str(changed), CPU).key


def test_word_vectors(tmp_path: Path) -> None:
    folder = tiny_text_models.word_vectors_folder(tmp_path / "words")
    encoder = sentences.load(str(folder), CPU)
    table = load_file(folder / "model.safetensors")["embedding.weight"].numpy()
    expected = table[0] + table[5]  # red, dog
    np.testing.assert_allclose(encoder.encode(["red dog"])[0], expected / np.linalg.norm(expected), atol=1e-5)
    assert encoder.context is None
    assert encoder.key == sentences.load(str(folder), CPU).key
    with pytest.raises(
        UserError, match=r"^The encoder sentence:.*words reads nothing in the text '  ' and gives it no"
    ):
        encoder.encode(["red", "  "])


def test_missing_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        UserError, match=r"needs the package sentence-transformers.*`pip install 'neuronym\[sentences\]'`"
    ):
        sentences.load(str(folder), CPU)


def test_unknown_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no folder .*none.*, and it is no hub id of the form owner/"):
        sentences.load(str(tmp_path / "none"), CPU)


@pytest.mark.parametrize("name", ["neuronym-tests/no-such-model", "no-such-model"])
def test_unknown_hub_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        UnknownNameError, match=r"no-such-model' is no local folder, is not in the cache, .* local folder"
    ):
        sentences.load(name, CPU)


def test_a_plain_transformer_is_no_sentence_encoder(tmp_path: Path) -> None:
    folder = tiny_text_models.bert_folder(tmp_path / "bert")
    with pytest.raises(
        UserError, match=r"bert' is no sentence encoder: it has no modules.json, .*/all-mpnet-base-v2.$"
    ):
        sentences.load(str(folder), CPU)


def test_foreign_code_is_not_run(changed: Path) -> None:
    (changed / "mine.py").write_text("raise SystemExit('run')\n")
    modules = json.loads((changed / "modules.json").read_text())
    modules[1]["type"] = "mine.Pooling"
    (changed / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UserError, match=r"cannot be read as a sentence encoder: .*mine.Pooling"):
        sentences.load(str(changed), CPU)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "1_Pooling/config.json", "tokenizer.json"])
def test_missing_files(changed: Path, name: str) -> None:
    (changed / name).unlink()
    expected = r"changed' (cannot be read as a sentence encoder: .*|comes without a vocabulary .*)\.$"
    with pytest.raises(UserError, match=expected) as raised:
        sentences.load(str(changed), CPU)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "modules.json", "tokenizer.json"])
def test_damaged_files(changed: Path, name: str) -> None:
    content = (changed / name).read_bytes()
    (changed / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"changed' cannot be read as a sentence encoder: .* It has to hold a model as"):
        sentences.load(str(changed), CPU)


def test_missing_weights_are_not_filled_with_noise(changed: Path) -> None:
    weights = load_file(changed / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.2" not in name}
    save_file(kept, changed / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"incomplete: 16 tensors are missing, the first is encoder.layer.2.attention"):
        sentences.load(str(changed), CPU)


def test_nan_weights(changed: Path) -> None:
    weights = load_file(changed / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][:] = float("nan")
    save_file(weights, changed / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"gave embeddings that are zero, NaN or infinite. Its weights are damaged"):
        sentences.load(str(changed), CPU).encode(["red"])
