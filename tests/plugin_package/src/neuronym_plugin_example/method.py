"""The method ``most-similar-colour``: the concept whose text is most like the images that a unit responds to most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.errors import MethodError
from neuronym.records import Candidate, Evidence, Explanation, Summary, Unit

if TYPE_CHECKING:
    from neuronym.explain.concepts import ConceptSet
    from neuronym.store.layer_view import LayerView


@dataclass(frozen=True)
class MostSimilarColour:
    """The fields are what users set and the backends that Neuronym hands in; ``top`` is how many exemplars count."""

    encoder: ImageTextEncoder
    concepts: ConceptSet
    top: int = 5

    name: ClassVar[str] = "most-similar-colour"
    summary: ClassVar[Summary] = "mean"
    citation: ClassVar[str] = "The example plug-in of Neuronym; not published."

    def __post_init__(self) -> None:
        if self.top < 1:
            raise MethodError(f"most-similar-colour got top={self.top}; it must be at least 1.")

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit, in order."""
        texts = encode_prompts(self.encoder, self.concepts.texts)
        images = view.embeddings(self.encoder, "explain")
        for unit in units:
            exemplars = [e for e in view.exemplars(unit.index, self.summary) if e.value > 0][: self.top]
            if not exemplars or view.constant[unit.index]:
                reason = "it has one value everywhere" if exemplars else "no image makes it fire"
                yield Explanation(unit, self.name, view.run, "abstained", reason=reason)
                continue
            scores = (images[[e.index for e in exemplars]] @ texts.T).mean(axis=0)
            candidates = self._ranked(scores)
            evidence = tuple(Evidence("exemplar", image_id=exemplar.image_id) for exemplar in exemplars)
            best = candidates[0]
            yield Explanation(unit, self.name, view.run, "described", best.text, best.score, candidates, evidence)

    def _ranked(self, scores: np.ndarray) -> tuple[Candidate, ...]:
        # Equal scores are ordered by their text, so that the order of the concept list does not matter.
        pairs = zip(self.concepts.texts, scores, strict=True)
        ranked = sorted((-round(float(score), 6), text) for text, score in pairs)
        return tuple(Candidate(text, -score) for score, text in ranked[:5])
