"""One method at work on one host: what it says, what that took, and what it says when little is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from neuronym import plugins
from neuronym.asking import choose_concepts, image_places
from neuronym.backends import ImageTextEncoder
from neuronym.bench.entrants import Entrant
from neuronym.bench.labels import by_unit
from neuronym.bench.metering import Embeddings, Meter
from neuronym.bench.probing import Probed, Version
from neuronym.bench.settings import BenchSettings
from neuronym.execute.devices import choose_device
from neuronym.explain.abstention import null_scores
from neuronym.explain.explainer import Explainer
from neuronym.probes.probe_set import index
from neuronym.records import Explanation, LabelTable
from neuronym.records.benchmark import Cost
from neuronym.store.derived_view import resampled
from neuronym.store.layer_view import LayerView

Labels = Mapping[int, Explanation]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What a method says of a host's units.

    Attributes:
        labels: by unit.
        cost: what that took.
        null: its scores of units with shuffled activations; None where its labels have no score.
        redrawn: its labels on each draw of the explain images.
        noisy: its labels on images with noise.
        random: its labels on the copy with random weights; None where there is none.
    """

    labels: Labels
    cost: Cost
    null: Floats | None
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
        self._concepts = {row.concepts: choose_concepts(row.concepts, _world_labels()) for row in rows}
        for row in rows:
            self._explainer(row, Meter())

    def run(self, entrant: Entrant, host: Probed) -> Trial:
        """One method on one host.

        Raises:
            MethodError: the method cannot run on it.
        """
        meter = Meter()
        view = self._view(host, "plain", meter)
        explainer = self._explainer(entrant, meter)
        labels, first = _timed(explainer, view, meter)
        calls = dict(meter.calls)  # before anything else is asked
        draws = [resampled(view, rows) for rows in self._draws(len(view.images("explain")))]
        redrawn, seconds = zip(*(_timed(explainer, drawn, meter) for drawn in draws), strict=True)
        # Most of a first time may be spent on what is loaded or compiled then.
        cost = Cost(median([first, *seconds]), meter.backend_seconds, len(labels), calls)
        return Trial(
            labels,
            cost,
            self._null(explainer, view, labels),
            redrawn,
            self._elsewhere(entrant, host, "noisy"),
            self._elsewhere(entrant, host, "random") if "random" in host.studies else None,
        )

    def _null(self, explainer: Explainer, view: LayerView, labels: Labels) -> Floats | None:
        if any(one.state == "described" and one.score is None for one in labels.values()):
            return None
        if not any(one.state == "described" for one in labels.values()):
            return None
        return null_scores(explainer, view, self._settings.seed)

    def _elsewhere(self, entrant: Entrant, host: Probed, version: Version) -> Labels:
        meter = Meter()
        return _explained(self._explainer(entrant, meter), self._view(host, version, meter))

    def _draws(self, images: int) -> list[npt.NDArray[np.int64]]:
        generator = np.random.default_rng(self._settings.seed)
        return [generator.integers(images, size=images) for _ in range(self._settings.bootstraps)]

    def _view(self, host: Probed, version: Version, meter: Meter) -> LayerView:
        materials = host.studies[version].materials
        return host.view(version, meter.services(materials.services, materials.probe_set, self._embeddings))

    def _explainer(self, entrant: Entrant, meter: Meter) -> Explainer:
        encoder = None if entrant.encoder is None else meter.encoder(self._encoder(entrant.encoder))
        return plugins.make_method(entrant.method, entrant.settings, self._concepts[entrant.concepts], encoder)

    def _encoder(self, name: str) -> ImageTextEncoder:
        if name not in self._loaded:
            self._loaded[name] = plugins.encoder(name, choose_device(self._settings.device))
        return self._loaded[name]


def _world_labels() -> LabelTable | None:
    """The labels that every host's images have, for what they are called: some images have all of them."""
    return index(image_places("bundled:world/explain/300")).labels


def _explained(explainer: Explainer, view: LayerView) -> Labels:
    return by_unit(list(explainer.explain(view.units, view)))


def _timed(explainer: Explainer, view: LayerView, meter: Meter) -> tuple[Labels, float]:
    """Labels, and the seconds that they took without the images' embeddings, which all rows share."""
    began, before = time.perf_counter(), meter.backend_seconds
    labels = _explained(explainer, view)
    return labels, max(time.perf_counter() - began - (meter.backend_seconds - before), 0.0)
