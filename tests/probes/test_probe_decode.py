from __future__ import annotations

import io
import os
import pickle
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neuronym.errors import ProbeError
from neuronym.probes.decode import UnreadableImageError, content_id, decode, inspect


def pixels(data):
    image = decode(data)
    assert image.mode == "RGB"
    assert image.info == {}
    assert inspect(data) == (image.height, image.width)
    return np.asarray(image)


def over_white(rgba):
    """The plain definition of laying a picture with alpha over white."""
    alpha = rgba[..., 3:].astype(float) / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_colour_is_kept(form, noise, encode):
    assert np.array_equal(pixels(encode(noise(0), form)), noise(0))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_are_read(form, noise, encode):
    assert pixels(encode(noise(0, (40, 24)), form)).shape == (40, 24, 3)


def test_grey_and_one_bit(noise, encode):
    grey = noise(1)[..., 0]
    assert np.array_equal(pixels(encode(grey)), np.repeat(grey[..., None], 3, 2))
    bits = grey > 128
    assert np.array_equal(pixels(encode(Image.fromarray(bits)))[..., 1], bits * 255)


def test_alpha_is_laid_over_white(encode):
    rgba = np.random.default_rng(2).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    assert np.abs(pixels(encode(rgba)) - over_white(rgba)).max() <= 1
    grey = rgba[..., [0, 3]]
    expected = over_white(grey[..., [0, 0, 0, 1]])
    assert np.abs(pixels(encode(Image.fromarray(grey, "LA"))) - expected).max() <= 1


def test_transparent_palette_entries_are_white(encode):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8))
    image = image.convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    one = pixels(encode(image, transparency=1))
    assert one.tolist() == [[[10, 20, 30], [255, 255, 255]], [[70, 80, 90], [10, 20, 30]]]
    # Alpha for each entry, as bytes: half-transparent entry 2.
    several = pixels(encode(image, transparency=bytes([255, 0, 127])))
    assert several[0].tolist() == [[10, 20, 30], [255, 255, 255]]
    assert np.abs(several[1, 0] - over_white(np.array([[70, 80, 90, 127]]))[0]).max() <= 1


def test_transparent_colour_of_rgb_and_grey_is_white(encode):
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert pixels(encode(rgb, transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]
    assert pixels(encode(rgb[..., 0], transparency=4)).tolist() == [[[1] * 3, [255] * 3]]


def test_cmyk_jpeg(encode):
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(pixels(encode(red, "JPEG", quality=95)).astype(int) - [255, 0, 0]).max() <= 3


def test_sixteen_bit_grey_is_scaled_not_clipped(png16):
    values = np.array([[0, 127, 128, 129, 257, 32768], [255, 256, 1000, 40000, 65534, 65535]], np.uint16)
    expected = [[int(v / 257 + 0.5) for v in row] for row in values.tolist()]
    assert pixels(png16(values, 0))[..., 0].tolist() == expected
    assert expected[1][-1] == 255


def test_sixteen_bit_tiff_and_pgm(encode):
    values = np.arange(0, 65536, 4099, dtype=np.uint16)[None]
    expected = [int(v / 257 + 0.5) for v in values[0].tolist()]
    assert pixels(encode(values, "TIFF"))[0, :, 0].tolist() == expected
    big_endian = Image.frombytes("I;16B", (values.shape[1], 1), values.astype(">u2").tobytes())
    assert pixels(encode(big_endian, "TIFF"))[0, :, 0].tolist() == expected
    dark = b"P5 3 1 65535\n" + struct.pack(">3H", 0, 100, 200)
    assert pixels(dark)[0, :, 0].tolist() == [0, 0, 1]


def test_sixteen_bit_colour_is_scaled_within_a_step(png16):
    values = np.random.default_rng(3).integers(0, 65536, (5, 4, 3), dtype=np.uint16)
    assert np.abs(pixels(png16(values, 2)) - values / 257).max() <= 1
    # A transparent colour that no 8-bit value can mean is left out rather than misread.
    body = struct.pack(">3H", 65535, 0, 0)
    key = struct.pack(">I", 6) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    assert np.abs(pixels(png16(values, 2, key)) - values / 257).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 2.0, 254.6], [0, 2, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([300.0, 300.0, 300.0], [0, 0, 0]),
    ],
)
def test_float_images(values, expected, encode):
    assert pixels(encode(np.array([values], np.float32), "TIFF"))[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 7, 255], [0, 7, 255]), ([0, 257, 65535], [0, 1, 255]), ([-10, 0, 10], [0, 128, 255])],
)
def test_integer_images(values, expected, encode):
    assert pixels(encode(np.array([values], np.int32), "TIFF"))[0, :, 0].tolist() == expected


