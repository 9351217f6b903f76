"""From the name of a concept source to the source: what judges the descriptions of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from neuronym import plugins
from neuronym.asking import warn_of_domain
from neuronym.backends import ImageGenerator, ImageTextEncoder
from neuronym.errors import MethodError, UserError
from neuronym.evaluate.abilities import MaskSource
from neuronym.evaluate.evaluation import Settings
from neuronym.evaluate.mask_iou import Masked
from neuronym.evaluate.sources import AnnotationSource, EncoderSource, LabelSource, TruthMasks, TruthSource
from neuronym.evaluate.sources.hierarchy import read_hierarchy, with_hierarchy
from neuronym.evaluate.sources.truth import knows
from neuronym.execute.devices import choose_device
from neuronym.materials import Materials, strings_of
from neuronym.records import ConceptSource, Grid, LabelTable, MaskRule, Split
from neuronym.store.annotation_store import StoredAnnotations
from neuronym.store.layer_view import LayerView
from neuronym.store.study_store import StudyStore

AUTO = "auto"
"""The images' own knowledge where they have it; else their annotations for runs that looked at them, else labels."""

KINDS = ("truth", "annotations", "labels", "encoder", "generated")
"""What judges, by what its name begins with."""

OWN = "one of your own"


@dataclass(frozen=True)
class Asked:
    """What descriptions are judged by.

    Attributes:
        source: ``auto``, ``truth``, ``annotations``, ``labels``, ``labels:GROUP``, ``encoder:NAME``,
            ``generated:NAME``, or one's own.
        hierarchy: a table of names above the labels.
        templates: prompts that texts are put into for an encoder.
        masks: whether the masks of units are compared with those of their descriptions also for runs that have no rule
            of their own for where a unit is active.
        force: whether an encoder may judge descriptions that it made.
        device: where an encoder runs.
        settings: how scores are computed.
    """

    source: str | ConceptSource = AUTO
    hierarchy: str | Path | None = None
    templates: Sequence[str] = ("{}",)
    masks: bool = False
    force: bool = False
    device: str = "auto"
    settings: Settings = field(default_factory=Settings)


