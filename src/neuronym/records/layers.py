"""A place in a network whose units can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neuronym.records.values import Tokens


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One place in a target whose units can be explained, and how its output is read.

    Attributes:
        path: the module's path in the model.
        after: True where the activation function that follows the module is applied to its output.
        activation: the name of the activation function that follows directly, if one does.
        kind: the module's class.
        units: how many units.
        map_size: (height, width) of a unit's spatial map, or None where a unit gives one number per image.
        layout: how the output is laid out: ``nchw`` or ``nhwc`` maps, ``tokens`` or ``flat``.
        tokens: the token policy, for ``tokens`` outputs only.
        prefix_tokens: class and register tokens that precede the patches, for ``tokens`` outputs only.
        token_count: all tokens, for ``tokens`` outputs only.
        calls: how often the module runs in one forward pass; the output of the last call counts.
        output: which tensor of a tuple or mapping output is read, for example ``[0]``; empty for a plain tensor.
    """

    path: str
    after: bool
    activation: str | None
    kind: str
    units: int
    map_size: tuple[int, int] | None
    layout: Literal["nchw", "nhwc", "tokens", "flat"]
    tokens: Tokens | None = None
    prefix_tokens: int = 0
    token_count: int = 0
    calls: int = 1
    output: str = ""

    @property
    def name(self) -> str:
        """How the layer is written everywhere: its path, with ``:after`` where the activation is applied."""
        return f"{self.path}:after" if self.after else self.path
