"""The occlusion pass: networks whose receptive fields are known by construction, and a loop per unit and image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from neuronym.errors import MethodError, NonFiniteError
from neuronym.execute.devices import Running
from neuronym.functional.occlusion import field_mask, receptive_field
from neuronym.records import OcclusionRule
from neuronym.regions import occlusion
from neuronym.regions.covering import covered_with
from neuronym.regions.incremental import Occluding
from neuronym.regions.occlusion import AnswersOf, answers, places, run_occlusion_pass
from neuronym.store.occlusion_store import ImageAnswers, OcclusionStore
from neuronym.study import Study
from neuronym.targets.layers import select
from neuronym.targets.preprocessing import UNCHANGED
from neuronym.targets.target import Target, TokenInfo
from small_study import make_study

RUNNING = Running.chosen("cpu", channels_last=False)
LAYERS = ("relu", "conv2", "head")
Rectangle = tuple[int, int, int, int]


def target_of(model: nn.Module, tokens: TokenInfo | None = None) -> Target:
    return Target("known", "given", model, UNCHANGED, token_info=tokens)


def found_in(
    target: Target, layer: str, image: Tensor, rule: OcclusionRule, units: Sequence[int] = (0,), **chosen: Any
) -> tuple[ImageAnswers, list[tuple[Tensor, Tensor]]]:
    """What the units of a layer answer to an image, and the field and the mask of each of them."""
    (info,) = select(target, [layer], sample=image[None], **chosen)
    size = (image.shape[1], image.shape[2])
    with Occluding(target, [info], RUNNING, rule.summary, 16) as occluding:
        (found,) = answers(occluding, image, rule, {0: units}).values()
    fields = receptive_field(torch.tensor(found.discrepancy), places(rule, size), size).float()
    return found, [(field, field_mask(field, rule.masking)) for field in fields]


def covers(window: Sequence[int], seen: Rectangle) -> bool:
    x0, y0, x1, y1 = window
    return x0 < seen[2] and seen[0] < x1 and y0 < seen[3] and seen[1] < y1


def check_recovered(found: ImageAnswers, field: Tensor, mask: Tensor, seen: Rectangle, rule: OcclusionRule) -> None:
    """A unit that looks at a rectangle, each pixel of which matters, is recovered up to the occluder.

    How often a pixel is covered is not corrected for, so the rim of the rectangle may be below half of the maximum
    where that differs: at the image's border, and where the side is no multiple of the stride.
    """
    size = (field.shape[0], field.shape[1])
    side, stride = rule.resolved(size)
    boxes = places(rule, size).tolist()
    touching = [window for window in boxes if covers(window, seen)]
    assert [window for window, d in zip(boxes, found.discrepancy[0], strict=True) if d > 1e-4] == touching
    reached, near, inside = (torch.zeros(size, dtype=torch.bool) for _ in range(3))
    for x0, y0, x1, y1 in touching:
        reached[y0:y1, x0:x1] = True
    near[max(0, seen[1] - side + 1) : seen[3] + side - 1, max(0, seen[0] - side + 1) : seen[2] + side - 1] = True
    inside[seen[1] : seen[3], seen[0] : seen[2]] = True
    assert field[~reached].max() < 1e-6
    assert not mask[~near].any()
    assert mask[inside].mean() >= 0.5
    within = seen[0] >= side <= seen[1] and seen[2] <= size[1] - side and seen[3] <= size[0] - side
    if within and side % stride == 0:
        assert mask[inside].all()


@pytest.mark.parametrize("rule", [OcclusionRule(), OcclusionRule(4, 1), OcclusionRule(5, 3, masking="otsu")])
@pytest.mark.parametrize("at", [(0, 0), (7, 9), (17, 12)])
def test_a_block_in_a_kernel_sees_where_the_image_has_the_same_block(rule: OcclusionRule, at: tuple[int, int]) -> None:
    conv = nn.Conv2d(3, 2, 9, padding=8)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, :, 2:5, 3:7] = 0.5
        conv.bias.zero_()
    image = torch.zeros(3, 20, 18)
    y, x = at[0], at[1] - 2 if at[1] > 10 else at[1]
    image[:, y : y + 3, x : x + 4] = 1
    found, ((field, mask),) = found_in(target_of(nn.Sequential(conv)), "0", image, rule)
    assert found.plain[0] == pytest.approx(18)
    check_recovered(found, field, mask, (x, y, x + 4, y + 3), rule)


def one_place(channels: int, size: tuple[int, int], at: Sequence[tuple[int, int]]) -> nn.Conv2d:
    """A layer with a single number: the sum over the channels at some places of a map."""
    pick = nn.Conv2d(channels, 1, size, bias=False)
    with torch.no_grad():
        pick.weight.zero_()
        for row, column in at:
            pick.weight[0, :, row, column] = 1
    return pick


def stack(at: Sequence[tuple[int, int]]) -> nn.Sequential:
    """Convolutions and a pool with positive weights; a place (i, j) of the last map looks at 8 x 8 pixels."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3)
    with torch.no_grad():
        for conv in (first, second):
            conv.weight.abs_().add_(0.05)
            conv.bias.zero_()
    return nn.Sequential(first, nn.ReLU(), nn.AvgPool2d(2), second, nn.ReLU(), one_place(3, (10, 12), at))


