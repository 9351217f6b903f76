"""The hosts of the benchmark: layers of networks whose units have a known truth.

``analytic`` are the planted units, computed from what their images show; ``correlated`` the same on images in which
some concepts come together; ``taught`` the channels of a network that was trained to follow concepts, exactly or not;
``resnet`` and ``vit`` the logits of classifiers. The trained ones have a copy with random weights, of which the same
labels should not be true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neuronym.records.benchmark import BenchUnit
from neuronym.world.concepts import Thing
from neuronym.world.planted import CORRELATED, KINDS, planted_units
from neuronym.world.taught import LAYER, taught_units
from neuronym.world.vocabulary import SHAPES

CLASS = "class"
"""The kind of a logit, whose truth is the name of its class."""

HOPELESS = ("dead", "noise")
"""Kinds of units of which nothing can be said."""

ALL_KINDS = (*KINDS, CLASS)


@dataclass(frozen=True)
class Host:
    """One layer and what is true of its units.

    Attributes:
        name: what users write.
        title: in a few words.
        model: the target.
        layer: its layer.
        units: its units, without their frequencies.
        links: correlations of the world whose images it sees.
        trained: whether it was, so that a copy with random weights is to be worse.
    """

    name: str
    title: str
    model: str
    layer: str
    units: Callable[[], tuple[BenchUnit, ...]]
    links: str = ""
    trained: bool = True


def _planted() -> tuple[BenchUnit, ...]:
    return tuple(BenchUnit(unit.index, unit.kind, unit.text, unit.kind in HOPELESS) for unit in planted_units())


def _taught() -> tuple[BenchUnit, ...]:
    return tuple(BenchUnit(unit.index, unit.kind, unit.text, False) for unit in taught_units())


def _classes() -> tuple[BenchUnit, ...]:
    return tuple(BenchUnit(index, CLASS, str(Thing(shape)), False) for index, shape in enumerate(SHAPES))


HOSTS: dict[str, Host] = {
    host.name: host
    for host in (
        Host("analytic", "Planted units", "bundled:planted", "units", _planted, trained=False),
        Host(
            *("correlated", "Planted units, correlated concepts", "bundled:planted", "units", _planted),
            links=CORRELATED,
            trained=False,
        ),
        Host("taught", "Channels taught to follow concepts", "bundled:concepts", LAYER, _taught),
        Host("resnet", "Logits of a ResNet", "bundled:resnet", "classifier.1", _classes),
        Host("vit", "Logits of a ViT", "bundled:vit", "classifier", _classes),
    )
}
"""The hosts by name, in the order of their tables."""
