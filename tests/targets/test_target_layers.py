from __future__ import annotations

from collections import OrderedDict
from fnmatch import fnmatchcase

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from neuronym.errors import TargetError, UnknownNameError
from neuronym.records import LayerInfo
from neuronym.targets import timm as timm_targets
from neuronym.targets import torchvision as torchvision_targets
from neuronym.targets.layers import _expression, default_sample, discover, select
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target, TokenInfo


def target(model: nn.Module, **options: object) -> Target:
    return Target("test:net", "random", model, UNCHANGED, **options)  # type: ignore[arg-type]


def named(layers: list[LayerInfo]) -> dict[str, LayerInfo]:
    return {layer.path: layer for layer in layers}


@pytest.fixture(scope="module")
def resnet() -> Target:
    return torchvision_targets.load("resnet18", "random")


@pytest.fixture(scope="module")
def vit() -> Target:
    return timm_targets.load("vit_tiny_patch16_224", "random")


SMALL = torch.zeros(2, 3, 64, 64)


def test_resnet_layers_in_order_of_execution(resnet: Target) -> None:
    layers = discover(resnet, SMALL)
    paths = [layer.path for layer in layers]
    assert paths[:5] == ["conv1", "bn1", "relu", "maxpool", "layer1.0.conv1"]
    assert paths[-3:] == ["layer4", "avgpool", "fc"]
    assert (
        paths.index("layer1.1.conv1") < paths.index("layer1.1") < paths.index("layer1") < paths.index("layer2.0.conv1")
    )
    found = named(layers)
    assert found["layer2"] == LayerInfo("layer2", False, None, "Sequential", 128, (8, 8), "nchw")
    assert found["fc"] == LayerInfo("fc", False, None, "Linear", 1000, None, "flat")
    assert found["bn1"].activation == "relu"
    assert found["layer1.0.bn2"].activation is None  # the shortcut is added first
    assert found["layer1.0.relu"].calls == 2
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in resnet.model.modules())


def test_globs(resnet: Target) -> None:
    def paths(*patterns: str) -> list[str]:
        return [layer.path for layer in select(resnet, patterns, sample=SMALL)]

    assert paths("layer*") == ["layer1", "layer2", "layer3", "layer4"]
    assert paths("layer[12]") == ["layer1", "layer2"]
    assert paths("layer[!12]") == ["layer3", "layer4"]
    assert paths("layer?.0") == ["layer1.0", "layer2.0", "layer3.0", "layer4.0"]
    assert paths("*.downsample.0") == [f"layer{i}.0.downsample.0" for i in (2, 3, 4)]
    assert paths("layer1.**") == [layer.path for layer in discover(resnet, SMALL) if layer.path.startswith("layer1.")]
    assert paths("*") == ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]
    assert paths("fc", "layer1", "layer*", "layer1:before")[0] == "layer1"
    assert len(paths("fc", "layer1", "layer*")) == 5


@given(st.text("ab.*?", max_size=8), st.text("ab.", max_size=8))
def test_without_dots_globs_are_fnmatch(pattern: str, name: str) -> None:
    import re

    pattern, name = pattern.replace(".", ""), name.replace(".", "")
    assert bool(re.fullmatch(_expression(pattern), name)) == fnmatchcase(name, pattern)


def test_after_and_before(resnet: Target) -> None:
    after, before = select(resnet, ["bn1:after", "layer1"], sample=SMALL)
    assert (after.name, after.after, after.activation, before.name) == ("bn1:after", True, "relu", "layer1")
    both = select(resnet, ["bn1:after", "bn1"], sample=SMALL)
    assert [layer.name for layer in both] == ["bn1", "bn1:after"]
    with pytest.raises(
        TargetError,
        match=r"No activation function follows the layer 'conv1' directly; what follows is: 'batch_norm' in 'bn1'",
    ):
        select(resnet, ["conv1:after"], sample=SMALL)
    with pytest.raises(TargetError, match="the layer 'fc' directly; what follows is: nothing reads it"):
        select(resnet, ["fc:after"], sample=SMALL)
    with pytest.raises(TargetError, match="ends in ':later'; only ':after' and ':before' are known"):
        select(resnet, ["fc:later"], sample=SMALL)


def test_unknown_layers(resnet: Target) -> None:
    with pytest.raises(
        UnknownNameError, match=r"There is no layer 'layer5'\. Nearest: .*layer[1-4].*`neuronym layers` lists them\."
    ):
        select(resnet, ["layer5"], sample=SMALL)


def test_input_that_the_model_refuses(vit: Target) -> None:
    with pytest.raises(TargetError, match=r"fails on an input of 3x64x64: .*Give the size that it takes with --size"):
        discover(vit, SMALL)


