"""A target's answers to occluded images, with and without whole passes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

from neuronym.errors import NeuronymWarning
from neuronym.execute.devices import Running
from neuronym.functional.summary import summarise
from neuronym.regions.incremental import Occluding
from neuronym.regions.patched import Bases, Patched
from neuronym.targets.layers import select
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target
from regions.blocks import BOXED, Applied, Squeezing
from regions.test_incremental_maps import everywhere, made, slow_covered

RUNNING = Running(torch.device("cpu"), "float32", False)
SIDE = 48


def target(model: nn.Module, side: int = SIDE) -> Target:
    shape = {"resize": "none", "size": None, "crop": (side, side), "interpolation": "bilinear"}
    scaling = {"scale": "unit", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return Target("a net", "random", made(model), Preprocessing(**shape, **scaling))


def named(model: nn.Module, layers: Sequence[str]) -> tuple[Target, list]:
    found = target(model)
    return found, select(found, layers)


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def fill() -> Tensor:
    return torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def calm() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


WINDOWS = everywhere(SIDE, SIDE, 5, 11)


def slow_answers(model: nn.Module, path: str, image: Tensor, fill: Tensor, units: list[int], summary: str) -> Tensor:
    """One copy after another through the whole network."""
    found: list[Tensor] = []
    keep = model.get_submodule(path).register_forward_hook(lambda module, given, output: found.append(output.clone()))
    with torch.inference_mode():
        for copy in slow_covered(image, WINDOWS, fill):
            model(copy[None])
    keep.remove()
    return torch.cat([summarise(maps, summary)[:, units] for maps in found])


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("incremental", [None, False, True])
@pytest.mark.parametrize("summary", ["max", "mean"])
def test_answers_of_several_layers(image: Tensor, fill: Tensor, summary: str, incremental: bool | None) -> None:
    model, layers = named(BOXED["vgg"](), ["0", "3", "5"])
    wanted = {0: [5, 1], 2: [0]}
    with Occluding(model, layers, RUNNING, summary, 7, incremental=incremental) as occluding:
        values, plain = occluding.values(image, WINDOWS, fill, wanted)
        again, _ = occluding.values(image, WINDOWS[3:4], fill, {2: [0]})
        none, _ = occluding.values(image, WINDOWS[:0], fill, {2: [0, 1]})
        assert occluding.values(image, WINDOWS, fill, {}) == ({}, {})
    assert not any(module._forward_hooks for module in model.model.modules())
    for at, units in wanted.items():
        slow = slow_answers(model.model, layers[at].path, image, fill, units, summary)
        torch.testing.assert_close(values[at], slow, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(again[2], values[2][3:4], rtol=1e-5, atol=1e-6)
    assert (none[2].shape, plain[0].shape, plain[2].shape) == ((0, 2), (2,), (1,))
    with torch.inference_mode():
        whole = summarise(model.model[0](image[None]), summary)[0, [5, 1]]
    torch.testing.assert_close(plain[0], whole)


@pytest.mark.usefixtures("calm")
def test_the_activation_after_a_layer(image: Tensor, fill: Tensor) -> None:
    model, layers = named(BOXED["vgg"](), ["2:after", "5"])
    assert layers[0].after
    found = []
    for incremental in (False, True):
        with Occluding(model, layers, RUNNING, "mean", 7, incremental=incremental) as occluding:
            found.append(occluding.values(image, WINDOWS, fill, {0: range(6), 1: range(5)})[0])
    for at in (0, 1):
        torch.testing.assert_close(found[1][at], found[0][at], rtol=1e-4, atol=1e-5)
    assert (found[1][0] >= 0).all()


@pytest.mark.parametrize(("name", "below"), [("vgg", 0.5), ("resnet20", 0.5)])
def test_the_share_that_is_computed(image: Tensor, fill: Tensor, name: str, below: float) -> None:
    model, layers = named(BOXED[name](), ["0"])
    with Occluding(model, layers, RUNNING, "max", 7) as occluding:
        # Seven of 48 cells in each direction can change, and nothing else is computed.
        assert occluding.share(image, WINDOWS, fill, [0]) == pytest.approx((7 / SIDE) ** 2)
    model, layers = named(BOXED[name](), ["*"])
    with Occluding(model, layers, RUNNING, "max", 7) as occluding:
        assert occluding.share(image, WINDOWS, fill, range(len(layers))) < below


class Seeing(nn.Module):
    """A network that notes what kind of batch it is given."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.seen = inner, []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(isinstance(x, Patched))
        return self.inner(x)


def vision_transformer() -> nn.Module:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 12, 12)
            self.mix = nn.MultiheadAttention(8, 2, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(8, 2048), nn.GELU(), nn.Linear(2048, 8))
            self.norm = nn.LayerNorm(8)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            return self.norm(tokens + self.mlp(tokens + self.mix(tokens, tokens, tokens)[0]))

    return Tokens()


