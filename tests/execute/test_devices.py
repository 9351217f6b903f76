from __future__ import annotations

import pytest
import torch
from torch import nn

from neuronym.errors import UserError
from neuronym.execute.devices import Running, choose_device


class Views(nn.Module):
    """Flattens its maps with ``view``, as many networks do; that fails channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4 * 36, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        out: torch.Tensor = self.head(y.view(len(y), -1))
        return out


def test_the_device_is_chosen_or_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device().type == (
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )
    with pytest.raises(UserError) as unknown:
        choose_device("gpu")
    assert str(unknown.value) == "There is no device 'gpu'. Use auto, cpu, cuda, cuda:0 ... or mps."
    if not torch.cuda.is_available():
        with pytest.raises(UserError) as absent:
            choose_device("cuda:1")
        assert str(absent.value) == (
            "The device 'cuda:1' is not available here. Available: cpu. Leave --device out to choose."
        )


def test_convolutions_run_channels_last_on_the_cpu_and_are_put_back() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    sample = torch.randn(2, 3, 8, 8)
    before = model(sample)
    with Running.chosen("cpu").prepared(model, sample) as settled:
        assert settled.channels_last
        assert settled.memory_format is torch.channels_last
        assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert model[0].weight.is_contiguous()
    assert torch.equal(model(sample), before)


@pytest.mark.parametrize("model", [Views().eval(), nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).eval()])
def test_what_cannot_or_need_not_run_channels_last_runs_as_it_is(model: nn.Module) -> None:
    sample = torch.randn(2, 3, 8, 8)
    with Running.chosen("cpu").prepared(model, sample) as settled:
        assert settled.channels_last is False
        model(sample.to(memory_format=settled.memory_format))


def test_the_users_choice_counts() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3)).eval()
    for chosen in (True, False):
        with Running.chosen("cpu", channels_last=chosen).prepared(model, torch.zeros(2, 3, 8, 8)) as settled:
            assert settled.channels_last is chosen


def test_half_precision_holds_in_the_block_only_and_after_an_error_too() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3)).eval()
    sample = torch.zeros(2, 3, 8, 8)

    def fail() -> None:
        with Running.chosen("cpu", "bfloat16").prepared(model, sample):
            assert model(sample).dtype == torch.bfloat16
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert model(sample).dtype == torch.float32
    assert model[0].weight.is_contiguous()
    with pytest.raises(UserError) as refused:
        Running.chosen("cpu", "float16")
    assert str(refused.value) == (
        "A CPU has no fast float16. Use --precision bfloat16 or float32, or another --device."
    )
