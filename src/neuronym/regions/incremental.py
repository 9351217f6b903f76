"""What units answer to occluded copies of an image, computing of each feature map what the occluder can reach.

The algebra is that of Nakandala, Kumar and Papakonstantinou, "Incremental and approximate inference for faster
occlusion-based deep CNN explanations" (SIGMOD 2019); nothing is approximated. Where an operation is not local, and
where little would be saved, whole maps are computed. That the answers are those of full passes is checked on a few
copies of the first image for which some layers are asked.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TypeAlias

import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from neuronym.errors import NeuronymWarning
from neuronym.execute.devices import Running
from neuronym.records import LayerInfo, Summary
from neuronym.regions._patched_summary import summarised
from neuronym.regions.patched import Bases, Patched, covered, patched
from neuronym.targets.hooks import recording
from neuronym.targets.target import Target

PAYS = 0.5
"""Full passes are taken where the multiply-adds that the occluder can reach are this share of all, or more.

Cutting out and pasting is not among them: at 0.4 a MobileNetV2 gained 2.6 times, at 0.7 a ResNet-20 on 32 px lost.
"""

TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2}
"""How far a value may be from that of a full pass, as a share of the layer's largest magnitude, by precision."""

TENSOR_CORES = 5e-3
"""The same for float32 on a GPU, whose convolutions may round their factors to 10 bits."""

Values: TypeAlias = dict[int, Float32[Tensor, "copies units"]]
Units: TypeAlias = Mapping[int, Sequence[int]]


