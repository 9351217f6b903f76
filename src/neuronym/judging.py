"""From the name of a concept source to scores in a study: which source judges, whose descriptions, what is kept."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import torch

from neuronym import plugins
from neuronym.activations.embed import cache_root
from neuronym.asking import warn_of_domain
from neuronym.backends import ImageGenerator, ImageTextEncoder
from neuronym.errors import MethodError, NeuronymWarning, StudyError, UserError
from neuronym.evaluate.evaluation import Settings, evaluate_layer
from neuronym.evaluate.figures import LayerEvaluation
from neuronym.evaluate.generated import evaluate_generated
from neuronym.evaluate.sources import EncoderSource, LabelSource, TruthSource
from neuronym.evaluate.sources.hierarchy import read_hierarchy, with_hierarchy
from neuronym.evaluate.sources.truth import knows
from neuronym.execute.devices import choose_device
from neuronym.functional import metrics
from neuronym.functional.metrics import verdicts
from neuronym.materials import Materials, strings_of
from neuronym.records import ConceptSource, Explanation, Json, LabelTable, Split, Summary, digest
from neuronym.store.atomic import write_json
from neuronym.store.layer_view import LayerView
from neuronym.store.study_store import StudyStore, is_writable
from neuronym.store.tables import explanations_records

AUTO = "auto"
"""The images' own knowledge where they have it, else their labels."""


@dataclass(frozen=True)
class Asked:
    """What descriptions are judged by.

    Attributes:
        source: ``auto``, ``truth``, ``labels``, ``labels:GROUP``, ``encoder:NAME``, ``generated:NAME``, or one's own.
        hierarchy: a table of names above the labels.
        templates: prompts that texts are put into for an encoder.
        force: whether an encoder may judge descriptions that it made.
        device: where an encoder runs.
        settings: how scores are computed.
    """

    source: str | ConceptSource = AUTO
    hierarchy: str | Path | None = None
    templates: Sequence[str] = ("{}",)
    force: bool = False
    device: str = "auto"
    settings: Settings = field(default_factory=Settings)


