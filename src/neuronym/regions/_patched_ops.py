"""The operations that work on the boxes of :class:`~neuronym.regions.patched.Patched` maps alone.

Each gives None where it is not local with these arguments; the maps are then written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_leaves, tree_map_only

from neuronym.regions._patched_boxes import Axis, Starts, common, gather, paste
from neuronym.regions.patched import Patched
from neuronym.targets._tracing import ACTIVATIONS

COVERED = 0.8
"""Where boxes have this share of a map or more, the whole map is computed: cutting out and pasting costs as much."""

_FUNCTIONS = {
    "clamp",
    "clamp_min",
    "clamp_max",
    "clip",
    "abs",
    "exp",
    "log",
    "sqrt",
    "square",
    "neg",
    "pow",
    "reciprocal",
}
_COMBINING = {"add", "sub", "mul", "div", "true_divide", "multiply", "subtract", "divide", "maximum", "minimum"}
_OPERATORS = {"radd", "rsub", "rmul", "rdiv", "iadd", "isub", "imul", "idiv", "itruediv"}
_COPIES = {"clone", "contiguous", "detach", "float", "half", "bfloat16", "to"}
_NORMS = {"batch_norm", "local_response_norm", "dropout", "dropout2d"}
_CHANNELS = {"cat", "concat", "concatenate", "chunk", "split", "narrow"}

_EACH_CELL = (ACTIVATIONS - {"rrelu"}).union(_FUNCTIONS, _COMBINING, _OPERATORS, _COPIES, _NORMS, _CHANNELS)
"""Operations of which each cell needs that cell alone, in all channels, by their names without underscores."""

_ALONG_CHANNELS = {"cat": 1, "concat": 1, "concatenate": 1, "chunk": 2, "split": 2, "narrow": 1}
"""Those that have an axis, which has to be that of the channels, and its place among the arguments."""

_PER_CHANNEL = frozenset({"batch_norm", "prelu"})
"""Those whose vectors have an entry per channel."""


def local(func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The result of an operation, Patched as its arguments are; None if it has to be computed on whole maps."""
    inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Patched)]
    if any(one.whole is not None or one.bases is not inputs[0].bases for one in inputs):
        return None
    plain = name.strip("_")
    if plain in _EACH_CELL:
        return _on_cells(func, name, inputs, args, kwargs)
    handler = _SLIDING.get(plain)
    if handler is None or len(inputs) > 1 or not args or args[0] is not inputs[0]:
        return None
    return handler(func, *args, **kwargs)


