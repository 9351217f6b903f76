"""A whole benchmark at a small size, and its figures computed again by other means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from neuronym.bench.hosts import HOSTS
from neuronym.bench.labels import true_labels
from neuronym.bench.probing import Probed, probe
from neuronym.bench.running import run_benchmark
from neuronym.bench.scoring import SUMMARY, HostScorer
from neuronym.bench.settings import BenchSettings
from neuronym.errors import UserError
from neuronym.records import Split
from neuronym.records.benchmark import BenchHost, Benchmark, BenchRow
from neuronym.study import silent
from neuronym.world.concepts import presence
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.planted import planted_units
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import SEEDS

SMALL = {"explain": 400, "test": 300, "bootstraps": 2, "draws": 200}
METHODS = ("clip-dissect?encoder=none", "clip-dissect?encoder=none&similarity=cosine_cubed")
MASKS = "net-dissect"
OWN = ("bench_methods:Knowing", "bench_methods:Babbling", "bench_methods:Broken")


@pytest.fixture(scope="module")
def found() -> Benchmark:
    return run_benchmark(BenchSettings(**SMALL, hosts=("analytic", "taught"), methods=(*METHODS, MASKS, *OWN)))


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    folder = tmp_path_factory.mktemp("probed")
    return probe(HOSTS["analytic"], folder, BenchSettings(**SMALL), silent, whole=False)


def row(host: BenchHost, name: str) -> BenchRow:
    return next(one for one in host.rows if one.name == name)


def scenes(probed: Probed, split: Split) -> Scenes:
    return draw_scenes(SEEDS[split], [int(image.member) for image in probed.view().images(split)])


def shown(text: str, table: Scenes) -> np.ndarray:
    concept = parse(text)
    return np.zeros(len(table), bool) if isinstance(concept, Unparsed) else presence(concept, table)


def test_the_figures_of_a_row_come_out_again_by_other_means(found: Benchmark, probed: Probed) -> None:
    host = found.hosts[0]
    view = probed.view()
    explain, test = view.summaries(SUMMARY, "explain"), view.summaries(SUMMARY, "test")
    known, held_out = scenes(probed, "explain"), scenes(probed, "test")
    for one in (row(host, "true labels"), row(host, METHODS[0])):
        pearson, f1, precision, fit, equal = [], [], [], [], []
        truths = {unit.index: unit.text for unit in planted_units() if unit.text is not None}
        texts = {said.unit: said.text for said in one.said}
        for unit, truth in truths.items():
            share = shown(truth, known).mean()
            cut = np.sort(explain[:, unit])[-int(np.ceil(max(share, 1 / 400) * 400)) - 1]
            active = test[:, unit] > cut
            concept = shown(texts[unit] or "", held_out)
            r = np.corrcoef(concept, test[:, unit])[0, 1] if 0 < concept.sum() < len(concept) else 0.0
            pearson.append(r)
            f1.append(f1_score(active, concept, zero_division=0))
            precision.append(average_precision_score(active, concept) if active.any() else 0)
            living = [u for u in range(142) if np.ptp(explain[:, u]) > 0 and np.ptp(test[:, u]) > 0 and u != unit]
            rivals = np.array([np.corrcoef(concept, test[:, u])[0, 1] if concept.any() else 0 for u in living])
            fit.append((rivals < r).mean() + 0.5 * (rivals == r).mean())
            equal.append(texts[unit] is not None and str(parse(texts[unit])) == str(parse(truth)))
        assert one.measures["pearson"].value == pytest.approx(np.mean(pearson), abs=1e-5)
        assert one.measures["f1"].value == pytest.approx(np.mean(f1), abs=1e-5)
        assert one.measures["auprc"].value == pytest.approx(np.mean(precision), abs=1e-5)
        assert one.measures["discrimination"].value == pytest.approx(np.mean(fit), abs=1e-3)
        assert one.measures["top1"].value == pytest.approx(np.mean(equal))
        kinds = [planted_units()[unit].kind for unit in truths]
        for kind, measure in one.kinds.items():
            mean = np.mean([r for r, of in zip(pearson, kinds, strict=True) if of == kind])
            assert measure.value == pytest.approx(mean, abs=1e-5)
            assert measure.units == kinds.count(kind)


def test_the_normalised_score_is_between_random_and_true_labels(found: Benchmark) -> None:
    for host in found.hosts:
        truth, random = row(host, "true labels"), row(host, "random labels")
        assert truth.measures["normalised"].value == pytest.approx(1)
        assert random.measures["normalised"].value == pytest.approx(0)
        top, floor = truth.measures["pearson"].value, random.measures["pearson"].value
        assert top is not None
        assert floor is not None
        for one in host.rows:
            r = one.measures["pearson"].value if one.measures else None
            if r is not None:
                assert one.measures["normalised"].value == pytest.approx((r - floor) / (top - floor), abs=1e-6)


def test_a_method_that_knows_is_perfect_and_silent_where_it_should_be(found: Benchmark) -> None:
    one, truth = row(found.hosts[0], OWN[0]), row(found.hosts[0], "true labels")
    for column in ("pearson", "f1", "auprc", "mask_iou", "top1", "top5", "equivalent", "discrimination"):
        assert one.measures[column].value == pytest.approx(truth.measures[column].value)
    assert one.measures["normalised"].value == pytest.approx(1)
    assert one.measures["silent"].value == 1
    assert one.measures["lost"].value == 0
    assert one.measures["stable_images"].value == one.measures["stable_noise"].value == 1
    assert one.curve[-1] == pytest.approx((1, 0))
    assert one.operating == pytest.approx((1, 0))
    assert one.cost is not None
    assert one.cost.calls_per_unit == 0


def test_a_method_of_true_masks_has_a_row_like_any(found: Benchmark) -> None:
    for host in found.hosts:
        one, list_row = row(host, MASKS), row(host, "best of the list")
        assert one.failed is None
        assert one.cost is not None
        assert one.cost.calls == {"forward": 700}  # one mask pass over all images
        assert {said.state for said in one.said} <= {"described", "abstained"}
        assert one.measures["resolved"].value == 1  # what is annotated is what the grammar reads
        for column in ("pearson", "mask_iou"):
            value, most = one.measures[column].value, list_row.measures[column].value
            assert value is not None
            assert most is not None
            assert 0.3 < value < most
        assert one.measures["stable_noise"].value > 0.5
        assert one.curve
    dead = {unit.unit for unit in found.hosts[0].units if unit.kind == "dead"}
    assert {said.state for said in row(found.hosts[0], MASKS).said if said.unit in dead} == {"abstained"}


def test_masks_are_compared_where_there_are_maps(found: Benchmark) -> None:
    for host in found.hosts:
        truth = row(host, "true labels").measures["mask_iou"]
        assert truth.value is not None
        assert truth.low is not None
        for one in host.rows:
            if one.failed is None:
                value = one.measures["mask_iou"].value
                assert value is not None
                assert value <= truth.value + 1e-9
                if one.role in ("constant", "random", "shuffled"):
                    assert value < 0.2 < truth.low
                for said, unit in zip(one.said, host.units, strict=False):
                    assert (said.mask_iou is None) == (said.pearson is None or unit.truth is None)


def test_a_method_that_babbles_is_worth_what_a_constant_is(found: Benchmark) -> None:
    one = row(found.hosts[0], OWN[1])
    assert one.measures["normalised"].value == pytest.approx(0, abs=0.1)
    assert one.measures["top5"].value == pytest.approx((1 + one_fish(one, found.hosts[0])) / 118)
    assert one.measures["silent"].value == one.measures["lost"].value == 0  # its labels have no score to go by
    assert not one.curve
    stable = one.measures["stable_images"].value
    assert stable in (0, 0.5, 1)  # the first image of each of two draws is even or odd
    assert one.measures["stable_noise"].value == 1


def one_fish(one: BenchRow, host: BenchHost) -> int:
    """Units other than the first that "fish" is right of, if that is what is said."""
    return sum(unit.truth == said.text and unit.unit != 0 for unit, said in zip(host.units, one.said, strict=True))


def test_a_method_that_cannot_run_says_why_and_fails_its_gate(found: Benchmark) -> None:
    for host in found.hosts:
        assert row(host, OWN[2]).failed == "It is broken. Mend it."
    failed = [gate for gate in found.gates if gate.passed is False]
    assert {(gate.name, gate.row) for gate in failed} == {("every row runs", OWN[2])}
    assert not found.passed


def test_the_best_of_the_list_is_chosen_on_the_explain_images(probed: Probed) -> None:
    scorer = HostScorer(probed.view(), probed.truth, probed.units, 200, 0)
    explain = probed.view().summaries(SUMMARY, "explain")
    best = scorer.best_of_list()
    assert 130 < len(best) <= 132  # the dead ones have none
    for unit in (0, 30, 60, 100):
        values = {}
        for text in probed.truth.vocabulary:
            (concept,) = probed.truth.concepts([text], "explain")
            (held_out,) = probed.truth.concepts([text], "test")
            assert concept is not None
            assert held_out is not None
            if np.ptp(concept) > 0 and np.ptp(held_out) > 0:
                values[text] = np.corrcoef(concept, explain[:, unit])[0, 1]
        assert values[str(best[unit].description)] == pytest.approx(max(values.values()))
        assert best[unit].score == pytest.approx(max(values.values()), abs=1e-5)


def test_true_labels_are_not_true_of_random_weights(found: Benchmark) -> None:
    truth = row(found.hosts[1], "true labels")
    copy = truth.measures["random_weights"]
    assert copy.value is not None
    assert abs(copy.value) < 0.1
    assert "random_weights" not in row(found.hosts[0], "true labels").measures


def test_equal_settings_give_equal_figures_and_other_seeds_other_scenes(found: Benchmark) -> None:
    def figures(seed: int) -> Sequence[object]:
        small = BenchSettings(**SMALL, hosts=("analytic",), methods=METHODS[:1], kinds=("single", "noise"), seed=seed)
        return [(one.name, one.measures, one.kinds, one.said) for one in run_benchmark(small).hosts[0].rows]

    first = figures(1)
    assert figures(1) == first
    assert figures(2) != first


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kinds": ("singel",)}, "There is no kind of unit 'singel'.*single"),
        ({"hosts": ("analytical",)}, "There is no host 'analytical'.*analytic"),
        ({"hosts": ("vit",), "kinds": ("noise",)}, "The hosts vit have no units of the kinds noise"),
        ({"methods": ("clip-disect",)}, "There is no method 'clip-disect'.*clip-dissect"),
        ({"methods": ("clip-dissect?encoder",)}, "has 'encoder'. Write METHOD\\?key=value&key=value"),
        ({"methods": ("clip-dissect?top_k=1&top_k=2",)}, "gives top_k twice"),
        ({"methods": ("clip-dissect?encoder=oracel:world",)}, "oracel"),
        ({"methods": ("clip-dissect?encoder=bundled:clap",)}, "There is no bundled encoder 'clap'.*clip"),
        ({"methods": ("clip-dissect?encoder=none&topk=3",)}, "There is no parameter of clip-dissect 'topk'.*top_k"),
        ({"methods": ("clip-dissect?encoder=none&top_k=few",)}, "The parameter top_k of clip-dissect takes a whole"),
        ({"methods": ("clip-dissect?encoder=none&concepts=nowhere.txt",)}, "nowhere.txt. cannot be read"),
        ({"methods": ("bench_methods:Knowing?encoder=oracle:world",)}, "takes none. Leave it out"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_runs(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        run_benchmark(BenchSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"explain": 10}, "explain is 10. Give a number from 200 to 100,000."),
        ({"bootstraps": 0}, "bootstraps is 0. Give a number from 1 to 1,000."),
        ({"seed": -1}, "seed is -1. Give a number from 0 to 100."),
        ({"level": 1.0}, "--abstain got 1.0. Give a share above 0 and below 1, such as 0.1."),
    ],
)
def test_sizes_that_measure_nothing_are_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        BenchSettings(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_true_labels_are_those_of_the_world(probed: Probed) -> None:
    labels = true_labels("units", probed.units)
    assert len(labels) == 118
    assert all(one.state == "described" for one in labels.values())


@pytest.fixture(scope="module")
def odd() -> BenchHost:
    ways = [f"bench_methods:Sloppy?way={way}" for way in ("order", "few", "nan", "inf", "text")]
    methods = ("bench_methods:Peeking", "bench_methods:Failing", *ways)
    return run_benchmark(BenchSettings(**SMALL, hosts=("analytic",), methods=methods)).hosts[0]


def test_a_method_sees_no_test_image(odd: BenchHost) -> None:
    assert {said.text for said in row(odd, "bench_methods:Peeking").said} == {"(0, 0, 0, 0, 0, 0)"}


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("order", "RuntimeError: the method sloppy explained units:141, but units:0 was next"),
        ("few", "RuntimeError: the method sloppy ended before units:3"),
        ("nan", "RuntimeError: the method sloppy gave units:0 the score nan"),
        ("inf", "RuntimeError: the method sloppy gave units:0 the score inf"),
        ("text", "TypeError: the method sloppy gave a str for units:0"),
    ],
)
def test_a_method_that_breaks_its_contract_fails_its_row_only(odd: BenchHost, way: str, why: str) -> None:
    failed = row(odd, f"bench_methods:Sloppy?way={way}").failed
    assert failed is not None
    assert failed.startswith(why)


def test_failing_is_not_silence(odd: BenchHost) -> None:
    one = row(odd, "bench_methods:Failing")
    assert one.measures["silent"].value == 0
    assert one.measures["lost"].value == 1
    assert one.measures["normalised"].value == pytest.approx(0, abs=0.02)


def test_a_level_that_a_host_is_too_small_for_is_refused() -> None:
    with pytest.raises(UserError, match=r"--abstain 0\.01 needs 99 shuffled units .* 'classifier\.1' of 12 gives 40"):
        run_benchmark(BenchSettings(hosts=("resnet",), level=0.01))
