"""The identity of a network's weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def hash_state(model: nn.Module) -> str:
    """SHA-256 in hex over the names, types, shapes and bytes of all parameters and buffers, by sorted name."""
    state: Mapping[str, object] = model.state_dict()
    sha = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name]
        if not isinstance(tensor, Tensor):  # a module's extra state is arbitrary and has no canonical bytes
            continue
        sha.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        # Bytes are taken through uint8, because NumPy has no bfloat16.
        sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()
