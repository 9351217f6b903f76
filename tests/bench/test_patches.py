"""Where patches lie, beside the truth: computed again pair by pair, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neuronym import plugins
from neuronym.asking import choose_concepts
from neuronym.bench.entrants import entrants
from neuronym.bench.hosts import HOSTS
from neuronym.bench.metering import Meter
from neuronym.bench.patches import patch_fit
from neuronym.bench.pixels import Pixels
from neuronym.bench.probing import Probed, probe
from neuronym.bench.settings import QUICK, BenchSettings
from neuronym.bench.sharing import Embeddings, Pictures, Shared
from neuronym.bench.trials import Trials
from neuronym.explain.explainer import Occluding
from neuronym.records.benchmark import BenchUnit
from neuronym.study import silent
from neuronym.world.grammar import parse
from neuronym.world.masks import covered, regions_of

ROW = "occlusion-vocab?encoder=oracle:world&exemplars=2&occluder=16&stride=16"
SETTINGS = BenchSettings(explain=200, test=100, bootstraps=1, draws=100)
CHOSEN = (0, 20, 51, 95)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return probe(HOSTS["analytic"], tmp_path_factory.mktemp("host"), SETTINGS, silent, whole=False)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    return Trials(entrants([ROW]), Embeddings(tmp_path_factory.mktemp("cache")), SETTINGS)


@pytest.fixture(scope="module")
def method(trials: Trials) -> Occluding:
    made = trials.method(entrants([ROW])[0])
    assert isinstance(made, Occluding)
    return made


def test_the_ious_come_out_again_pixel_by_pixel(host: Probed, method: Occluding) -> None:
    view, scenes = host.view(), host.scenes("explain")
    units = [host.units[at] for at in CHOSEN]
    pixels = Pixels(view, scenes, host.scenes("test"), host.units)
    found = patch_fit(method, view, scenes, units, pixels, 100, 0)
    occlusions, means = view.occlusions(method.occlusion_rule), []
    for unit in units:
        rows = []
        for exemplar in view.exemplars(unit.unit, "max", maps=False)[:2]:
            scene = scenes.rows(slice(exemplar.index, exemplar.index + 1))
            flags, regions = covered(parse(str(unit.truth)), scene)[0], regions_of(scene)[0]
            known = occlusions.found(exemplar.index, unit.unit)
            assert known is not None
            maps = torch.from_numpy(view.respond([view.image(exemplar.index)]))[:, unit.unit][None].double()
            large = torch.nn.functional.interpolate(maps, (64, 64), mode="bilinear")[0, 0].numpy()
            both, either = [0, 0], [0, 0]
            for y in range(64):
                for x in range(64):
                    shown = flags[regions[y, x]]
                    for at, mask in enumerate((known.mask[y, x] > 0, large[y, x] > pixels.thresholds[unit.unit])):
                        both[at] += bool(shown and mask)
                        either[at] += bool(shown or mask)
            rows.append([both[at] / either[at] if either[at] else 0 for at in (0, 1)])
        means.append(np.mean(rows, 0))
    assert found.exemplars == 2 * len(CHOSEN)
    assert (found.patch.value, found.activation.value) == pytest.approx(tuple(np.mean(means, 0)), abs=1e-9)
    assert found.patch.low is not None
    assert found.activation.value is not None
    assert found.activation.value > 0.5
    assert found.left_out == ()


def test_units_whose_concept_has_no_pixel_are_named(host: Probed, method: Occluding) -> None:
    view, scenes = host.view(), host.scenes("explain")
    # A scene without a word has no pixel of which that is true.
    units = [host.units[0], BenchUnit(1, "single", "no word", False), BenchUnit(132, "dead", None, True)]
    pixels = Pixels(view, scenes, host.scenes("test"), host.units)
    found = patch_fit(method, view, scenes, units, pixels, 100, 0)
    assert found.left_out == ("no word",)
    assert found.patch.units == 1
    assert found.exemplars == 2


def test_a_row_is_told_what_one_run_takes_whoever_made_the_passes(host: Probed, tmp_path: Path) -> None:
    materials, shared, embeddings = host.studies["plain"].materials, Shared(), Embeddings(tmp_path)
    concepts, oracle = choose_concepts(["circle", "square"], None), plugins.encoder("oracle:world", torch.device("cpu"))
    told = []
    for _ in range(2):
        meter = Meter(shared)
        view = host.view("plain", meter.services(materials.services, materials.probe_set, embeddings))
        settings = dict(pair.split("=") for pair in f"{ROW}&watched=mean".split("&")[1:])
        made = plugins.make_method("occlusion-vocab", settings, concepts, meter.encoder(oracle))
        said = list(made.explain([view.units[at] for at in (0, 1)], view))
        assert [one.description for one in said] == ["circle", "square"]
        told.append((meter.calls, meter.backend_seconds, meter.spent))
    images = {one.index for unit in (0, 1) for one in view.exemplars(unit, "mean", maps=False)[:2]}
    (calls, seconds, spent), (same, equal, waited) = told
    assert calls == same == {"forward": 17 * len(images), "images": 4, "texts": 2}  # whole, and at 4 x 4 places
    assert seconds == pytest.approx(equal)
    assert seconds == pytest.approx(spent, rel=0.5)
    assert waited < spent / 2


class Doubtful:
    """An encoder of two dimensions that counts what it is given."""

    name, key, dim = "doubtful", "doubtful", 2

    def __init__(self) -> None:
        self.given = 0

    def encode_images(self, images: list[object]) -> np.ndarray:
        self.given += len(images)
        return np.tile(np.array([1, 0], np.float32), (len(images), 1))

    def encode_texts(self, texts: list[str]) -> np.ndarray:
        raise NotImplementedError


def test_equal_pictures_are_encoded_once(host: Probed) -> None:
    encoder, pictures = Doubtful(), Pictures()
    some = [host.view().image(at) for at in (0, 1, 0)]
    rows, seconds = pictures.of(encoder, some)  # type: ignore[arg-type]
    again, told = pictures.of(encoder, some[:2])  # type: ignore[arg-type]
    assert rows.shape == (3, 2)
    assert again.shape == (2, 2)
    assert encoder.given == 3
    assert told == pytest.approx(seconds * 2 / 3)


def test_quick_has_a_cheaper_row_unless_another_is_asked_for() -> None:
    named = [row.name for row in entrants((), QUICK["instead"])]
    assert [name for name in named if name.startswith("occlusion-vocab")] == QUICK["instead"]["occlusion-vocab"]
    assert len(entrants(["occlusion-vocab"], QUICK["instead"])) == 3
    named = [row.name for row in entrants((), SETTINGS.instead) if row.method == "occlusion-vocab"]
    assert len(named) == 6  # the published form and the best one, each with three encoders
    assert sum("preset=best" in name for name in named) == 3


def test_a_row_of_a_method_that_looks_at_masks_has_no_patches(tmp_path: Path) -> None:
    trials = Trials(entrants(["net-dissect"]), Embeddings(tmp_path), SETTINGS)
    assert not isinstance(trials.method(entrants(["net-dissect"])[0]), Occluding)
