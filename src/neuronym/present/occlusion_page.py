"""What a unit's page shows of occlusion, as data; see :mod:`neuronym.present.pages`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageOcclusion:
    """How a unit answers to one image with parts of it covered.

    Attributes:
        image: the number of the image in the report.
        highest: the highest value of the receptive field, 0 to 1; 0 where covering changes nothing.
        share: how much of the network's input belongs to the patch, 0 to 1.
        field: the field over the image's frame, row by row as bytes 0 to 255 of the highest that is shown, in base64;
            None where covering changes nothing.
        patch: which cells of the frame belong to the patch, row by row: how many do not, how many then do, and so on
            by turns, each number as groups of 7 bits, the lowest first, with the bit 128 set in all but its last byte,
            in base64. None where there is no field, and where cells belong to the patch by degrees, as their byte of
            the field says.
        box: x0, y0, x1, y1 of the patch that the run recorded, as fractions of the image's width and height, x to the
            right and y down; None where it recorded none.
    """

    image: int
    highest: float
    share: float
    field: str | None
    patch: str | None
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class OcclusionView:
    """What a run saw by covering parts of a unit's exemplars.

    Attributes:
        run: the id of the run.
        size: side of the square cover, in pixels of the network's input.
        stride: distance of its places, in the same.
        fill: what stands where the image is covered: ``mean``, ``noise`` or ``blur``.
        corrected: whether the field is corrected for how often each pixel was covered.
        masking: what of the field is the patch: ``half``, ``otsu``, ``soft`` or ``box``.
        summary: what of the unit's map is watched, and ranks the exemplars: ``max`` or ``mean``.
        exemplars: how many exemplars the run looks at.
        coarse: 1 if every place was tried; c if every c-th was tried first, which is approximate.
        input: height and width of the network's input, in pixels.
        rows: rows of the fields as they are drawn; where they are fewer than the input's pixels, a cell has the mean of
            its area.
        columns: columns of the fields as they are drawn.
        patch_rows: rows of the patches as they are drawn; where they are fewer than the input's pixels, a cell belongs
            to the patch if half of it does.
        patch_columns: columns of the patches as they are drawn.
        colour: what stands where a patch is not: the data set's mean as red, green and blue, 0 to 255.
        images: the exemplars that the run looks at and whose answers are stored, the strongest first.
    """

    run: str
    size: int
    stride: int
    fill: str
    corrected: bool
    masking: str
    summary: str
    exemplars: int
    coarse: int
    input: tuple[int, int]
    rows: int
    columns: int
    patch_rows: int
    patch_columns: int
    colour: tuple[int, int, int]
    images: tuple[ImageOcclusion, ...]
