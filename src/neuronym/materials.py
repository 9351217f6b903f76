"""The model and the images of a study, and the encoders it is described with: loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from neuronym import plugins
from neuronym.activations.embed import cache_root, embed_images
from neuronym.activations.mask_pass import MasksOf, run_mask_pass
from neuronym.activations.respond import respond
from neuronym.asking import target_entry
from neuronym.errors import TargetError, UserError
from neuronym.execute.devices import Running, choose_device
from neuronym.masking import UnitMaskMaker
from neuronym.occluding import OcclusionMaker
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, Json, LayerInfo, MaskRule, OcclusionRule, Split
from neuronym.regions.occlusion import AnswersOf, run_occlusion_pass
from neuronym.store.layer_view import Services
from neuronym.store.mask_tables import UnitMasks
from neuronym.store.study_store import StudyStore
from neuronym.store.unit_mask_store import BLOCK
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

if TYPE_CHECKING:
    from neuronym.backends import ImageTextEncoder

Report: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how many items are done, and how many there are."""


class Materials:
    """What a study works on, beside its folder.

    Args:
        store: the folder, which says what to load.
        report: told about progress.
        target: the model, if it is loaded already.
        probe: the images, if they are known already.

    Attributes:
        report: told about progress.
        device: where the model answers when a view asks it.
        batch_size: images per forward pass of the model, as the activation pass took them.
    """

    def __init__(self, store: StudyStore, report: Report, target: Target | None, probe: ProbeSet | None) -> None:
        self.store, self.report = store, report
        self._target, self._probe = target, probe
        self.device, self.batch_size = "auto", BLOCK
        self._maker = UnitMaskMaker(store, self._pass_for_masks)
        self._occluder = OcclusionMaker(
            store, lambda: self._preprocessing, lambda name: store.view(name, self.services), self._pass_for_occlusions
        )
        self._encoders: dict[tuple[str, str], ImageTextEncoder] = {}

    @property
    def target(self) -> Target:
        """The model.

        Raises:
            TargetError: it can no longer be had, or its weights are not those that the study was made with.
        """
        if self._target is None:
            self._target = self._reloaded()
        return self._target

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the model's outputs; None where they have none, or the model can no longer be had."""
        with suppress(UserError):
            return self.target.class_names
        return None

    @cached_property
    def probe_set(self) -> ProbeSet:
        """The probe images, to be read again."""
        if self._probe is not None:
            return self._probe
        made = self.store.manifest.provenance
        duplicates = made.get("duplicates", 0)
        sources = strings_of(made, "sources")
        named = {name: source for name in sources if (source := plugins.image_source(name)) is not None}
        return ProbeSet.restore(
            self.store.images,
            self.store.labels,
            self.store.skipped,
            duplicates if isinstance(duplicates, int) else 0,
            sources,
            strings_of(made, "notes"),
            named,
        )

    def encoder(self, name: str, device: str) -> ImageTextEncoder:
        """An encoder by name, loaded once.

        Raises:
            UserError: it cannot be had.
        """
        if (name, device) not in self._encoders:
            self._encoders[name, device] = plugins.encoder(name, choose_device(device))
        return self._encoders[name, device]

    @cached_property
    def services(self) -> Services:
        """What a view cannot read from the study's folder by itself."""

        def embed(encoder: Any, split: Split) -> Any:
            def progress(done: int, total: int) -> None:
                self.report(f"encoding {split} images", done, total)

            return embed_images(encoder, self.probe_set, split, cache_root(), progress=progress)

        def answer(layer: LayerInfo, images: Sequence[Any]) -> Any:
            precision = str(self.store.manifest.spec["precision"])
            return respond(self.target, layer, images, Running.chosen(self.device, precision))

        def unit_masks(layer: LayerInfo, rule: MaskRule, grid: Grid) -> UnitMasks:
            return self._maker.masks(layer, rule, grid, self._thresholds(layer, rule))

        geometry = self._preprocessing.geometry
        return Services(self.probe_set.load, geometry, embed, answer, unit_masks, self._occluder.table)

    def make_masks(self, layers: Sequence[LayerInfo], rule: MaskRule, grid: Grid) -> None:
        """Make the unit masks of several layers in one pass over the images, as far as they are missing.

        Args:
            layers: layers of the study.
            rule: where a unit counts as active.
            grid: the cells of a mask.

        Raises:
            UnknownNameError: the rule's quantile is none that is stored.
            UserError: the masks cannot be made, or another process is writing the study.
        """
        self._maker.make({layer: self._thresholds(layer, rule) for layer in layers}, rule, grid)

    def make_occlusions(self, images: Mapping[LayerInfo, Sequence[int]], rule: OcclusionRule) -> None:
        """Ask what units of several layers answer to occluded images, in one pass, as far as that is missing.

        Args:
            images: by layer, positions among the explain images.
            rule: how they are covered.

        Raises:
            UserError: it cannot be done, or another process is writing the study.
        """
        self._occluder.make(images, rule)

    def _thresholds(self, layer: LayerInfo, rule: MaskRule) -> Any:
        """Strictly above what each unit of a layer is active, float64 [units]."""
        return self.store.view(layer.name, self.services).mask_thresholds(rule)

    def _pass_for_masks(self, wanted: Sequence[MasksOf], rule: MaskRule, grid: Grid) -> None:
        running = Running.chosen(self.device, str(self.store.manifest.spec["precision"]))

        def progress(done: int, total: int) -> None:
            self.report("mask pass", done, total)

        run_mask_pass(
            self.target, wanted, self.probe_set, rule, grid, running, min(self.batch_size, BLOCK), progress=progress
        )

    def _pass_for_occlusions(self, wanted: Sequence[AnswersOf], rule: OcclusionRule) -> None:
        def progress(done: int, total: int) -> None:
            self.report("occluding images", done, total)

        running = Running.chosen(self.device, str(self.store.manifest.spec["precision"]))
        run_occlusion_pass(self.target, wanted, self.probe_set, rule, running, progress)

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing.from_spec(self._spec["preprocessing"])

    @property
    def _spec(self) -> dict[str, Any]:
        spec = self.store.manifest.spec["target"]
        assert isinstance(spec, dict)
        return spec

    def _reloaded(self) -> Target:
        spec = self._spec
        made = self.store.manifest.provenance
        weights = made.get("asked_weights")
        target = plugins.target(str(made.get("asked_model", spec["name"])), None if weights is None else str(weights))
        target = replace(target, preprocessing=Preprocessing.from_spec(spec["preprocessing"]))
        now = target_entry(target)
        if any(now[part] != spec.get(part) for part in ("weights_hash", "structure")):
            what = "weights" if now["weights_hash"] != spec["weights_hash"] else "modules"
            raise TargetError(
                f"The {what} of {spec['name']} are not those that the study {str(self.store.folder)!r} was made with. "
                "Put the old ones back, or make a new study."
            )
        return target


def strings_of(mapping: Mapping[str, Json], key: str) -> list[str]:
    """A list of texts of a manifest; empty where there is none."""
    values = mapping.get(key, [])
    return [str(value) for value in values] if isinstance(values, Sequence) and not isinstance(values, str) else []
