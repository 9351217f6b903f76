"""Whether labels stay what they are when what should not matter is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from neuronym.records import Explanation
from neuronym.records.benchmark import BenchUnit


def same_share(
    labels: Mapping[int, Explanation], others: Sequence[Mapping[int, Explanation]], units: Sequence[BenchUnit]
) -> npt.NDArray[np.float64]:
    """For each unit the share of the other sets of labels in which it has the same text, or none as well, [units].

    Args:
        labels: by unit.
        others: at least one other set of them.
        units: which units.
    """
    same = [[_text(labels, unit) == _text(other, unit) for unit in units] for other in others]
    found: npt.NDArray[np.float64] = np.array(same, float).reshape(len(others), len(units)).mean(0)
    return found


def _text(labels: Mapping[int, Explanation], unit: BenchUnit) -> str | None:
    found = labels.get(unit.unit)
    return None if found is None else found.description
