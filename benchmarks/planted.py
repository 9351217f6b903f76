"""The benchmark of methods on planted units, on three seeds: figures for the README.

    python benchmarks/planted.py

Each seed is what ``neuronym bench --seed N`` does. Whole results go to ``benchmarks/results/planted-seedN.json`` (for
``neuronym bench compare``), and a table of all seeds to ``benchmarks/results/planted.json``. CLIP-Dissect's five
similarity functions, and two other settings of its default one, are compared on the first seed for docs/benchmark.md,
in ``benchmarks/results/planted-functions.json``.
"""

from __future__ import annotations

import sys
import time

import common
from neuronym.bench.result_files import write_benchmark
from neuronym.bench.running import run_benchmark
from neuronym.bench.settings import BenchSettings
from neuronym.records.benchmark import Benchmark, Measure

SEEDS = (0, 1, 2)
FUNCTIONS = tuple(
    f"clip-dissect?encoder=oracle:world{more}"
    for more in (
        *("", "&similarity=wpmi", "&similarity=rank_reorder", "&similarity=cosine", "&similarity=cosine_cubed"),
        *("&temperature=2", "&lam=0"),
    )
)
SHOWN = ("normalised", "pearson", "stable_images", "stable_noise", "silent", "lost", "random_weights")


def main() -> None:
    found: list[Benchmark] = []
    for seed in SEEDS:
        began = time.perf_counter()
        command = "neuronym bench" + (f" --seed {seed}" if seed else "")
        result = run_benchmark(BenchSettings(seed=seed), command=command)
        write_benchmark(result, common.RESULTS / f"planted-seed{seed}.json")
        found.append(result)
        failed = [f"{gate.name} ({gate.host} {gate.row})" for gate in result.gates if gate.passed is False]
        print(
            f"seed {seed}: {time.perf_counter() - began:.0f} s, {len(result.gates)} gates, failed: {failed or 'none'}"
        )
    functions = BenchSettings(methods=FUNCTIONS, hosts=("analytic", "taught", "resnet"))
    command = f"neuronym bench --hosts {','.join(functions.hosts)} --methods '{','.join(FUNCTIONS)}'"
    write_benchmark(run_benchmark(functions, command=command), common.RESULTS / "planted-functions.json")
    table = _table(found)
    common.store("planted", {"command": "python benchmarks/planted.py", "seeds": SEEDS, "hosts": table})
    for host, rows in table.items():
        for name, measures in rows.items():
            print(f"{host:11} {name:38}", "  ".join(f"{column} {_cell(one)}" for column, one in measures.items()))
    sys.exit(any(not result.passed for result in found))


def _table(found: list[Benchmark]) -> dict[str, dict[str, dict[str, list[list[float | None]]]]]:
    """For each host and row the value and the interval of each column, seed by seed; rows by their score."""
    table: dict[str, dict[str, dict[str, list[list[float | None]]]]] = {}
    for result in found:
        for host in result.hosts:
            for row in host.rows:
                columns = table.setdefault(host.name, {}).setdefault(row.name, {})
                for column in SHOWN:
                    if column in row.measures:
                        columns.setdefault(column, []).append(_numbers(row.measures[column]))
                if row.cost is not None:
                    columns.setdefault("ms_per_unit", []).append([round(1000 * row.cost.seconds_per_unit, 3)])
                    columns.setdefault("calls_per_unit", []).append([round(row.cost.calls_per_unit, 2)])
    return table


def _numbers(one: Measure) -> list[float | None]:
    return [None if value is None else round(value, 4) for value in (one.value, one.low, one.high)]


def _cell(seeds: list[list[float | None]]) -> str:
    return "/".join("-" if one[0] is None else f"{one[0]:.3f}" for one in seeds)


if __name__ == "__main__":
    main()
