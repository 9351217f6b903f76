"""How units are to be described, as ``neuronym explain`` was asked, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuronym.backends import ImageTextEncoder
    from neuronym.probes.probe_set import ProbeSet
    from neuronym.records import Grid, LayerInfo


class ExplainWish:
    """How units are to be described; what is wrong with it is said before anything is written."""

    def __init__(
        self,
        method: str,
        concepts: str | None,
        encoder: str | None,
        settings: Mapping[str, Any],
        abstain: float | None,
        units: Sequence[int] | None,
        annotations: str | None,
        device: str,
        precision: str,
    ) -> None:
        from neuronym import plugins
        from neuronym.execute.devices import Running
        from neuronym.explain.abstention import check_level
        from neuronym.explain.concepts import are_labels, read_concepts

        if abstain is not None:
            check_level(abstain)
        self._device = Running.chosen(device, precision).device
        plugins.method_class(method)
        if encoder is not None:
            plugins.resolve("encoder", encoder)
        self._method, self._concepts, self._encoder, self._settings = method, concepts, encoder, settings
        self._abstain, self.units, self._annotations = abstain, units, annotations
        self.concepts = None if concepts is None or are_labels(concepts) else read_concepts(concepts, None)
        self.encoder: ImageTextEncoder | None = None

    def check(
        self,
        layers: Sequence[LayerInfo],
        probe: ProbeSet,
        size: Grid,
        summaries: Sequence[str],
        top_k: int,
        sources: Sequence[str],
        class_names: Callable[[], Sequence[str] | None],
        *,
        masked: bool,
    ) -> None:
        """Read the rest of it, once the layers and the images are known.

        Args:
            layers: the layers.
            probe: the images.
            size: (height, width) of what the network is given.
            summaries: what is kept of each image and unit.
            top_k: exemplars kept per unit.
            sources: where the images come from.
            class_names: tells the names of the model's outputs, if they have any.
            masked: whether the study has masks of concepts already.
        """
        from neuronym import asking, plugins
        from neuronym.explain.abstention import check_level
        from neuronym.explain.explainer import occlusion_rule
        from neuronym.vocabulary.fitting import check_vocabulary

        asking.check_units(layers, self.units)
        if self._abstain is not None:
            check_level(self._abstain, {layer.name: layer.units for layer in layers})
        self.concepts = self.concepts or asking.choose_concepts(self._concepts, probe.labels)
        if self.concepts is not None and self.concepts.vocabulary is not None:
            check_vocabulary(self.concepts.vocabulary, class_names())
        if self._encoder is not None:
            self.encoder = plugins.encoder(self._encoder, self._device)
            asking.warn_of_domain(self.encoder, asking.source_names(sources))
        explainer = plugins.make_method(self._method, self._settings, self.concepts, self.encoder)
        asking.check_summary(self._method, explainer.summary, summaries)
        asking.check_occluder(occlusion_rule(explainer), size)
        asking.check_exemplars(explainer, self._settings, top_k)
        if self._annotations is not None or not masked:
            asking.check_annotations(explainer, self._annotations, probe)
