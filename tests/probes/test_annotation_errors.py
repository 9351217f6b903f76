"""What the user is told of annotations that cannot be used: every message as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neuronym.errors import ProbeError
from neuronym.probes import index
from neuronym.probes.annotations import find_annotations
from neuronym.probes.sources import Member


def read(path, probe):
    annotator = find_annotations(path, probe)
    assert annotator.stamp
    for record in probe.images:
        annotator.masks(record)


@pytest.fixture
def told(monkeypatch, tmp_path):
    """The message of what annotations, read in full, raise; paths are relative to the test's folder."""
    monkeypatch.chdir(tmp_path)

    def tell(path, images="photos"):
        probe = index([images])
        with pytest.raises(ProbeError) as error:
            read(path, probe)
        return str(error.value)

    return tell


@pytest.fixture
def files(tmp_path, picture, encode, write_files):
    """Writes files beside two photographs of 6 x 8 pixels; arrays become PNG files."""

    def write(**content):
        write_files(tmp_path, {"photos/p.png": picture(0), "photos/q.png": picture(1)})
        for name, value in content.items():
            write_files(tmp_path, {name: encode(np.asarray(value, np.uint8)) if not isinstance(value, str) else value})

    return write


ZEROS = np.zeros((6, 8))
NAMES = "value,name\n0,\n1,sky\n"


def test_no_annotations(told, files):
    files(**{"notes.txt": "", "empty/x.txt": ""})
    assert told("gone") == "There are no annotations at 'gone': no such file or folder. Check the path."
    for name in ("notes.txt", "empty"):
        assert told(name) == (
            f"{name!r} holds no annotations. Give a folder of masks with names.csv, a folder of the Broden layout "
            "(index.csv and label.csv), a panoptic .json of COCO, or an .npz with images and masks."
        )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("value,title\n1,sky\n", "'m/names.csv' has no column 'name'; its columns are: value, title. Give it one."),
        ("number,name\n1,sky\n", "'m/names.csv' has no column 'value'; its columns are: number, name. Give it one."),
        (
            "value,name\nred,sky\n",
            "The value 'red' at line 2 of 'm/names.csv' is not a whole number. Give the value that the pixels of the "
            "masks have.",
        ),
        (
            "value,name\n1,sky\n2,road\n1,\n",
            "The value 1 stands twice in 'm/names.csv', again at line 4. Keep one line.",
        ),
        (
            "value,name\n1,sky\n2,sky\n",
            "The concept 'sky' of the category 'object' stands twice in 'm/names.csv', at the values 1 and 2. Keep or "
            "rename one.",
        ),
        (
            "value,name,plane\n1,sky,../x\n",
            "The plane '../x' at line 2 of 'm/names.csv' is not the name of a folder. Name the sub-folder of 'masks' "
            "that has its masks.",
        ),
        (
            "value,name,plane\n1,sky,\n",
            "The plane '' at line 2 of 'm/names.csv' is not the name of a folder. Name the sub-folder of 'masks' that "
            "has its masks.",
        ),
        (
            "value,name,plane\n1,sky,air\n",
            "There are no masks in 'm/air'. Put PNG files there, named like the images.",
        ),
        ("", "The table of names 'm/names.csv' has no rows. It needs a header line and at least one row."),
    ],
)
def test_tables_of_names(told, files, table, message):
    files(**{"m/names.csv": table, "m/p.png": ZEROS})
    assert told("m") == message


def test_values_without_a_name(told, files):
    files(**{"m/names.csv": NAMES, "m/p.png": ZEROS + 1, "m/q.png": ZEROS + 7})
    assert told("m") == (
        "The value 7 of the label image 'm/q.png' has no name. Give it a line in 'm/names.csv', with a blank name to "
        "leave it out."
    )


def test_masks_of_other_sizes(told, files):
    files(**{"m/names.csv": NAMES, "m/p.png": np.zeros((8, 6))})
    assert told("m") == (
        "The label image 'm/p.png' is 8 x 6 pixels (height x width), but its image 'p.png' is 6 x 8. A label image "
        "must cover its image: give it the same proportions."
    )
    files(**{"n/names.csv": "value,name,plane\n0,,a\n1,x,b\n", "n/a/p.png": ZEROS, "n/b/p.png": np.ones((12, 16))})
    assert told("n") == (
        "The label image 'n/a/p.png' and the label image 'n/b/p.png' of the image 'p.png' are 6 x 8 and 12 x 16 pixels "
        "(height x width). Save them in one size."
    )


