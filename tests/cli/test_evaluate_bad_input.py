"""``neuronym evaluate`` with what it cannot use: one sentence, exit code 2, and the study as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from program import contents, explain, neuronym

FILES: dict[str, bytes] = {
    "good.csv": b"layer,unit,description\nconv2,1,cat\nconv2,3,A Dog.\n",
    "beyond.csv": b"layer,unit,description\nconv2,0,cat\nconv2,9,dog\n",
    "from1.csv": b"layer,unit,description\nconv2,1,cat\nconv2,5,dog\n",
    "missing.csv": b"layer,unit\nconv2,1\n",
    "twice.csv": b"layer,unit,description\nconv2,1,cat\nconv2,1,dog\n",
    "latin.csv": b"layer,unit,description\nconv2,1,caf\xe9\n",
    "utf16.csv": "layer,unit,description\nconv2,1,cat\n".encode("utf-16"),
    "elsewhere.csv": b"layer,unit,description\nlayer9,0,cat\n",
    "below.csv": b"layer,unit,description\nconv2,-1,cat\n",
    "empty.csv": b"",
    "circle.csv": b"name,above\ncat,pet\npet,animal\nanimal,cat\n",
    "unknown.csv": b"name,above\ncta,pet\n",
    "wrong.json": b'{"pet": "cat"}',
}


@pytest.fixture
def place(world: Path, study: Path) -> Path:
    for name, content in FILES.items():
        (world / name).write_bytes(content)
    (world / "folder.csv").mkdir()
    return world


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--labels", "good.csv", "--name", "one", "--name", "two"],
            "There are 1 --labels and 2 --name. Give each of the labels a name, in the same order, or none.",
        ),
        (
            ["--labels", "good.csv", "--name", "a b"],
            "The name 'a b' of labels cannot be used: use letters, digits, '.', '-' and '_'.",
        ),
        (["--first-unit", "1"], "--first-unit is about --labels, and none were given. Add them, or leave it out."),
        (["--summary", "max"], "--summary is about --labels, and none were given. Add them, or leave it out."),
        (
            ["--source", "labels:"],
            "--source 'labels:' names no group of labels. Give --source labels for all of them.",
        ),
        (
            ["--source", "generated:builtins:repr"],
            "builtins:repr gave a str, which is no image generator. It must have name, key and generate; see "
            "neuronym.backends.ImageGenerator.",
        ),
        (
            ["--labels", "beyond.csv"],
            "The label file 'beyond.csv' has unit 9 at line 3, but layer 'conv2' has 5 units, 0 to 4. Check that the "
            "labels are of this layer.",
        ),
        (
            ["--labels", "from1.csv"],
            "The label file 'from1.csv' has a unit 5 and no unit 0 for layer 'conv2' of 5 units: it looks as if units "
            "were counted from 1. If they are, give --first-unit 1.",
        ),
        (
            ["--labels", "missing.csv"],
            "The label file 'missing.csv' has the columns layer, unit, and lacks one of descriptions (description, "
            "label, explanation, concept, text, name, class name). Rename a column.",
        ),
        (
            ["--labels", "twice.csv"],
            "The label file 'twice.csv' describes unit 1 of layer 'conv2' as 'cat' at line 2 and as 'dog' at line 3. "
            "Keep one row for each unit, or name the column 'summary' if they are several references of it.",
        ),
        (
            ["--labels", "latin.csv"],
            "The label file 'latin.csv' is not UTF-8 text (byte 34: invalid continuation byte). Save it as UTF-8.",
        ),
        (
            ["--labels", "utf16.csv"],
            "The label file 'utf16.csv' is UTF-16 text, to judge by how it begins. Save it as UTF-8.",
        ),
        (
            ["--labels", "elsewhere.csv"],
            "The label file 'elsewhere.csv' is of the layers layer9, none of which is among conv2. For a file of one "
            "layer, say which it is, such as conv2=FILE.",
        ),
        (
            ["--labels", "below.csv"],
            "The label file 'below.csv' has '-1' for a unit at line 2. Units are whole numbers from 0.",
        ),
        (
            ["--labels", "empty.csv"],
            "The label file 'empty.csv' has no rows. It needs a header line and at least one row.",
        ),
        (
            ["--labels", "none.csv"],
            "The label file 'none.csv' cannot be read: No such file or directory. Check the path.",
        ),
        (
            ["--labels", "folder.csv"],
            "The label file 'folder.csv' cannot be read: Is a directory. Check the path.",
        ),
        (["--labels", "conv9=good.csv"], "There is no layer 'conv9'. Nearest: conv2."),
        (
            ["--labels", "=good.csv"],
            "'=good.csv' is not of the form FILE or LAYER=FILE. Name the layer and the file, or the file alone.",
        ),
        (
            ["--labels", "good.csv", "--summary", "median"],
            "There is no summary 'median'. Nearest: mean, abs-mean, max.",
        ),
        (
            ["--source", "truth:x"],
            "There is no concept source 'truth:x'. Use auto, truth, annotations, labels, labels:GROUP, "
            "encoder:NAME or generated:NAME.",
        ),
        (
            ["--source", "truth"],
            "The images of '{images}' do not know what they show. Use --source labels or --source encoder:NAME.",
        ),
        (
            ["--source", "encoder"],
            "--source encoder names no encoder. Write encoder:NAME, such as encoder:bundled:align.",
        ),
        (
            ["--source", "encoder:none"],
            "The encoder 'none' has no prefix and is no folder. Write it as one of bundled:NAME, hf:NAME, "
            "open_clip:NAME, oracle:NAME, package.module:callable, or owner/name on Hugging Face; for example "
            "hf:openai/clip-vit-base-patch16.",
        ),
        (
            ["--source", "generated"],
            "--source generated names no generator. Write generated:NAME, such as generated:bundled:world.",
        ),
        (
            ["--source", "generated:none"],
            "There is no image generator 'none'. Write it as one of bundled:NAME or package.module:callable; for "
            "example bundled:world.",
        ),
        (
            ["--source", "encoder:tiny_net:colours", "--template", "a photo"],
            "The prompt template 'a photo' has no place for the concept. Put {{}} where the concept goes, as in \"a "
            'photo of a {{}}".',
        ),
        (
            ["--source", "annotations:object"],
            "There is no concept source 'annotations:object'. Use auto, truth, annotations, labels, labels:GROUP, "
            "encoder:NAME or generated:NAME.",
        ),
        (
            ["--masks"],
            "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring "
            "theirs; see docs/images.md.",
        ),
        (
            ["--masks", "--source", "labels"],
            "--masks compares pixels, and the source is labels, which does not know where things are. Give --source "
            "annotations, or truth for images that know.",
        ),
        (
            ["--template", "a {}"],
            "A --template is for an encoder, and the source is labels. Give --source encoder:NAME.",
        ),
        (
            ["--hierarchy", "circle.csv"],
            "The hierarchy 'circle.csv' puts 'pet' above itself: pet > cat > animal > pet. Remove one of these pairs.",
        ),
        (
            ["--hierarchy", "unknown.csv"],
            "No name in the hierarchy 'unknown.csv' leads to a label of these images. Nearest to 'cta': cat.",
        ),
        (
            ["--hierarchy", "wrong.json"],
            "The hierarchy 'wrong.json' must hold {{name: [names below it]}}; what is below 'pet' is no list of names.",
        ),
        (
            ["--hierarchy", "none.csv"],
            "The hierarchy 'none.csv' cannot be read: No such file or directory. Check the path.",
        ),
        (
            ["--hierarchy", "circle.csv", "--source", "encoder:tiny_net:colours"],
            "A --hierarchy is of labels, and the source is encoder. Give --source labels.",
        ),
        (
            ["--similarity", "token-f1"],
            "--similarity compares with known names, and no --truth was given. Add it, or leave both out.",
        ),
        (
            ["--truth", "good.csv", "--similarity", "bleurt"],
            "There is no text similarity 'bleurt'. Known: bertscore:NAME[@LAYER], encoder:NAME, sentence:NAME, "
            "token-f1.",
        ),
        (
            ["--truth", "elsewhere.csv"],
            "The label file 'elsewhere.csv' is of the layers layer9, none of which is among conv2. For a file of one "
            "layer, say which it is, such as conv2=FILE.",
        ),
        (
            ["--truth", "beyond.csv"],
            "The label file 'beyond.csv' has unit 9 at line 3, but layer 'conv2' has 5 units, 0 to 4. Check that the "
            "labels are of this layer.",
        ),
        (
            ["--truth", "from1.csv"],
            "The label file 'from1.csv' has a unit 5 and no unit 0 for layer 'conv2' of 5 units: it looks as if units "
            "were counted from 1. If they are, give --first-unit 1.",
        ),
        (
            ["--truth", "classes"],
            "The model does not name its classes. Give --truth FILE with layer, unit and description.",
        ),
        (["--out", "x.txt"], "--out 'x.txt' does not tell the format. End it in .csv, .json or .parquet."),
        (["--out", "folder.csv"], "'folder.csv' is a folder. Name a file."),
        (
            ["--out", "good.csv/x.csv"],
            "It was not possible to write the file at 'good.csv/x.csv': Not a directory. Check the path and the disk.",
        ),
        (
            ["--share", "0"],
            "The share of active images is 0.0. Give a number between 0 and 1, such as 0.05.",
        ),
        (["--share", "nan"], "The share of active images is nan. Give a number between 0 and 1, such as 0.05."),
        (["--draws", "1"], "draws is 1. Give at least 100."),
        (["--draws", "1000000000"], "draws is 1000000000. Give at most 100,000."),
        (["--seed", "-1"], "seed is -1. Give at least 0."),
        (["--seed", str(2**70)], f"seed is {2**70}. Give at most 4,294,967,295."),
    ],
)
def test_what_cannot_be_used(made: Path, place: Path, options: list[str], sentence: str) -> None:
    before = contents(place)
    ran = neuronym("evaluate", "study", *options, cwd=place)
    assert ran.error == sentence.format(images=made / "images")
    changed = {name for name, content in contents(place).items() if before.get(name) != content}
    assert not {name for name in changed if not name.startswith(("cache", "study/.lock"))}


def test_units_counted_from_one_are_shifted_only_when_told(place: Path) -> None:
    ran = neuronym("evaluate", "study", "--labels", "from1.csv", "--first-unit", "1", cwd=place)
    assert ran.code == 0
    assert "from1.csv: its units are counted from 1." in ran.err
    rows = json.loads(neuronym("table", "study", "--method", "from1", "--format", "json", cwd=place).out)
    assert [(row["unit"], row["description"]) for row in rows] == [(0, "cat"), (4, "dog")]


def test_more_images_than_there_are_is_all_of_them(place: Path) -> None:
    assert neuronym("evaluate", "study", "--k", "100000000000", cwd=place).code == 0
    assert neuronym("evaluate", "study", "--k", "0", cwd=place).code == 2


def test_a_bad_wish_is_refused_before_anything_is_judged(place: Path) -> None:
    """What ``--truth`` and ``--out`` cannot be is known before the long work; nothing of it was done."""
    shutil.rmtree(place / "study" / "scores")
    for options in (["--truth", "from1.csv"], ["--out", "folder.csv"], ["--out", "good.csv/x.json"]):
        ran = neuronym("evaluate", "study", *options, cwd=place)
        assert ran.error
        assert "evaluating" not in ran.err
    assert not (place / "study" / "scores").exists()


def grey(folder: Path, count: int, **classes: int) -> None:
    """Images that are all the same but for one pixel that the network does not see."""
    for at, (name, level) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (10, 12), (level,) * 3)
            image.putpixel((0, 0), (number * 5, at, 0))
            image.save(folder / name / f"{number}.png")


def _evaluated(world: Path, **options: Any) -> tuple[str, list[dict[str, Any]]]:
    assert explain(cwd=world, **options).code == 0
    ran = neuronym("evaluate", "study", cwd=world)
    assert ran.code == 0, ran.err
    return ran.out, json.loads(neuronym("table", "study", "--format", "json", cwd=world).out)


def test_constant_activations_have_a_reason_and_no_score(world: Path) -> None:
    grey(world / "grey", 12, cat=90, dog=90)
    out, rows = _evaluated(world, images="grey")
    assert {row["state"] for row in rows} <= {"described", "abstained"}
    assert all(row.get("pearson") is None for row in rows)
    assert "not scored, because" in out
    assert "nan" not in out.lower()


def test_one_unit_only_and_a_layer_of_one_unit(world: Path) -> None:
    out, rows = _evaluated(world, units="2")
    assert [row["unit"] for row in rows] == [2]
    assert rows[0]["discrimination"] is not None  # the layer has more units, described or not
    assert "shuffled" not in out


def test_an_encoder_that_made_the_descriptions(world: Path) -> None:
    ran = explain(cwd=world, encoder="tiny_net:colours", concepts="words.txt")
    assert ran.code == 0
    said = neuronym("evaluate", "study", "--source", "encoder:tiny_net:colours", cwd=world).error
    run = next((world / "study" / "runs").iterdir()).name
    assert said == (
        f"The encoder tiny_net:colours made the descriptions of the run {run}, and would find them true. Choose "
        "another, judge other runs with --run, or insist with --force."
    )
    assert neuronym("evaluate", "study", "--source", "encoder:tiny_net:colours", "--force", cwd=world).code == 0


def test_a_wrong_run_is_refused_before_labels_are_taken_in(place: Path) -> None:
    before = contents(place)
    ran = neuronym("evaluate", "study", "--labels", "good.csv", "--run", "nope", cwd=place)
    assert ran.code == 2
    assert ran.error.startswith("There is no run 'nope'. Known: clip-dissect-")
    assert contents(place) == before
