"""Small networks with the operations of known families, whose maps are to be computed box by box."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    made = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(outputs))


class Basic(nn.Module):
    """ResNet's basic block; option A of the CIFAR networks pads the shortcut's channels."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, option_a: bool = False) -> None:
        super().__init__()
        self.first, self.second = conv(inputs, outputs, 3, stride), conv(outputs, outputs)
        self.act, self.option_a, self.more = nn.ReLU(inplace=True), option_a, outputs - inputs
        self.shortcut = nn.Identity() if option_a or (stride == 1 and not self.more) else conv(inputs, outputs, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.act(self.first(x)))
        skip = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2)) if self.option_a else x
        y += self.shortcut(skip)
        return self.act(y)


class Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(6, 3, 1), nn.ReLU(), conv(3, 3, 3, 2), nn.ReLU(), conv(3, 8, 1))
        self.shortcut = conv(6, 8, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class Inverted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 8, 1), nn.Hardswish(), conv(8, 8, 5, 1, 8), nn.ReLU6(inplace=True), nn.Dropout(0.5), conv(8, 3, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Squeezing(Inverted):
    """A part that reads the whole map: from here on nothing is local."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y * torch.sigmoid(F.adaptive_avg_pool2d(y, 1))


class Fire(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.narrow, self.wide = nn.Conv2d(5, 3, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.narrow(x)), F.relu(self.wide(x))], 1)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, 2, 3, 1, 1)) for n in (3, 5, 7)
        )

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for made in self.convs:
            features.append(made(torch.cat(features, 1)))
        return F.avg_pool2d(torch.cat(features, 1), 2)


class Shuffle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.last = nn.Conv2d(3, 8, 3), conv(4, 4, 3, 1, 4), nn.Conv2d(8, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        kept, worked = self.stem(x).chunk(2, dim=1)
        x = torch.cat((kept, self.branch(worked)), dim=1)
        n, c, h, w = x.shape
        return self.last(x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))


class Odds(nn.Module):
    """What else networks do to maps without leaving their cells."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Conv2d(3, 4, (3, 4), padding="same", dilation=(1, 2))
        self.scale = nn.Parameter(torch.rand(4, 1, 1) + 0.5)
        self.act = nn.PReLU(4)
        self.norm = nn.LocalResponseNorm(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.act(self.same(1.0 - x)))
        y = 2.0 / (y.abs() * self.scale + 1.0)
        first, second = y[:, 1:3, 1:, 2::3], torch.narrow(y, 1, 0, 2)[:, :, 1:, 2::3]
        y = F.pad(first - second.clone().float(), (1, 0, 2, 1), value=0.3)
        y.clamp_(max=1.5)
        y *= 2
        return F.avg_pool2d(F.gelu(y), 3, 1, padding=1)


class Unknown(nn.Module):
    """An operation in place that is not local, on a map that is used again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        z = y + 0.0
        z[:, :1] = 3.0
        y.cumsum_(2)
        return y * z.flip(3)


def _vgg() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, padding=1), nn.ReLU(inplace=True)),
    )


def _alexnet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(6, 6, 5, padding=2), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3, padding=1)),
    )


def _squeezenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(), nn.MaxPool2d(3, 2, ceil_mode=True)
    )


def _stem(*blocks: nn.Module) -> nn.Module:
    return nn.Sequential(conv(3, 6, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1), *blocks)


BOXED = {
    "resnet": lambda: _stem(Basic(6, 6), Basic(6, 8, 2)),
    "bottleneck": lambda: _stem(Bottleneck()),
    "resnet20": lambda: nn.Sequential(conv(3, 4), nn.ReLU(), Basic(4, 4), Basic(4, 8, 2, option_a=True)),
    "vgg": _vgg,
    "alexnet": _alexnet,
    "mobilenet": lambda: nn.Sequential(Inverted(), conv(3, 4, 3, 2), nn.SiLU()),
    "squeezenet": _squeezenet,
    "densenet": Dense,
    "odds": Odds,
}
"""Networks of local operations only."""

MIXED = {
    "squeezing": lambda: nn.Sequential(Squeezing(), conv(3, 4)),
    "shuffle": Shuffle,
    "unknown": Unknown,
    "group norm": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 4, 3)),
    "reflection": lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
    "counted average": lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "other axis": lambda: Applied(lambda x: torch.cat([x, x.chunk(2, 2)[0]], 2)),
    "per column": lambda: Applied(lambda x: x + torch.arange(x.shape[3])),
    "per image": lambda: Applied(lambda x: x * torch.arange(len(x)).view(-1, 1, 1, 1)),
    "two sizes": lambda: Applied(lambda x: x[:, :, :1, :1] * x),
    "chosen images": lambda: Applied(lambda x: torch.cat([x[1:], x[:1]])),
    "branch": lambda: Applied(lambda x: x.exp() if x.sum() > 0 else x.exp() - 1),
    "indices": lambda: Applied(lambda x: F.max_pool2d(x, 2, return_indices=True)[0]),
}
"""Networks with an operation that is not local."""


class Applied(nn.Module):
    def __init__(self, function) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)
