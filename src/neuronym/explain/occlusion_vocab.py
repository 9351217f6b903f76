"""The founding method: image patches found by occlusion, described by the concepts of a vocabulary that fit them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.backends.encoder import check_templates
from neuronym.errors import MethodError
from neuronym.explain.concepts import ConceptSet
from neuronym.explain.patches import Patch, PatchEncoder, Patches
from neuronym.explain.variation import unvarying
from neuronym.records import FILLS, MASKINGS, Candidate, Evidence, Explanation, Fill, Masking, OcclusionRule, Unit
from neuronym.records.occlusion import is_extent
from neuronym.store.layer_view import LayerView

Watched: TypeAlias = Literal["max", "mean"]
Preset: TypeAlias = Literal["paper", "best"]

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

PATCHES = 256
"""So many random patches tell what is similar to any patch."""


class _Choices(NamedTuple):
    """What a preset chooses where the user did not."""

    occluder: float | None
    stride: float | None
    watched: Watched
    corrected: bool
    masking: Masking
    prior: float


_PRESETS = {
    "paper": _Choices(None, None, "max", False, "half", 0.0),
    "best": _Choices(3 / 8, 1 / 16, "mean", True, "box", 0.75),
}


@dataclass(frozen=True)
class OcclusionVocab:
    """Patches of the top images, scored against a vocabulary by an image-text encoder.

    Parts of each exemplar are covered one after another; the occluder's windows, weighted by how much each changes the
    unit's answer, are its receptive field there, and the image times a mask of that field is a patch. A concept's score
    is the mean over the patches of its similarity to them (equation 1 of the paper), and the best one describes the
    unit; where scores are equal, the first in the alphabet.

    Attributes:
        concepts: the vocabulary.
        encoder: compares patches with concepts.
        exemplars: how many images of a unit are looked at (the paper's K, which it does not state).
        preset: ``paper``, or ``best``, which was better on units whose truth is known (docs/occlusion.md): ``watched``
            is mean, ``occluder`` 3/8 and ``stride`` 1/16 of the input's shorter side, the receptive field is corrected
            for how often each pixel was covered, ``masking`` is box and ``prior`` 0.75. Each may be given by itself.
        occluder: side of the square occluder in pixels of the network's input or, below 1, as a share of its shorter
            side; 11 at 224 pixels if not given, and in proportion elsewhere, but at least 5.
        stride: distance of its places, likewise; 3 as in the paper if not given, and 2 for inputs of under 48 pixels.
        fill: what stands where the image is covered: ``mean`` (the data set's), ``noise`` or ``blur``.
        watched: what of a unit's map is watched, and ranks its exemplars: ``max`` or ``mean``.
        corrected: whether the receptive field is corrected for how often each pixel was covered.
        masking: ``half`` (where the field is at least half of its maximum), ``otsu``, ``soft``, or ``box`` (the
            smallest rectangle about ``half``).
        prior: how much of a concept's mean similarity to patches that no unit chose is taken off its score, 0 to 1:
            to random boxes of random explain images, so that what fits any patch does not win.
        coarse: 1 for every place; c to try every c-th first, which is approximate.
        templates: prompts around each concept; embeddings are averaged.
        candidates: how many of the best concepts are kept.
        seed: of ``noise``, and of the random patches.
    """

    concepts: ConceptSet
    encoder: ImageTextEncoder
    exemplars: int = 10
    preset: Preset = "paper"
    occluder: int | float | None = None
    stride: int | float | None = None
    fill: Fill = "mean"
    watched: Watched | None = None
    corrected: bool | None = None
    masking: Masking | None = None
    prior: float | None = None
    coarse: int = 1
    templates: tuple[str, ...] = ("{}",)
    candidates: int = 5
    seed: int = 0

    name: ClassVar[str] = "occlusion-vocab"
    citation: ClassVar[str] = (
        "C. Zhao, W. Qian, Y. Shi, M. Huai and N. Liu: Automated Natural Language Explanation of Deep Visual Neurons "
        "with Large Models. 2023."
    )

    def __post_init__(self) -> None:
        for name, value, known in (
            ("preset", self.preset, get_args(Preset)),
            ("fill", self.fill, FILLS),
            ("watched", self.watched, get_args(Watched)),
            ("masking", self.masking, MASKINGS),
        ):
            if value is not None and value not in known:
                raise MethodError(f"occlusion-vocab has no {name} {value!r}. Use {', '.join(known)}.")
        for name, number in (
            ("exemplars", self.exemplars),
            ("coarse", self.coarse),
            ("candidates", self.candidates),
        ):
            if number < 1:
                raise MethodError(f"occlusion-vocab got {name}={number}; it must be at least 1.")
        for name, extent in (("occluder", self.occluder), ("stride", self.stride)):
            if extent is not None and not is_extent(extent):
                raise MethodError(
                    f"occlusion-vocab got {name}={extent}; it must be a whole number of pixels, or a share of the "
                    "input's shorter side between 0 and 1."
                )
        if self.prior is not None and not 0 <= self.prior <= 1:
            raise MethodError(f"occlusion-vocab got prior={self.prior}; it must be from 0 to 1.")
        check_templates(self.templates)

    @property
    def summary(self) -> Watched:
        """What of a unit's map is watched."""
        return self.watched or self._preset.watched

    @property
    def occlusion_rule(self) -> OcclusionRule:
        """How images are covered, and what of a unit is watched."""
        chosen = self._preset
        return OcclusionRule(
            chosen.occluder if self.occluder is None else self.occluder,
            chosen.stride if self.stride is None else self.stride,
            self.fill,
            self.summary,
            self.seed,
            self.coarse,
            self.masking or chosen.masking,
            chosen.corrected if self.corrected is None else self.corrected,
        )

    @property
    def _prior(self) -> float:
        return self._preset.prior if self.prior is None else self.prior

    @property
    def _preset(self) -> _Choices:
        return _PRESETS[self.preset]

    def occluded_images(self, units: Sequence[Unit], view: LayerView) -> tuple[Ints, Ints]:
        """The pairs of an explain image and a unit that are looked at; see :meth:`Occlusions.make`."""
        silent = self._silent(view)
        pairs = [
            (exemplar.index, unit.index)
            for unit in units
            if unit.index not in silent
            for exemplar in view.exemplars(unit.index, self.summary, maps=False)[: self.exemplars]
        ]
        images, asked = np.array(pairs, np.int64).reshape(-1, 2).T
        return images, asked

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit; see :class:`~neuronym.explain.explainer.Explainer`."""
        silent, occlusions = self._silent(view), view.occlusions(self.occlusion_rule)
        occlusions.make(*self.occluded_images(units, view))
        texts = encode_prompts(self.encoder, self.concepts.texts, self.templates).astype(np.float64)
        patches, encoder = Patches(view, occlusions), PatchEncoder(self.encoder)
        usual = np.zeros(len(texts))
        if self._prior:
            usual = self._prior * (texts @ encoder.mean(patches.at_random(PATCHES, self.seed)))
        for unit in units:
            if unit.index in silent:
                yield Explanation(unit, self.name, view.run, "abstained", reason=silent[unit.index])
            else:
                yield self._explanation(unit, patches, lambda found: texts @ encoder.mean(found), usual, view)

    def _silent(self, view: LayerView) -> dict[int, str]:
        return unvarying(view, self.summary, view.summaries(self.summary, "explain"))

    def _explanation(
        self,
        unit: Unit,
        patches: Patches,
        similarity: Callable[[Sequence[Patch]], Doubles],
        usual: Doubles,
        view: LayerView,
    ) -> Explanation:
        shown = view.exemplars(unit.index, self.summary, maps=False)[: self.exemplars]
        found = [patch for one in shown if (patch := patches.of(unit.index, one.index)) is not None]
        if not found:
            nothing = f"covering any part of its {len(shown)} exemplars changes nothing of its {self.summary}"
            reason = nothing if shown else "none of its exemplars is among the images"
            return Explanation(unit, self.name, view.run, "abstained", reason=reason)
        similar = similarity(found)
        if (similar == similar[0]).all():
            reason, seen = "every concept is equally similar to its patches", self._looked_at(found, len(shown))
            return Explanation(unit, self.name, view.run, "abstained", None, None, (), tuple(seen), reason)
        scores = similar - usual
        best = np.argsort(-scores, kind="stable")  # equal ones stay in the order of the alphabet
        kept = tuple(Candidate(self.concepts.texts[at], float(scores[at])) for at in best[: self.candidates])
        tied = int((scores == scores[best[0]]).sum())
        evidence = self._evidence(kept[0].text, found, len(shown), tied)
        return Explanation(unit, self.name, view.run, "described", kept[0].text, kept[0].score, kept, evidence)

    def _evidence(self, best: str, patches: Sequence[Patch], exemplars: int, tied: int) -> tuple[Evidence, ...]:
        found = self._looked_at(patches, exemplars)
        classes, leaking = self.concepts.classes_of(best), self.concepts.leaks(best)
        if classes:
            found.append(Evidence("vocabulary", text=f"a phrase for {', '.join(classes)}"))
        if leaking:
            found.append(Evidence("leak", text=f"the name of a class is in the phrase: {', '.join(leaking)}"))
        if tied > 1:
            found.append(
                Evidence("tie", text=f"{tied} concepts have the best score; the first in the alphabet was taken")
            )
        return tuple(found)

    def _looked_at(self, patches: Sequence[Patch], exemplars: int) -> list[Evidence]:
        """The patches, and what is to be known of how they came about."""
        found = [Evidence("patch", patch.image_id, patch.region) for patch in patches]
        if len(patches) < exemplars:
            none = f"on {exemplars - len(patches)} of {exemplars} exemplars no occlusion changes the unit"
            found.append(Evidence("occlusion", text=none))
        if self.coarse > 1:
            tried = f"of {self.coarse} places in each direction one was tried first (coarse to fine)"
            found.append(Evidence("approximate", text=tried))
        return found
