from __future__ import annotations

import json

import numpy as np
import pytest

from neuronym.errors import ProbeError
from neuronym.probes.labels import class_table, join, read_labels
from neuronym.probes.superclasses import Classes, numbered, read_superclasses
from neuronym.records import ImageRecord


def records(*members, source="s"):
    return [ImageRecord(f"{i:032x}", source, member, 4, 4) for i, member in enumerate(members)]


ANIMALS = records("cats/a.png", "cats/b.png", "dogs/c.jpg", "dogs/d.jpg")


@pytest.fixture
def csv(tmp_path):
    def write(text, name="things.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_class_table():
    table = class_table(["dog", None, "cat", "dog"])
    assert (table.concepts, table.groups) == (("cat", "dog"), ("class", "class"))
    assert table.values.dtype == np.float32
    assert table.values.tolist() == [[0, 1], [0, 0], [1, 0], [0, 1]]
    assert class_table([None]) is None


def test_join():
    one, two = class_table(["a", "b"]), class_table(["c", "c"])
    both = join([one, None, two])
    assert both.concepts == ("a", "b", "c")
    assert both.values.tolist() == [[1, 0, 1], [0, 1, 1]]
    assert join([None]) is None


@pytest.mark.parametrize(
    "names",
    [
        ["cats/a.png", "./cats/b.png", "dogs\\c.jpg"],
        ["s/cats/a.png", "s/cats/b.png", "s/dogs/c.jpg"],
        ["a.png", "b.png", "c.jpg"],
        ["elsewhere/a.png", "x/b.png", "y/c.jpg"],
        ["a", "b", "c"],
        ["a.jpeg", "b.jpeg", "c.jpeg"],
        [record.id for record in ANIMALS[:3]],
    ],
)
@pytest.mark.parametrize("title", ["image", "File", "ID", "whatever"])
def test_images_are_found_by_path_file_name_stem_or_id(csv, names, title):
    path = csv(f"class,{title}\n" + "".join(f"k{i},{name}\n" for i, name in enumerate(names)))
    said = read_labels(path, ANIMALS)
    assert said.classes == ("k0", "k1", "k2", None)
    assert (said.images_without_row, said.rows_without_image) == (1, 0)
    assert said.known == ("k0", "k1", "k2")
    assert said.indices is None
    assert said.concepts is None


def test_the_stricter_comparison_holds_for_the_whole_column(csv):
    """Once whole paths match, the same file name in another folder is another image."""
    said = read_labels(csv("path,class\ncats/a.png,x\nbirds/b.png,y\n"), ANIMALS)
    assert said.classes == ("x", None, None, None)
    assert said.rows_without_image == 1


def test_concept_columns(csv):
    text = "\ufefffile;striped;note;wet\na.png;0,5;x;1\n"
    path = csv(text.replace("0,5", "0.5") + "c.jpg;0;y;TRUE\nz.png;1;y;false\n", "my concepts.csv")
    said = read_labels(path, ANIMALS)
    assert said.classes is None
    assert said.concepts.concepts == ("striped", "wet")
    assert said.concepts.groups == ("my concepts", "my concepts")
    assert said.concepts.values.tolist() == [[0.5, 1], [0, 0], [0, 1], [0, 0]]
    assert (said.images_without_row, said.rows_without_image) == (2, 1)


def test_classes_and_concepts_and_numbers(csv):
    """As the table of the ImageNet sample: ``name`` is the class where ``file`` names the image."""
    text = 'index,wnid,name,file,wet,size\n7,n1,"cat, wild",a.png,1,20\n9.0,n2,dog,c.jpg,0,30\n,n3,,d.jpg,0,30\n'
    said = read_labels(csv(text), ANIMALS)
    assert said.classes == ("cat, wild", None, "dog", None)
    assert said.indices == (7, None, 9, None)
    assert said.known == ("cat, wild", "dog")
    assert said.concepts.concepts == ("wet",)


def test_numbered_images_are_found_in_an_untitled_column(csv):
    images = records(*map(str, range(6)))
    said = read_labels(csv("odd\tnumber\n" + "".join(f"{i % 2}\t{i}\n" for i in range(6))), images)
    assert said.concepts.concepts == ("odd",)
    assert said.concepts.values[:, 0].tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows. It needs a header line and at least one row."),
        ("file,class\n\n", "has no rows."),
        ("file,class\na.png,x,y\n", "has 3 cells at line 2, but 2 in its header. Quote cells that hold the separator."),
        (
            "file,class\nx.png,1\ny.png,2\n",
            r"No row of '.*things.csv' names a probe image. The images are named 'cats/a.png', 'cats/b.png', "
            r"'dogs/c.jpg' ...; the table says 'x.png', 'y.png' ... Give one column the images' paths or file names.",
        ),
        ("file,class\na.png,x\n./a.png,x\n", "Lines 2 and 3 of .* both speak of the image 'cats/a.png'. Keep one row"),
        (
            "file,note\na.png,x\n",
            r"has neither a column of classes \(class, .*\) nor columns of numbers from 0 to 1. It",
        ),
        ("file,wet,wet\na.png,1,0\n", "The concept 'wet' stands twice in the header of .* Keep or rename one."),
        ("file,wet, \na.png,1,0\n", "Column 3 of .* has no title. Name the concept, or remove it."),
        ("file,wet\na.png,1\nb.png,7\n", "The concept 'wet' of .* is 7 at line 3. Give every image a number from 0 to"),
        ("file,wet,dry\na.png,1,1\nb.png,,0\n", "The concept 'wet' of .* is missing at line 3."),
        ("file,wet\na.png,nan\n", "The concept 'wet' of .* is nan at line 2."),
        ("file,class,index\na.png,x,one\n", "The class number 'one' at line 2 of .* is not a whole number."),
        ('file,class\n"a.png,x\n', "is not a CSV at line 2: unexpected end of data."),
    ],
)
def test_label_tables_that_are_refused(csv, text, message):
    with pytest.raises(ProbeError, match=message):
        read_labels(csv(text), ANIMALS)


