"""How alike a description and a reference are as texts: by their words, or by models that read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch

from neuronym.backends.encoder import ImageTextEncoder, check_embeddings
from neuronym.errors import UserError, unknown_name
from neuronym.functional.metrics import METRICS, Metric, bert_score, token_f1
from neuronym.functional.metrics import text_similarity as cosines

if TYPE_CHECKING:
    from neuronym.backends.token_vectors import TokenEncoder

BATCH = 256
"""How many texts a model gets at a time."""

FORMS: Mapping[str, str] = {
    "token-f1": "token-f1",
    "encoder": "encoder:NAME",
    "sentence": "sentence:NAME",
    "bertscore": "bertscore:NAME[@LAYER]",
}
"""How similarities are written, by what they begin with."""

_EXAMPLES = {
    "encoder": "encoder:hf:openai/clip-vit-base-patch16",
    "sentence": "sentence:all-mpnet-base-v2",
    "bertscore": "bertscore:FacebookAI/roberta-large@17",
}


class TextSimilarity(Protocol):
    """Says how alike texts are, pair by pair."""

    @property
    def name(self) -> str:
        """How users write it and tables show it, for example ``sentence:all-mpnet-base-v2``."""

    @property
    def metric(self) -> Metric:
        """What its values mean: range, direction, unit and source."""

    def pairs(self, candidates: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """How alike each candidate is to the reference at its place, float64 [pairs].

        1 where they are the same text, of which a measure of words reads at least one. A pair's value does not depend
        on the others.

        Raises:
            ValueError: there are not as many candidates as references.
        """


@dataclass(frozen=True, slots=True)
class TokenF1:
    """The F1 of the words of two texts: :func:`neuronym.functional.metrics.token_f1`; needs no model."""

    name: str = "token-f1"
    metric: Metric = METRICS["token_f1"]

    def pairs(self, candidates: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """See :class:`TextSimilarity`."""
        return _by_pair(candidates, references, token_f1)


@dataclass(frozen=True, slots=True)
class EmbeddingCosine:
    """The cosine of two texts' embeddings, -1 to 1.

    By the text side of an image-text encoder it is the papers' "CLIP cosine", by the sentence encoder
    all-mpnet-base-v2 their "mpnet cosine". Unrelated texts are far from 0 in many such spaces, CLIP's above all:
    compare with what a constant and a random label reach, never with 0.

    Attributes:
        name: see :class:`TextSimilarity`.
        embed: float32 [texts, dim] for texts, rows of length 1.
    """

    name: str
    embed: Callable[[Sequence[str]], npt.NDArray[np.float32]]
    metric: Metric = METRICS["text_similarity"]

    def pairs(self, candidates: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """See :class:`TextSimilarity`; each distinct text is embedded once."""
        _check_pairs(candidates, references)
        if not candidates:
            return np.zeros(0)
        texts = _distinct(candidates, references)
        rows = torch.from_numpy(np.concatenate([self.embed(batch) for batch in _batches(texts)]))
        place = {text: row for row, text in enumerate(texts)}
        first, second = ([place[text] for text in side] for side in (candidates, references))
        values = cosines(rows[first], rows[second]).double().numpy()
        return _exact(candidates, references, values)


@dataclass(frozen=True, slots=True)
class BertScore:
    """BERTScore's F1: each token is compared with the most similar one of the other text, without weights by rarity and
    without rescaling, as the papers on neurons print it; :func:`neuronym.functional.metrics.bert_score`.

    It is 0 where a text has no tokens.

    Attributes:
        encoder: where the tokens' vectors come from.
    """

    encoder: TokenEncoder
    metric: Metric = METRICS["bert_score"]

    @property
    def name(self) -> str:
        """See :class:`TextSimilarity`; the layer is always named."""
        return self.encoder.name

    def pairs(self, candidates: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """See :class:`TextSimilarity`; each distinct text is read once."""
        _check_pairs(candidates, references)
        texts = _distinct(candidates, references)
        found = [torch.from_numpy(one) for batch in _batches(texts) for one in self.encoder.encode(batch)]
        vectors = dict(zip(texts, found, strict=True))
        values = _by_pair(candidates, references, lambda one, other: float(bert_score(vectors[one], vectors[other])[2]))
        return _exact(candidates, references, values)


def text_similarity(name: str, load_encoder: Callable[[str], ImageTextEncoder], device: torch.device) -> TextSimilarity:
    """The similarity that a name stands for; :data:`FORMS` has all.

    Args:
        name: for example ``token-f1`` or ``encoder:bundled:clip``.
        load_encoder: gives the image-text encoder of a name.
        device: where models compute.

    Raises:
        UnknownNameError: there is no such similarity, or no such model.
        UserError: the model cannot be used, or none is named.
    """
    kind, _, model = name.partition(":")
    if name == "token-f1":
        return TokenF1()
    if kind not in _EXAMPLES:
        raise unknown_name("text similarity", name, FORMS.values())
    if not model:
        raise UserError(f"The text similarity {name!r} names no model. Write {FORMS[kind]}, as in {_EXAMPLES[kind]}.")
    if kind == "encoder":
        return EmbeddingCosine(name, _of_encoder(load_encoder(model)))
    if kind == "sentence":
        from neuronym.backends import sentences

        return EmbeddingCosine(name, sentences.load(model, device).encode)
    from neuronym.backends import token_vectors

    return BertScore(token_vectors.load(model, device))


def _of_encoder(encoder: ImageTextEncoder) -> Callable[[Sequence[str]], npt.NDArray[np.float32]]:
    return lambda texts: check_embeddings(encoder, encoder.encode_texts(texts), len(texts))


def _by_pair(
    candidates: Sequence[str], references: Sequence[str], value: Callable[[str, str], float]
) -> npt.NDArray[np.float64]:
    """A value for each pair; pairs that come again are computed once."""
    _check_pairs(candidates, references)
    both = list(zip(candidates, references, strict=True))
    known = {pair: value(*pair) for pair in dict.fromkeys(both)}
    return np.array([known[pair] for pair in both], np.float64)


def _exact(
    candidates: Sequence[str], references: Sequence[str], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The values within -1 and 1, and 1 where both texts are the same, which rounding would miss."""
    same = np.array([one == other for one, other in zip(candidates, references, strict=True)], bool)
    result: npt.NDArray[np.float64] = np.where(same, 1.0, np.clip(values, -1, 1))
    return result


def _distinct(candidates: Sequence[str], references: Sequence[str]) -> list[str]:
    """Every text once, short ones first, so that little of a batch is padding."""
    return sorted({*candidates, *references}, key=lambda text: (len(text), text))


def _batches(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]


def _check_pairs(candidates: Sequence[str], references: Sequence[str]) -> None:
    if len(candidates) != len(references):
        raise ValueError(f"there are {len(candidates)} candidates and {len(references)} references")
