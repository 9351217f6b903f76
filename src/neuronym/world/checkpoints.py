"""The bundled checkpoints: folders in Hugging Face's format, loaded by the code that loads any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuronym.errors import UserError, unknown_name
from neuronym.targets.target import Target

if TYPE_CHECKING:
    import torch

    from neuronym.backends.huggingface import HuggingFaceEncoder

FOLDER = Path(__file__).parent / "checkpoint_files"

KINDS: dict[str, Literal["target", "encoder"]] = {
    "resnet": "target",
    "vit": "target",
    "concepts": "target",
    "clip": "encoder",
    "align": "encoder",
}
"""The names after ``bundled:`` of what was trained, and what each is."""

PLANTED = "planted"
"""The target of units whose truth is known, which has no files; see :mod:`neuronym.world.planted`."""

IMAGES = "bundled:world"
"""The only images that the bundled networks know: how the names of sources of them begin."""


def load_target(name: str, weights: str | None) -> Target:
    """The bundled classifier ``name``, as ``hf:`` loads a folder, or the planted units.

    Raises:
        UserError: there is none, its files are missing, or it has no such weights.
    """
    from dataclasses import replace

    if name == PLANTED:
        from neuronym.world import planted_target

        return planted_target.load(weights)

    from neuronym.targets import huggingface

    return replace(huggingface.load(str(_folder(name, "target")), weights), name=f"bundled:{name}")


def load_encoder(name: str, device: torch.device) -> HuggingFaceEncoder:
    """The bundled image-text encoder ``name``, as ``hf:`` loads a folder.

    Raises:
        UserError: there is none, or its files are missing.
    """
    from neuronym.backends import huggingface

    encoder = huggingface.load(str(_folder(name, "encoder")), device)
    encoder.name = f"bundled:{name}"
    encoder.domain = IMAGES
    return encoder


def _folder(name: str, kind: Literal["target", "encoder"]) -> Path:
    known = [one for one, what in KINDS.items() if what == kind]
    if name not in known:
        raise unknown_name(f"bundled {kind}", name, [*known, PLANTED] if kind == "target" else known)
    folder = FOLDER / name
    if not (folder / "model.safetensors").is_file():
        raise UserError(
            f"The files of bundled:{name} are not where they belong, in {str(folder)!r}. Install Neuronym again, or "
            f"make them by `neuronym train-bundled {name}`."
        )
    return folder
