"""The project's shared images and tables, with the counts that their descriptions state."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from neuronym.probes import index

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")


def test_cifar():
    probes = index([DATA / "cifar10" / "cifar10_train.npz", DATA / "cifar10" / "cifar10_test.npz"])
    assert (len(probes), probes.duplicates, probes.skipped) == (5000, 0, ())
    names = (DATA / "concept_sets" / "cifar10_classes.txt").read_text().split()
    assert probes.labels.concepts == tuple(sorted(names))
    assert Counter((r.label, r.split) for r in probes.images) == {
        (name, split): count for name in names for split, count in (("explain", 350), ("test", 150))
    }
    with np.load(DATA / "cifar10" / "cifar10_test.npz") as arrays:
        images, labels = arrays["images"], arrays["labels"]
    for position in range(0, 5000, 501):
        record = probes.images[position]
        if record.source.endswith("cifar10_test.npz"):
            assert np.array_equal(np.asarray(probes.load(position)), images[int(record.member)])
            assert record.label == names[labels[int(record.member)]]


def test_imagenet_sample_with_classes_and_superclasses():
    superclasses = DATA / "concept_sets" / "imagenet_superclass_to_ids.json"
    table = DATA / "imagenet_sample_classes.csv"
    probes = index([DATA / "imagenet_sample.zip"], labels=table, superclasses=superclasses)
    assert (len(probes), probes.duplicates, probes.skipped, probes.notes) == (1000, 0, (), ())
    assert (probes.count("explain"), probes.count("test")) == (700, 300)
    with table.open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    # Two names, crane and maillot, stand for two classes each.
    assert Counter(probes.labels.groups) == {"class": 998, "superclass": 399}
    members = {name: set(ids) for name, ids in json.loads(superclasses.read_text()).items()}
    above = probes.labels.group("superclass")
    # "entity" holds for everything.
    assert set(members) - set(above.concepts) == {"entity"}
    for record, values in zip(probes.images, above.values, strict=True):
        row = rows[Path(record.member).name]
        assert record.label == row["name"]
        assert values.tolist() == [float(int(row["index"]) in members[name]) for name in above.concepts]


def test_images_without_labels():
    probes = index([DATA / "camvid" / "camvid_train.npz"], limit=40)
    assert len(probes) == 40
    assert probes.labels is None
    assert {(r.height, r.width, r.label) for r in probes.images} == {(120, 160, None)}