class Judge:
    """Judges the descriptions of a study.

    Args:
        store: the study.
        materials: its images and encoders.
        asked: by what.

    Raises:
        UserError: there is no such source, or the study cannot be judged by it.
    """

    def __init__(self, store: StudyStore, materials: Materials, asked: Asked) -> None:
        self._store, self._materials, self._asked = store, materials, asked
        if not any(image.split == "test" for image in store.images):
            raise StudyError(
                f"The study {str(store.folder)!r} has no test images to evaluate on. Make one with a --test-fraction "
                "above 0, or with --test-images."
            )
        self._kind, self._rest = self._read(asked.source) if isinstance(asked.source, str) else ("one of your own", "")
        if asked.hierarchy is not None and self._kind != "labels":
            raise UserError(f"A --hierarchy is of labels, and the source is {self._kind}. Give --source labels.")
        if tuple(asked.templates) != ("{}",) and self._kind != "encoder":
            raise UserError(
                f"A --template is for an encoder, and the source is {self._kind}. Give --source encoder:NAME."
            )
        self._below = None if asked.hierarchy is None else read_hierarchy(asked.hierarchy)
        self._truth: TruthSource | None = None
        self._above: dict[Split, LabelTable] = {}

    def _read(self, source: str) -> tuple[str, str]:
        """What kind of source a name means, and what follows the kind."""
        kind, colon, rest = source.partition(":")
        if source == AUTO:
            return self._best_kind(), ""
        if kind == "labels" and colon and not rest:
            raise UserError(f"--source {source!r} names no group of labels. Give --source labels for all of them.")
        if kind not in ("truth", "labels", "encoder", "generated") or (kind == "truth" and rest):
            raise UserError(
                f"There is no concept source {source!r}. Use auto, truth, labels, labels:GROUP, encoder:NAME or "
                "generated:NAME."
            )
        return kind, rest

    def run(self, run: str) -> list[LayerEvaluation]:
        """What is found of one run's descriptions, by layer; it is kept if the study can be written.

        Raises:
            MethodError: there are no such labels.

        Warns:
            NeuronymWarning: nothing was kept, and why.
        """
        explained = explanations_records(self._store.explanations(run))
        found = []
        for layer in self._store.layers:
            some = [one for one in explained if one.unit.layer == layer.name]
            if some:
                found.append(self._layer(run, some))
        try:
            self._keep(run, found)
        except StudyError as error:
            warnings.warn(NeuronymWarning(f"{error} The figures of {run} are not kept."), stacklevel=2)
        return found

    def _layer(self, run: str, explanations: Sequence[Explanation]) -> LayerEvaluation:
        name = explanations[0].unit.layer
        view = self._store.view(name, self._materials.services, run)
        summary = cast("Summary", str(self._store.manifest.runs[run]["summary"]))
        if self._kind == "generated":
            return evaluate_generated(
                explanations,
                view,
                self._generator(),
                summary=summary,
                seed=self._asked.settings.seed,
                progress=lambda done, total: self._materials.report(f"generating for {name}", done, total),
            )
        return evaluate_layer(
            explanations,
            view,
            self._source(view, run),
            summary=summary,
            pool=self._pool(name),
            settings=self._asked.settings,
        )

    def _source(self, view: LayerView, run: str) -> ConceptSource:
        if not isinstance(self._asked.source, str):
            return self._asked.source
        if self._kind == "truth":
            if self._truth is None:
                splits: tuple[Split, ...] = ("explain", "test")
                images = {split: view.images(split) for split in splits}
                self._truth = TruthSource(images, self._materials.probe_set.opened.get)
            return self._truth
        if self._kind == "encoder":
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

    def _pool(self, layer: str) -> list[str]:
        """What all runs say of a layer's units."""
        table = self._store.explanations()
        pairs = zip(table["layer"].to_pylist(), table["description"].to_pylist(), strict=True)
        return [text for name, text in pairs if name == layer and text is not None]

    def _encoder(self) -> ImageTextEncoder:
        if not self._rest:
            raise UserError("--source encoder names no encoder. Write encoder:NAME, such as encoder:bundled:align.")
        encoder = self._materials.encoder(self._rest, self._asked.device)
        warn_of_domain(encoder, strings_of(self._store.manifest.provenance, "sources"))
        return encoder

    def _generator(self) -> ImageGenerator:
        if not self._rest:
            raise UserError(
                "--source generated names no generator. Write generated:NAME, such as generated:bundled:world."
            )
        generator = plugins.generator(self._rest, choose_device(self._asked.device))
        warn_of_domain(generator, strings_of(self._store.manifest.provenance, "sources"), "image generator")
        return generator

    def check(self, run: str) -> None:
        """Raise unless a run may be judged by this source: an encoder finds its own descriptions true.

        Raises:
            MethodError: the encoder made these descriptions.
        """
        if self._kind != "encoder" or self._asked.force:
            return
        key = self._store.manifest.runs[run].get("key")
        if isinstance(key, Mapping) and key.get("encoder") == self._encoder().key:
            raise MethodError(
                f"The encoder {self._rest} made the descriptions of the run {run}, and would find them true. Choose "
                "another, judge other runs with --run, or insist with --force."
            )

    def _best_kind(self) -> str:
        sources = {image.source for image in self._store.images}
        if all(knows(self._materials.probe_set.opened.get(name)) for name in sources):
            return "truth"
        if self._store.labels is None:
            raise MethodError(
                "The probe images have no labels to evaluate with. Give images with labels, or --source encoder:NAME."
            )
        return "labels"

    def _keep(self, run: str, found: Sequence[LayerEvaluation]) -> None:
        """Write what was found.

        Raises:
            StudyError: the study cannot be written, or another process is writing it.
        """
        if not found:
            return
        if not is_writable(self._store.folder):
            raise StudyError(f"The study {str(self._store.folder)!r} may only be read.")
        made_with: dict[str, Json] = {
            "run": run,
            "source": found[0].source,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "decides": self._kind != "generated",
            "settings": asdict(self._asked.settings),
            "hierarchy": None if self._asked.hierarchy is None else Path(self._asked.hierarchy).name,
            "templates": list(self._asked.templates) if self._kind == "encoder" else [],
            "marks": marks(),
        }
        with self._store.lock():
            self._store.write_evaluation(
                made_with,
                [score for one in found for score in one.scores],
                [one for layer in found for one in layer.assessments],
                [figure for one in found for figure in one.figures],
            )


def marks() -> dict[str, Json]:
    """The metrics that fail a test of metrics, and which: what is shown beside their figures.

    The tests take seconds and always come out the same, so what came out is kept in the cache.
    """
    place = cache_root() / "marks" / f"{_formulas()}.json"
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads(place.read_bytes()))
    failed: dict[str, Json] = {}
    for name, verdict in verdicts().items():
        passed = {"missing": verdict.passes_missing, "extra": verdict.passes_extra}
        tests = [f"{test}-label" for test, sees in passed.items() if not sees]
        if tests:
            failed[name] = f"fails the {' and the '.join(tests)} test"
    with suppress(StudyError):  # a cache that cannot be written costs seconds
        write_json(place, failed)
    return failed


def _formulas() -> str:
    """Identity of the code of all metrics and their tests."""
    folder = Path(metrics.__file__).parent
    return digest([torch.__version__, *(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py")))])
