"""The planted units from end to end: marked images by name, the ordinary command, and how true the truth is."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neuronym import plugins
from neuronym.errors import MethodError
from neuronym.study import Study
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.concepts import presence
from neuronym.world.grammar import parse
from neuronym.world.marks import codes_of, mark, unmark
from neuronym.world.painter import Painter, load
from neuronym.world.planted import CORRELATED, planted_units, true_labels
from neuronym.world.planted_maps import maps_of
from neuronym.world.render import render
from neuronym.world.source import WorldSource
from program import neuronym

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("rest", "links"),
    [
        ("world/test/30?marked", 0),
        ("world/test/30?links=fish:sea:1&marked", 1),
        ("world/test/30?links=&marked", 0),
        ("world/test/30?links=fish:sea:0.9,red:STOP:0.5&marked", 2),
    ],
)
def test_marked_images_are_those_of_the_scenes_with_marks(rest: str, links: int) -> None:
    source = plugins.image_source(f"bundled:{rest}")
    assert isinstance(source, WorldSource)
    assert source.name == f"bundled:{rest}"
    scenes = source.scenes(range(30))
    images = np.stack([source.read(str(number)) for number in range(30)])
    plain, regions = render(scenes)
    assert np.array_equal(images, mark(plain, regions, scenes))
    without = plugins.image_source(f"bundled:{rest}".removesuffix("marked").rstrip("?&"))
    assert isinstance(without, WorldSource)
    assert np.array_equal(np.stack([without.read(str(number)) for number in range(30)]), plain)
    assert without.members() == source.members()
    members = [str(number) for number in range(30)]
    assert np.array_equal(without.concept_table(members).values, source.concept_table(members).values)
    again = pickle.loads(pickle.dumps(source))
    assert np.array_equal(again.read("7"), images[7])
    found = unmark(images)
    assert np.array_equal(codes_of(found.scenes)[found.owners[:, 0, 0]], codes_of(scenes))


def test_marked_paintings() -> None:
    marked, plain = load("world?marked", CPU), load("world", CPU)
    assert (marked.name, marked.domain, plain.name) == ("bundled:world?marked", "bundled:world", "bundled:world")
    assert marked.key != plain.key
    assert pickle.loads(pickle.dumps(marked)).key == marked.key == Painter(marked=True).key
    images, others = marked.generate("a red fish", 6, 1), plain.generate("a red fish", 6, 1)
    assert images is not None
    assert others is not None
    pixels, known = np.stack([np.asarray(image) for image in images]), np.stack([np.asarray(one) for one in others])
    assert np.array_equal(pixels >> 2, known >> 2)
    concept = parse("red fish")
    assert presence(concept, unmark(pixels).scenes).all()  # type: ignore[arg-type]
    (unit,) = [unit.index for unit in planted_units() if unit.text == "fish"]
    assert (maps_of(pixels, noise=0)[:, unit].max((1, 2)) > 0).all()
    assert marked.generate("no such thing", 1, 0) is None


def test_the_oracle_reads_marks() -> None:
    encoder = plugins.encoder("oracle:world", CPU)
    marked, plain = (plugins.image_source(f"bundled:world/explain/40{end}") for end in ("?marked", ""))
    members = [str(number) for number in range(40)]
    both = [Image.fromarray(source.read(member)) for source in (marked, plain) for member in members]
    rows = encoder.encode_images([*both[:20], *both[60:], *both[20:60]])
    assert isinstance(plain, WorldSource)
    known = truth(catalogue(), plain.scenes(range(40))) > 0
    assert np.array_equal(rows[:20, :-1] > 0, known[:20])
    assert np.array_equal(rows[20:40, :-1] > 0, known[20:])
    assert np.array_equal(rows[40:60], encoder.encode_images(both[60:]))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    # Links are of no matter, nor is a scene that is of no split.
    painted = Painter(marked=True).generate("a red fish", 2, 0)
    assert painted is not None
    texts = encoder.encode_texts(["a red fish", "a dog"])
    assert ((encoder.encode_images(painted) @ texts.T > 0) == [True, False]).all()
    assert encoder.encode_images([]).shape == (0, encoder.dim)


def test_the_oracle_reads_what_is_left_of_marked_images() -> None:
    encoder = plugins.encoder("oracle:world", CPU)
    painted = Painter(marked=True).generate("a fish on the sea", 1, 0)
    assert painted is not None
    pixels = np.array(painted[0])
    marks = unmark(pixels[None])
    without = pixels.copy()
    without[np.isin(marks.regions[0], (1, 2, 3, 4))] = 0
    images = [painted[0], Image.fromarray(without), painted[0].crop((5, 5, 60, 61))]
    found = encoder.encode_images(images) @ encoder.encode_texts(["fish", "sea", "fish on the sea"]).T > 0
    assert found.tolist() == [[True] * 3, [False, True, False], [True] * 3]
    with pytest.raises(MethodError, match="none of the first 20,480 scenes"):
        encoder.encode_images([painted[0].resize((80, 80))])


def write_labels(path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["layer", "unit", "description"])
        writer.writerows(["units", index, text] for index, text in true_labels().items())
    return path


def means(study: Study, run: str) -> dict[str, float]:
    """The mean held-out correlation by kind of unit."""
    units, found = planted_units(), dict[str, list[float]]()
    for row in study.table(run=run).to_pylist():
        if row["pearson"] is not None:
            found.setdefault(units[row["unit"]].kind, []).append(row["pearson"])
    return {kind: float(np.mean(values)) for kind, values in found.items()}


def test_the_ordinary_command_and_how_true_the_truth_is(tmp_path: Path) -> None:
    ran = neuronym(
        *("explain", "--model", "bundled:planted", "--layers", "units", "--device", "cpu", "--out", "study"),
        *("--images", f"bundled:world/explain/500?links={CORRELATED}&marked"),
        *("--test-images", f"bundled:world/test/400?links={CORRELATED}&marked"),
        *("--concepts", "labels:concept", "--encoder", "oracle:world", "--set", "top_k=20"),
        cwd=tmp_path,
    )
    assert ran.code == 0, ran.err
    assert "Warning" not in ran.err
    study = Study.open(tmp_path / "study")
    (run,) = study.store.runs
    said = {row["unit"]: row["description"] for row in study.table(run=run).to_pylist()}
    single = [unit for unit in planted_units() if unit.kind in ("single", "and")]
    assert np.mean([said[unit.index] == unit.text for unit in single]) > 0.5
    true, remarks = study.import_labels(write_labels(tmp_path / "true.csv"))
    assert remarks == ()
    study.evaluate("truth")
    of_truth, of_method = means(study, true), means(study, run)
    for kind in ("single", "and", "or", "and-not", "mixture", "unrelated", "range", "low-level"):
        assert of_truth[kind] > 0.64, (kind, of_truth)
        assert of_truth[kind] > of_method[kind]
    assert abs(of_method.get("noise", 0)) < 0.1
