"""What ``neuronym bench`` found: rows of labels on hosts of units whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from neuronym.records.values import Json, State

Role: TypeAlias = Literal["truth", "list", "method", "labels", "constant", "random", "shuffled"]
"""Whose labels a row holds: the true ones; the best of the concept list for each unit, chosen by the explain images; a
method's; someone's from a file; the one that goes best with all units; random ones; the true ones dealt out anew."""

Direction: TypeAlias = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of the table is.

    Attributes:
        title: its heading.
        meaning: in one sentence.
        share: whether it is a share of units or images, which is shown in per cent.
        better: which way is better.
    """

    title: str
    meaning: str
    share: bool = False
    better: Direction = "up"


COLUMNS: Mapping[str, Column] = {
    "normalised": Column("score", "(r - r of random labels) / (r of true labels - r of random labels), of the means."),
    "pearson": Column("r", "held-out correlation of unit and label, the mean over units that have a true label."),
    "f1": Column("F1", "F1 with the unit active on as many images as its true concept is in."),
    "auprc": Column("AUPRC", "average precision of the concept for these active images."),
    "mask_iou": Column(
        "mask IoU",
        "IoU of the label's pixels with the unit's on the test images, the unit active on as large a share of its maps "
        "as its true concept covers of the explain images.",
    ),
    "top1": Column("top-1", "units whose label is their true one.", share=True),
    "top5": Column("top-5", "units whose true label is among the first five candidates.", share=True),
    "equivalent": Column("equivalent", "units whose label has the truth table of the true one.", share=True),
    "resolved": Column("understood", "units whose label the world's grammar reads; any other counts as 0.", share=True),
    "discrimination": Column("discr.", "units of the layer that a label fits less than its own; .5 by chance."),
    "stable_images": Column("stable", "equal labels when the probe images are drawn anew with repetition.", share=True),
    "stable_noise": Column("under noise", "equal labels when the images get noise of sigma .02.", share=True),
    "silent": Column("silent on noise", "dead and noise units on which the method says nothing.", share=True),
    "lost": Column("lost", "units with a true label on which the method says nothing.", share=True, better="down"),
    "aurc": Column("AURC", "area under the curve of risk against coverage.", better="down"),
    "random_weights": Column("r, random weights", "r on a copy of the network with random weights.", better="down"),
}
"""The columns of the table, in their order: means over units, or what follows from them, with intervals."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over units with its 95 % bootstrap interval over these units.

    Attributes:
        value: the mean; None if there are no such units.
        low: lower end of the interval; None if there are no two units.
        high: upper end.
        units: over how many.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    units: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of one unit.

    Attributes:
        unit: its number in the layer.
        state: what became of it under the method, before the rule of abstention.
        text: the label; None where there is none.
        confidence: the method's own score of it, if it gives one; kept precisely, for it ranks units.
        silent: whether nothing is said under the rule of abstention, or, without scores, by the method itself; None for
            reference rows.
        pearson: held-out correlation; None for units that do not vary. A label that is not understood has 0.
        resolved: whether the world's grammar reads the label.
        equivalent: whether it has the truth table of the true label.
        mask_iou: of the label's pixels and the unit's; None where ``pearson`` is, for units without a true label, and
            on layers without maps.
    """

    unit: int
    state: State
    text: str | None
    confidence: float | None = field(metadata={"digits": 12})
    silent: bool | None
    pearson: float | None
    resolved: bool
    equivalent: bool
    mask_iou: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a row took on one host.

    Attributes:
        seconds: for all units of the layer, the median of the run and of those on images drawn anew; without what
            follows, and without ``backend_seconds``.
        backend_seconds: for the embeddings of images, for mask passes and for occlusion passes, which are made once for
            all rows, whichever row made them. To bring annotations to the grid, once for all hosts, is in neither.
        units: how many units the method was asked for.
        calls: what models were asked for, by kind: ``images`` and ``texts`` encoded, ``forward`` passes of the target.
    """

    seconds: float
    backend_seconds: float
    units: int
    calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds_per_unit(self) -> float:
        """Of the method alone."""
        return self.seconds / max(1, self.units)

    @property
    def calls_per_unit(self) -> float:
        """Of all kinds."""
        return sum(self.calls.values()) / max(1, self.units)


@dataclass(frozen=True, slots=True)
class PatchFit:
    """How well the patches of a method that covers parts of images lie on the pixels of units' true concepts.

    Attributes:
        patch: mean IoU of the patches with these pixels, over exemplars and then over units.
        activation: that of the masks of activations on the same images.
        exemplars: pairs of a unit and an image.
        left_out: the true labels of units that did not take part, for in none of their exemplars the concept has a
            pixel, or nothing of them can be covered.
    """

    patch: Measure
    activation: Measure
    exemplars: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchUnit:
    """One unit of a host and what is true of it.

    Attributes:
        unit: its number in the layer.
        kind: how its concept is made; see :data:`neuronym.world.planted.KINDS`.
        truth: the right description; None where there is none.
        hopeless: whether "no description" is the right answer, as for dead and noise units.
        frequency: the share of explain images that its concept is in; None without a truth.
    """

    unit: int
    kind: str
    truth: str | None
    hopeless: bool
    frequency: float | None = None


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One row of a host's table.

    Attributes:
        name: what it is called: for a method as it is written after ``--methods``.
        role: whose labels.
        measures: by the names of :data:`COLUMNS`; what cannot be had is left out.
        kinds: mean held-out correlation by kind of unit, of the units that have a truth.
        said: what it says of each unit; empty for rows that are means over several draws.
        curve: (coverage, risk), each 0 to 1, by rising coverage: of units with a true label, and of dead and noise
            units that are described all the same. Risk is the mean of 1 - r / r of the true label, 1 for dead and noise
            units, over the units of which the method is surest.
        operating: the point of the curve at which the rule of abstention stops.
        cost: for methods.
        text: the one label of the row ``constant``.
        patches: of methods that cover parts of images, on layers with maps.
        failed: why there is nothing, for a method that could not run.
    """

    name: str
    role: Role
    measures: Mapping[str, Measure] = field(default_factory=dict)
    kinds: Mapping[str, Measure] = field(default_factory=dict)
    said: tuple[Said, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    operating: tuple[float, float] | None = None
    cost: Cost | None = None
    text: str | None = None
    patches: PatchFit | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class BenchHost:
    """The table of one host.

    Attributes:
        name: what it is called after ``--hosts``.
        title: in a few words.
        model: the target.
        layer: its layer.
        images: how many explain and test images.
        units: those that were judged.
        rows: the table, the true labels first, the baselines last.
    """

    name: str
    title: str
    model: str
    layer: str
    images: tuple[int, int]
    units: tuple[BenchUnit, ...]
    rows: tuple[BenchRow, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must hold on every run.

    Attributes:
        name: which gate.
        host: on which host.
        row: of which row; empty where it is about all.
        passed: whether it holds; None where it could not be checked.
        text: what was compared, with the figures.
    """

    name: str
    host: str
    row: str
    passed: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """All that one run of ``neuronym bench`` found.

    Attributes:
        version: of the frozen units and images.
        made: when, in ISO 8601.
        command: how to run it again.
        settings: what was asked for.
        environment: what figures of time depend on, and the versions.
        seconds: wall-clock time in all.
        hosts: the tables.
        gates: what must hold.
    """

    version: str
    made: str
    command: str
    settings: Mapping[str, Json]
    environment: Mapping[str, Json]
    seconds: float
    hosts: tuple[BenchHost, ...]
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate fails."""
        return all(gate.passed is not False for gate in self.gates)