class Zoo(nn.Module):
    """Every kind of activation and output that has to be told apart."""

    def __init__(self) -> None:
        super().__init__()
        activations = {
            "relu": nn.ReLU(inplace=True),
            "relu6": nn.ReLU6(inplace=True),
            "gelu": nn.GELU(),
            "silu": nn.SiLU(inplace=True),
            "hardswish": nn.Hardswish(),
            "leaky_relu": nn.LeakyReLU(0.3),
            "elu": nn.ELU(),
            "tanh": nn.Tanh(),
            "sigmoid": nn.Sigmoid(),
            "softplus": nn.Softplus(),
            "mish": nn.Mish(),
            "hardsigmoid": nn.Hardsigmoid(),
            "prelu": nn.PReLU(),
        }
        self.acts = nn.ModuleDict({f"m_{name}": module for name, module in activations.items()})
        self.convs = nn.ModuleDict({name: nn.Conv2d(3, 3, 1) for name in activations})
        self.functional_relu = nn.Conv2d(3, 3, 1)
        self.method_relu_ = nn.Conv2d(3, 3, 1)
        self.keyword_gelu = nn.Conv2d(3, 3, 1)
        self.dropped = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout(), nn.Identity())
        self.pair = Pair()
        self.mapping = Mapping()
        self.whole = Whole()
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        for name, conv in self.convs.items():
            x = self.acts[f"m_{name}"](conv(x))
        x = functional.relu(self.functional_relu(x))
        x = self.method_relu_(x).relu_()
        x = functional.gelu(input=self.keyword_gelu(x), approximate="tanh")
        x = torch.tanh(self.dropped(x))
        x = self.pair(x)[1][0]
        x = self.mapping(x)["map"]
        self.whole(x)
        return x.mean(dim=(2, 3))


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[None, list[Tensor], Tensor]:
        return None, [x * 2], x


class Mapping(nn.Module):
    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(count=torch.zeros(1, dtype=torch.int64), map=x + 1)


