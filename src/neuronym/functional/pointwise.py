"""The pieces of WPMI and SoftWPMI (CLIP-Dissect, appendix A.1), for concept tables too large to hold at once.

The prior of a concept needs all units of a layer but no other concept, so a table of concepts is worked through in
blocks::

    top = top_images(activations, top_k)
    normaliser = None
    for block in blocks:
        normaliser = log_normaliser(block, temperature, normaliser)
    for block in blocks:
        p = probabilities(block, temperature, normaliser)
        scores = pointwise_information(concept_log_likelihood(p, top, weights), lam)
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from neuronym.functional._checks import at_home, enough, finite

FLOOR = 1e-7
"""What both forms of WPMI add before the logarithm."""

_ELEMENTS = 1 << 25  # of one temporary table: 128 MiB in float32


def rank_weights(top_k: int, p_start: float | int = 0.998, p_end: float | int = 0.97) -> Float64[Tensor, " top_k"]:
    """Probability that the image at each rank belongs to the unit's set: p_start - (i / top_k)(p_start - p_end).

    This is the authors' code: ``p_end`` itself is never reached. In the paper's text the last image has it.

    Raises:
        ValueError: ``top_k`` below 1 or a probability outside 0..1.
    """
    if top_k < 1 or not (0 <= p_start <= 1 and 0 <= p_end <= 1):
        raise ValueError(f"top_k {top_k} >= 1 and p_start {p_start}, p_end {p_end} in 0..1 needed")
    return p_start - torch.arange(top_k, dtype=torch.float64) / top_k * (p_start - p_end)


def top_images(activations: Float[Tensor, "images units"], k: int) -> Int64[Tensor, "units k"]:
    """Positions of each unit's ``k`` most activating images, most activating first; ties by the lower position.

    Raises:
        ValueError: ``k`` below 1.
        MethodError: fewer than ``k`` images.
        NonFiniteError: an activation is NaN or infinite.
    """
    activations = at_home(activations)
    enough(len(activations), k, "top_k")
    finite(activations, "The activations")
    images = len(activations)
    if activations.dtype == torch.float64:
        order = torch.sort(activations, stable=True, dim=0, descending=True).indices[:k]
        return order.T.contiguous()
    # One integer per image that sorts as (activation, then lower position): no full sort is needed, and no tie is left.
    places = torch.arange(images - 1, -1, -1, device=activations.device)
    found = []
    for part in torch.split(activations, max(1, _ELEMENTS // 4 // images), 1):
        bits = (part.T.contiguous() + 0.0).view(torch.int32)  # adding zero makes both zeros the same
        keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32 | places
        found.append(images - 1 - (keys.topk(k).values & 0xFFFFFFFF))
    return torch.cat(found) if found else torch.empty(0, k, dtype=torch.int64, device=activations.device)


def log_normaliser(
    similarity: Float[Tensor, "images concepts"],
    temperature: float | int,
    previous: Float64[Tensor, " images"] | None = None,
) -> Float64[Tensor, " images"]:
    """Log of the softmax's denominator per image, over these concepts and those already in ``previous``."""
    logits = at_home(similarity) * temperature
    total = logits.logsumexp(1).double()
    return total if previous is None else torch.logaddexp(total, previous)


def probabilities(
    similarity: Float[Tensor, "images concepts"], temperature: float | int, normaliser: Float64[Tensor, " images"]
) -> Float[Tensor, "images concepts"]:
    """p(concept | image), the softmax over all concepts that went into ``normaliser``, for these concepts."""
    logits = at_home(similarity) * temperature
    return logits.sub_(normaliser[:, None].to(logits.dtype)).exp_().clamp_(max=1)


