"""From the name of a method to what it says of a study's units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuronym import plugins
from neuronym.annotating import annotate_study
from neuronym.asking import (
    check_annotations,
    check_exemplars,
    check_occluder,
    check_rule,
    check_summary,
    check_units,
    choose_concepts,
    warn_of_domain,
)
from neuronym.errors import StudyError
from neuronym.explain.abstention import Abstaining, check_level
from neuronym.explain.explainer import Occluding, mask_rule, needs_annotations, occlusion_rule
from neuronym.explain.running import remaining, run_method
from neuronym.materials import Materials, strings_of
from neuronym.runs import describe_run, run_name, units_of
from neuronym.store.derived_view import without_test
from neuronym.vocabulary.fitting import check_vocabulary

if TYPE_CHECKING:
    from neuronym.backends import ImageTextEncoder
    from neuronym.explain.concepts import ConceptSet
    from neuronym.explain.explainer import Explainer
    from neuronym.records import Annotated, Grid, LayerInfo, Unit
    from neuronym.store.layer_view import LayerView


@dataclass(frozen=True)
class Wish:
    """How units are to be described; see :meth:`neuronym.study.Study.explain`.

    Attributes:
        method: its name.
        concepts: what it chooses among.
        encoder: what it compares with.
        layers: names of layers; None for all.
        units: positions in each layer; None for all.
        settings: parameters of the method.
        abstain: the share of shuffled units that may be described; None to leave that to the method.
        device: where models run.
        annotations: masks of concepts; None for those that the study or its images have.
        grid: what they are compared on.
    """

    method: str
    concepts: str | Path | ConceptSet | Sequence[str] | None = None
    encoder: str | ImageTextEncoder | None = None
    layers: Sequence[str] | None = None
    units: Sequence[int] | None = None
    settings: Mapping[str, Any] | None = None
    abstain: float | None = None
    device: str = "auto"
    annotations: str | Path | None = None
    grid: Grid | None = None


class Explaining:
    """A method, ready to describe units of a study.

    Args:
        materials: the study's folder, images and models.
        wish: what is asked for.

    Raises:
        UserError: a name means nothing, or the method cannot run on this study with these parameters.
    """

    def __init__(self, materials: Materials, wish: Wish) -> None:
        self._materials, self._store, self._wish = materials, materials.store, wish
        self._concepts = choose_concepts(wish.concepts, self._store.labels)
        if self._concepts is not None and self._concepts.vocabulary is not None:
            check_vocabulary(self._concepts.vocabulary, materials.class_names)
        self._encoder = materials.encoder(wish.encoder, wish.device) if isinstance(wish.encoder, str) else wish.encoder
        self._inner = plugins.make_method(wish.method, wish.settings or {}, self._concepts, self._encoder)
        check_summary(wish.method, self._inner.summary, strings_of(self._store.manifest.spec, "summaries"))
        check_rule(mask_rule(self._inner))
        check_occluder(occlusion_rule(self._inner), self._store.input_size)
        check_exemplars(self._inner, wish.settings or {}, self._store.top_k)
        warn_of_domain(self._encoder, strings_of(self._store.manifest.provenance, "sources"))
        self._layers = self._chosen()
        check_units(self._layers, wish.units)
        if wish.annotations is not None or self._store.annotations is None:
            check_annotations(self._inner, wish.annotations, materials.probe_set)

    def run(self) -> str:
        """Describe the units, going on where the same was interrupted before, and return the id of the run.

        Raises:
            UserError: the study cannot be written, or the method cannot run on it.
        """
        self._materials.device = self._wish.device
        annotated = self._annotated()
        explainer = self._explainer()
        made_with = describe_run(
            self._wish.method, self._inner, self._concepts, self._encoder, self._wish.abstain, annotated
        )
        run = run_name(self._store.manifest.key, explainer, made_with)
        wanted = {layer: units_of(layer, self._wish.units) for layer in self._layers}
        with self._store.lock():
            self._check_annotated(annotated)
            if run not in self._store.manifest.runs:
                if self._concepts is not None and self._concepts.vocabulary is not None:
                    self._store.write_vocabulary(run, self._concepts.vocabulary)
                self._store.update(self._store.manifest.with_run(run, made_with))
            with self._store.stage(f"explain/{run}", run, sum(map(len, wanted.values()))):
                self._make_masks(run, wanted, annotated)
                self._make_occlusions(run, wanted)
                self._describe(run, explainer, wanted)
        return run

    def _chosen(self) -> list[LayerInfo]:
        """The layers that are asked for, if they are large enough for the level."""
        names = self._wish.layers
        chosen = list(self._store.layers) if names is None else [self._store.layer(name) for name in names]
        if self._wish.abstain is not None:
            check_level(self._wish.abstain, {layer.name: layer.units for layer in chosen})
        return list(dict.fromkeys(chosen))

    def _explainer(self) -> Explainer:
        report = self._materials.report
        return self._inner if self._wish.abstain is None else Abstaining(self._inner, self._wish.abstain, report=report)

    def _annotated(self) -> Annotated | None:
        """What is annotated in the images, if it was asked for or the method needs it."""
        if self._wish.annotations is None and not needs_annotations(self._inner):
            return None
        return annotate_study(self._store, self._materials, self._wish.annotations, self._wish.grid)

    def _check_annotated(self, annotated: Annotated | None) -> None:
        """Raise if another process has annotated the study otherwise since this one looked: the lock is held now."""
        there = self._store.annotations
        if annotated is not None and (there is None or there.about.key != annotated.key):
            raise StudyError(
                f"The annotations of the study {str(self._store.folder)!r} were replaced in the meantime. Run this "
                "again."
            )

    def _make_masks(self, run: str, wanted: Mapping[LayerInfo, Sequence[Unit]], annotated: Annotated | None) -> None:
        """Make the masks that the method will ask for, of all layers in one pass over the images."""
        rule = mask_rule(self._inner)
        if rule is None or annotated is None:
            return
        self._materials.make_masks(list(self._unsaid(run, wanted)), rule, annotated.grid)

    def _make_occlusions(self, run: str, wanted: Mapping[LayerInfo, Sequence[Unit]]) -> None:
        """Occlude what the method will ask for, of all layers in one pass over their exemplars."""
        method = self._inner
        if not isinstance(method, Occluding):
            return
        images = {
            layer: np.unique(method.occluded_images(units, self._view(layer, run))[0]).tolist()
            for layer, units in self._unsaid(run, wanted).items()
        }
        self._materials.make_occlusions(images, method.occlusion_rule)

    def _unsaid(self, run: str, wanted: Mapping[LayerInfo, Sequence[Unit]]) -> dict[LayerInfo, list[Unit]]:
        """By layer, the units of which the run has not said anything yet."""
        unsaid = {layer: remaining(units, self._store.parts(run, layer.name)) for layer, units in wanted.items()}
        return {layer: units for layer, units in unsaid.items() if units}

    def _view(self, layer: LayerInfo, run: str) -> LayerView:
        """The layer as a method sees it."""
        return without_test(self._store.view(layer.name, self._materials.services, run))

    def _describe(self, run: str, explainer: Explainer, wanted: Mapping[LayerInfo, Sequence[Unit]]) -> None:
        total, before = sum(map(len, wanted.values())), 0
        for layer, asked in wanted.items():

            def progress(done: int, _: int, start: int = before) -> None:
                self._materials.report(explainer.name, start + done, total)

            run_method(explainer, asked, self._view(layer, run), self._store.parts(run, layer.name), progress)
            before += len(asked)
