"""Training a bundled checkpoint, measuring it as users will load it, and writing its folder with its card."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuronym.backends.huggingface import load as load_encoder
from neuronym.errors import UserError, unknown_name
from neuronym.recipes import classifiers, encoders, taught
from neuronym.recipes.fidelity import fidelities, fidelity_card, fidelity_text
from neuronym.recipes.figures import encoder_figures
from neuronym.store.atomic import guarded
from neuronym.training.classifier import Progress
from neuronym.world.checkpoints import FOLDER, KINDS

CARD = "card.json"
"""The file of a checkpoint's folder with its figures."""


def make(name: str, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Train the bundled checkpoint ``name`` and put its folder in place of the one that is there.

    Args:
        name: one of :data:`~neuronym.world.checkpoints.KINDS`.
        folder: where the checkpoint's folder goes; the package's own place if not given.
        progress: told the steps.

    Returns:
        The checkpoint's folder.

    Raises:
        UnknownNameError: there is no such checkpoint.
        UserError: something other than a bundled checkpoint is there, or the folder cannot be written.
    """
    if name not in KINDS:
        raise unknown_name("bundled checkpoint", name, KINDS)
    place = (folder or FOLDER) / name
    _check_place(place)  # before minutes of training
    with guarded(place, "write the checkpoint"):
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{name}."))
        try:
            _fill(made, name, progress)
            made.chmod(0o755)  # temporary folders, and files of safetensors, may be read by nobody else
            for file in made.iterdir():
                file.chmod(0o644)
            _swap(made, place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return place


def _check_place(place: Path) -> None:
    """Raise where something would be lost that is no checkpoint made here."""
    if place.exists() and not place.is_dir():
        raise UserError(f"{str(place)!r} is a file. Choose another --out for the checkpoint's folder.")
    if place.is_dir() and any(place.iterdir()) and not (place / CARD).is_file():
        raise UserError(
            f"{str(place)!r} holds something other than a bundled checkpoint, and is not touched. Choose another --out."
        )


def _swap(made: Path, place: Path) -> None:
    """Put a folder in the place of another, which is gone only when the new one is there."""
    if not place.exists():
        made.replace(place)
        return
    earlier = place.with_name(f".{place.name}.{uuid.uuid4().hex}.earlier")
    place.replace(earlier)
    try:
        made.replace(place)
    except BaseException:
        earlier.replace(place)
        raise
    shutil.rmtree(earlier)


def _fill(folder: Path, name: str, progress: Progress | None) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums, and so weights, depend on the number of threads
    try:
        started = time.process_time()
        model, processor = _trained(name, progress)
        minutes = (time.process_time() - started) / 60
    finally:
        torch.set_num_threads(threads)
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    figures, channels = _figures(name, folder)
    card = {
        "name": f"bundled:{name}",
        "class": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "data": f"{_images(name):,} scenes of bundled:world/train, each seen once",
        "command": f"neuronym train-bundled {name}",
        "cpu_minutes": round(minutes, 1),
        "test_figures": {key: round(value, 4) for key, value in figures.items()},
        **channels,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_card_text(card), encoding="utf-8")


def _trained(name: str, progress: Progress | None) -> tuple[Any, Any]:
    """A trained network and its processor."""
    if name in encoders.RECIPES:
        return encoders.train(encoders.RECIPES[name], progress)
    if name in taught.RECIPES:
        return taught.train(taught.RECIPES[name], progress), classifiers.image_processor()
    return classifiers.train(classifiers.RECIPES[name], progress), classifiers.image_processor()


def _images(name: str) -> int:
    recipes: Mapping[str, Any] = {**classifiers.RECIPES, **encoders.RECIPES, **taught.RECIPES}
    images: int = recipes[name].images
    return images


def _figures(name: str, folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Measured on the files as they were written, through the loader that every other model takes.

    Returns:
        Shares in 0..1; and what the card says of the channels of a network that was taught concepts.
    """
    if KINDS[name] == "encoder":
        return encoder_figures(load_encoder(str(folder), torch.device("cpu"))), {}
    from neuronym.targets.huggingface import load

    model = load(str(folder), None).model
    channels = fidelity_card(fidelities(model)) if name in taught.RECIPES else {}
    return {"shapes": classifiers.accuracy(model)}, channels


def _card_text(card: Mapping[str, Any]) -> str:
    figures = "\n".join(f"| {name} | {value:.1%} |" for name, value in card["test_figures"].items())
    return f"""# {card["name"]}

A {card["class"]} of {card["parameters"]:,} parameters that knows the embedded world of Neuronym and nothing else.

- Data: {card["data"]}; rendered from numbers, no photographs.
- Made by `{card["command"]}` in {card["cpu_minutes"]} CPU minutes.
- Stored in half precision; computes in float32.

Right on scenes of bundled:world/test, which it was not trained on:

| figure | share |
|---|---|
{figures}
{fidelity_text(card) if "units" in card else ""}"""
