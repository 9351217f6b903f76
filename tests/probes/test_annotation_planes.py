"""Label images are read exactly, and become masks as a plain loop over pixels makes them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotator_checks import alike
from neuronym.errors import ProbeError
from neuronym.probes.annotations.label_images import colours, integers, red_green
from neuronym.probes.annotations.legend import Legend
from neuronym.probes.annotations.planes import Labelled, covers, image_masks
from neuronym.records import ImageMasks, ImageRecord

DTYPES = [np.uint8, np.uint16, np.int16, np.uint32, np.int64, np.dtype(">i4")]


@st.composite
def overlaid(draw):
    """Planes of one size with few values, a legend each, and concepts of the whole image."""
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    values = draw(st.lists(st.integers(0, 255), min_size=1, max_size=5, unique=True))
    planes = []
    for number in range(draw(st.integers(0, 3))):
        cells = draw(st.lists(st.sampled_from(values), min_size=height * width, max_size=height * width))
        meaning = {value: draw(st.one_of(st.none(), st.integers(0, 4))) for value in values}
        array = np.array(cells).reshape(height, width).astype(draw(st.sampled_from(DTYPES)))
        planes.append(Labelled(array, Legend(meaning, ""), f"plane {number}"))
    return planes, draw(st.lists(st.integers(0, 4), max_size=4)), ImageRecord("", "s", "m", height, width)


def by_loop(planes, whole, record):
    cells = {}
    for plane in planes:
        for row in range(plane.values.shape[0]):
            for column in range(plane.values.shape[1]):
                concept = plane.legend.numbers[int(plane.values[row, column])]
                if concept is not None:
                    cells.setdefault(concept, set()).add((row, column))
    masks = np.zeros((len(cells), record.height, record.width), bool)
    for entry, concept in enumerate(sorted(cells)):
        for cell in cells[concept]:
            masks[(entry, *cell)] = True
    return ImageMasks(np.array(sorted(cells), np.int64), masks, np.array(sorted(set(whole)), np.int64))


@given(overlaid())
def test_masks_are_those_of_a_plain_loop(case):
    assert alike(image_masks(*case), by_loop(*case))


def test_labels_may_have_another_resolution_but_not_other_proportions():
    assert covers((120, 160), (360, 480))
    assert covers((112, 112), (224, 224))
    assert covers((112, 113), (224, 225))  # 112.5 rounded up
    assert covers((113, 113), (227, 227))
    assert covers((427, 640), (214, 320))
    assert not covers((160, 120), (120, 160))
    assert not covers((112, 112), (120, 160))
    assert not covers((120, 163), (120, 160))


@given(*(st.integers(1, 400) for _ in range(4)), st.sampled_from([round, int, lambda x: -int(-x // 1)]))
def test_every_rounded_scaling_covers_its_image(height, width, top, bottom, rounding):
    scale = Fraction(top, bottom)
    size = tuple(max(1, rounding(side * scale)) for side in (height, width))
    assert covers(size, (height, width))


@pytest.fixture
def grey(tmp_path, encode):
    def write(image, form="PNG", **options):
        (tmp_path / "x.png").write_bytes(encode(image, form, **options))
        return tmp_path / "x.png"

    return write


def test_integers_of_every_kind_of_png(grey, png16, tmp_path):
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert integers(grey(values)).tolist() == values.tolist()
    palette = Image.new("P", (4, 3))
    palette.putdata(values.ravel().tolist())
    # A palette in which several entries have one colour: only the numbers tell them apart.
    palette.putpalette([9, 9, 9] * 256)
    assert integers(grey(palette)).tolist() == values.tolist()
    for bits in (2, 4):
        assert integers(grey(palette, bits=bits)).tolist() == (values % 2**bits if bits == 2 else values).tolist()
    assert integers(grey(values > 5)).tolist() == (values > 5).astype(int).tolist()
    sixteen = values.astype(np.uint16) * 5001
    assert integers(grey(sixteen)).tolist() == sixteen.tolist()
    assert integers(grey(sixteen)).dtype == np.uint16


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_greys_of_few_bits_keep_their_numbers(bits, png_of_bits, tmp_path):
    values = (np.arange(24, dtype=np.uint8).reshape(3, 8)) % 2**bits
    (tmp_path / "x.png").write_bytes(png_of_bits(values, bits))
    assert integers(tmp_path / "x.png").tolist() == values.tolist()


def test_an_orientation_does_not_turn_labels(grey):
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert integers(grey(values, exif=exif)).tolist() == values.tolist()


def test_transparent_greys_are_numbers_too(grey):
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert integers(grey(values, transparency=3)).tolist() == values.tolist()


def test_colours_are_numbers(grey):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    red, green, blue = (pixels[..., channel].astype(int) for channel in range(3))
    every = red + 256 * green + 65536 * blue
    assert colours(grey(pixels)).tolist() == every.tolist()
    assert red_green(grey(pixels)).tolist() == (red + 256 * green).tolist()
    # Transparent pixels keep their colour, which is what counts.
    alpha = np.dstack([pixels, np.arange(35, dtype=np.uint8).reshape(5, 7)])
    assert colours(grey(alpha)).tolist() == every.tolist()
    assert colours(grey(Image.fromarray(pixels).quantize(64))).shape == (5, 7)


def test_a_palette_of_colours_stands_for_them(grey):
    image = Image.new("P", (2, 1))
    image.putdata([1, 0])
    image.putpalette([7, 1, 0, 3, 0, 2])
    assert colours(grey(image)).tolist() == [[3 + 2 * 65536, 7 + 256]]


def test_label_images_that_are_none(grey, tmp_path, noise, png16):
    path = grey(noise(0))
    with pytest.raises(ProbeError) as error:
        integers(path)
    assert str(error.value) == (
        f"The label image {str(path)!r} is 8-bit RGB, not one number a pixel. Save it as a grey or palette PNG of the "
        "values."
    )
    path = grey(noise(0)[..., 0])
    with pytest.raises(ProbeError) as error:
        colours(path)
    assert str(error.value) == (
        f"The label image {str(path)!r} is 8-bit grey, not 8-bit RGB, whose colours are the numbers of labels. Save it "
        "as RGB."
    )
    path.write_bytes(png16(np.zeros((2, 2, 3), np.uint16), 2))
    with pytest.raises(ProbeError, match=r"x.png' is 16-bit RGB, not 8-bit RGB, whose colours are the numbers of"):
        colours(path)
    path = grey(noise(0)[..., 0], "JPEG")
    with pytest.raises(ProbeError) as error:
        integers(path)
    assert str(error.value) == (
        f"The label image {str(path)!r} cannot be read: it is no PNG. Put it back, or remove what names it."
    )
    path.write_bytes(grey(noise(0, (40, 40))[..., 0]).read_bytes()[:200])
    with pytest.raises(ProbeError, match=r"x.png' cannot be read: image file is truncated.*\. Put it back, or"):
        integers(path)
    path.unlink()
    with pytest.raises(ProbeError, match=r"x.png' cannot be read: No such file or directory. Put it back, or remove"):
        integers(path)
