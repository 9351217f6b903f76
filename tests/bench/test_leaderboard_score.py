"""Labels from files are scored like a method's: the true ones are worth 1, a foreign tool's more than random ones."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import someones_tool
from killed_export import SMALL
from neuronym.bench.hosts import HOSTS, Host
from neuronym.bench.leaderboard import frozen
from neuronym.bench.leaderboard import score as scoring
from neuronym.bench.leaderboard.export import gather, write
from neuronym.bench.leaderboard.frozen import FROZEN
from neuronym.bench.leaderboard.score import OTHERS, score_labels
from neuronym.bench.result_files import read_benchmark, write_benchmark
from neuronym.errors import UserError
from neuronym.records.benchmark import BenchHost, Benchmark, BenchRow, Said
from neuronym.world.concepts import presence
from neuronym.world.gallery import Gallery
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.planted_maps import maps_of
from neuronym.world.scenes import draw_scenes
from neuronym.world.splits import SEEDS

pytestmark = pytest.mark.slow
HEADER = ("host", "unit", "description")


def write_rows(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def truth_rows(*hosts: Host) -> list[tuple[object, ...]]:
    return [(host.name, unit.unit, unit.truth or "") for host in hosts for unit in host.units()]


def row_of(host: BenchHost, role: str) -> BenchRow:
    (found,) = (row for row in host.rows if row.role == role)
    return found


def value(row: BenchRow, column: str) -> float:
    found = row.measures[column].value
    assert found is not None
    return found


@pytest.fixture(scope="module")
def of_truth(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    path = write_rows(tmp_path_factory.mktemp("truth") / "perfect.csv", HEADER, truth_rows(*FROZEN))
    return score_labels(path, settings=SMALL)


@pytest.fixture(scope="module")
def of_tool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Benchmark, Path]:
    """What a tool says that knows the exported files and nothing else."""
    folder = tmp_path_factory.mktemp("tool")
    write(folder / "export", list(gather(SMALL)), SMALL, images=True)
    labels = folder / "colours.csv"
    subprocess.run([sys.executable, someones_tool.__file__, str(folder / "export"), str(labels)], check=True)
    return score_labels(labels, name="colours and places", settings=SMALL, command="a command"), labels


def test_the_true_labels_are_worth_one(of_truth: Benchmark) -> None:
    assert [host.name for host in of_truth.hosts] == [host.name for host in FROZEN]
    for host in of_truth.hosts:
        row = row_of(host, "labels")
        assert row.name == "perfect"
        for column in ("normalised", "top1", "top5", "equivalent", "resolved"):
            assert value(row, column) == pytest.approx(1.0, abs=1e-12)
        assert row.measures["pearson"] == row_of(host, "truth").measures["pearson"]
        assert value(row, "lost") == 0
        assert not row.curve  # a table without scores has none
    assert value(row_of(of_truth.hosts[0], "labels"), "silent") == 1
    assert of_truth.passed
    assert of_truth.gates


def test_the_rows_are_those_of_the_benchmark(of_truth: Benchmark) -> None:
    for host in of_truth.hosts:
        assert [row.role for row in host.rows] == ["truth", "list", "labels", "constant", "random", "shuffled"]
        assert tuple(row.name for row in host.rows if row.role != "labels") == OTHERS


def test_a_foreign_tool_is_better_than_chance_and_worse_than_the_truth(of_tool: tuple[Benchmark, Path]) -> None:
    found, _ = of_tool
    assert [host.name for host in found.hosts][:2] == ["analytic", "taught"]
    for host in found.hosts[:2]:
        row = row_of(host, "labels")
        assert row.name == "colours and places"
        low = row.measures["normalised"].low
        assert low is not None
        assert value(row_of(host, "random"), "normalised") == 0
        assert 0.02 < low < value(row, "normalised") < 0.6
        assert value(row, "pearson") > value(row_of(host, "constant"), "pearson")
        assert value(row, "top5") >= value(row, "top1") > 0
        assert value(row, "resolved") == 1
        assert row.curve
        assert row.operating is not None
    analytic = row_of(found.hosts[0], "labels")
    assert value(analytic, "silent") > 0.5  # it says nothing where nothing goes with the unit
    assert (found.command, found.settings["labels"]) == ("a command", ["colours.csv"])


def test_its_figures_come_out_again_by_other_means(of_tool: tuple[Benchmark, Path]) -> None:
    """The correlations, from the units' maps of the test images and from the truth of the texts in their scenes."""
    found, labels = of_tool
    with labels.open(encoding="utf-8", newline="") as file:
        texts = {int(row["unit"]): row["description"] for row in csv.DictReader(file) if row["layer"] == "units"}
    host = HOSTS["analytic"]
    activations = _on_test_images(host)
    scenes = draw_scenes(SEEDS["test"], range(SMALL.test))
    of_units: dict[int, float] = {}
    for unit in host.units():
        concept = parse(texts[unit.unit])
        if unit.truth is not None:
            known = texts[unit.unit] and not isinstance(concept, Unparsed)
            shown = presence(concept, scenes) if known else np.zeros(SMALL.test)  # type: ignore[arg-type]
            varies = 0 < shown.sum() < len(shown)
            of_units[unit.unit] = np.corrcoef(activations[:, unit.unit], shown)[0, 1] if varies else 0.0
    row = row_of(found.hosts[0], "labels")
    assert value(row, "pearson") == pytest.approx(np.mean(list(of_units.values())), abs=1e-5)
    lost = [texts[unit] == "" for unit in of_units]
    assert value(row, "lost") == pytest.approx(np.mean(lost))
    hopeless = [texts[unit.unit] == "" for unit in host.units() if unit.hopeless]
    assert value(row, "silent") == pytest.approx(np.mean(hopeless))


