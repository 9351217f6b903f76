"""Sentence encoders: texts alone in one space, by models of the package sentence-transformers.

``sentence-transformers/all-mpnet-base-v2`` is a model of the hub, which may be written without its owner; a local
folder is one in the same format, as the package's ``save`` writes it. Code that comes with a model is never run.

Reimers and Gurevych 2019, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from neuronym.backends.loading import check_complete, check_vocabulary, quietly, refusals, source_of
from neuronym.backends.tensors import settings_hash, tokenizer_settings, unit_rows
from neuronym.errors import UserError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import Json, digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_HOLDS = "a model as the save of sentence-transformers writes it, with its modules.json"
_EXAMPLE = "Choose a sentence encoder, for example sentence-transformers/all-mpnet-base-v2."


@runtime_checkable
class SentenceEncoder(Protocol):
    """Puts texts into a space where the inner product of two rows says how alike they are.

    The contract is that of the text side of :class:`~neuronym.backends.encoder.ImageTextEncoder`: rows are
    L2-normalised float32 and do not depend on the batch; no texts give [0, dim]; long texts are cut; one call is one
    batch; it can be pickled.
    """

    @property
    def name(self) -> str:
        """How users write the encoder, with its prefix, for example ``sentence:all-mpnet-base-v2``."""

    @property
    def key(self) -> str:
        """Identity for caches: covers weights, modules and the settings of the tokenizer; see the encoder's."""

    @property
    def dim(self) -> int:
        """The width of every embedding."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1, in the order given."""


class SentenceTransformersEncoder:
    """A model of sentence-transformers as a :class:`SentenceEncoder`.

    It computes in float32. Texts beyond ``context`` tokens are cut; a prompt that the model sets by default is put
    before every text, as its own ``encode`` does.

    Attributes:
        context: how many tokens it reads, special ones among them; None where there is no limit.
    """

    def __init__(self, name: str, model: Any, device: torch.device) -> None:
        self.name = name
        self._model = model.to(device=device, dtype=torch.float32).eval().requires_grad_(False)
        # A model without a limit says infinity.
        length = model.max_seq_length
        self.context = None if length is None or length == float("inf") else int(length)
        self.key = self._make_key()
        self.dim = int(self._features(["a"]).shape[1])

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1.

        Raises:
            UserError: the model reads nothing in a text, as those of word vectors do where all words are unknown, or
                it gives what is not finite.
        """
        if not texts:
            rows: npt.NDArray[np.float32] = torch.zeros(0, self.dim).numpy()
            return rows
        features = self._features(texts)
        empty = (features == 0).all(1).nonzero().flatten().tolist()
        if empty:
            raise UserError(
                f"The encoder {self.name} reads nothing in the text {texts[empty[0]]!r} and gives it no embedding. "
                "Give a text with words that it knows, or choose another encoder."
            )
        return unit_rows(features, self.name)

    def _features(self, texts: Sequence[str]) -> torch.Tensor:
        features: torch.Tensor = self._model.encode(
            list(texts), batch_size=max(len(texts), 1), show_progress_bar=False, convert_to_tensor=True
        )
        return features

    def _make_key(self) -> str:
        model = self._model
        modules = [
            {"class": type(module).__name__, "settings": _module_settings(module)} for module in model.children()
        ]
        return digest(
            {
                "modules": settings_hash(modules),
                "weights": hash_state(model),
                "texts": settings_hash(_text_settings(model.tokenizer)),
                "prompt": model.prompts.get(model.default_prompt_name, ""),
                "length": [self.context, model.truncate_dim],
            }
        )


def load(name: str, device: torch.device) -> SentenceTransformersEncoder:
    """The sentence encoder of a hub id or a local folder.

    Args:
        name: ``owner/model`` on the hub (or in the cache), a model of the owner ``sentence-transformers``, or a folder.
        device: where it computes.

    Raises:
        UnknownNameError: nothing of that name can be had.
        UserError: the package is not installed, or the model is damaged, incomplete or no sentence encoder.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(
            f"The sentence encoder {name!r} needs the package sentence-transformers, which cannot be imported "
            f"({error}). Install it by `pip install 'neuronym[sentences]'`."
        ) from error
    source = source_of(name, _HOLDS)
    local = Path(source).is_dir()
    if not local and "/" not in source:
        source = f"sentence-transformers/{source}"
    with quietly(), _refusals(source):
        folder = _place_of_transformer(source)
        model = SentenceTransformer(source, device=str(device), trust_remote_code=False, local_files_only=local)
        _check_modules(source, folder, model)
    return SentenceTransformersEncoder(f"sentence:{name}", model, device)


def _refusals(source: str) -> AbstractContextManager[None]:
    return refusals(source, "a sentence encoder", _HOLDS, _EXAMPLE)


def _place_of_transformer(source: str) -> str:
    """The sub-folder of the model's first module.

    Raises:
        UserError: the model is none of sentence-transformers, which would make one up, with untrained pooling.
    """
    import json

    from sentence_transformers.util import load_file_path

    path = load_file_path(source, "modules.json")
    if path is None and not Path(source).is_dir() and load_file_path(source, "config.json") is None:
        raise OSError("None of its files is there.")
    if path is None:
        raise UserError(
            f"The model {source!r} is no sentence encoder: it has no modules.json, which says how the vectors of "
            f"tokens become one of a sentence. {_EXAMPLE}"
        )
    with Path(path).open(encoding="utf-8") as file:
        modules = json.load(file)
    return str(modules[0]["path"])


def _check_modules(source: str, folder: str, model: Any) -> None:
    """Raise where a network of transformers lacks weights or a vocabulary; other modules refuse by themselves."""
    from sentence_transformers.sentence_transformer.modules import Transformer

    first = model[0]
    if not isinstance(first, Transformer):
        return
    check_vocabulary(source, first.tokenizer)
    network = first.auto_model
    # Once more, because sentence-transformers does not pass on what was missing.
    _, report = type(network).from_pretrained(
        source, subfolder=folder, config=network.config, output_loading_info=True, trust_remote_code=False
    )
    missing: Iterable[str] = report["missing_keys"]
    if first.module_output_name == "token_embeddings" and getattr(network, "pooler", None) is not None:
        # The vectors of tokens do not pass the network's own pooler, which many checkpoints were saved without.
        network.pooler = None
        missing = [name for name in missing if not name.startswith("pooler.")]
    check_complete(source, missing, "Fetch the model again, or choose another.")


def _module_settings(module: Any) -> Json:
    config: Any = getattr(module, "config", None)
    return {
        "own": module.get_config_dict() if hasattr(module, "get_config_dict") else None,
        "network": config.to_dict() if hasattr(config, "to_dict") else None,
    }


def _text_settings(tokenizer: Any) -> Any:
    """All of a tokenizer that decides which numbers a text becomes: of transformers, of tokenizers, or of words."""
    if hasattr(tokenizer, "model_input_names"):
        return tokenizer_settings(tokenizer)
    if hasattr(tokenizer, "to_str"):
        return tokenizer.to_str()
    return {
        "class": type(tokenizer).__name__,
        **{key: sorted(value) if isinstance(value, set) else value for key, value in vars(tokenizer).items()},
    }
