"""The five similarity functions of CLIP-Dissect (Oikarinen and Weng, ICLR 2023, section 3.2 and appendix A.1).

All take ``similarity`` [images, concepts], inner products of an image and a text embedding or any other measure of how
much of a concept is in an image, and ``activations`` [images, units], one number per image and unit. They return
[units, concepts], higher is better. Where images tie, the lower position counts as the more activating one.

SoftWPMI and WPMI need the whole layer for their prior but only a few concepts at a time: their pieces, for tables that
are too large to hold, are in :mod:`neuronym.functional.pointwise` and also named here.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from neuronym.functional._checks import at_home, enough, finite
from neuronym.functional.pointwise import (
    FLOOR,
    concept_log_likelihood,
    log_normaliser,
    pointwise_information,
    probabilities,
    random_set_prior,
    random_sets,
    rank_weights,
    top_images,
)

__all__ = [
    "FLOOR",
    "concept_log_likelihood",
    "cosine",
    "cosine_cubed",
    "log_normaliser",
    "pointwise_information",
    "probabilities",
    "random_set_prior",
    "random_sets",
    "rank_reorder",
    "rank_weights",
    "soft_wpmi",
    "top_images",
    "wpmi",
]

_ELEMENTS = 1 << 25  # of one temporary table: 128 MiB in float32


def cosine(
    similarity: Float[Tensor, "images concepts"], activations: Float[Tensor, "images units"]
) -> Float[Tensor, "units concepts"]:
    """Cosine between a unit's activations and a concept's similarities over all images, not centred (eq. 1).

    Range -1 to 1. A unit or a concept that is zero on every image scores 0.

    Raises:
        ValueError: the two have different numbers of images.
        NonFiniteError: a value is NaN or infinite.
    """
    return _cosines(*_checked(similarity, activations, 1), centred=False, power=1, least=1e-30)


def cosine_cubed(
    similarity: Float[Tensor, "images concepts"], activations: Float[Tensor, "images units"]
) -> Float[Tensor, "units concepts"]:
    """Cosine of both sides after subtracting their means over the images and cubing (the authors' code).

    Norms below 1e-3 count as 1e-3, so that nearly constant units and concepts score near 0. Range -1 to 1. Raises as
    :func:`cosine`.
    """
    return _cosines(*_checked(similarity, activations, 1), centred=True, power=3, least=1e-3)


def _cosines(
    similarity: Tensor, activations: Tensor, *, centred: bool, power: int, least: float
) -> Float[Tensor, "units concepts"]:
    dtype = torch.promote_types(similarity.dtype, activations.dtype)

    def direction(columns: Tensor) -> Tensor:
        columns = columns.double()  # cubes of float32 overflow from 1e13 on
        if centred:
            columns = columns - columns.mean(0)
        columns = columns.pow(power)
        norms: Tensor = columns.norm(dim=0)
        return (columns / norms.clamp_min(least)).to(dtype)

    images, concepts = similarity.shape
    step = max(1, _ELEMENTS // 2 // images)
    units = torch.cat([direction(part) for part in torch.split(activations, step, 1)], 1).T
    scores = [units @ direction(similarity[:, start : start + step]) for start in range(0, concepts, step)]
    table: Tensor = torch.cat(scores, 1)
    return table.clamp_(-1, 1)


def rank_reorder(
    similarity: Float[Tensor, "images concepts"],
    activations: Float[Tensor, "images units"],
    top_fraction: float | int = 0.05,
    p: float | int = 3,
    scale: float | int = 0.5,
    seed: int = 0,
    permutations: int = 5,
) -> Float64[Tensor, "units concepts"]:
    """How well a concept orders a unit's top images as the unit does (eq. 2, in the form of the authors' code).

    Among the unit's top images, their activations are handed out anew in the order of the similarities. The error is
    the mean over these images of |new - own|^p; it is divided by the same error of random orders and by the mean
    similarity, at least 1e-6, to the power ``scale``, and negated. Range: 0 (same order) downwards.

    Args:
        similarity: how much of each concept is in each image.
        activations: each unit's activation per image.
        top_fraction: the share of the images that are a unit's top ones; at least 2 images are taken.
        p: exponent of the error.
        scale: exponent of the mean similarity; 0 ignores it.
        seed: of the random orders, which are the same for every unit and never the order itself.
        permutations: how many random orders.

    Returns:
        [units, concepts]. A unit that is constant over its top images scores 0 for every concept: it has no order.

    Raises:
        ValueError: the two have different numbers of images, or a parameter is out of range.
        MethodError: fewer than 2 images.
        NonFiniteError: a value is NaN or infinite.
    """
    if not 0 < top_fraction <= 1 or p <= 0 or permutations < 1:
        got = f"top_fraction {top_fraction}, p {p}, permutations {permutations}"
        raise ValueError(f"top_fraction in 0..1 and not 0, p above 0 and permutations of at least 1 needed, got {got}")
    similarity, activations = _checked(similarity, activations, 2, "top images")
    count = max(2, int(len(similarity) * top_fraction))
    # By position, so that equal similarities are ranked by position too.
    top = top_images(activations, count).sort(1).values
    shuffles = _shuffles(count, permutations, seed).to(similarity.device)
    scores = torch.zeros(len(top), similarity.shape[1], dtype=torch.float64, device=similarity.device)
    for unit, images in enumerate(top):
        own = activations[images, unit].double()
        ascending = own.sort().values
        baseline = (ascending - ascending[shuffles]).abs().pow(p).mean()
        if baseline > 0:
            errors = _reorder_errors(similarity, images, own, ascending, p, scale)
            scores[unit] = -errors / baseline
    return scores


def _reorder_errors(
    similarity: Tensor, images: Tensor, own: Tensor, ascending: Tensor, p: float | int, scale: float
) -> Float64[Tensor, " concepts"]:
    """One unit's errors before division by the baseline, over the scaled mean similarity."""
    errors = []
    step = max(1, _ELEMENTS // 8 // len(images))
    for start in range(0, similarity.shape[1], step):
        part = similarity[images, start : start + step]
        ranks = part.argsort(stable=True, dim=0).argsort(0)
        error = (ascending[ranks] - own[:, None]).abs().pow(p).mean(0)
        errors.append(error / part.double().mean(0).clamp_min(1e-6).pow(scale))
    return torch.cat(errors)


def _shuffles(count: int, permutations: int, seed: int) -> Int64[Tensor, "permutations count"]:
    """Seeded random orders of ``count`` things, none of which leaves all in place."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.arange(count)
    orders: list[Tensor] = []
    while len(orders) < permutations:
        order = torch.randperm(count, generator=generator)
        if not torch.equal(order, place):
            orders.append(order)
    return torch.stack(orders)


def wpmi(
    similarity: Float[Tensor, "images concepts"],
    activations: Float[Tensor, "images units"],
    temperature: float | int = 2,
    top_k: int = 28,
    lam: float | int = 0.6,
    floor: float | int = FLOOR,
) -> Float64[Tensor, "units concepts"]:
    """Weighted pointwise mutual information of a concept and a unit's top images (eq. 8), in nats.

    With p the softmax over the concepts of ``temperature`` times the similarity, L is the sum over the unit's
    ``top_k`` images of log(p + floor), and the score is L - lam * log(mean over the units of exp(L)).

    Raises:
        ValueError: the two have different numbers of images, or a parameter is out of range.
        MethodError: fewer than ``top_k`` images.
        NonFiniteError: a value is NaN or infinite.
    """
    weights = torch.ones(max(top_k, 0), dtype=torch.float64)
    return _information(similarity, activations, temperature, weights, lam, floor)


def soft_wpmi(
    similarity: Float[Tensor, "images concepts"],
    activations: Float[Tensor, "images units"],
    temperature: float | int = 10,
    top_k: int = 100,
    lam: float | int = 1,
    p_start: float | int = 0.998,
    p_end: float | int = 0.97,
    floor: float | int = FLOOR,
) -> Float64[Tensor, "units concepts"]:
    """WPMI where the i-th top image belongs to the unit's set with probability w_i only (eq. 14), in nats.

    With p the softmax over the concepts of ``temperature`` times the similarity and w as :func:`rank_weights`,
    L is the sum over the unit's ``top_k`` images of log(1 + w (p - 1) + floor), and the score is
    L - lam * log(mean over the units of exp(L)). With lam = 1 no score exceeds log(units), and scores crowd there:
    they are float64 to keep the order. One unit alone scores 0 for every concept (see :func:`random_set_prior`).

    Raises:
        ValueError: the two have different numbers of images, or a parameter is out of range.
        MethodError: fewer than ``top_k`` images.
        NonFiniteError: a value is NaN or infinite.
    """
    return _information(similarity, activations, temperature, rank_weights(top_k, p_start, p_end), lam, floor)


def _information(
    similarity: Tensor, activations: Tensor, temperature: float | int, weights: Tensor, lam: float | int, floor: float
) -> Float64[Tensor, "units concepts"]:
    """Both forms of WPMI, in blocks of concepts and only over the images that are among some unit's top ones."""
    similarity, activations = _checked(similarity, activations, len(weights))
    rows, flat = torch.unique(top_images(activations, len(weights)), return_inverse=True)
    top = flat.view(-1, len(weights))
    concepts = similarity.shape[1]
    step = max(1, _ELEMENTS // len(rows))
    normaliser = None
    for start in range(0, concepts, step):
        normaliser = log_normaliser(similarity[rows, start : start + step], temperature, normaliser)
    scores = torch.empty(len(top), concepts, dtype=torch.float64, device=similarity.device)
    for start in range(0, concepts, step):
        assert normaliser is not None
        p = probabilities(similarity[rows, start : start + step], temperature, normaliser)
        scores[:, start : start + step] = pointwise_information(concept_log_likelihood(p, top, weights, floor), lam)
    return scores


def _checked(similarity: Tensor, activations: Tensor, least: int, name: str = "top_k") -> tuple[Tensor, Tensor]:
    """Both in float32 or float64 on one device, after the checks that every method shares."""
    if len(similarity) != len(activations):
        raise ValueError(f"similarity has {len(similarity)} images, activations have {len(activations)}")
    enough(len(similarity), least, name)
    similarity = at_home(similarity)
    activations = at_home(activations).to(similarity.device)
    finite(similarity, "The similarities")
    finite(activations, "The activations")
    return similarity, activations
