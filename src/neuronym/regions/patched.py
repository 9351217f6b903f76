"""Feature maps that differ from one another in a box only.

A :class:`Patched` is given to a network in place of a batch of occluded images, and the network's own code runs on it.
Local operations work on the boxes alone (:mod:`neuronym.regions._patched_ops`); before any other, the maps are written
out, and from there on plain tensors go through the network. So the answer is always that of a full pass, within float
tolerance, and cheaper the longer the occluder's reach stays small (Nakandala et al., SIGMOD 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils._pytree import tree_map_only

from neuronym.regions._patched_boxes import Starts, gather, paste

_DESCRIBED = frozenset({"shape", "dtype", "device", "ndim", "layout", "is_cuda", "is_meta", "requires_grad"})
_ASKED = frozenset({"size", "dim", "ndimension", "numel", "nelement", "is_floating_point", "is_complex", "__len__"})


class Bases:
    """The unoccluded feature maps of one image, each computed when it is first needed.

    A result is kept under its function and arguments, and dropped if a whole pass went by without asking for it: memory
    is at most what two passes of a single image make, all layers' maps together, with and without padding.
    """

    def __init__(self) -> None:
        self._pass = 0
        self._kept: dict[Any, tuple[int, Any, Any]] = {}

    def next_pass(self) -> None:
        """Another batch of occluded images begins."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept[0] == self._pass}
        self._pass += 1

    def once(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """``func(*args, **kwargs)``, which changes nothing and depends on nothing else."""
        key = (func, _key(args), _key(kwargs))
        kept = self._kept.get(key)
        # The arguments are kept too: of a tensor the key has the identity, which another may have once it is gone.
        result, given = (func(*args, **kwargs), (args, kwargs)) if kept is None else kept[1:]
        self._kept[key] = (self._pass, result, given)
        return result


def _key(value: Any) -> Any:
    if isinstance(value, Tensor):
        return "tensor", id(value)
    if isinstance(value, slice):
        return "slice", value.start, value.stop, value.step
    if isinstance(value, list | tuple):
        return tuple(_key(item) for item in value)
    return tuple((name, _key(item)) for name, item in value.items()) if isinstance(value, dict) else value


class Patched(Tensor):
    """Float [n, channels, height, width]: map i is ``base`` but for the box ``patch[i]`` at ``origins[i]``.

    Attributes:
        base: float [1, channels, height, width].
        patch: float [n, channels, rows, columns].
        origins: row and column of each box, int64 [n, 2]; the boxes lie on the map.
        bases: the maps of ``base``'s image.
        whole: all maps, float [n, channels, height, width], once they were written out; then it alone counts.
    """

    base: Tensor
    patch: Tensor
    origins: Starts
    bases: Bases
    whole: Tensor | None

    @staticmethod
    def __new__(cls, base: Tensor, patch: Tensor, origins: Starts, bases: Bases) -> Patched:
        """A tensor without memory of its own, of the shape of the maps."""
        made: Patched = Tensor._make_wrapper_subclass(
            cls, (len(patch), *base.shape[1:]), dtype=patch.dtype, device=patch.device
        )
        made.bases, made.whole = bases, None
        made.become(base, patch, origins)
        return made

    def __init__(self, base: Tensor, patch: Tensor, origins: Starts, bases: Bases) -> None:
        super().__init__()

    def become(self, base: Tensor, patch: Tensor, origins: Starts) -> None:
        """Take on other values, as an operation in place has it."""
        self.base, self.patch, self.origins = base, patch, origins

    @property
    def box(self) -> tuple[Starts, tuple[int, int]]:
        """Where the boxes begin, and their one size."""
        return self.origins, (self.patch.shape[2], self.patch.shape[3])

    def boxes(self, starts: Starts, size: tuple[int, int]) -> Float[Tensor, "n channels rows columns"]:
        """Other boxes of these maps, which hold the own ones."""
        if starts is self.origins and size == self.box[1]:
            return self.patch
        cells = gather(self.base, starts, size)
        paste(cells, self.patch, self.origins - starts)
        return cells

    def full(self) -> Float[Tensor, "n channels height width"]:
        """All maps, which are kept, and given to every operation from now on."""
        if self.whole is None:
            height, width = self.base.shape[2:]
            self.whole = self.boxes(np.zeros_like(self.origins), (height, width))
        return self.whole

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Every operation of torch with a Patched among its arguments comes here."""
        from neuronym.regions._patched_ops import local

        name, kwargs = func.__name__, kwargs or {}
        if name in _ASKED or (name == "__get__" and getattr(func, "__self__").__name__ in _DESCRIBED):  # noqa: B009
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if name in ("__set__", "__get__"):
            return func(args[0].full(), *args[1:])
        result = local(func, name, args, kwargs)
        if result is not None:
            return result
        args, kwargs = tree_map_only(Patched, Patched.full, (args, kwargs))
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares it without the class
        cls, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Operations that do not come from Python, such as those of a scripted module."""
        args, kwargs = tree_map_only(Patched, Patched.full, (args, kwargs or {}))
        return func(*args, **kwargs)


def patched(
    image: Float[Tensor, "channels height width"],
    windows: Int[Tensor, "n 4"],
    fill: Float[Tensor, "channels height width"],
    bases: Bases,
) -> Patched:
    """The image with ``fill`` in one window after another: as :func:`covered`, but only the boxes are stored.

    Args:
        image: what is occluded; the same tensor in every pass with the same ``bases``.
        windows: left, top, right and bottom edge of each, in pixels; what lies outside of the image has no effect.
        fill: what an occluder shows where it stands.
        bases: the maps of this image.
    """
    shape = np.array(image.shape[1:])
    corners = windows.cpu().numpy().astype(np.int64)
    first, last = np.clip(corners[:, 1::-1], 0, shape), np.clip(corners[:, :1:-1], 0, shape)
    height, width = (max(1, int(extent)) for extent in (last - first).max(0))
    origins = np.minimum(first, shape - (height, width))
    base = bases.once(_as_batch, image)
    inside = _inside(torch.from_numpy(np.concatenate([first - origins, last - origins], 1)), (height, width))
    filled, shown = (gather(one, origins, (height, width)) for one in (fill[None], base))
    return Patched(base, torch.where(inside.to(image.device), filled, shown), origins, bases)


def covered(
    image: Float[Tensor, "channels height width"],
    windows: Int[Tensor, "n 4"],
    fill: Float[Tensor, "channels height width"],
) -> Float[Tensor, "n channels height width"]:
    """The image with ``fill`` in one window after another, which has (left, top, right, bottom) edges in pixels."""
    edges = windows[:, [1, 0, 3, 2]].to(image.device)
    return torch.where(_inside(edges, (image.shape[1], image.shape[2])), fill, image)


def _inside(edges: Int[Tensor, "n 4"], shape: tuple[int, int]) -> Tensor:
    """Bool [n, 1, height, width]: the cells between the (top, left, bottom, right) edges."""
    top, left, bottom, right = edges[:, :, None].unbind(1)
    rows, columns = (torch.arange(side, device=edges.device) for side in shape)
    down, across = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return down[:, None, :, None] & across[:, None, None, :]


def _as_batch(image: Tensor) -> Tensor:
    return image[None]
