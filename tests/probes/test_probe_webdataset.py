from __future__ import annotations

import gzip
import io
import os
import pickle
import shutil
import string
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neuronym.errors import ProbeError
from neuronym.probes import Source, UnreadableImageError, index, open_source
from neuronym.probes.folder import FolderSource
from neuronym.probes.shard_names import expand, is_compressed
from neuronym.probes.shards import scan, split_key
from neuronym.probes.webdataset import ShardSource
from neuronym.study import Study
from small_study import small_target


def write_tar(path, files, form=tarfile.GNU_FORMAT):
    """A tar of files in this order, from (name, content) pairs; a content may be a TarInfo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in dict(files).items() if isinstance(files, dict) else files:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def link(name, to, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return name, info


def listed(source):
    return [tuple(member) for member in source.members()]


def samples(first, count):
    """Samples with a class and a caption, their content told by their number."""
    files = {}
    for number in range(first, first + count):
        files |= {
            f"{number:04d}.jpg": f"image {number}",
            f"{number:04d}.cls": f"{number % 3}",
            f"{number:04d}.txt": "a",
        }
    return files


def test_one_shard(tmp_path):
    source = open_source(write_tar(tmp_path / "a.tar", samples(0, 4)))
    assert type(source) is ShardSource
    assert isinstance(source, Source)
    assert source.name == str(tmp_path / "a.tar")
    assert listed(source) == [("0000.jpg", "0"), ("0001.jpg", "1"), ("0002.jpg", "2"), ("0003.jpg", "0")]
    assert source.read("0002.jpg") == b"image 2"
    assert getattr(source, "class_names", None) is None


@pytest.mark.parametrize("name", ["{pattern}", "{folder}"])
def test_several_shards(tmp_path, name):
    for shard in range(3):
        write_tar(tmp_path / "sub" / f"s-{shard:03d}.tar", samples(0, 2))
    (tmp_path / "sub" / "notes.txt").write_text("no image")
    name = str(tmp_path / "sub") + ("/s-{000..002}.tar" if name == "{pattern}" else "")
    source = open_source(name)
    assert source.name == name
    expected = [(f"s-{shard:03d}.tar/000{i}.jpg", str(i)) for shard in range(3) for i in range(2)]
    assert listed(source) == expected
    # A study that is opened again reads by the names it recorded.
    assert open_source(name).read("s-001.tar/0001.jpg") == b"image 1"
    with pytest.raises(UnreadableImageError, match="its shard is not among those given"):
        source.read("s-003.tar/0001.jpg")


def test_a_pattern_over_folders(tmp_path, monkeypatch):
    for split in ("train", "more"):
        write_tar(tmp_path / split / "0.tar", {"x.png": split})
    monkeypatch.chdir(tmp_path)
    source = open_source("{train,more}/0.tar")
    assert [name for name, _ in listed(source)] == ["train/0.tar/x.png", "more/0.tar/x.png"]
    assert source.read("more/0.tar/x.png") == b"more"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert listed(open_source("~/train/{0,0}.tar")) == [("0.tar/x.png", None)]
    (tmp_path / "{0..1}.tar").write_bytes((tmp_path / "train/0.tar").read_bytes())
    assert listed(open_source("{0..1}.tar")) == [("x.png", None)]  # a file that is really named so


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "s-{0..3}.tar",
            r"2 of the 4 shards of '.*s-\{0..3\}.tar' are missing: '.*s-2.tar', '.*s-3.tar'. Put them ther",
        ),
        ("x-{0..9}.tar", r"10 of the 10 shards of .* are missing: '.*x-0.tar', '.*x-1.tar', '.*x-2.tar' .... Put"),
        ("s-{3..0}.tar", r"counts from 3 to 0. Count up, over at most a million."),
        ("s-{0..99999999}.tar", r"counts from 0 to 99999999. Count up"),
        ("{0..9999}{0..9999}.tar", r"stands for 100,000,000 shards. Give at most 1,000,000."),
        ("s-{a..b}.tar", r"The pattern '.*' has \{a..b\}. Give a range such as \{000..012\} or a list \{a,b\}."),
        ("s-{0..1}.zip", "There are no probe images at"),
        ("s.tar#train", r"s.tar#train' chooses '#train' of what has no splits and columns. Leave it out; only datas"),
    ],
)
def test_patterns_that_are_refused(tmp_path, pattern, message):
    for name in ("s-0.tar", "s-1.tar", "s.tar"):
        write_tar(tmp_path / name, {"x.png": "x"})
    with pytest.raises(ProbeError, match=message):
        open_source(tmp_path / pattern)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to compare with")
@settings(deadline=None)  # files are written, on a machine that may be busy
@given(st.integers(0, 1200), st.integers(0, 30), st.integers(1, 5), st.booleans())
def test_patterns_are_expanded_as_a_shell_does(first, more, width, padded):
    low, high = (f"{n:0{width}d}" if padded else str(n) for n in (first, first + more))
    pattern = f"a-{{{low}..{high}}}-{{x,y}}.tar"
    shell = subprocess.run(["bash", "-c", f"echo {pattern}"], capture_output=True, text=True, check=True)
    assert expand(pattern) == shell.stdout.split()


def test_the_first_image_of_a_sample(tmp_path):
    files = {
        "a/1.txt": "a caption is no class",
        "a/1.input.JPG": "first",
        "a/1.target.png": "second",
        "a/1.CLS": " dog\n",
        "b/1.webp": "other",
        "b/1.json": '{"label": "cat"}',
        "nodot": "x",
        ".hidden.jpg": "x",
        "__MACOSX/1.jpg": "x",
        ".git/1.jpg": "x",
        "only.txt": "a caption without image",
        "only.json": "not even JSON",
    }
    source = open_source(write_tar(tmp_path / "a.tar", files))
    assert listed(source) == [("a/1.input.JPG", "dog"), ("b/1.webp", "cat"), ("only", None)]
    assert source.read("a/1.input.JPG") == b"first"
    with pytest.raises(UnreadableImageError, match="its sample has no image"):
        source.read("only")
    with pytest.raises(UnreadableImageError, match="it is no longer in the shard"):
        source.read("gone.jpg")


@pytest.mark.parametrize(
    ("files", "label"),
    [
        ({"x.cls": "17"}, "17"),
        ({"x.cls": "\ufeffa cat \n"}, "a cat"),
        ({"x.cls": ""}, None),
        ({"x.json": '{"class": 3, "cls": "b"}'}, "3"),
        ({"x.json": '{"cls": "b", "caption": "a"}'}, "b"),
        ({"x.json": '{"label": null}'}, None),
        ({"x.json": '{"label": true}'}, None),
        ({"x.json": '{"label": [1]}'}, None),
        ({"x.json": '[{"label": 1}]'}, None),
        ({"x.json": '{"label": 1}', "x.cls": "2"}, "2"),
        ({"x.json": '{"label": 1}' + " " * 2**20}, None),
        ({"x.txt": "a dog"}, None),
    ],
)
def test_classes(tmp_path, files, label):
    assert listed(open_source(write_tar(tmp_path / "a.tar", {"x.png": "", **files}))) == [("x.png", label)]


def test_classes_that_are_damaged(tmp_path):
    for name, content, message in (
        ("x.json", "{", r"'x.json' in the shard '.*a.tar' is not JSON: .*. Correct it."),
        ("x.json", "[" * 100_000, "is not JSON: "),
        (
            "x.cls",
            b"\xff\xfe\x01",
            r"'x.cls' in the shard '.*' is not UTF-8 text \(.*\). Write the class as a number or",
        ),
    ):
        with pytest.raises(ProbeError, match=message):
            open_source(write_tar(tmp_path / "a.tar", {"x.png": "", name: content})).members()


def test_a_shard_of_image_files_alone_is_read_like_a_zip(tmp_path, write_zip):
    for names in (
        ["top/b/2.x.png", "top/a/1.jpg", "top/a/1.v2.jpg"],
        ["b/2.png", "a/1.jpg", "1.png"],
        ["b.1.png", "b.2.png"],
        ["./a/x.png", "./b/y.png"],
    ):
        files = {name: name.encode() for name in names}
        source = open_source(write_tar(tmp_path / "a.tar", {**files, "README.md": "", "top/notes.txt": ""}))
        archive = open_source(write_zip(tmp_path / "a.zip", files))
        assert listed(source) == listed(archive)
        assert [source.read(name) for name in names] == list(files.values())
    write_tar(tmp_path / "d/1.tar", {"a/1.png": ""})
    write_tar(tmp_path / "d/2.tar", {"b/1.png": ""})
    assert listed(open_source(tmp_path / "d")) == [("1.tar/a/1.png", "a"), ("2.tar/b/1.png", "b")]


def test_kinds_of_folders(tmp_path, picture, write_files):
    write_tar(tmp_path / "0.TAR", {"x.png": ""})
    write_files(tmp_path, {"0.parquet": "", "0_stats.json": "{}"})  # as img2dataset leaves them
    assert type(open_source(tmp_path)) is ShardSource
    write_files(tmp_path, {"1.tar.gz": "x"})
    with pytest.raises(ProbeError, match=r"1.tar.gz' is a compressed tar, which can be read from its beginning only"):
        open_source(tmp_path)
    write_files(tmp_path, {"sub/x.png": picture(0)})
    assert type(open_source(tmp_path)) is FolderSource


def test_compressed_tars_are_refused(tmp_path):
    content = write_tar(tmp_path / "a.tar", {"x.png": ""}).read_bytes()
    for name in ("a.tar.gz", "a.TGZ", "a.tar.zst"):
        (tmp_path / name).write_bytes(gzip.compress(content))
        with pytest.raises(
            ProbeError, match=rf"{name}' is a compressed tar, .* any order. Decompress it, and give the"
        ):
            open_source(tmp_path / name)
    with pytest.raises(ProbeError, match="are missing"):
        open_source(tmp_path / "b-{0..1}.tar.gz")
    (tmp_path / "b.tar").write_bytes(gzip.compress(content))
    with pytest.raises(
        ProbeError, match=r"b.tar' is a compressed tar, .* Decompress it with gunzip, and give the .tar"
    ):
        open_source(tmp_path / "b.tar").members()
    assert not is_compressed("a.gz")


def test_a_shard_that_was_cut_short(tmp_path, picture):
    """Wherever a tar is cut, it is told, and never taken for a smaller one."""
    path = write_tar(tmp_path / "a.tar", {f"{i}.png": picture(i) for i in range(5)})
    whole = path.read_bytes()
    end = whole.rindex(picture(4)) + len(picture(4))
    end += -end % tarfile.BLOCKSIZE
    for size in [*range(0, end, 100), *range(0, end + 1, 512)]:
        path.write_bytes(whole[:size])
        message = r"The shard '.*a.tar' is damaged or was cut short at byte \d+: .+. Make it again or copy it again, or"
        with pytest.raises(ProbeError, match=message):
            open_source(path).members()
    path.write_bytes(whole[: end + 512])
    assert len(open_source(path).members()) == 5


def test_a_writer_that_was_killed(tmp_path, picture):
    """The end of a tar is written last, so that a killed writer's tar lacks it."""
    program = (
        "import io, os, sys, tarfile\n"
        "tar = tarfile.open(sys.argv[1], 'w')\n"
        "for i in range(100):\n"
        "    info = tarfile.TarInfo(f'{i}.png'); info.size = 700\n"
        "    tar.addfile(info, io.BytesIO(bytes(700)))\n"
        "tar.fileobj.flush(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "a.tar"], check=False)
    assert (tmp_path / "a.tar").stat().st_size == 100 * (512 + 1024)
    with pytest.raises(ProbeError, match=r"cut short at byte 153600: the end of the tar is missing. Make it again or"):
        open_source(tmp_path / "a.tar").members()


def test_what_is_no_tar(tmp_path, write_files):
    write_files(tmp_path, {"empty.tar": "", "text.tar": "no tar " * 200})
    for name, reason in (("empty.tar", "empty file"), ("text.tar", ".*")):
        with pytest.raises(
            ProbeError, match=rf"The shard '.*{name}' is damaged or was cut short at byte 0: {reason}. M"
        ):
            open_source(tmp_path / name).members()
    source = open_source(write_tar(tmp_path / "a.tar", {"x.png": ""}))
    (tmp_path / "a.tar").unlink()
    with pytest.raises(
        ProbeError, match=r"The shard '.*a.tar' cannot be read: No such file or directory. Put it back."
    ):
        source.members()


def test_a_damaged_header_is_not_the_end(tmp_path):
    path = write_tar(tmp_path / "a.tar", {f"{i}.png": "x" for i in range(3)})
    content = bytearray(path.read_bytes())
    content[1024:1030] = b"\xff" * 6
    path.write_bytes(content)
    with pytest.raises(ProbeError, match=r"is damaged or was cut short at byte 1024: no header is there."):
        open_source(path).members()


@settings(deadline=None)  # files are written, on a machine that may be busy
@given(st.data())
def test_any_damage_is_an_error_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "a.tar"
    form = data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    content = bytearray(
        write_tar(path, {"x" * 120 + ".png": "x", "ü.png": "y", "ü.cls": "1"}, form).read_bytes()[:8192]
    )
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        source = open_source(path)
        for member in source.members():
            try:
                source.read(member.name)
            except ProbeError:
                continue
    except ProbeError:
        pass
    shutil.rmtree(path.parent)


names = st.text(string.ascii_letters + string.digits + "/. _-ü", min_size=1, max_size=140).filter(
    lambda name: not name.endswith("/") and "//" not in name
)


@settings(deadline=None)  # files are written, on a machine that may be busy
@given(
    st.dictionaries(names, st.binary(max_size=600), max_size=12),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
@example({"x" * 300 + ".png": b"long"}, tarfile.GNU_FORMAT)
def test_images_are_read_where_tarfile_finds_them(tmp_path_factory, files, form):
    path = write_tar(tmp_path_factory.mktemp("any") / "a.tar", {f"{n}.png": c for n, c in files.items()}, form)
    with tarfile.open(path) as tar:
        expected = {info.name: tar.extractfile(info).read() for info in tar if split_key(info.name) is not None}
    source = open_source(path)
    assert {member.name: source.read(member.name) for member in source.members()} == expected
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.c/0001.input.JPG", ("a/b.c/0001", "input.jpg")),
        ("0001.jpg", ("0001", "jpg")),
        ("./0001.jpg", ("./0001", "jpg")),
        ("../0001.jpg", ("../0001", "jpg")),
        ("a.b/none", None),
        (".x.jpg", None),
        ("a/.b/x.jpg", None),
        ("__MACOSX/x.jpg", None),
    ],
)
def test_keys(name, expected):
    assert split_key(name) == expected


