"""Vectors of tokens on tiny models in the real format, one text at a time and without padding."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
import tiny_text_models
from neuronym.backends import token_vectors
from neuronym.backends.token_vectors import TokenEncoder
from neuronym.errors import UnknownNameError, UserError

CPU = torch.device("cpu")
TEXTS = tiny_text_models.TEXTS
FOLDERS = {
    "bert": tiny_text_models.bert_folder,
    "roberta": tiny_text_models.roberta_folder,
    "bart": tiny_text_models.bart_folder,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny texts")
    return {kind: make(root / kind) for kind, make in FOLDERS.items()}


@pytest.fixture
def bert(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the BERT folder to be changed."""
    return Path(shutil.copytree(folders["bert"], tmp_path / "bert"))


def vectors_of(folder: Path, text: str, layer: int) -> np.ndarray:
    """The second implementation: one text, no padding, special tokens found by their ids."""
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    network = model.encoder if model.config.is_encoder_decoder else model
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        states = network(torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0].numpy()
    kept = [row / sum(row**2) ** 0.5 for token, row in zip(ids, states, strict=True) if token not in _ends(tokenizer)]
    return np.array(kept).reshape(-1, 16)


def _ends(tokenizer) -> set[int]:  # type: ignore[no-untyped-def]
    return set(tokenizer("")["input_ids"])


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_equals_transformers_without_special_tokens(folders: dict[str, Path], kind: str, layer: int) -> None:
    encoder = token_vectors.load(f"{folders[kind]}@{layer}", CPU)
    assert isinstance(encoder, TokenEncoder)
    assert (encoder.name, encoder.layer, encoder.dim) == (f"bertscore:{folders[kind]}@{layer}", layer, 16)
    texts = ["red dog", "dogs", "a red dog", ""]
    space = "" if kind == "bert" else " "
    for text, found in zip(texts, encoder.encode(texts), strict=True):
        expected = vectors_of(folders[kind], space + text if text else text, layer)
        assert found.dtype == np.float32
        if text:
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert encoder.context == tiny_text_models.CONTEXT


def test_word_pieces_are_tokens_and_a_blank_text_has_none(folders: dict[str, Path]) -> None:
    encoder = token_vectors.load(str(folders["bert"]), CPU)
    assert [len(rows) for rows in encoder.encode(["dogs", "red", "", "  ", "zebra"])] == [2, 1, 0, 0, 1]
    assert encoder.encode([""])[0].shape == (0, 16)
    assert encoder.encode([]) == []