def seen_by(i: int, j: int) -> Rectangle:
    """Rows i to i + 2 of the pooled map are rows 2i to 2i + 5 of the first, 2i - 1 to 2i + 6 of the input."""
    return (max(0, 2 * j - 1), max(0, 2 * i - 1), min(28, 2 * j + 7), min(24, 2 * i + 7))


@pytest.mark.parametrize("at", [(0, 0), (4, 5), (9, 11)])
@pytest.mark.parametrize("rule", [OcclusionRule(), OcclusionRule(7, 3, "noise")])
def test_a_place_of_a_deep_map_sees_what_arithmetic_says(rule: OcclusionRule, at: tuple[int, int]) -> None:
    image = torch.rand(3, 24, 28, generator=torch.Generator().manual_seed(1)) + 0.5
    found, ((field, mask),) = found_in(target_of(stack([at])), "5", image, rule)
    seen = seen_by(*at)
    for window, d in zip(places(rule, (24, 28)).tolist(), found.discrepancy[0], strict=True):
        assert (d > 1e-5) == covers(window, seen)
    side, _ = rule.resolved((24, 28))
    rows, columns = (torch.nonzero(mask.any(axis)).flatten().tolist() for axis in (1, 0))
    assert seen[0] - side < columns[0] <= columns[-1] < seen[2] + side - 1
    assert seen[1] - side < rows[0] <= rows[-1] < seen[3] + side - 1
    # The middle counts most; the pixels of the rim are in one window of the second layer only.
    y, x = divmod(int(field.argmax()), 28)
    assert seen[0] <= x < seen[2]
    assert seen[1] <= y < seen[3]
    inside = mask[seen[1] : seen[3], seen[0] : seen[2]]
    assert inside.mean() > 0.25
    assert inside.sum() > 0.8 * mask.sum()


def test_a_unit_that_looks_at_two_places_has_two() -> None:
    at, rule = [(0, 0), (9, 11)], OcclusionRule()
    image = torch.ones(3, 24, 28)
    _, ((field, mask),) = found_in(target_of(stack(at)), "5", image, rule)
    assert mask[:12, :12].any()
    assert mask[12:, 16:].any()
    assert not mask[:, 13:15].any()
    assert field[12:, :10].max() < 1e-6


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, stride=4, bias=False)
        self.block = nn.Linear(6, 6, bias=False)
        with torch.no_grad():
            for layer in (self.patches, self.block):
                layer.weight.abs_().add_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.block(torch.cat([tokens.mean(1, keepdim=True), tokens], 1))


@pytest.mark.parametrize("at", [(0, 0), (1, 2), (3, 3)])
def test_a_token_sees_its_patch(at: tuple[int, int]) -> None:
    torch.manual_seed(0)
    row, column = at
    image, rule = torch.zeros(3, 16, 16), OcclusionRule(5, 1)
    image[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1
    target = target_of(Patches(), TokenInfo(1, (4, 4)))
    found, ((field, mask),) = found_in(target, "block", image, rule, [3], tokens="grid")
    check_recovered(found, field, mask, (4 * column, 4 * row, 4 * column + 4, 4 * row + 4), rule)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("occluded") / "s", LAYERS, per_class=6).probe(device="cpu")


def wanted(study: Study, folder: Path, rule: OcclusionRule, units: Sequence[dict[int, list[int]]]) -> list[AnswersOf]:
    return [
        AnswersOf(layer, OcclusionStore(folder / layer.name, rule), some)
        for layer, some in zip(study.layers, units, strict=True)
    ]


UNITS = [{1: [2, 5, 7], 4: [3]}, {1: [0, 11], 3: [4, 5, 6]}, {0: [1], 1: [0, 4]}]


