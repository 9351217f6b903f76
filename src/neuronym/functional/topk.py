"""The images that each unit responds to most, kept while a stream of images goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional._checks import at_home, home

_NO_IMAGE = torch.iinfo(torch.int64).max


class TopK:
    """Per unit the ``k`` largest values over images, each with the image's index and the unit's activation map.

    Of equal values the lower image index wins, so the result depends neither on the order of the images nor on how
    they come in batches, and ``merge`` is exact, associative and commutative. Each image must be given once.

    Args:
        units: number of units.
        k: how many images to keep per unit.
        map_size: (height, width) of the maps to keep, or None to keep none.
        device: where the state lives; the CPU where the device has no float64.
    """

    def __init__(
        self, units: int, k: int, map_size: tuple[int, int] | None = None, device: torch.device | str = "cpu"
    ) -> None:
        if units < 1 or k < 1:
            raise ValueError(f"units {units} and k {k} must be at least 1")
        self.device = home(torch.device(device))
        self.units, self.k, self.map_size, self.seen = units, k, map_size, 0
        self._values = torch.full((units, k), -torch.inf, device=self.device)
        self._indices = torch.full((units, k), _NO_IMAGE, dtype=torch.int64, device=self.device)
        self._maps = torch.zeros(units, k, *(map_size or (0, 0)), device=self.device)
        self._worst = torch.zeros(units, dtype=torch.int64, device=self.device)

    def update(
        self,
        values: Float[Tensor, "images units"],
        indices: Int64[Tensor, " images"],
        maps: Float[Tensor, "images units height width"] | None = None,
    ) -> None:
        """Take in some images: their values, their indices and, if maps are kept, their maps.

        Raises:
            ValueError: shapes that do not fit this state.
            NonFiniteError: a value is NaN or infinite; the state is then spoilt and must be thrown away.
        """
        expected = None if self.map_size is None else (*values.shape, *self.map_size)
        got = None if maps is None else tuple(maps.shape)
        if values.shape[1] != self.units or len(indices) != len(values) or got != expected:
            raise ValueError(
                f"values {tuple(values.shape)}, indices {tuple(indices.shape)} and maps {got} do not fit "
                f"{self.units} units with maps {self.map_size}"
            )
        values = at_home(values).to(self.device).float()
        indices = indices.to(self.device)
        # Of the memory layout only the order of units and positions may differ (channels last): then this is a view.
        flat = values.new_zeros(0, 0, 0) if maps is None else at_home(maps).to(self.device).float().flatten(2)
        take = self._take if self.device.type == "cpu" else self._take_torch
        if not take(values, indices, flat):
            raise NonFiniteError("The values contain NaN or infinite ones.")
        self.seen += len(values)

    def _take(self, values: Tensor, indices: Tensor, maps: Tensor) -> bool:
        from neuronym.functional import _topk

        return _topk.update(
            self._values.numpy(),
            self._indices.numpy(),
            self._maps.flatten(2).numpy(),
            self._worst.numpy(),
            values.numpy(),
            indices.numpy(),
            maps.numpy(),
            self.map_size is not None,
        )

    def _take_torch(self, values: Tensor, indices: Tensor, maps: Tensor) -> bool:
        """As the kernel, for any device: the old and the new are sorted together."""
        if not bool(torch.isfinite(values).all()):
            return False
        all_values = torch.cat([self._values, values.T], 1)
        all_indices = torch.cat([self._indices, indices.expand(self.units, -1)], 1)
        order = _order(all_values, all_indices)[:, : self.k]
        if self.map_size is not None:
            rows = torch.arange(self.units, device=self.device)[:, None]
            new = (
                maps[(order - self.k).clamp_min(0), rows].view(-1, self.k, *self.map_size) if len(maps) else self._maps
            )
            old = self._maps[rows, order.clamp_max(self.k - 1)]
            self._maps = torch.where((order < self.k)[:, :, None, None], old, new)
        self._values, self._indices = all_values.gather(1, order), all_indices.gather(1, order)
        self._worst.fill_(self.k - 1)
        return True

    def finish(
        self,
    ) -> tuple[
        Float32[Tensor, "units kept"], Int64[Tensor, "units kept"], Float32[Tensor, "units kept height width"] | None
    ]:
        """Values (largest first), image indices and maps (None if none are kept) of the best min(k, images seen)."""
        order = _order(self._values, self._indices)[:, : min(self.k, self.seen)]
        maps = None
        if self.map_size is not None:
            maps = self._maps[torch.arange(self.units, device=self.device)[:, None], order]
        return self._values.gather(1, order), self._indices.gather(1, order), maps

    def merge(self, other: TopK) -> TopK:
        """The state after the images of both, which must share none; neither is changed.

        Raises:
            ValueError: states of other units, k or map size.
        """
        if (self.units, self.k, self.map_size) != (other.units, other.k, other.map_size):
            raise ValueError(
                f"a state of {self.units} units, k = {self.k}, maps {self.map_size} cannot be merged with one of "
                f"{other.units} units, k = {other.k}, maps {other.map_size}"
            )
        both = TopK(self.units, 2 * self.k, self.map_size, self.device)
        both._values = torch.cat([self._values, other._values.to(self.device)], 1)
        both._indices = torch.cat([self._indices, other._indices.to(self.device)], 1)
        both._maps = torch.cat([self._maps, other._maps.to(self.device)], 1)
        both.seen = self.seen + other.seen
        values, indices, maps = both.finish()
        merged = TopK(self.units, self.k, self.map_size, self.device)
        merged._fill(values, indices, maps, both.seen)
        return merged

    def _fill(self, values: Tensor, indices: Tensor, maps: Tensor | None, seen: int) -> None:
        """Set the state from sorted entries."""
        kept = min(self.k, values.shape[1])
        self._values[:, :kept], self._indices[:, :kept] = values[:, :kept], indices[:, :kept]
        if maps is not None:
            self._maps[:, :kept] = maps[:, :kept]
        self._worst.fill_(self.k - 1)
        self.seen = seen

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The state as arrays; equal for equal content, however the images came."""
        values, indices, maps = self.finish()
        state = {"k": np.array(self.k), "seen": np.array(self.seen)}
        state |= {"values": values.cpu().numpy(), "indices": indices.cpu().numpy()}
        return state if maps is None else state | {"maps": maps.cpu().numpy()}

    @classmethod
    def from_state(cls, state: dict[str, npt.NDArray[Any]], device: torch.device | str = "cpu") -> TopK:
        """The inverse of :meth:`state_dict`."""
        maps = torch.tensor(state["maps"]) if "maps" in state else None
        size = None if maps is None else (int(maps.shape[2]), int(maps.shape[3]))
        made = cls(len(state["values"]), int(state["k"]), size, device)
        made._fill(torch.tensor(state["values"]), torch.tensor(state["indices"]), maps, int(state["seen"]))
        return made


def _order(values: Tensor, indices: Tensor) -> Tensor:
    """Positions in each row by falling value, then by rising index."""
    by_index = torch.sort(indices, stable=True, dim=1).indices
    by_value = torch.sort(values.gather(1, by_index), stable=True, dim=1, descending=True).indices
    return by_index.gather(1, by_value)
