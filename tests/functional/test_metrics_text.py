"""Likeness of texts against plain loops and worked examples."""

from __future__ import annotations

import inspect
import itertools
import math
import string

import numpy as np
import pytest
import sklearn.metrics as sk
import sklearn.metrics.pairwise as skp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.errors import NonFiniteError
from neuronym.functional.metrics import bert_score, bleu, text_similarity, token_f1, top_k_accuracy, words

texts = st.lists(st.sampled_from(["a", "red", "dog", "dogs", "of", "the"]), max_size=9).map(" ".join)


def test_text_similarity_is_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(20, 7, generator=generator), 1e30 * torch.randn(20, 7, generator=generator)
    right[3] = 0
    expected = 1 - skp.paired_cosine_distances(left.double(), right.double())
    expected[3] = 0  # which scikit-learn has at 0.5
    np.testing.assert_allclose(text_similarity(left, right).numpy(), expected, atol=1e-12)
    assert text_similarity(left, -left).tolist() == pytest.approx([-1] * 20)
    assert text_similarity(left[:0], right[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"candidates are \(20, 7\), references are \(19, 7\)"):
        inspect.unwrap(text_similarity)(left, right[1:])
    with pytest.raises(NonFiniteError, match="The references' embeddings contain NaN"):
        text_similarity(left, left / 0)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_bert_score_is_the_plain_loop(seed: int, own: int, other: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(own, 3)), rng.normal(size=(other, 3))
    p, q = (rng.integers(0, 3, n) + 0.5 if weighted else np.ones(n) for n in (own, other))
    cosines = [[float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for b in y] for a in x]
    precision = sum(w * max(row) for w, row in zip(p, cosines, strict=True)) / sum(p)
    recall = sum(w * max(row) for w, row in zip(q, zip(*cosines, strict=True), strict=True)) / sum(q)
    harmonic = 2 / (1 / precision + 1 / recall) if precision > 0 and recall > 0 else 0
    weights = (torch.tensor(p), torch.tensor(q)) if weighted else ()
    got = bert_score(torch.tensor(x), torch.tensor(y), *weights)
    assert [float(value) for value in got] == pytest.approx([precision, recall, harmonic], abs=1e-12)
    back = bert_score(torch.tensor(y), torch.tensor(x), *weights[::-1])
    assert [float(value) for value in back] == pytest.approx([recall, precision, harmonic], abs=1e-12)


def test_bert_score_of_nothing_is_zero() -> None:
    some, none = torch.eye(3), torch.zeros(0, 3)
    for left, right in ((some, none), (none, some), (none, none)):
        assert bert_score(left, right) == (0, 0, 0)
    assert [float(value) for value in bert_score(some, some)] == [1, 1, 1]
    assert [float(value) for value in bert_score(some[:2], some)] == pytest.approx([1, 2 / 3, 0.8])
    assert [float(value) for value in bert_score(some, some, torch.zeros(3))] == [0, 1, 0]
    assert [float(value) for value in bert_score(some[:1], -some[:1])] == [-1, -1, 0]
    raw = inspect.unwrap(bert_score)
    with pytest.raises(ValueError, match="the candidate has 3 dimensions, the reference has 2"):
        raw(some, some[:, :2])
    with pytest.raises(ValueError, match=r"3 weights of at least 0 needed, got \[1\.0, 1\.0\]"):
        raw(some, some, torch.ones(2))
    with pytest.raises(ValueError, match=r"3 weights of at least 0 needed, got \[-1\.0, -1\.0, -1\.0\]"):
        raw(some, some, -torch.ones(3))


def test_words() -> None:
    assert words("  A red,\tROUND  thing. ") == ["a", "red", "round", "thing"]
    assert words("black-and-white (or grey/brown) dog's & 3 cats\u2019") == [
        *("black", "and", "white", "or", "grey", "brown", "dogs", "3", "cats")
    ]
    assert words("Cafe\u0301 \ufb01ne\u2014Straße") == ["caf\u00e9", "fine", "straße"]
    assert words("हिन्दी") == ["हिन्दी"]  # vowel signs are part of the word
    assert words("... !?") == words("") == []


@settings(max_examples=150, deadline=None)
@given(texts, texts)
def test_token_f1_is_the_plain_count(candidate: str, reference: str) -> None:
    left, rest = candidate.split(), reference.split()
    shared = 0
    for word in left:
        if word in rest:
            rest.remove(word)
            shared += 1
    precision = shared / len(left) if left else 0
    recall = shared / len(reference.split()) if reference else 0
    expected = 2 * precision * recall / (precision + recall) if shared else 0
    assert token_f1(candidate, reference) == pytest.approx(expected, abs=1e-12)
    loud = "".join(f" {letter}" if letter in string.punctuation else letter for letter in candidate.upper()) + " !"
    assert token_f1(loud, reference) == pytest.approx(expected, abs=1e-12)


def test_token_f1_by_hand() -> None:
    assert token_f1("Dogs, and cats", "cats and dogs") == 1
    assert token_f1("the the the", "the dog") == pytest.approx(0.4)
    assert token_f1("", "") == token_f1("", "a") == token_f1("a", "?") == token_f1("a", "b") == 0


def test_bleu_of_the_papers_examples() -> None:
    """Papineni et al., section 2.1: the the the ... has 2 / 7, two of two words 2 / 2 and a penalty."""
    references = ["The cat is on the mat.", "There is a cat on the mat."]
    assert bleu(["the the the the the the the."], [references], max_n=1) == pytest.approx(2 / 7)
    assert bleu(["of the"], [["It is the guiding principle of the army"]], max_n=2) == pytest.approx(
        math.exp(1 - 8 / 2)
    )
    assert bleu(["The cat is on the mat"], [references]) == 1
    first = "It is a guide to action which ensures that the military always obeys the commands of the party."
    second = "It is to insure the troops forever hearing the activity guidebook that party direct."
    right = [
        "It is a guide to action that ensures that the military will forever heed Party commands.",
        "It is the guiding principle which guarantees the military forces always being under the command of the Party.",
        "It is the practical guide for the army always to heed the directions of the party.",
    ]
    assert bleu([first], [right], max_n=1) == pytest.approx(17 / 18)
    assert bleu([first], [right], max_n=2) == pytest.approx(math.sqrt(17 / 18 * 10 / 17))
    assert bleu([second], [right], max_n=1) == pytest.approx(8 / 14 * math.exp(min(0, 1 - 16 / 14)))


def plain_bleu(candidates: list[str], references: list[list[str]], max_n: int) -> float:
    logs = 0.0
    for n in range(1, max_n + 1):
        matched = total = 0
        for candidate, right in zip(candidates, references, strict=True):
            grams = [candidate.split()[i : i + n] for i in range(len(candidate.split()) - n + 1)]
            total += len(grams)
            for gram in {tuple(gram) for gram in grams}:
                best = 0
                for text in right:
                    found = [tuple(text.split()[i : i + n]) for i in range(len(text.split()) - n + 1)]
                    best = max(best, found.count(gram))
                matched += min(best, grams.count(list(gram)))
        if not matched:
            return 0.0
        logs += math.log(matched / total) / max_n
    length, nearest = 0, 0
    for candidate, right in zip(candidates, references, strict=True):
        own = len(candidate.split())
        length += own
        nearest += sorted((abs(len(text.split()) - own), len(text.split())) for text in right)[0][1]
    return math.exp(logs) * (1 if length > nearest else math.exp(1 - nearest / length))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=4), st.integers(1, 4))
