"""The conformance suite on the built-in methods, on a real study; and on methods that break the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pytest
import torch

import small_study
import tiny_models
import tiny_net
from conformance.method_suite import check_method
from dense_layer import CONCEPTS as ANNOTATED
from dense_layer import dense_view, known_layer, known_view
from neuronym import plugins
from neuronym.backends import ImageTextEncoder
from neuronym.explain.clip_dissect import ClipDissect, Function
from neuronym.explain.concepts import ConceptSet, read_concepts
from neuronym.explain.net_dissect import NetDissect, Preset
from neuronym.explain.occlusion_vocab import OcclusionVocab
from neuronym.records import Candidate, Evidence, Explanation, MaskRule, Summary, Unit
from neuronym.store.layer_view import LayerView

CONCEPTS = ["red", "green", "blue", "grey", "a photo of a cat", "dog", "stripes"]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURONYM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> LayerView:
    study = small_study.make_study(tmp_path_factory.mktemp("studies") / "small", layers=("relu", "head"))
    return study.probe(device="cpu").view("relu", "a-run")


@pytest.fixture(scope="module")
def labels(view: LayerView) -> ConceptSet:
    return read_concepts("labels", view.labels("explain"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ImageTextEncoder:
    folder = tiny_models.clip_folder(tmp_path_factory.mktemp("clip"))
    return plugins.encoder(str(folder), torch.device("cpu"))


@pytest.mark.parametrize("similarity", get_args(Function))
def test_clip_dissect_by_labels(similarity: Function, view: LayerView, labels: ConceptSet) -> None:
    check_method(ClipDissect(labels, similarity=similarity, top_k=20), view)


@pytest.mark.parametrize("similarity", get_args(Function))
def test_clip_dissect_by_an_encoder(similarity: Function, view: LayerView, encoder: ImageTextEncoder) -> None:
    check_method(ClipDissect(ConceptSet.of(CONCEPTS), encoder, similarity, top_k=20), view)


def test_clip_dissect_with_every_option(view: LayerView, encoder: ImageTextEncoder) -> None:
    templates = ("{}", "a photo of a {}")
    concepts = ConceptSet.of(CONCEPTS)
    check_method(
        ClipDissect(concepts, encoder, summary="max", top_k=20, pairs=4, templates=templates, candidates=3), view
    )
    check_method(ClipDissect(concepts, encoder, "wpmi", top_k=7, preset="paper", threshold=-9), view)


@pytest.mark.parametrize("preset", ["paper", "reference"])
@pytest.mark.parametrize("level", [{"quantile": 0.9}, {"threshold": 1.0}])
def test_net_dissect(preset: Preset, level: dict[str, float]) -> None:
    check_method(NetDissect(preset=preset, **level), known_view())  # type: ignore[arg-type]


def test_net_dissect_on_a_layer_without_maps() -> None:
    maps, masks, valid = known_layer(0)
    flat = maps[:, :, 0, 0].copy()
    flat[:, 2:] += masks[:, [0, 2, 4, 6]].mean((2, 3))
    check_method(NetDissect(quantile=0.9), dense_view(flat, ANNOTATED, masks, valid))


@pytest.mark.parametrize("preset", ["paper", "best"])
def test_occlusion_vocab(preset: Literal["paper", "best"], view: LayerView) -> None:
    # Patches are encoded each time, and a network that was pickled may round otherwise; this encoder has none.
    check_method(OcclusionVocab(ConceptSet.of(CONCEPTS), tiny_net.Colours(), 2, preset, stride=5), view)


def test_every_installed_method_is_run_here() -> None:
    own = [name for name, entry in plugins.installed("method").items() if entry.value.startswith("neuronym.")]
    assert sorted(own) == ["clip-dissect", "net-dissect", "occlusion-vocab"]


@dataclass(frozen=True)
class Brightest:
    """A method that conforms: the label of the image that a unit responds to most."""

    concepts: ConceptSet
    shown: int = 1

    name: ClassVar[str] = "brightest"
    summary: ClassVar[Summary] = "max"
    citation: ClassVar[str] = "Written for this test."

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for unit in units:
            yield self.said(unit, view)

    def said(self, unit: Unit, view: LayerView) -> Explanation:
        if view.constant[unit.index]:
            return Explanation(unit, self.name, view.run, "abstained", reason="it never changes")
        top = view.exemplars(unit.index, "max")[0]
        label = view.images("explain")[top.index].label
        assert label is not None
        ranked = self.ranked(label, top.value)
        evidence = (Evidence("exemplar", top.image_id),)
        return Explanation(unit, self.name, view.run, "described", label, ranked[0].score, ranked, evidence)

    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        others = (text for text in self.concepts.texts if text != label)
        return (Candidate(label, value), *(Candidate(text, 0.0) for text in others))


@dataclass(frozen=True)
class WithoutReason(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        said = super().said(unit, view)
        return said if said.reason is None else replace(said, reason=" ")


@dataclass(frozen=True)
class DescribesSilence(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        said = super().said(unit, view)
        return said if said.reason is None else replace(said, state="described", description="nothing", reason=None)


@dataclass(frozen=True)
class NotANumber(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return (Candidate(label, float("nan")),)


@dataclass(frozen=True)
class Unsorted(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return super().ranked(label, value)[::-1]


@dataclass(frozen=True)
class OtherFirst(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return (Candidate("another", value), *super().ranked(label, value))


@dataclass(frozen=True)
class Repeating(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return (Candidate(label, value), Candidate(label, 0.0))


@dataclass(frozen=True)
class PeeksAtTests(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        view.summaries("max", "test")
        return super().said(unit, view)


@dataclass(frozen=True)
class PeeksInSecret(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        try:
            view.labels("test")
        finally:
            return super().said(unit, view)  # noqa: B012


@dataclass(frozen=True)
class PeeksAtMasks(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        view.unit_masks(MaskRule(), "test", (4, 4))
        return super().said(unit, view)


@dataclass(frozen=True)
class RulesByAValue(Brightest):
    @property
    def mask_rule(self) -> float:
        return 0.995


@dataclass(frozen=True)
class NeedsLater(Brightest):
    @property
    def needs_annotations(self) -> bool:
        return True


@dataclass(frozen=True)
class ShowsTests(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        return replace(super().said(unit, view), evidence=(Evidence("exemplar", "not-an-id"),))


@dataclass(frozen=True)
class CountsUnits(Brightest):
    """Scores relative to the units that were asked for."""

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        for one in super().explain(units, view):
            score = None if one.score is None else one.score / len(units)
            candidates = tuple(Candidate(c.text, c.score / len(units)) for c in one.candidates)
            yield replace(one, score=score, candidates=candidates)


@dataclass(frozen=True)
class Sorts(Brightest):
    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        return super().explain(sorted(units), view)


@dataclass(frozen=True)
class Skips(Brightest):
    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        return super().explain([unit for unit in units if not view.dead[unit.index]], view)


@dataclass(frozen=True)
class Lists(Brightest):
    def explain(self, units: Sequence[Unit], view: LayerView) -> Any:
        return list(super().explain(units, view))


@dataclass(frozen=True)
class Unseeded(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return (Candidate(label, value + torch.rand(()).item()),)


@dataclass(frozen=True)
class Seeds(Brightest):
    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        np.random.seed(0)
        return super().ranked(label, value)


@dataclass(frozen=True)
class Forgets(Brightest):
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, shown=9)


@dataclass(frozen=True)
class HoldsALambda(Brightest):
    function: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", lambda value: value)


@dataclass(frozen=True)
class OtherRun(Brightest):
    def said(self, unit: Unit, view: LayerView) -> Explanation:
        return replace(super().said(unit, view), run="mine")


@dataclass(frozen=True)
class LooksAtTheFile(Brightest):
    """Depends on what was left out of the file."""

    def ranked(self, label: str, value: float) -> tuple[Candidate, ...]:
        return (Candidate(label, value + self.concepts.duplicates),)


@dataclass(frozen=True)
class Folder(Brightest):
    name: ClassVar[str] = "my/method"


@dataclass(frozen=True)
class Uncited(Brightest):
    citation: ClassVar[str] = "me"


@dataclass(frozen=True)
class NoDefault(Brightest):
    table: dict[str, int] = field(default_factory=dict)


@dataclass
class Mutable:
    name: ClassVar[str] = "mutable"
    summary: ClassVar[Summary] = "max"
    citation: ClassVar[str] = "Written for this test."
    concepts: ConceptSet

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        return Brightest(self.concepts).explain(units, view)


def test_a_conforming_method_conforms(view: LayerView, labels: ConceptSet) -> None:
    check_method(Brightest(labels), view)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (WithoutReason, "relu:0 is abstained with a blank or untidy text: ' '"),
        (DescribesSilence, "relu:0 has one value everywhere, but is described: nothing"),
        (NotANumber, "relu:2 has the score nan"),
        (Unsorted, "the candidates of relu:2 are not in the order of their scores"),
        (OtherFirst, "the first candidate of relu:2 is 'another' with .*, but it is described as"),
        (Repeating, "a candidate of relu:2 is there twice"),
        (PeeksAtTests, "the method looks at the test images: summaries"),
        (PeeksInSecret, "the method looks at the test images: labels"),
        (PeeksAtMasks, "the method looks at the test images: unit masks"),
        (RulesByAValue, "mask_rule is 0.995; it must be a MaskRule or None"),
        (NeedsLater, "needs_annotations is not told by the class"),
        (ShowsTests, "the evidence of relu:0 names images that are not of the explain split"),
        (CountsUnits, "some of the units are explained otherwise than all of them: relu:3 has score"),
        (Sorts, "units in reversed order are explained otherwise: relu:0 has unit"),
        (Skips, "not one explanation per unit, in the order asked"),
        (Lists, r"explain\(\) gives a list, not an iterator"),
        (Unseeded, "the method changes the global random state"),
        (Seeds, "the method changes the global random state"),
        (Forgets, "pickling changed shown from 1 to 9"),
        (HoldsALambda, "brightest cannot be pickled"),
        (OtherRun, "relu:0 is of the run 'mine', not of the view's, 'a-run'"),
        (LooksAtTheFile, "the same concepts in another order explain otherwise: relu:2 has score"),
        (Folder, "name is not fit for a file name: 'my/method'"),
        (Uncited, "citation says nothing: 'me'"),
        (NoDefault, "the parameter table is {}; it must be a number"),
        (Mutable, "Mutable is not frozen"),
    ],
)
def test_the_suite_sees_what_is_wrong(method: Any, message: str, view: LayerView, labels: ConceptSet) -> None:
    with pytest.raises(AssertionError, match=message):
        check_method(method(labels), view)


def test_the_suite_wants_silent_units(view: LayerView, labels: ConceptSet, tmp_path: Path) -> None:
    study = small_study.make_study(tmp_path / "other", layers=("head",), per_class=5)
    with pytest.raises(ValueError, match=r"needs a layer of 4 units with a dead .* got 5 units, 0 dead and 0 constant"):
        check_method(Brightest(labels), study.probe(device="cpu").view("head"))
