"""One run of the benchmark: every host probed once, every row on every host, and what must hold."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from neuronym.bench.entrants import Entrant, entrants
from neuronym.bench.environment import environment
from neuronym.bench.gates import gates
from neuronym.bench.hosts import ALL_KINDS, HOSTS, Host
from neuronym.bench.labels import true_labels
from neuronym.bench.patches import patch_fit
from neuronym.bench.probing import Probed, probe
from neuronym.bench.risk import with_abstention, with_curve
from neuronym.bench.scoring import LIST, TRUE, HostScorer, measure
from neuronym.bench.settings import BenchSettings, chosen
from neuronym.bench.sharing import Embeddings
from neuronym.bench.stability import same_share
from neuronym.bench.trials import Trial, Trials
from neuronym.bench.version import VERSION
from neuronym.errors import UserError
from neuronym.explain.abstention import check_level
from neuronym.explain.explainer import Explainer, Occluding
from neuronym.materials import Report
from neuronym.records import Json
from neuronym.records.benchmark import BenchHost, Benchmark, BenchRow, Measure, PatchFit
from neuronym.study import silent


def run_benchmark(settings: BenchSettings | None = None, *, command: str = "", report: Report = silent) -> Benchmark:
    """Run methods on units whose truth is known, and judge what they say.

    Args:
        settings: which methods, hosts and kinds of units, and how much is measured.
        command: how to run it again, for the record.
        report: told about progress.

    Raises:
        UserError: there is no such host, kind, method or encoder; before anything is run.
    """
    settings = settings or BenchSettings()
    began = time.perf_counter()
    hosts = chosen_hosts(settings)
    check_level(settings.level, {host.layer: len(host.units()) for host in hosts})
    rows = entrants(settings.methods, settings.instead)
    with TemporaryDirectory(prefix="neuronym-bench-") as folder:
        trials = Trials(rows, Embeddings(Path(folder) / "cache"), settings)
        found = []
        for host in hosts:
            probed = probe(host, Path(folder), settings, report)
            found.append(_table(probed, rows, trials, settings, report))
    return assembled(found, settings, {}, command, time.perf_counter() - began, all_methods=not settings.methods)


def assembled(
    hosts: Sequence[BenchHost],
    settings: BenchSettings,
    also: Mapping[str, Json],
    command: str,
    seconds: float,
    *,
    all_methods: bool = False,
) -> Benchmark:
    """The result of a run.

    Args:
        hosts: the tables.
        settings: what was asked for.
        also: what else was.
        command: how to run it again.
        seconds: how long it took.
        all_methods: whether every installed method took part.
    """
    asked = {key: list(value) if isinstance(value, tuple | list) else value for key, value in asdict(settings).items()}
    return Benchmark(
        VERSION,
        datetime.now(UTC).isoformat(timespec="seconds"),
        command,
        {**asked, **also},
        environment(),
        seconds,
        tuple(hosts),
        gates(hosts, all_methods=all_methods),
    )


def chosen_hosts(settings: BenchSettings) -> list[Host]:
    """The hosts that were asked for and have units of the kinds that were asked for.

    Raises:
        UserError: there is no such host or kind, or no host has units of these kinds.
    """
    kinds = chosen("kind of unit", settings.kinds, ALL_KINDS)
    hosts = [HOSTS[name] for name in chosen("host", settings.hosts, tuple(HOSTS))]
    found = [host for host in hosts if any(unit.kind in kinds for unit in host.units())]
    if not found:
        raise UserError(
            f"The hosts {', '.join(host.name for host in hosts)} have no units of the kinds "
            f"{', '.join(settings.kinds)}. Leave out --hosts, or choose other kinds."
        )
    return found


def _table(
    probed: Probed, rows: Sequence[Entrant], trials: Trials, settings: BenchSettings, report: Report
) -> BenchHost:
    """All rows of one host."""
    pixels = probed.pixels(report)
    scorer = HostScorer(probed.view(), probed.truth, probed.units, settings.draws, settings.seed, pixels)
    copy = None
    if "random" in probed.studies:
        copy = HostScorer(probed.view("random"), probed.truth, probed.units, settings.draws, settings.seed)
    methods = []
    for done, entrant in enumerate(rows):
        report(f"rows on {probed.host.name}", done, len(rows))
        methods.append(_method(entrant, probed, scorer, copy, trials, settings))
    report(f"rows on {probed.host.name}", len(rows), len(rows))
    return table(probed.host, scorer, methods, settings, copy)


def table(
    host: Host, scorer: HostScorer, rows: Sequence[BenchRow], settings: BenchSettings, copy: HostScorer | None = None
) -> BenchHost:
    """The table of a host: rows between the ceiling and what needs no method.

    Args:
        host: which.
        scorer: of it.
        rows: what is judged.
        settings: how many images there are.
        copy: the scorer of the copy with random weights.
    """
    found = [*_references(scorer, copy), *rows, *(scorer.baselines() if scorer.named else ())]
    images = (settings.explain, settings.test)
    return BenchHost(host.name, host.title, host.model, host.layer, images, scorer.units, tuple(found))


def _references(scorer: HostScorer, copy: HostScorer | None) -> Iterator[BenchRow]:
    """The ceiling, and how near to it the concept list comes."""
    labels = true_labels(scorer.layer, scorer.units)
    truth = scorer.row(TRUE, "truth", labels)
    if copy is not None:
        truth = replace(truth, measures={**truth.measures, "random_weights": copy.correlations(labels)})
    yield truth
    yield with_curve(scorer.row(LIST, "list", scorer.best_of_list()), scorer)


def _method(
    entrant: Entrant,
    probed: Probed,
    scorer: HostScorer,
    copy: HostScorer | None,
    trials: Trials,
    settings: BenchSettings,
) -> BenchRow:
    try:
        trial = trials.run(entrant, probed)
        patches = _patches(trials.method(entrant), probed, scorer)
    except Exception as error:  # a mistake in one method costs no other its row
        return BenchRow(entrant.name, "method", failed=_why(error))
    row = scorer.row(entrant.name, "method", trial.labels)
    row = with_curve(with_abstention(row, scorer, trial.chances, settings.level), scorer)
    measures = {**row.measures, **_changed(trial, scorer, copy, settings)}
    return replace(row, cost=trial.cost, measures=measures, patches=patches)


def _patches(method: Explainer, probed: Probed, scorer: HostScorer) -> PatchFit | None:
    """Where a method looks that covers parts of images; None of others, and where there is nothing to compare with."""
    if scorer.pixels is None or not isinstance(method, Occluding):
        return None
    view, scenes = probed.view(), probed.scenes("explain")
    return patch_fit(method, view, scenes, probed.units, scorer.pixels, scorer.draws, scorer.seed)


def _why(error: Exception) -> str:
    """What is said of a row that failed: of a mistake in a method also where it is."""
    if isinstance(error, UserError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"


def _changed(trial: Trial, scorer: HostScorer, copy: HostScorer | None, settings: BenchSettings) -> dict[str, Measure]:
    """How often labels stay the same on other images, and how true those of a copy with random weights are."""
    found = {
        column: measure(same_share(trial.labels, others, scorer.named), settings.draws, settings.seed)
        for column, others in (("stable_images", trial.redrawn), ("stable_noise", [trial.noisy]))
    }
    if copy is not None and trial.random is not None:
        found["random_weights"] = copy.correlations(trial.random)
    return found
