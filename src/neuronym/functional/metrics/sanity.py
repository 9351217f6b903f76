"""Metrics are tested before descriptions are: does a score fall when the labels are made worse?

The two tests of Oikarinen et al. 2025 ("Evaluating Neuron Explanations: A Unified Framework with Sanity Checks"): a
concept that lost half of its images (missing labels) and one that got as many wrong ones as it has right ones (extra
labels) must each score lower than the true concept. They run on planted units, whose true concept is known: the concept
itself plus Gaussian noise. For the IoU of masks what is planted are not images but the pixels of all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.errors import UserError, unknown_name
from neuronym.functional.iou import mask_iou
from neuronym.functional.metrics._rows import double, labelled
from neuronym.functional.metrics.batched import PAIRED, pairs_by_name
from neuronym.functional.metrics.registry import METRICS

TESTED = (*PAIRED, "mask_iou")
"""The metrics that are tested: all that compare a concept with activations."""

LEAST_DROP = 0.05
"""A test is passed where the score falls by this much at least, as a part of the way down to a random label ..."""

LEAST_WORSE = 0.9
"""... and gets worse for this share of the units at least, at every frequency."""

FREQUENCIES = (0.1, 0.01, 0.001)
"""Shares of the images that show the concept, at which metrics are tested."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test did to a metric at one frequency.

    Attributes:
        frequency: the share of the images that show the true concept.
        drop: (true - altered) / (true - random label), the mean over units; 0 where the true label scores as a random
            one does.
        worse: the share of units whose altered label scores worse than the true one.
    """

    frequency: float
    drop: float
    worse: float

    @property
    def passed(self) -> bool:
        """Whether the score fell enough and for enough units."""
        return self.drop >= LEAST_DROP and self.worse >= LEAST_WORSE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What both tests did to one metric, at every frequency."""

    metric: str
    missing: tuple[Outcome, ...]
    extra: tuple[Outcome, ...]

    @property
    def passes_missing(self) -> bool:
        """Whether the metric sees labels that say too little."""
        return all(outcome.passed for outcome in self.missing)

    @property
    def passes_extra(self) -> bool:
        """Whether the metric sees labels that say too much."""
        return all(outcome.passed for outcome in self.extra)

    @property
    def passes(self) -> bool:
        """Whether the metric passes both tests, so that it may be headlined."""
        return self.passes_missing and self.passes_extra


