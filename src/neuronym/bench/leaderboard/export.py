"""Exports what a frozen version of the benchmark shows: activations, images' ids and units, for any tool to describe.

    benchmark.json            version, sizes, fingerprints, SHA-256 of the files; written last
    README.md                 what to do with it, and how descriptions are judged
    images.csv                position,id,scene
    concepts.txt              the world's concept list
    images/000000.png         with ``images``
    HOST/activations.npz      mean and max, float32 [images, units]
    HOST/units.csv            version,host,layer,unit,description, the last to be filled in

Never the test images, what units do on them, kinds of units or true labels.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from neuronym.bench.hosts import Host
from neuronym.bench.leaderboard.frozen import FROZEN, SETTINGS, check_installed, frozen, probe_set
from neuronym.bench.leaderboard.guide import guide
from neuronym.bench.leaderboard.place import (
    ACTIVATIONS,
    CONCEPTS,
    FORMAT,
    GUIDE,
    IMAGES,
    PICTURES,
    UNITS,
    begin,
    check_place,
    end,
    put,
)
from neuronym.bench.probing import images_of, probe
from neuronym.bench.settings import BenchSettings
from neuronym.bench.version import VERSION
from neuronym.errors import NeuronymError
from neuronym.materials import Report
from neuronym.store.atomic import locked
from neuronym.store.layer_tables import Floats
from neuronym.study import silent
from neuronym.world.catalogue import catalogue

COLUMNS = ("version", "host", "layer", "unit", "description")
"""Those of ``units.csv``."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: where.
        hosts: names and numbers of units.
        images: how many images the units are shown on.
        bytes: of all files.
    """

    folder: Path
    hosts: tuple[tuple[str, int], ...]
    images: int
    bytes: int


@dataclass(frozen=True, eq=False)
class Shown:
    """What one host's units do on the explain images: float32 [images, units] each."""

    host: Host
    mean: Floats
    max: Floats


def export(
    folder: str | Path,
    *,
    images: bool = False,
    overwrite: bool = False,
    settings: BenchSettings = SETTINGS,
    report: Report = silent,
) -> Exported:
    """Write what the frozen version shows of its hosts into a folder.

    An export that is interrupted has no ``benchmark.json``, and is made anew with ``overwrite``. Equal versions give
    equal bytes, but for activations, which machines round differently.

    Args:
        folder: where to; parents are created. Files in it that are no part of an export are left alone.
        images: also write the explain images as PNG files.
        overwrite: replace an export that is there, unless someone has filled in descriptions.
        settings: for a smaller export; its ``benchmark.json`` then says that it is not the frozen version.
        report: told about progress.

    Raises:
        UserError: the installed images, units or networks are not those of the frozen version.
        StudyError: the folder is in the way or cannot be written.
    """
    place = Path(folder).expanduser()
    check_place(place, overwrite=overwrite)
    check_installed()
    with locked(place):
        check_place(place, overwrite=overwrite)  # another export may have ended meanwhile
        return write(place, list(gather(settings, report)), settings, images=images, report=report)


def gather(settings: BenchSettings = SETTINGS, report: Report = silent) -> Iterator[Shown]:
    """What the units of every host do on the explain images."""
    for host in FROZEN:
        with TemporaryDirectory(prefix="neuronym-export-") as folder:
            view = probe(host, Path(folder), settings, report, whole=False).view()
            ids = tuple(image.id for image in view.images("explain"))
            if ids != probe_set(host, settings).ids("explain"):
                raise NeuronymError(f"the images of the host {host.name} are in another order than those exported")
            yield Shown(host, np.array(view.summaries("mean", "explain")), np.array(view.summaries("max", "explain")))


def write(
    place: Path, shown: Sequence[Shown], settings: BenchSettings, *, images: bool = False, report: Report = silent
) -> Exported:
    """Write the files of an export, the one that says that it is complete at last."""
    begin(place)
    files: dict[str, str] = {}
    written = 0
    for name, content in _files(shown, settings, images=images):
        put(place / name, content)
        files[name] = hashlib.sha256(content).hexdigest()
        written += len(content)
    if images:
        written += _write_pictures(place / PICTURES, settings, report)
    end(place, _marker(files, settings, images=images))
    hosts = tuple((one.host.name, one.mean.shape[1]) for one in shown)
    return Exported(place, hosts, settings.explain, written)


def _files(shown: Sequence[Shown], settings: BenchSettings, *, images: bool) -> Iterator[tuple[str, bytes]]:
    """All files but the pictures and the last, each with its name in the folder."""
    records = probe_set(FROZEN[0], settings).images[: settings.explain]
    yield IMAGES, _csv(("position", "id", "scene"), ((at, one.id, one.member) for at, one in enumerate(records)))
    concepts = list(map(str, catalogue()))
    yield CONCEPTS, "".join(f"{concept}\n" for concept in concepts).encode()
    for one in shown:
        host, units = one.host, one.mean.shape[1]
        arrays = io.BytesIO()
        np.savez(arrays, mean=one.mean, max=one.max)
        yield f"{host.name}/{ACTIVATIONS}", arrays.getvalue()
        rows = ((VERSION, host.name, host.layer, unit, "") for unit in range(units))
        yield f"{host.name}/{UNITS}", _csv(COLUMNS, rows)
    hosts = [(one.host.name, one.host.title, one.mean.shape[1]) for one in shown]
    sizes = (settings.explain, settings.test)
    source = images_of(FROZEN[0], "explain", settings)
    yield GUIDE, guide(VERSION, hosts, sizes, len(concepts), source, images).encode()


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _write_pictures(folder: Path, settings: BenchSettings, report: Report) -> int:
    """The explain images as they are shown to the networks; how many bytes they have."""
    images, written = probe_set(FROZEN[0], settings), 0
    for position in range(settings.explain):
        file = io.BytesIO()
        images.load(position).save(file, "PNG")
        put(folder / f"{position:06}.png", file.getvalue(), sync=False)
        written += file.tell()
        report("writing images", position + 1, settings.explain)
    return written


def _marker(files: dict[str, str], settings: BenchSettings, *, images: bool) -> bytes:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "frozen": (settings.explain, settings.test, settings.seed) == (SETTINGS.explain, SETTINGS.test, SETTINGS.seed),
        "explain_images": settings.explain,
        "test_images": settings.test,
        "pictures": images,
        "hosts": {host.name: {"model": host.model, "layer": host.layer, "units": len(host.units())} for host in FROZEN},
        "fingerprints": frozen().hosts,
        "sha256": files,
    }
    return f"{json.dumps(content, indent=1)}\n".encode()
