from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuronym.errors import ProbeError
from neuronym.probes import ProbeSet, Source, UnreadableImageError, index, open_source
from neuronym.probes import rows as rows_module
from neuronym.probes.choice import Choice, parse_choice
from neuronym.probes.dataset import DatasetSource
from neuronym.probes.dataset_files import dataset_files
from neuronym.probes.folder import FolderSource
from neuronym.probes.rows import Rows
from neuronym.study import Study
from small_study import small_target

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
IMAGE_TYPE = {"_type": "Image"}


@pytest.fixture(scope="module")
def hub():
    """The package ``datasets``, which writes what is read here without it."""
    package = pytest.importorskip("datasets", reason="datasets, which writes the files, is not installed")
    package.disable_progress_bars()
    return package


@pytest.fixture
def folder(tmp_path, picture, write_files):
    """Five cats and five dogs as files."""
    files = {f"{kind}/{i}.png": picture(10 * k + i) for k, kind in enumerate(("cat", "dog")) for i in range(5)}
    return write_files(tmp_path / "files", files)


@pytest.fixture
def dataset(hub, folder):
    """The dataset of the folder's files; its rows alternate between the classes."""
    paths = [str(folder / kind / f"{i}.png") for i in range(5) for kind in ("cat", "dog")]
    features = hub.Features({"label": hub.ClassLabel(names=["cat", "dog"]), "image": hub.Image()})
    return hub.Dataset.from_dict({"label": [0, 1] * 5, "image": paths}, features=features)


def rows_of(pictures, kind=IMAGE):
    return pa.array([None if data is None else {"bytes": data, "path": "x.png"} for data in pictures], kind)


def write_table(path, columns, features=None, **options):
    """A Parquet or Arrow file, with the types that datasets would write into it."""
    table = pa.table(columns)
    if features is not None:
        info = {"info": {"features": features}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path, **options)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    return path


def listed(source):
    return [tuple(member) for member in source.members()]


def same_content(probes, other):
    return [(r.id, r.height, r.width, r.label, r.split) for r in probes.images] == [
        (r.id, r.height, r.width, r.label, r.split) for r in other.images
    ]


