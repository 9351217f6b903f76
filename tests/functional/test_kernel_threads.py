from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from neuronym.functional import _numba


@pytest.fixture(params=["torch's threads", "own threads"])
def _two_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    if request.param == "own threads":
        monkeypatch.setattr(_numba, "_team", lambda: None)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
def test_every_piece_is_done_once() -> None:
    done: list[int] = []
    lock = threading.Lock()

    def call(start: int, stop: int) -> None:
        with lock:
            done.extend(range(start, stop))

    for total in (1, 2, 7, 1000):
        done.clear()
        _numba.run(call, _numba.ranges(total, 10))
        assert sorted(done) == list(range(total))


@pytest.mark.usefixtures("_two_threads")
def test_an_error_is_raised_where_the_work_was_asked_for() -> None:
    def call(start: int, stop: int) -> None:
        raise KeyError(start)

    with pytest.raises(KeyError):
        _numba.run(call, _numba.ranges(100, 10))


def test_pieces_fill_the_threads_evenly() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    assert len(_numba.ranges(20_000, 2560)) % 2 == 0
    assert _numba.ranges(1, 16) == [(0, 1)]
    pieces = _numba.ranges(20_001, 256, 16)
    assert all(start % 16 == 0 and start < stop for start, stop in pieces)
    assert [i for piece in pieces for i in range(*piece)] == list(range(20_001))
    assert _numba.ranges(5, 256, 16) == [(0, 5)]
    assert _numba.ranges(0, 256, 16) == []
    torch.set_num_threads(before)