def _on_test_images(host: Host) -> np.ndarray:
    """Means over the maps of the planted units on the test images, by scene, float [images, units]."""
    gallery = Gallery(SEEDS["test"], marked=True)
    pictures = np.stack([gallery.image(number) for number in range(SMALL.test)])
    return np.asarray(maps_of(pictures, 1.0).mean((2, 3)))


def test_a_result_is_written_and_read_back(of_tool: tuple[Benchmark, Path], tmp_path: Path) -> None:
    found, _ = of_tool
    write_benchmark(found, tmp_path / "result.json")
    again = read_benchmark(tmp_path / "result.json")
    assert [row.name for row in again.hosts[0].rows] == [row.name for row in found.hosts[0].rows]


def test_missing_rows_are_blank_ones_and_only_named_hosts_are_probed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of two units of one host, and the same with all other units blank."""
    probed: list[str] = []
    probe = scoring.probe

    def counted(host: Host, *arguments: object, **options: object) -> object:
        probed.append(host.name)
        return probe(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "probe", counted)
    said: list[tuple[Said, ...]] = []
    few: list[tuple[object, ...]] = [("vit", 0, "circle"), ("vit", 5, "gibberish of sorts")]
    for others in ([], [("vit", unit, "") for unit in range(12) if unit not in (0, 5)]):
        path = write_rows(tmp_path / "few.csv", HEADER, [*few, *others])
        found = score_labels(path, settings=SMALL)
        (host,) = found.hosts
        row = row_of(host, "labels")
        said.append(row.said)
        assert value(row, "top1") == pytest.approx(1 / 12)
        assert value(row, "resolved") == pytest.approx(1 / 2)
        assert value(row, "lost") == pytest.approx(10 / 12)
    assert probed == ["vit", "vit"]
    assert said[0] == said[1]
    assert [one.unit for one in said[0] if one.text is not None] == [0, 5]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"version": "9"},
            "The labels are said to be for version '9' of the benchmark, and the installed Neuronym has version '1'. "
            "Install the release that has version '9', or label what `neuronym bench export` writes now.",
        ),
        (
            {"name": "best of  the list"},
            "The labels cannot be called 'best of the list', as another row is or none can be. Name them by --name.",
        ),
        ({"name": " "}, "The labels cannot be called '', as another row is or none can be. Name them by --name."),
    ],
)
def test_what_cannot_be_scored(options: dict[str, str], sentence: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "few.csv", HEADER, [("vit", 0, "circle")])
    with pytest.raises(UserError) as refused:
        score_labels(path, **options)  # type: ignore[arg-type]
    assert str(refused.value) == sentence


def test_another_world_is_refused_before_anything_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where fewer images are taken than the version has: those of the version are looked at."""
    listed = frozen.catalogue()
    monkeypatch.setattr(frozen, "catalogue", lambda: listed[::-1])
    monkeypatch.setattr(scoring, "probe", None)
    path = write_rows(tmp_path / "few.csv", HEADER, [("vit", 0, "circle")])
    with pytest.raises(
        UserError, match=r"^On the host vit the installed Neuronym has another concept list than version 1"
    ):
        score_labels(path, settings=SMALL)


def test_no_tables_at_all() -> None:
    with pytest.raises(UserError, match=r"No labels were given\. Name a CSV of them\."):
        score_labels([])
