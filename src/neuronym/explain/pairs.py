"""Compositional labels of CLIP-Dissect (appendix A.4): concatenations of two concepts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

import torch
from jaxtyping import Float32
from torch import Tensor

from neuronym.backends import ImageTextEncoder, encode_prompts
from neuronym.explain.scoring import Ranked, Scorer
from neuronym.explain.similarity import EncodedSimilarity

_AT_A_TIME = 1024  # pairs


def pair_candidates(
    unit: int,
    words: Sequence[str],
    encoder: ImageTextEncoder,
    templates: Sequence[str],
    images: Float32[Tensor, "images dim"],
    scorer: Scorer,
    listed: Collection[str] = (),
) -> list[Ranked]:
    """Every two of a unit's best concepts as one text, the better one first, with the unit's scores.

    Args:
        unit: position of the unit in its layer.
        words: its best concepts, best first.
        encoder: embeds the texts.
        templates: prompts around them.
        images: embeddings of the explain images.
        scorer: of the whole layer; a pair competes for probability with the single concepts.
        listed: texts to leave out, because they are concepts by themselves.
    """
    joined = dict.fromkeys(f"{first} {second}" for first, second in combinations(words, 2))
    texts = [text for text in joined if text not in listed]
    found: list[Ranked] = []
    for start in range(0, len(texts), _AT_A_TIME):
        part = texts[start : start + _AT_A_TIME]
        table = EncodedSimilarity(images, torch.from_numpy(encode_prompts(encoder, part, templates)))
        scored = scorer.score(table.block(slice(0, len(part)), scorer.rows), listed=False)
        numbers = zip(part, scored.scores[unit].tolist(), scored.second[unit].tolist(), strict=True)
        found += [Ranked(*one) for one in numbers]
    return found
