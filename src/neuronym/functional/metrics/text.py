"""How alike two texts are: a description and a name the unit is known by, or a person's words for it.

Formulas only: embeddings and scores come from models elsewhere, words are split here.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64, Int, Shaped
from torch import Tensor

from neuronym.functional._checks import finite
from neuronym.functional.metrics._rows import directions, double


def text_similarity(
    candidates: Float[Tensor, "texts dim"], references: Float[Tensor, "texts dim"]
) -> Float64[Tensor, " texts"]:
    """Cosine of each candidate's embedding with its reference's, -1 to 1, higher is better.

    The embeddings need not be normalised. A zero vector has similarity 0.

    Raises:
        ValueError: different numbers of texts or of dimensions.
        NonFiniteError: a value is NaN or infinite.
    """
    if candidates.shape != references.shape:
        raise ValueError(f"candidates are {tuple(candidates.shape)}, references are {tuple(references.shape)}")
    left, right = _embedded(candidates, references)
    return (left * right).sum(1).clamp(-1, 1)


def bert_score(
    candidate: Float[Tensor, "words dim"],
    reference: Float[Tensor, "others dim"],
    candidate_weights: Shaped[Tensor, " words"] | None = None,
    reference_weights: Shaped[Tensor, " others"] | None = None,
) -> tuple[Float64[Tensor, ""], Float64[Tensor, ""], Float64[Tensor, ""]]:
    """Precision, recall and F1 of greedily matched tokens (BERTScore: Zhang et al., ICLR 2020, section 3).

    Precision is the mean over the candidate's tokens of the highest cosine with a token of the reference, recall the
    same the other way round. Both are -1 to 1, F1 is their harmonic mean, 0 unless both are above 0; higher is better.
    All are 0 where a text has no tokens or no weight. Not rescaled with a baseline.

    Args:
        candidate: embeddings of the candidate's tokens.
        reference: embeddings of the reference's tokens.
        candidate_weights: of the candidate's tokens in the mean, such as inverse document frequencies; equal if None.
        reference_weights: of the reference's tokens.

    Raises:
        ValueError: different numbers of dimensions, or weights that are negative or not one per token.
        NonFiniteError: a value is NaN or infinite.
    """
    if candidate.shape[1] != reference.shape[1]:
        raise ValueError(f"the candidate has {candidate.shape[1]} dimensions, the reference has {reference.shape[1]}")
    left, right = _embedded(candidate, reference)
    weights = [_weights(left, candidate_weights), _weights(right, reference_weights)]
    zero = left.new_zeros(())
    if not len(left) or not len(right):
        return zero, zero, zero
    cosines = left @ right.T
    precision = _weighted_mean(cosines.amax(1), weights[0])
    recall = _weighted_mean(cosines.amax(0), weights[1])
    if not (precision > 0 and recall > 0):
        return precision, recall, zero
    return precision, recall, 2 * precision * recall / (precision + recall)


def _embedded(candidates: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Both as directions on one device."""
    finite(candidates, "The candidates' embeddings")
    finite(references, "The references' embeddings")
    left = double(candidates)
    return directions(left), directions(double(references).to(left.device))


def _weights(tokens: Tensor, weights: Tensor | None) -> Float64[Tensor, " tokens"]:
    if weights is None:
        return tokens.new_ones(len(tokens))
    weights = double(weights).to(tokens.device)
    finite(weights, "The weights")
    if weights.shape != (len(tokens),) or bool((weights < 0).any()):
        raise ValueError(f"{len(tokens)} weights of at least 0 needed, got {weights.tolist()}")
    return weights


def _weighted_mean(values: Tensor, weights: Tensor) -> Float64[Tensor, ""]:
    total = weights.sum()
    mean: Tensor = (values * weights).sum() / total.masked_fill(total == 0, 1)
    return mean.clamp(-1, 1)


def words(text: str) -> list[str]:
    """The words of a text in lower case: punctuation and symbols part words, and apostrophes vanish."""
    spaced = [_kept(letter) for letter in unicodedata.normalize("NFKC", text).lower()]
    return "".join(spaced).split()


def _kept(letter: str) -> str:
    if letter in "'\u2019":
        return ""
    return " " if unicodedata.category(letter)[0] in "PSC" else letter


