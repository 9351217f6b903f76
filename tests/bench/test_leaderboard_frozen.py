"""The installed world is the frozen version, and one that is not is refused by the name of what differs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from neuronym import plugins
from neuronym.bench.hosts import HOSTS, Host
from neuronym.bench.leaderboard import frozen
from neuronym.bench.leaderboard.frozen import FROZEN, SETTINGS, Part, check_installed, check_version, fingerprint
from neuronym.bench.version import VERSION
from neuronym.errors import UserError
from neuronym.records.benchmark import BenchUnit
from neuronym.world.gallery import Gallery
from neuronym.world.splits import SEEDS

ANALYTIC = HOSTS["analytic"]


@pytest.mark.slow
def test_the_installed_world_is_the_frozen_version() -> None:
    wanted = frozen.frozen()
    remedy = "raise VERSION in bench/version.py and run `python benchmarks/freeze.py`"
    assert wanted.version == VERSION, f"the fingerprints are those of another version: {remedy}"
    assert list(wanted.hosts) == sorted(host.name for host in FROZEN)
    for host in FROZEN:
        assert fingerprint(host) == wanted.hosts[host.name], f"{host.name} is not what version {VERSION} is: {remedy}"


def test_the_version_has_its_full_size_and_every_layer_once() -> None:
    assert (SETTINGS.explain, SETTINGS.test, SETTINGS.seed) == (3000, 1500, 0)
    assert len({host.layer for host in FROZEN}) == len(FROZEN) == 4


@pytest.mark.slow
def test_the_fingerprint_of_images_is_over_their_content() -> None:
    """The ids are hashed again from pictures that the gallery draws, and each is the hash of its bytes."""
    hasher = hashlib.blake2b(digest_size=16)
    for split, count in (("explain", 3000), ("test", 1500)):
        gallery = Gallery(SEEDS[split], marked=True)
        probes = frozen.probe_set(ANALYTIC, SETTINGS)
        drawn = {image.id: gallery.image(int(image.member)) for image in probes.images if image.split == split}
        for identity in probes.ids(split):  # type: ignore[arg-type]
            hasher.update(f"{identity}:{split}\n".encode())
        assert len(drawn) == count
        assert len({image.tobytes() for image in drawn.values()}) == count
        some = probes.images.index(next(image for image in probes.images if image.split == split))
        assert np.array_equal(np.asarray(probes.load(some)), drawn[probes.images[some].id])
    assert hasher.hexdigest() == frozen.frozen().hosts["analytic"]["images"]


def test_every_unit_counts() -> None:
    """The digest of units is that of plain JSON, and changes with a number, a kind or a truth."""
    host = HOSTS["vit"]
    units = [[unit.unit, unit.kind, unit.truth] for unit in host.units()]
    text = json.dumps([host.model, host.layer, units], separators=(",", ":"))
    assert fingerprint(host)["units"] == hashlib.sha256(text.encode()).hexdigest()[:32]
    for change in ({"unit": 12}, {"kind": "single"}, {"truth": "a whale"}):
        assert fingerprint(_changed(host, **change))["units"] != fingerprint(host)["units"]


def _changed(host: Host, **change: object) -> Host:
    def units() -> tuple[BenchUnit, ...]:
        first, *others = host.units()
        return (replace(first, **change), *others)  # type: ignore[arg-type]

    return replace(host, units=units)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("images", "other images"),
        ("units", "other units, kinds or true labels"),
        ("concepts", "another concept list"),
        ("network", "another network"),
    ],
)
def test_what_is_not_frozen_is_refused(part: Part, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part in turn is really another one: images with noise, a changed truth, a shorter list, random weights."""
    assert set(get_args(Part)) == {"images", "units", "concepts", "network"}
    host = HOSTS["vit"]
    if part == "images":
        monkeypatch.setattr(frozen, "SETTINGS", replace(SETTINGS, explain=200, test=100, seed=1))
    elif part == "units":
        host = _changed(host, truth="a whale")
    elif part == "concepts":
        listed = frozen.catalogue()
        monkeypatch.setattr(frozen, "catalogue", lambda: listed[1:])
    else:
        monkeypatch.setattr(plugins, "target", _at_random(plugins.target))
    with pytest.raises(UserError) as refused:
        check_installed([host])
    wanted = frozen.frozen().hosts["vit"][part][:8]
    assert str(refused.value) == (
        f"On the host vit the installed Neuronym has {other} than version 1 of the benchmark (fingerprint "
        f"{fingerprint(host)[part][:8]}, frozen {wanted}), so that scores could not be compared. Install Neuronym "
        "again as it was released."
    )


def _at_random(load: object) -> object:
    return lambda name, weights=None: load(name, "random")  # type: ignore[operator]


def test_another_version_is_refused() -> None:
    check_version(VERSION, "The labels are for")
    with pytest.raises(UserError) as refused:
        check_version("2", "The labels are for")
    assert str(refused.value) == (
        "The labels are for version '2' of the benchmark, and the installed Neuronym has version '1'. Install the "
        "release that has version '2', or label what `neuronym bench export` writes now."
    )