def test_nan_is_unreadable(encode):
    data = encode(np.array([[0, np.nan]], np.float32), "TIFF")
    for read in (decode, inspect):
        with pytest.raises(UnreadableImageError, match="the image holds NaN or infinite values"):
            read(data)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_animations(form, encode):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(pixels(data), np.asarray(frames[0]))


ORIENTED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation, form, noise, encode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(noise(4), form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    assert np.array_equal(pixels(data), ORIENTED[orientation](noise(4)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_jpeg(orientation, encode):
    plain = np.zeros((32, 48, 3), np.uint8)
    plain[:16, :24] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = pixels(encode(plain, "JPEG", exif=exif, quality=95, subsampling=0))
    expected = ORIENTED[orientation](plain)
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() < 40


def test_broken_exif_loses_only_the_orientation(encode, noise):
    data = encode(noise(0, (16, 24)), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 40)
    assert pixels(data).shape == (16, 24, 3)
    assert pixels(encode(noise(0, (16, 24)), "JPEG", exif=b"Exif\0\0nonsense")).shape == (16, 24, 3)


@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("GIF", {}), ("TIFF", {})],
)
def test_truncated_files_are_detected_at_any_length(form, options, noise, encode):
    data = encode(noise(5, (40, 60)), form, **options)
    # The last bytes of a PNG or GIF (its end marker) carry no pixels.
    for length in range(0, len(data) - 16, 29):
        for read in (decode, inspect):
            with pytest.raises(UnreadableImageError):
                read(data[:length])


def test_a_jpeg_that_lacks_only_its_end_is_detected(noise, encode):
    data = encode(noise(5, (64, 64)), "JPEG")
    for cut in range(1, 20):
        for read in (decode, inspect):
            with pytest.raises(UnreadableImageError, match="truncated"):
                read(data[:-cut])


@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP"]), st.integers(0, 2**32 - 1))
def test_damage_is_an_error_of_ours_or_nothing(form, seed):
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(buffer, form)
    data = bytearray(buffer.getvalue())
    for _ in range(rng.integers(1, 20)):
        data[rng.integers(len(data))] = rng.integers(256)
    outcomes = []
    for read in (decode, inspect):
        try:
            outcome = read(bytes(data))
            outcomes.append(outcome if isinstance(outcome, tuple) else (outcome.height, outcome.width))
        except UnreadableImageError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^the file is empty$"),
        (b"a text", "^not an image of a known format$"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "^not an image of a known format$"),
    ],
)
def test_other_files(data, reason):
    for read in (decode, inspect):
        with pytest.raises(UnreadableImageError, match=reason) as caught:
            read(data)
        assert isinstance(caught.value, ProbeError)


def test_decompression_bomb_is_unreadable_and_a_large_image_is_quiet(encode, monkeypatch):
    data = encode(Image.new("L", (100, 30)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for read in (decode, inspect):
        with pytest.raises(UnreadableImageError, match="exceeds limit"):
            read(data)
    # Between the limit and twice the limit Pillow only warns.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    assert inspect(data) == (30, 100)


def test_arrays(noise):
    assert np.array_equal(pixels(noise(0)), noise(0))
    assert np.array_equal(pixels(noise(0)[..., 0])[..., 2], noise(0)[..., 0])
    assert np.array_equal(pixels(noise(0)[:, ::-1]), noise(0)[:, ::-1])
    with pytest.raises(UnreadableImageError, match="the image has no pixels"):
        inspect(np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match=r"an array of float64 \[4, 4\] is not uint8"):
        decode(np.zeros((4, 4)))


def test_content_id(noise, picture):
    assert content_id(picture(0)) == content_id(bytes(picture(0)))
    assert len(content_id(picture(0))) == 32
    array = noise(0)
    assert content_id(array) == content_id(np.asfortranarray(array)) == content_id(array.copy())
    others = [array.reshape(8, 6, 3), array.ravel(), array.astype(np.int8), array.tobytes(), noise(1)]
    assert len({content_id(data) for data in [array, *others]}) == 6


def test_pillow_warnings_are_silenced_in_all_threads_and_filters_restored(encode, monkeypatch):
    data = encode(Image.new("L", (60, 30)), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    warnings.filterwarnings("error", message="ours")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(inspect, [data] * 200)) == {(30, 60)}
    assert list(warnings.filters) == before
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(data))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_in_the_midst_of_decoding_decodes(encode, noise):
    data = encode(noise(0, (300, 300)))
    stop = threading.Event()

    def work():
        while not stop.is_set():
            decode(data)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with warnings.catch_warnings():
            # Newer Pythons warn that a fork among threads may deadlock, which is what is tested here.
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(5):
                child = os.fork()
                if child == 0:
                    os._exit(0 if decode(data).size == (300, 300) else 1)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_the_result_is_a_plain_picture(encode, noise):
    image = decode(encode(noise(0, (16, 16)), "JPEG"))
    assert type(image) is Image.Image
    assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(image))), np.asarray(image))
