from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from neuronym.errors import StudyError
from neuronym.store import _zarr
from neuronym.store.arrays import Arrays

DTYPES = ["bool", "int8", "int64", "uint8", "uint32", "float16", "float32", "float64", ">f4"]


@pytest.fixture
def open_zarr() -> Iterator[Callable[..., Any]]:
    """zarr's own reader and writer; its threads are ended afterwards, because other tests fork."""
    import zarr
    from zarr.core.sync import cleanup_resources

    yield zarr.open_array
    cleanup_resources()


@pytest.fixture
def arrays(tmp_path: Path) -> Arrays:
    return Arrays(tmp_path / "some arrays")


def _values(*shape: int, dtype: npt.DTypeLike = "f4") -> npt.NDArray[Any]:
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), rows=st.integers(1, 6), limit=st.sampled_from([1, 16, 64, 8 * 2**20]))
def test_blocks_and_windows(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int, limit: int
) -> None:
    """Whatever the shape, type, chunks and order of writing: what is read is what was written."""
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = data.draw(arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=7))
    values = data.draw(arrays_of.arrays(dtype, shape))
    arrays = Arrays(tmp_path_factory.mktemp("arrays"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_zarr, "MAX_CHUNK_BYTES", limit)
        arrays.create("a/b", shape, dtype, rows=rows)
    rows = max(1, min(rows, shape[0]))  # those of a chunk
    blocks = -(-shape[0] // rows)
    for block in data.draw(st.permutations(range(blocks))):
        arrays.write("a/b", block * rows, values[block * rows : (block + 1) * rows])
    assert arrays.written("a/b").tolist() == [True] * blocks
    window = [data.draw(st.slices(size).filter(lambda s: s.step in (None, 1))) for size in shape[:2]]
    found = arrays.read("a/b", *window)
    np.testing.assert_array_equal(found, values[tuple(window)], strict=dtype.isnative)
    assert found.dtype == dtype.newbyteorder("=")
    assert found.flags.writeable


@pytest.mark.parametrize("dtype", DTYPES)
def test_zarr_reads_what_we_write(arrays: Arrays, dtype: str, open_zarr: Callable[..., Any]) -> None:
    values = _values(7, 5, 2, dtype=dtype)
    arrays.create("x:y/é", values.shape, dtype, rows=3)
    arrays.write("x:y/é", 0, values)
    found = open_zarr(arrays.folder / "x%3Ay" / "%C3%A9", mode="r")
    np.testing.assert_array_equal(np.asarray(found[:]), values)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    assert found.chunks == (3, 5, 2)


def test_we_read_what_zarr_writes_to_our_array(arrays: Arrays, open_zarr: Callable[..., Any]) -> None:
    arrays.create("x", (5, 4), "f4", rows=2)
    values = _values(5, 4)
    open_zarr(arrays.folder / "x", mode="r+")[:] = values
    np.testing.assert_array_equal(arrays.read("x"), values)


def test_put_replaces_whatever_was_there(arrays: Arrays) -> None:
    for values in (_values(3, 4), _values(3, 4) + 1, _values(5), _values(0, 4), _values(5, 0), _values(2, dtype="?")):
        arrays.put("x", values)
        np.testing.assert_array_equal(arrays.read("x"), values, strict=True)
        assert arrays.shape("x") == values.shape
    with pytest.raises(ValueError, match="the array 'x' has no axis"):
        arrays.put("x", np.array(1.0))


def test_put_of_one_chunk_keeps_the_old_one_until_the_new_one_is_there(
    arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    arrays.put("x", _values(3))
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StudyError, match=r"^There is no space left to write the array 'x' at "):
        arrays.put("x", _values(3) + 1)
    np.testing.assert_array_equal(arrays.read("x"), _values(3))


def test_put_of_several_chunks_never_mixes_old_and_new(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays.put("x", _values(6), rows=2)
    chunks = iter([_zarr.encode])

    def encode(*given: Any) -> bytes:
        return next(chunks)(*given)

    monkeypatch.setattr(_zarr, "encode", encode)
    with pytest.raises(StopIteration):
        arrays.put("x", _values(6) + 1, rows=2)
    assert arrays.written("x").tolist() == [True, False, False]


def test_create_keeps_the_same_and_replaces_another(arrays: Arrays) -> None:
    arrays.create("x", (4, 3), "f4", rows=2)
    arrays.write("x", 0, _values(2, 3))
    arrays.create("x", (4, 3), np.float32, rows=2)
    assert arrays.written("x").tolist() == [True, False]
    arrays.create("x", (4, 3), "f4", rows=1)
    assert arrays.written("x").tolist() == [False] * 4


def test_chunks_have_at_most_eight_mebibytes() -> None:
    assert _zarr.plan((50_000, 2048), "f4", 256).chunks == (256, 2048)
    assert _zarr.plan((50_000, 20_000), "f4", 256).chunks == (256, 6667)
    assert _zarr.plan((1000, 30, 1000, 1000), "f8", 256).chunks == (256, 1, 1000, 1000)
    assert _zarr.plan((10,), "f4", 256).chunks == (10,)
    assert _zarr.plan((0, 5), "?", 256).chunks == (1, 5)


@pytest.mark.parametrize(
    ("start", "shape"), [(1, (2, 3)), (0, (1, 3)), (4, (2, 3)), (-2, (2, 3)), (0, (2, 4)), (0, (2,)), (4, (3, 3))]
)
def test_only_whole_blocks_are_written(arrays: Arrays, start: int, shape: tuple[int, ...]) -> None:
    arrays.create("x", (5, 3), "f4", rows=2)
    with pytest.raises(ValueError, match=r"are no whole blocks of 2 rows of the array 'x' of shape \(5, 3\)"):
        arrays.write("x", start, _values(*shape))
    arrays.write("x", 4, _values(1, 3))


def test_other_wrong_uses(arrays: Arrays) -> None:
    arrays.create("x", (4,), "i8", rows=2)
    with pytest.raises(ValueError, match="values of type float64 do not fit the array 'x' of type int64"):
        arrays.write("x", 0, np.ones(2))
    arrays.write("x", 0, np.ones(4, "i4"))
    with pytest.raises(ValueError, match="the array 'x' has no columns"):
        arrays.read("x", columns=slice(1))
    with pytest.raises(ValueError, match="a slice with the step 2"):
        arrays.read("x", slice(0, 4, 2))
    with pytest.raises(ValueError, match="no array of shape"):
        arrays.create("y", (3,), "U4", rows=2)
    with pytest.raises(ValueError, match="no array of shape"):
        arrays.create("y", (3,), "f4", rows=0)
    with pytest.raises(ValueError, match="the array 'x/c' would lie within another array or hold one"):
        arrays.create("x/c", (3,), "f4", rows=2)
    arrays.create("a/c/d", (3,), "f4", rows=2)
    with pytest.raises(ValueError, match="the array 'a' would lie within another array or hold one"):
        arrays.create("a", (3,), "f4", rows=2)


@pytest.mark.parametrize("name", ["", "..", "a/../b", "/a", "a//b", "."])
def test_names_that_lead_elsewhere(arrays: Arrays, name: str) -> None:
    with pytest.raises(ValueError, match="is no name for an array"):
        arrays.create(name, (3,), "f4", rows=2)


def test_delete_removes_one_array_only(arrays: Arrays) -> None:
    for name in ("a/x", "a/y"):
        arrays.put(name, _values(3))
    arrays.delete("a/x")
    arrays.delete("never there")
    assert (arrays.has("a/x"), arrays.has("a/y")) == (False, True)
    assert sorted(path.name for path in (arrays.folder / "a").iterdir()) == ["y"]


def test_chunks_without_metadata_belong_to_no_array(arrays: Arrays) -> None:
    """What a kill within delete() leaves does not become part of a new array."""
    arrays.put("x", _values(3))
    (arrays.folder / "x" / "zarr.json").unlink()
    assert not arrays.has("x")
    arrays.create("x", (3,), "f4", rows=3)
    assert arrays.written("x").tolist() == [False]


def test_absent(arrays: Arrays) -> None:
    message = (
        f"There is no array 'maps/layer4' in {str(arrays.folder)!r}: the study is incomplete. Go on with --resume."
    )
    with pytest.raises(StudyError) as caught:
        arrays.read("maps/layer4")
    assert str(caught.value) == message


def test_incomplete(arrays: Arrays) -> None:
    arrays.create("x", (5, 3), "f4", rows=2)
    arrays.write("x", 0, _values(2, 3))
    np.testing.assert_array_equal(arrays.read("x", slice(0, 2)), _values(2, 3))
    for rows in (slice(None), slice(3, 4)):
        with pytest.raises(StudyError) as caught:
            arrays.read("x", rows)
        assert str(caught.value) == (
            f"The array 'x' in {str(arrays.folder)!r} is incomplete: rows 2 to 3 are missing. Go on with --resume."
        )


def test_a_block_is_complete_only_with_all_its_columns(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zarr, "MAX_CHUNK_BYTES", 16)
    arrays.create("x", (4, 6), "f4", rows=2)
    arrays.write("x", 0, _values(4, 6))
    (arrays.folder / "x" / "c.1.2").write_bytes(b"")  # as after a power cut
    assert arrays.written("x").tolist() == [True, False]
    np.testing.assert_array_equal(arrays.read("x", columns=slice(0, 4)), _values(4, 6)[:, :4])
    with pytest.raises(StudyError, match=r"^The array 'x' is damaged"):
        arrays.read("x", columns=slice(4, 5))


def test_every_flipped_byte_and_every_cut_of_a_chunk_is_refused(arrays: Arrays) -> None:
    arrays.put("x", _values(4, 6))
    path = arrays.folder / "x" / "c.0.0"
    data = path.read_bytes()
    flipped = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    for version in [*flipped, *(data[:i] for i in range(len(data))), data + b"\0"]:
        path.write_bytes(version)
        with pytest.raises(StudyError) as caught:
            arrays.read("x")
    assert str(caught.value) == (
        f"The array 'x' is damaged: {str(path)!r} does not fit its checksum. Restore it from a copy, or remove that "
        "file and go on with --resume."
    )


def test_every_flipped_byte_and_every_cut_of_the_metadata_is_refused(arrays: Arrays) -> None:
    arrays.put("x", _values(4, 6))
    path = arrays.folder / "x" / "zarr.json"
    data = path.read_bytes()
    flipped = [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    for version in [*flipped, *(data[:i] for i in range(len(data) - 1))]:
        path.write_bytes(version)
        with pytest.raises(StudyError) as caught:
            arrays.shape("x")
    assert str(caught.value) == (
        f"The array 'x' is damaged: {str(path)!r} is not what was written. Restore it from a copy, or remove the "
        f"folder {str(path.parent)!r} and go on with --resume."
    )
    arrays.create("x", (4, 6), "f4", rows=4)
    assert arrays.written("x").tolist() == [False]


def test_flush_waits_for_every_chunk_once(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays.create("x", (6,), "f4", rows=2)
    arrays.write("x", 0, _values(6))
    (arrays.folder / "x" / "c.0").unlink()
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_mode & 0o170000))
    arrays.flush()
    assert synced == [0o100000] * 3 + [0o040000] * 2  # metadata and two chunks; the folders x and the one it is in
    arrays.flush()
    assert len(synced) == 5


def test_no_threads_and_no_heavy_imports(tmp_path: Path) -> None:
    program = """
import sys, threading
from pathlib import Path
import numpy as np
from neuronym.store import arrays, manifest, parts, query, tables
store = arrays.Arrays(Path(sys.argv[1]))
store.put("x", np.ones((300, 200), np.float32))
store.read("x")
print(threading.active_count(), [name for name in ("torch", "zarr", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"
