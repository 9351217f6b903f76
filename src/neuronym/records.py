"""The frozen records that the layers of Neuronym exchange, and the protocol ``ConceptSource``.

Records hold plain values and NumPy arrays, never torch, so that tables, reports and other people's tools can read
them without a deep-learning framework. A record is never changed: scores and ablation effects are rows of their own,
keyed by the explanation's or the unit's identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What may stand in a manifest."""

Split: TypeAlias = Literal["explain", "test"]
"""Descriptions are made from ``explain`` images and judged on ``test`` images."""

Summary: TypeAlias = Literal["mean", "max", "abs-mean", "q99"]
"""The function g that turns one image's activation map into one number."""

Tokens: TypeAlias = Literal["cls", "mean", "max", "grid"]
"""How the tokens of a transformer become a unit's activation: the class token, the mean or the maximum over the patch
tokens, or the patch tokens as a map."""

State: TypeAlias = Literal["described", "abstained", "failed"]
"""What became of a unit under a method."""

Standing: TypeAlias = Literal["supported", "weak", "unsupported"]
"""What held-out images say of a description: its whole interval is above what random labels reach, or its score alone,
or not even that."""

Stage: TypeAlias = Literal["pending", "running", "done", "failed"]
"""What became of a step of the work."""


def digest(value: object, length: int = 16) -> str:
    """The first ``length`` hex digits of the SHA-256 of a JSON value in canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One channel, output, hidden feature or dictionary feature: position ``index`` of the layer named ``layer``."""

    layer: str
    index: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.index}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, x to the right and y down; ``x1`` and ``y1`` are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Geometry:
    """How an image became a network's input: first resized, then cropped (or padded).

    All sizes are (height, width) in pixels. ``left`` and ``top`` are the crop's corner in the resized image; they are
    negative where the crop reaches beyond it and was padded.
    """

    image: tuple[int, int]
    resized: tuple[int, int]
    top: int
    left: int
    input: tuple[int, int]

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """The point of the original image under point (x, y) of the network's input, both continuous, in pixels."""
        return (
            (x + self.left) * self.image[1] / self.resized[1],
            (y + self.top) * self.image[0] / self.resized[0],
        )

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """The inverse of :meth:`to_image`."""
        return (
            x * self.resized[1] / self.image[1] - self.left,
            y * self.resized[0] / self.image[0] - self.top,
        )

    def visible(self) -> Box:
        """The part of the original image that the network saw, clipped to the image."""
        x0, y0 = self.to_image(0, 0)
        x1, y1 = self.to_image(self.input[1], self.input[0])
        return Box(max(x0, 0), max(y0, 0), min(x1, self.image[1]), min(y1, self.image[0]))

    def cell(self, row: int, column: int, map_size: tuple[int, int]) -> Box:
        """The box in the original image of cell (row, column) of a map of ``map_size`` that covers the input.

        The box may reach outside the image where the input was padded.
        """
        height, width = self.input[0] / map_size[0], self.input[1] / map_size[1]
        x0, y0 = self.to_image(column * width, row * height)
        x1, y1 = self.to_image((column + 1) * width, (row + 1) * height)
        return Box(x0, y0, x1, y1)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One probe image.

    ``id`` is a hash of its content; ``source`` and ``member`` say where it was read (a folder, archive or array file,
    and the name or number in it). ``height`` and ``width`` are those of the decoded, upright image. ``label`` is the
    class name, if known.
    """

    id: str
    source: str
    member: str
    height: int
    width: int
    label: str | None = None
    split: Split = "explain"


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that could not be used, and why."""

    source: str
    member: str
    reason: str


@dataclass(frozen=True, eq=False)
class LabelTable:
    """How much of each concept is in each probe image, from labels instead of a model.

    ``values`` is float32 [images, concepts], 0 to 1, in the order of the images it was made for. ``groups`` names the
    table each concept came from: ``class``, ``superclass`` or the CSV's name.
    """

    concepts: tuple[str, ...]
    groups: tuple[str, ...]
    values: npt.NDArray[np.float32]

    def group(self, name: str) -> LabelTable:
        """Only the concepts of one group."""
        keep = [i for i, group in enumerate(self.groups) if group == name]
        return LabelTable(
            tuple(self.concepts[i] for i in keep), tuple(self.groups[i] for i in keep), self.values[:, keep]
        )

    def rows(self, indices: npt.NDArray[np.integer[Any]]) -> LabelTable:
        """The same concepts for some of the images, in the order given."""
        return LabelTable(self.concepts, self.groups, self.values[indices])


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


