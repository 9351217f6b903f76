"""The annotated street scenes of CamVid among the project's shared data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotator_checks import alike, check_annotator, said
from neuronym.probes import index
from neuronym.probes.annotations import find_annotations

CAMVID = Path(__file__).parents[2].parent / "shared" / "data" / "camvid" / "camvid_train.npz"

pytestmark = pytest.mark.skipif(not CAMVID.is_file(), reason="the shared data folder is not there")

CLASSES = [
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign_symbol", "fence", "car", "pedestrian", "bicyclist"),
]


@pytest.fixture(scope="module")
def probe():
    return index([CAMVID])


def test_eleven_classes_cover_what_its_description_states(probe):
    annotator = find_annotations(None, probe)
    assert [(concept.name, concept.category) for concept in annotator.concepts] == [
        (name, "object") for name in CLASSES
    ]
    assert annotator.notes == ()
    cells = np.zeros(11)
    for record in probe.images:
        found = annotator.masks(record)
        assert found.masks.shape[1:] == (120, 160)
        assert found.masks.sum(0).max() == 1
        cells[found.concepts] += found.masks.mean((1, 2))
    stated = [0.171, 0.233, 0.009, 0.317, 0.045, 0.097, 0.012, 0.011, 0.059, 0.006, 0.003]
    assert np.abs(cells / len(probe) - stated).max() < 0.0006


def test_some_of_them_in_detail(probe):
    annotator, given = find_annotations(None, probe), find_annotations(CAMVID, probe)
    records = probe.images[::40]
    found = check_annotator(annotator, records)
    with np.load(CAMVID) as arrays:
        masks = arrays["masks"]
    for record, one in zip(records, found, strict=True):
        values = masks[int(record.member)]
        there = {
            (CLASSES[value], "object"): (values == value).astype(int).tolist() for value in set(values.flat) - {11}
        }
        assert said(annotator, one) == (there, set())
        assert alike(given.masks(record), one)


def test_files_made_of_them_say_the_same(probe, tmp_path, encode, write_files):
    """The same images as photographs of four thirds, with masks at a third of their resolution."""
    with np.load(CAMVID) as arrays:
        images, masks = arrays["images"][:6], arrays["masks"][:6]
    files = {f"photos/{number}.png": encode(image.repeat(3, 0).repeat(3, 1)) for number, image in enumerate(images)}
    files |= {f"marks/masks/{number}.png": encode(mask) for number, mask in enumerate(masks)}
    names = "".join(f"{value},{name}\n" for value, name in enumerate([*CLASSES, ""]))
    write_files(tmp_path, files | {"marks/names.csv": f"value,name\n{names}"})
    photos = index([tmp_path / "photos"])
    annotator, own = find_annotations(tmp_path / "marks", photos), find_annotations(None, probe)
    assert annotator.concepts == own.concepts
    assert (photos.images[0].height, photos.images[0].width) == (360, 480)
    records = {record.member: record for record in probe.images}
    for record in photos.images:
        number = record.member.removesuffix(".png")
        if number in records:
            assert alike(annotator.masks(record), own.masks(records[number]))
