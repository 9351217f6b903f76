"""The protocol of a method that describes units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from neuronym.records import Explanation, MaskRule, OcclusionRule, Summary, Unit
from neuronym.store.layer_view import LayerView

HANDED_IN = ("concepts", "encoder")
"""Fields of a method that Neuronym fills from the user's words: a ``ConceptSet`` and an ``ImageTextEncoder``."""


class Explainer(Protocol):
    """A method: a frozen dataclass whose fields are its parameters, the concepts and the backends that it uses.

    This is the whole contract for a method of your own:

    - ``name`` is how users write it, ``citation`` where it comes from, ``summary`` the g whose exemplars it looks at.
    - Fields with defaults are parameters: numbers, booleans, texts, tuples of texts or None; users set them with
      ``--set field=value``. A field ``concepts`` gets a :class:`~neuronym.explain.concepts.ConceptSet`, a field
      ``encoder`` an :class:`~neuronym.backends.ImageTextEncoder`; with a default of None they are optional. A parameter
      that cannot be used raises ``MethodError`` in ``__post_init__``.
    - A description depends on the layer and the parameters, never on which other units were asked for, in which order
      or how many at a time; random numbers come from a field ``seed``.
    - Only explain images are looked at; the test images are for judging, and the view that a run or a benchmark hands
      in has none.
    - A unit that cannot be described gets state ``abstained`` or ``failed`` with the reason, never an invented text.

    Two more attributes are optional, for methods that compare pixels:

    - ``needs_annotations``, True on the class where the method cannot run unless something is annotated in the images
      (:attr:`LayerView.annotated <neuronym.store.layer_view.LayerView.annotated>`); this is then said before anything
      is computed.
    - ``mask_rule``, a :class:`~neuronym.records.MaskRule`: where the method takes a unit for active. Held-out masks are
      compared with its descriptions, and drawn in the report, by the same rule. Absent or None, the usual one is taken.

    A method that covers parts of images is an :class:`Occluding` as well.
    """

    @property
    def citation(self) -> str:
        """Where the method comes from."""

    @property
    def name(self) -> str:
        """How users write the method."""

    @property
    def summary(self) -> Summary:
        """The summary whose exemplars the method looks at."""

    def explain(self, units: Sequence[Unit], view: LayerView) -> Iterator[Explanation]:
        """One explanation for every unit, in the order given, as soon as it is made.

        Args:
            units: some units of the view's layer, none twice.
            view: the layer.

        Raises:
            MethodError: the method cannot run on this study with these parameters.
        """


@runtime_checkable
class Occluding(Protocol):
    """What a method that covers parts of images says beforehand, so that all layers share one occlusion pass.

    The method asks :meth:`LayerView.occlusions <neuronym.store.layer_view.LayerView.occlusions>` all the same: what was
    not made before is made then.
    """

    @property
    def occlusion_rule(self) -> OcclusionRule:
        """How images are covered, and what of a unit is watched; the report draws by the same rule."""

    def occluded_images(
        self, units: Sequence[Unit], view: LayerView
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The pairs that will be looked at: positions of explain images and of units, [pairs] each.

        Args:
            units: some units of the view's layer.
            view: the layer.
        """


def needs_annotations(method: object) -> bool:
    """Whether a method, or its class, cannot run unless something is annotated in the images."""
    return bool(getattr(method, "needs_annotations", False))


def mask_rule(method: Explainer) -> MaskRule | None:
    """Where a method takes a unit for active; None if it has no rule of its own."""
    rule: MaskRule | None = getattr(method, "mask_rule", None)
    return rule


def occlusion_rule(method: object) -> OcclusionRule | None:
    """How a method covers parts of images; None if it does not."""
    return method.occlusion_rule if isinstance(method, Occluding) else None