def token_f1(candidate: str, reference: str) -> float:
    """Harmonic mean of precision and recall over the words of two texts, each as often as it stands there.

    In lower case and without punctuation (see :func:`words`); no word is left out. Range 0 to 1, higher is better; 0
    where the two share no word or one has none.
    """
    left, right = Counter(words(candidate)), Counter(words(reference))
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


def bleu(candidates: Sequence[str], references: Sequence[Sequence[str]], max_n: int = 4) -> float:
    """Corpus BLEU with the brevity penalty (Papineni et al., ACL 2002), 0 to 1, higher is better.

    The geometric mean over n = 1 .. ``max_n`` of the share of the candidates' n-grams that stand in one of their
    references, no n-gram counted more often than it does in any one reference, all counts summed over the corpus first;
    times exp(1 - r / c) where the candidates' words c are fewer than r, the words of the references nearest in length
    (the shorter of two equally near). Not smoothed: 0 where no n-gram of some length matches, and so where no candidate
    has ``max_n`` words. Words are those of :func:`words`.

    Args:
        candidates: one text each.
        references: for each candidate the texts that are right.
        max_n: length of the longest n-grams.

    Raises:
        ValueError: different numbers of candidates and references, a candidate without references, a text where a
            list of references belongs, or ``max_n`` below 1.
    """
    _check_bleu(candidates, references, max_n)
    ours = [words(candidate) for candidate in candidates]
    theirs = [[words(reference) for reference in one] for one in references]
    precisions = [_precision(ours, theirs, n) for n in range(1, max_n + 1)]
    if not all(precisions):
        return 0.0
    length = sum(map(len, ours))
    nearest = sum(
        min(map(len, texts), key=lambda size: (abs(size - len(one)), size))
        for one, texts in zip(ours, theirs, strict=True)
    )
    return math.exp(math.fsum(map(math.log, precisions)) / max_n + min(0.0, 1 - nearest / length))


def _check_bleu(candidates: Sequence[str], references: Sequence[Sequence[str]], max_n: int) -> None:
    if max_n < 1:
        raise ValueError(f"max_n is {max_n}, and must be at least 1")
    if len(candidates) != len(references):
        raise ValueError(f"there are {len(candidates)} candidates and references for {len(references)}")
    for place, texts in enumerate(references):
        if isinstance(texts, str):
            raise ValueError(f"the references of candidate {place} are one text, {texts!r}; put it in a list")  # noqa: TRY004
        if not texts:
            raise ValueError(f"candidate {place} has no references")


def _precision(candidates: list[list[str]], references: list[list[list[str]]], n: int) -> float:
    """The share of the candidates' n-grams that stand in their references, each counted as often as it does there."""
    matched = total = 0
    for candidate, texts in zip(candidates, references, strict=True):
        grams = _grams(candidate, n)
        allowed: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            allowed |= _grams(text, n)
        matched += (grams & allowed).total()
        total += grams.total()
    return matched / total if total else 0.0


def _grams(text: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(text[start:] for start in range(n)), strict=False))


def top_k_accuracy(
    scores: Float[Tensor, "units classes"], truth: Int[Tensor, " units"], k: int = 1
) -> Float64[Tensor, ""]:
    """The share of units whose true class is among the ``k`` with the highest scores, 0 to 1, higher is better.

    Classes that tie at the k-th place share the places left: the value is the mean over all ways to break the tie.

    Raises:
        ValueError: no units, another number of truths, a truth that is no class, or ``k`` below 1.
        NonFiniteError: a score is NaN or infinite.
    """
    if k < 1:
        raise ValueError(f"k is {k}, and must be at least 1")
    units, classes = scores.shape
    if not units or len(truth) != units:
        raise ValueError(f"scores are of {units} units, truth is of {len(truth)}; equally many and at least 1 needed")
    if bool((truth < 0).any() or (truth >= classes).any()):
        raise ValueError(f"truth names classes {int(truth.min())} to {int(truth.max())}, there are {classes}")
    scores = double(scores)
    finite(scores, "The scores")
    own = scores.gather(1, truth.to(scores.device, torch.int64)[:, None])
    above, tied = (scores > own).sum(1), (scores == own).sum(1)
    return ((k - above).double() / tied).clamp(0, 1).mean()
