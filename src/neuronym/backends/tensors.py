"""What encoders built on torch share: normalised rows, and fingerprints of settings for their keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from neuronym.errors import UserError
from neuronym.records import Json, digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_VOLATILE = frozenset(
    {"_name_or_path", "name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"}
)


def unit_rows(features: torch.Tensor, name: str) -> npt.NDArray[np.float32]:
    """The features [n, dim] as float32 rows of length 1 in host memory.

    Raises:
        UserError: a row is zero or not finite and so has no direction; ``name`` is the encoder to name.
    """
    rows = features.detach().to("cpu", torch.float32)
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    if not bool((torch.isfinite(lengths) & (lengths > 0)).all()):
        raise UserError(
            f"The encoder {name} gave embeddings that are zero, NaN or infinite. "
            "Its weights are damaged or do not fit its configuration: fetch them again or choose another encoder."
        )
    result: npt.NDArray[np.float32] = (rows / lengths).numpy()
    return result


def settings_hash(settings: Any) -> str:
    """A hash of nested settings, without the entries that say where a model came from rather than what it does."""
    return digest(_plain(settings), length=64)


def tokenizer_settings(tokenizer: Any) -> Json:
    """All of a transformers tokenizer that decides which numbers a text becomes."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        rules: Any = {"vocabulary": sorted(tokenizer.get_vocab().items()), "settings": tokenizer.init_kwargs}
    else:
        # Truncation and padding are state that the last call left behind; every call of ours sets them.
        rules = {k: v for k, v in json.loads(backend.to_str()).items() if k not in ("truncation", "padding")}
    return {
        "class": type(tokenizer).__name__,
        "rules": _plain(rules),
        "inputs": list(tokenizer.model_input_names),
        "sides": [tokenizer.padding_side, tokenizer.truncation_side],
        "padding": tokenizer.pad_token_id,
    }


def _plain(value: Any) -> Json:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k not in _VOLATILE}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
