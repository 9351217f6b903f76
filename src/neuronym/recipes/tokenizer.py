"""The tokenizer of the bundled encoders: one token for every word of the world's grammar."""

from __future__ import annotations

import re
from typing import Any

from neuronym.world.grammar import TEMPLATES, vocabulary_words

PAD, UNKNOWN, START, END = 0, 1, 2, 3
"""Numbers of the special tokens. END must not be 2: transformers 5 reads that as an old rule for CLIP."""

CONTEXT = 32
"""Tokens of the longest text."""

_SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")


def make_tokenizer(*, start: bool) -> Any:
    """A fast tokenizer of transformers: lower case, words and punctuation apart, an end token, perhaps a start token.

    Args:
        start: whether texts begin with a start token, whose embedding stands for the text in BERT-like towers.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate((*_SPECIAL, *words()))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    frame = "<start> $A <end>" if start else "$A <end>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=frame, special_tokens=[("<start>", START), ("<end>", END)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=CONTEXT,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token="<end>",
        cls_token="<start>",
    )


def words() -> list[str]:
    """Every token that the grammar can need, in alphabetical order: words, numbers and punctuation."""
    texts = [*vocabulary_words(), *TEMPLATES, '. , ( ) - "']
    return sorted({token for text in texts for token in re.findall(r"\w+|[^\w\s]+", text.lower())} - {"{}"})
