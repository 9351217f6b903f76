"""Things by name, how far a step of the work is, and the protocol of what judges descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from neuronym.records.values import Split, Stage, digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Spec:
    """A thing by name and parameters, such as a method or a backend; equal keys mean equal results."""

    kind: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Sixteen hex digits that cover the kind, the name and every parameter."""
        return digest(asdict(self))


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a stage of a study is; ``done`` of ``total`` items, and the key of what it was run with."""

    stage: str
    key: str
    state: Stage
    done: int = 0
    total: int = 0
    reason: str | None = None


@runtime_checkable
class ConceptSource(Protocol):
    """Turns descriptions into how much of them is in each image: the other half of every held-out check."""

    @property
    def name(self) -> str:
        """How the source is written on the command line and named in tables of scores."""

    @property
    def complete(self) -> bool:
        """Whether it understands every meaningful text, so that one it cannot resolve is worth 0, not unknown."""

    @property
    def vocabulary(self) -> Sequence[str]:
        """Texts that it resolves, which random labels are drawn from; empty where it knows no list."""

    def concepts(self, texts: Sequence[str], split: Split) -> Sequence[npt.NDArray[np.float32] | None]:
        """For each text float [images] for the images of ``split`` in study order, or None if it cannot be resolved."""
