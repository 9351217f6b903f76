from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from neuronym.errors import TargetError
from neuronym.functional.fingerprint import hash_state
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target
from neuronym.targets.weights import class_count, fit, load_state, seeded


def net() -> nn.Sequential:
    with seeded():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 5))


@pytest.mark.parametrize("nest", [None, "state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_torch_files_are_unwrapped(tmp_path: Path, nest: str | None, prefix: str) -> None:
    state = net().state_dict()
    content = {prefix + name: value for name, value in state.items()}
    torch.save({nest: content, "epoch": 3} if nest else content, tmp_path / "a.pt")
    loaded = load_state(tmp_path / "a.pt")
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_safetensors_load(tmp_path: Path) -> None:
    save_file(net().state_dict(), tmp_path / "a.safetensors")
    assert load_state(str(tmp_path / "a.safetensors")).keys() == net().state_dict().keys()


class Foreign:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("made-by-unpickling"),))


def test_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Foreign()}, "a.pt")
    Path("b.pt").write_bytes(pickle.dumps({"a": Foreign()}))
    torch.save(net(), "c.pt")
    for name in ("a.pt", "b.pt", "c.pt"):
        with pytest.raises(TargetError, match=r"it would need code to be run.*save .* as a \.safetensors file"):
            load_state(name)
    assert not Path("made-by-unpickling").exists()


def test_unusable_files(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"There is no weights file .*nowhere\.pt"):
        load_state(tmp_path / "nowhere.pt")
    (tmp_path / "a.safetensors").write_bytes(b"garbage" * 20)
    with pytest.raises(TargetError, match="is not a whole safetensors file"):
        load_state(tmp_path / "a.safetensors")
    whole = tmp_path / "whole.pt"
    torch.save(net().state_dict(), whole)
    (tmp_path / "cut.pt").write_bytes(whole.read_bytes()[:700])
    with pytest.raises(TargetError, match="cannot be read as plain tensors: it is damaged"):
        load_state(tmp_path / "cut.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    with pytest.raises(TargetError, match="holds no named tensors"):
        load_state(tmp_path / "empty.pt")
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    with pytest.raises(TargetError, match="holds a list; give a dictionary of named tensors"):
        load_state(tmp_path / "list.pt")


def test_fit_names_what_does_not_fit() -> None:
    state = dict(net().state_dict())
    del state["3.bias"], state["1.num_batches_tracked"]
    state["extra"] = torch.zeros(1)
    state["0.weight"] = torch.zeros(4, 3, 5, 5)
    with pytest.raises(
        TargetError,
        match=r"The weights 'mine' do not fit the model; missing: 3\.bias; not expected: extra; of another shape: "
        r"0\.weight \(model \[4, 3, 3, 3\], file \[4, 3, 5, 5\]\)\.",
    ):
        fit(net(), state, "mine")
    with pytest.raises(TargetError, match=r"missing: 0\.weight, 0\.bias, 1\.weight and 5 more"):
        fit(net(), {}, "mine")


def test_fit_loads_old_files_without_counters() -> None:
    state = {name: value + 1 for name, value in net().state_dict().items() if "num_batches" not in name}
    model = net()
    fit(model, state, "mine")
    assert torch.equal(model[0].weight, state["0.weight"])


def test_class_count() -> None:
    state = dict(net().state_dict())
    assert class_count(net(), state) is None
    state["3.weight"], state["3.bias"] = torch.zeros(7, 4), torch.zeros(7)
    assert class_count(net(), state) == 7
    state["3.bias"] = torch.zeros(8)
    assert class_count(net(), state) is None


def test_hash_covers_names_types_shapes_and_bytes() -> None:
    base = hash_state(net())
    assert base == hash_state(net())
    changed = net()
    with torch.no_grad():
        changed[3].bias[0] += 1e-6
    hashes = {base, hash_state(changed), hash_state(net().bfloat16()), hash_state(nn.Sequential(*net()[:2]))}
    assert len(hashes) == 4


def test_target_is_frozen_and_evaluating() -> None:
    model = net().train()
    target = Target("mine:net", "random", model, UNCHANGED)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert target.spec() == {
        "name": "mine:net",
        "weights": "random",
        "weights_hash": hash_state(model),
        "preprocessing": UNCHANGED.spec(),
    }
    moved = target.to("cpu", torch.float64)
    assert moved.weights_hash == target.weights_hash
    assert model[0].weight.dtype == torch.float64
    assert moved.forward(torch.zeros(2, 3, 3, 3, dtype=torch.float64)).shape == (2, 5)  # type: ignore[attr-defined]


def test_seeding_leaves_the_callers_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    net()
    assert torch.equal(torch.rand(3), expected)