@dataclass(frozen=True, eq=False)
class Exemplar:
    """One of the images that a unit responds to most.

    ``index`` is the image's position in the explain split; ``map`` is float32 [height, width], or None where the
    layer has no spatial map.
    """

    unit: Unit
    rank: int
    index: int
    image_id: str
    value: float
    summary: Summary
    map: npt.NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an image, in pixels of the original: where a unit fired, or what an explainer looked at."""

    image_id: str
    box: Box
    kind: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A description that a method considered, with its score under that method (higher is better)."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a method saw or produced on the way to its description."""

    kind: str
    image_id: str | None = None
    region: Region | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one method says about one unit.

    ``description`` is set exactly when ``state`` is ``described``, ``reason`` exactly when it is not: a failure is a
    state with a reason, never a text that is scored later.
    """

    unit: Unit
    method: str
    run: str
    state: State
    description: str | None = None
    score: float | None = None
    candidates: tuple[Candidate, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.state == "described") != (self.description is not None):
            raise ValueError(f"an explanation in state {self.state!r} with description {self.description!r}")
        if (self.state == "described") == (self.reason is not None):
            raise ValueError(f"an explanation in state {self.state!r} with reason {self.reason!r}")

    @property
    def id(self) -> str:
        """Identity of the explanation: the run that made it and the unit."""
        return f"{self.run}/{self.unit}"

    def _repr_html_(self) -> str:
        """For notebooks: the description, its score, the other candidates, and what the method noted."""
        muted = '<div style="opacity:.68">'
        score = "" if self.score is None else f" · score {self.score:.4g}"
        said = self.description if self.description is not None else f"{self.state}: {self.reason}"
        others = [one.text for one in self.candidates if one.text != self.description][:4]
        notes = [f"also {', '.join(others)}"] if others else []
        notes += [f"{one.kind}: {one.text}" for one in self.evidence if one.text is not None]
        lines = "".join(f"{muted}{escape(note)}</div>" for note in notes)
        big = "font-family:ui-serif,Charter,Georgia,serif;font-size:1.5em"
        return (
            f"<div>{muted}{escape(f'{self.unit} · {self.method}{score}')}</div>"
            f'<div style="{big}">{escape(said)}</div>{lines}</div>'
        )


@dataclass(frozen=True, slots=True)
class Score:
    """How true one explanation is under one metric on one split; ``unscored`` says why there is no value.

    ``low`` and ``high`` bound the 95 % interval over images, where one was computed.
    """

    explanation: str
    metric: str
    source: str
    split: Split
    value: float | None
    low: float | None = None
    high: float | None = None
    unscored: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the held-out images say of one explanation, in one word and the figures it follows from.

    Attributes:
        explanation: its id.
        source: what said how much of the description is in each image.
        state: None where the explanation has no score.
        value: held-out correlation of description and unit, -1 to 1.
        low: lower end of its 95 % interval over images.
        high: upper end.
        floor: the correlation that one random label in twenty exceeds, on the explain images; 0 at least.
        resolved: False where the source made nothing of the text.
        unscored: why there is no value.
    """

    explanation: str
    source: str
    state: Standing | None
    value: float | None
    low: float | None
    high: float | None
    floor: float | None
    resolved: bool = True
    unscored: str | None = None


Row: TypeAlias = Literal["descriptions", "constant", "random", "shuffled"]
"""Whose figures: the descriptions', the best constant label's, random labels', or the descriptions' dealt out anew."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The mean of one metric over the scored units of a layer, on the test split.

    Attributes:
        run: the run whose descriptions are judged.
        layer: the layer.
        source: what said how much of a text is in each image.
        row: which labels were scored.
        metric: the metric; see :data:`neuronym.functional.metrics.METRICS`, and ``above-random``, ``discrimination``
            and ``stability`` in :mod:`neuronym.evaluate.figures`.
        units: over how many units.
        value: the mean; None if there are no such units.
        low: lower end of its 95 % interval over units.
        high: upper end.
        text: the label of the row ``constant``.
    """

    run: str
    layer: str
    source: str
    row: Row
    metric: str
    units: int
    value: float | None
    low: float | None
    high: float | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class AblationEffect:
    """What removing a unit does to one class: accuracies in 0..1 over ``images`` images of it."""

    unit: Unit
    class_name: str
    before: float
    after: float
    images: int


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
