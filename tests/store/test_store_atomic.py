from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from neuronym.errors import StudyError
from neuronym.store import atomic
from neuronym.store.tables import read_table

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork, file limits or mounts")


def test_replacing_creates_parents_and_leaves_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "b" / "file.bin"
    with atomic.replacing(path) as file:
        file.write(b"one")
        assert not path.exists()
    with atomic.replacing(path, sync=False) as file:
        file.write(b"two")
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_replacing_keeps_the_old_file_when_the_block_fails(tmp_path: Path, interruption: type[BaseException]) -> None:
    path = tmp_path / "file"
    atomic.write_bytes(path, b"old")

    def interrupted() -> None:
        with atomic.replacing(path) as file:
            file.write(b"new")
            raise interruption

    with pytest.raises(interruption):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_files_get_the_usual_permissions(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_json_is_sorted_indented_and_readable(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "x.json", {"b": "größer", "a": [1, 2.5, None]})
    expected = '{\n "a": [\n  1,\n  2.5,\n  null\n ],\n "b": "größer"\n}\n'
    assert (tmp_path / "x.json").read_text("utf-8") == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_refuses_numbers_it_has_no_text_for(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "x.json", [number])
    assert not list(tmp_path.iterdir())


def test_table(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None], "b": ["x", "ü"]})
    atomic.write_table(tmp_path / "x.parquet", table)
    assert read_table(tmp_path / "x.parquet").equals(table)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.ENOSPC,
            "There is no space left to write the maps at 'a b'. "
            "What was written so far is kept: free some space and go on with --resume.",
        ),
        (
            errno.EDQUOT,
            "There is no space left to write the maps at 'a b'. "
            "What was written so far is kept: free some space and go on with --resume.",
        ),
        (
            errno.EROFS,
            "There is no permission to write the maps at 'a b': Read-only file system. "
            "Choose another folder with --out, or copy the study to where you may write.",
        ),
        (
            errno.EACCES,
            "There is no permission to write the maps at 'a b': Permission denied. "
            "Choose another folder with --out, or copy the study to where you may write.",
        ),
        (
            errno.EIO,
            "It was not possible to write the maps at 'a b': Input/output error. Check the path and the disk.",
        ),
    ],
)
def test_guarded_sentences(number: int, message: str) -> None:
    with pytest.raises(StudyError) as caught, atomic.guarded(Path("a b"), "write the maps"):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == message


def test_guarded_leaves_other_errors_alone() -> None:
    with pytest.raises(StudyError, match=r"^mine$"), atomic.guarded(Path("x"), "write"):
        raise StudyError("mine")
    with pytest.raises(ZeroDivisionError), atomic.guarded(Path("x"), "write"):
        raise ZeroDivisionError


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "study").touch()
    with pytest.raises(StudyError, match=r"^It was not possible to write the file at .*study.x.*Check the path"):
        atomic.write_bytes(tmp_path / "study" / "x", b"")
    with (
        pytest.raises(StudyError, match=r"^It was not possible to lock the study at"),
        atomic.locked(tmp_path / "study"),
    ):
        pass


@posix
def test_a_file_that_grows_too_large_leaves_nothing_behind(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from neuronym.errors import StudyError
from neuronym.store.atomic import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1]) / "x"
write_bytes(path, b"old")
for size in (1001, 100_000):
    try:
        write_bytes(path, bytes(size))
    except StudyError as error:
        print(error)
print([found.name for found in path.parent.iterdir()], path.read_bytes())
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    place = str(tmp_path / "x")
    line = f"It was not possible to write the file at {place!r}: File too large. Check the path and the disk.\n"
    assert done.stdout == f"{line}{line}['x'] b'old'\n"
    assert done.stderr == ""


_HOLDER = """
import sys, time
from pathlib import Path
from neuronym.store.atomic import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def _refused(folder: Path) -> str:
    try:
        with atomic.locked(folder):
            return ""
    except StudyError as error:
        return str(error)


@posix
def test_the_lock_of_another_process_is_respected_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "my study"
    with subprocess.Popen([sys.executable, "-c", _HOLDER, folder], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        message = f"Another process is writing the study {str(folder)!r}. Wait until it has ended."
        assert _refused(folder) == message
        holder.send_signal(signal.SIGKILL)
    assert _refused(folder) == ""


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    def fails() -> None:
        with atomic.locked(tmp_path / "study"):
            assert _refused(tmp_path / "study").startswith("Another process")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert _refused(tmp_path / "study") == ""


@posix
def test_a_file_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert _refused(tmp_path) == ""


def test_locking_clears_what_killed_writers_left(tmp_path: Path) -> None:
    writer = atomic.replacing(tmp_path / "a" / "b" / "x")
    writer.__enter__()  # never ended, as after a kill
    (tmp_path / "a" / ".partial of someone else").touch()
    partial = next((tmp_path / "a" / "b").iterdir())
    with atomic.locked(tmp_path):
        assert not partial.exists()
    assert (tmp_path / "a" / ".partial of someone else").exists()
    with pytest.raises(FileNotFoundError):
        writer.__exit__(None, None, None)
