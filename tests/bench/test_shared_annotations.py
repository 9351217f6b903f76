"""What is annotated in one study of a host is what another study of the same scenes sees, in its own order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from neuronym.bench.annotated import SharedAnnotations
from neuronym.bench.hosts import HOSTS
from neuronym.bench.probing import Probed, Version, probe
from neuronym.bench.settings import BenchSettings
from neuronym.records import unpacked
from neuronym.store.mask_tables import Annotations
from neuronym.study import silent
from neuronym.world.handle import World

SETTINGS = BenchSettings(explain=200, test=100, bootstraps=1, draws=100, seed=1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return probe(HOSTS["analytic"], tmp_path_factory.mktemp("host"), SETTINGS, silent)


def masks(annotations: Annotations, position: int) -> dict[str, npt.NDArray[np.bool_]]:
    """The masks of the image at a position, by concept."""
    found, about = annotations.rows(np.array([position])), annotations.about
    return {
        about.concepts[number].name: unpacked(words, about.grid)
        for number, words in zip(found.concepts, found.words, strict=True)
    }


def test_each_image_has_the_masks_of_its_own_scene(host: Probed) -> None:
    shared = SharedAnnotations()
    worlds = {"explain": World("explain", 400), "test": World("test", 200)}
    images: dict[Version, tuple[str, ...]] = {}
    for version in ("noisy", "plain"):
        study, annotations = host.studies[version], shared.of(host, version)
        images[version] = tuple(image.member for image in study.probe_set.images if image.split == "explain")
        for position in (*range(0, 200, 29), len(study.probe_set.images) - 1):
            image = study.probe_set.images[position]
            scene = worlds[image.split][int(image.member)]
            found = masks(annotations, position)
            seen = {name: scene.mask(name) for name in scene.concepts}
            assert set(found) == set(seen)
            assert all(np.array_equal(mask, seen[name]) for name, mask in found.items())
    assert images["noisy"] != images["plain"]  # or the order would not have been tested
    assert set(images["noisy"]) == set(images["plain"])


def test_the_noisy_study_has_no_more_test_images_than_it_must(host: Probed) -> None:
    sets = {version: study.probe_set for version, study in host.studies.items()}
    assert (sets["plain"].count("explain"), sets["plain"].count("test")) == (200, 100)
    assert (sets["noisy"].count("explain"), sets["noisy"].count("test")) == (200, 1)
