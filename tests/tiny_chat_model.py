"""A tiny causal language model with random weights and a chat template, saved in the real format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tiny_models import _spread

TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}> {{ message['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SPECIAL = ["<start>", "<end>", "<unk>", "<system>", "<user>", "<assistant>"]
WORDS = ["red", "green", "spots", "long", "tail", "a", "of", "what", "is", "zebra", "dog", "-", ",", "?"]
CONTEXT = 64
"""How many tokens the tiny model reads and writes together."""


def chat_folder(folder: Path, template: str | None = TEMPLATE, seed: int = 0, **config: Any) -> Path:
    """A Llama of 16 dimensions over 20 tokens; without a template, ``<start>`` is put before a prompt."""
    from transformers import LlamaConfig, LlamaForCausalLM

    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    tokens = {"vocab_size": len(SPECIAL + WORDS), "bos_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**size, **tokens, max_position_embeddings=CONTEXT, **config))
    folder.mkdir(parents=True, exist_ok=True)
    _spread(model).save_pretrained(folder)  # type: ignore[operator]
    _tokenizer(template).save_pretrained(folder)
    return folder


def _tokenizer(template: str | None) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(SPECIAL + WORDS)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(single="<start> $A", special_tokens=[("<start>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<start>",
        eos_token="<end>",
        unk_token="<unk>",
        additional_special_tokens=SPECIAL[3:],
        chat_template=template,
    )
