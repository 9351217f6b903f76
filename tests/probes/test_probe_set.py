from __future__ import annotations

import os
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from neuronym.errors import ProbeError
from neuronym.probes import Member, ProbeSet, index
from neuronym.probes.decode import content_id, decode
from neuronym.records import ImageRecord


@pytest.fixture
def folder(tmp_path, picture, write_files):
    """Ten cats and ten dogs."""
    files = {f"{kind}/{i}.png": picture(10 * k + i) for k, kind in enumerate(("cat", "dog")) for i in range(10)}
    return write_files(tmp_path / "a folder", files)


def contents(probes):
    """What does not depend on where an image was found."""
    return [(r.id, r.height, r.width, r.label, r.split) for r in probes.images]


def test_a_labelled_folder(folder, picture, noise):
    seen = []
    probes = index([folder], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, 20) for i in range(20)]
    assert len(probes) == probes.count() == 20
    assert (probes.count("explain"), probes.count("test")) == (14, 6)
    assert Counter(r.label for r in probes.images if r.split == "test") == {"cat": 3, "dog": 3}
    assert probes.ids() == probes.ids("explain") + probes.ids("test")
    assert list(probes.ids("explain")) == sorted(probes.ids("explain"))
    assert list(probes.ids("test")) == sorted(probes.ids("test"))
    assert probes.labels.concepts == ("cat", "dog")
    for row, record in zip(probes.labels.values, probes.images, strict=True):
        assert probes.labels.concepts[int(row.argmax())] == record.label
    assert (probes.skipped, probes.duplicates, probes.sources, probes.notes) == ((), 0, (str(folder),), ())
    for i, record in enumerate(probes.images):
        kind, number = record.member.removesuffix(".png").split("/")
        seed = 10 * (kind == "dog") + int(number)
        assert record.id == content_id(picture(seed))
        assert (record.height, record.width) == (6, 8)
        assert np.array_equal(np.asarray(probes.load(i)), noise(seed))


def test_one_path_may_be_given_alone(folder):
    assert len(index(str(folder))) == len(index(folder)) == 20


def test_unions_do_not_depend_on_order(tmp_path, folder, picture, write_files, write_zip, noise):
    write_files(tmp_path, {"more/x y.png": picture(3), "more/ü.png": picture(50), "list.txt": "more/ü.png\n"})
    archive = write_zip(tmp_path / "z.zip", {"top/ü ö.png": picture(51), "top/b.png": picture(4)})
    np.savez(tmp_path / "n.npz", images=np.stack([noise(60), noise(61), noise(60)]))
    paths = [folder, tmp_path / "more", archive, tmp_path / "n.npz", tmp_path / "list.txt"]
    sets = [index(order) for order in permutations(paths)]
    first = sets[0]
    # The folder's 20, one new in "more", one new in the archive, two different arrays.
    assert len(first) == 24
    assert first.duplicates == 4
    assert first.sources == tuple(map(str, paths))
    for probes in sets:
        assert contents(probes) == contents(first)
        assert probes.fingerprint == first.fingerprint
        assert probes.duplicates == 4
        assert np.array_equal(probes.labels.values, first.labels.values)
    for i in range(24):
        assert first.load(i).size == (8, 6)


def test_the_first_of_duplicates_is_kept_with_its_label(tmp_path, picture, write_files):
    root = write_files(tmp_path, {"p/a/1.png": picture(1), "p/b/2.png": picture(1), "q/3.png": picture(1)})
    probes = index([root / "q", root / "p"])
    assert [(r.source, r.member, r.label) for r in probes.images] == [(str(root / "q"), "3.png", "a")]
    assert probes.duplicates == 2
    assert index([root / "p", root / "q"]).images[0].label == "a"


