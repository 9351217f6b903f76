"""CLIP-Dissect: the concept whose pattern over the probe images is most like the unit's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from neuronym.backends import ImageTextEncoder
from neuronym.backends.encoder import check_templates
from neuronym.errors import MethodError
from neuronym.explain.concepts import ConceptSet
from neuronym.explain.pairs import pair_candidates
from neuronym.explain.scoring import Best, ColumnScorer, PointwiseScorer, Ranked, Scorer, best_concepts
from neuronym.explain.similarity import EncodedSimilarity, Similarity, needs_encoder, similarity_to
from neuronym.explain.variation import unvarying
from neuronym.functional import clip_dissect as formulas
from neuronym.records import Candidate, Evidence, Explanation, Summary, Unit
from neuronym.store.layer_view import LayerView

Function: TypeAlias = Literal["soft_wpmi", "wpmi", "rank_reorder", "cosine", "cosine_cubed"]

_DEFAULTS = {"soft_wpmi": (100, 10.0, 1.0), "wpmi": (28, 2.0, 0.6)}  # top_k, temperature, lam


@dataclass(frozen=True)
class ClipDissect:
    """CLIP-Dissect with any of its five similarity functions (:mod:`neuronym.functional.clip_dissect`).

    The prior of WPMI and SoftWPMI is always over the whole layer, so that a unit's label does not depend on which
    other units were asked for. Where scores tie, as they do near log(units), the concept under which the unit's images
    are likelier wins, and then the alphabet.

    Attributes:
        concepts: the candidate descriptions.
        encoder: scores images against texts; without one, the images' labels do.
        similarity: the function.
        summary: g, what becomes of an activation map.
        top_k: images per unit for soft_wpmi (100) and wpmi (28).
        temperature: factor of the similarities before the softmax, for soft_wpmi (10) and wpmi (2).
        lam: weight of the prior, for soft_wpmi (1) and wpmi (0.6).
        p_start: membership probability of the first image, for soft_wpmi.
        p_end: membership probability of the last image, for soft_wpmi.
        preset: ``reference`` (the authors' code: ``p_end`` is the value one image after the last) or ``paper`` (the
            last image has it).
        top_fraction: share of the images that rank_reorder reorders.
        exponent: p of rank_reorder.
        templates: prompts around each concept; embeddings are averaged.
        pairs: how many of a unit's best concepts are also tried in pairs (appendix A.4 takes 100); 0 for none.
        threshold: a best score below it is no description (appendix A.8).
        candidates: how many of the best concepts are kept.
        seed: of the random orders of rank_reorder and of the random sets of a layer with one unit.
    """

    concepts: ConceptSet
    encoder: ImageTextEncoder | None = None
    similarity: Function = "soft_wpmi"
    summary: Summary = "mean"
    top_k: int | None = None
    temperature: float | None = None
    lam: float | None = None
    p_start: float = 0.998
    p_end: float = 0.97
    preset: Literal["reference", "paper"] = "reference"
    top_fraction: float = 0.05
    exponent: float = 3.0
    templates: tuple[str, ...] = ("{}",)
    pairs: int = 0
    threshold: float | None = None
    candidates: int = 10
    seed: int = 0

    name: ClassVar[str] = "clip-dissect"
    citation: ClassVar[str] = (
        "T. Oikarinen and T.-W. Weng: CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision "
        "Networks. ICLR 2023."
    )

    def __post_init__(self) -> None:
        for name, value, known in (
            ("similarity", self.similarity, get_args(Function)),
            ("summary", self.summary, get_args(Summary)),
            ("preset", self.preset, ("reference", "paper")),
        ):
            if value not in known:
                raise MethodError(f"clip-dissect has no {name} {value!r}. Use {', '.join(known)}.")
        for name, number, least in (
            ("top_k", 1 if self.top_k is None else self.top_k, 1),
            ("candidates", self.candidates, 1),
            ("pairs", self.pairs, 0),
        ):
            if number < least:
                raise MethodError(f"clip-dissect got {name}={number}; it must be at least {least}.")
        if not (0 <= self.p_start <= 1 and 0 <= self.p_end <= 1 and 0 < self.top_fraction <= 1 and self.exponent > 0):
            raise MethodError(
                f"clip-dissect got p_start={self.p_start}, p_end={self.p_end}, top_fraction={self.top_fraction}, "
                f"exponent={self.exponent}; the first three are probabilities, and the exponent is above 0."
            )
        if self.pairs and self.encoder is None:
            raise MethodError("clip-dissect cannot try pairs of concepts by labels. Give an --encoder, or pairs=0.")
        if self.encoder is None and self.concepts.group is None:
            raise needs_encoder(self.concepts)
        if self.encoder is not None:
            check_templates(self.templates)

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit; see :class:`~neuronym.explain.explainer.Explainer`."""
        numbers = view.summaries(self.summary, "explain")
        activations, silent = torch.from_numpy(numbers), unvarying(view, self.summary, numbers)
        table = similarity_to(view, self.concepts, self.encoder, self.templates)
        scorer = self._scorer(table, activations)
        best = best_concepts(table, scorer, max(self.candidates, self.pairs) + 1)
        for unit in units:
            if unit.index in silent:
                yield Explanation(unit, self.name, view.run, "abstained", reason=silent[unit.index])
                continue
            ranked = self._ranked(unit.index, best, scorer, table)
            yield self._explanation(unit, ranked, view)

    def _scorer(self, table: Similarity, activations: Tensor) -> Scorer:
        if self.similarity in _DEFAULTS:
            top_k, temperature, lam = (
                default if given is None else given
                for given, default in zip(
                    (self.top_k, self.temperature, self.lam), _DEFAULTS[self.similarity], strict=True
                )
            )
            weights = self._weights(int(top_k)) if self.similarity == "soft_wpmi" else torch.ones(int(top_k)).double()
            return PointwiseScorer(table, activations, weights, temperature, lam, self.seed)
        functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "cosine": formulas.cosine,
            "cosine_cubed": formulas.cosine_cubed,
            "rank_reorder": partial(
                formulas.rank_reorder, top_fraction=self.top_fraction, p=self.exponent, seed=self.seed
            ),
        }
        return ColumnScorer(functions[self.similarity], activations)

    def _weights(self, top_k: int) -> Tensor:
        if self.preset == "paper" and top_k > 1:
            return torch.linspace(self.p_start, self.p_end, top_k, dtype=torch.float64)
        return formulas.rank_weights(top_k, self.p_start, self.p_end)

    def _ranked(self, unit: int, best: Best, scorer: Scorer, table: Similarity) -> list[Candidate]:
        numbers = zip(best.concepts[unit].tolist(), best.scores[unit].tolist(), best.second[unit].tolist(), strict=True)
        ranked = [Ranked(self.concepts.texts[concept], score, second) for concept, score, second in numbers]
        if self.pairs and self.encoder is not None and isinstance(table, EncodedSimilarity):
            words = [one.text for one in ranked[: self.pairs]]
            listed = set(self.concepts.texts)
            ranked += pair_candidates(unit, words, self.encoder, self.templates, table.image_rows, scorer, listed)
            ranked.sort(key=lambda one: (-one.score, -one.second, one.text))
        return [Candidate(one.text, one.score) for one in ranked[: self.candidates + 1]]

    def _explanation(self, unit: Unit, ranked: Sequence[Candidate], view: LayerView) -> Explanation:
        first = ranked[0]
        evidence = [
            Evidence("exemplar", exemplar.image_id)
            for exemplar in (
                view.exemplars(unit.index, self.summary, maps=False)[:5] if self.summary in ("mean", "max") else ()
            )
        ]
        tied = sum(candidate.score == first.score for candidate in ranked)
        if tied > 1:
            evidence.append(Evidence("tie", text=self._tie(tied, len(ranked), view)))
        kept = tuple(ranked[: self.candidates])
        if self.threshold is not None and first.score < self.threshold:
            reason = (
                f"its best concept, {first.text!r}, scores {first.score:.4g}, below the threshold {self.threshold:g}"
            )
            return Explanation(unit, self.name, view.run, "abstained", None, None, kept, tuple(evidence), reason)
        return Explanation(unit, self.name, view.run, "described", first.text, first.score, kept, tuple(evidence))

    def _tie(self, tied: int, seen: int, view: LayerView) -> str:
        count = f"{tied}{' or more' if tied == seen else ''} concepts have the best score"
        if self.similarity not in _DEFAULTS:
            return f"{count}; the first in the alphabet was taken"
        cap = (
            f" (no score exceeds log {view.layer.units} = {math.log(view.layer.units):.3f})"
            if view.layer.units > 1
            else ""
        )
        return f"{count}{cap}; the one under which the unit's images are likeliest was taken"