def test_a_word_is_one_token_wherever_it_stands(folders: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    assert len(AutoTokenizer.from_pretrained(folders["roberta"])("dog")["input_ids"]) == 3
    encoder = token_vectors.load(f"{folders['roberta']}@0", CPU)
    alone, behind = encoder.encode(["dog", "red dog"])
    assert (len(alone), len(behind)) == (1, 2)
    table = load_file(folders["roberta"] / "model.safetensors")["embeddings.word_embeddings.weight"]
    ids = AutoTokenizer.from_pretrained(folders["roberta"])(" dog")["input_ids"]
    assert len(ids) == 3
    assert len(table) > max(ids)


def test_vectors_do_not_depend_on_the_batch_or_its_order(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        encoder = token_vectors.load(str(folder), CPU)
        whole, backwards = encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])[::-1]
        for row, text in enumerate(TEXTS):
            np.testing.assert_allclose(whole[row], encoder.encode([text])[0], atol=1e-5)
            np.testing.assert_allclose(whole[row], backwards[row], atol=1e-5)
            np.testing.assert_allclose(np.linalg.norm(whole[row], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", FOLDERS)
def test_long_texts_are_cut_at_the_end(folders: dict[str, Path], kind: str) -> None:
    encoder = token_vectors.load(str(folders[kind]), CPU)
    whole, same_start = encoder.encode(["red " * 40, "red " * 20 + "dog"])
    assert len(whole) == tiny_text_models.CONTEXT - 2
    np.testing.assert_allclose(whole, same_start, atol=1e-6)


def test_a_tokenizer_without_a_limit_is_cut_to_the_positions(bert: Path, folders: dict[str, Path]) -> None:
    roberta = json.loads((folders["roberta"] / "tokenizer_config.json").read_text())
    assert roberta.get("model_max_length", 1e30) > 1e6  # transformers' way to say that it does not know
    config = json.loads((bert / "tokenizer_config.json").read_text())
    config.pop("model_max_length")
    (bert / "tokenizer_config.json").write_text(json.dumps(config))
    encoder = token_vectors.load(str(bert), CPU)
    assert encoder.context == tiny_text_models.CONTEXT
    assert len(encoder.encode(["red " * 100])[0]) == tiny_text_models.CONTEXT - 2


def test_the_last_layer_is_taken_of_models_that_are_not_known(folders: dict[str, Path]) -> None:
    assert token_vectors.load(str(folders["bert"]), CPU).layer == 3


def test_the_layer_of_a_known_model_needs_its_name_and_its_depth(tmp_path: Path) -> None:
    small = tiny_text_models.bert_folder(tmp_path / "bert-base-uncased", layers=2)
    assert token_vectors.load(str(small), CPU).layer == 2
    deep = tiny_text_models.bert_folder(tmp_path / "deep" / "bert-base-uncased", layers=12)
    assert token_vectors.load(str(deep), CPU).layer == 9
    assert token_vectors.load(f"{deep}@12", CPU).layer == 12


def test_a_folder_may_have_an_at_in_its_name(folders: dict[str, Path], tmp_path: Path) -> None:
    odd = Path(shutil.copytree(folders["bert"], tmp_path / "bert@2"))
    assert token_vectors.load(str(odd), CPU).layer == 3
    assert token_vectors.load(f"{odd}@1", CPU).layer == 1


@pytest.mark.parametrize("layer", ["4", "-1", "last", "", "²", "1" * 30])
def test_unknown_layer(folders: dict[str, Path], layer: str) -> None:
    expected = rf"bert' has no layer '{layer}'. Give a whole number from 0, .* to 3, the last, as in .*bert@3.$"
    with pytest.raises(UserError, match=expected):
        token_vectors.load(f"{folders['bert']}@{layer}", CPU)


def test_key_covers_layer_weights_and_words(folders: dict[str, Path], bert: Path) -> None:
    keys = {token_vectors.load(f"{bert}@{layer}", CPU).key for layer in (1, 2, 3)}
    assert len(keys) == 3
    assert token_vectors.load(str(folders["bert"]), CPU).key in keys
    weights = load_file(bert / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][0, 0] += 1
    save_file(weights, bert / "model.safetensors", {"format": "pt"})
    keys.add(token_vectors.load(str(bert), CPU).key)
    assert len(keys) == 4
    tokenizer = bert / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"dog"', '"hog"'), encoding="utf-8")
    keys.add(token_vectors.load(str(bert), CPU).key)
    assert len(keys) == 5


def test_a_checkpoint_without_a_pooler_has_the_same_key(folders: dict[str, Path], bert: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if not name.startswith("pooler.")},
        bert / "model.safetensors",
        {"format": "pt"},
    )
    assert token_vectors.load(str(bert), CPU).key == token_vectors.load(str(folders["bert"]), CPU).key


@pytest.mark.parametrize("kind", FOLDERS)
def test_pickled_it_is_the_same(folders: dict[str, Path], kind: str) -> None:
    encoder = token_vectors.load(f"{folders[kind]}@1", CPU)
    before = encoder.encode(["red dogs"])[0]
    again = pickle.loads(pickle.dumps(encoder))
    assert again.key == encoder.key
    for _ in range(2):  # the second time with the hooks of the first
        np.testing.assert_array_equal(again.encode(["red dogs"])[0], before)
        np.testing.assert_array_equal(encoder.encode(["red dogs"])[0], before)


def test_nothing_is_printed(folders: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    token_vectors.load(str(folders["bert"]), CPU).encode(TEXTS)
    assert capfd.readouterr() == ("", "")


def test_unknown_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownNameError, match=r"There is no folder .*none', and it is no hub id of the form owner/"):
        token_vectors.load(f"{tmp_path / 'none'}@3", CPU)
    with pytest.raises(UnknownNameError, match=r"'neuronym-tests/no-such-model' is no local folder, is not in the"):
        token_vectors.load("neuronym-tests/no-such-model@3", CPU)


@pytest.mark.parametrize("make", [tiny_models.vit_folder, tiny_models.clip_folder])
def test_models_of_images_are_refused(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    folder = make(tmp_path / "images")
    with pytest.raises(
        UserError, match=r"images' \((vit|clip)\) does not read texts alone. Choose an encoder of texts"
    ):
        token_vectors.load(str(folder), CPU)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_damaged_and_missing_files(bert: Path, name: str) -> None:
    content = (bert / name).read_bytes()
    (bert / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(
        UserError, match=r"bert' cannot be read as an encoder of texts: .* It has to hold an encoder of"
    ):
        token_vectors.load(str(bert), CPU)
    (bert / name).unlink()
    with pytest.raises(UserError, match=r"cannot be read as an encoder of texts: |comes without a vocabulary"):
        token_vectors.load(str(bert), CPU)


def test_missing_weights_are_not_filled_with_noise(bert: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.2" not in name}
    save_file(kept, bert / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"incomplete: 16 tensors are missing, the first is encoder.layer.2.attention"):
        token_vectors.load(str(bert), CPU)


def test_nan_weights(bert: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][:] = float("nan")
    save_file(weights, bert / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"bertscore:.*bert@3 gave embeddings that are zero, NaN or infinite"):
        token_vectors.load(str(bert), CPU).encode(["red"])
