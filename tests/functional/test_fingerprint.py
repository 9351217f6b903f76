from __future__ import annotations

import hashlib

import torch

from neuronym.functional.fingerprint import hash_state


def test_the_hash_is_over_names_types_shapes_and_bytes() -> None:
    model = torch.nn.Linear(2, 1)
    expected = hashlib.sha256()
    for name, value in (("bias", model.bias), ("weight", model.weight)):
        shape = "(1,)" if name == "bias" else "(1, 2)"
        expected.update(f"{name}\0torch.float32\0{shape}\0".encode() + value.detach().numpy().tobytes())
    assert hash_state(model) == expected.hexdigest()
    half = hash_state(model.to(torch.bfloat16))
    assert half != expected.hexdigest()
    assert hash_state(model.to(torch.float32)) != half


def test_the_hash_takes_views_and_scalars() -> None:
    model = torch.nn.Module()
    model.register_buffer("scale", torch.tensor(2.0))
    model.register_buffer("view", torch.arange(6.0).reshape(2, 3).t())
    same = torch.nn.Module()
    same.register_buffer("view", torch.arange(6.0).reshape(2, 3).t().contiguous())
    same.register_buffer("scale", torch.tensor(2.0))
    assert hash_state(model) == hash_state(same)