class Whole(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(dim=1)


def test_activations_and_outputs_of_all_kinds() -> None:
    zoo = target(Zoo())
    found = named(discover(zoo, torch.rand(2, 3, 5, 4)))
    for name in zoo.model.convs:  # type: ignore[union-attr]
        assert found[f"convs.{name}"].activation == name
        assert found[f"acts.m_{name}"].activation is None
    assert found["functional_relu"].activation == found["method_relu_"].activation == "relu"
    assert found["keyword_gelu"].activation == "gelu"
    assert {found[f"dropped{end}"].activation for end in ("", ".0", ".1", ".2")} == {"tanh"}
    assert found["pair"].output == "[1][0]"
    assert found["mapping"].output == "['map']"
    assert "whole" not in found
    assert "unused" not in found
    with pytest.raises(TargetError, match="The layer 'whole' cannot be explained: it gives no float tensor"):
        select(zoo, ["whole"], sample=torch.rand(2, 3, 5, 4))
    with pytest.raises(TargetError, match="'unused' cannot be explained: it does not run by itself"):
        select(zoo, ["unused"], sample=torch.rand(2, 3, 5, 4))
    with pytest.raises(TargetError, match=r"None of the modules that 'un\*' matches can be explained"):
        select(zoo, ["un*"], sample=torch.rand(2, 3, 5, 4))
    assert "whole" not in named(select(zoo, ["*"], sample=torch.rand(2, 3, 5, 4)))


class Layouts(nn.Module):
    """The same numbers of channels and positions, so that nothing can be told from a shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 4)
        self.act = nn.GELU()
        self.back = nn.Identity()
        self.spread = nn.Flatten(2)
        self.tokens = nn.Linear(4, 4)
        self.conv1d = nn.Conv1d(16, 16, 1)
        self.free = Free()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.act(self.linear(self.norm(x.permute(0, 2, 3, 1))))
        x = self.back(y.permute((0, 3, 1, 2)) + x)
        t = self.tokens(self.spread(x).transpose(1, 2))
        self.free(t)
        return self.conv1d(t).mean(dim=1)


class Free(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(len(x), 4, 4, 4)


def test_layouts_follow_the_operations() -> None:
    sample = torch.rand(2, 3, 4, 4)
    found = named(discover(target(Layouts()), sample))
    assert {path: found[path].layout for path in ("conv", "norm", "linear", "act", "back", "tokens")} == {
        "conv": "nchw",
        "norm": "nhwc",
        "linear": "nhwc",
        "act": "nhwc",
        "back": "nchw",
        "tokens": "tokens",
    }
    assert not {"spread", "conv1d"} & set(found)
    with pytest.raises(TargetError, match=r"'spread' cannot be explained: its output .* another layout"):
        select(target(Layouts()), ["spread"], sample=sample)
    # Made by no operation of known convention: the family decides, and in a list of tokens it is no map at all.
    assert found["free"].layout == "nchw"
    assert named(discover(target(Layouts(), channels_last_maps=True), sample))["free"].layout == "nhwc"
    assert "free" not in named(discover(target(Layouts(), token_info=TokenInfo(0, (4, 4))), sample))


def test_swin_and_convnext_maps() -> None:
    swin = torchvision_targets.load("swin_t", "random")
    found = named(discover(swin, SMALL))
    assert (found["features.1.0"].layout, found["features.1.0"].units, found["features.1.0"].map_size) == (
        "nhwc",
        96,
        (16, 16),
    )
    assert found["features.0.0"].layout == found["permute"].layout == "nchw"
    assert found["features.1.0.mlp.0"].activation == "gelu"
    convnext = torchvision_targets.load("convnext_tiny", "random")
    found = named(discover(convnext, SMALL))
    assert (found["features.1.0.block.4"].layout, found["features.1.0.block.4"].units) == ("nhwc", 384)
    assert (found["features.1.0"].layout, found["features.1.0"].units) == ("nchw", 96)


def test_token_policies(vit: Target) -> None:
    fc1 = "blocks.0.mlp.fc1"
    [layer] = select(vit, ["*.0.mlp.fc1:after"], tokens="grid")
    assert (layer.path, layer.layout, layer.tokens, layer.map_size) == (fc1, "tokens", "grid", (14, 14))
    assert (layer.units, layer.prefix_tokens, layer.token_count, layer.activation) == (768, 1, 197, "gelu")
    assert len(select(vit, ["*.mlp.fc1"], tokens="mean")) == 12
    assert select(vit, ["head"])[0].tokens is None
    [patches] = select(vit, ["patch_embed"], tokens="grid")
    assert (patches.prefix_tokens, patches.map_size) == (0, (14, 14))
    with pytest.raises(
        TargetError,
        match=r"'blocks.0.mlp.fc1' gives 197 tokens of 768 units per image; .* --tokens cls\|mean\|max\|grid",
    ):
        select(vit, [fc1])
    with pytest.raises(
        TargetError, match=r"'patch_embed' gives 196 tokens .* without a class token; use --tokens mean"
    ):
        select(vit, ["patch_embed"], tokens="cls")
    with pytest.raises(
        TargetError, match=r"The 195 tokens .* after 2 prefix tokens .*: the grid is 14x14. Correct --prefix-tokens"
    ):
        select(vit, [fc1], tokens="grid", prefix_tokens=2)
    with pytest.raises(
        TargetError, match=r"--prefix-tokens 197 does not go with the layer .*; it must leave at least one"
    ):
        select(vit, [fc1], tokens="mean", prefix_tokens=197)


def test_tokens_listed_before_a_policy_is_chosen(vit: Target) -> None:
    sample = default_sample(vit)
    assert sample.shape == (2, 3, 224, 224)
    found = named(discover(vit, sample))
    assert (found["blocks.0"].tokens, found["blocks.0"].map_size, found["blocks.0"].units) == (None, None, 192)
    assert named(discover(vit, sample, "grid"))["blocks.0"].map_size == (14, 14)
    assert not [path for path in found if path.endswith(("q_norm", "k_norm", "attn_drop"))]


class Tokens(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(3, 6)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x.flatten(2).transpose(1, 2)[:, : self.count])
        return out.mean(dim=1)


def test_tokens_of_an_unknown_transformer() -> None:
    sample = torch.rand(2, 3, 5, 5)
    unknown = target(Tokens(17))
    with pytest.raises(
        TargetError, match=r"not known how many of them are class or register tokens; .*--prefix-tokens"
    ):
        select(unknown, ["linear"], tokens="mean", sample=sample)
    assert select(unknown, ["linear"], tokens="grid", prefix_tokens=1, sample=sample)[0].map_size == (4, 4)
    assert select(unknown, ["linear"], tokens="max", prefix_tokens=0, sample=sample)[0].prefix_tokens == 0
    with pytest.raises(TargetError, match="cannot be laid out as a map: the grid is not known"):
        select(unknown, ["linear"], tokens="grid", prefix_tokens=0, sample=sample)
    with pytest.raises(TargetError, match="cannot be laid out as a map: the grid is not known"):
        select(unknown, ["linear"], tokens="grid", prefix_tokens=1, sample=torch.rand(2, 3, 4, 6))