def test_other_refusals(csv, tmp_path):
    with pytest.raises(ProbeError, match=r"The label table '.*' is not UTF-8 text \(byte 11: .*\). Save it as UTF-8."):
        read_labels(csv("file,class\nä.png,x\n", encoding="latin-1"), ANIMALS)
    with pytest.raises(ProbeError, match=r"The label table '.*gone.csv' cannot be read: No such file or directory."):
        read_labels(tmp_path / "gone.csv", ANIMALS)
    with pytest.raises(ProbeError, match=r"would name its concepts' group 'class', which is taken. Rename the file."):
        read_labels(csv("file,wet\na.png,1\n", "class.csv"), ANIMALS)


def test_ambiguous_names(csv):
    images = records("cats/1.png", "dogs/1.png", "dogs/2.png")
    message = "'1.png' at line 2 of .* may mean 'cats/1.png' of 's' and 'dogs/1.png' of 's'. Name the images by their"
    with pytest.raises(ProbeError, match=message):
        read_labels(csv("file,class\n1.png,x\n2.png,y\n"), images)
    assert read_labels(csv("file,class\ncats/1.png,x\ndogs/1.png,y\n"), images).classes == ("x", "y", None)
    twins = [*records("1.png", source="a"), *records("0.png", "1.png", source="b")[1:]]
    assert read_labels(csv("file,class\na/1.png,x\nb/1.png,y\n"), twins).classes == ("x", "y")


LABELS = ["cat", "dog", "cat", "owl", None]
CLASSES = numbered(LABELS, ["cat", "dog", "elk", "owl"], [])


def test_numbered():
    assert CLASSES.numbers == [0, 1, 0, 3, None]
    assert CLASSES.count == 4
    mixed = numbered(["cat", "fox"], ["cat"], ["fox", "cat"])
    assert (mixed.numbers, mixed.known, mixed.count) == ([0, None], {"cat", "fox"}, 1)