def test_masks_that_are_none(told, files, noise, tmp_path, encode):
    files(**{"m/names.csv": NAMES})
    assert told("m") == "There are no masks in 'm'. Put PNG files there, named like the images."
    files(**{"m/p.png": noise(0)})
    assert told("m") == (
        "The label image 'm/p.png' is 8-bit RGB, not one number a pixel. Save it as a grey or palette PNG of the "
        "values."
    )
    (tmp_path / "m" / "q.jpg").write_bytes(encode(noise(0), "JPEG"))
    assert told("m") == "The mask 'm/q.jpg' is no PNG. Save masks as PNG, which keeps every number."
    (tmp_path / "m" / "q.jpg").unlink()
    (tmp_path / "m" / "p.png").write_bytes(b"")
    assert told("m") == (
        "The label image 'm/p.png' cannot be read: it is no PNG. Put it back, or remove what names it."
    )
    (tmp_path / "m" / "p.png").unlink()
    (tmp_path / "m" / "p.png").symlink_to("gone")
    assert told("m") == (
        "The label image 'm/p.png' cannot be read: No such file or directory. Put it back, or remove what names it."
    )


def test_annotations_of_other_images(told, files):
    files(**{"m/names.csv": NAMES, "m/scenes.csv": "image,name\nw,sea\n"})
    files(**{f"m/masks/{name}.png": ZEROS for name in ("1", "2", "3", "4")})
    assert told("m") == (
        "'m/masks' annotates no probe image. The images are named 'p.png', 'q.png'; the annotations are of '1.png', "
        "'2.png', '3.png', …. Give the annotations of these images, by the same paths or file names."
    ).replace("'p.png', 'q.png'", ", ".join(repr(r.member) for r in index(["photos"]).images))
    files(**{"m/masks/p.png": ZEROS})
    assert told("m").startswith("'m/scenes.csv' annotates no probe image. The images are named '")


def test_two_masks_for_one_image_and_one_for_two(told, files, picture, write_files):
    files(**{"m/names.csv": NAMES, "m/a/p.png": ZEROS, "m/b/p.png": ZEROS})
    assert told("m") == "'a/p.png' and 'b/p.png' of 'm' both annotate the image 'p.png'. Keep one of them."
    write_files(Path.cwd(), {"more/a/p.jpg": picture(0), "more/b/p.jpg": picture(1), "more/c/q.png": picture(2)})
    files(**{"n/names.csv": NAMES, "n/p.png": ZEROS})
    message = told("n", "more")
    first, second = ("b", "a") if "'b/p.jpg' and" in message else ("a", "b")
    assert message == (
        f"'p.png' of 'n' may mean the images '{first}/p.jpg' and '{second}/p.jpg'. Name them by their whole paths."
    )


LABELS = "number,name,category\n1,sky,object(2)\n2,street,scene(1)\n"
INDEX = "image,object,scene\np.png,p_object.png,2\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"index.csv": "name,object\np.png,1\n"},
            "'b/index.csv' has no column 'image'; its columns are: name, object. Give it one.",
        ),
        (
            {"index.csv": "image,split,ih,iw,sh,sw\np.png,train,6,8,6,8\n"},
            "'b/index.csv' has no column of a category; its columns are: image, split, ih, iw, sh, sw. Give it one for "
            "each category of labels.",
        ),
        (
            {"label.csv": "number,name\n1,sky\n"},
            "'b/label.csv' has no column 'category'; its columns are: number, name. Give it one.",
        ),
        (
            {"label.csv": "number,name,category\none,sky,object\n"},
            "The number 'one' at line 2 of 'b/label.csv' is not a whole number. Give the label's number.",
        ),
        (
            {"label.csv": LABELS + "1,air,object(1)\n"},
            "The label 1 stands twice in 'b/label.csv', again at line 4. Keep one line.",
        ),
        (
            {"label.csv": LABELS + "4,sky,object(1)\n"},
            "The concept 'sky' of the category 'object' stands twice in 'b/label.csv', at the values 1 and 4. Keep or "
            "rename one.",
        ),
        (
            {"index.csv": "image,object,scene\np.png,,9\n"},
            "The value 9 of the column 'scene' at line 2 of 'b/index.csv' has no name. Give it a line in "
            "'b/label.csv' that names the category 'scene'.",
        ),
        (
            {"label.csv": "number,name,category\n1,sky,scene(2)\n2,street,scene(1)\n"},
            "The value 1 of the label image 'b/images/p_object.png' has no name. Give it a line in 'b/label.csv' that "
            "names the category 'object'.",
        ),
        (
            {"images/p_object.png": np.zeros((6, 8))},
            "The label image 'b/images/p_object.png' is 8-bit grey, not 8-bit RGB, whose colours are the numbers of "
            "labels. Save it as RGB.",
        ),
        (
            {"index.csv": "image,object,scene\np.png,gone.png,2\n"},
            "The label image 'b/images/gone.png' cannot be read: No such file or directory. Put it back, or remove "
            "what names it.",
        ),
        (
            {"index.csv": INDEX + "p.png,,\n"},
            "'p.png' and 'p.png' of 'b/index.csv' both annotate the image 'p.png'. Keep one of them.",
        ),
    ],
)
def test_broden(told, files, change, message):
    labels = np.zeros((6, 8, 3))
    labels[..., 0] = 1
    content = {"index.csv": INDEX, "label.csv": LABELS, "images/p_object.png": labels} | change
    files(**{f"b/{name}": value for name, value in content.items()})
    assert told("b") == message


