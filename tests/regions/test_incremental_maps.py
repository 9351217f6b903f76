"""Maps computed box by box are those of full passes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuronym.functional.summary import summarise
from neuronym.regions._patched_boxes import Axis
from neuronym.regions._patched_summary import summarised
from neuronym.regions.patched import Bases, Patched, covered, patched
from regions.blocks import BOXED, MIXED


def made(network: nn.Module) -> nn.Module:
    """Weights and running statistics that let every cell matter."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_()
    return network.eval().requires_grad_(False)


def everywhere(height: int, width: int, side: int, step: int) -> Tensor:
    """Windows all over an image, with those at all four corners."""
    rows, columns = ([*range(0, length - side, step), length - side] for length in (height, width))
    return torch.tensor([(x, y, x + side, y + side) for y in rows for x in columns])


def slow_covered(image: Tensor, windows: Tensor, fill: Tensor) -> Tensor:
    """A copy per window, and a slice of the fill in each."""
    copies = []
    for left, top, right, bottom in windows.clamp(min=0).tolist():
        copy = image.clone()
        copy[:, top:bottom, left:right] = fill[:, top:bottom, left:right]
        copies.append(copy)
    return torch.stack(copies)


@pytest.mark.parametrize("shape", [(63, 63), (56, 75)])
@pytest.mark.parametrize("name", [*BOXED, *MIXED])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_networks_answer_as_to_whole_images(name: str, shape: tuple[int, int], layout: torch.memory_format) -> None:
    network = made((BOXED | MIXED)[name]()).to(memory_format=layout)
    shape = (shape[0] * 2, shape[1] * 2) if name == "alexnet" else shape  # whose strides leave little of an image
    batch = torch.randn(2, 3, *shape).to(memory_format=layout)
    windows, bases = everywhere(*shape, 5, shape[0] // 5), Bases()
    with torch.inference_mode():
        for some in windows.split(13):
            bases.next_pass()
            wanted = network(slow_covered(batch[0], some, batch[1]).to(memory_format=layout))
            found = network(patched(batch[0], some, batch[1], bases))
            assert found.shape == wanted.shape
            if name in BOXED:
                assert isinstance(found, Patched)
                assert found.whole is None
            torch.testing.assert_close(
                found.full() if isinstance(found, Patched) else found, wanted, rtol=1e-4, atol=1e-5
            )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_sliding_operations_miss_no_cell(data: st.DataObject) -> None:
    pick = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    kernel, stride, dilation = (pick(1, 4), pick(1, 4)), (pick(1, 5), pick(1, 3)), (pick(1, 3), pick(1, 2))
    ceil = data.draw(st.booleans())
    shape = tuple(pick((size - 1) * step + 1, 17) for size, step in zip(kernel, dilation, strict=True))
    side = (pick(1, min(5, shape[0])), pick(1, min(5, shape[1])))
    starts = [(pick(0, shape[1] - side[1]), pick(0, shape[0] - side[0])) for _ in range(pick(1, 4))]
    windows = torch.tensor([(x, y, x + side[1], y + side[0]) for x, y in starts])
    torch.manual_seed(0)
    image, fill, weight = torch.randn(4, *shape), torch.randn(4, *shape), torch.randn(4, 2, *kernel)
    half = tuple(size // 2 for size in kernel)
    padding, begin = (pick(0, half[0]), pick(0, half[1])), (pick(0, shape[0] - 1), pick(0, shape[1] - 1))
    wide = (pick(0, 3), pick(0, 3))

    def operations(x: Tensor) -> list[Tensor]:
        return [
            F.conv2d(x, weight, None, stride, wide, dilation, 2),
            F.max_pool2d(x, kernel, stride, padding, dilation, ceil),
            F.avg_pool2d(x, kernel, stride, padding, ceil),
            F.avg_pool2d(x, kernel, stride, padding, divisor_override=3),
            x[:, 1:3, begin[0] :: stride[0], begin[1] :: stride[1]],
            x[:, :, : begin[0] + 1],
        ]

    with torch.inference_mode():
        whole = operations(covered(image, windows, fill))
        boxed = operations(patched(image, windows, fill, Bases()))
    for found, wanted in zip(boxed, whole, strict=True):
        torch.testing.assert_close(found.full() if isinstance(found, Patched) else found, wanted, rtol=1e-4, atol=1e-5)


@given(*(st.integers(1, 12), st.integers(1, 5), st.integers(1, 5), st.integers(-3, 4), st.integers(1, 3)))
def test_the_touched_cells_are_those_that_read_a_changed_cell(
    length: int, kernel: int, stride: int, before: int, dilation: int
) -> None:
    out = (length + 2 * before - (kernel - 1) * dilation - 1) // stride + 1
    if out < 1:
        return
    axis = Axis(length, out, kernel, stride, before, dilation)
    for size in range(1, length + 1):
        starts = torch.arange(length - size + 1).numpy()
        first, many = axis.touched(starts, size)
        for start, begin in zip(starts, first, strict=True):
            read = {o: {o * stride - before + j * dilation for j in range(kernel)} for o in range(out)}
            changed = {o for o, cells in read.items() if cells & set(range(start, start + size))}
            assert changed <= set(range(begin, begin + many)) <= set(range(out))


@pytest.mark.parametrize("edges", [(0, 0, 6, 6), (-3, 4, 2, 30), (20, 20, 24, 24)])
def test_windows_of_several_sizes_may_leave_the_image(edges: tuple[int, ...]) -> None:
    image, fill = torch.randn(2, 3, 12, 14)
    windows = torch.tensor([edges, (2, 3, 5, 9)])
    whole = slow_covered(image, windows, fill)
    assert torch.equal(covered(image, windows, fill), whole)
    assert torch.equal(patched(image, windows, fill, Bases()).full(), whole)


@pytest.mark.parametrize("summary", ["max", "mean", "abs-mean", "q99"])
@pytest.mark.parametrize("network", [nn.Conv2d(3, 5, 3, padding=1), nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(1))])
def test_summaries_are_those_of_the_whole_maps(summary: str, network: nn.Module) -> None:
    torch.manual_seed(0)
    batch, windows = torch.randn(2, 3, 13, 11), everywhere(13, 11, 4, 3)
    with torch.inference_mode():
        wanted = summarise(network(covered(batch[0], windows, batch[1])), summary)[:, [3, 1]]
        found = summarised(network(patched(batch[0], windows, batch[1], Bases())), [3, 1], summary)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_base_is_computed_once_and_forgotten_when_unused() -> None:
    bases, given, calls = Bases(), torch.ones(2), []

    def counted(value: Tensor, more: int) -> Tensor:
        calls.append(more)
        return value + more

    bases.next_pass()
    first = bases.once(counted, given, 1)
    bases.next_pass()
    assert bases.once(counted, given, 1) is first
    bases.once(counted, given, 2)
    assert calls == [1, 2]
    for _ in range(2):
        bases.next_pass()
        bases.once(counted, given, 1)
    bases.once(counted, given, 2)
    assert calls == [1, 2, 2]


def test_other_attributes_are_those_of_the_whole_maps() -> None:
    image, fill = torch.randn(2, 3, 8, 8)
    windows = everywhere(8, 8, 3, 2)
    maps, whole = patched(image, windows, fill, Bases()), covered(image, windows, fill)
    assert (maps.shape, len(maps), maps.dtype, maps.whole) == (whole.shape, len(whole), whole.dtype, None)
    assert torch.equal(maps.data, whole)
    dispatched = torch.ops.aten.sum.dim_IntList  # as code that does not come from Python calls it
    with torch._C.DisableTorchFunctionSubclass():
        found = dispatched(patched(image, windows, fill, Bases()), [2, 3])
    torch.testing.assert_close(found, whole.sum((2, 3)))