class Occluding:
    """A ``with`` block in which a target answers to occluded images; its hooks are removed at the end.

    Memory is that of a batch in the network, and of :class:`~neuronym.regions.patched.Bases`.

    Args:
        target: the model.
        layers: from :func:`neuronym.targets.layers.select`.
        running: device, precision and layout, as :meth:`~neuronym.execute.devices.Running.prepared` gave them.
        summary: what a unit's map is summed up to.
        batch_size: occluded copies per pass.
        incremental: whether whole maps are avoided; None: where it pays, see :data:`PAYS`.
    """

    def __init__(
        self,
        target: Target,
        layers: Sequence[LayerInfo],
        running: Running,
        summary: Summary,
        batch_size: int,
        *,
        incremental: bool | None = None,
    ) -> None:
        self._target, self._layers, self._running = target, tuple(layers), running
        self._summary, self._batch_size, self._incremental = summary, batch_size, incremental
        self._hooks = ExitStack()
        self._recorded: tuple[int, ...] = ()
        self._sink: Callable[[int, Tensor], None] = _nothing
        self._run: Callable[[Tensor], object] = _nothing
        self._shares: dict[tuple[int, ...], float] = {}
        self._distrusted = False

    def __enter__(self) -> Occluding:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        self._recorded = ()

    def values(
        self,
        image: Float[Tensor, "3 height width"],
        windows: Int[Tensor, "copies 4"],
        fill: Float[Tensor, "3 height width"],
        wanted: Units,
    ) -> tuple[Values, dict[int, Float32[Tensor, " units"]]]:
        """The summaries of some units for copies of an image in which ``fill`` shows in one window each.

        Args:
            image: the network's input, on any device, like the others.
            windows: left, top, right and bottom edges in pixels.
            fill: what stands where the image is covered.
            wanted: for positions in ``layers`` the units; the pass stops at the deepest of these layers.

        Returns:
            For each of these positions the copies' values, float32 [copies, units], and the image's own [units], on the
            device.

        Raises:
            TargetError: a layer did not run as its record says.
        """
        if not wanted:
            return {}, {}
        positions = tuple(sorted(wanted))
        self._record(positions)
        image, fill = self._placed(image), self._placed(fill)
        plain = self._taken(image[None], lambda at, maps: self._summarised(at, maps, wanted))
        if not len(windows):
            return {at: plain[at].new_empty(0, len(wanted[at])) for at in positions}, _single(plain)
        bases = Bases() if self._is_incremental(positions, image, windows, fill) else None
        parts = [
            self._taken(self._copies(image, some, fill, bases), lambda at, maps: self._summarised(at, maps, wanted))
            for some in torch.split(windows, self._batch_size)
        ]
        return {at: torch.cat([part[at] for part in parts]) for at in positions}, _single(plain)

    def share(
        self,
        image: Float[Tensor, "3 height width"],
        windows: Int[Tensor, "copies 4"],
        fill: Float[Tensor, "3 height width"],
        positions: Sequence[int],
    ) -> float:
        """The multiply-adds of passes on boxes, over those of full passes up to the layers at these positions.

        A few of the windows are passed: those at the corners and one between. Where a layer's answers differ from those
        of a full pass by more than the tolerance, or the network cannot run so at all, there is a
        :class:`~neuronym.errors.NeuronymWarning`, and from then on all passes are full.
        """
        self._record(tuple(sorted(positions)))
        image, fill, some = self._placed(image), self._placed(fill), _far_apart(windows)
        bases = Bases()
        whole, all_flops = self._counted(lambda: covered(image, some, fill))
        try:
            for _ in range(2):  # the second time the base's maps are there
                boxed, flops = self._counted(lambda: self._copies(image, some, fill, bases))
        except Exception as error:  # whatever a model's own code may raise on maps that are not written out
            self._distrust(f"cannot be had when only the occluded parts are computed ({type(error).__name__}: {error})")
            return 1.0
        different = [self._layers[at].name for at in self._recorded if not self._equal(boxed[at], whole[at])]
        if different:
            self._distrust(
                f"at {different[0]!r} differ when only the occluded parts are computed: the network's passes depend on "
                "more than their inputs, or change them in an unusual way"
            )
        return flops / all_flops if all_flops else 1.0

    def _is_incremental(self, positions: tuple[int, ...], image: Tensor, windows: Tensor, fill: Tensor) -> bool:
        if self._incremental is False or self._distrusted:
            return False
        if positions not in self._shares:
            self._shares[positions] = self.share(image, windows, fill, positions)
        return not self._distrusted and (self._incremental is True or self._shares[positions] < PAYS)

    def _record(self, positions: tuple[int, ...]) -> None:
        """Have the passes deliver the layers at these positions; the first is of a plain image."""
        if positions == self._recorded:
            return
        self._hooks.close()
        layers = [self._layers[at] for at in positions]
        recorder = recording(self._target, layers, lambda at, maps: self._sink(positions[at], maps))
        self._run, self._recorded = self._hooks.enter_context(recorder), positions

    def _placed(self, image: Tensor) -> Tensor:
        """An image on the device, laid out in memory as batches are."""
        placed: Tensor = image[None].to(self._running.device, memory_format=self._running.memory_format)[0]
        return placed

    def _copies(self, image: Tensor, windows: Tensor, fill: Tensor, bases: Bases | None) -> Tensor:
        if bases is None:
            return covered(image, windows, fill).contiguous(memory_format=self._running.memory_format)
        bases.next_pass()
        return patched(image, windows, fill, bases)

    def _taken(self, batch: Tensor, take: Callable[[int, Tensor], Tensor]) -> dict[int, Tensor]:
        """What ``take`` makes of each layer's activations in a pass."""
        found: dict[int, Tensor] = {}

        def keep(at: int, maps: Tensor) -> None:
            found[at] = take(at, maps)

        self._sink = keep
        self._run(batch)
        return found

    def _summarised(self, at: int, maps: Tensor, wanted: Units) -> Tensor:
        # Float32 before the summary: what is compared are differences of these.
        return summarised(maps, wanted[at], self._summary)

    def _counted(self, batch: Callable[[], Tensor]) -> tuple[dict[int, Tensor], int]:
        """The whole maps of each layer in a pass, and its floating-point operations."""
        from torch.utils.flop_counter import FlopCounterMode  # brings triton

        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            found = self._taken(batch(), _written_out)
        return found, int(counter.get_total_flops())

    def _equal(self, boxed: Tensor, whole: Tensor) -> bool:
        tolerance = TOLERANCE[self._running.precision]
        if self._running.device.type != "cpu":
            tolerance = max(tolerance, TENSOR_CORES)
        scale = float(whole.nan_to_num(0, 0, 0).abs().max()) if whole.numel() else 0.0
        return torch.allclose(boxed, whole, rtol=0.0, atol=tolerance * scale, equal_nan=True)

    def _distrust(self, why: str) -> None:
        self._distrusted = True
        warnings.warn(
            f"The activations of {self._target.name} {why}. Whole images are passed instead, which takes longer.",
            NeuronymWarning,
            stacklevel=2,
        )


def _written_out(at: int, maps: Tensor) -> Tensor:
    return (maps.full() if isinstance(maps, Patched) else maps).clone()


def _far_apart(windows: Int[Tensor, "copies 4"]) -> Int[Tensor, "some 4"]:
    """The windows nearest to the four corners, and the one in the middle of the list."""
    falling, rising = windows[:, 0] + windows[:, 1], windows[:, 0] - windows[:, 1]
    ends = [score.argmin() for score in (falling, -falling, rising, -rising)]
    return windows[sorted({*(int(end) for end in ends), len(windows) // 2})]


def _single(plain: Mapping[int, Tensor]) -> dict[int, Tensor]:
    return {at: values[0] for at, values in plain.items()}


def _nothing(*given: object) -> None:
    """What runs before anything is recorded."""
