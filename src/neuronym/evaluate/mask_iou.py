"""How far units fire where the things are that texts speak of: intersection over union of masks on held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuronym.evaluate.abilities import MaskSource
from neuronym.functional.iou import Overlaps
from neuronym.records import MaskRule, Split
from neuronym.store.layer_view import LayerView
from neuronym.store.mask_tables import Window, Words

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Masked:
    """What the masks of units are compared with.

    Attributes:
        source: knows where texts are.
        rule: where a unit counts as active.
    """

    source: MaskSource
    rule: MaskRule

    def ious(self, view: LayerView, units: Sequence[int], texts: Sequence[str], split: Split) -> Floats:
        """:func:`text_ious` of some of a layer's units, on the grid of the study's annotations.

        Returns:
            Float64 [units of the layer, texts]; NaN of units that were not asked for.

        Raises:
            MethodError: nothing is annotated.
        """
        found = np.full((view.layer.units, len(texts)), np.nan)
        asked = sorted(set(units))
        if asked and texts:
            masks = view.unit_masks(self.rule, split, units=asked)
            found[asked] = text_ious(len(asked), masks, texts, self.source, split)
        return found


def text_ious(units: int, unit_masks: Window[Words], texts: Sequence[str], source: MaskSource, split: Split) -> Floats:
    """Intersection over union of every unit's mask with every text's, over all images of a split at once.

    As Network Dissection counts (Bau et al. 2017, section 2.3): the cells where both are, summed over the images,
    by those where either is. Cells that the source does not know, such as padding, do not count.

    Args:
        units: how many there are.
        unit_masks: where they are active.
        texts: each once.
        source: knows where these are.
        split: of the images.

    Returns:
        Float64 [units, texts], 0 to 1; 0 of a unit that is active nowhere, and of a text that is nowhere.
    """
    found = Overlaps(units, len(texts))
    for images in unit_masks.blocks():
        found.update(unit_masks.rows(images), source.text_masks(texts, split, images))
    return found.iou()
