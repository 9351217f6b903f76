"""Local language models on a tiny model in the real format, against a plain loop over transformers' own network."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_chat_model
import tiny_text_models
from conformance.language_model_suite import check_language_model
from neuronym import plugins
from neuronym.backends import Message, Sampling, huggingface_chat
from neuronym.backends.huggingface_chat import HuggingFaceChat
from neuronym.errors import LanguageModelError, UnknownNameError, UserError

CPU = torch.device("cpu")
ASKED = [Message("system", "a dog is red"), Message("user", "what is a zebra ?")]
PROMPT = "<system> a dog is red <end> <user> what is a zebra ? <end> <assistant>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chat_model.chat_folder(tmp_path_factory.mktemp("tiny chat") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> HuggingFaceChat:
    return huggingface_chat.load(str(folder), CPU)


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "changed"))


def says(text: str) -> str:
    return f"^{re.escape(text)}$"


def greedy(folder: Path, prompt: str, count: int) -> str:
    """The second implementation: the whole text goes through the network for every token of the reply."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder)
    tokens = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    written: list[int] = []
    while len(written) < count and (not written or written[-1] != 1):
        with torch.no_grad():
            logits = network(torch.tensor([tokens + written])).logits[0, -1].numpy()
        written.append(max(range(len(logits)), key=lambda at: logits[at]))
    return str(tokenizer.decode(written, skip_special_tokens=True)).strip()


def test_conforms(model: HuggingFaceChat) -> None:
    check_language_model(model)


def test_the_likeliest_reply_is_that_of_a_plain_loop(folder: Path, model: HuggingFaceChat) -> None:
    found = model.reply(ASKED, Sampling(max_tokens=20))
    assert found.text == greedy(folder, PROMPT, 20)
    assert found.text
    assert found.prompt_tokens == model.count_tokens(ASKED) == len(PROMPT.split())
    assert model.reply(ASKED, Sampling(seed=5, max_tokens=20)) == found