def missing_labels(concept: Shaped[Tensor, " images"], generator: torch.Generator) -> Shaped[Tensor, " images"]:
    """The concept with half of its positives, drawn at random, set to 0; of an odd number the larger half stays.

    Raises:
        ValueError: fewer than 2 positives.
    """
    positives = (concept > 0).nonzero()[:, 0]
    if len(positives) < 2:
        raise ValueError(f"the concept has {len(positives)} positives, and 2 are needed to drop half of them")
    altered = concept.clone()
    altered[_drawn(positives, len(positives) // 2, generator)] = 0
    return altered


def extra_labels(concept: Shaped[Tensor, " images"], generator: torch.Generator) -> Shaped[Tensor, " images"]:
    """The concept with as many negatives, drawn at random, set to 1 as it has positives.

    Raises:
        ValueError: no positives, or fewer negatives than positives.
    """
    positive = concept > 0
    count, negatives = int(positive.sum()), (~positive).nonzero()[:, 0]
    if not 0 < count <= len(negatives):
        raise ValueError(f"the concept has {count} positives and {len(negatives)} negatives to turn into more")
    altered = concept.clone()
    altered[_drawn(negatives, count, generator)] = 1
    return altered


def _drawn(positions: Tensor, count: int, generator: torch.Generator) -> Tensor:
    order = torch.randperm(len(positions), generator=generator)
    return positions[order[:count].to(positions.device)]


@dataclass(frozen=True)
class Planted:
    """Units whose true concept is known, and the same concepts made worse; every concept is 0 or 1 in each image.

    Attributes:
        frequency: the share of the images that show the true concept.
        activations: of each unit.
        true: each unit's concept.
        missing: without half of its positives.
        extra: with as many wrong ones.
        random: another concept, as frequent as the true one.
    """

    frequency: float
    activations: Float64[Tensor, "images units"]
    true: Bool[Tensor, "images units"]
    missing: Bool[Tensor, "images units"]
    extra: Bool[Tensor, "images units"]
    random: Bool[Tensor, "images units"]

    def scores(
        self, metrics: Sequence[str], concepts: Bool[Tensor, "images units"]
    ) -> dict[str, Float64[Tensor, " units"]]:
        """How well each unit's concept does; units fire on as many images as their true concept is in."""
        paired = [name for name in metrics if name in PAIRED]
        found = pairs_by_name(paired, concepts, self.activations, share=self.frequency)
        if "mask_iou" in metrics:
            active = labelled(double(self.activations.T), None, self.frequency)
            found["mask_iou"] = mask_iou(active, concepts.T).diagonal()
        return {name: values if METRICS[name].direction == "up" else -values for name, values in found.items()}


def planted(frequency: float | int, images: int, units: int, noise: float | int, generator: torch.Generator) -> Planted:
    """Units that are their concept plus Gaussian noise of ``noise`` times the concept's standard deviation.

    With ``noise`` 1 the true concept's correlation is about 0.71, at every frequency.

    Raises:
        UserError: too few images for 2 positives, a frequency above 0.5 or no units.
    """
    positives = round(frequency * images)
    if not 2 <= positives <= images // 2 or units < 1 or noise < 0:
        raise UserError(
            f"Metrics cannot be tested at frequency {frequency} with {images} images, {units} units and noise {noise}: "
            "a concept has to be in 2 images at least and in half of them at most, of 1 unit at least."
        )

    def columns(make: Callable[[int], Tensor]) -> Bool[Tensor, "images units"]:
        return torch.stack([make(unit) for unit in range(units)], 1)

    def concept(_: int) -> Bool[Tensor, " images"]:
        return torch.zeros(images, dtype=torch.bool).index_fill(
            0, torch.randperm(images, generator=generator)[:positives], True
        )

    true, frequency = columns(concept), positives / images
    deviation = noise * (frequency * (1 - frequency)) ** 0.5
    activations = true + deviation * torch.randn(images, units, generator=generator, dtype=torch.float64)
    return Planted(
        frequency,
        activations,
        true,
        columns(lambda unit: missing_labels(true[:, unit], generator)),
        columns(lambda unit: extra_labels(true[:, unit], generator)),
        columns(concept),
    )


def sanity_table(
    metrics: Sequence[str] | None = None,
    frequencies: Sequence[float | int] = FREQUENCIES,
    images: int = 20_000,
    units: int = 20,
    noise: float | int = 1.0,
    seed: int = 0,
) -> tuple[Verdict, ...]:
    """Both tests on metrics of images, in the order given; equal arguments give equal figures.

    Args:
        metrics: names of :data:`TESTED`; all of them if None.
        frequencies: the shares of the images that show the concept.
        images: how many images, or pixels.
        units: how many planted units at each frequency.
        noise: their noise, in standard deviations of the concept.
        seed: of the concepts, the noise and what is done to the labels.

    Raises:
        UnknownNameError: a name is of no such metric.
        UserError: a frequency at which there is nothing to test, no frequency, or no units.
    """
    names = tuple(TESTED if metrics is None else metrics)
    for name in names:
        if name not in TESTED:
            raise unknown_name("metric of pairs", name, TESTED)
    if not frequencies:
        raise UserError("Metrics cannot be tested at no frequency. Name one at least, such as 0.01.")
    generator = torch.Generator().manual_seed(seed)
    found = [_outcomes(names, planted(frequency, images, units, noise, generator)) for frequency in frequencies]
    return tuple(Verdict(name, *zip(*(outcomes[name] for outcomes in found), strict=True)) for name in names)


def _outcomes(names: Sequence[str], world: Planted) -> dict[str, tuple[Outcome, Outcome]]:
    """What the missing-label and the extra-label test do to each metric."""
    true, missing, extra, floor = (
        world.scores(names, concepts) for concepts in (world.true, world.missing, world.extra, world.random)
    )

    def outcome(name: str, altered: dict[str, Tensor]) -> Outcome:
        room = true[name] - floor[name]
        drop = ((true[name] - altered[name]) / room.masked_fill(room == 0, 1)).masked_fill(room == 0, 0)
        worse = (altered[name] < true[name]).double().mean()
        return Outcome(world.frequency, float(drop.mean()), float(worse))

    return {name: (outcome(name, missing), outcome(name, extra)) for name in names}


@functools.cache
def verdicts() -> Mapping[str, Verdict]:
    """The verdict on every metric of images, with the standard settings of :func:`sanity_table`; computed once."""
    return MappingProxyType({verdict.metric: verdict for verdict in sanity_table()})
