from __future__ import annotations

import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from neuronym.errors import ProbeError
from neuronym.probes import Source, UnreadableImageError, open_source
from neuronym.probes.archive import ArchiveSource
from neuronym.probes.arrays import ArraySource
from neuronym.probes.folder import FolderSource
from neuronym.probes.handles import Handle
from neuronym.probes.listing import ListSource


def listed(source):
    return [(member.name, member.label) for member in source.members()]


def test_the_kind_is_chosen_by_what_the_path_is(tmp_path, picture, write_files, write_zip, noise):
    write_files(tmp_path, {"a folder.zip/x.png": picture(0), "list.TXT": "x.png", "list.csv": "x.png"})
    write_zip(tmp_path / "b.ZIP", {"x.png": picture(0)})
    np.savez(tmp_path / "c.npz", images=noise(0)[None])
    np.save(tmp_path / "d.npy", noise(0)[None])
    kinds = {
        "a folder.zip": FolderSource,
        "list.TXT": ListSource,
        "list.csv": ListSource,
        "b.ZIP": ArchiveSource,
        "c.npz": ArraySource,
        "d.npy": ArraySource,
    }
    for name, kind in kinds.items():
        source = open_source(tmp_path / name)
        assert type(source) is kind
        assert isinstance(source, Source)
        assert source.name == str(tmp_path / name)
        assert len(source.members()) == 1


def test_paths_that_hold_no_probe_images(tmp_path, write_files, picture):
    write_files(tmp_path, {"x.png": picture(0), "x.rar": "", "none": ""})
    with pytest.raises(ProbeError, match=r"^There are no probe images at '.*gone': no such file or folder"):
        open_source(tmp_path / "gone")
    with pytest.raises(ProbeError, match=r"x.png' is a single image. Give its folder, or a text file that lists"):
        open_source(tmp_path / "x.png")
    for name in ("x.rar", "none"):
        with pytest.raises(ProbeError, match=rf"{name}' is of no kind that holds probe images. Give a folder, a"):
            open_source(tmp_path / name)


def test_folder(tmp_path, write_files, monkeypatch):
    names = ["b/2.JPG", "b/10.jpeg", "a b/ü x.Png", "a b/deep/y.webp"]
    hidden = ["b/.z.png", ".git/z.png", "b/notes.txt", "Thumbs.db"]
    write_files(tmp_path, {name: name for name in names + hidden})
    source = open_source(tmp_path)
    expected = [("a b/deep/y.webp", "a b"), ("a b/ü x.Png", "a b"), ("b/10.jpeg", "b"), ("b/2.JPG", "b")]
    assert listed(source) == expected
    assert source.read("a b/ü x.Png") == "a b/ü x.Png".encode()
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert listed(open_source(f"~/{tmp_path.name}")) == expected
    # One image outside of the sub-folders, and they are no classes.
    (tmp_path / "top.png").write_bytes(b"")
    assert {label for _, label in listed(source)} == {None}


