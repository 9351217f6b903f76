"""One method at work on one host: what it says, what that took, and what it says when little is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import numpy.typing as npt

from neuronym import plugins
from neuronym.asking import choose_concepts, image_places
from neuronym.backends import ImageTextEncoder
from neuronym.bench.annotated import SharedAnnotations
from neuronym.bench.entrants import Entrant
from neuronym.bench.labels import by_unit
from neuronym.bench.metering import Meter
from neuronym.bench.probing import Probed, Version
from neuronym.bench.settings import BenchSettings
from neuronym.bench.sharing import Embeddings, Shared
from neuronym.execute.devices import choose_device
from neuronym.explain.calibration import calibrate
from neuronym.explain.explainer import Explainer, needs_annotations
from neuronym.explain.running import explained
from neuronym.probes.probe_set import index
from neuronym.records import Explanation, LabelTable
from neuronym.records.benchmark import Cost
from neuronym.store.derived_view import resampled, without_test
from neuronym.store.layer_view import LayerView

Labels = Mapping[int, Explanation]


@dataclass(frozen=True)
class Trial:
    """What a method says of a host's units.

    Attributes:
        labels: by unit.
        cost: what that took.
        chances: by described unit, the p-value of its label among shuffled units; None where nothing is
            described, labels have no score, or the method failed on every shuffled unit.
        redrawn: its labels on each draw of the explain images.
        noisy: its labels on images with noise.
        random: its labels on the copy with random weights; None where there is none.
    """

    labels: Labels
    cost: Cost
    chances: Mapping[int, float] | None
    redrawn: Sequence[Labels]
    noisy: Labels
    random: Labels | None


class Trials:
    """Runs methods on hosts; encoders are loaded and images are encoded once for all of them.

    Args:
        rows: the methods.
        embeddings: of the probe images.
        settings: how often images are drawn anew, and where encoders run.

    Raises:
        UserError: an encoder or concepts cannot be had, or a method cannot be had with these parameters.
    """

    def __init__(self, rows: Sequence[Entrant], embeddings: Embeddings, settings: BenchSettings) -> None:
        self._embeddings, self._settings = embeddings, settings
        self._loaded: dict[str, ImageTextEncoder] = {}
        self._annotations, self._shared = SharedAnnotations(), Shared()
        labels = _world_labels()
        self._concepts = {row.concepts: choose_concepts(row.concepts, labels) for row in rows}
        for row in rows:
            self._explainer(row, Meter(self._shared))

    def run(self, entrant: Entrant, host: Probed) -> Trial:
        """One method on one host.

        Raises:
            MethodError: the method cannot run on it.
        """
        meter = Meter(self._shared)
        explainer = self._explainer(entrant, meter)
        view = self._view(host, "plain", meter, explainer)
        labels, first = _timed(explainer, view, meter)
        calls, waited = dict(meter.calls), meter.backend_seconds  # before anything else is asked
        draws = [resampled(view, rows) for rows in self._draws(len(view.images("explain")))]
        redrawn, seconds = zip(*(_timed(explainer, drawn, meter) for drawn in draws), strict=True)
        # Most of a first time may be spent on what is loaded or compiled then.
        cost = Cost(median([first, *seconds]), waited, len(labels), calls)
        return Trial(
            labels,
            cost,
            self._chances(explainer, view, labels),
            redrawn,
            self._elsewhere(entrant, host, "noisy"),
            self._elsewhere(entrant, host, "random") if "random" in host.studies else None,
        )

    def method(self, entrant: Entrant) -> Explainer:
        """The method of a row."""
        return self._explainer(entrant, Meter(self._shared))

    def _chances(self, explainer: Explainer, view: LayerView, labels: Labels) -> dict[int, float] | None:
        described = [one for one in labels.values() if one.state == "described"]
        if not described or any(one.score is None for one in described):
            return None
        known = calibrate(explainer, view, [one.unit for one in described], self._settings.seed)
        return {one.unit.index: known.chance(one).p for one in described} if known.shuffled else None

    def _elsewhere(self, entrant: Entrant, host: Probed, version: Version) -> Labels:
        meter = Meter(self._shared)
        explainer = self._explainer(entrant, meter)
        return _explained(explainer, self._view(host, version, meter, explainer))

    def _draws(self, images: int) -> list[npt.NDArray[np.int64]]:
        generator = np.random.default_rng(self._settings.seed)
        return [generator.integers(images, size=images) for _ in range(self._settings.bootstraps)]

    def _view(self, host: Probed, version: Version, meter: Meter, explainer: Explainer) -> LayerView:
        """The layer as the method sees it, with what is annotated if it looks at that."""
        materials = host.studies[version].materials
        view = host.view(version, meter.services(materials.services, materials.probe_set, self._embeddings))
        if needs_annotations(explainer):
            view = LayerView(replace(view.contents, annotations=self._annotations.of(host, version)), view.run)
        return without_test(view)

    def _explainer(self, entrant: Entrant, meter: Meter) -> Explainer:
        encoder = None if entrant.encoder is None else meter.encoder(self._encoder(entrant.encoder))
        return plugins.make_method(entrant.method, entrant.settings, self._concepts[entrant.concepts], encoder)

    def _encoder(self, name: str) -> ImageTextEncoder:
        if name not in self._loaded:
            self._loaded[name] = plugins.encoder(name, choose_device(self._settings.device))
        return self._loaded[name]


def _world_labels() -> LabelTable | None:
    """The labels that every host's images have, for what they are called: some images have all of them."""
    return index(image_places("bundled:world/explain/300?marked")).labels


def _explained(explainer: Explainer, view: LayerView) -> Labels:
    return by_unit(list(explained(explainer, view.units, view)))


def _timed(explainer: Explainer, view: LayerView, meter: Meter) -> tuple[Labels, float]:
    """Labels, and the seconds that they took without embeddings of images and passes, which all rows share."""
    began, before = time.perf_counter(), meter.spent
    labels = _explained(explainer, view)
    return labels, time.perf_counter() - began - (meter.spent - before)