def test_a_reply_is_cut_off_or_finished(model: HuggingFaceChat) -> None:
    replies = [model.reply(ASKED, Sampling(seed, 1.5, 30)) for seed in range(8)]
    assert {reply.finished for reply in replies} == {True, False}
    for reply in replies:
        assert reply.finished or reply.reply_tokens == 30
    short = model.reply(ASKED, Sampling(max_tokens=1))
    assert (short.finished, short.reply_tokens) == (False, 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_drawn_from_the_softmax(temperature: float) -> None:
    logits = [2.0, 1.0, 0.0, -1.0, float("-inf")]
    weights = [np.exp(logit / temperature) for logit in logits]
    draws = huggingface_chat._Draws("x", Sampling(1, temperature))
    count = 20_000
    drawn = Counter(draws(torch.zeros(1, 1), torch.tensor([logits] * count)).argmax(1).tolist())
    for token, weight in enumerate(weights):
        share = weight / sum(weights)
        assert drawn[token] / count == pytest.approx(share, abs=4 * (share * (1 - share) / count) ** 0.5 + 1e-9)


def test_settings_of_generation_that_come_with_a_model_are_not_used(folder: Path, changed: Path) -> None:
    path = changed / "generation_config.json"
    settings = {"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "min_new_tokens": 9, "top_k": 2}
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    other = huggingface_chat.load(str(changed), CPU)
    before = huggingface_chat.load(str(folder), CPU)
    for sampling in (Sampling(max_tokens=20), Sampling(3, 1.0, 20)):
        assert other.reply(ASKED, sampling) == before.reply(ASKED, sampling)
    assert other.key == before.key


def test_any_end_token_that_is_named_ends_a_reply(model: HuggingFaceChat, changed: Path) -> None:
    words = model.reply(ASKED, Sampling(max_tokens=20)).text.split()
    path = changed / "generation_config.json"
    end = (tiny_chat_model.SPECIAL + tiny_chat_model.WORDS).index(words[1])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": [1, end]}))
    other = huggingface_chat.load(str(changed), CPU)
    found = other.reply(ASKED, Sampling(max_tokens=20))
    assert found.finished
    assert found.text.split() == [*words[: words.index(words[1])], words[1]]
    assert other.key != model.key


def test_without_a_template_the_text_is_the_prompt(folder: Path, tmp_path: Path, model: HuggingFaceChat) -> None:
    plain = tiny_chat_model.chat_folder(tmp_path / "plain", template=None)
    bare = huggingface_chat.load(str(plain), CPU)
    assert bare.count_tokens(ASKED) == 1 + 4 + 5  # <start> and the words
    expected = greedy(plain, "<start> a dog is red\n\nwhat is a zebra ?", 9)
    assert bare.reply(ASKED, Sampling(max_tokens=9)).text == expected
    assert bare.key != model.key


def test_a_template_is_told_no_date_of_today_and_no_thinking(tmp_path: Path) -> None:
    dated = (
        "{%- macro inner() %} {{ strftime_now('%d') }}{% endmacro %}{% set now = strftime_now('%Y') -%}\n"
        "{{ now }}{{ inner() }} {% if enable_thinking is defined and enable_thinking is false %}red {% endif %}green"
    )
    made = huggingface_chat.load(str(tiny_chat_model.chat_folder(tmp_path / "dated", template=dated)), CPU)
    assert made._rendered(ASKED) == "2025-01-01 2025-01-01 red green"


def test_messages_that_a_template_refuses(tmp_path: Path) -> None:
    strict = "{{ raise_exception('System role not supported') }}"
    made = huggingface_chat.load(str(tiny_chat_model.chat_folder(tmp_path / "strict", template=strict)), CPU)
    text = (
        f"The chat template of hf:{tmp_path / 'strict'} refuses the messages (system, user): System role not "
        "supported. Choose another model."
    )
    for use in (lambda: made.reply(ASKED, Sampling()), lambda: made.count_tokens(ASKED)):
        with pytest.raises(LanguageModelError, match=says(text)):
            use()


def test_the_context_is_kept_to(folder: Path, model: HuggingFaceChat) -> None:
    assert model.context == tiny_chat_model.CONTEXT
    # 3 tokens are the template's.
    filled = [Message("user", "red " * (model.context - 3 - 4))]
    found = model.reply(filled, Sampling(max_tokens=50))
    assert found.reply_tokens <= 4
    assert not found.finished or found.reply_tokens < 4
    text = (
        f"The messages are 64 tokens, and hf:{folder} reads and writes 64 together. Shorten them, or choose a model "
        "with a longer context."
    )
    with pytest.raises(LanguageModelError, match=says(text)):
        model.reply([Message("user", "red " * (model.context - 3))], Sampling())


def flip_one_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"][0, 0] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def other_word(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"dog"', '"hog"'))


def other_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text(tiny_chat_model.TEMPLATE.replace("<end>", "<user>"))


@pytest.mark.parametrize("change", [flip_one_weight, other_word, other_template])
def test_key_covers_what_changes_a_reply(model: HuggingFaceChat, changed: Path, change: Callable[[Path], None]) -> None:
    assert huggingface_chat.load(str(changed), CPU).key == model.key
    change(changed)
    assert huggingface_chat.load(str(changed), CPU).key != model.key


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    huggingface_chat.load(str(folder), CPU).reply(ASKED, Sampling(0, 1.0, 5))
    assert capfd.readouterr() == ("", "")


def test_by_its_name(folder: Path, model: HuggingFaceChat) -> None:
    for name in (f"hf:{folder}", str(folder)):
        made: Any = plugins.language_model(name, CPU)
        assert (made.name, made.key, made.parallel) == (f"hf:{folder}", model.key, 1)


def test_unknown_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownNameError, match=r"There is no folder .*none.*, and it is no hub id of the form owner/"):
        huggingface_chat.load(str(tmp_path / "none"), CPU)
    with pytest.raises(UnknownNameError, match=r"'neuronym-tests/none' is no local folder, is not in the cache, "):
        huggingface_chat.load("neuronym-tests/none", CPU)


def test_models_that_do_not_continue_texts(tmp_path: Path) -> None:
    from transformers import BertConfig, ViTConfig

    for name, config in (
        ("bert", BertConfig(architectures=["BertForMaskedLM"])),
        ("vit", ViTConfig()),
    ):
        config.save_pretrained(tmp_path / name)
        text = (
            f"The model {str(tmp_path / name)!r} ({name}) does not continue texts. Choose a causal language model, for "
            "example hf:Qwen/Qwen3-4B."
        )
        with pytest.raises(LanguageModelError, match=says(text)):
            huggingface_chat.load(str(tmp_path / name), CPU)
    bert = tiny_text_models.bert_folder(tmp_path / "tiny bert")
    with pytest.raises(UserError, match=r"The weights of .*tiny bert' are incomplete: \d+ tensors are missing"):
        huggingface_chat.load(str(bert), CPU)


def test_damaged_weights(changed: Path) -> None:
    weights = load_file(changed / "model.safetensors")
    save_file(weights | {"lm_head.weight": weights["lm_head.weight"] * float("nan")}, changed / "model.safetensors")
    text = (
        f"The language model hf:{changed} gave NaN for its next token. Its weights are damaged: fetch them again, or "
        "choose another model."
    )
    broken = huggingface_chat.load(str(changed), CPU)
    with pytest.raises(LanguageModelError, match=says(text)):
        broken.reply(ASKED, Sampling())
    del weights["model.norm.weight"]
    save_file(weights, changed / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"are incomplete: 1 tensors are missing, the first is model.norm.weight"):
        huggingface_chat.load(str(changed), CPU)
    (changed / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"incomplete|without a vocabulary"):
        huggingface_chat.load(str(changed), CPU)
