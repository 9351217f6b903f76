"""The conformance suite of targets: plain functions that say in an AssertionError what is wrong.

It runs on every target, built-in or foreign. A third party calls, in any test runner,

    check_target(lambda: load("my-model", None), ["layer1", "head"])
    check_unknown_name(load, "no-such-model")

where ``load`` is the entry point and the list holds patterns of layers, as ``--layers`` takes them.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from neuronym.errors import UserError
from neuronym.functional.fingerprint import hash_state
from neuronym.records import LayerInfo, Tokens
from neuronym.targets.hooks import recording
from neuronym.targets.layers import discover, select
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target, TargetLoader

Activations = dict[str, Tensor]


def check_target(
    load: Callable[[], Target],
    layers: Sequence[str] | None = None,
    *,
    tokens: Tokens | None = None,
    tolerance: float = 1e-4,
) -> None:
    """Every check of a target.

    Args:
        load: makes the target, the same every time.
        layers: patterns of the layers to look at; every layer that can be explained if not given.
        tokens: the token policy, where a layer gives tokens.
        tolerance: the largest difference allowed where only the batch differs, relative to a layer's largest value.
    """
    with _random_state(1):
        target = load()
    check_attributes(target)
    check_frozen(target)
    check_preprocessing(target.preprocessing)
    batch = sample(target)
    chosen = select(target, layers or _all(target, batch), tokens=tokens, sample=batch[:2])
    assert chosen, f"no layer of {target.name} can be explained"
    check_activations(target, chosen, batch)
    check_determinism(target, chosen, batch)
    check_batches(target, chosen, batch, tolerance)
    check_hooks(target, chosen, batch)
    with _random_state(2):
        again = load()
    check_two_loads(target, again, chosen, batch)
    check_pickling(target, chosen, batch)
    check_to_cpu(target, chosen, batch)


def check_attributes(target: Target) -> None:
    """The parts of the target are there and of use."""
    assert isinstance(target, Target), f"the loader gave a {type(target).__name__}, not a Target"
    assert isinstance(target.model, nn.Module), f"model is a {type(target.model).__name__}, not a torch module"
    assert isinstance(target.preprocessing, Preprocessing), f"preprocessing is a {type(target.preprocessing).__name__}"
    assert re.fullmatch(r"[^:\s]+:.+", target.name), f"name has no prefix: {target.name!r}"
    assert target.weights, f"weights is {target.weights!r}; say which were taken"
    assert re.fullmatch("[0-9a-f]{64}", target.weights_hash), f"weights_hash is {target.weights_hash!r}, not a SHA-256"
    spec = target.spec()
    assert json.loads(json.dumps(spec)) == spec, f"spec() is not of plain JSON values: {spec}"


def check_frozen(target: Target) -> None:
    """The model is in evaluation mode with all that is in it, and nothing in it can be trained."""
    training = [path or "the model" for path, module in target.model.named_modules() if module.training]
    assert not training, f"in training mode: {', '.join(training[:3])}"
    trained = [name for name, parameter in target.model.named_parameters() if parameter.requires_grad]
    assert not trained, f"parameters that require gradients: {', '.join(trained[:3])}"


def check_preprocessing(preprocessing: Preprocessing) -> None:
    """It can be written and read, and its geometry is true of what it does, for images of any shape."""
    spec = json.loads(json.dumps(preprocessing.spec()))
    again = Preprocessing.from_spec(spec)
    assert again == preprocessing, f"the preprocessing read from its spec differs: {again} and {preprocessing}"
    for height, width in ((57, 81), (81, 57), (64, 64)):
        image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
        result = preprocessing.apply(image)
        said = preprocessing.geometry(height, width).input
        assert result.dtype == torch.float32, f"the preprocessing gave {result.dtype}, not float32"
        assert tuple(result.shape) == (3, *said), f"the preprocessing gave {tuple(result.shape)}, not {(3, *said)}"
        assert said == preprocessing.input_size((height, width)), f"geometry and input_size differ for {said}"
        assert bool(result.isfinite().all()), "the preprocessing gave NaN or infinity"


def check_activations(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """Every layer is delivered once, in the shape that its record says, finite, and tells some images apart."""
    found = activations(target, layers, batch)
    for layer in layers:
        got, want = found[layer.name], (len(batch), layer.units, *(layer.map_size or ()))
        assert got.dtype == torch.float32, f"{layer.name} gave {got.dtype}, not float32"
        assert tuple(got.shape) == want, f"{layer.name} gave shape {tuple(got.shape)}, not {want}"
        assert bool(got.isfinite().all()), f"{layer.name} gave NaN or infinity"
    apart = [name for name, got in found.items() if not torch.equal(got, got[:1].expand_as(got))]
    assert apart, f"{len(batch)} different images give the same activations in every layer"


def check_determinism(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """Two runs give the same, exactly, whatever the random state is; they change neither weights nor the batch."""
    before = batch.clone()
    with _random_state(1):
        first = activations(target, layers, batch)
    with _random_state(2):
        second = activations(target, layers, batch)
    _check_equal(first, second, "two runs on the same images differ")
    assert torch.equal(batch, before), "the model writes into the batch that it is given"
    assert hash_state(target.model) == target.weights_hash, "running the model changed its weights or buffers"


def check_batches(target: Target, layers: Sequence[LayerInfo], batch: Tensor, tolerance: float) -> None:
    """What an image gives does not depend on what else is in the batch, nor on the order."""
    whole, middle = activations(target, layers, batch), len(batch) // 2
    halves = _joined(activations(target, layers, part) for part in (batch[:middle], batch[middle:]))
    _check_close(whole, halves, tolerance, "images in two batches differ from the same images in one")
    single = _joined(activations(target, layers, image[None]) for image in batch)
    _check_close(whole, single, tolerance, "images one at a time differ from the same images in one batch")
    backwards = {name: got.flip(0) for name, got in activations(target, layers, batch.flip(0)).items()}
    _check_close(whole, backwards, tolerance, "images in reversed order differ")


def check_hooks(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """Recording leaves no hook behind, after an exception in the sink either, which reaches the caller unchanged."""
    before, first = _hooks(target.model), activations(target, layers, batch)
    assert _hooks(target.model) == before, "hooks are left behind by a recording"

    def sink(position: int, tensor: Tensor) -> None:
        raise KeyError("from the sink")

    caught: Exception | None = None
    try:
        with recording(target, layers, sink) as run:
            run(batch)
    except Exception as error:
        caught = error
    assert isinstance(caught, KeyError), f"an exception in the sink reached the caller as {caught!r}"
    assert _hooks(target.model) == before, "hooks are left behind by a recording that ended in an exception"
    _check_equal(first, activations(target, layers, batch), "after an exception in the sink the activations differ")


def check_two_loads(first: Target, second: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """Two targets that are meant to be the same have one hash, one description and the same activations."""
    assert hash_state(first.model) == first.weights_hash, "weights_hash is not hash_state of the model"
    assert first.weights_hash == second.weights_hash, "the weights of two loads differ; random ones need a fixed seed"
    assert first.spec() == second.spec(), f"the specs of two loads differ: {first.spec()} and {second.spec()}"
    what = "equal hashes, but the activations of two loads differ"
    _check_equal(activations(first, layers, batch), activations(second, layers, batch), what)


def check_pickling(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """The target can be pickled, and comes back in evaluation mode with the same weights and activations.

    That is how a target reaches another process. Python pickles an object by the name of its class, so every class in
    the model has to be found under that name: nothing is checked where one is defined within a function, which keeps a
    target to its own process and is allowed. Everything else that cannot be pickled (a lambda in an attribute, an open
    file) is an error.
    """
    if any("<locals>" in type(module).__qualname__ for module in target.model.modules()):
        return
    try:
        data = pickle.dumps(target)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"{target.name} cannot be pickled: {error}") from error
    again: Target = pickle.loads(data)
    check_frozen(again)
    assert again.spec() == target.spec(), "the pickled target has another spec"
    assert hash_state(again.model) == target.weights_hash, "the pickled target has other weights"
    what = "the pickled target gives other activations"
    _check_equal(activations(target, layers, batch), activations(again, layers, batch), what)


def check_to_cpu(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> None:
    """``.to("cpu")`` gives a target that is the same but for the place."""
    moved = target.to("cpu")
    check_frozen(moved)
    assert moved.spec() == target.spec(), "to('cpu') changed the spec"
    assert {p.device.type for p in moved.model.parameters()} <= {"cpu"}, "to('cpu') left parameters elsewhere"
    _check_equal(
        activations(target, layers, batch), activations(moved, layers, batch), "to('cpu') changed the activations"
    )


def check_unknown_name(load: TargetLoader, name: str, weights: str | None = None) -> None:
    """A name that stands for nothing is a user's error that names it and says what to do: two sentences at least."""
    try:
        made = load(name, weights)
    except UserError as error:
        text = str(error)
        assert any(part in text for part in name.split(":")), f"the error does not name {name!r}: {text}"
        assert re.search(r"[.;:] \S", text), f"the error has no remedy: {text}"
    except Exception as error:
        raise AssertionError(f"{name!r} ends in {type(error).__name__}, not in a UserError: {error}") from error
    else:
        raise AssertionError(f"{name!r} stands for nothing, but a {type(made).__name__} was made")


