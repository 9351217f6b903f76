"""Scores labels that any tool made of a frozen version's units, beside the true labels and beside nonsense."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from neuronym.bench.hosts import Host
from neuronym.bench.leaderboard.entry import Entry, read_entry
from neuronym.bench.leaderboard.frozen import SETTINGS, check_installed, check_version
from neuronym.bench.probing import probe
from neuronym.bench.risk import with_abstention, with_curve
from neuronym.bench.running import assembled, table
from neuronym.bench.scoring import LIST, TITLES, TRUE, HostScorer
from neuronym.bench.settings import BenchSettings
from neuronym.bench.version import VERSION
from neuronym.errors import UserError
from neuronym.materials import Report
from neuronym.records import Explanation, Json
from neuronym.records.benchmark import BenchHost, Benchmark
from neuronym.study import silent

OTHERS = (TRUE, LIST, *TITLES.values())
"""What the other rows of a table are called."""


def score_labels(
    labels: str | Path | Sequence[str | Path],
    *,
    name: str | None = None,
    version: str = VERSION,
    settings: BenchSettings = SETTINGS,
    command: str = "",
    report: Report = silent,
) -> Benchmark:
    """Score labels on the test images of the hosts that they are about.

    A unit without a row counts as one with a blank description: nothing is said of it. The rows are the true labels,
    the best of the concept list, the labels, the best constant label, random labels, and the true ones dealt out anew.

    Args:
        labels: one or several CSV files; see :func:`neuronym.bench.leaderboard.entry.read_entry`.
        name: what their row is called; the first file's name without its ending by default.
        version: of the benchmark that they are for.
        settings: for a quicker look at fewer images. What is installed must be the frozen version in any case.
        command: how to score them again, for the record.
        report: told about progress.

    Raises:
        UserError: a file cannot be used; the version or what is installed is another one; before anything is run.
    """
    paths = [labels] if isinstance(labels, str | Path) else list(labels)
    title, entry = read_labels(paths, name=name, version=version)
    return score_entry(title, entry, paths, settings=settings, command=command, report=report)


def score_entry(
    title: str,
    entry: Entry,
    paths: Sequence[str | Path],
    *,
    settings: BenchSettings = SETTINGS,
    command: str = "",
    report: Report = silent,
) -> Benchmark:
    """Score labels that were read already; see :func:`score_labels`.

    Args:
        title: what their row is called, as :func:`read_labels` gives it.
        entry: the labels, as :func:`read_labels` gives them.
        paths: the files that they were read from, whose names the record keeps; they are not read again.
        settings: for a quicker look at fewer images. What is installed must be the frozen version in any case.
        command: how to score them again, for the record.
        report: told about progress.

    Raises:
        UserError: what is installed is not the frozen version; before anything is run.
    """
    began = time.perf_counter()
    check_installed(entry.labels)
    with TemporaryDirectory(prefix="neuronym-score-") as folder:
        hosts = [_table(host, said, title, settings, Path(folder), report) for host, said in entry.labels.items()]
    asked = replace(settings, hosts=tuple(host.name for host in hosts))
    names: dict[str, Json] = {"labels": [Path(path).name for path in paths]}
    return assembled(hosts, asked, names, command, time.perf_counter() - began)


def read_labels(paths: Sequence[str | Path], *, name: str | None = None, version: str = VERSION) -> tuple[str, Entry]:
    """What the labels' row is called, and the labels, after all was checked that needs no images.

    Raises:
        UserError: see :func:`score_labels`.
    """
    check_version(version, "The labels are said to be for")
    if not paths:
        raise UserError("No labels were given. Name a CSV of them.")
    title = " ".join((Path(paths[0]).stem if name is None else name).split())
    if not title or title in OTHERS:
        raise UserError(
            f"The labels cannot be called {title!r}, as another row is or none can be. Name them by --name."
        )
    return title, read_entry(paths, title)


def _table(
    host: Host,
    labels: Mapping[int, Explanation],
    name: str,
    settings: BenchSettings,
    folder: Path,
    report: Report,
) -> BenchHost:
    """All rows of one host."""
    probed = probe(host, folder, settings, report, whole=False)
    pixels = probed.pixels(report)
    scorer = HostScorer(probed.view(), probed.truth, probed.units, settings.draws, settings.seed, pixels)
    # What is blank is silence by the tool's own rule, whatever that is.
    row = with_abstention(scorer.row(name, "labels", labels), scorer, None, settings.level)
    return table(host, scorer, [with_curve(row, scorer)], settings)
