"""Fragments for notebooks: they show the study, escape everything and need nothing from outside."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuronym.errors import UnknownNameError
from neuronym.present.notebook import overlaid, study_html, unit_html
from neuronym.present.report import ReportInput
from neuronym.records import Candidate, Evidence, Explanation, Unit
from neuronym.study import Study
from photograph_study import ATTACK, CLASSES, OWN, without_evaluation

VOID = {"img", "br", "hr"}


class Fragment(HTMLParser):
    """The elements and the text of a fragment, which has to be well formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def images(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "img"]

    def check_inert(self) -> None:
        assert {tag for tag, _ in self.tags} <= {"div", "span", "b", "figure", "figcaption", "img", *TABLE}
        for _, attributes in self.tags:
            assert set(attributes) <= {"style", "src", "alt", "title"}
            assert (attributes.get("src") or "data:").startswith("data:")


TABLE = ("table", "thead", "tbody", "tr", "th", "td")


def test_a_unit_shows_its_exemplars_and_what_was_said(given: ReportInput, study: Study) -> None:
    shown = Fragment(unit_html(given, "relu", 0, count=5))
    shown.check_inert()
    assert shown.text.count(CLASSES[0]) == 3 + 5
    exemplars = study.view("relu").exemplars(0, "mean")
    assert len(shown.images()) == 5
    for rank, (image, exemplar) in enumerate(zip(shown.images(), exemplars, strict=False), 1):
        assert (image["alt"] or "").startswith(
            f"Exemplar {rank} of unit 0: {CLASSES[0]}, activation {exemplar.value:.3g}"
        )
        assert (image["title"] or "").startswith(ATTACK)
        data = base64.b64decode((image["src"] or "").partition("base64,")[2])
        assert Image.open(io.BytesIO(data)).size == study.view("relu").image(exemplar.index).size
    for row in study.table("relu", units=[0]).to_pylist():
        interval = f"({row['low']:.2f} to {row['high']:.2f})"
        told = f"{row['state']} · held-out r {row['pearson']:.2f} {interval} · random reaches {row['floor']:.2f}"
        assert told in shown.text


def test_a_description_without_a_score_says_why(given: ReportInput) -> None:
    shown = Fragment(unit_html(given, "relu", 2))
    shown.check_inert()
    assert OWN["relu", 2] in shown.text
    assert "not scored, because its description is the name of no label" in shown.text


def test_a_study_that_was_not_evaluated_shows_no_figures(study: Study, tmp_path: Path) -> None:
    bare = without_evaluation(study, tmp_path / "bare")
    given = ReportInput("bare", bare.store, bare.view)
    assert "held-out" not in Fragment(unit_html(given, "relu", 0)).text
    cells = Fragment(study_html(given)).rows
    assert cells[1][:4] == ["relu", "5", "clip-dissect · summary mean", "3"]
    assert cells[1][4:] == ["-"] * 6


def test_units_without_maps_and_silent_units_show_themselves(given: ReportInput) -> None:
    assert len(Fragment(unit_html(given, "head", 1)).images()) == 8
    silent = Fragment(unit_html(given, "relu", 3))
    assert silent.images() == []
    assert "It has one value on every explain image." in silent.text
    assert "abstained" in silent.text


def test_a_unit_or_layer_that_is_not_there_is_refused(given: ReportInput) -> None:
    with pytest.raises(IndexError, match="unit 5 of the 5 of relu"):
        unit_html(given, "relu", 5)
    with pytest.raises(UnknownNameError, match="There is no layer of this study 'reul'"):
        unit_html(given, "reul", 0)


def test_a_study_shows_its_layers(given: ReportInput, study: Study) -> None:
    shown = Fragment(study_html(given))
    shown.check_inert()
    assert "60 images, " in shown.text
    head, *rows = shown.rows
    assert head[4:] == ["supported", "weak", "unsupported", "mean held-out r", "above random", "judged by"]
    table = study.table().to_pylist()
    figures = study.store.figures().to_pylist()
    assert len(rows) == 3 + 2
    for cells, (layer, run) in zip(rows, [*(("relu", one) for one in study.store.runs), *of_head(study)], strict=True):
        states = [row["state"] for row in table if (row["layer"], row["run"]) == (layer, run)]
        assert cells[4:7] == [str(states.count(state)) for state in head[4:7]]
        mean, above = (
            next(
                one
                for one in figures
                if (one["run"], one["layer"], one["row"], one["metric"]) == (run, layer, "descriptions", metric)
            )
            for metric in ("pearson", "above-random")
        )
        assert cells[7] == f"{mean['value']:.2f} ({mean['low']:.2f} to {mean['high']:.2f})"
        assert cells[8] == f"{above['value']:.1%} of {above['units']}"
        assert cells[9] == mean["source"]


def of_head(study: Study) -> list[tuple[str, str]]:
    """The runs that looked at the last layer."""
    first, _, own = study.store.runs
    return [("head", first), ("head", own)]


def test_an_explanation_shows_its_words_escaped() -> None:
    unit = Unit(ATTACK, 3)
    told = Explanation(
        unit, "m<i>", "run", "described", ATTACK, 1.5, (Candidate(ATTACK, 1.5), Candidate("<b>other", 1.0)),
        (Evidence("tie", text="<u>two"), Evidence("exemplar", image_id="x")),
    )  # fmt: skip
    shown = Fragment(told._repr_html_())
    shown.check_inert()
    for text in (f"{ATTACK}:3", "m<i>", "score 1.5", "also <b>other", "tie: <u>two"):
        assert text in shown.text
    failed = Fragment(Explanation(unit, "m", "run", "failed", reason="<s>no network")._repr_html_())
    assert "failed: <s>no network" in failed.text
    assert not re.search("<(s|u|i)>", told._repr_html_())


def test_the_map_is_drawn_where_its_frame_lies() -> None:
    image = Image.new("RGB", (120, 80), (50, 50, 50))
    values = np.zeros((10, 10), np.uint8)
    values[2, 7] = 255
    drawn = np.asarray(overlaid(image, values, (1 / 6, 0, 5 / 6, 1))).astype(int)
    changed = np.argwhere((drawn != 50).any(2))
    middle = changed.mean(0)
    assert abs(middle - [2.5 * 8 - 0.5, 20 + 7.5 * 8 - 0.5]).max() < 1
    assert np.asarray(image).max() == 50
    beyond = np.asarray(overlaid(image, values, (0.5, -0.5, 1.5, 0.5))).astype(int)
    assert (beyond[:, :60] == 50).all()
