"""``neuronym bench`` as users call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuronym.bench.result_files import read_benchmark
from program import neuronym

ROW = "clip-dissect?encoder=none"
SMALL = ("--quick", "--hosts", "analytic")


def test_a_run_shows_its_tables_and_writes_them(tmp_path: Path) -> None:
    told = neuronym("bench", *SMALL, "--methods", ROW, "--json", "out.json", "--report", "page", cwd=tmp_path)
    assert told.code == 0, told.err
    for text in ("true labels", ROW, "best constant: ", "shuffled truth", "silent on noise", "low-level 4"):
        assert text in told.out
    assert told.out.count("holds  ") == 4
    found = read_benchmark(tmp_path / "out.json")
    assert found.passed
    assert found.command == f"neuronym bench --quick --methods '{ROW}' --hosts analytic"
    assert f"{found.hosts[0].rows[0].measures['pearson'].value:.3f}"[1:] in told.out
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "All 4 gates hold" in page
    assert neuronym("bench", "compare", "out.json", "out.json", cwd=tmp_path).code == 0


def test_a_gate_that_fails_is_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    methods = f"bench_methods:Stumbling,{ROW}"
    told = neuronym("bench", *SMALL, "--methods", methods, "--json", "out.json", cwd=tmp_path, columns=80)
    assert told.code == 1
    assert "fails  every row runs  (2 cases)" in told.out
    assert "analytic bench_methods:Stumbling: RuntimeError: it fell (bench_methods.py, line " in told.out
    rows = {row.name: row for row in read_benchmark(tmp_path / "out.json").hosts[0].rows}
    assert rows["bench_methods:Stumbling"].failed
    assert (rows[ROW].measures["pearson"].value or 0) > 0.4  # what went well is there all the same


def test_kinds_of_units_without_truth_have_no_empty_tables(tmp_path: Path) -> None:
    told = neuronym("bench", *SMALL, "--kinds", "noise,dead", "--methods", ROW, cwd=tmp_path)
    assert told.code == 0, told.err
    assert "silent on noise" in told.out
    assert "top-1" not in told.out
    assert "not checked, as no unit has a true label" in told.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--hosts", "analytical"),
            "There is no host 'analytical'. Nearest: analytic. All of them: analytic, correlated",
        ),
        (("--hosts", ""), "--hosts names nothing. Name some, or leave it out for all of them."),
        (("--methods", ","), "--methods names nothing."),
        (("--kinds", "bogus"), "There is no kind of unit 'bogus'."),
        (("--seed", "101"), "seed is 101. Give a number from 0 to 100."),
        (("--abstain", "1.5"), "--abstain got 1.5. Give a share above 0 and below 1, such as 0.1."),
        (("--abstain", "0.01"), "--abstain 0.01 needs 99 shuffled units to compare with, and the layer 'classifier.1'"),
        (("--json", "."), "'.' is a folder. Name a file."),
        (("--json", "nowhere/at/all.json", "--methods", "nothing"), "There is no method 'nothing'."),
        (("compare", "a.json", "b.json"), "The benchmark file 'a.json' cannot be read: No such file or directory."),
        (("--quick", "compare", "a.json", "b.json"), "--quick stands before 'compare', which does not know it."),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    assert neuronym("bench", *arguments, cwd=tmp_path).error.startswith(sentence)


def test_a_page_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("mine", encoding="utf-8")
    told = neuronym("bench", *SMALL, "--report", "page", cwd=tmp_path)
    page = str(Path("page", "index.html"))
    assert told.error.startswith(f"{page!r} is no page of a benchmark, and is not touched.")
    assert (tmp_path / "page" / "index.html").read_text(encoding="utf-8") == "mine"


def test_another_seed_has_other_images_and_is_part_of_the_record(tmp_path: Path) -> None:
    found = []
    for seed in (0, 3):
        options = ("--kinds", "or", "--methods", ROW, "--seed", seed, "--json", "s.json")
        told = neuronym("bench", *SMALL, *options, cwd=tmp_path)
        assert told.code == 0, told.err
        found.append(read_benchmark(tmp_path / "s.json"))
    assert [one.settings["seed"] for one in found] == [0, 3]
    assert "--seed" not in found[0].command
    assert found[1].command.endswith(" --seed 3")
    hosts = [one.hosts[0] for one in found]
    first, second = ([unit.unit for unit in host.units] for host in hosts)
    assert first == second  # the units are the same, and only the images are others
    frequencies, others = ([unit.frequency for unit in host.units] for host in hosts)
    assert frequencies != others
    truth, other = ([row.measures["pearson"].value for row in host.rows if row.role == "truth"] for host in hosts)
    assert truth != other
