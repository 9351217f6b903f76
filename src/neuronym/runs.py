"""What a run of a method is made with, and the identity that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neuronym import plugins
from neuronym.explain.abstention import VERSION
from neuronym.explain.explainer import mask_rule, needs_annotations, occlusion_rule
from neuronym.records import Annotated, Json, LayerInfo, Unit, digest

if TYPE_CHECKING:
    from neuronym.backends import ImageTextEncoder
    from neuronym.explain.concepts import ConceptSet
    from neuronym.explain.explainer import Explainer


def describe_run(
    method: str,
    explainer: Explainer,
    concepts: ConceptSet | None,
    encoder: ImageTextEncoder | None,
    abstain: float | None = None,
    annotated: Annotated | None = None,
) -> dict[str, Json]:
    """What a run is made with; under ``key`` all that changes its results.

    Args:
        method: how the user wrote the method.
        explainer: the method with its parameters.
        concepts: what it chooses among.
        encoder: what it compares with.
        abstain: the share of shuffled units that may be described; None where the method decides by itself.
        annotated: what is annotated in the images; of no account unless the method looks at it.
    """
    values = {name: getattr(explainer, name) for name in plugins.parameters(type(explainer))}
    plain: dict[str, Json] = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
    rule: dict[str, Json] = {} if abstain is None else {"abstain": abstain}
    pixels = _pixels(explainer, annotated)
    return {
        "began": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": method,
        "summary": explainer.summary,
        "concepts": None if concepts is None else concepts.source,
        "label_group": None if concepts is None else concepts.group,
        "encoder": None if encoder is None else encoder.name,
        **rule,
        **pixels,
        "key": {
            "method": method,
            "parameters": plain,
            "concepts": None if concepts is None else concepts.key,
            "encoder": None if encoder is None else encoder.key,
            **rule,
            **({} if abstain is None else {"abstention": VERSION}),
            **pixels,
        },
    }


def _pixels(explainer: Explainer, annotated: Annotated | None) -> dict[str, Json]:
    """What a method that compares pixels looks at; nothing for others."""
    found: dict[str, Json] = {}
    if needs_annotations(explainer) and annotated is not None:
        found["annotations"] = annotated.key
    rule, covering = mask_rule(explainer), occlusion_rule(explainer)
    if rule is not None:
        found["mask_rule"] = rule.spec()
    if covering is not None:
        found["occlusion_rule"] = covering.spec()
    return found


def run_name(study_key: str, explainer: Explainer, made_with: dict[str, Json]) -> str:
    """The id of a run: equal studies, methods, parameters, concepts and encoders give the same."""
    return f"{explainer.name}-{digest([study_key, made_with['key']], 8)}"


def units_of(layer: LayerInfo, given: Sequence[int] | None) -> list[Unit]:
    """Some units of a layer in order, or all of them."""
    return [Unit(layer.name, unit) for unit in (range(layer.units) if given is None else sorted(set(given)))]