def test_names_that_leave_the_folder_are_only_names(tmp_path):
    (tmp_path / "x.png").write_text("outside")
    names = ["../x.png", str(tmp_path / "x.png"), "a/../../x.png"]
    source = open_source(write_tar(tmp_path / "in" / "a.tar", {name: f"inside {name}" for name in names}))
    assert sorted(name for name, _ in listed(source)) == sorted(names)
    assert [source.read(name) for name in names] == [f"inside {name}".encode() for name in names]
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["x.png"]


def test_links_lead_to_what_is_in_the_shard(tmp_path):
    files = [("a.png", "x"), link("b.png", "a.png", tarfile.LNKTYPE), link("c.png", "/etc/passwd"), link("d", "a.png")]
    source = open_source(write_tar(tmp_path / "a.tar", files))
    assert [name for name, _ in listed(source)] == ["a.png", "b.png", "c.png"]
    assert source.read("b.png") == b"x"
    with pytest.raises(UnreadableImageError, match="it is a link or lies in pieces in the shard, not a plain file"):
        source.read("c.png")


def test_a_name_twice(tmp_path):
    path = write_tar(tmp_path / "a.tar", [("a.png", "x"), ("b.png", "x"), ("a.png", "y")])
    with pytest.raises(ProbeError, match=r"The shard '.*a.tar' holds two files named 'a.png'. Make it again with diff"):
        open_source(path).members()