def passed(study: Study, folder: Path, rule: OcclusionRule, **options: Any) -> list[AnswersOf]:
    asked = wanted(study, folder, rule, UNITS)
    run_occlusion_pass(study.target, asked, study.probe_set, rule, RUNNING, **options)
    return asked


def slow(study: Study, layer: str, image: int, unit: int, rule: OcclusionRule) -> npt.NDArray[np.float64]:
    """One unit and one image: its answer to the whole image, then to each copy, one pass each by the plain model."""
    target = study.target
    names = [name for name, _ in target.model.named_children()]
    part = target.model[: names.index(layer) + 1]  # type: ignore[index]
    pixels = target.preprocessing.apply(study.probe_set.load(image))
    fill = covered_with(pixels, rule, 5)

    def value(given: Tensor) -> float:
        with torch.no_grad():
            answer = part(given[None])[0, unit]
        return float(answer.max() if rule.summary == "max" else answer.double().mean())

    found = [value(pixels)]
    starts = [0, 2, 4, 6, 8, 10, 11] if rule.stride is None else [0, 6, 11]
    for y in starts:
        for x in starts:
            copy = pixels.clone()
            copy[:, y : y + 5, x : x + 5] = fill[:, y : y + 5, x : x + 5]
            found.append(value(copy))
    return np.array(found)


