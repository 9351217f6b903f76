"""What a unit's page shows of masks, as data; see :mod:`neuronym.present.pages`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnnotationsView:
    """What is annotated in the images of a study, pixel by pixel.

    Attributes:
        source: the name of the file or folder that it was read from.
        images: how many images are annotated.
        concepts: how many concepts are annotated.
        grid: rows and columns of the cells that masks are compared on.
    """

    source: str
    images: int
    concepts: int
    grid: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ImageMask:
    """Where a unit is active in one image, and where the concept is that a run describes it by.

    The IoU on the image is ``both / (both + unit + concept)``. Only cells that show the image and are annotated count.

    Attributes:
        image: the number of the image in the report.
        both: how many cells of the grid lie in both masks.
        unit: how many lie in the unit's mask only.
        concept: how many lie in the concept's mask only.
        cells: what is drawn over the image's frame, row by row: runs of equal cells, a byte each, in base64. The two
            low bits say what the cells are (1 only the unit, 2 only the concept, 3 both, 0 neither), the others how
            many there are, less one. None where nothing of the image is annotated.
    """

    image: int
    both: int
    unit: int
    concept: int
    cells: str | None


@dataclass(frozen=True, slots=True)
class MaskView:
    """A unit's masks and those of the concept that a run describes it by, over the exemplars.

    Attributes:
        run: the id of the run.
        concept: the concept.
        category: its category.
        grid: rows and columns of the cells that are counted; they cover the network's input.
        rows: rows of the cells that are drawn; where they are fewer than the grid's, a cell is drawn as most of what
            lies in a mask in it, so that thin things stay.
        columns: columns of the cells that are drawn.
        quantile: the quantile of the unit's activations above which it counts as active; None for a given activation.
        threshold: the activation above which it counts as active.
        images: the exemplars of all sets, each once, by number.
    """

    run: str
    concept: str
    category: str
    grid: tuple[int, int]
    rows: int
    columns: int
    quantile: float | None
    threshold: float
    images: tuple[ImageMask, ...]
