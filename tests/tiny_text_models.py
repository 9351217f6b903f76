"""Tiny models of texts alone with random weights, saved in the real formats so that the real loaders read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tiny_models import _spread

TEXTS = ["red", "a red dog", "green square with dots", "dogs", "a cat and a dog on the left", "zebra"]

CONTEXT = 12
"""How many tokens the tiny models read."""

_WORDS = ["red", "green", "square", "dot", "##s", "dog", "cat", "a", "and", "with", "on", "the", "left", "str", "##ipe"]


def bert_folder(folder: Path, seed: int = 0, layers: int = 3, **config: Any) -> Path:
    """A Hugging Face BERT of 16 dimensions with its WordPiece tokenizer; half of the words are in its vocabulary."""
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS]
    tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)}, model_max_length=CONTEXT)
    torch.manual_seed(seed)
    model = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=CONTEXT,
            **config,
        )
    )
    return _save(folder, model, tokenizer)


def roberta_folder(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face RoBERTa with a byte-level tokenizer, to which a word and the word after a space are two tokens."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    pieces += ["re", "red", "\u0120red", "do", "dog", "\u0120dog"]
    merges = [("r", "e"), ("re", "d"), ("\u0120", "red"), ("d", "o"), ("do", "g"), ("\u0120", "dog")]
    tokenizer = RobertaTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges)
    torch.manual_seed(seed)
    model = RobertaModel(
        RobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=CONTEXT + 2,
            pad_token_id=1,
        )
    )
    return _save(folder, model, tokenizer)


def bart_folder(folder: Path, seed: int = 0) -> Path:
    """A Hugging Face BART, an encoder and a decoder, with the tokenizer of the tiny RoBERTa."""
    from transformers import AutoTokenizer, BartConfig, BartModel

    tokenizer = AutoTokenizer.from_pretrained(roberta_folder(folder))
    size = {"d_model": 16, "max_position_embeddings": CONTEXT, "vocab_size": len(tokenizer)}
    sides = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in _BART_SIDE.items()}
    ends = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    torch.manual_seed(seed)
    return _save(folder, BartModel(BartConfig(**size, **sides, **ends)), tokenizer)


_BART_SIDE = {"layers": 2, "attention_heads": 2, "ffn_dim": 32}


def sentence_folder(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A model of sentence-transformers as its own save writes it: the tiny BERT, the mean of its tokens, normalised."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    bert = bert_folder(folder.with_name(f"{folder.name} bert"), seed)
    model = SentenceTransformer(
        modules=[Transformer(str(bert)), Pooling(16, "mean"), Normalize()], device="cpu", **settings
    )
    model.save(str(folder), create_model_card=False)
    return folder


def word_vectors_folder(folder: Path, seed: int = 0) -> Path:
    """A model of sentence-transformers that is a table of word vectors, without a transformer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(_WORDS)}, unk_token="the"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(seed)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


def _save(folder: Path, model: Any, tokenizer: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _spread(model).save_pretrained(folder)  # type: ignore[operator]
    tokenizer.save_pretrained(folder)
    return folder