def test_superclasses_of_numbers_and_names(tmp_path):
    """Against the plain definition, image by image."""
    groups = {"pet": [0, "dog"], "bird": [3], "wings": ["owl", "owl"], "deer": ["elk"], "none": [], "not dog": [0, 3]}
    (tmp_path / "s.json").write_text(json.dumps(groups))
    table = read_superclasses(tmp_path / "s.json", CLASSES)
    assert table.concepts == ("pet", "bird", "wings", "not dog")
    assert set(table.groups) == {"superclass"}
    names = {0: "cat", 1: "dog", 2: "elk", 3: "owl"}
    for column, concept in enumerate(table.concepts):
        members = {names.get(ref, ref) for ref in groups[concept]}
        assert table.values[:, column].tolist() == [float(label in members) for label in LABELS]


def test_super_classes_that_hold_for_all_are_left_out(tmp_path):
    (tmp_path / "s.json").write_text('{"animal": [0, 1, 3], "pet": [0, 1]}')
    table = read_superclasses(tmp_path / "s.json", numbered(LABELS[:4], ["cat", "dog", "elk", "owl"], []))
    assert table.concepts == ("pet",)


def test_superclasses_from_csv(csv):
    path = csv("superclass,class\npet,cat\npet,dog\nbird,owl\npredator,cat\npredator,owl\n")
    table = read_superclasses(path, CLASSES)
    assert table.concepts == ("pet", "bird", "predator")
    assert table.values.T.tolist() == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [1, 0, 1, 1, 0]]


def test_class_numbers_of_an_open_numbering_may_have_no_image(tmp_path):
    (tmp_path / "s.json").write_text('{"a": [5, 999], "b": [123456]}')
    classes = Classes(["x", "x"], [5, 6], ["x"], None)
    assert read_superclasses(tmp_path / "s.json", classes).values.tolist() == [[1], [0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"pet": ["cta"]}',
            "There is no class 'cta', which the super-class 'pet' of .* names. Nearest: cat.*. Use the",
        ),
        ('{"pet": ["zzzzz"]}', "There is no class 'zzzzz', .* Nearest: cat, dog, elk. Use the images' classes."),
        ('{"pet": [4]}', "There is no class number 4, .*: the images have 4 classes, from 0. Use class names, or give"),
        ('{"pet": [-1]}', "There is no class number -1"),
        ('{"pet": [0], "pet ": [1]}', "The super-class 'pet' of .* is given twice. Rename it."),
        ('{" ": [0]}', "The super-class '' of .* is blank. Rename it."),
        ('{"pet": "cat"}', "The super-class 'pet' of .* must be a list of class numbers or class names."),
        ('{"pet": {"cat": 1}}', "must be a list of class numbers or class names."),
        ('{"pet": [true]}', "must be a list of class numbers or class names."),
        ('["pet"]', r"must hold {super-class: \[classes\]}."),
        ('{"pet"', "The super-class file .* is not JSON: "),
        ('{"deer": [2]}', "None of the 1 super-classes of .* holds for some of the images but not for all. Check that"),
        ("{}", "None of the 0 super-classes"),
    ],
)
def test_super_class_files_that_are_refused(tmp_path, text, message):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ProbeError, match=message):
        read_superclasses(tmp_path / "s.json", CLASSES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,group\ncat,pet\n", "has the columns class, group. It needs one column 'class' and one column 'superc"),
        ("class,superclass\ncat,\n", "has a blank cell at line 2. Fill or remove it."),
        ("class,superclass\ncow,pet\n", "There is no class 'cow'"),
    ],
)
def test_super_class_tables_that_are_refused(csv, text, message):
    with pytest.raises(ProbeError, match=message):
        read_superclasses(csv(text), CLASSES)


def test_super_classes_need_classes(tmp_path):
    (tmp_path / "s.json").write_text('{"pet": [0]}')
    with pytest.raises(ProbeError, match=r"need images with class labels, and these have none. Give sub-folders by"):
        read_superclasses(tmp_path / "s.json", numbered([None], [], []))
