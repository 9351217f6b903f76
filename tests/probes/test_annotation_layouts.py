"""Every layout of annotations, made here from small files, for the images' own source and for images elsewhere."""

from __future__ import annotations

import io
import json
import os
import zipfile

import numpy as np
import pytest

from annotator_checks import alike, check_annotator, said
from neuronym.probes import ProbeSet, index, open_source
from neuronym.probes.annotations import find_annotations
from neuronym.probes.annotations.sources import BrodenSource, MaskedFolderSource
from neuronym.probes.sources import Source

TOP, LEFT = np.repeat([1, 0], 3)[:, None].repeat(8, 1), np.repeat([5, 7], 4)[None].repeat(6, 0)
"""Two label images of 6 x 8 pixels: 1 above 0; 5 beside 7."""


def grey(encode, values):
    return encode(np.asarray(values, np.uint8))


def rgb(encode, values):
    values = np.asarray(values)
    return encode(np.dstack([values & 255, values >> 8 & 255, values >> 16 & 255]).astype(np.uint8))


def by_member(annotator, records):
    """What is said of each image that is annotated."""
    found = check_annotator(annotator, records)
    return {r.member: said(annotator, m) for r, m in zip(records, found, strict=True) if m is not None}


def ones(array):
    return np.asarray(array).astype(int).tolist()


@pytest.fixture
def simple(tmp_path, encode, picture, write_files):
    return write_files(
        tmp_path / "streets",
        {
            "images/a/x.png": picture(0),
            "images/b/x.jpg": picture(1),
            "images/b/y.png": picture(2),
            "images/b/z.png": picture(3),
            "masks/a/x.png": grey(encode, TOP),
            "masks/b/x.png": grey(encode, 1 - TOP),
            "masks/b/y.png": grey(encode, LEFT),
            "masks/b/other.png": grey(encode, LEFT),
            "names.csv": "value,name,category\n0,,\n1,sky,\n5,road,stuff\n7,Void,object\n",
        },
    )


SIMPLE = {
    "a/x.png": ({("sky", "object"): ones(TOP)}, set()),
    "b/x.jpg": ({("sky", "object"): ones(1 - TOP)}, set()),
    "b/y.png": ({("road", "stuff"): ones(LEFT == 5)}, set()),
}


def test_a_folder_of_images_and_masks(simple):
    source = open_source(simple)
    assert isinstance(source, MaskedFolderSource)
    assert isinstance(source, Source)
    assert [tuple(member) for member in source.members()] == [
        ("a/x.png", "a"),
        ("b/x.jpg", "b"),
        ("b/y.png", "b"),
        ("b/z.png", "b"),
    ]
    probe = index([simple])
    assert len(probe) == 4
    annotator = find_annotations(None, probe)
    assert by_member(annotator, probe.images) == SIMPLE
    assert annotator.name == str(simple)
    assert annotator.notes == (f"1 annotations of {str(simple)!r} are of no image of the set.",)


def test_masks_of_images_elsewhere(simple):
    probe = index([simple / "images"])
    assert find_annotations(None, probe) is None
    annotator = find_annotations(simple, probe)
    assert by_member(annotator, probe.images) == SIMPLE
    assert annotator.name == str(simple)
    # The masks need no folder of their own, and the images may be listed by other paths that end alike.
    (simple / "list.txt").write_text("\n".join(str(simple / "images" / name) for name in ("b/y.png", "b/z.png")))
    for file in (simple / "masks").rglob("*.png"):
        if file.stem != "x":
            file.rename(simple / "images" / f"../{file.name}")
    for folder in ("masks/a", "masks/b"):
        for file in (simple / folder).iterdir():
            file.unlink()
        (simple / folder).rmdir()
    (simple / "masks").rmdir()
    (simple / "images").rename(simple.parent / "photos")
    photos = index([simple.parent / "photos"])
    annotator = find_annotations(simple, photos)
    assert by_member(annotator, photos.images) == {"b/y.png": SIMPLE["b/y.png"]}
    assert annotator.notes == (f"1 annotations of {str(simple)!r} are of no image of the set.",)