@pytest.mark.parametrize(
    "rule",
    [OcclusionRule(), OcclusionRule(stride=6, fill="noise", summary="mean"), OcclusionRule(stride=6, fill="blur")],
)
def test_answers_are_those_of_a_loop_per_unit_and_image(study: Study, tmp_path: Path, rule: OcclusionRule) -> None:
    told: list[tuple[int, int]] = []
    asked = passed(study, tmp_path, rule, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    for one, units in zip(asked, UNITS, strict=True):
        assert sorted(int(path.stem) for path in one.store.folder.iterdir()) == sorted(units)
        for image, some in units.items():
            found = one.store.read(image)
            assert found is not None
            assert found.units.tolist() == some
            for row, unit in enumerate(some):
                expected = slow(study, one.layer.name, image, unit, rule)
                scale = np.abs(expected).max()
                assert found.plain[row] == pytest.approx(expected[0], abs=1e-5 * scale)
                assert found.of(unit) == pytest.approx(np.abs(expected[1:] - expected[0]), abs=2e-5 * scale)


def test_one_set_of_copies_serves_all_layers_and_stops_at_the_deepest(study: Study, tmp_path: Path) -> None:
    copies, deepest = 0, 0

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        nonlocal copies, deepest
        if module is study.target.model.conv:
            copies += len(inputs[0])
        else:
            deepest += 1

    rule = OcclusionRule()
    handles = [getattr(study.target.model, name).register_forward_hook(count) for name in ("conv", "head")]
    try:
        asked = wanted(study, tmp_path, rule, [{1: [2], 4: [3]}, {1: [0, 11]}, {}])
        run_occlusion_pass(study.target, asked[:2], study.probe_set, rule, RUNNING)
    finally:
        for handle in handles:
            handle.remove()
    # Two images of 49 copies, with the plain images and what is passed to compare and to count.
    assert 2 * 49 <= copies <= 2 * (49 + 1) + 30
    assert not deepest


def test_units_that_were_not_asked_for_change_nothing(study: Study, tmp_path: Path) -> None:
    together = passed(study, tmp_path / "a", OcclusionRule())
    alone = wanted(study, tmp_path / "b", OcclusionRule(), [{}, {3: [5]}, {}])
    run_occlusion_pass(study.target, alone[1:2], study.probe_set, OcclusionRule(), RUNNING)
    whole, single = together[1].store.read(3), alone[1].store.read(3)
    assert whole is not None
    assert single is not None
    assert np.array_equal(whole.of(5), single.of(5))


class Stopped(Exception):
    pass


def test_what_was_written_before_the_end_stays_and_is_not_passed_again(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = OcclusionRule(stride=6)
    whole = passed(study, tmp_path / "whole", rule)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        passed(study, tmp_path / "s", rule, progress=stop)
    asked = wanted(study, tmp_path / "s", rule, UNITS)
    assert [one.store.missing(units) for one, units in zip(asked, UNITS, strict=True)] == [[4], [3], []]
    loaded: list[int] = []
    load = study.probe_set.load
    monkeypatch.setattr(type(study.probe_set), "load", lambda _, image: loaded.append(image) or load(image))
    rest = [
        AnswersOf(one.layer, one.store, {image: one.units[image] for image in one.store.missing(one.units)})
        for one in asked
    ]
    run_occlusion_pass(study.target, rest, study.probe_set, rule, RUNNING)
    assert loaded == [3, 4]
    for one, other in zip(whole, asked, strict=True):
        for path in sorted(one.store.folder.iterdir()):
            assert path.read_bytes() == (other.store.folder / path.name).read_bytes()


def test_a_layer_with_nan_is_named_and_nothing_of_the_image_is_kept(study: Study, tmp_path: Path) -> None:
    class Spoilt(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / (x[:, :, 8:9, 8:9].abs() > 0)  # divides by 0 where the middle is covered

    target = target_of(nn.Sequential(nn.Identity(), Spoilt()))
    layers = select(target, ["0", "1"], sample=torch.rand(1, 3, 16, 16))
    asked = [AnswersOf(layer, OcclusionStore(tmp_path / layer.name, OcclusionRule()), {0: [0]}) for layer in layers]
    with pytest.raises(NonFiniteError, match="1"):
        run_occlusion_pass(target, asked[1:], study.probe_set, OcclusionRule(), RUNNING)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_pass_runs_as_it_is_told(study: Study, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Running] = []

    class Watched(Occluding):
        def __init__(self, target: Target, layers: Any, running: Running, *others: Any) -> None:
            seen.append(running)
            super().__init__(target, layers, running, *others)

    monkeypatch.setattr(occlusion, "Occluding", Watched)
    with_precision = Running.chosen("cpu", precision)
    kept: dict[int, ImageAnswers] = {}

    class Kept(OcclusionStore):
        def write(self, image: int, answers: ImageAnswers) -> None:
            kept[image] = answers

    asked = [AnswersOf(study.layers[1], Kept(Path("nowhere"), OcclusionRule()), {0: [3]})]
    run_occlusion_pass(study.target, asked, study.probe_set, OcclusionRule(), with_precision)
    assert [(one.device.type, one.precision) for one in seen] == [("cpu", precision)]
    expected = slow(study, "conv2", 0, 3, OcclusionRule())
    tolerance = 1e-5 if precision == "float32" else 3e-2
    assert kept[0].plain[0] == pytest.approx(expected[0], rel=tolerance)


def test_coarse_to_fine_asks_less_and_agrees_where_it_asked(study: Study) -> None:
    image = study.target.preprocessing.apply(study.probe_set.load(0))
    fine, coarse = OcclusionRule(5, 1), OcclusionRule(5, 1, coarse=3)
    asked: list[int] = []

    class Counted(Occluding):
        def values(self, image: Tensor, windows: Tensor, *others: Any) -> Any:
            asked.append(len(windows))
            return super().values(image, windows, *others)

    found = []
    (layer,) = [one for one in study.layers if one.name == "conv2"]
    for rule in (fine, coarse):
        with Counted(study.target, [layer], RUNNING, "max", 64) as occluding:
            found.append(answers(occluding, image, rule, {0: [4]})[0])
    assert asked[0] == 144
    assert sum(asked[1:]) < 144
    same = np.isclose(found[0].discrepancy, found[1].discrepancy, atol=1e-5)
    assert same.sum() >= sum(asked[1:])


class Rounding(nn.Module):
    """The corner's pixel, the same in front of a large number, and a constant; of several images 1e-5 more of each."""

    def forward(self, x: Tensor) -> Tensor:
        corner = x[:, 0, 0, 0]
        return torch.stack([corner, corner / 1000 + 1, torch.full_like(corner, -3)], 1) * (1 + 1e-5 * (len(x) > 1))


@pytest.mark.parametrize("coarse", [1, 3])
def test_what_only_rounding_changes_is_unchanged(coarse: int) -> None:
    target = target_of(nn.Sequential(Rounding(), nn.Identity()))
    found, fields = found_in(target, "0", torch.ones(3, 12, 12), OcclusionRule(3, 1, coarse=coarse), (0, 1, 2))
    assert found.plain == pytest.approx([1, 1.001, -3])
    assert found.discrepancy[0, 0] == pytest.approx(1)
    assert found.discrepancy[1, 0] == pytest.approx(0.001, rel=0.05)
    assert found.discrepancy[1].min() > 0
    assert not found.discrepancy[2].any()
    assert not fields[2][1].any()


def test_an_occluder_larger_than_the_input() -> None:
    with pytest.raises(MethodError) as refused:
        places(OcclusionRule(17), (16, 24))
    assert str(refused.value) == (
        "An occluder of 17 x 17 pixels is larger than the network's input of 16 x 24. Give a smaller one with "
        "--set occluder=PIXELS."
    )
    assert len(places(OcclusionRule(16), (16, 24))) == 5
