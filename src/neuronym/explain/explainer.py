"""The protocol of a method that describes units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from neuronym.records import Explanation, MaskRule, Summary, Unit
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


def needs_annotations(method: object) -> bool:
    """Whether a method, or its class, cannot run unless something is annotated in the images."""
    return bool(getattr(method, "needs_annotations", False))


def mask_rule(method: Explainer) -> MaskRule | None:
    """Where a method takes a unit for active; None if it has no rule of its own."""
    rule: MaskRule | None = getattr(method, "mask_rule", None)
    return rule