def sample(target: Target, count: int = 5) -> Tensor:
    """A batch of different random images in the target's own preprocessing, float [count, 3, height, width]."""
    generator = np.random.default_rng(0)
    blocks = [generator.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(count)]
    images = [Image.fromarray(block).resize((96, 96), Image.Resampling.NEAREST) for block in blocks]
    return torch.stack([target.preprocessing.apply(image) for image in images])


def activations(target: Target, layers: Sequence[LayerInfo], batch: Tensor) -> Activations:
    """What every layer gives for the batch, by the layer's name."""
    kept: Activations = {}

    def keep(position: int, tensor: Tensor) -> None:
        name = layers[position].name
        assert name not in kept, f"{name} was delivered twice"
        kept[name] = tensor.clone()

    with recording(target, layers, keep) as run:
        run(batch)
    return kept


@contextmanager
def _random_state(seed: int) -> Iterator[None]:
    """A block under another global random state, which is as before afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _all(target: Target, batch: Tensor) -> list[str]:
    return [layer.path for layer in discover(target, batch[:2])]


def _hooks(model: nn.Module) -> list[int]:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [sum(len(getattr(module, kind)) for kind in kinds) for module in model.modules()]


def _joined(parts: Any) -> Activations:
    several = list(parts)
    return {name: torch.cat([part[name] for part in several]) for name in several[0]}


def _check_equal(first: Activations, second: Activations, message: str) -> None:
    for name, got in first.items():
        assert torch.equal(got, second[name]), f"{message}: {name}"


def _check_close(first: Activations, second: Activations, tolerance: float, message: str) -> None:
    for name, got in first.items():
        worst = float((got - second[name]).abs().max()) / max(float(got.abs().max()), 1e-6)
        assert worst <= tolerance, f"{message}: {name} by up to {worst:.2g} of its largest, allowed is {tolerance}"
