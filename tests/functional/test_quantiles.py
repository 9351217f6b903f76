from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.quantiles import Quantiles

N = 400_000


def normal(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=N)


STANDARD = {
    "normal": normal,
    "exponential": lambda rng: rng.exponential(size=N),
    "relu": lambda rng: np.maximum(rng.normal(size=N), 0),
    "sparse relu": lambda rng: np.maximum(rng.normal(size=N) - 1.5, 0),
    "heavy tails": lambda rng: rng.standard_cauchy(size=N),
    "lognormal": lambda rng: np.exp(2 * rng.normal(size=N)),
    "large offset, tiny noise": lambda rng: 1000 + 0.01 * rng.normal(size=N),
    "tiny scale": lambda rng: 1e-20 * rng.normal(size=N),
    "binary": lambda rng: (rng.random(N) < 0.007).astype(float),
    "constant": lambda rng: np.full(N, -0.3),
}


def position_error(values: np.ndarray, answer: float, q: float) -> float:
    """How far the position of an answer among the sorted values is from the one asked for, as a share of them."""
    below, up_to = int((values < answer).sum()), int((values <= answer).sum())
    low, high = min(below, up_to - 1), max(below, up_to - 1)
    place = q * (len(values) - 1)
    return max(low - place, place - high, 0) / len(values)


def state_of(values: np.ndarray, batches: int = 40) -> Quantiles:
    images = torch.tensor(values, dtype=torch.float32).view(batches, -1, 1, 100)
    state = Quantiles.calibrated(images[0].view(-1, 1, 10, 10))
    for image in images:
        state.update(image.view(-1, 1, 10, 10))
    return state


@pytest.mark.parametrize("name", STANDARD)
def test_standard_streams_are_within_a_thousandth(name: str) -> None:
    values = STANDARD[name](np.random.default_rng(0)).astype(np.float32)
    state = state_of(values)
    assert int(state.counts.sum()) == N
    for q in (0.99, 0.995, 0.999):
        answer, error = float(state.quantile(q)[0]), float(state.rank_error(q)[0])
        assert position_error(values, answer, q) <= error <= 1e-3
        # Not only near in rank but near in value: within a bucket, 1/64 of the distance from the middle.
        exact = float(np.quantile(values.astype(np.float64), q))
        assert abs(answer - exact) <= abs(exact - float(state.offset[0])) / 60 + 1e-30


def test_a_drifting_stream_keeps_its_certificate() -> None:
    values = (np.random.default_rng(0).normal(size=N) + np.linspace(0, 3, N)).astype(np.float32)
    state = state_of(values)
    for q in (0.01, 0.5, 0.99, 0.995, 0.999):
        answer, error = float(state.quantile(q)[0]), float(state.rank_error(q)[0])
        assert position_error(values, answer, q) <= error
        assert q < 0.9 or error <= 1.5e-3


floats = st.one_of(
    st.floats(-(2.0**127), 2.0**127, width=32),
    st.floats(-1, 1, width=32),
    st.sampled_from([0.0, -0.0, 1.0, 1.0, 2.0, 1e-40, -1e-40]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(floats, min_size=1, max_size=60), st.lists(floats, min_size=1, max_size=5), st.floats(0, 1))
def test_the_certificate_always_holds(values: list[float], calibration: list[float], q: float) -> None:
    state = Quantiles.calibrated(torch.tensor(calibration)[:, None])
    state.update(torch.tensor(values)[:, None])
    array = np.array(values, dtype=np.float32).astype(np.float64)
    answer, error = float(state.quantile(q)[0]), float(state.rank_error(q)[0])
    assert array.min() <= answer <= array.max()
    assert position_error(array, answer, q) <= error + 1e-12
    if error == 0 and len(set(values)) <= 2:
        assert answer == pytest.approx(float(np.quantile(array, q)), rel=1e-6, abs=1e-30)


def arrays_equal(first: Quantiles, second: Quantiles) -> None:
    one, two = first.state_dict(), second.state_dict()
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name])
        assert array.tobytes() == two[name].tobytes()


