"""Neuronym gives every unit of a deep vision network a name you can check.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuronym.backends import ImageGenerator, ImageTextEncoder
    from neuronym.errors import (
        MethodError,
        NeuronymError,
        NeuronymWarning,
        NonFiniteError,
        ProbeError,
        StudyError,
        TargetError,
        UnknownNameError,
        UserError,
    )
    from neuronym.explain.concepts import ConceptSet
    from neuronym.explain.explainer import Explainer
    from neuronym.probes.probe_set import ProbeSet
    from neuronym.rating import write_rating
    from neuronym.records import (
        Assessment,
        Box,
        Candidate,
        ConceptSource,
        Evidence,
        Exemplar,
        Explanation,
        Figure,
        Geometry,
        ImageRecord,
        LabelTable,
        LayerInfo,
        Region,
        Score,
        Unit,
    )
    from neuronym.reporting import write_report
    from neuronym.store.layer_view import LayerView
    from neuronym.study import Study
    from neuronym.targets.preprocessing import Preprocessing
    from neuronym.targets.target import Target
    from neuronym.world.handle import Scene, World

    __version__: str

__all__ = [
    "Assessment",
    "Box",
    "Candidate",
    "ConceptSet",
    "ConceptSource",
    "Evidence",
    "Exemplar",
    "Explainer",
    "Explanation",
    "Figure",
    "Geometry",
    "ImageGenerator",
    "ImageRecord",
    "ImageTextEncoder",
    "LabelTable",
    "LayerInfo",
    "LayerView",
    "MethodError",
    "NeuronymError",
    "NeuronymWarning",
    "NonFiniteError",
    "Preprocessing",
    "ProbeError",
    "ProbeSet",
    "Region",
    "Scene",
    "Score",
    "Study",
    "StudyError",
    "Target",
    "TargetError",
    "Unit",
    "UnknownNameError",
    "UserError",
    "World",
    "__version__",
    "write_rating",
    "write_report",
]

_ELSEWHERE = {
    "ConceptSet": "explain.concepts",
    "Explainer": "explain.explainer",
    "ImageGenerator": "backends",
    "ImageTextEncoder": "backends",
    "LayerView": "store.layer_view",
    "Preprocessing": "targets.preprocessing",
    "ProbeSet": "probes.probe_set",
    "Scene": "world.handle",
    "Study": "study",
    "Target": "targets.target",
    "World": "world.handle",
    "write_rating": "rating",
    "write_report": "reporting",
}
"""Where the names are that are neither exceptions nor records."""

# A type checker takes a module with __getattr__ for one that has every name.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module 'neuronym' has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            found = version("neuronym")
        else:
            from importlib import import_module

            home = _ELSEWHERE.get(name, "errors" if name.endswith(("Error", "Warning")) else "records")
            found = getattr(import_module(f"neuronym.{home}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
