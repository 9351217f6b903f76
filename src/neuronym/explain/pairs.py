"""Compositional labels of CLIP-Dissect (appendix A.4): concatenations of two concepts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from jaxtyping import Float32
from torch import Tensor

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.explain.scoring import Scorer
from neuronym.explain.similarity import EncodedSimilarity
from neuronym.records import Candidate

_AT_A_TIME = 1024  # pairs


def pair_candidates(
    unit: int,
    words: Sequence[str],
    encoder: ImageTextEncoder,
    templates: Sequence[str],
    images: Float32[Tensor, "images dim"],
    scorer: Scorer,
) -> list[Candidate]:
    """Every two of a unit's best concepts as one text, the better one first, with the unit's scores.

    Args:
        unit: position of the unit in its layer.
        words: its best concepts, best first.
        encoder: embeds the texts.
        templates: prompts around them.
        images: embeddings of the explain images.
        scorer: of the whole layer; a pair competes for probability with the single concepts.
    """
    texts = [f"{first} {second}" for first, second in combinations(words, 2)]
    found: list[Candidate] = []
    for start in range(0, len(texts), _AT_A_TIME):
        part = texts[start : start + _AT_A_TIME]
        table = EncodedSimilarity(images, torch.from_numpy(encode_prompts(encoder, part, templates)))
        scores = scorer.score(table.block(slice(0, len(part)), scorer.rows), listed=False).scores[unit]
        found += [Candidate(text, score) for text, score in zip(part, scores.tolist(), strict=True)]
    return found
