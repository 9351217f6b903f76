"""The model ``blobs:colours``: a convolutional network made by hand, whose units detect colours."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from neuronym.errors import TargetError, unknown_name
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target
from neuronym_plugin_example.colours import CORNERS, NAMES


def load(name: str, weights: str | None) -> Target:
    """The entry point: ``name`` is what follows ``blobs:``, ``weights`` the user's choice or None."""
    if name != "colours":
        raise unknown_name("blobs model", name, ["colours"])
    if weights is not None:
        raise TargetError(
            f"The model blobs:colours is made by hand and takes no weights, got {weights!r}. Leave it out."
        )
    pixels_in_unit_range = Preprocessing("exact", (32, 32), (32, 32), "bilinear", "unit", (0.0,) * 3, (1.0,) * 3)
    return Target("blobs:colours", "by-hand", build(), pixels_in_unit_range, class_names=NAMES)


def build() -> nn.Sequential:
    """Float [n, 3, height, width] in 0..1 to float [n, 8], the amount of each colour."""
    network = nn.Sequential(
        OrderedDict(
            detect=nn.Conv2d(3, 8, kernel_size=1),
            relu=nn.ReLU(),
            blob=nn.Conv2d(8, 8, kernel_size=3, padding=1, groups=8, bias=False),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )
    corners = torch.from_numpy(CORNERS)
    with torch.no_grad():
        # For pixels x in the cube and a corner c, (2c - 1)·x - sum(c) is minus their city-block distance.
        network.detect.weight.copy_((2 * corners - 1)[:, :, None, None])
        network.detect.bias.copy_(1 - corners.sum(dim=1))
        network.blob.weight.fill_(1 / 9)
    return network
