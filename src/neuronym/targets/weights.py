"""Weights from files, without ever running code that a file brings, and fitting them into a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuronym.errors import TargetError

RANDOM = "random"
"""The weights of a model as it is built, with a fixed seed."""

_SUFFIXES = {".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar", ".th"}
_NESTS = ("state_dict", "model_state_dict", "model")
_WRAPPERS = ("module.", "_orig_mod.")


def is_path(weights: str) -> bool:
    """Whether a choice of weights means a file rather than a name."""
    path = Path(weights)
    return path.suffix.lower() in _SUFFIXES or len(path.parts) > 1 or path.is_file()


@contextmanager
def seeded() -> Iterator[None]:
    """Random weights come out the same every time, and the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def load_state(path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a safetensors file or of a file that ``torch.save`` wrote.

    Dictionaries nested under ``state_dict``, ``model_state_dict`` or ``model`` are opened, and the prefixes that
    ``DataParallel`` and ``torch.compile`` put before every name are removed.

    Raises:
        TargetError: if there is no such file, it is damaged, it needs code to be read, or it holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise TargetError(f"There is no weights file {str(path)!r}.")
    content = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_torch(path)
    state = {str(name): value for name, value in _unnested(content).items() if isinstance(value, Tensor)}
    if not state:
        raise TargetError(f"The weights file {str(path)!r} holds no named tensors; give a state dictionary.")
    return _unwrapped(state)


def fit(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load ``state`` into ``model``; every name and every shape has to agree.

    Counters of batch normalisation (``num_batches_tracked``) may be missing: old files lack them and evaluation does
    not use them.

    Raises:
        TargetError: naming the first three names that are missing, not expected or of another shape.
    """
    own = model.state_dict()
    missing = [name for name in own if name not in state and not name.endswith(".num_batches_tracked")]
    extra = [name for name in state if name not in own]
    wrong = [
        f"{name} (model {list(own[name].shape)}, file {list(value.shape)})"
        for name, value in state.items()
        if name in own and own[name].shape != value.shape
    ]
    complaints = [
        f"{what}: {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
        for what, names in (("missing", missing), ("not expected", extra), ("of another shape", wrong))
        if names
    ]
    if complaints:
        raise TargetError(f"The weights {source!r} do not fit the model; {'; '.join(complaints)}.")
    model.load_state_dict(dict(state), strict=False)  # the names were compared above


def class_count(model: nn.Module, state: Mapping[str, Tensor]) -> int | None:
    """The number of classes that would make ``state`` fit, if that number is all that is different; else None."""
    own = model.state_dict()
    counts = set()
    for name, value in state.items():
        if name not in own:
            return None
        if own[name].shape != value.shape:
            if own[name].shape[1:] != value.shape[1:]:
                return None
            counts.add(value.shape[0])
    return counts.pop() if len(counts) == 1 else None


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        content: Mapping[str, Any] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise TargetError(f"The weights file {str(path)!r} is not a whole safetensors file: {error}.") from error
    return content


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            # torch warns of pickle protocols it may not understand; if so, the error below says what to do.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a file that is no pickle makes of the reader is anything at all
        raise TargetError(
            f"The weights file {str(path)!r} cannot be read as plain tensors: it is damaged, or it would need code to "
            "be run. Where you trust it, load it yourself and save model.state_dict() as a .safetensors file."
        ) from error
    if not isinstance(content, Mapping):
        raise TargetError(
            f"The weights file {str(path)!r} holds a {type(content).__name__}; give a dictionary of named tensors."
        )
    return content


def _unnested(content: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in _NESTS:
        if isinstance(content.get(key), Mapping):
            return _unnested(content[key])
    return content


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            return _unwrapped({name.removeprefix(prefix): value for name, value in state.items()})
    return state
