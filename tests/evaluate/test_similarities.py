"""How alike texts are, on tiny models in the real formats, against plain loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_models
import tiny_text_models
from neuronym.backends import huggingface, sentences, token_vectors
from neuronym.backends.encoder import ImageTextEncoder
from neuronym.errors import MethodError, UnknownNameError, UserError
from neuronym.evaluate import similarities
from neuronym.evaluate.similarities import BertScore, EmbeddingCosine, TextSimilarity, TokenF1, text_similarity

CPU = torch.device("cpu")
TEXTS = tiny_text_models.TEXTS
CANDIDATES = [*TEXTS, "red", "dogs and cats", "dog", ""]
REFERENCES = [*TEXTS[::-1], "a red dog", "dogs and cats", "a cat", "dog"]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A name of every kind."""
    root = tmp_path_factory.mktemp("tiny similarities")
    return {
        "words": "token-f1",
        "encoder": f"encoder:hf:{tiny_models.clip_folder(root / 'clip')}",
        "sentence": f"sentence:{tiny_text_models.sentence_folder(root / 'mpnet')}",
        "tokens": f"bertscore:{tiny_text_models.bert_folder(root / 'bert')}@2",
    }


KINDS = ["words", "encoder", "sentence", "tokens"]


def load_encoder(name: str) -> ImageTextEncoder:
    return huggingface.load(name.removeprefix("hf:"), CPU)


def make(name: str) -> TextSimilarity:
    return text_similarity(name, load_encoder, CPU)


def loop_cosine(first: Sequence[float], second: Sequence[float]) -> float:
    product = sum(float(a) * float(b) for a, b in zip(first, second, strict=True))
    lengths = [sum(float(a) ** 2 for a in row) ** 0.5 for row in (first, second)]
    return product / (lengths[0] * lengths[1])


def by_words(name: str) -> Callable[[str, str], float]:
    def value(candidate: str, reference: str) -> float:
        ours, theirs = candidate.split(), reference.split()
        shared = sum(min(n, theirs.count(word)) for word, n in Counter(ours).items())
        return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0

    return value


def by_encoder(name: str) -> Callable[[str, str], float]:
    encoder = load_encoder(name.partition(":")[2])
    return lambda one, other: loop_cosine(encoder.encode_texts([one])[0], encoder.encode_texts([other])[0])


def by_sentence(name: str) -> Callable[[str, str], float]:
    encoder = sentences.load(name.partition(":")[2], CPU)
    return lambda one, other: loop_cosine(encoder.encode([one])[0], encoder.encode([other])[0])


def by_tokens(name: str) -> Callable[[str, str], float]:
    """Greedy matching as the paper's equations say it: section 3, with equal weights."""
    encoder = token_vectors.load(name.partition(":")[2], CPU)

    def value(candidate: str, reference: str) -> float:
        ours, theirs = encoder.encode([candidate])[0], encoder.encode([reference])[0]
        if not len(ours) or not len(theirs):
            return 0.0
        precision = sum(max(loop_cosine(mine, yours) for yours in theirs) for mine in ours) / len(ours)
        recall = sum(max(loop_cosine(mine, yours) for mine in ours) for yours in theirs) / len(theirs)
        return 2 * precision * recall / (precision + recall) if precision > 0 and recall > 0 else 0.0

    return value


LOOPS = {"words": by_words, "encoder": by_encoder, "sentence": by_sentence, "tokens": by_tokens}