def test_a_saved_dataset_has_the_ids_of_the_files_it_was_made_from(tmp_path, folder, dataset, picture):
    dataset.save_to_disk(tmp_path / "saved")
    source = open_source(tmp_path / "saved")
    assert type(source) is DatasetSource
    assert isinstance(source, Source)
    assert source.name == str(tmp_path / "saved")
    assert listed(source) == [(str(row), ("cat", "dog")[row % 2]) for row in range(10)]
    assert source.class_names == ("cat", "dog")
    assert [source.read(str(row)) for row in range(10)] == [picture(10 * (row % 2) + row // 2) for row in range(10)]
    files, saved = index(folder), index(tmp_path / "saved")
    assert same_content(saved, files)
    assert saved.fingerprint == files.fingerprint
    assert index([folder, tmp_path / "saved"]).duplicates == 10


def test_the_package_is_not_imported(tmp_path, dataset):
    dataset.save_to_disk(tmp_path / "saved")
    program = (
        "import sys; sys.modules['datasets'] = None\n"
        "from neuronym.probes import open_source\n"
        f"source = open_source({str(tmp_path / 'saved')!r})\n"
        "assert len(source.members()) == 10 and source.read('9')\n"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program]) == 0


def test_parquet_as_the_hub_has_it(tmp_path, folder, dataset):
    data = tmp_path / "repository" / "data"
    data.mkdir(parents=True)
    for number in range(2):
        part = dataset.shard(num_shards=2, index=number, contiguous=True)
        part.to_parquet(str(data / f"train-{number:05d}-of-00002.parquet"))
    (tmp_path / "repository" / "README.md").write_text("about it")
    files = index(folder)
    for name in ("repository", "repository/data", "repository#train", "repository/data#train:image:label"):
        assert same_content(index(tmp_path / name), files), name
    part = open_source(data / "train-00001-of-00002.parquet")
    assert [label for _, label in listed(part)] == ["dog", "cat", "dog", "cat", "dog"]


def test_the_splits_of_a_saved_dataset(tmp_path, hub, dataset):
    parts = hub.DatasetDict(train=dataset.select(range(6)), test=dataset.select(range(6, 10)))
    parts.save_to_disk(tmp_path / "saved", num_shards={"train": 3, "test": 1})
    for choice, count in (("#train", 6), ("#test", 4), ("/train", 6)):
        source = open_source(f"{tmp_path / 'saved'}{choice}")
        assert [member.name for member in source.members()] == [str(row) for row in range(count)]
        assert source.read(str(count - 1))
    for name in ("saved", "saved#:image"):
        with pytest.raises(
            ProbeError, match=r"saved' has the splits train, test. Choose one: '.*saved#train(:image)?'."
        ):
            open_source(tmp_path / name).members()
    with pytest.raises(ProbeError, match=r"saved' has the splits train, test, and none is 'tran'. Nearest: train."):
        open_source(tmp_path / "saved#tran").members()
    with pytest.raises(ProbeError, match=r"chooses the split 'x' of what has no splits. Leave it out."):
        open_source(tmp_path / "saved/train#x").members()


def test_the_splits_of_a_folder_of_files(tmp_path, picture):
    for number, name in enumerate(
        ["data/train-00000-of-00001", "data/test-00000-of-00001", "data/extra/0000", "data/extra/0001", "data/plain"]
    ):
        write_table(tmp_path / f"{name}.parquet", {"image": rows_of([picture(number)])})
    write_table(tmp_path / "data" / "cifar-train.arrow", {"image": rows_of([picture(9)])})
    write_table(tmp_path / "data" / "cache-123.arrow", {"image": rows_of([picture(9)])})
    with pytest.raises(ProbeError, match=r"has the splits cifar-train, extra, plain, test, train. Choose one: '.*#cif"):
        open_source(tmp_path).members()
    counts = {"train": 1, "test": 1, "extra": 2, "plain": 1, "cifar-train": 1}
    assert {split: len(open_source(f"{tmp_path}#{split}").members()) for split in counts} == counts
    (tmp_path / "data" / "train-00000-of-00001.parquet").unlink()
    assert open_source(f"{tmp_path}#train").read("0") == picture(9)
    write_table(tmp_path / "other" / "test.parquet", {"image": rows_of([picture(8)])})
    assert open_source(f"{tmp_path}#other/test").read("0") == picture(8)
    with pytest.raises(ProbeError, match=r"and several are 'test'. Nearest: "):
        open_source(f"{tmp_path}#test").members()


def test_missing_files_are_told(tmp_path, hub, dataset, picture):
    for number in (0, 2):
        write_table(tmp_path / "half" / f"train-0000{number}-of-00004.parquet", {"image": rows_of([picture(number)])})
    message = r"2 of the 4 files of the split 'train' of '.*half' are missing, the first of them number 1. Download the"
    with pytest.raises(ProbeError, match=message):
        open_source(tmp_path / "half").members()
    dataset.save_to_disk(tmp_path / "saved", num_shards=3)
    (tmp_path / "saved" / "data-00001-of-00003.arrow").unlink()
    with pytest.raises(ProbeError, match=r"1 of the 3 files of the dataset '.*' are missing: 'data-00001-of-00003.arr"):
        open_source(tmp_path / "saved").members()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{", r"state.json' is not JSON: .*. Save the dataset again."),
        ("[]", r"state.json' does not say of what the dataset consists. Save it again."),
        ('{"_data_files": [{"filename": "../x.arrow"}]}', "does not say of what the dataset consists"),
        (
            '{"_indices_data_files": ["i.arrow"]}',
            r"saved with an index of its rows by an old version .*flatten_indices",
        ),
    ],
)
def test_a_saved_dataset_that_is_damaged(tmp_path, write_files, state, message):
    write_files(tmp_path, {"state.json": state, "dataset_info.json": "{}"})
    with pytest.raises(ProbeError, match=message):
        open_source(tmp_path).members()


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_files_that_are_damaged(tmp_path, picture, ending):
    whole = write_table(tmp_path / f"a.{ending}", {"image": rows_of(map(picture, range(50)))}).read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        (tmp_path / f"a.{ending}").write_bytes(whole[:size])
        with pytest.raises(ProbeError, match=rf"The file '.*a.{ending}' cannot be read: .*. Make it again, or downl"):
            open_source(tmp_path / f"a.{ending}").members()


