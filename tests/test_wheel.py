"""What is installed from a wheel holds everything that an editable installation finds in the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "neuronym"
WHOLE = 15_000_000
"""Bytes that the bundled checkpoints may take together."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=300
    )
    (made,) = folder.glob("neuronym-*.whl")
    return made


@pytest.mark.slow
def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not name.startswith("neuronym-")}
    there = {
        f"neuronym/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == there
    assert "neuronym/present/site/index.html" in inside
    assert "neuronym/world/checkpoint_files/clip/model.safetensors" in inside


@pytest.mark.slow
def test_a_bundled_network_is_loaded_from_the_wheel_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import neuronym\n"
        "from neuronym import plugins\n"
        "print(plugins.target('bundled:resnet').class_names[0], neuronym.__file__)"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    name, place = done.stdout.split(maxsplit=1)
    assert name == "circle"
    assert Path(place.strip()).is_relative_to(tmp_path)


@pytest.mark.slow
def test_the_checkpoints_are_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = [info.file_size for info in archive.infolist() if "/checkpoint_files/" in info.filename]
    assert 1_000_000 < sum(sizes) <= WHOLE
