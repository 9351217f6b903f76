"""What a version of the benchmark is: its hosts and sizes, and the fingerprints that images, units and networks have.

The fingerprints are in ``frozen.json`` beside this file. ``python benchmarks/freeze.py`` in the repository measures and
writes them; it refuses to change those of a version that is there, for scores of one version can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, get_args

from neuronym import plugins
from neuronym.asking import image_places, target_entry
from neuronym.bench.hosts import HOSTS, Host
from neuronym.bench.probing import images_of
from neuronym.bench.settings import BenchSettings
from neuronym.bench.version import VERSION
from neuronym.errors import UserError
from neuronym.probes.probe_set import ProbeSet, index
from neuronym.records import digest
from neuronym.world.catalogue import catalogue

FROZEN = tuple(HOSTS[name] for name in ("analytic", "taught", "resnet", "vit"))
"""The hosts of the version, of which no two have a layer of the same name; ``correlated`` has that of ``analytic``."""

SETTINGS = BenchSettings(hosts=tuple(host.name for host in FROZEN))
"""The sizes of the version: labels are made from 3,000 images and judged on 1,500, and seed 0 says which."""

FILE = "frozen.json"

Part: TypeAlias = Literal["images", "units", "concepts", "network"]

_OTHER: Mapping[Part, str] = {
    "images": "other images",
    "units": "other units, kinds or true labels",
    "concepts": "another concept list",
    "network": "another network",
}


@dataclass(frozen=True)
class Frozen:
    """What is in the file: a version, and the fingerprints of its hosts by their names."""

    version: str
    hosts: Mapping[str, Mapping[Part, str]]


def fingerprint(host: Host) -> dict[Part, str]:
    """32 hex digits for each part of a host; no activations are among it, which machines round differently.

    ``images`` covers the content of the images of both splits; ``units`` the layer, and the number, kind and true label
    of every unit; ``concepts`` the world's list, which random labels are drawn from; ``network`` its weights
    by their names, and its preprocessing.
    """
    target = target_entry(plugins.target(host.model))
    units = [[unit.unit, unit.kind, unit.truth] for unit in host.units()]
    return {
        "images": probe_set(host, SETTINGS).fingerprint,
        "units": digest([host.model, host.layer, units], 32),
        "concepts": digest([str(concept) for concept in catalogue()], 32),
        "network": digest([target["weights_hash"], target["preprocessing"]], 32),
    }


def probe_set(host: Host, settings: BenchSettings) -> ProbeSet:
    """The images of a host, explain then test, each by their ids, as in a study of it."""
    return _indexed(images_of(host, "explain", settings), images_of(host, "test", settings))


@cache
def _indexed(explain: str, test: str) -> ProbeSet:
    return index(image_places(explain), test_paths=image_places(test))


def frozen() -> Frozen:
    """What the installed version should be."""
    return Frozen(**json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8")))


def check_installed(hosts: Iterable[Host] = FROZEN) -> None:
    """Raise unless hosts are those of the frozen version, whose images are looked at in its full size.

    Raises:
        UserError: one is not.
    """
    wanted = frozen().hosts
    for host in hosts:
        found = fingerprint(host)
        for part in get_args(Part):
            ours, theirs = found[part], wanted[host.name][part]
            if ours != theirs:
                raise UserError(
                    f"On the host {host.name} the installed Neuronym has {_OTHER[part]} than version {VERSION} of the "
                    f"benchmark (fingerprint {ours[:8]}, frozen {theirs[:8]}), so that scores could not be compared. "
                    "Install Neuronym again as it was released."
                )


def check_version(asked: str, where: str) -> None:
    """Raise unless a version is the installed one.

    Args:
        asked: the version.
        where: what asks for it, to begin a sentence with.

    Raises:
        UserError: it is another one.
    """
    if asked != VERSION:
        raise UserError(
            f"{where} version {asked!r} of the benchmark, and the installed Neuronym has version {VERSION!r}. Install "
            f"the release that has version {asked!r}, or label what `neuronym bench export` writes now."
        )