@settings(deadline=None)  # files are written, on a machine that may be busy
@given(st.data())
def test_any_damage_is_an_error_or_harmless(tmp_path_factory, picture, data):
    """Whatever bytes are changed: never a crash, and never another exception."""
    place = tmp_path_factory.mktemp("damage") / f"a.{data.draw(st.sampled_from(['parquet', 'arrow']))}"
    content = bytearray(
        write_table(place, {"image": rows_of(map(picture, range(3))), "label": ["a", "b", "c"]}).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    place.write_bytes(content)
    source = open_source(place)
    try:
        for member in source.members():
            try:
                source.read(member.name)
            except (ProbeError, OSError):
                continue
    except ProbeError:
        pass
    shutil.rmtree(place.parent)


@pytest.mark.parametrize("name", [b"bytes", b"image"])
def test_names_of_columns_and_of_what_is_in_them_are_utf8(tmp_path, picture, name):
    place = write_table(tmp_path / "a.arrow", {"image": rows_of([picture(0)]), "label": ["a"]})
    content = place.read_bytes()
    assert name in content
    place.write_bytes(content.replace(name, b"\x80" + name[1:]))
    with pytest.raises(ProbeError, match=r"The file '.*a\.arrow' cannot be read: 'utf-8' codec can't decode byte 0x80"):
        open_source(place).members()


def test_one_damaged_part_of_parquet_is_skipped(tmp_path, picture):
    path = tmp_path / "a.parquet"
    pictures = [picture(number) for number in range(6)]
    write_table(path, {"image": rows_of(pictures)}, row_group_size=2, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[at : at + 60] = bytes(60)
    path.write_bytes(content)
    probes = index(path)
    assert sorted(record.member for record in probes.images) == ["0", "1", "4", "5"]
    assert [skipped.member for skipped in probes.skipped] == ["2", "3"]
    assert all("its part of " in skipped.reason and "is damaged: " in skipped.reason for skipped in probes.skipped)


def test_images_outside_of_the_dataset(tmp_path, picture, write_files):
    write_files(tmp_path, {"in/side.png": picture(1), "out.png": picture(2)})
    os.mkfifo(tmp_path / "pipe.png")
    paths = [
        "side.png",
        str(tmp_path / "out.png"),
        "gone.png",
        str(tmp_path / "pipe.png"),
        "https://host/x.png",
        "",
        None,
    ]
    image = pa.array([{"bytes": None, "path": path} for path in paths] + [None], IMAGE)
    path = write_table(tmp_path / "in" / "a.parquet", {"image": image})
    assert [open_source(path).read(row) for row in "01"] == [picture(1), picture(2)]
    reasons = [skipped.reason for skipped in index(path).skipped]
    assert reasons == [
        "No such file or directory",
        f"its row names {str(tmp_path / 'pipe.png')!r}, which is not a file",
        "its row names 'https://host/x.png' instead of holding it, and nothing is downloaded",
        "its row holds neither bytes nor a path",
        "its row holds neither bytes nor a path",
        "its row holds no image",
    ]


def test_a_saved_dataset_of_paths_only(tmp_path, folder, hub, dataset):
    """What is saved without the bytes is read from where the files are."""
    paths = dataset.cast_column("image", hub.Image(decode=False))["image"]
    assert all(image["bytes"] is None for image in paths)
    image = pa.array([{"bytes": None, "path": image["path"]} for image in paths], IMAGE)
    labels = pa.array(dataset["label"])
    features = {"image": IMAGE_TYPE, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    write_table(tmp_path / "a.arrow", {"image": image, "label": labels}, features)
    assert same_content(index(tmp_path / "a.arrow"), index(folder))


@pytest.mark.parametrize("imported", [True, False])
def test_arrays(tmp_path, hub, noise, imported):
    """Array columns are of a type of its own where datasets is imported, and nested lists where it is not."""
    colour, grey = [noise(i) for i in range(4)], [noise(i, (3 + i, 5))[..., 0] for i in range(4)]
    features = hub.Features({"c": hub.Array3D((6, 8, 3), "uint8"), "g": hub.Array2D((None, 5), "uint8")})
    hub.Dataset.from_dict({"c": colour, "g": grey}, features=features).save_to_disk(tmp_path / "saved")
    with pytest.raises(ProbeError, match=r"saved' has several columns of images: c, g. Choose one: '.*saved#:c'."):
        open_source(tmp_path / "saved").members()
    if imported:
        for column, arrays in (("c", colour), ("g", grey)):
            source = open_source(f"{tmp_path / 'saved'}#:{column}")
            assert all(np.array_equal(source.read(str(i)), arrays[i]) for i in range(4))
        return
    np.save(tmp_path / "colour.npy", np.stack(colour))
    program = (
        "import sys, numpy; sys.modules['datasets'] = None\n"
        "from neuronym.probes import index, open_source\n"
        f"ids = [index({str(tmp_path)!r} + end).fingerprint for end in ('/saved#:c', '/colour.npy')]\n"
        f"assert ids[0] == ids[1] and open_source({str(tmp_path)!r} + '/saved#:g').read('3').shape == (6, 5)\n"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program]) == 0


def test_arrays_of_another_shape_are_unreadable(tmp_path):
    features = {"x": {"_type": "Array3D", "shape": [2, 2, 3], "dtype": "uint8"}}
    cells = [[[[1, 2, 3]] * 2] * 2, [[[1, 2, 3], [1]], [[4]]], [[[1, None, 3]] * 2] * 2]
    kind = pa.list_(pa.list_(pa.list_(pa.uint8())))
    source = open_source(write_table(tmp_path / "a.arrow", {"x": pa.array(cells, kind)}, features))
    assert source.read("0").shape == (2, 2, 3)
    with pytest.raises(UnreadableImageError, match=r"its row holds an array of another shape than \[2, 2, 3\]"):
        source.read("1")
    assert "an array of float64" in index(tmp_path / "a.arrow").skipped[1].reason


def columns_of(tmp_path, columns, features, choice=""):
    write_table(tmp_path / "a.parquet", columns, features)
    return open_source(f"{tmp_path / 'a.parquet'}{choice}").members()


CLASS = {"_type": "ClassLabel", "names": ["cat", "dog"]}


@pytest.mark.parametrize(
    ("columns", "features", "labels"),
    [
        ({}, {}, [None, None]),
        ({"kind": [1, 0]}, {"kind": CLASS}, ["dog", "cat"]),
        ({"kind": [1, -1]}, {"kind": CLASS}, ["dog", None]),
        ({"kind": [None, 0]}, {"kind": CLASS}, [None, "cat"]),
        ({"kind": [1, 0]}, {"kind": {"_type": "ClassLabel"}}, ["1", "0"]),
        ({"Label": [" a ", ""]}, {}, ["a", None]),
        ({"class": pa.array(["x", "y"]).dictionary_encode()}, {}, ["x", "y"]),
        ({"label": [7, None]}, {}, ["7", None]),
        ({"label": [[1], [2]], "caption": ["a", "b"]}, {}, [None, None]),
        ({"fine": [0, 1], "label": [1, 1]}, {"fine": CLASS, "label": CLASS}, ["dog", "dog"]),
        ({"class": ["a", "b"], "label": [1, 1]}, {}, ["1", "1"]),
        ({"class": ["a", "b"], "kind": [1, 1]}, {"kind": CLASS}, ["dog", "dog"]),
    ],
)
def test_the_column_of_labels(tmp_path, columns, features, labels):
    members = columns_of(tmp_path, {"image": rows_of([b"x", b"y"]), **columns}, {"image": IMAGE_TYPE, **features})
    assert [member.label for member in members] == labels


def test_chosen_columns(tmp_path):
    columns = {"a b": rows_of([b"x"]), "my.image": rows_of([b"y"]), "raw": [b"z"], "fine": [0], "coarse": [1]}
    features = {"a b": IMAGE_TYPE, "my.image": IMAGE_TYPE, "fine": CLASS, "coarse": CLASS}
    path = write_table(tmp_path / "a.parquet", columns, features)
    source = open_source(f"{path}#:my.image:coarse")
    assert listed(source) == [("0", "dog")]
    assert source.read("0") == b"y"
    assert open_source(f"{path}#:raw:fine").read("0") == b"z"
    for choice, message in (
        ("", r"a.parquet' has several columns of images: a b, my.image. Choose one: '.*a.parquet#:a b'."),
        ("#:my.image", r"several columns of classes: fine, coarse. Choose one: '.*a.parquet#:my.image:fine'."),
        ("#:imag", r"has no column 'imag' beside the images'. Nearest: my.image"),
        ("#:raw:fin", r"has no column 'fin' beside the images'. Nearest: fine."),
        ("#:fine", r"The column 'fine' of '.*' holds int64, not images. Images are columns of the type Image, of the"),
        ("#:raw:a b", r"The column 'a b' of '.*' holds struct<.*>, not labels. Choose a column of class numbers or of"),
        ("#train:raw", r"chooses the split 'train' of what has no splits. Leave it out."),
        ("#a:b:c:d", r"chooses 4 things after its '#'. Give at most three: #SPLIT:IMAGE-COLUMN:LABEL-COLUMN."),
    ):
        with pytest.raises(ProbeError, match=message):
            open_source(f"{path}{choice}").members()


def test_columns_that_hold_no_images(tmp_path):
    sound = {"sound": rows_of([b"x"]), "text": ["a"]}
    with pytest.raises(
        ProbeError, match=r"has no column of images; its columns are: sound \(struct<.*>\), text \(stri"
    ):
        columns_of(tmp_path, sound, {"sound": {"_type": "Audio"}})
    assert len(columns_of(tmp_path, {"jpg": pa.array([b"x"], pa.large_binary())}, None)) == 1
    assert len(columns_of(tmp_path, sound, {"sound": {"bytes": {"_type": "Value"}}})) == 1
    with pytest.raises(ProbeError, match=r"The column 'k' of .* goes to class 2, but names 2 classes"):
        columns_of(tmp_path, {"image": rows_of([b"x"]), "k": [2]}, {"k": CLASS})


def test_files_of_different_columns(tmp_path, picture):
    write_table(tmp_path / "d/0.parquet", {"image": rows_of([picture(0)]), "label": [1]})
    write_table(tmp_path / "d/1.parquet", {"image": rows_of([picture(0)]), "label": ["x"]})
    with pytest.raises(ProbeError, match=r"The files '.*0.parquet' and '.*1.parquet' have different columns, and are"):
        open_source(tmp_path / "d").members()


def test_what_is_not_there(tmp_path, picture):
    source = open_source(write_table(tmp_path / "a.parquet", {"image": rows_of([picture(0)])}))
    for member in ("1", "-1", "x", "²"):
        with pytest.raises(UnreadableImageError, match=f"there is no row {member}; the dataset has 1"):
            source.read(member)


def test_a_folder_with_an_image_is_a_folder_of_images(tmp_path, picture, write_files):
    write_table(tmp_path / "data" / "train.parquet", {"image": rows_of([picture(0)])})
    assert type(open_source(tmp_path)) is DatasetSource
    write_files(tmp_path, {".cache/x.png": picture(1)})
    assert type(open_source(tmp_path)) is DatasetSource
    write_files(tmp_path, {"z/x.png": picture(1)})
    assert type(open_source(tmp_path)) is FolderSource
    message = r"chooses '#train' of what has no splits and columns. Leave it out; only datasets have them."
    with pytest.raises(ProbeError, match=message):
        open_source(f"{tmp_path}#train")


def test_names_with_a_number_sign_are_themselves(tmp_path, picture, write_files, monkeypatch):
    write_files(tmp_path, {"a#b/x.png": picture(0), "a/y.png": picture(1)})
    assert listed(open_source(tmp_path / "a#b")) == [("x.png", None)]
    write_table(tmp_path / "c#d" / "e.parquet", {"image": rows_of([picture(0)])})
    assert open_source(f"{tmp_path}/c#d#e:image").read("0") == picture(0)
    with pytest.raises(ProbeError, match=r"There are no probe images at '.*gone#train': no such file or folder"):
        open_source(tmp_path / "gone#train")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_choice("~/a#x:y") == (tmp_path / "a", Choice("x", "y"))
    assert parse_choice("#") == (Path("#"), None)


@settings(deadline=None)  # files are written, on a machine that may be busy
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.integers(1, 4), st.randoms())
def test_rows_of_several_files_are_numbered_through(tmp_path_factory, sizes, group, random):
    root = tmp_path_factory.mktemp("rows")
    values = [f"{file}-{row}".encode() for file, size in enumerate(sizes) for row in range(size)]
    files = []
    for number, size in enumerate(sizes):
        start = sum(sizes[:number])
        path = root / f"{number}.{random.choice(['parquet', 'arrow'])}"
        column = pa.array(values[start : start + size], pa.binary())
        files.append(
            write_table(path, {"x": column}, **({"row_group_size": group} if path.suffix == ".parquet" else {}))
        )
    rows = Rows(files)
    assert len(rows) == len(values)
    assert rows.column("x") == values
    order = list(range(len(values)))
    random.shuffle(order)
    assert [rows.cell(row, "x").as_py() for row in order] == [values[row] for row in order]
    shutil.rmtree(root)


def test_an_arrow_file_in_the_file_format(tmp_path, picture):
    table = pa.table({"image": rows_of([picture(0)])})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert open_source(tmp_path / "a.arrow").read("0") == picture(0)


def test_few_decoded_groups_are_kept(tmp_path, monkeypatch):
    """Each group is decoded once for its neighbours, and what is kept stays below the limit."""
    monkeypatch.setattr(rows_module, "KEPT_BYTES", 5000)
    decoded = []
    decode = rows_module._ParquetTable._decode
    monkeypatch.setattr(
        rows_module._ParquetTable, "_decode", lambda self, *key: (decoded.append(key[0]), decode(self, *key))[1]
    )
    images = [bytes([number]) * 1000 for number in range(20)]
    rows = Rows([write_table(tmp_path / "a.parquet", {"x": images}, row_group_size=2)])
    for row in range(20):
        assert rows.cell(row, "x").as_py() == images[row]
    assert decoded == list(range(10))
    assert rows.cell(18, "x").as_py() == images[18]
    assert len(decoded) == 10
    kept = rows._tables[0]._groups.get()
    assert sum(kept._sizes.values()) <= 5000
    assert set(kept._sizes) == set(kept._kept)
    assert rows.cell(0, "x").as_py() == images[0]
    assert decoded[-1] == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python warns of what is tested here
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_threads_forks_and_pickles(tmp_path, ending):
    files = [bytes([number]) * 3000 for number in range(60)]
    options = {"row_group_size": 7} if ending == "parquet" else {}
    source = open_source(write_table(tmp_path / f"a.{ending}", {"image": rows_of(files)}, **options))
    rows = [*range(60)] * 5
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda row: source.read(str(row)), rows)) == [files[row] for row in rows]
    assert len(pickle.dumps(source)) < 1000
    assert pickle.loads(pickle.dumps(source)).read("7") == files[7]
    child = os.fork()
    good = all(source.read(str(row)) == files[row] for row in rows)
    if child == 0:
        os._exit(0 if good else 1)
    assert good
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_files_are_not_loaded(tmp_path, hub):
    """Rows are read from a map; what Arrow has allocated does not grow with the file."""
    image = rows_of([bytes(2**20)] * 20)
    path = write_table(tmp_path / "a.arrow", {"image": image})
    before = pa.total_allocated_bytes()
    source = open_source(path)
    assert len(source.members()) == 20
    assert len(source.read("13")) == 2**20
    assert pa.total_allocated_bytes() - before < 2**20


