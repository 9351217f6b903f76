"""Why the figures of two results of the benchmark may not be comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from neuronym.records import Json
from neuronym.records.benchmark import BenchHost, Benchmark

_CHOICES = ("methods", "instead", "hosts", "device")
"""Settings that do not change what a figure is of."""

_VARYING = ("neuronym", "load")
"""What differs between any two runs, or is what they are compared for."""


def differing_subjects(old: Benchmark, new: Benchmark) -> Iterator[str]:
    """A sentence for each thing that makes figures be of something else: version, settings, images, units."""
    if old.version != new.version:
        yield f"The frozen units and images are version {new.version}, and were version {old.version}."
    for name, before, after in _differences(old.settings, new.settings, _CHOICES):
        yield f"The setting {name} is {after}, and was {before}."
    hosts = {host.name: host for host in old.hosts}
    for host in new.hosts:
        if host.name in hosts:
            yield from _differing_host(hosts[host.name], host)


def differing_machines(old: Benchmark, new: Benchmark) -> Iterator[str]:
    """A sentence for each thing that makes seconds be of something else: processor, threads, packages, device."""
    for name, before, after in _differences(old.environment, new.environment, _VARYING):
        yield f"{name} is {after}, and was {before}."
    before, after = (_in_words(result.settings.get("device")) for result in (old, new))
    if before != after:
        yield f"device is {after}, and was {before}."


def _differing_host(old: BenchHost, new: BenchHost) -> Iterator[str]:
    for what, before, after in (
        ("model", old.model, new.model),
        ("layer", old.layer, new.layer),
        ("number of explain images", old.images[0], new.images[0]),
        ("number of test images", old.images[1], new.images[1]),
    ):
        if before != after:
            yield f"The {what} of {new.name} is {after}, and was {before}."
    known, units = {unit.unit: unit for unit in old.units}, {unit.unit: unit for unit in new.units}
    other = sum((known[at].kind, known[at].truth) != (units[at].kind, units[at].truth) for at in known if at in units)
    gone, come = len(known.keys() - units.keys()), len(units.keys() - known.keys())
    if other or gone or come:
        yield f"Of the units of {new.name} {gone} are gone, {come} are new and {other} have another kind or truth."


def _differences(
    old: Mapping[str, Json], new: Mapping[str, Json], without: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """The names of what differs, with the old and the new value in words."""
    for name in dict.fromkeys((*new, *old)):
        before, after = (_in_words(side.get(name)) for side in (old, new))
        if name not in without and before != after:
            yield name, before, after


def _in_words(value: Json) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value)) or "not given"
    return "not given" if value in (None, "") else str(value)
