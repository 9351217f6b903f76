from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from neuronym.errors import StudyError
from neuronym.store.parts import Parts


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "some parts")


def _table(*numbers: int) -> pa.Table:
    return pa.table({"n": pa.array(numbers, pa.int64())})


def _numbers(parts: Parts) -> list[int]:
    table = parts.read()
    assert table is not None
    found: list[int] = table["n"].to_pylist()
    return found


def _names(parts: Parts) -> list[str]:
    return sorted(path.name for path in parts.folder.iterdir())


def test_appended_rows_come_back_in_order(parts: Parts) -> None:
    assert parts.read() is None
    for number in range(12):
        parts.append(_table(number, -number))
    assert _names(parts)[-1] == "part-00011.parquet"
    assert _numbers(parts) == [n for number in range(12) for n in (number, -number)]


def test_tables_without_rows_keep_the_schema(parts: Parts) -> None:
    parts.append(_table())
    assert _numbers(parts) == []


def test_compact_and_go_on(parts: Parts) -> None:
    parts.compact()
    assert parts.read() is None
    for end in (3, 4, 9):
        start = len(_numbers(parts)) if parts.folder.exists() else 0
        for number in range(start, end):
            parts.append(_table(number))
        parts.compact()
        assert _numbers(parts) == list(range(end))
        assert _names(parts) == [f"part-00000-{end - 1:05d}.parquet"]


def test_a_kill_between_compacting_and_removing_doubles_nothing(parts: Parts) -> None:
    for number in range(4):
        parts.append(_table(number))
    old = {path: path.read_bytes() for path in parts.folder.iterdir()}
    parts.compact()
    for path, data in old.items():
        path.write_bytes(data)
    assert _numbers(parts) == [0, 1, 2, 3]
    parts.append(_table(4))
    assert _numbers(parts) == [0, 1, 2, 3, 4]
    parts.compact()
    assert _names(parts) == ["part-00000-00004.parquet"]
    assert _numbers(parts) == [0, 1, 2, 3, 4]


def test_clear(parts: Parts) -> None:
    parts.clear()
    for number in range(3):
        parts.append(_table(number))
    parts.clear()
    assert parts.read() is None
    parts.append(_table(7))
    assert _numbers(parts) == [7]


def test_clear_stopped_on_the_way_leaves_the_first_parts(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        parts.append(_table(number))
    allowed = iter([Path.unlink, Path.unlink])

    def unlink(path: Path, missing_ok: bool) -> None:
        next(allowed)(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(StopIteration):
            parts.clear()
    assert _numbers(parts) == [0, 1]


def test_other_files_are_passed_over(parts: Parts) -> None:
    parts.append(_table(1))
    (parts.folder / "part-1.parquet").touch()
    (parts.folder / ".part-00001.parquet").touch()
    assert _numbers(parts) == [1]


def test_a_missing_part(parts: Parts) -> None:
    for number in range(3):
        parts.append(_table(number))
    (parts.folder / "part-00001.parquet").unlink()
    message = (
        f"The folder {str(parts.folder)!r} is incomplete: 'part-00001.parquet' is missing. Restore it from a copy, or "
        "remove the folder and run the step again."
    )
    for use in (parts.read, parts.compact):
        with pytest.raises(StudyError) as caught:
            use()
        assert str(caught.value) == message
    assert _names(parts) == ["part-00000.parquet", "part-00002.parquet"]


def test_a_damaged_part(parts: Parts) -> None:
    parts.append(_table(1))
    (parts.folder / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(StudyError, match=r"^The table '.*part-00000\.parquet' is cut off or damaged"):
        parts.read()


def test_reading_while_another_process_compacts(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listed parts vanish before they are read; the reader looks again."""
    for number in range(3):
        parts.append(_table(number))
    read_bytes, writer = Path.read_bytes, Parts(parts.folder)

    def read_late(path: Path) -> bytes:
        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        writer.compact()
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read_late)
    assert _numbers(parts) == [0, 1, 2]