def maps(seed: int = 0) -> Tensor:
    values = torch.randn(24, 5, 4, 3, generator=torch.Generator().manual_seed(seed))
    values[:, 1].relu_()
    values[:, 2] = -values[:, 2].relu()  # negative zeros
    values[:, 3] *= 1e30
    values[:, 4] = 7
    return values


def test_order_batches_layouts_merges_and_devices_are_bit_identical() -> None:
    values = maps()
    start = Quantiles.calibrated(values[:4])

    def fresh() -> Quantiles:
        return start.merge(start)

    whole = fresh()
    whole.update(values)
    parts = [fresh(), fresh(), fresh()]
    for number, rows in enumerate(torch.randperm(24).split(5)):
        parts[number % 3].update(values[rows].contiguous(memory_format=torch.channels_last))
    arrays_equal(whole, parts[0].merge(parts[1]).merge(parts[2]))
    arrays_equal(whole, parts[2].merge(parts[1].merge(parts[0])))
    arrays_equal(whole, Quantiles.from_state(whole.state_dict()))
    in_torch = fresh()
    for rows in torch.randperm(24).split(7):
        in_torch.add_torch(values[rows].flatten(2))
    arrays_equal(whole, in_torch)


def test_large_batches_on_several_threads_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.randn(40, 70, 5, 5).relu_()
    threads = torch.get_num_threads()
    states = []
    for count in (1, 2):
        torch.set_num_threads(count)
        state = Quantiles.calibrated(values[:8])
        state.update(values)
        states.append(state)
    torch.set_num_threads(threads)
    arrays_equal(*states)


def test_mostly_zeros_and_all_zeros() -> None:
    values = torch.randn(300, 2, 4, 4, generator=torch.Generator().manual_seed(0)).sub_(1.8).relu_()
    values[:, 1] = 0
    state = Quantiles.calibrated(values)
    state.update(values)
    assert (state.quantile(0.5) == 0).all()
    assert (state.rank_error(0.5) == 0).all()
    assert float(state.quantile(1)[0]) == float(values.max())
    assert float(state.quantile(1)[1]) == 0
    in_torch = Quantiles.calibrated(values)
    in_torch.add_torch(values.flatten(2))
    arrays_equal(state, in_torch)


def test_a_dead_unit_takes_the_scale_of_its_layer() -> None:
    values = torch.cat([torch.zeros(50, 1), 1e-6 * torch.randn(50, 1)], 1)
    state = Quantiles.calibrated(values)
    assert state.exponent[0] == state.exponent[1]
    assert Quantiles.calibrated(torch.zeros(2, 1)).exponent.tolist() == [1 - 9]


def test_state_is_small() -> None:
    state = Quantiles.calibrated(torch.randn(4, 3))
    assert state._cells.element_size() * state._cells.numel() / 3 <= 32 * 1024


def test_what_cannot_be_done() -> None:
    state = Quantiles.calibrated(torch.randn(4, 3))
    with pytest.raises(ValueError, match="There are no quantiles before the first update"):
        state.quantile(0.5)
    with pytest.raises(ValueError, match=r"the levels are \[1\.5\], and must be in 0\.\.1"):
        state.rank_error(1.5)
    with pytest.raises(ValueError, match="of different calibration cannot be merged"):
        state.merge(Quantiles.calibrated(torch.randn(4, 3)))
    with pytest.raises(ValueError, match=r"activations \(4, 2\) do not have the 3 units"):
        state.update(torch.zeros(4, 2))
    with pytest.raises(ValueError, match="cannot be calibrated without values"):
        Quantiles.calibrated(torch.zeros(0, 3))
    for value in (math.nan, math.inf, -math.inf):
        bad = torch.randn(4, 3)
        bad[2, 1] = value
        with pytest.raises(NonFiniteError, match="The activations contain NaN or infinite values"):
            Quantiles.calibrated(torch.randn(4, 3)).update(bad)
        with pytest.raises(NonFiniteError, match="The activations contain NaN or infinite values"):
            Quantiles.calibrated(bad)
