"""Contextual vectors of a text's tokens, by any encoder of transformers: what BERTScore compares.

Zhang et al. 2020, "BERTScore: Evaluating Text Generation with BERT". ``NAME@LAYER`` is a model of the hub or a local
folder, and the layer whose output is taken: 0 is the embedding before the first, 1 the first. Which layer judges best
was measured by the paper's authors for each model; :data:`LAYERS` has what their package settled on for the best known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from neuronym.backends.loading import check_complete, check_vocabulary, quietly, refusals, source_of
from neuronym.backends.tensors import settings_hash, tokenizer_settings, unit_rows
from neuronym.errors import UserError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LAYERS = {
    "bert-base-uncased": (9, 12),
    "bert-large-uncased": (18, 24),
    "bert-base-multilingual-cased": (9, 12),
    "distilbert-base-uncased": (5, 6),
    "roberta-base": (10, 12),
    "roberta-large": (17, 24),
    "roberta-large-mnli": (19, 24),
    "distilroberta-base": (5, 6),
    "xlm-roberta-base": (9, 12),
    "xlm-roberta-large": (17, 24),
    "mpnet-base": (8, 12),
    "deberta-base": (9, 12),
    "deberta-large-mnli": (18, 24),
    "deberta-xlarge-mnli": (40, 48),
}
"""The layer that the paper's package takes, and how many the model has, by the model's name without its owner."""

_HOLDS = "an encoder of texts and its tokenizer as save_pretrained writes them"
_EXAMPLE = "Choose an encoder of texts, for example FacebookAI/roberta-large, which the published numbers are of."


@runtime_checkable
class TokenEncoder(Protocol):
    """Gives every token of a text a vector that depends on the text around it.

    What :class:`~neuronym.backends.encoder.ImageTextEncoder` promises of rows holds here too: L2-normalised float32,
    whatever else is in the batch; one call is one batch; long texts are cut; it can be pickled.
    """

    @property
    def name(self) -> str:
        """How users write it, with its prefix and layer, for example ``bertscore:roberta-large@17``."""

    @property
    def key(self) -> str:
        """Identity for caches: covers weights, layer and the settings of the tokenizer."""

    @property
    def dim(self) -> int:
        """The width of every vector."""

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """One array [tokens, dim] for each text, rows of length 1 in the order of the text; [0, dim] if it is blank."""


class TransformersTokenEncoder:
    """A network and a tokenizer of transformers as a :class:`TokenEncoder`.

    Special tokens, such as those at the beginning and the end, are read by the network and left out of the result: in
    the paper they have no weight. Space around a text is dropped. Tokenizers that write the space before a word into
    its token (RoBERTa's) get one before the first word too, as in the paper's package, so that a word is the same token
    wherever it stands. It computes in float32.

    Attributes:
        layer: whose output is taken; 0 is before the first.
        context: how many tokens are read, special ones among them; texts beyond are cut at the end.
    """

    def __init__(self, name: str, network: Any, tokenizer: Any, layer: int, device: torch.device) -> None:
        self.name, self.layer = name, layer
        self._device = device
        self._network = network.to(device=device, dtype=torch.float32).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._space = " " if _writes_spaces(tokenizer) else ""
        self.context = _context(network, tokenizer)
        self.key = self._make_key()
        self.dim = self._encoded(["a"])[0].shape[1]

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """One array [tokens, dim] for each text, rows of length 1; [0, dim] for a text without tokens.

        Raises:
            UserError: a vector is zero or not finite, as those of damaged weights are.
        """
        return [unit_rows(vectors, self.name) for vectors in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[torch.Tensor]:
        if not texts:
            return []
        inputs = self._tokenizer(
            [self._space + text.strip() for text in texts],
            padding=True,
            truncation=True,
            max_length=self.context,
            return_special_tokens_mask=True,
            return_attention_mask=True,
            return_tensors="pt",
        ).to(self._device)
        own = (inputs.pop("special_tokens_mask") == 0) & (inputs["attention_mask"] == 1)
        with torch.inference_mode():
            vectors = self._network(**inputs, output_hidden_states=True).hidden_states[self.layer]
        return [row[kept] for row, kept in zip(vectors, own, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        """Without the hooks that transformers leaves in a network whose layers were asked for: they cannot be pickled.

        It puts them back when they are next needed.
        """
        for module in self._network.modules():
            hooks = module._forward_hooks
            for number in [n for n, hook in hooks.items() if hook.__module__.startswith("transformers.")]:
                del hooks[number]
            module.__dict__.pop("_output_capturing_hooks_installed", None)
        return self.__dict__

    def _make_key(self) -> str:
        return digest(
            {
                "class": type(self._network).__name__,
                "config": settings_hash(self._network.config.to_dict()),
                "weights": hash_state(self._network),
                "texts": settings_hash(tokenizer_settings(self._tokenizer)),
                "reading": [self._space, self.context, self.layer],
            }
        )


def load(name: str, device: torch.device) -> TransformersTokenEncoder:
    """The encoder of a hub id or a local folder.

    Args:
        name: ``owner/model`` or a folder, and ``@LAYER`` where another than the usual layer is asked for. Usual is what
            :data:`LAYERS` has for a model of this name and depth, else the last.
        device: where it computes.

    Raises:
        UnknownNameError: nothing of that name can be had.
        UserError: the model is damaged, incomplete or no encoder of texts, or has no such layer.
    """
    place, asked = _split(name)
    source = source_of(place, _HOLDS)
    with quietly(), _refusals(source):
        network = _load_network(source)
        tokenizer = _load_tokenizer(source)
    layer = _layer(place, asked, int(network.config.num_hidden_layers))
    with _refusals(source):
        return TransformersTokenEncoder(f"bertscore:{place}@{layer}", network, tokenizer, layer, device)


def _refusals(source: str) -> AbstractContextManager[None]:
    return refusals(source, "an encoder of texts", _HOLDS, _EXAMPLE)


def _split(name: str) -> tuple[str, str | None]:
    """The place and the layer of a name; a folder's own name may have an @ in it."""
    place, at, layer = name.rpartition("@")
    return (place, layer) if at and not Path(name).expanduser().is_dir() else (name, None)


def _layer(place: str, asked: str | None, depth: int) -> int:
    if asked is None:
        layer, of = LAYERS.get(Path(place).name, (depth, depth))
        return layer if of == depth else depth
    if not (asked.isascii() and asked.isdecimal()) or len(asked) > 6 or int(asked) > depth:
        raise UserError(
            f"The model {place!r} has no layer {asked!r}. Give a whole number from 0, the embeddings before the first "
            f"layer, to {depth}, the last, as in {place}@{depth}."
        )
    return int(asked)


def _load_network(source: str) -> Any:
    from transformers import AutoModel

    network, report = AutoModel.from_pretrained(
        source, dtype=torch.float32, output_loading_info=True, trust_remote_code=False
    )
    missing = report["missing_keys"]
    if network.config.is_encoder_decoder:
        network = network.get_encoder()
    if getattr(network, "pooler", None) is not None:
        # The pooler makes one vector of all; many checkpoints were saved without it, and it would be random.
        network.pooler = None
        missing = [name for name in missing if not name.startswith("pooler.")]
    check_complete(source, missing, "Fetch the model again, or choose another.")
    if network.main_input_name != "input_ids" or not hasattr(network.config, "num_hidden_layers"):
        raise UserError(f"The model {source!r} ({network.config.model_type}) does not read texts alone. {_EXAMPLE}")
    return network


def _load_tokenizer(source: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    check_vocabulary(source, tokenizer)
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"The tokenizer of {source!r} has no padding token, so it cannot read several texts. {_EXAMPLE}"
        )
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    return tokenizer


def _writes_spaces(tokenizer: Any) -> bool:
    """Whether a byte-level tokenizer, to which ``red`` and `` red`` are two different tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = json.loads(backend.to_str())["pre_tokenizer"] if backend is not None else None
    steps = rules.get("pretokenizers", [rules]) if rules else []
    return any(step["type"] == "ByteLevel" and not step.get("add_prefix_space", False) for step in steps)


def _context(network: Any, tokenizer: Any) -> int:
    """How many tokens the network has positions for; RoBERTa and its kin count them from behind the padding's."""
    positions = getattr(network.config, "max_position_embeddings", None)
    start = getattr(getattr(network, "embeddings", None), "padding_idx", None)
    limit = int(tokenizer.model_max_length)
    return min(limit, int(positions) - (0 if start is None else int(start) + 1)) if positions else min(limit, 10**6)