def test_unreadable_images_are_skipped_and_listed(tmp_path, folder, picture, write_files):
    bad = {"cat/cut.png": picture(90)[:60], "cat/empty.jpg": b"", "dog/text.gif": b"hello"}
    write_files(folder, bad)
    (folder / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    write_files(tmp_path, {"list.txt": "missing.png\n"})
    probes = index([folder, tmp_path / "list.txt"])
    assert contents(probes) == contents(index([folder]))
    assert [(s.member, s.reason) for s in probes.skipped if s.member != "cat/cut.png"] == [
        ("cat/empty.jpg", "the file is empty"),
        ("dog/gone.png", "No such file or directory"),
        ("dog/text.gif", "not an image of a known format"),
        ("missing.png", "No such file or directory"),
    ]
    assert [s.source for s in probes.skipped] == [*[str(folder)] * 4, str(tmp_path / "list.txt")]
    assert "truncated" in probes.skipped[0].reason.lower()


def test_a_file_name_that_is_not_text_is_skipped(folder, picture):
    with open(os.fsencode(folder) + b"/cat/\xff.png", "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(picture(70))
    probes = index([folder])
    assert [(s.member, s.reason) for s in probes.skipped] == [("cat/\\udcff.png", "its name is not UTF-8; rename it")]


def test_nothing_usable(tmp_path, write_files):
    root = write_files(
        tmp_path, {"none/x.txt": "", "bad/1.png": "", "bad/2.png": "x", "bad/3.png": "", "bad/4.png": ""}
    )
    with pytest.raises(ProbeError, match=r"There are no images in '.*none'. Check the path; other files than images"):
        index([root / "none"])
    message = r"None of the 4 images in '.*none', '.*bad' can be read: '1.png': the file is empty; '2.png': not an im"
    with pytest.raises(ProbeError, match=message):
        index([root / "none", root / "bad"])
    with pytest.raises(ProbeError, match=r"No probe images were given. Give a folder, a list, an array file or a zip"):
        index([])
    with pytest.raises(ProbeError, match=r"The limit is 0 images. Give at least 1, or none."):
        index([root], limit=0)


def test_named_test_images(tmp_path, folder, picture, write_files):
    tests = write_files(tmp_path / "t", {"x.png": picture(200), "y.png": picture(0), "z.png": picture(0)})
    probes = index([folder], test_paths=[tests], test_fraction=0.9)
    tested = {content_id(picture(0)), content_id(picture(200))}
    assert set(probes.ids("test")) == tested
    assert probes.count("explain") == 19
    assert probes.duplicates == 2
    assert probes.notes == ("1 images were given both to explain and to test; they are used to test only.",)
    assert next(r for r in probes.images if r.id == content_id(picture(0))).label == "cat"
    with pytest.raises(ProbeError, match="All usable images were given for testing, and none is left to explain with"):
        index([folder], test_paths=[folder])
    bad = write_files(tmp_path / "bad", {"x.png": ""})
    with pytest.raises(ProbeError, match=r"None of the images given for testing is usable. Check them, or give more"):
        index([folder], test_paths=[bad])


def test_seed_and_fraction_decide_the_split(folder):
    assert len({index([folder], seed=seed).ids("test") for seed in range(6)}) == 6
    assert index([folder], test_fraction=0).count("test") == 0
    assert index([folder], test_fraction=0.5).count("test") == 10
    assert index([folder], seed=1).fingerprint != index([folder]).fingerprint
    with pytest.raises(ProbeError, match="The test fraction is 1"):
        index([folder], test_fraction=1)


def test_limit_takes_a_seeded_part(folder, tmp_path, picture, write_files):
    write_files(folder, {"cat/again.png": picture(0), "cat/bad.png": ""})
    whole = set(index([folder]).ids())
    seen = []
    few = index([folder], limit=5, progress=lambda done, total: seen.append((done, total)))
    assert len(few) == 5
    assert seen[-1] == (5, 5)
    assert set(few.ids()) < set(index([folder], limit=9).ids()) < whole
    assert set(index([folder], limit=5, seed=1).ids()) != set(few.ids())
    assert set(index([folder], limit=99).ids()) == whole
    other = write_files(tmp_path / "other", {f"{i}.png": picture(100 + i) for i in range(10)})
    assert contents(index([folder, other], limit=8)) == contents(index([other, folder], limit=8))


def test_a_changed_or_lost_file_is_found_when_loaded(folder, picture):
    probes = index([folder])
    record = probes.images[0]
    path = folder / record.member
    path.write_bytes(picture(999))
    with pytest.raises(
        ProbeError, match=rf"The probe image '{record.member}' of '.*a folder' has changed since it was"
    ):
        probes.load(0)
    path.unlink()
    with pytest.raises(ProbeError, match=rf"The probe image '{record.member}' of .* cannot be read: No such file or"):
        probes.load(0)
    assert probes.load(1).mode == "RGB"


def test_restore_reads_nothing_until_an_image_is_loaded(tmp_path, folder, picture, write_zip, noise):
    archive = write_zip(tmp_path / "z.zip", {"b.png": picture(40)})
    np.save(tmp_path / "n.npy", np.stack([noise(60)]))
    paths = [folder, archive, tmp_path / "n.npy"]
    probes = index(paths)
    again = ProbeSet.restore(
        list(probes.images), probes.labels, list(probes.skipped), probes.duplicates, list(probes.sources), probes.notes
    )
    assert (again.images, again.fingerprint, again.sources) == (probes.images, probes.fingerprint, probes.sources)
    for i in range(len(probes)):
        assert np.array_equal(np.asarray(again.load(i)), np.asarray(probes.load(i)))
    lost = ProbeSet.restore([replace(r, source="gone") for r in probes.images], None, (), 0, ("gone",))
    assert lost.count("explain") == probes.count("explain")
    with pytest.raises(ProbeError, match="of 'gone' cannot be read: There are no probe images at 'gone'"):
        lost.load(0)


def test_pickle_and_threads(tmp_path, picture, write_zip):
    archive = write_zip(tmp_path / "z.zip", {f"{i}.png": picture(i) for i in range(20)})
    probes = index([archive])
    copy = pickle.loads(pickle.dumps(probes))
    assert copy.images == probes.images
    restored = ProbeSet.restore(probes.images, probes.labels, (), 0, probes.sources)
    for one in (probes, copy, restored):
        with ThreadPoolExecutor(8) as pool:
            images = list(pool.map(one.load, list(range(20)) * 5))
        for record, image in zip(one.images * 5, images, strict=True):
            expected = decode(picture(int(record.member.removesuffix(".png"))))
            assert np.array_equal(np.asarray(image), np.asarray(expected))


def test_records_must_be_sorted_and_different():
    one, two = (ImageRecord(name * 32, "s", name, 1, 1) for name in "ab")
    for images in ([two, one], [one, one], [replace(one, split="test"), two]):
        with pytest.raises(ValueError, match="images of a probe set must be different and sorted"):
            ProbeSet.restore(images, None, (), 0, ())


class Numbers:
    """A third party's source."""

    def __init__(self, pixels):
        self.name = "numbers"
        self.class_names = ["even", "odd"]
        self._pixels = pixels

    def members(self):
        return [Member(str(i), self.class_names[i % 2]) for i in range(len(self._pixels))]

    def read(self, member):
        return self._pixels[int(member)]


def test_a_source_of_ones_own(noise, tmp_path):
    source = Numbers([noise(i) for i in range(8)])
    (tmp_path / "s.json").write_text('{"not even": [1]}')
    probes = index([source], superclasses=tmp_path / "s.json")
    assert probes.labels.concepts == ("even", "odd", "not even")
    assert np.array_equal(probes.labels.values[:, 1], probes.labels.values[:, 2])
    again = ProbeSet.restore(probes.images, None, (), 0, probes.sources, opened={"numbers": source})
    assert np.array_equal(np.asarray(again.load(0)), noise(int(again.images[0].member)))


def test_label_table_replaces_classes_and_adds_concepts(folder, tmp_path):
    rows = "".join(f"cat/{i}.png,{'kitten' if i < 5 else 'cat'},{i},{i / 10}\n" for i in range(10))
    (tmp_path / "my.csv").write_text("image,class,index,furry\n" + rows + "fox.png,fox,77,1\n")
    (tmp_path / "s.csv").write_text("class,superclass\nkitten,young\nfox,wild\n")
    (tmp_path / "s.json").write_text('{"first three": [0, 1, 2]}')
    probes = index([folder], labels=tmp_path / "my.csv", superclasses=tmp_path / "s.csv")
    assert probes.labels.concepts == ("cat", "kitten", "young", "furry")
    assert probes.labels.groups == ("class", "class", "superclass", "my")
    for record, row in zip(probes.images, probes.labels.values, strict=True):
        kind, number = record.member.removesuffix(".png").split("/")
        kitten = kind == "cat" and int(number) < 5
        cat = kind == "cat" and not kitten
        assert record.label == ("kitten" if kitten else "cat" if cat else None)
        furry = np.float32(int(number) / 10 if kind == "cat" else 0)
        assert row.tolist() == [cat, kitten, kitten, furry]
    assert probes.notes == (
        f"10 images have no row in '{tmp_path / 'my.csv'}' and count as showing none of it.",
        f"1 rows of '{tmp_path / 'my.csv'}' name no image of the set.",
    )
    probes = index([folder], labels=tmp_path / "my.csv", superclasses=tmp_path / "s.json")
    column = probes.labels.group("superclass").values[:, 0]
    marked = {r.member for r, value in zip(probes.images, column, strict=True) if value}
    assert marked == {"cat/0.png", "cat/1.png", "cat/2.png"}


def test_class_numbers_without_a_table_are_positions_of_sorted_names(folder, tmp_path):
    (tmp_path / "s.json").write_text('{"barks": [1]}')
    probes = index([folder], superclasses=tmp_path / "s.json")
    assert np.array_equal(probes.labels.group("superclass").values[:, 0], probes.labels.values[:, 1])


def test_arrays_that_number_their_classes_differently(tmp_path, noise):
    (tmp_path / "s.json").write_text('{"x": [1]}')
    for k, names in enumerate((["a", "b"], ["b", "a"])):
        np.savez(tmp_path / f"{k}.npz", images=noise(k)[None], labels=np.array([1]), class_names=np.array(names))
    with pytest.raises(ProbeError, match="The sources number their classes differently, so that class numbers of"):
        index([tmp_path / "0.npz", tmp_path / "1.npz"], superclasses=tmp_path / "s.json")
    assert len(index([tmp_path / "0.npz", tmp_path / "1.npz"])) == 2
