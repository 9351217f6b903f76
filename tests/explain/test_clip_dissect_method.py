"""The method against a second implementation in NumPy, and what it promises beyond the formulas."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from neuronym.errors import MethodError
from neuronym.explain.clip_dissect import ClipDissect
from neuronym.explain.concepts import ConceptSet
from neuronym.records import Explanation
from neuronym.store.layer_view import LayerView
from neuronym.study import Study
from small_study import make_study

Table = npt.NDArray[np.float64]


class Words:
    """An encoder whose embeddings are seeded by the text, and by the mean colour of the image."""

    name, key, dim = "test:words", "words-0001", 16

    def encode_texts(self, texts: list[str]) -> npt.NDArray[np.float32]:
        return self._rows([[ord(letter) for letter in text] for text in texts])

    def encode_images(self, images: list[object]) -> npt.NDArray[np.float32]:
        return self._rows([np.asarray(image).mean((0, 1)).astype(int).tolist() for image in images])

    def _rows(self, seeds: list[list[int]]) -> npt.NDArray[np.float32]:
        rows = np.array([np.random.default_rng(seed or [0]).normal(size=self.dim) for seed in seeds])
        return (rows.reshape(-1, self.dim) / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


CONCEPTS = ConceptSet.of(f"word{i}" for i in range(40))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURONYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make_study(tmp_path_factory.mktemp("study") / "s", ("relu", "conv2", "head", "one")).probe(device="cpu")


def run(view: LayerView, units: list[int] | None = None, **settings: object) -> list[Explanation]:
    method = ClipDissect(**({"concepts": CONCEPTS, "encoder": Words(), "top_k": 20} | settings))  # type: ignore[arg-type]
    asked = view.units if units is None else [view.units[i] for i in units]
    return list(method.explain(asked, view))


def similarities(view: LayerView, texts: tuple[str, ...]) -> Table:
    words = Words()
    return (view.embeddings(words, "explain") @ words.encode_texts(list(texts)).T).astype(np.float64)


def softmax(logits: Table) -> Table:
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def naive_information(p: Table, activations: Table, weights: list[float], lam: float) -> Table:
    likelihood = np.zeros((activations.shape[1], p.shape[1]))
    for unit in range(activations.shape[1]):
        top = sorted(range(len(p)), key=lambda image: (-activations[image, unit], image))[: len(weights)]
        for weight, image in zip(weights, top, strict=True):
            likelihood[unit] += np.log(1 + weight * (p[image] - 1) + 1e-7)
    return likelihood - lam * np.log(np.exp(likelihood).mean(0))


@pytest.mark.parametrize(
    ("similarity", "temperature", "lam", "weights"),
    [
        ("soft_wpmi", 10.0, 1.0, [0.998 - i / 20 * 0.028 for i in range(20)]),
        ("wpmi", 2.0, 0.6, [1.0] * 20),
    ],
)
def test_information_scores_are_those_of_the_whole_layer_by_hand(
    study: Study, similarity: str, temperature: float, lam: float, weights: list[float]
) -> None:
    view = study.view("conv2", "r")
    expected = naive_information(
        softmax(temperature * similarities(view, CONCEPTS.texts)),
        view.summaries("mean", "explain").astype(np.float64),
        weights,
        lam,
    )
    for explanation in run(view, similarity=similarity):
        scores = {c.text: c.score for c in explanation.candidates}
        row = dict(zip(CONCEPTS.texts, expected[explanation.unit.index], strict=True))
        best = sorted(row.values(), reverse=True)
        assert [scores[c.text] for c in explanation.candidates] == pytest.approx(best[:10], rel=1e-4, abs=1e-3)
        assert row[explanation.description] == pytest.approx(best[0], rel=1e-4, abs=1e-3)


def test_cosines_are_those_by_hand(study: Study) -> None:
    view = study.view("conv2", "r")
    table, activations = similarities(view, CONCEPTS.texts), view.summaries("max", "explain").astype(np.float64)
    plain = (activations / np.linalg.norm(activations, axis=0)).T @ (table / np.linalg.norm(table, axis=0))
    a, s = (activations - activations.mean(0)) ** 3, (table - table.mean(0)) ** 3
    cubed = (a / np.maximum(np.linalg.norm(a, axis=0), 1e-3)).T @ (s / np.maximum(np.linalg.norm(s, axis=0), 1e-3))
    for name, expected in (("cosine", plain), ("cosine_cubed", cubed)):
        for explanation in run(view, similarity=name, summary="max"):
            assert explanation.description == CONCEPTS.texts[expected[explanation.unit.index].argmax()]
            assert explanation.score == pytest.approx(expected[explanation.unit.index].max(), abs=1e-5)


def test_rank_reorder_prefers_the_concept_that_orders_the_top_images_alike(study: Study) -> None:
    view = study.view("conv2", "r")
    table, activations = similarities(view, CONCEPTS.texts), view.summaries("mean", "explain").astype(np.float64)
    for explanation in run(view, similarity="rank_reorder", top_fraction=0.2):
        own = activations[:, explanation.unit.index]
        top = np.argsort(-own, kind="stable")[: int(len(own) * 0.2)]
        ascending = np.sort(own[top])
        errors = [
            (np.abs(ascending[np.argsort(np.argsort(column[top], kind="stable"))] - own[top]) ** 3).mean()
            / max(column[top].mean(), 1e-6) ** 0.5
            for column in table.T
        ]
        assert explanation.description == CONCEPTS.texts[int(np.argmin(errors))]


def test_labels_stand_in_for_an_encoder(study: Study) -> None:
    labels = study.store.labels
    assert labels is not None
    view = study.view("conv2", "r")
    concepts = ConceptSet.of(labels.concepts, "labels:class", "class")
    table = view.labels("explain")
    assert table is not None
    order = [table.concepts.index(text) for text in concepts.texts]
    expected = naive_information(
        softmax(10.0 * table.values[:, order].astype(np.float64)),
        view.summaries("mean", "explain").astype(np.float64),
        [0.998 - i / 20 * 0.028 for i in range(20)],
        1.0,
    )
    for explanation in run(view, concepts=concepts, encoder=None):
        assert explanation.score == pytest.approx(expected[explanation.unit.index].max(), rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("similarity", ["soft_wpmi", "wpmi", "rank_reorder", "cosine", "cosine_cubed"])
def test_a_unit_gets_the_same_words_whichever_others_are_asked_for(study: Study, similarity: str) -> None:
    view = study.view("conv2", "r")
    together = run(view, similarity=similarity)
    assert run(view, [7], similarity=similarity) == [together[7]]
    assert run(view, [9, 2], similarity=similarity) == [together[9], together[2]]


def test_the_order_of_the_concepts_decides_nothing(study: Study) -> None:
    view = study.view("head", "r")
    backwards = ConceptSet.of(reversed(CONCEPTS.texts))
    assert run(view) == run(view, concepts=backwards)


def test_a_layer_with_one_unit_is_described_against_random_image_sets(study: Study) -> None:
    view = study.view("one", "r")
    (explanation,) = run(view)
    assert explanation.state == "described"
    scores = [candidate.score for candidate in explanation.candidates]
    assert max(scores) - min(scores) > 0.1  # the prior of the unit alone would make every score 0
    assert [explanation] == run(view)


def test_dead_and_constant_units_are_not_described(study: Study) -> None:
    explanations = run(study.view("relu", "r"))
    assert [one.state for one in explanations[:2]] == ["abstained", "abstained"]
    assert explanations[0].reason == "it is zero everywhere on every explain image"
    assert explanations[1].reason == "it has one value everywhere on every explain image"
    assert explanations[0].candidates == ()
    assert all(one.state == "described" for one in explanations[2:])


def test_a_best_score_below_the_threshold_is_no_description(study: Study) -> None:
    view = study.view("conv2", "r")
    scores = sorted(float(one.score or 0) for one in run(view))
    middle = (scores[5] + scores[6]) / 2
    states = [one.state for one in run(view, threshold=middle)]
    assert states.count("abstained") == 6
    reason = next(one.reason for one in run(view, threshold=middle) if one.state == "abstained")
    assert reason is not None
    assert reason.endswith(f"below the threshold {middle:g}")


def test_equal_scores_go_to_the_likelier_concept_and_are_told(study: Study) -> None:
    view = study.view("head", "r")
    alike = run(view, similarity="cosine", concepts=ConceptSet(("a", "b"), "x"), encoder=_Alike())
    ties = [[part.text for part in one.evidence if part.kind == "tie"] for one in alike]
    assert {one.description for one in alike} == {"a"}
    assert ties == [["2 or more concepts have the best score; the first in the alphabet was taken"]] * 5
    many = ConceptSet.of(["a", "b", "c"])
    (text,) = (part.text for part in run(view, [0], concepts=many, encoder=_Alike())[0].evidence if part.kind == "tie")
    assert text == (
        f"3 or more concepts have the best score (no score exceeds log 5 = {math.log(5):.3f}); the one under which the "
        "unit's images are likeliest was taken"
    )


class _Alike(Words):
    """Gives every text the same embedding."""

    key = "alike-001"

    def encode_texts(self, texts: list[str]) -> npt.NDArray[np.float32]:
        return super().encode_texts(["same"] * len(texts))


def test_pairs_of_the_best_words_are_tried_and_compete_on_one_scale(study: Study) -> None:
    view = study.view("conv2", "r")
    single, paired = run(view, [3, 4]), run(view, [3, 4], pairs=4, candidates=12)
    words = Words()
    for alone, both in zip(single, paired, strict=True):
        texts = [candidate.text for candidate in both.candidates]
        assert any(" " in text for text in texts)
        assert both.score is not None
        assert alone.score is not None
        assert both.score >= alone.score
        # By hand: a pair competes with all single concepts for the probability of an image.
        best = [c.text for c in alone.candidates[:4]]
        pairs = [f"{a} {b}" for i, a in enumerate(best) for b in best[i + 1 :]]
        images = view.embeddings(words, "explain").astype(np.float64)
        total = np.exp(10 * similarities(view, CONCEPTS.texts)).sum(1)
        odds = np.exp(10 * images @ words.encode_texts(pairs).astype(np.float64).T)
        weights = [0.998 - i / 20 * 0.028 for i in range(20)]
        scores = naive_information(
            odds / (odds + total[:, None]), view.summaries("mean", "explain").astype(np.float64), weights, 1.0
        )[both.unit.index]
        for text, score in zip(pairs, scores, strict=True):
            found = [c.score for c in both.candidates if c.text == text]
            assert not found or found[0] == pytest.approx(score, rel=1e-3, abs=2e-3)


def test_the_paper_preset_reaches_the_last_weight(study: Study) -> None:
    method = ClipDissect(CONCEPTS, Words(), preset="paper", top_k=20)  # type: ignore[arg-type]
    weights = method._weights(20)
    assert (float(weights[0]), float(weights[-1])) == pytest.approx((0.998, 0.97))
    assert float(ClipDissect(CONCEPTS, Words(), top_k=20)._weights(20)[-1]) == pytest.approx(0.998 - 19 / 20 * 0.028)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"similarity": "dot"},
            "clip-dissect has no similarity 'dot'. Use soft_wpmi, wpmi, rank_reorder, cosine, cosine_cubed.",
        ),
        ({"summary": "median"}, "clip-dissect has no summary 'median'. Use mean, max, abs-mean, q99."),
        ({"candidates": 0}, "clip-dissect got candidates=0; it must be at least 1."),
        (
            {"pairs": 2, "encoder": None},
            "clip-dissect cannot try pairs of concepts by labels. Give an --encoder, or pairs=0.",
        ),
        (
            {"p_end": 1.2},
            "clip-dissect got p_start=0.998, p_end=1.2, top_fraction=0.05, exponent=3.0; the first three are "
            "probabilities, and the exponent is above 0.",
        ),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_at_once(settings: dict[str, object], message: str) -> None:
    with pytest.raises(MethodError) as refused:
        ClipDissect(**({"concepts": CONCEPTS, "encoder": Words()} | settings))  # type: ignore[arg-type]
    assert str(refused.value) == message


def test_fewer_images_than_the_method_needs(study: Study) -> None:
    with pytest.raises(MethodError, match=r"^The method needs at least 500 images \(top_k\), but there are 84\."):
        run(study.view("conv2", "r"), top_k=500)


def test_a_summary_that_the_study_does_not_keep(study: Study) -> None:
    with pytest.raises(MethodError) as refused:
        run(study.view("conv2", "r"), summary="q99")
    assert str(refused.value) == (
        "The study does not keep the summary 'q99' of conv2. Make it with --summaries mean,max,q99."
    )


def test_the_method_is_a_frozen_record() -> None:
    method = ClipDissect(CONCEPTS, Words())  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.top_k = 3  # type: ignore[misc]


def test_pairs_that_are_concepts_by_themselves_are_tried_once(study: Study) -> None:
    view = study.view("conv2", "r")
    best = [candidate.text for candidate in run(view, [3])[0].candidates[:2]]
    listed = ConceptSet.of([*CONCEPTS.texts, " ".join(best), " ".join(reversed(best))])
    (both,) = run(view, [3], concepts=listed, pairs=42, candidates=900)
    texts = [candidate.text for candidate in both.candidates]
    assert len(texts) == len(set(texts)) > 42


def test_images_are_read_from_the_cache_once_however_many_units_are_paired(study: Study) -> None:
    reads: list[str] = []
    services = study.materials.services
    counted = dataclasses.replace(services, embed=lambda *of: (reads.append(of[1]), services.embed(*of))[1])
    run(study.store.view("conv2", counted, "r"), pairs=3)
    assert reads == ["explain"]


class _Broken(Words):
    """Gives NaN for one text."""

    key = "broken-001"

    def encode_texts(self, texts: list[str]) -> npt.NDArray[np.float32]:
        rows = super().encode_texts(texts)
        rows[-1] = np.nan
        return rows


def test_embeddings_that_are_no_numbers_are_refused_and_never_described(study: Study) -> None:
    with pytest.raises(MethodError) as refused:
        run(study.view("conv2", "r"), encoder=_Broken())
    assert str(refused.value) == (
        "The encoder test:words gave NaN or infinite embeddings. Check its weights, or choose another encoder."
    )


def test_concepts_that_claim_to_be_labels_and_are_none_are_refused(study: Study) -> None:
    with pytest.raises(MethodError) as refused:
        run(study.view("conv2", "r"), concepts=ConceptSet(("red", "zebra"), "labels:class", "class"), encoder=None)
    assert str(refused.value) == "The labels 'labels:class' of the probe images do not have the concept 'zebra'."
