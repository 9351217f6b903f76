from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuronym.errors import TargetError
from neuronym.targets import timm as timm_targets
from neuronym.targets import torchvision as torchvision_targets
from neuronym.targets.hooks import recording
from neuronym.targets.layers import select
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target

BATCH = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def target(model: nn.Module, **options: object) -> Target:
    return Target("test:net", "random", model, UNCHANGED, **options)  # type: ignore[arg-type]


def record(
    subject: Target, layers: list, batch: Tensor = BATCH, until_end: bool = False
) -> tuple[dict[str, Tensor], object]:
    kept: dict[str, Tensor] = {}

    def sink(position: int, activations: Tensor) -> None:
        assert layers[position].name not in kept
        kept[layers[position].name] = activations.clone()

    with recording(subject, layers, sink) as run:
        output = run(batch, until_end)
    return kept, output


def hook_counts(model: nn.Module) -> list[int]:
    return [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]


@pytest.fixture(scope="module")
def resnet() -> Target:
    subject = torchvision_targets.load("resnet18", "random")
    with torch.no_grad():  # random batch norms are all alike, and their units hardly ever negative
        for module in subject.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.copy_(torch.linspace(-1, 1, len(module.bias)))
    return subject


@torch.inference_mode()
def test_before_and_after_an_in_place_relu(resnet: Target) -> None:
    layers = select(resnet, ["bn1", "bn1:after", "layer1.0.bn1:after", "relu"], sample=BATCH)
    kept, _ = record(resnet, layers)
    model = resnet.model
    before = model.bn1(model.conv1(BATCH))
    assert (before < 0).any()
    torch.testing.assert_close(kept["bn1"], before)
    torch.testing.assert_close(kept["bn1:after"], before.clamp(min=0))
    torch.testing.assert_close(kept["relu"], before.clamp(min=0))
    block = model.layer1[0]
    inner = block.bn1(block.conv1(model.maxpool(before.clamp(min=0))))
    torch.testing.assert_close(kept["layer1.0.bn1:after"], inner.clamp(min=0))


@torch.inference_mode()
def test_the_last_call_counts_and_is_delivered_once(resnet: Target) -> None:
    kept, _ = record(resnet, select(resnet, ["layer1.0.relu", "layer1.0"], sample=BATCH))
    torch.testing.assert_close(kept["layer1.0.relu"], kept["layer1.0"])
    model = resnet.model
    torch.testing.assert_close(
        kept["layer1.0"], model.layer1[0](model.maxpool(model.relu(model.bn1(model.conv1(BATCH)))))
    )


def test_the_pass_stops_at_the_deepest_layer(resnet: Target) -> None:
    ran: list[str] = []
    handles = [
        module.register_forward_hook(lambda *_, path=path: ran.append(path))
        for path, module in resnet.model.named_modules()
    ]
    layers = select(resnet, ["layer1", "conv1"], sample=BATCH)
    ran.clear()
    try:
        kept, output = record(resnet, layers)
        assert output is None
        assert kept.keys() == {"conv1", "layer1"}
        # This test's own hooks were there first, so they also see the layer that ends the pass.
        assert ran[-1] == "layer1"
        assert not [path for path in ran if path.startswith(("layer2", "layer3", "layer4", "fc"))]
        _, logits = record(resnet, layers, until_end=True)
        assert "fc" in ran
        with torch.inference_mode():
            torch.testing.assert_close(logits, resnet.model(BATCH))
    finally:
        for handle in handles:
            handle.remove()


def test_hooks_are_gone_after_any_exception(resnet: Target) -> None:
    layers = select(resnet, ["layer1", "bn1:after", "fc"], sample=BATCH)
    before = hook_counts(resnet.model)

    def sink(position: int, activations: Tensor) -> None:
        raise KeyError("from the sink")

    with recording(resnet, layers, sink):
        assert hook_counts(resnet.model) != before
    assert hook_counts(resnet.model) == before
    with pytest.raises(KeyError, match="from the sink"), recording(resnet, layers, sink) as run:
        run(BATCH)
    assert hook_counts(resnet.model) == before
    with pytest.raises(RuntimeError), recording(resnet, layers, lambda *_: None) as run:
        run(BATCH[:, :2])
    assert hook_counts(resnet.model) == before
    with pytest.raises(KeyboardInterrupt), recording(resnet, layers, lambda *_: None):
        raise KeyboardInterrupt
    assert hook_counts(resnet.model) == before
    with pytest.raises(TargetError, match="has no layer"), recording(resnet, [*layers, _foreign(layers[0])], print):
        pass
    assert hook_counts(resnet.model) == before


def _foreign(layer):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(layer, path="nowhere")


def test_runs_repeat_and_hooks_sleep_between_them(resnet: Target) -> None:
    layers = select(resnet, ["bn1:after"], sample=BATCH)
    kept: list[Tensor] = []
    with recording(resnet, layers, lambda _, activations: kept.append(activations.clone())) as run:
        run(BATCH)
        with torch.inference_mode():
            resnet.model(BATCH)
        run(BATCH[:1])
    assert [len(activations) for activations in kept] == [3, 1]
    torch.testing.assert_close(kept[0][:1], kept[1])


class Stubborn(nn.Module):
    """Swallows whatever a part of it raises."""

    def __init__(self, kind: type[BaseException]) -> None:
        super().__init__()
        self.kind = kind
        self.part = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        try:
            return self.part(x.mean(dim=(2, 3)))  # type: ignore[no-any-return]
        except self.kind:
            return torch.zeros(len(x), 2)


