"""What is told of the machine, and what is not."""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path

import numba
import numpy
import pytest
import torch
import transformers

from neuronym.bench import environment as module
from neuronym.bench.environment import environment

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_versions_processor_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    found = environment()
    assert found["torch"] == torch.__version__
    assert found["numpy"] == numpy.__version__
    assert found["numba"] == numba.__version__
    assert found["transformers"] == transformers.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["threads"] == torch.get_num_threads()
    assert found["cores"] == os.cpu_count()
    assert found["OMP_WAIT_POLICY"] == "PASSIVE"
    assert found["processor"]
    assert list(json.loads(json.dumps(found, allow_nan=False))) == list(found)
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert environment()["OMP_WAIT_POLICY"] == ""


def test_neither_names_of_people_and_hosts_nor_paths() -> None:
    text = json.dumps({name: value for name, value in environment().items() if name != "processor"})
    for private in (platform.node(), getpass.getuser(), str(Path.home()), sys.prefix):
        assert f'"{private}"' not in text
    assert "/" not in text


def test_the_processor_where_the_system_says_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Some CPU: 3 GHz\nmodel name\t: Some CPU: 3 GHz\n", encoding="utf-8")
    assert module._processor(info) == "Some CPU: 3 GHz"
    info.write_text("processor\t: 0\nCPU part\t: 0xd0c\n", encoding="utf-8")
    monkeypatch.setattr(platform, "processor", lambda: "")
    for place in (info, tmp_path / "none"):
        assert module._processor(place) == platform.machine()
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert module._processor(info) == "arm"


def test_the_scripts_store_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("benchmark_common", BENCHMARKS / "common.py")
    assert spec is not None
    assert spec.loader is not None
    common = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(common)
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    common.store("trial", {"seconds": 1.5})
    written = json.loads((tmp_path / "results" / "trial.json").read_text(encoding="utf-8"))
    assert written["seconds"] == 1.5
    assert {**written["environment"], "load": 0} == {**environment(), "load": 0}