def test_dataset_files_say_what_is_gone(tmp_path):
    with pytest.raises(ProbeError, match=r"holds no Parquet or Arrow files any more. Put them back."):
        dataset_files("x", tmp_path, Choice())


def test_a_study_of_a_dataset_is_opened_again(tmp_path, hub, monkeypatch):
    colours = np.repeat(np.array([[220, 40, 30], [40, 200, 60]], np.uint8), 12, axis=0)
    noise = np.random.default_rng(0).integers(0, 30, (24, 16, 16, 3), dtype=np.uint8)
    features = hub.Features({"image": hub.Image(), "label": hub.ClassLabel(names=["red", "green"])})
    pictures = [Image.fromarray(pixels) for pixels in colours[:, None, None] + noise]
    parts = hub.Dataset.from_dict({"image": pictures, "label": [0] * 12 + [1] * 12}, features=features)
    hub.DatasetDict(train=parts, test=parts.select(range(4))).save_to_disk(tmp_path / "saved")
    monkeypatch.chdir(tmp_path)
    Study.create(tmp_path / "study", layers=("relu",), images="saved#train", model=small_target()).probe(device="cpu")
    monkeypatch.chdir(tmp_path.parent)
    again = Study.open(tmp_path / "study")
    assert again.sources == (f"{tmp_path}/saved#train",)
    probes = again.probe_set
    assert isinstance(probes, ProbeSet)
    for number, record in enumerate(probes.images):
        assert np.array_equal(np.asarray(probes.load(number)), np.asarray(pictures[int(record.member)]))
    assert {record.label for record in probes.images} == {"red", "green"}