def test_bleu_is_the_plain_loop(corpus: list[tuple[str, list[str]]], max_n: int) -> None:
    candidates, references = [one for one, _ in corpus], [right for _, right in corpus]
    got = bleu(candidates, references, max_n)
    assert got == pytest.approx(plain_bleu(candidates, references, max_n), abs=1e-12)
    assert 0 <= got <= 1 + 1e-12
    assert bleu(candidates[::-1], [right[::-1] for right in references[::-1]], max_n) == pytest.approx(got)


def test_bleu_of_nothing_and_bad_input() -> None:
    assert bleu([], []) == bleu([""], [["a"]]) == bleu(["a b c"], [["a b c"]]) == 0
    with pytest.raises(ValueError, match="there are 2 candidates and references for 1"):
        bleu(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="candidate 1 has no references"):
        bleu(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="the references of candidate 0 are one text, 'a b'; put it in a list"):
        bleu(["a"], ["a b"])
    with pytest.raises(ValueError, match="max_n is 0, and must be at least 1"):
        bleu(["a"], [["a"]], 0)


def test_top_k_accuracy_is_scikit_learns_where_nothing_ties() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(40, 6, generator=generator)
    truth = torch.randint(6, (40,), generator=generator)
    for k in (1, 2, 5, 6):
        expected = sk.top_k_accuracy_score(truth, scores, k=k, labels=range(6)) if k < 6 else 1
        assert float(top_k_accuracy(scores, truth, k)) == pytest.approx(expected)
    assert float(top_k_accuracy(scores, truth.int(), 9)) == 1


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=5), st.integers(0, 4), st.integers(1, 6))
def test_top_k_accuracy_is_the_mean_over_all_orders_of_ties(row: list[float], place: int, k: int) -> None:
    place %= len(row)
    orders = [sorted(order, key=lambda i: -row[i])[:k] for order in itertools.permutations(range(len(row)))]
    expected = sum(place in order for order in orders) / len(orders)
    got = top_k_accuracy(torch.tensor(row)[None], torch.tensor([place]), k)
    assert float(got) == pytest.approx(expected, abs=1e-12)


def test_top_k_accuracy_names_bad_input() -> None:
    raw, scores = inspect.unwrap(top_k_accuracy), torch.zeros(2, 3)
    with pytest.raises(ValueError, match="k is 0, and must be at least 1"):
        raw(scores, torch.zeros(2).long(), 0)
    with pytest.raises(ValueError, match="scores are of 2 units, truth is of 1; equally many and at least 1 needed"):
        raw(scores, torch.zeros(1).long())
    with pytest.raises(ValueError, match="truth names classes 0 to 3, there are 3"):
        raw(scores, torch.tensor([0, 3]))
    with pytest.raises(NonFiniteError, match="The scores contain NaN"):
        raw(scores / 0, torch.zeros(2).long())