CATEGORIES = [{"id": 1, "name": "sky", "isthing": 0}]
PANOPTIC = {"image_id": 1, "file_name": "p.png", "segments_info": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "'c.json' is no panoptic file of COCO: it is a list, not an object. {remedy}"),
        ("{", "The annotation file 'c.json' is no JSON: Expecting property name enclosed in double quotes: line 1 "
         "column 2 (char 1). Save it again."),
        ("[" * 100_000, "The annotation file 'c.json' is no JSON: maximum recursion depth exceeded while decoding a "
         "JSON array from a unicode string. Save it again."),
        (
            {"categories": CATEGORIES, "annotations": [{**PANOPTIC, "segments_info": [{"id": 3, "category_id": [1]}]}]},
            "A segment of 'c.json' is of the category [1], which 'categories' does not name. Give it a name there.",
        ),
        (
            {"categories": CATEGORIES, "images": [{"id": 1, "file_name": "p.png"}],
             "annotations": [{**PANOPTIC, "file_name": "p\0.png"}]},
            r"The label image './c/p\x00.png' cannot be read: embedded null byte. Put it back, or remove what names "
            "it.",
        ),
        ({"annotations": []}, "'c.json' is no panoptic file of COCO: it lacks 'categories'. {remedy}"),
        (
            {"categories": CATEGORIES, "annotations": [{"image_id": 1, "segmentation": [[1, 2]]}]},
            "'c.json' is no panoptic file of COCO: it lacks 'segments_info'. {remedy}",
        ),
        (
            {"categories": CATEGORIES, "annotations": [3]},
            "'c.json' is no panoptic file of COCO: 'int' object is not subscriptable. {remedy}",
        ),
        (
            {
                "categories": CATEGORIES,
                "annotations": [
                    {"image_id": 1, "file_name": "p.png", "segments_info": [{"id": 3, "category_id": 9}]}
                ],
            },
            "A segment of 'c.json' is of the category 9, which 'categories' does not name. Give it a name there.",
        ),
        (
            {"categories": CATEGORIES * 2, "annotations": []},
            "'c.json' annotates no probe image. The images are named {images}; the annotations are of nothing. Give "
            "the annotations of these images, by the same paths or file names.",
        ),
        (
            {"categories": [*CATEGORIES, {"id": 2, "name": "sky", "isthing": 0}], "annotations": []},
            "The concept 'sky' of the category 'stuff' stands twice in 'c.json', at the values 1 and 2. Keep or rename "
            "one.",
        ),
        (
            {
                "categories": CATEGORIES,
                "annotations": [{"image_id": n, "file_name": "p.png", "segments_info": []} for n in (1, 2)],
            },
            "'p.png' and 'p.png' of 'c.json' both annotate the image 'p.png'. Keep one of them.",
        ),
        (
            {"categories": CATEGORIES, "annotations": [{"image_id": 1, "file_name": "p.png", "segments_info": []}]},
            "The value 65793 of the label image 'c/p.png' has no name. Give its segment and category in the JSON file.",
        ),
    ],
)  # fmt: skip
def test_panoptic(told, files, content, message):
    files(**{"c.json": content if isinstance(content, str) else json.dumps(content), "c/p.png": np.ones((6, 8, 3))})
    remedy = "Give a panoptic_*.json, with 'annotations' that have 'segments_info', and 'categories'."
    images = ", ".join(repr(record.member) for record in index(["photos"]).images)
    assert told("c.json") == message.replace("{remedy}", remedy).replace("{images}", images)