def test_planes_overlap_and_scenes_are_whole(tmp_path, encode, picture, write_files):
    root = write_files(
        tmp_path / "d",
        {
            **{f"images/{name}.png": picture(seed) for seed, name in enumerate("pqrs")},
            "masks/things/p.png": grey(encode, TOP),
            "masks/parts/p.png": grey(encode, LEFT),
            "masks/parts/q.png": grey(encode, LEFT),
            "masks/things/q.png": grey(encode, np.zeros((6, 8))),
            "names.csv": "value;name;category;plane\n0;;;things\n1;car;;things\n5;wheel;part;parts\n7;;;parts\n",
            "scenes.csv": "image,name,category\np,street,\np,night,light\nr,street,scene\nr,ignore,\nw,sea,\n",
        },
    )
    probe = index([root])
    annotator = find_annotations(None, probe)
    assert [(c.name, c.category) for c in annotator.concepts] == [
        ("car", "object"),
        ("wheel", "part"),
        ("street", "scene"),
        ("night", "light"),
    ]
    wheel = {("wheel", "part"): ones(LEFT == 5)}
    assert by_member(annotator, probe.images) == {
        "p.png": ({("car", "object"): ones(TOP)} | wheel, {("street", "scene"), ("night", "light")}),
        "q.png": (wheel, set()),
        "r.png": ({}, {("street", "scene")}),
    }
    assert annotator.notes == (
        f"1 images of {str(root / 'scenes.csv')!r} have scenes and no mask, and count as showing nothing else.",
        f"1 rows of {str(root / 'scenes.csv')!r} name no image of the set.",
    )


def test_masks_of_another_resolution_and_sixteen_bits(tmp_path, encode, noise, write_files):
    values = np.kron([[300, 9], [9, 300]], np.ones((30, 40))).astype(np.uint16)
    write_files(tmp_path, {"photos/x.png": encode(noise(0, (120, 160))), "m/x.png": encode(values)})
    (tmp_path / "m" / "names.csv").write_text("value,name\n300,tall\n9,short\n")
    probe = index([tmp_path / "photos"])
    annotator = find_annotations(tmp_path / "m", probe)
    assert by_member(annotator, probe.images) == {
        "x.png": ({("tall", "object"): ones(values == 300), ("short", "object"): ones(values == 9)}, set())
    }


BRODEN_IMAGES = ("ade/1", "ade/2", "dtd/1", "dtd/2")


@pytest.fixture
def broden(tmp_path, encode, picture, write_files):
    index_csv = (
        "image,split,ih,iw,sh,sw,color,object,part,scene,texture\n"
        "ade/1.jpg,train,6,8,6,8,ade/1_color.png,ade/1_object.png;ade/1_more.png,,261,\n"
        "ade/2.jpg,val,6,8,6,8,,ade/2_object.png,ade/2_part.png,,5;0\n"
        "dtd/1.jpg,train,6,8,6,8,,,,,5\n"
        "dtd/2.jpg,train,6,8,6,8,,,,,\n"
    )
    label_csv = (
        "number,name,category,frequency\n0,-,,0\n1,wheel,object(3);part(12),15\n260,red,color(9),9\n"
        "261,street,scene(4),4\n262,house,object(2),2\n5,striped,texture(1),1\n9,elsewhere,material(1),1\n"
    )
    return write_files(
        tmp_path / "broden",
        {
            **{f"images/{name}.jpg": picture(10 + seed) for seed, name in enumerate(BRODEN_IMAGES)},
            "images/ade/1_color.png": rgb(encode, TOP * 260),
            "images/ade/1_object.png": rgb(encode, TOP * 262),
            "images/ade/1_more.png": rgb(encode, (LEFT == 5) * 262 + (LEFT == 7) * 1),
            "images/ade/2_object.png": rgb(encode, np.where(LEFT == 5, 262 + (3 << 16), 0)),
            "images/ade/2_part.png": rgb(encode, TOP),
            "index.csv": index_csv,
            "label.csv": label_csv,
            "category.csv": "name,first,last\ncolor,1,2\nobject,1,2\npart,1,2\nscene,1,2\ntexture,1,2\n",
        },
    )