def test_a_shard_that_was_changed_meanwhile(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a.png": "x" * 5000})
    source = open_source(path)
    source.members()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UnreadableImageError, match="the shard ends before the image does"):
        source.read("a.png")


def test_the_rest_of_a_shard_is_used(tmp_path, picture):
    files = {
        "1.png": picture(1),
        "1.cls": "a",
        "2.png": b"cut",
        "2.cls": "b",
        "3.cls": "c",
        b"4\xff.png".decode(errors="surrogateescape"): picture(4),
    }
    probes = index(write_tar(tmp_path / "a.tar", files.items()))
    assert [(r.member, r.label) for r in probes.images] == [("1.png", "a")]
    assert [(s.member, s.reason) for s in probes.skipped] == [
        ("2.png", "not an image of a known format"),
        ("3", "its sample has no image"),
        ("4\\udcff.png", "its name is not UTF-8; rename it"),
    ]


def test_the_ids_are_those_of_the_files(tmp_path, picture, write_files):
    files = {f"{kind}/{i}.png": picture(10 * k + i) for k, kind in enumerate(("cat", "dog")) for i in range(5)}
    folder = index(write_files(tmp_path / "files", files))
    for number, part in enumerate((list(files)[:4], list(files)[4:])):
        content = {}
        for name in part:
            content |= {name: files[name], name.replace(".png", ".cls"): name[:3]}
        write_tar(tmp_path / "shards" / f"{number}.tar", content)
    shards = index(tmp_path / "shards")
    assert shards.fingerprint == folder.fingerprint
    assert [record.label for record in shards.images] == [record.label for record in folder.images]
    assert index([tmp_path / "files", tmp_path / "shards"]).duplicates == 10


