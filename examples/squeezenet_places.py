"""SqueezeNet 1.1 trained on the 365 scenes of Places365, as a target: ``--model squeezenet_places:squeezenet_places``.

The names of its parameters are those of torchvision's ``squeezenet1_1``, its function is not: every activation is a
leaky ReLU of slope 0.55, the first convolution pads by one pixel, and pooling drops incomplete windows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SCENES = 365
SLOPE = 0.55


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then 1x1 and 3x3 convolutions side by side (Iandola et al. 2016)."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.squeeze_activation = nn.LeakyReLU(SLOPE)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.LeakyReLU(SLOPE)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Float [n, 2 * expanded, height, width]."""
        x = self.squeeze_activation(self.squeeze(x))
        sides = (self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x)))
        return torch.cat(sides, dim=1)


class SqueezeNet(nn.Module):
    """Eight fire modules between two convolutions, and a global mean."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.MaxPool2d(3, 2),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, 2),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, 2),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(512, SCENES, 1), nn.LeakyReLU(SLOPE), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores, float [n, 365], for float [n, 3, height, width]."""
        scores: Tensor = self.classifier(self.features(x))
        return scores.flatten(1)


def squeezenet_places() -> SqueezeNet:
    """The network with its preprocessing: bytes minus the mean colour, over 255, the central 224 x 224 pixels."""
    model = SqueezeNet()
    model.neuronym_preprocessing = {
        "resize": "shorter",
        "size": 224,
        "crop": (224, 224),
        "interpolation": "bilinear",
        "scale": "byte",
        "mean": (116.68, 112.51, 104.05),
        "std": (255.0, 255.0, 255.0),
    }
    return model