@pytest.mark.usefixtures("calm")
def test_a_transformer_is_passed_whole(image: Tensor, fill: Tensor) -> None:
    model = target(Seeing(vision_transformer()))
    layers = select(model, ["inner.norm"], tokens="mean", prefix_tokens=0)
    units = list(range(8))
    with Occluding(model, layers, RUNNING, "max", 64) as occluding:
        model.model.seen.clear()
        values, _ = occluding.values(image, WINDOWS, fill, {0: units})
        # The image, the check's full pass and twice boxes; then full passes.
        assert model.model.seen == [False, False, True, True, False]
        occluding.values(image, WINDOWS, fill, {0: units})
        assert model.model.seen[5:] == [False, False]
    with torch.inference_mode():
        slow = torch.cat([model.model(copy[None]).mean(1) for copy in slow_covered(image, WINDOWS, fill)])
    torch.testing.assert_close(values[0], slow, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("calm")
def test_what_is_local_up_to_a_layer_is_computed_so(image: Tensor, fill: Tensor) -> None:
    model = target(Seeing(nn.Sequential(Squeezing(), nn.Conv2d(3, 64, 7))))
    layers = select(model, ["inner.0.body.3", "inner.1"])
    with Occluding(model, layers, RUNNING, "max", 64) as occluding:
        occluding.values(image, WINDOWS, fill, {0: [1]})
        assert model.model.seen[-1]
        occluding.values(image, WINDOWS, fill, {1: [1]})
        assert not model.model.seen[-1]


class Counting(nn.Module):
    """Its answers depend on how often it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last, self.calls = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.last(self.conv(x) * self.calls)


def scaled(x: Tensor) -> Tensor:
    """Reads what only whole batches have: the memory that a view shares with its source."""
    y = x * 1.0
    y[:, :1].mul_(3.0)
    return y


def refusing(x: Tensor) -> Tensor:
    """Cannot run on anything but a plain tensor."""
    if type(x) is not Tensor:
        raise TypeError("plain tensors only")
    return x * 2


def test_a_network_that_cannot_run_on_boxes_is_passed_whole(image: Tensor, fill: Tensor) -> None:
    model = target(Seeing(nn.Sequential(Applied(refusing), nn.Conv2d(3, 4, 3))))
    text = (
        "The activations of a net cannot be had when only the occluded parts are computed (TypeError: plain tensors "
        "only). Whole images are passed instead, which takes longer."
    )
    layers = select(model, ["inner.1"])
    with (
        Occluding(model, layers, RUNNING, "max", 8, incremental=True) as occluding,
        pytest.warns(NeuronymWarning, match=f"^{re.escape(text)}$"),
    ):
        values, plain = occluding.values(image, WINDOWS, fill, {0: [1]})
    with Occluding(model, layers, RUNNING, "max", 8, incremental=False) as occluding:
        whole, _ = occluding.values(image, WINDOWS, fill, {0: [1]})
    assert torch.equal(values[0], whole[0])
    assert plain[0].shape == (1,)


@pytest.mark.parametrize("make", [Counting, lambda: nn.Sequential(Applied(scaled), nn.Conv2d(3, 4, 3))])
def test_answers_that_differ_are_noticed(image: Tensor, fill: Tensor, make: type[nn.Module]) -> None:
    model = target(Seeing(make()))
    layer = "inner.last" if make is Counting else "inner.1"
    text = (
        f"The activations of a net at '{layer}' differ when only the occluded parts are computed: the network's passes "
        "depend on more than their inputs, or change them in an unusual way. Whole images are passed instead, which "
        "takes longer."
    )
    with Occluding(model, select(model, [layer]), RUNNING, "max", 8, incremental=True) as occluding:
        with pytest.warns(NeuronymWarning, match=f"^{re.escape(text)}$"):
            occluding.values(image, WINDOWS, fill, {0: [0]})
        assert not model.model.seen[-1]
        model.model.seen.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            occluding.values(image, WINDOWS, fill, {0: [0]})
        assert not any(model.model.seen)


@pytest.mark.usefixtures("calm")
def test_nan_is_handed_on(image: Tensor, fill: Tensor) -> None:
    model, layers = named(nn.Sequential(nn.Conv2d(3, 4, 3), Applied(lambda x: x / 0.0 - x / 0.0)), ["1"])
    with Occluding(model, layers, RUNNING, "max", 8, incremental=True) as occluding:
        values, _ = occluding.values(image, WINDOWS, fill, {0: [0]})
    assert values[0].isnan().all()


@pytest.mark.usefixtures("calm")
def test_a_real_network() -> None:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = target(torchvision.models.resnet18(weights=None), 64)
    layers = select(model, ["relu", "layer1", "layer2.0.bn1:after", "layer3"])
    picture, windows = torch.randn(3, 64, 64), everywhere(64, 64, 5, 20)
    wanted, found = {at: [0, 7] for at in range(len(layers))}, []
    with RUNNING.chosen("cpu").prepared(model.model, torch.zeros(2, 3, 64, 64)) as settled:
        for incremental in (False, True):
            with Occluding(model, layers, settled, "mean", 16, incremental=incremental) as occluding:
                found.append(occluding.values(picture, windows, torch.zeros(3, 64, 64), wanted))
                assert occluding.share(picture, windows, torch.zeros(3, 64, 64), [0, 1]) < 0.5
    for at in wanted:
        torch.testing.assert_close(found[1][0][at], found[0][0][at], rtol=1e-4, atol=1e-5)
        assert torch.equal(found[1][1][at], found[0][1][at])


def test_halves_have_a_wider_tolerance(image: Tensor, fill: Tensor) -> None:
    model, layers = named(BOXED["vgg"](), ["5"])
    found = []
    with Running(torch.device("cpu"), "bfloat16", False).prepared(model.model, image[None]) as settled:
        for incremental in (False, True):
            with Occluding(model, layers, settled, "max", 16, incremental=incremental) as occluding:
                found.append(occluding.values(image, WINDOWS, fill, {0: range(5)})[0][0])
    assert found[1].dtype == torch.float32
    torch.testing.assert_close(found[1], found[0], rtol=5e-2, atol=5e-2)


def test_bases_do_not_take_a_new_tensor_for_an_old_one() -> None:
    bases = Bases()
    bases.next_pass()
    sums = [float(bases.once(torch.sum, torch.full((50,), float(number)))) for number in range(20)]
    assert sums == [50.0 * number for number in range(20)]