@pytest.mark.parametrize("kind", KINDS)
def test_equals_plain_loops(names: dict[str, str], kind: str) -> None:
    similarity, slow = make(names[kind]), LOOPS[kind](names[kind])
    values = similarity.pairs(CANDIDATES, REFERENCES)
    assert similarity.name == names[kind]
    assert values.dtype == np.float64
    expected = [slow(one, other) for one, other in zip(CANDIDATES, REFERENCES, strict=True)]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert np.ptp(values) > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_what_its_values_mean(names: dict[str, str], kind: str) -> None:
    similarity = make(names[kind])
    low, high = similarity.metric.range
    values = similarity.pairs(CANDIDATES, REFERENCES)
    assert similarity.metric.direction == "up"
    assert similarity.metric.source
    assert low <= values.min() <= values.max() <= high


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_one(names: dict[str, str], kind: str) -> None:
    assert make(names[kind]).pairs(TEXTS, TEXTS).tolist() == [1.0] * len(TEXTS)


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_do_not_depend_on_order_or_batches(
    names: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    similarity = make(names[kind])
    values = similarity.pairs(CANDIDATES, REFERENCES)
    backwards = similarity.pairs(CANDIDATES[::-1], REFERENCES[::-1])[::-1]
    np.testing.assert_array_equal(values, backwards)
    monkeypatch.setattr(similarities, "BATCH", 2)
    np.testing.assert_allclose(values, similarity.pairs(CANDIDATES, REFERENCES), atol=1e-5)
    alone = [similarity.pairs([one], [other])[0] for one, other in zip(CANDIDATES, REFERENCES, strict=True)]
    np.testing.assert_allclose(values, alone, atol=1e-5)
    # All of these compare both ways alike, F1 and cosine being symmetric.
    np.testing.assert_allclose(values, similarity.pairs(REFERENCES, CANDIDATES), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_pairs_and_uneven_ones(names: dict[str, str], kind: str) -> None:
    similarity = make(names[kind])
    assert similarity.pairs([], []).shape == (0,)
    with pytest.raises(ValueError, match="there are 2 candidates and 1 references"):
        similarity.pairs(["red", "dog"], ["red"])


def test_each_text_is_read_once() -> None:
    seen: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return np.eye(3, dtype=np.float32)[[len(text) % 3 for text in texts]]

    values = EmbeddingCosine("letters", embed).pairs(["a", "bb", "a", "dddd"] * 50, ["bb", "a", "a", "a"] * 50)
    assert sorted(seen) == ["a", "bb", "dddd"]
    assert values.tolist() == [0, 0, 1, 1] * 50


def test_kinds_of_similarity(names: dict[str, str]) -> None:
    kinds = [type(make(names[kind])) for kind in KINDS]
    assert kinds == [TokenF1, EmbeddingCosine, EmbeddingCosine, BertScore]


def test_the_layer_of_a_bertscore_is_always_named(names: dict[str, str]) -> None:
    assert make(names["tokens"].removesuffix("@2")).name == f"{names['tokens'].removesuffix('@2')}@3"


@pytest.mark.parametrize("name", ["token_f1", "bertscor:x", "mpnet", ""])
def test_unknown_similarities(name: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"^There is no text similarity '{name}'\. (Nearest|Known): "):
        make(name)


def test_a_near_name_is_said() -> None:
    with pytest.raises(UnknownNameError, match=r"'bertscor:x'\. Nearest: bertscore:NAME\[@LAYER\]"):
        make("bertscor:x")


@pytest.mark.parametrize("name", ["encoder:", "sentence", "bertscore"])
def test_a_kind_without_a_model(name: str) -> None:
    kind = name.partition(":")[0]
    with pytest.raises(UserError, match=rf"'{name}' names no model\. Write {kind}:NAME.*, as in {kind}:\S+\.$"):
        make(name)


def test_an_encoder_that_gives_no_embeddings_is_refused(names: dict[str, str]) -> None:
    class Broken:
        name, key, dim = "my:broken", "broken-1", 4

        def encode_images(self, images: Sequence[object]) -> np.ndarray:
            return np.zeros((len(images), 4), np.float32)

        def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
            return np.full((len(texts), 4), np.nan, np.float32)

    similarity = text_similarity("encoder:my:broken", lambda name: Broken(), CPU)
    with pytest.raises(MethodError, match=r"my:broken gave NaN or infinite embeddings"):
        similarity.pairs(["red"], ["dog"])


def test_the_bundled_encoder_finds_synonyms_of_shapes_alike(tmp_path: Path) -> None:
    from neuronym.world.checkpoints import load_encoder as bundled

    similarity = text_similarity("encoder:bundled:clip", lambda name: bundled(name.partition(":")[2], CPU), CPU)
    near, far = similarity.pairs(["a red circle", "a red circle"], ["a scarlet circle", "a blue fish on the sea"])
    assert near > far + 0.2