BRODEN = {
    "ade/1.jpg": (
        {
            ("red", "colour"): ones(TOP),
            ("house", "object"): ones((TOP == 1) | (LEFT == 5)),
            ("wheel", "object"): ones(LEFT == 7),
        },
        {("street", "scene")},
    ),
    "ade/2.jpg": (
        {("house", "object"): ones(LEFT == 5), ("wheel", "part"): ones(TOP)},
        {("striped", "texture")},
    ),
    "dtd/1.jpg": ({}, {("striped", "texture")}),
}


def test_broden(broden):
    source = open_source(broden)
    assert isinstance(source, BrodenSource)
    assert isinstance(source, Source)
    # The label images are none of the probe images.
    assert [tuple(member) for member in source.members()] == [(f"{name}.jpg", None) for name in BRODEN_IMAGES]
    probe = index([broden])
    annotator = find_annotations(None, probe)
    assert by_member(annotator, probe.images) == BRODEN
    assert [(c.name, c.category) for c in annotator.concepts] == [
        ("wheel", "object"),
        ("wheel", "part"),
        ("red", "colour"),
        ("street", "scene"),
        ("house", "object"),
        ("striped", "texture"),
    ]
    assert annotator.notes == ()


def test_broden_beside_other_folders_of_its_images(broden):
    (broden / "images" / "ade" / "2.jpg").rename(broden / "images" / "ade" / "away")
    photos = broden.parent / "photos"
    (broden / "images").rename(photos)
    (photos / "ade" / "away").rename(photos / "ade" / "2.jpg")
    probe = index([photos])
    probe = ProbeSet.restore([r for r in probe.images if r.member.endswith("1.jpg")], None, [], 0, probe.sources)
    photos.rename(broden / "images")
    (broden / "category.csv").unlink()  # then every other column is one of a category
    annotator = find_annotations(broden, probe)
    assert by_member(annotator, probe.images) == {name: BRODEN[name] for name in ("ade/1.jpg", "dtd/1.jpg")}
    assert annotator.notes == (f"2 annotations of {str(broden)!r} are of no image of the set.",)


@pytest.fixture
def panoptic(tmp_path, encode, picture, write_files):
    far = 200 + 256 * 100 + 65536 * 7
    content = {
        "images": [{"id": n, "file_name": f"{n:04}.jpg", "height": 6, "width": 8} for n in (3, 4, 5)],
        "annotations": [
            {
                "image_id": 3,
                "file_name": "0003.png",
                "segments_info": [
                    {"id": far, "category_id": 1, "iscrowd": 0},
                    {"id": 8, "category_id": 1, "iscrowd": 1},
                    {"id": 9, "category_id": 2},
                ],
            },
            {"image_id": 4, "file_name": "0004.png", "segments_info": [{"id": 9, "category_id": 77}]},
            {"image_id": 5, "file_name": "0005.png", "segments_info": []},
        ],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "being", "isthing": 1},
            {"id": 77, "name": "sky", "supercategory": "outside", "isthing": 0},
            {"id": 2, "name": "person", "supercategory": "being", "isthing": 0},
        ],
    }
    first = np.where(TOP == 1, far, np.where(LEFT == 5, 8, 9))
    return write_files(
        tmp_path,
        {
            "photos/0003.jpg": picture(0),
            "photos/0004.jpg": picture(1),
            "photos/lone.jpg": picture(2),
            "marks/panoptic_val.json": json.dumps(content),
            "marks/panoptic_val/0003.png": rgb(encode, first),
            "marks/panoptic_val/0004.png": rgb(encode, 9 * TOP),
        },
    )


