"""What stands where an image is covered."""

from __future__ import annotations

import torch
from jaxtyping import Float32
from torch import Tensor

from neuronym.records import OcclusionRule
from neuronym.targets.preprocessing import Preprocessing


def covered_with(
    image: Float32[Tensor, "3 height width"], rule: OcclusionRule, size: int
) -> Float32[Tensor, "3 height width"]:
    """A whole image of what an occluder shows, in the normalised space of the network's input.

    ``mean`` is 0, the mean of the data set; ``noise`` is normal about it with its standard deviation, by the rule's
    seed, the same for every image; ``blur`` is the image under a Gaussian of half the occluder's side.

    Args:
        image: the input.
        rule: which of the three.
        size: side of the occluder in pixels.
    """
    if rule.fill == "mean":
        return torch.zeros_like(image)
    if rule.fill == "noise":
        return torch.randn(image.shape, generator=torch.Generator().manual_seed(rule.seed))
    from torchvision.transforms.functional import gaussian_blur  # brings torch's compiler: seconds at every start

    sigma = max(size / 2, 0.5)
    # Reflection at the border needs a kernel that is smaller than the image.
    widths = [min(2 * round(3 * sigma) + 1, 2 * side - 1) for side in reversed(image.shape[1:])]
    blurred: Tensor = gaussian_blur(image, widths, [sigma, sigma])
    return blurred


def mean_colour(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """The mean of the data set that the network was trained on, as it tells: red, green and blue, 0 to 255."""
    factor = 255.0 if preprocessing.scale == "unit" else 1.0
    red, green, blue = (min(255, max(0, round(factor * value))) for value in preprocessing.mean)
    return red, green, blue
