"""One number per occluded image and unit, where only the boxes of the maps are at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from neuronym.functional._checks import at_home
from neuronym.functional.summary import summarise
from neuronym.records import Summary
from neuronym.regions._patched_boxes import Starts
from neuronym.regions.patched import Patched


def summarised(
    activations: Float[Tensor, "n all height width"] | Float[Tensor, "n all"], units: Sequence[int], summary: Summary
) -> Float32[Tensor, "n units"]:
    """What :func:`neuronym.functional.summary.summarise` makes of some units; of Patched maps the boxes suffice.

    The maximum and the means are put together from the box and from what is left of the base; for ``q99`` the maps of
    the wanted units are written out.
    """
    if not isinstance(activations, Patched) or activations.whole is not None:
        maps = activations.full() if isinstance(activations, Patched) else activations
        return summarise(maps[:, list(units)], summary)
    if summary == "max":
        return _maximum(activations, tuple(units))
    if summary in ("mean", "abs-mean"):
        return _mean(activations, tuple(units), absolute=summary == "abs-mean")
    chosen = Patched(
        activations.base[:, list(units)], activations.patch[:, list(units)], activations.origins, activations.bases
    )
    return summarise(chosen.full(), summary)


def _maximum(maps: Patched, units: tuple[int, ...]) -> Float32[Tensor, "n units"]:
    """The cells outside of a box are four half-planes: above, below, left and right of it."""
    above, below, left, right = maps.bases.once(_half_planes, maps.base, units)
    (top, first), (bottom, last) = _edges(maps)
    outside = [above[:, top], below[:, bottom], left[:, first], right[:, last]]
    inside = maps.patch[:, list(units)].amax((2, 3)).float()
    return torch.maximum(inside, torch.stack(outside).amax(0).T)


def _half_planes(base: Tensor, units: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Maxima of the first rows, the last rows, the first columns, the last columns: float32 [units, edges] each.

    Edge i is before the row or column i, so that there is one more than of these.
    """
    maps = base[0, list(units)].float()
    found = []
    for lines in (maps.amax(2), maps.amax(1)):
        none = lines.new_full((len(units), 1), -torch.inf)
        found.append(torch.cat([none, lines.cummax(1).values], 1))
        found.append(torch.cat([lines.flip(1).cummax(1).values.flip(1), none], 1))
    return tuple(found)


def _mean(maps: Patched, units: tuple[int, ...], *, absolute: bool) -> Float32[Tensor, "n units"]:
    """Sums in float64: of the base, less the box's cells in it, plus the box's own."""
    sums = maps.bases.once(_corner_sums, maps.base, units, absolute)
    (top, first), (bottom, last) = ((rows.to(sums.device), columns.to(sums.device)) for rows, columns in _edges(maps))
    replaced = sums[:, bottom, last] - sums[:, top, last] - sums[:, bottom, first] + sums[:, top, first]
    patch = at_home(maps.patch[:, list(units)])
    inside = (patch.abs() if absolute else patch).sum((2, 3), dtype=torch.float64)
    total: Tensor = (sums[:, -1, -1, None] - replaced).T + inside
    return (total / maps.base.shape[2:].numel()).float()


def _corner_sums(base: Tensor, units: tuple[int, ...], absolute: bool) -> Tensor:
    """Float64 [units, height + 1, width + 1]: the sum of all cells above and left of each corner."""
    maps = at_home(base[0, list(units)]).double()
    return torch.nn.functional.pad((maps.abs() if absolute else maps).cumsum(1).cumsum(2), (1, 0, 1, 0))


def _edges(maps: Patched) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The (row, column) at which each box begins, and that behind each."""
    begins: Starts = maps.origins
    (top, left), (bottom, right) = (
        torch.from_numpy(edges).to(maps.patch.device).unbind(1) for edges in (begins, begins + maps.box[1])
    )
    return (top, left), (bottom, right)