def test_folder_links(tmp_path, write_files):
    write_files(tmp_path, {"real/a/x.png": "x", "view/other.txt": ""})
    view = tmp_path / "view"
    (view / "a").symlink_to(tmp_path / "real" / "a")
    (view / "round").symlink_to(view)
    (view / "self.png").symlink_to(view / "self.png")
    (view / "gone.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(view / "pipe.png")
    assert [name for name, _ in listed(open_source(view))] == ["a/x.png", "gone.png", "self.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_folder_that_may_not_be_read(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(ProbeError, match=r"The folder '.*shut' cannot be read: Permission denied. Make it readable"):
        open_source(tmp_path).members()


def test_list(tmp_path, write_files):
    lines = [
        "\ufeff# a comment",
        "",
        "sub/a.png",
        "  b.jpg\tgreat cat ",
        "c, with comma.png",
        "d.png,dog",
        "e, e.JPG,dog, wild",
        "no ending,bird",
        "plain",
        str(tmp_path / "abs.png"),
        "sub/a.png,again",
    ]
    write_files(tmp_path, {"li st.txt": "\r\n".join(lines), "sub/a.png": "A", "abs.png": "B"})
    source = open_source(tmp_path / "li st.txt")
    assert listed(source) == [
        ("sub/a.png", None),
        ("b.jpg", "great cat"),
        ("c, with comma.png", None),
        ("d.png", "dog"),
        ("e, e.JPG", "dog, wild"),
        ("no ending", "bird"),
        ("plain", None),
        (str(tmp_path / "abs.png"), None),
    ]
    assert source.read("sub/a.png") == b"A"
    assert source.read(str(tmp_path / "abs.png")) == b"B"
    with pytest.raises(FileNotFoundError):
        source.read("b.jpg")


def test_list_in_another_encoding(tmp_path):
    (tmp_path / "l.txt").write_bytes("größe.png".encode("latin-1"))
    with pytest.raises(ProbeError, match=r"The list '.*l.txt' is not UTF-8 text \(.*\). Save it as UTF-8."):
        open_source(tmp_path / "l.txt").members()


def test_archive(tmp_path, write_zip):
    names = ["top/b c/x.png", "top/a/ü.JPG", "top/a/z.png"]
    others = ["top/a/.h.png", "__MACOSX/top/a/._z.png", "top/readme.txt"]
    source = open_source(write_zip(tmp_path / "z.zip", {name: name.encode() for name in names + others}))
    assert listed(source) == [("top/a/z.png", "a"), ("top/a/ü.JPG", "a"), ("top/b c/x.png", "b c")]
    assert source.read("top/a/ü.JPG") == "top/a/ü.JPG".encode()
    for members, labels in (
        (["a/x.png", "b/x.png"], ["a", "b"]),
        (["a/x.png", "a/y.png"], [None, None]),
        (["a/x.png", "y.png"], [None, None]),
        (["x.png"], [None]),
        ([], []),
    ):
        archive = write_zip(tmp_path / "y.zip", dict.fromkeys(members, b""))
        assert [label for _, label in listed(open_source(archive))] == labels


def test_archive_that_is_damaged(tmp_path, write_zip, picture):
    (tmp_path / "bad.zip").write_bytes(b"PK no zip")
    with pytest.raises(ProbeError, match=r"The archive '.*bad.zip' cannot be read: File is not a zip file. Copy or"):
        open_source(tmp_path / "bad.zip").members()
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.png", picture(0))
    data = path.read_bytes()
    path.write_bytes(data.replace(picture(0)[-30:], bytes(30)))
    source = open_source(path)
    with pytest.raises(UnreadableImageError, match="Bad CRC-32"):
        source.read("x.png")
    with pytest.raises(UnreadableImageError, match="it is no longer in the archive"):
        source.read("y.png")


def test_archive_in_threads_forks_and_pickles(tmp_path, write_zip):
    files = {f"{i}.png": bytes([i]) * 5000 for i in range(50)}
    source = open_source(write_zip(tmp_path / "z.zip", files))
    names = [member.name for member in source.members()] * 10
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, names)) == [files[name] for name in names]
    assert pickle.loads(pickle.dumps(source)).read("7.png") == files["7.png"]
    child = os.fork()
    good = all(source.read(name) == files[name] for name in names)
    if child == 0:
        os._exit(0 if good else 1)
    assert good
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    ("arrays", "labels", "class_names"),
    [
        ({}, [None] * 3, None),
        ({"labels": [2, 0, 2]}, ["2", "0", "2"], None),
        ({"labels": [1, 0, 1], "class_names": ["cat", " dog "]}, ["dog", "cat", "dog"], ["cat", "dog"]),
        ({"labels": ["x", "y", "x"]}, ["x", "y", "x"], None),
    ],
)
def test_npz(tmp_path, noise, arrays, labels, class_names):
    images = np.stack([noise(i) for i in range(3)])
    np.savez_compressed(tmp_path / "a.npz", images=images, **{k: np.array(v) for k, v in arrays.items()})
    source = open_source(tmp_path / "a.npz")
    assert listed(source) == [(str(i), label) for i, label in enumerate(labels)]
    assert source.class_names == class_names
    copy = pickle.loads(pickle.dumps(source))
    for i in range(3):
        assert np.array_equal(source.read(str(i)), images[i])
        assert np.array_equal(copy.read(str(i)), images[i])
    assert len(pickle.dumps(source)) < 1000
    for member in ("3", "-1", "x"):
        with pytest.raises(UnreadableImageError, match=f"there is no image number {member}; the file holds 3"):
            source.read(member)


def test_npy_grey(tmp_path, noise):
    images = np.stack([noise(i)[..., 0] for i in range(3)])
    np.save(tmp_path / "a.npy", images)
    source = open_source(tmp_path / "a.npy")
    assert listed(source) == [("0", None), ("1", None), ("2", None)]
    assert np.array_equal(source.read("2"), images[2])
    assert source.class_names is None


IMAGES = np.zeros((2, 5, 6, 3), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES}, "has no array named 'images'; it has: x. Save the images as 'images'."),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, r"uint8 2 x 3 x 5 x 6, not .*last: images.transpose\(0, 2, 3, 1\)."),
        ({"images": IMAGES / 255}, r"are float64 2 x 5 x 6 x 3, not uint8 N x H x W x 3 .*rint\(images \* 255\)"),
        ({"images": IMAGES.astype(int)}, r"are int64 .* Convert them: images.astype\(numpy.uint8\) if they are 0..255"),
        ({"images": IMAGES[..., :1]}, r"Leave the last axis out: images\[..., 0\]."),
        ({"images": IMAGES[0, 0]}, "are uint8 6 x 3, not uint8 N x H x W x 3 or N x H x W. Save them in this form."),
        ({"images": np.array([{}])}, "cannot be read: Object arrays cannot be loaded .* without Python objects in it."),
        (
            {"images": IMAGES, "labels": [0]},
            r"The labels in .* have shape \[1\] for 2 images. Save one label an image.",
        ),
        ({"images": IMAGES, "labels": [0.5, 1]}, r"are float64. Save class numbers \(integers\) or strings."),
        ({"images": IMAGES, "labels": ["a", " "]}, "'labels' in .* has a blank name at position 1. Name every class."),
        ({"images": IMAGES, "labels": [0, 2], "class_names": ["a", "b"]}, "go to class 2, but 'class_names' names 2"),
        ({"images": IMAGES, "labels": [0, 1], "class_names": ["a", "a"]}, "'class_names' .* names two classes 'a'."),
        ({"images": IMAGES, "labels": [0, 1], "class_names": [1, 2]}, r"is int64 \[2\]. Save a 1-D array of strings."),
    ],
)
def test_arrays_that_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{name: np.asarray(value) for name, value in arrays.items()})
    with pytest.raises(ProbeError, match=message):
        open_source(tmp_path / "a.npz").members()


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_array_files_that_are_damaged(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ProbeError, match=rf"The array file '.*{name}' cannot be read: .* numpy.savez or numpy.save"):
        open_source(tmp_path / name).members()


def test_a_handle_is_made_once_for_all_threads():
    made = []

    def make():
        made.append(object())
        return made[-1]

    handle = Handle(make, inherit=True)
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: id(handle.get()), range(200)))) == 1
    assert len(made) == 1