def test_panoptic(panoptic):
    place = panoptic / "marks" / "panoptic_val.json"
    probe = index([panoptic / "photos"])
    annotator = find_annotations(place, probe)
    person, stuff = (TOP == 1) | (LEFT == 5), (TOP == 0) & (LEFT == 7)
    expected = {
        "0003.jpg": ({("person", "object"): ones(person), ("person", "stuff"): ones(stuff)}, set()),
        "0004.jpg": ({("sky", "stuff"): ones(TOP)}, set()),
    }
    assert by_member(annotator, probe.images) == expected
    assert annotator.notes == (f"1 annotations of {str(place)!r} are of no image of the set.",)
    # Without a list of images and with the label images beside the file.
    content = json.loads(place.read_text())
    del content["images"]
    for file in (panoptic / "marks" / "panoptic_val").iterdir():
        file.rename(panoptic / "marks" / file.name)
    (panoptic / "marks" / "panoptic_val").rmdir()
    place.write_text(json.dumps(content))
    assert by_member(find_annotations(str(place), probe), probe.images) == expected


def arrays(noise, **more):
    images = np.stack([noise(seed) for seed in range(3)])
    return {"images": images, "masks": np.stack([TOP, 1 - TOP, LEFT]), **more}


NAMES = np.array(["unlabelled", "sky", "", "IGNORE", "void", "road", "x", "tree"])


def test_arrays(tmp_path, noise):
    np.savez(tmp_path / "a.npz", **arrays(noise, class_names=NAMES))
    probe = index([tmp_path / "a.npz"])
    assert probe.labels is None
    assert open_source(tmp_path / "a.npz").class_names is None
    annotator = find_annotations(None, probe)
    assert [(c.name, c.category) for c in annotator.concepts] == [
        (name, "object") for name in ("sky", "road", "x", "tree")
    ]
    sky = ("sky", "object")
    expected = {
        "0": ({sky: ones(TOP)}, set()),
        "1": ({sky: ones(1 - TOP)}, set()),
        "2": ({("road", "object"): ones(LEFT == 5), ("tree", "object"): ones(LEFT == 7)}, set()),
    }
    assert by_member(annotator, probe.images) == expected
    assert annotator.notes == ()
    # Given as annotations of a copy of the images, which are told by their content.
    np.savez(tmp_path / "b.npz", images=arrays(noise)["images"][[2, 0]])
    copies = index([tmp_path / "b.npz"])
    other = find_annotations(tmp_path / "a.npz", copies)
    assert by_member(other, copies.images) == {"0": expected["2"], "1": expected["0"]}
    assert other.notes == (f"1 annotations of {str(tmp_path / 'a.npz')!r} are of no image of the set.",)
    np.savez(tmp_path / "c.npz", images=np.concatenate([arrays(noise)["images"], noise(9)[None]]))
    more = index([tmp_path / "c.npz"])
    assert find_annotations(tmp_path / "a.npz", more).notes == ()


def test_arrays_with_labels_planes_and_categories(tmp_path, noise):
    masks = np.stack([np.stack([TOP, LEFT - 4], axis=0)] * 3).astype(np.int32)
    more = {
        "labels": np.array([0, 1, 1]),
        "class_names": np.array(["day", "night"]),
        "masks": masks,
        "mask_names": np.array(["", "sky", "x", "road"]),
        "mask_categories": np.array(["", "scene", "", "color"]),
    }
    np.savez(tmp_path / "a.npz", **arrays(noise) | more)
    probe = index([tmp_path / "a.npz"])
    assert probe.labels.concepts == ("day", "night")
    assert open_source(tmp_path / "a.npz").class_names == ["day", "night"]
    road_and_sky = {("sky", "scene"): ones((TOP == 1) | (LEFT == 5)), ("road", "colour"): ones(LEFT == 7)}
    assert by_member(find_annotations(None, probe), probe.images) == dict.fromkeys("012", (road_and_sky, set()))