def concept_log_likelihood(
    probabilities: Float[Tensor, "images concepts"],
    top: Int64[Tensor, "units top_k"],
    weights: Float[Tensor, " top_k"],
    floor: float | int = FLOOR,
) -> Float64[Tensor, "units concepts"]:
    """L, the log likelihood of each unit's image set under each concept (eq. 12, eq. 6 where all weights are 1).

    L = sum over ranks i of log(1 + w_i (p_i - 1) + floor), p_i the concept's probability in the unit's i-th image.
    The product is taken in float64 over as many ranks as cannot underflow, and one logarithm is taken for them all;
    nothing of size units x images x concepts is ever made.

    Args:
        probabilities: p(concept | image), 0 to 1.
        top: positions of each unit's images, from :func:`top_images`.
        weights: membership probability per rank, 0 to 1.
        floor: above 0.

    Raises:
        ValueError: a weight outside 0..1, a floor not above 0, or a position outside the images.
    """
    p, weights = at_home(probabilities), weights.detach().cpu().double()
    top = top.to(p.device)
    if floor <= 0 or bool((weights < 0).any()) or bool((weights > 1).any()):
        raise ValueError(f"weights in 0..1 and a floor above 0 needed, got {weights.tolist()} and {floor}")
    if top.numel() and (int(top.min()) < 0 or int(top.max()) >= len(p)):
        raise ValueError(f"positions {int(top.min())} to {int(top.max())} point outside the {len(p)} images")
    if not top.numel() or not p.numel():
        return torch.zeros(len(top), p.shape[1], dtype=torch.float64, device=p.device)
    ends = [0, *_groups(weights, floor)]
    logs = (_log_products(p, top[:, i:j], weights[i:j], floor) for i, j in pairwise(ends))
    total = next(logs)
    for more in logs:
        total += more
    return total


def _groups(weights: Float64[Tensor, " top_k"], floor: float | int) -> list[int]:
    """Ends of the longest runs of ranks whose product of factors cannot underflow a double even where p is 0."""
    ends, product = [], 0.0
    for rank, weight in enumerate(weights.tolist()):
        least = math.log10(1 - weight + floor)
        if product + least < -290 and rank:
            ends.append(rank)
            product = 0.0
        product += least
    return [*ends, len(weights)]


def _log_products(p: Tensor, top: Tensor, weights: Tensor, floor: float | int) -> Float64[Tensor, "units concepts"]:
    """Log of the product of the factors of some ranks: the kernel's on the CPU, torch's elsewhere."""
    if p.device.type != "cpu":
        return _products_torch(p, top, weights, floor).log_()
    from neuronym.functional import _likelihood

    return _likelihood.log_products(p.contiguous().numpy(), top.contiguous().numpy(), weights.numpy(), floor)


def _products_torch(p: Tensor, top: Tensor, weights: Tensor, floor: float | int) -> Float64[Tensor, "units concepts"]:
    """As the kernel, one [units, block of concepts] table at a time."""
    out = torch.ones(len(top), p.shape[1], dtype=torch.float64, device=p.device)
    step = max(1, _ELEMENTS // 4 // len(top))
    for start in range(0, p.shape[1], step):
        part, product = p[:, start : start + step], out[:, start : start + step]
        for rank, weight in enumerate(weights.tolist()):
            product *= part[top[:, rank]].double().mul_(weight).add_(1 - weight + floor)
    return out


def pointwise_information(
    log_likelihood: Float64[Tensor, "units concepts"],
    lam: float | int = 1,
    log_prior: Float64[Tensor, " concepts"] | None = None,
) -> Float64[Tensor, "units concepts"]:
    """L - lam * log p(concept); p is the mean of exp(L) over the units, which must be the whole layer (eq. 7, 13).

    With one unit and lam = 1 that is 0 for every concept: give a ``log_prior`` then, from :func:`random_set_prior`.
    """
    if log_prior is not None:
        return log_likelihood - lam * log_prior
    # The large numbers cancel first: a unit that outdoes all others by far then scores exactly lam * log(units) with
    # lam = 1, and such scores tie instead of being ordered by rounding errors.
    shares = log_likelihood - lam * log_likelihood.logsumexp(0)
    return shares.add_(lam * math.log(len(log_likelihood)))


def random_sets(images: int, top_k: int, sets: int = 64, seed: int = 0) -> Int64[Tensor, "sets top_k"]:
    """Seeded random image sets, each without repetition: positions among ``images``.

    Raises:
        MethodError: fewer than ``top_k`` images.
    """
    enough(images, top_k, "top_k")
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(images, generator=generator)[:top_k] for _ in range(sets)])


def random_set_prior(
    probabilities: Float[Tensor, "images concepts"],
    weights: Float[Tensor, " top_k"],
    sets: int = 64,
    seed: int = 0,
    floor: float | int = FLOOR,
) -> Float64[Tensor, " concepts"]:
    """Log of the mean of exp(L) over random image sets: the prior of a layer with a single unit.

    The sets depend on the seed and the number of images only, so that concepts can be processed in blocks.

    Raises:
        MethodError: fewer images than weights.
    """
    chosen = random_sets(len(probabilities), len(weights), sets, seed)
    return concept_log_likelihood(probabilities, chosen, weights, floor).logsumexp(0) - math.log(sets)
