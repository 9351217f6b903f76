"""Recording the activations of layers while a target runs; everything is undone when the ``with`` block ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neuronym.errors import TargetError
from neuronym.records import LayerInfo
from neuronym.targets._tracing import observe, tensors_in
from neuronym.targets.target import Target

Sink: TypeAlias = Callable[[int, Tensor], None]
"""Takes a layer's position and its activations, float32 [n, units] or [n, units, height, width]."""


class Run(Protocol):
    """Runs the target on a batch, float [n, 3, height, width] on its device, and feeds the sink.

    The pass stops when every layer was delivered, and None is returned; with ``until_end`` it goes on, and the model's
    output is returned.

    Raises:
        TargetError: if a layer did not run as often as its record says, or its tokens do not fill its grid.
    """

    def __call__(self, batch: Float[Tensor, "n 3 height width"], until_end: bool = False) -> object:
        """Run the target on ``batch``."""


class _Delivered(BaseException):
    """Ends a forward pass; not an Exception, so that a model that catches those does not swallow it."""


@contextmanager
def recording(target: Target, layers: Sequence[LayerInfo], sink: Sink) -> Iterator[Run]:
    """A block in which a target's runs hand the activations of ``layers`` to ``sink``.

    ``sink(position in layers, activations)`` is called once per layer and run, at the last call of the layer's module,
    while the model is running: activations are float32 [n, units] or [n, units, height, width], often a view of the
    model's own memory, which a later in-place operation overwrites, so what the sink keeps it has to copy. What the
    sink raises reaches the caller unchanged.

    Args:
        target: the model.
        layers: from :func:`neuronym.targets.layers.select` for this target.
        sink: takes the activations.

    Raises:
        TargetError: if the target has no such layer.
    """
    recorder = _Recorder(target, layers, sink)
    with ExitStack() as hooks:
        for path in {layer.path: None for layer in layers}:
            hooks.callback(recorder.module(path).register_forward_hook(recorder.hook(path)).remove)
        yield recorder.run


class _Recorder:
    """One recording: the layers asked for, and the state of the pass that is running."""

    def __init__(self, target: Target, layers: Sequence[LayerInfo], sink: Sink) -> None:
        self._target = target
        self._layers = tuple(layers)
        self._sink = sink
        self._modules: dict[str, nn.Module] = dict(target.model.named_modules())
        self._following: dict[str, Callable[[Tensor], Tensor]] | None = None
        self._calls: dict[str, int] = {}
        self._open: set[int] = set()
        self._running = False
        self._until_end = False
        self._failure: Exception | None = None

    def module(self, path: str) -> nn.Module:
        if path not in self._modules:
            raise TargetError(f"{self._target.name} has no layer {path!r}; select the layers for this target.")
        return self._modules[path]

    def run(self, batch: Tensor, until_end: bool = False) -> object:
        if self._following is None:
            self._following = self._find_following(batch[:1])
        self._calls, self._open, self._failure = {}, set(range(len(self._layers))), None
        self._running, self._until_end = True, until_end
        output = None
        try:
            with torch.inference_mode():
                output = self._target.forward(batch)
        except _Delivered:
            pass
        finally:
            self._running = False
        if self._failure is not None:
            raise self._failure
        self._check_all_delivered()
        return output if until_end else None

    def hook(self, path: str) -> Callable[[nn.Module, Any, object], None]:
        positions = [position for position, layer in enumerate(self._layers) if layer.path == path]
        last_call = max(self._layers[position].calls for position in positions)

        def deliver(module: nn.Module, inputs: Any, output: object) -> None:
            if not self._running:
                return
            self._calls[path] = self._calls.get(path, 0) + 1
            if self._calls[path] != last_call:
                return
            try:
                for position in positions:
                    self._sink(position, self._activations(self._layers[position], output))
                    self._open.discard(position)
            except Exception as error:
                # Kept aside, because a model that catches exceptions must not swallow the sink's.
                self._failure = error
                raise _Delivered from error
            if not self._open and not self._until_end:
                raise _Delivered

        return deliver

    def _activations(self, layer: LayerInfo, output: object) -> Tensor:
        tensor = dict(tensors_in(output)).get(layer.output)
        if tensor is None:
            raise TargetError(f"The layer {layer.path!r} gave no tensor at its output{layer.output} this time.")
        if layer.after:
            assert self._following is not None
            tensor = self._following[layer.path](tensor.clone())  # the function may write into its argument
        return _laid_out(layer, tensor).float()

    def _find_following(self, batch: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
        """The activation functions that follow the layers, with their parameters, from a pass over one image."""
        wanted = {layer.path for layer in self._layers if layer.after}
        if not wanted:
            return {}
        followers = observe(self._target.model, batch).followers
        found = {path: followers[path].apply for path in wanted if path in followers}
        lacking = sorted(path for path in wanted if found.get(path) is None)
        if lacking:
            raise TargetError(
                f"No activation function follows the layer {lacking[0]!r} directly; ask without ':after'."
            )
        return {path: apply for path, apply in found.items() if apply is not None}

    def _check_all_delivered(self) -> None:
        for position in sorted(self._open):
            layer = self._layers[position]
            raise TargetError(
                f"The layer {layer.path!r} ran {self._calls.get(layer.path, 0)} times in the forward pass, not "
                f"{layer.calls} times as when it was selected; a layer that runs only for some inputs cannot be "
                "explained."
            )


def _laid_out(layer: LayerInfo, tensor: Tensor) -> Tensor:
    """The layer's output as [n, units] or [n, units, height, width]."""
    if layer.layout == "nhwc":
        return tensor.permute(0, 3, 1, 2)
    if layer.layout != "tokens":
        return tensor
    if layer.tokens == "cls":
        first: Tensor = tensor[:, 0]
        return first
    patches: Tensor = tensor[:, layer.prefix_tokens :]
    if layer.tokens == "mean":
        return patches.mean(dim=1)
    if layer.tokens == "max":
        return patches.amax(dim=1)
    if layer.tokens != "grid" or layer.map_size is None:
        raise TargetError(f"The layer {layer.path!r} gives tokens, but no token policy was chosen; select it with one.")
    if patches.shape[1] != layer.map_size[0] * layer.map_size[1]:
        raise TargetError(
            f"The layer {layer.path!r} gave {patches.shape[1]} patch tokens for this input, not the "
            f"{layer.map_size[0]}x{layer.map_size[1]} it was selected with; give every image the same size with --crop."
        )
    return patches.transpose(1, 2).reshape(len(patches), -1, *layer.map_size)