def test_several_sources_are_joined(tmp_path, simple, broden, noise, picture, write_files):
    write_files(tmp_path / "plain", {"x.png": picture(7), "y.png": picture(8)})
    colours = np.array(["", "sky", *"abcd", "x", "wheel"])
    images = np.stack([noise(20), noise(21), noise(22)])
    np.savez(tmp_path / "a.npz", **arrays(noise) | {"images": images, "mask_names": colours})
    probe = index([simple, tmp_path / "plain", broden, tmp_path / "a.npz"])
    annotator = find_annotations(None, probe)
    names = [(c.name, c.category) for c in annotator.concepts]
    assert names[:4] == [("sky", "object"), ("road", "stuff"), ("wheel", "object"), ("wheel", "part")]
    assert names[-5:] == [(name, "object") for name in "abcdx"]

    def of(source):
        return by_member(annotator, [r for r in probe.images if r.source == str(source)])

    assert of(simple) == SIMPLE
    assert of(broden) == BRODEN
    assert of(tmp_path / "plain") == {}
    # Here the concept with the number 1 of the array file comes after one with a higher number.
    assert of(tmp_path / "a.npz")["2"] == (
        {("d", "object"): ones(LEFT == 5), ("wheel", "object"): ones(LEFT == 7)},
        set(),
    )
    assert annotator.name == ", ".join(map(str, (simple, broden, tmp_path / "a.npz")))


def test_a_study_that_is_opened_again_and_the_order_of_its_images(simple):
    probe = index([simple], seed=0)
    other = index([simple], seed=3, test_fraction=0.6)
    assert [r.split for r in probe.images] != [r.split for r in other.images]
    restored = ProbeSet.restore(other.images, None, [], 0, other.sources)
    first, second = find_annotations(None, probe), find_annotations(None, restored)
    given = find_annotations(simple, restored)
    assert (first.concepts, first.stamp) == (second.concepts, second.stamp)
    for record in probe.images:
        assert alike(first.masks(record), second.masks(record))
        assert alike(first.masks(record), given.masks(record))


def test_a_stamp_tells_when_annotations_may_have_changed(simple, panoptic, noise, encode, tmp_path):
    probe = index([simple])

    def stamps():
        return find_annotations(None, probe).stamp, find_annotations(simple, probe).stamp

    before = stamps()
    assert stamps() == before
    mask, names = simple / "masks" / "b" / "y.png", simple / "names.csv"
    content = mask.read_bytes()
    mask.write_bytes(grey(encode, LEFT[:, ::-1]))
    assert all(new != old for new, old in zip(stamps(), before, strict=True))
    mask.write_bytes(content)
    os.utime(mask, ns=(5, 5))
    touched = stamps()
    for old, new in (("road", "street"), ("stuff", "thing"), ("\n0,", "\n3,")):
        text = names.read_text()
        names.write_text(text.replace(old, new))
        assert all(new != old for new, old in zip(stamps(), touched, strict=True))
        names.write_text(text)
    assert stamps() == touched
    # Which category a segment has is in the JSON file alone.
    photos, place = index([panoptic / "photos"]), panoptic / "marks" / "panoptic_val.json"
    before = find_annotations(place, photos).stamp
    place.write_text(place.read_text().replace('"category_id": 77', '"category_id": 2'))
    assert find_annotations(place, photos).stamp != before
    np.savez(tmp_path / "a.npz", **arrays(noise, class_names=NAMES))
    stack = index([tmp_path / "a.npz"])
    before = find_annotations(None, stack).stamp
    os.utime(tmp_path / "a.npz", ns=(7, 7))
    assert find_annotations(None, stack).stamp != before


def test_a_stamp_needs_no_decoding(simple):
    probe = index([simple])
    for mask in (simple / "masks").rglob("*.png"):
        mask.write_bytes(b"not a PNG")
    assert find_annotations(None, probe).stamp


def test_arrays_without_the_usual_ending_are_read_too(tmp_path):
    """NumPy reads them."""
    images = np.random.default_rng(0).integers(0, 255, (6, 8, 8, 3), np.uint8)
    arrays = {"images": images, "masks": images[..., 0] % 2, "mask_names": np.array(["void", "odd"])}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array)
            archive.writestr(name, file.getvalue())
    probe = index([tmp_path / "a.npz"])
    found = find_annotations(None, probe)
    assert found is not None
    for record in probe.images:
        masks = found.masks(record)
        assert masks is not None
        assert np.array_equal(masks.masks[0], arrays["masks"][int(record.member)] == 1)