def test_a_shard_is_scanned_once_and_only_when_needed(tmp_path, monkeypatch):
    for shard in range(3):
        write_tar(tmp_path / f"{shard}.tar", samples(0, 2))
    scanned = []
    monkeypatch.setattr("neuronym.probes.webdataset.scan", lambda path: (scanned.append(path.name), scan(path))[1])
    source = open_source(tmp_path)
    assert source.read("1.tar/0001.jpg") == b"image 1"
    assert scanned == ["1.tar"]
    source.members()
    source.read("2.tar/0000.jpg")
    assert sorted(scanned) == ["0.tar", "1.tar", "2.tar"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python warns of what is tested here
def test_threads_forks_and_pickles(tmp_path):
    files = {f"{i}.png": bytes([i]) * 5000 for i in range(50)}
    for shard in range(2):
        write_tar(tmp_path / f"{shard}.tar", files)
    source = open_source(tmp_path)
    names = [f"{shard}.tar/{name}" for shard in range(2) for name in files] * 5
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, names)) == [files[name[6:]] for name in names]
    assert len(pickle.dumps(source)) < 1000
    assert pickle.loads(pickle.dumps(source)).read("1.tar/7.png") == files["7.png"]
    child = os.fork()
    good = all(source.read(name) == files[name[6:]] for name in names)
    if child == 0:
        os._exit(0 if good else 1)
    assert good
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_study_of_shards_is_opened_again(tmp_path, noise, encode, monkeypatch):
    pixels = [noise(i, (16, 16)) for i in range(24)]
    for shard in range(2):
        files = {}
        for i in range(shard, 24, 2):
            files |= {f"{i}.png": encode(pixels[i]), f"{i}.json": f'{{"label": "{("red", "green")[i % 2]}"}}'}
        write_tar(tmp_path / f"s-{shard:02d}.tar", files)
    monkeypatch.chdir(tmp_path)
    Study.create("study", layers=("relu",), images="s-{00..01}.tar", model=small_target()).probe(device="cpu")
    monkeypatch.chdir(tmp_path.parent)
    again = Study.open(tmp_path / "study")
    assert again.sources == (f"{tmp_path}/s-{{00..01}}.tar",)
    for number, record in enumerate(again.probe_set.images):
        i = int(record.member.partition("/")[2].removesuffix(".png"))
        assert np.array_equal(np.asarray(again.probe_set.load(number)), pixels[i])
        assert record.label == ("red", "green")[i % 2]
