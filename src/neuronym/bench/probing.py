"""The hosts at work: studies of them on the same images, on these with noise, and of copies with random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.bench.hosts import Host
from neuronym.bench.pixels import Pixels
from neuronym.bench.settings import NOISE, TOP_K, BenchSettings
from neuronym.errors import NeuronymError
from neuronym.evaluate.sources import TruthSource
from neuronym.materials import Report
from neuronym.records import ConceptSource, Split
from neuronym.records.benchmark import BenchUnit
from neuronym.store.layer_view import LayerView, Services
from neuronym.study import Study
from neuronym.world.scenes import Scenes
from neuronym.world.source import WorldSource

Version: TypeAlias = Literal["plain", "noisy", "random"]
"""A host as it is; on images with noise; with random weights."""


class Remembered:
    """A concept source that is asked for each text once: every row is compared with the same labels.

    Args:
        source: what knows.
    """

    def __init__(self, source: ConceptSource) -> None:
        self.name, self.complete, self.vocabulary = source.name, source.complete, tuple(source.vocabulary)
        self._source = source
        self._known: dict[tuple[str, Split], npt.NDArray[np.float32] | None] = {}

    def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
        """See :class:`~neuronym.records.ConceptSource`."""
        fresh = list(dict.fromkeys(text for text in texts if (text, split) not in self._known))
        found = self._source.concepts(fresh, split)
        self._known.update(zip(((text, split) for text in fresh), found, strict=True))
        return [self._known[text, split] for text in texts]


@dataclass(frozen=True)
class Probed:
    """A host after its activation passes.

    Attributes:
        host: which.
        units: those that are judged, with the frequencies of their concepts.
        truth: says how much of a text is in each image.
        studies: by version; ``random`` only of trained hosts. The noisy one has a single test image.
    """

    host: Host
    units: tuple[BenchUnit, ...]
    truth: ConceptSource
    studies: Mapping[Version, Study]

    def view(self, version: Version = "plain", services: Services | None = None) -> LayerView:
        """The layer; with services of one's own where what it is asked is to be counted."""
        study = self.studies[version]
        return study.store.view(self.host.layer, services or study.materials.services)

    def scenes(self, split: Split) -> Scenes:
        """What the images of a split show, in their order."""
        probe = self.studies["plain"].probe_set
        images = [image for image in probe.images if image.split == split]
        source = probe.source(images[0].source)
        assert isinstance(source, WorldSource)  # as images_of names them
        return source.scenes([int(image.member) for image in images])

    def pixels(self, report: Report) -> Pixels | None:
        """Compares its units with texts pixel by pixel; None where the layer has no maps, or no unit a true label.

        Args:
            report: told about progress.
        """
        view = self.view()
        if view.layer.map_size is None or all(unit.truth is None for unit in self.units):
            return None
        report(f"masks of {self.host.name}", 0, 1)
        found = Pixels(view, self.scenes("explain"), self.scenes("test"), self.units)
        report(f"masks of {self.host.name}", 1, 1)
        return found


def images_of(host: Host, split: Split, settings: BenchSettings, noise: float = 0.0, only: int | None = None) -> str:
    """The name of the images of a split, or of the first of them only; other seeds have other scenes."""
    count = settings.explain if split == "explain" else settings.test
    options = [f"links={host.links}"] if host.links else []
    options += [f"noise={noise:g}"] if noise else []
    options += [f"start={settings.seed * count}"] if settings.seed else []
    return f"bundled:world/{split}/{only or count}?{'&'.join([*options, 'marked'])}"


def probe(host: Host, folder: Path, settings: BenchSettings, report: Report, *, whole: bool = True) -> Probed:
    """Make the activation passes of a host.

    Args:
        host: which.
        folder: where the studies go.
        settings: how many images.
        report: told about progress.
        whole: also on images with noise, and with random weights.
    """
    versions: list[Version] = ["plain"]
    if whole:
        versions.append("noisy")
    if whole and host.trained:
        versions.append("random")
    studies: dict[Version, Study] = {}
    for done, version in enumerate(versions):
        report(f"probing {host.name}", done, len(versions))
        studies[version] = _study(host, version, folder / f"{host.name}-{version}", settings)
    report(f"probing {host.name}", len(versions), len(versions))
    plain = studies["plain"]
    view = plain.view(host.layer)
    splits: tuple[Split, ...] = ("explain", "test")
    truth = Remembered(TruthSource({split: view.images(split) for split in splits}, plain.probe_set.opened.get))
    return Probed(host, _with_frequencies(host, truth, settings), truth, studies)


def _study(host: Host, version: Version, folder: Path, settings: BenchSettings) -> Study:
    noise = NOISE if version == "noisy" else 0.0
    only = 1 if version == "noisy" else None  # of what is said there nothing is judged, and a study needs a test image
    study = Study.create(
        folder,
        model=host.model,
        layers=[host.layer],
        weights="random" if version == "random" else None,
        images=images_of(host, "explain", settings, noise),
        test_images=[images_of(host, "test", settings, noise, only)],
        top_k=min(TOP_K, settings.explain),
    )
    return study.probe(device=settings.device)


def _with_frequencies(host: Host, truth: ConceptSource, settings: BenchSettings) -> tuple[BenchUnit, ...]:
    units = [unit for unit in host.units() if not settings.kinds or unit.kind in settings.kinds]
    named = [unit for unit in units if unit.truth is not None]
    shown = truth.concepts([str(unit.truth) for unit in named], "explain")
    shares: dict[int, float] = {}
    for unit, column in zip(named, shown, strict=True):
        if column is None:
            raise NeuronymError(f"the true label {unit.truth!r} of {host.name} is not understood")
        shares[unit.unit] = _share(column)
    return tuple(replace(unit, frequency=shares.get(unit.unit)) for unit in units)


def _share(column: npt.NDArray[np.float32]) -> float:
    """The share of images that show a concept, kept off 0 and 1, where no unit could be active or silent."""
    return float(np.clip((column > 0.5).mean(), 1 / len(column), 1 - 1 / len(column)))