IMAGES = np.arange(2 * 6 * 8 * 3, dtype=np.uint8).reshape(2, 6, 8, 3)
MASKS = np.zeros((2, 6, 8), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {},
            "'a.npz' has masks and no array 'mask_names'; it has: images, masks. Save what each value of the masks "
            "means, from 0, as 'mask_names'.",
        ),
        (
            {"labels": np.array([0, 0]), "class_names": np.array(["day"])},
            "'a.npz' has masks and no array 'mask_names'; 'class_names' names the classes of its labels. Save what "
            "each value of the masks means, from 0, as 'mask_names'.",
        ),
        (
            {"mask_names": np.array(["sky", "", "sky"])},
            "The concept 'sky' of the category 'object' stands twice in 'a.npz', at the values 0 and 2. Keep or "
            "rename one.",
        ),
        (
            {"mask_names": np.array(["sky"]), "mask_categories": np.array(["a", "b"])},
            "'mask_categories' in 'a.npz' has 2 entries, and 'mask_names' 1. Save a category for every name.",
        ),
        (
            {"mask_names": np.array([1])},
            "'mask_names' in 'a.npz' is int64 [1]. Save a 1-D array of strings.",
        ),
        (
            {"mask_names": np.array(["sky"]), "masks": MASKS + 3},
            "The value 3 of the label image 0 of 'a.npz' has no name. Name all values from 0 in 'mask_names', with "
            "'unlabelled' for those that mean nothing; values below 0 can have none.",
        ),
        (
            {"class_names": np.array(["sky"]), "masks": MASKS.astype(np.int8) - 1},
            "The value -1 of the label image 0 of 'a.npz' has no name. Name all values from 0 in 'class_names', with "
            "'unlabelled' for those that mean nothing; values below 0 can have none.",
        ),
        (
            {"class_names": np.array(["sky"]), "masks": MASKS.astype(np.float32)},
            "The masks in 'a.npz' are float32 2 x 6 x 8, not integers N x H x W or N x P x H x W for its 2 images. "
            "Save one mask an image, or P planes that overlap.",
        ),
        (
            {"class_names": np.array(["sky"]), "masks": MASKS[:1]},
            "The masks in 'a.npz' are uint8 1 x 6 x 8, not integers N x H x W or N x P x H x W for its 2 images. "
            "Save one mask an image, or P planes that overlap.",
        ),
        (
            {"class_names": np.array(["sky"]), "masks": MASKS[:, :0]},
            "The masks in 'a.npz' are uint8 2 x 0 x 8 and have no pixels. Leave them out, or fill them.",
        ),
        (
            {"class_names": np.array(["sky"]), "masks": np.zeros((2, 4, 8, 6), np.uint8)},
            "The label image 0 of 'a.npz' is 8 x 6 pixels (height x width), but its image '0' is 6 x 8. A label image "
            "must cover its image: give it the same proportions.",
        ),
    ],
)
def test_arrays(told, tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{"images": IMAGES, "masks": MASKS} | arrays)
    for path in (None, "a.npz"):
        assert told(path, "a.npz").replace("image 1 of", "image 0 of").replace("image '1'", "image '0'") == message


def test_arrays_of_other_images_and_without_masks(told, files, tmp_path):
    files()
    np.savez(tmp_path / "a.npz", images=IMAGES, masks=MASKS, mask_names=np.array(["sky"]))
    images = ", ".join(repr(record.member) for record in index(["photos"]).images)
    assert told("a.npz") == (
        f"'a.npz' annotates no probe image. The images are named {images}; the annotations are of 'number 0', "
        "'number 1'. Give the annotations of these images, by the same paths or file names."
    )
    np.savez(tmp_path / "b.npz", images=IMAGES)
    assert find_annotations(None, index(["b.npz"])) is None
    assert told("b.npz", "b.npz") == (
        "'b.npz' has no array named 'masks'; it has: images. Save the masks as 'masks' and beside them their images as "
        "'images'."
    )
    (tmp_path / "b.npz").write_bytes(b"PK")
    assert told("b.npz").startswith("The array file 'b.npz' cannot be read: ")


def test_an_array_file_that_was_replaced(told, tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, masks=MASKS, mask_names=np.array(["sky"]))
    probe = index([str(tmp_path / "a.npz")])
    np.savez(tmp_path / "a.npz", images=IMAGES[:1], masks=MASKS[:1], mask_names=np.array(["sky"]))
    probe.opened.clear()
    annotator = find_annotations(None, probe)
    last = next(record for record in probe.images if record.member == "1")
    with pytest.raises(ProbeError) as error:
        annotator.masks(last)
    assert str(error.value) == (
        f"{str(tmp_path / 'a.npz')!r} has masks of 1 images and none of the image '1'. Put the old file back, or make "
        "a new study."
    )


class Odd:
    name = "odd"

    def members(self):
        return [Member("0", None)]

    def read(self, member):
        return IMAGES[0]

    def annotations(self):
        return [3]


def test_a_source_whose_annotations_are_none():
    with pytest.raises(ProbeError) as error:
        find_annotations(None, index([Odd()]))
    assert str(error.value) == (
        "The annotations of 'odd' are a list, which is no annotator. It must have name, concepts, stamp, notes and "
        "masks; see neuronym.probes.annotations.Annotator."
    )