def _on_cells(
    func: Callable[..., Any], name: str, inputs: list[Patched], args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    if not _cell_by_cell(name.strip("_"), inputs, args, kwargs):
        return None
    starts, size = common([one.box for one in inputs], (inputs[0].shape[2], inputs[0].shape[3]))
    if _covers(size, inputs[0].shape[2:]):
        return None
    in_place = bool(kwargs.get("inplace")) or (name.endswith("_") and not name.endswith("__")) or name[:3] == "__i"
    if in_place and not (args and args[0] is inputs[0]):
        return None
    patch_args = tree_map_only(Patched, lambda one: one.boxes(starts, size), (args, kwargs))
    base_args = tree_map_only(Patched, lambda one: one.base, (args, kwargs))
    leading = (_on_copy, func) if in_place else (func,)
    patch = leading[0](*leading[1:], *patch_args[0], **patch_args[1])
    base = inputs[0].bases.once(*leading, *base_args[0], **base_args[1])
    if in_place:
        inputs[0].become(base, patch, starts)
        return inputs[0]
    if isinstance(patch, Tensor):
        return Patched(base, patch, starts, inputs[0].bases)
    return tuple(Patched(one, box, starts, inputs[0].bases) for one, box in zip(base, patch, strict=True))


def _cell_by_cell(name: str, inputs: list[Patched], args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether each cell of the output needs that cell of the inputs alone, with these arguments."""
    if name.startswith("dropout") and kwargs.get("training") is not False:
        return False
    if name == "batch_norm" and kwargs.get("training", args[5] if len(args) > 5 else False):
        return False
    if name in _ALONG_CHANNELS:
        place = _ALONG_CHANNELS[name]
        if kwargs.get("dim", args[place] if len(args) > place else 0) not in (1, -3):
            return False
    if any(one.shape[2:] != inputs[0].shape[2:] for one in inputs):
        return False
    others = (
        leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and not isinstance(leaf, Patched)
    )
    return name in _PER_CHANNEL or all(_alike_everywhere(other) for other in others)


def _alike_everywhere(tensor: Tensor) -> bool:
    """Whether a tensor means the same to every cell of every map that it is combined with."""
    return tensor.ndim <= 4 and tensor.shape[-2:].numel() == 1 and (tensor.ndim < 4 or len(tensor) == 1)


def _on_copy(func: Callable[..., Any], first: Tensor, *args: Any, **kwargs: Any) -> Any:
    """What an operation in place gives, with its argument as it was: others may have its memory too."""
    return func(first.clone(), *args, **kwargs)


def _covers(size: tuple[int, int], shape: Sequence[int]) -> bool:
    return size[0] * size[1] >= COVERED * shape[0] * shape[1]


def _slid(
    maps: Patched, base: Tensor, axes: tuple[Axis, Axis], value: float, operation: Callable[[Tensor], Tensor]
) -> Patched | None:
    """What an operation that slides over maps makes of them.

    Args:
        maps: its input.
        base: what it makes of their base.
        axes: how it reads rows and columns.
        value: of the padding.
        operation: the same without padding; of the cells that some cells of the output read it makes these.
    """
    down, across = axes
    (rows, height), (columns, width) = (
        axis.touched(maps.origins[:, at], maps.patch.shape[2 + at]) for at, axis in enumerate(axes)
    )
    if _covers((height, width), base.shape[2:]):
        return None
    padding = (across.before, across.after, down.before, down.after)
    padded = maps.bases.once(functional.pad, maps.base, padding, value=value) if any(padding) else maps.base
    starts = np.stack([rows, columns], 1)
    first = starts * (down.stride, across.stride)
    cells = gather(padded, first, (down.reads(height), across.reads(width)))
    places = maps.origins + np.array((down.before, across.before)) - first
    patch = operation(_with_patch(cells, maps, places))
    return Patched(base, patch, starts, maps.bases)


def _with_patch(cells: Tensor, maps: Patched, places: Starts) -> Tensor:
    """The cells with the boxes pasted at their places, which may lie partly outside of the cells that are read."""
    (height, width), size = cells.shape[2:], np.array(maps.box[1])
    top, left = (int(cut) for cut in np.maximum(0, -places.min(0)))
    bottom, right = (int(cut) for cut in np.maximum(0, (places + size).max(0) - (height, width)))
    if not (top or left or bottom or right):
        paste(cells, maps.patch, places)
        return cells
    framed = functional.pad(cells, (left, right, top, bottom))
    paste(framed, maps.patch, places + np.array((top, left)))
    return framed[:, :, top : top + height, left : left + width]


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, last = value if len(value) == 2 else (value[0], value[0])
    return int(first), int(last)


def _axes(maps: Patched, base: Tensor, kernel: Any, stride: Any, before: Any, dilation: Any = 1) -> tuple[Axis, Axis]:
    told = [_pair(value) for value in (kernel, stride, before, dilation)]
    down, across = (Axis(maps.shape[2 + at], base.shape[2 + at], *(value[at] for value in told)) for at in (0, 1))
    return down, across


def _convolve(
    func: Callable[..., Tensor],
    maps: Patched,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Patched | None:
    base = maps.bases.once(func, maps.base, weight, bias, stride, padding, dilation, groups)
    kernel = weight.shape[2:]
    if isinstance(padding, str):
        # "same" puts the smaller half of the padding first.
        reach = [(size - 1) * step // 2 for size, step in zip(kernel, _pair(dilation), strict=True)]
        padding = reach if padding == "same" else 0
    axes = _axes(maps, base, kernel, stride, padding, dilation)
    return _slid(maps, base, axes, 0.0, lambda cells: func(cells, weight, bias, stride, 0, dilation, groups))


def _max_pool(
    func: Callable[..., Tensor],
    maps: Patched,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Patched | None:
    if return_indices:
        return None
    stride = stride or kernel_size
    base = maps.bases.once(func, maps.base, kernel_size, stride, padding, dilation, ceil_mode)
    axes = _axes(maps, base, kernel_size, stride, padding, dilation)
    return _slid(
        maps, base, axes, -torch.inf, lambda cells: functional.max_pool2d(cells, kernel_size, stride, 0, dilation)
    )


def _average_pool(
    func: Callable[..., Tensor],
    maps: Patched,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Patched | None:
    stride = stride or kernel_size
    counted = count_include_pad or divisor_override is not None
    base = maps.bases.once(
        func, maps.base, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    axes = _axes(maps, base, kernel_size, stride, padding)
    # At a border, where fewer cells are counted, the mean of a window is not that of its cells and zeros.
    if any(axis.after > axis.before or (axis.before and not counted) for axis in axes):
        return None
    return _slid(
        maps,
        base,
        axes,
        0.0,
        lambda cells: functional.avg_pool2d(cells, kernel_size, stride, divisor_override=divisor_override),
    )


def _pad(
    func: Callable[..., Tensor], maps: Patched, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Patched | None:
    if mode != "constant" or len(pad) > 6 or min(pad) < 0:
        return None
    base = maps.bases.once(func, maps.base, tuple(pad), mode, value)
    left, _, top, _, *channels = *pad, *(0,) * (4 - len(pad))
    patch = func(maps.patch, (0, 0, 0, 0, *channels), mode, value) if any(channels) else maps.patch
    return Patched(base, patch, maps.origins + np.array((top, left)), maps.bases)


def _select(func: Callable[..., Tensor], maps: Patched, index: Any) -> Patched | None:
    index = index if isinstance(index, tuple) else (index,)
    if len(index) > 4 or not all(isinstance(one, slice) for one in index):
        return None
    told: tuple[slice, ...] = (*index, *(slice(None),) * (4 - len(index)))
    images, channels, *cells = told
    if images != slice(None):
        return None
    base = maps.bases.once(func, maps.base, index)
    starts, _, steps = zip(*(one.indices(side) for one, side in zip(cells, maps.shape[2:], strict=True)), strict=True)
    if base.numel() == 0 or min(steps) < 1:
        return None
    if (*starts, *steps) == (0, 0, 1, 1) and base.shape[2:] == maps.shape[2:]:
        return Patched(base, maps.patch[:, channels], maps.origins, maps.bases)
    axes = _axes(maps, base, 1, steps, tuple(-start for start in starts))
    return _slid(maps, base, axes, 0.0, lambda read: read[:, channels, :: steps[0], :: steps[1]])


_SLIDING: dict[str, Callable[..., Any]] = {
    "conv2d": _convolve,
    "max_pool2d": _max_pool,
    "avg_pool2d": _average_pool,
    "pad": _pad,
    "getitem": _select,
}