class Sources:
    """What judges the runs of a study, as it was asked for.

    Args:
        store: the study.
        materials: its images and encoders.
        asked: by what.

    Raises:
        UserError: there is no such source.
    """

    def __init__(self, store: StudyStore, materials: Materials, asked: Asked) -> None:
        self._store, self._materials, self._asked = store, materials, asked
        self._named, self._rest = _read(asked.source) if isinstance(asked.source, str) else (OWN, "")
        self._below: Mapping[str, Sequence[str]] | None = None
        self._above: dict[Split, LabelTable] = {}
        self._truth_masks: TruthMasks | None = None

    def kind(self, run: str) -> str:
        """What judges a run: one of :data:`KINDS`, or a source of one's own.

        Raises:
            MethodError: nothing is known of the images.
        """
        if self._named != AUTO:
            return self._named
        if self._know:
            return "truth"
        if self._store.annotations is not None and self._store.manifest.runs[run].get("annotations"):
            return "annotations"
        if self._store.labels is not None:
            return "labels"
        if self._store.annotations is not None:
            return "annotations"
        raise MethodError(
            "The probe images have neither labels nor annotations to evaluate with. Give images with labels or masks, "
            "or --source encoder:NAME."
        )

    def check(self, run: str) -> None:
        """Raise unless a run may be judged as asked.

        Raises:
            UserError: an option does not fit what judges it, or its hierarchy cannot be read.
            MethodError: nothing is annotated, or an encoder made these descriptions, and would find them true.
        """
        kind, asked = self.kind(run), self._asked
        if asked.hierarchy is not None and kind != "labels":
            raise UserError(f"A --hierarchy is of labels, and the source is {kind}. Give --source labels.")
        if tuple(asked.templates) != ("{}",) and kind != "encoder":
            raise UserError(f"A --template is for an encoder, and the source is {kind}. Give --source encoder:NAME.")
        if asked.masks and not self._knows_masks(kind):
            raise UserError(
                f"--masks compares pixels, and the source is {kind}, which does not know where things are. Give "
                "--source annotations, or truth for images that know."
            )
        if asked.hierarchy is not None and self._below is None:
            self._below = read_hierarchy(asked.hierarchy)
        if kind == "annotations" or asked.masks:
            self._check_annotated()
        if kind == "encoder" and not asked.force:
            self._check_encoder(run)

    def source(self, view: LayerView, run: str) -> ConceptSource:
        """What judges a run's descriptions of a layer; images that are generated are no such source."""
        if not isinstance(self._asked.source, str):
            return self._asked.source
        kind = self.kind(run)
        if kind == "truth":
            return self._truth
        if kind == "annotations":
            return self._annotations
        if kind == "encoder":
            return EncoderSource(
                self._encoder(), lambda split: view.embeddings(self._encoder(), split), self._asked.templates
            )
        group = self._rest or ("" if self._below else str(self._store.manifest.runs[run].get("label_group") or ""))
        labels = LabelSource.of(view.labels("explain"), view.labels("test"), group)
        if self._below is None:
            return labels
        for split, table in labels.tables.items():
            if split not in self._above:  # the images are those of every layer
                self._above[split] = with_hierarchy(table, self._below, self._asked.hierarchy or "")
        return LabelSource(labels.name, self._above)

    @cached_property
    def _truth(self) -> TruthSource:
        splits: tuple[Split, ...] = ("explain", "test")
        images = {split: [one for one in self._store.images if one.split == split] for split in splits}
        return TruthSource(images, self._materials.probe_set.opened.get)

    @cached_property
    def _annotations(self) -> AnnotationSource:
        return AnnotationSource.of(self._stored, sum(image.split == "explain" for image in self._store.images))

    @property
    def _stored(self) -> StoredAnnotations:
        self._check_annotated()
        return cast("StoredAnnotations", self._store.annotations)

    def _check_annotated(self) -> None:
        if self._store.annotations is None:
            raise MethodError(
                "Nothing is annotated in the images of the study. Give masks to `neuronym explain` with --annotations, "
                "or another --source."
            )

    def mask_rule(self, run: str) -> MaskRule | None:
        """Where a unit of a run is active; None where its mask is not compared with anything.

        It is compared if the method looked at masks, by its rule, or if that was asked for, and if what judges the run
        knows where things are.
        """
        made = self._store.manifest.runs[run].get("mask_rule")
        if not (isinstance(made, Mapping) or self._asked.masks) or self._store.annotations is None:
            return None
        if not self._knows_masks(self.kind(run)):
            return None
        return MaskRule.from_spec(made) if isinstance(made, Mapping) else MaskRule()

    @property
    def grid(self) -> Grid:
        """The cells that masks are compared on.

        Raises:
            MethodError: nothing is annotated.
        """
        return self._stored.about.grid

    def masked(self, view: LayerView, run: str) -> Masked | None:
        """What the masks of a run's units are compared with; None as of :meth:`mask_rule`."""
        rule, kind = self.mask_rule(run), self.kind(run)
        if rule is None:
            return None
        if kind == "truth":
            if self._truth_masks is None:  # the images are those of every layer
                self._truth_masks = TruthMasks(self._truth, view.geometry, self.grid)
            return Masked(self._truth_masks, rule)
        return Masked(self._annotations if kind == "annotations" else cast("MaskSource", self._asked.source), rule)

    def _encoder(self) -> ImageTextEncoder:
        if not self._rest:
            raise UserError("--source encoder names no encoder. Write encoder:NAME, such as encoder:bundled:align.")
        encoder = self._materials.encoder(self._rest, self._asked.device)
        warn_of_domain(encoder, strings_of(self._store.manifest.provenance, "sources"))
        return encoder

    def generator(self) -> ImageGenerator:
        """What makes images of descriptions.

        Raises:
            UserError: it is not named, or there is none of this name.
        """
        if not self._rest:
            raise UserError(
                "--source generated names no generator. Write generated:NAME, such as generated:bundled:world."
            )
        generator = plugins.generator(self._rest, choose_device(self._asked.device))
        warn_of_domain(generator, strings_of(self._store.manifest.provenance, "sources"), "image generator")
        return generator

    def _check_encoder(self, run: str) -> None:
        key = self._store.manifest.runs[run].get("key")
        if isinstance(key, Mapping) and key.get("encoder") == self._encoder().key:
            raise MethodError(
                f"The encoder {self._rest} made the descriptions of the run {run}, and would find them true. Choose "
                "another, judge other runs with --run, or insist with --force."
            )

    @cached_property
    def _know(self) -> bool:
        """Whether all images know what they show."""
        sources = {image.source for image in self._store.images}
        return all(knows(self._materials.probe_set.opened.get(name)) for name in sources)

    def _knows_masks(self, kind: str) -> bool:
        """Whether what judges knows where things are."""
        if kind == OWN:
            return isinstance(self._asked.source, MaskSource)
        return kind == "annotations" or (kind == "truth" and TruthMasks.can(self._truth))


def _read(source: str) -> tuple[str, str]:
    """What kind of source a name means, and what follows the kind.

    Raises:
        UserError: there is no such source.
    """
    kind, colon, rest = source.partition(":")
    if source == AUTO:
        return AUTO, ""
    if kind == "labels" and colon and not rest:
        raise UserError(f"--source {source!r} names no group of labels. Give --source labels for all of them.")
    if kind not in KINDS or (kind in ("truth", "annotations") and rest):
        raise UserError(
            f"There is no concept source {source!r}. Use auto, truth, annotations, labels, labels:GROUP, encoder:NAME "
            "or generated:NAME."
        )
    return kind, rest
