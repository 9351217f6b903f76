"""Kills, full disks and read-only disks, for real, in programs of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and mounts")


def _run(*command: str | Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PROGRAMS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["parts", "arrays"])
def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(kind: str, tmp_path: Path) -> None:
    told = _run(sys.executable, PROGRAMS / "killed_writer.py", kind, tmp_path / "a study", "20").split()
    assert int(told[1]) > 20  # work was done between the kills


def test_a_full_disk_and_a_read_only_disk(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rm", "mount", "-t", "tmpfs", "x", tmp_path], check=False).returncode:
        pytest.skip("this system lets us mount no disk of our own")
    told = _run(unshare, "-rm", sys.executable, PROGRAMS / "full_disk.py", tmp_path)
    assert told == "all is well\n"