@pytest.mark.parametrize("kind", [Exception, BaseException])
def test_models_that_swallow_exceptions(kind: type[BaseException]) -> None:
    subject = target(Stubborn(kind))
    layers = select(subject, ["part"], sample=BATCH)
    kept, _ = record(subject, layers)
    assert kept["part"].shape == (3, 2)

    def sink(position: int, activations: Tensor) -> None:
        raise ValueError("from the sink")

    with pytest.raises(ValueError, match="from the sink"), recording(subject, layers, sink) as run:
        run(BATCH)


class Sometimes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mean(dim=(2, 3))
        return self.part(x) if len(x) == 2 else x  # type: ignore[no-any-return]


def test_a_layer_that_does_not_run_is_an_error() -> None:
    subject = target(Sometimes())
    with pytest.raises(
        TargetError, match="'part' ran 0 times in the forward pass, not 1 times as when it was selected"
    ):
        record(subject, select(subject, ["part"], sample=BATCH[:2]))


class Parameters(nn.Module):
    """Activations whose parameters matter."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(3, 3, 1) for _ in range(4))
        self.leaky, self.prelu = nn.LeakyReLU(0.55, inplace=True), nn.PReLU(3)
        with torch.no_grad():
            self.prelu.weight.copy_(torch.tensor([0.1, -0.7, 0.9]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.leaky(self.a(x))
        x = self.prelu(self.b(x))
        x = functional.softplus(self.c(x), beta=3.0)
        return functional.gelu(input=self.d(x), approximate="tanh").mean(dim=(2, 3))


@torch.inference_mode()
def test_the_following_functions_keep_their_parameters() -> None:
    subject = target(Parameters())
    kept, _ = record(subject, select(subject, ["?", "?:after"], sample=BATCH))
    a, b, c, d = (kept[name].double() for name in "abcd")
    slopes = torch.tensor([0.1, -0.7, 0.9]).double().view(3, 1, 1)
    expected = {
        "a": torch.where(a < 0, 0.55 * a, a),
        "b": torch.where(b < 0, slopes * b, b),
        "c": torch.log1p(torch.exp(3 * c)) / 3,
        "d": 0.5 * d * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (d + 0.044715 * d**3))),
    }
    for name, values in expected.items():
        torch.testing.assert_close(kept[f"{name}:after"], values.float(), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_token_policies_on_a_vit() -> None:
    subject = timm_targets.load("vit_tiny_patch16_224", "random")
    batch = torch.rand(2, 3, 224, 224)
    model = subject.model
    tokens = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(batch))))
    tokens = model.blocks[0](tokens)
    kept = {
        policy: record(subject, select(subject, ["blocks.0"], tokens=policy), batch)[0]["blocks.0"]  # type: ignore[arg-type]
        for policy in ("cls", "mean", "max", "grid")
    }
    torch.testing.assert_close(kept["cls"], tokens[:, 0])
    torch.testing.assert_close(kept["mean"], tokens[:, 1:].sum(1) / 196)
    torch.testing.assert_close(kept["max"], tokens[:, 1:].max(1).values)
    assert kept["grid"].shape == (2, 192, 14, 14)
    for row, column in ((0, 0), (3, 11), (13, 13)):
        torch.testing.assert_close(kept["grid"][:, :, row, column], tokens[:, 1 + 14 * row + column])


def test_a_grid_that_changed_is_an_error() -> None:
    subject = timm_targets.load("vit_tiny_patch16_224", "random")
    subject.model.patch_embed.strict_img_size = False
    layers = select(subject, ["patch_embed.norm"], tokens="grid")
    with pytest.raises(TargetError, match="gave 98 patch tokens for this input, not the 14x14 it was selected with"):
        record(subject, layers, torch.rand(1, 3, 112, 224))


@torch.inference_mode()
def test_channels_last_maps_are_turned() -> None:
    subject = torchvision_targets.load("swin_t", "random")
    kept, _ = record(subject, select(subject, ["features.1", "features.0.0"], sample=BATCH))
    expected = subject.model.features[1](subject.model.features[0](BATCH))
    torch.testing.assert_close(kept["features.1"], expected.permute(0, 3, 1, 2))
    assert kept["features.0.0"].shape == kept["features.1"].shape == (3, 96, 16, 16)


@torch.inference_mode()
def test_tuple_outputs() -> None:
    subject = torchvision_targets.load("vit_b_32", "random")
    batch = torch.rand(1, 3, 224, 224)
    path = "encoder.layers.encoder_layer_0.self_attention"
    kept, _ = record(subject, select(subject, [path], tokens="mean"), batch)
    block = subject.model.encoder.layers[0]
    tokens = torch.cat([subject.model.class_token.expand(1, -1, -1), subject.model._process_input(batch)], dim=1)
    tokens = block.ln_1(tokens + subject.model.encoder.pos_embedding)
    attended, _ = block.self_attention(tokens, tokens, tokens, need_weights=False)
    torch.testing.assert_close(kept[path], attended[:, 1:].mean(1), rtol=1e-4, atol=1e-5)


def test_activations_are_float32() -> None:
    subject = target(Parameters()).to("cpu", torch.bfloat16)
    kept, _ = record(subject, select(subject, ["a"], sample=BATCH.bfloat16()), BATCH.bfloat16())
    assert kept["a"].dtype == torch.float32
