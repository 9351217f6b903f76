"""Which units have nothing to describe, because they never change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuronym.records import Summary
from neuronym.store.layer_view import LayerView


def unvarying(view: LayerView, summary: Summary, activations: npt.NDArray[np.float32]) -> dict[int, str]:
    """The units that do not vary over the explain images, with the reason.

    Args:
        view: the layer.
        summary: which one the activations are.
        activations: of the units on the explain images, [images, units].
    """
    flags = (activations == activations[:1]).all(0)
    same = dict.fromkeys(flags.nonzero()[0].tolist(), f"its {summary} is the same on every explain image")
    return same | still(view)


def still(view: LayerView) -> dict[int, str]:
    """The units that have one value at every position of every explain image, with the reason."""
    reasons = (
        (view.constant, "it has one value everywhere on every explain image"),
        (view.dead, "it is zero everywhere on every explain image"),
    )
    return {int(unit): reason for flags, reason in reasons for unit in flags.nonzero()[0]}
