"""What a row asks of models is counted, and what other rows paid for is not taken from its time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from neuronym.bench.entrants import ENCODERS, entrants
from neuronym.bench.hosts import HOSTS
from neuronym.bench.metering import Meter
from neuronym.bench.probing import Probed, probe
from neuronym.bench.settings import BenchSettings
from neuronym.bench.sharing import Embeddings, Shared
from neuronym.bench.trials import Trials
from neuronym.records import MaskRule
from neuronym.study import silent

SETTINGS = BenchSettings(explain=200, test=100, bootstraps=1, draws=100)


class Slow:
    """An encoder that takes its time for images, and has a dimension for each of two texts."""

    name, key, dim = "slow", "slow", 2

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        time.sleep(0.02)
        return np.tile(np.array([1, 0], np.float32), (len(images), 1))

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.tile(np.array([0, 1], np.float32), (len(texts), 1))


class Slower(Slow):
    """The same, which takes longer than a method does, under a name that a row can have."""

    name, key = "slower", "slower"

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        time.sleep(0.2)
        return super().encode_images(images)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return probe(HOSTS["analytic"], tmp_path_factory.mktemp("host"), SETTINGS, silent)


def test_everything_asked_is_counted(host: Probed, tmp_path: Path) -> None:
    materials = host.studies["plain"].materials
    embeddings, passes = Embeddings(tmp_path), Shared()
    meter = Meter(passes)
    encoder = meter.encoder(Slow())
    view = host.view("plain", meter.services(materials.services, materials.probe_set, embeddings))
    assert view.embeddings(encoder, "explain").shape == (200, 2)
    assert view.embeddings(encoder, "explain").shape == (200, 2)
    assert len(encoder.encode_texts(["a", "b", "c"])) == 3
    assert len(encoder.encode_images([view.image(0)])) == 1
    assert view.respond([view.image(0), view.image(1)]).shape[:2] == (2, 142)
    assert meter.calls == {"images": 201, "texts": 3, "forward": 2}
    for _ in range(2):
        view.unit_masks(MaskRule(), "explain", (8, 8))
    assert meter.calls["forward"] == 302  # one pass over all images, those to judge on too
    view.unit_masks(MaskRule(0.99), "explain", (8, 8))
    again = Meter(passes)
    same = host.view("plain", again.services(materials.services, materials.probe_set, embeddings))
    same.unit_masks(MaskRule(), "explain", (8, 8))
    assert (meter.calls["forward"], again.calls) == (602, {"forward": 300})  # it is counted whoever made it
    encoding = embeddings.of(Slow(), materials.probe_set, "explain")[1]
    assert meter.backend_seconds > encoding  # the passes for masks are in it
    assert again.spent < again.backend_seconds < meter.backend_seconds - encoding  # also of who found the masks made
    assert meter.backend_seconds > 0.1  # seven batches of 0.02 seconds


def test_a_second_row_is_told_the_same_and_waits_for_nothing(host: Probed, tmp_path: Path) -> None:
    materials = host.studies["plain"].materials
    embeddings, meters = Embeddings(tmp_path), (Meter(Shared()), Meter(Shared()))
    for meter in meters:
        view = host.view("plain", meter.services(materials.services, materials.probe_set, embeddings))
        view.embeddings(meter.encoder(Slow()), "explain")
    first, second = meters
    assert first.calls == second.calls == {"images": 200}
    assert first.backend_seconds == second.backend_seconds > 0.1
    assert first.spent >= first.backend_seconds
    assert second.spent < first.backend_seconds / 2


def test_rows_of_one_encoder_have_times_of_their_own(host: Probed, tmp_path: Path) -> None:
    rows = entrants(["clip-dissect?encoder=bundled:align", "clip-dissect?encoder=bundled:align&top_k=50"])
    trials = Trials(rows, Embeddings(tmp_path), SETTINGS)
    costs = [trials.run(row, host).cost for row in rows]
    assert costs[0].calls == costs[1].calls
    assert costs[0].calls["images"] == 200
    assert costs[0].calls["texts"] == 405
    assert costs[0].backend_seconds == costs[1].backend_seconds > 0


def test_what_all_rows_share_is_not_in_the_time_of_the_row_that_came_first(host: Probed, tmp_path: Path) -> None:
    rows = entrants([f"clip-dissect?encoder={__name__}:Slower"])
    cost = Trials(rows, Embeddings(tmp_path), SETTINGS).run(rows[0], host).cost
    assert cost.backend_seconds > 1.4  # seven batches of 0.2 seconds
    # The median of the first time and of one draw, which finds the embeddings made: half of them would be in it.
    assert 0 < cost.seconds < cost.backend_seconds / 2


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["clip-dissect"], [f"clip-dissect?encoder={one}" for one in (*ENCODERS, "none")]),
        (["clip-dissect?top_k=5&encoder=none"], ["clip-dissect?encoder=none&top_k=5"]),
        (
            ["clip-dissect?encoder=none&top_k=5&lam=1", "clip-dissect?lam=1&top_k=5&encoder=none"],
            ["clip-dissect?encoder=none&lam=1&top_k=5"],
        ),
        (["bench_methods:Knowing", "bench_methods:Knowing"], ["bench_methods:Knowing"]),
    ],
)
def test_rows_are_named_in_one_way_which_means_the_same_row(asked: list[str], names: list[str]) -> None:
    found = entrants(asked)
    assert [one.name for one in found] == names
    assert [one.name for one in entrants(names)] == names
    wanted = [(one.method, one.encoder, one.concepts, dict(one.settings)) for one in found]
    assert [(one.method, one.encoder, one.concepts, dict(one.settings)) for one in entrants(names)] == wanted


def test_without_names_every_installed_method_takes_part() -> None:
    assert {one.method for one in entrants(())} >= {"clip-dissect"}
    assert all(one.concepts == "labels:concept" for one in entrants(()) if one.method == "clip-dissect")
