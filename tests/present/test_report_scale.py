"""A layer of two thousand units: its bytes, and how soon it is there."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import torch
from torch import nn

from neuronym.present.report import ReportInput, write_report
from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from neuronym.targets.target import Target

UNITS, IMAGES = 2000, 500

pytestmark = pytest.mark.slow


def wide_target() -> Target:
    """Two thousand random filters with maps of 14 x 14."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        conv = nn.Conv2d(3, UNITS, 4, stride=4)
    model = nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU()))
    as_is = Preprocessing("none", None, None, "bilinear", "unit", (0.5,) * 3, (0.25,) * 3)
    return Target("wide", "seeded", model, as_is)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the study; its images are noise, which compresses worst."""
    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    blobs = rng.integers(0, 256, (IMAGES, 7, 7, 3)).repeat(8, 1).repeat(8, 2)
    images = np.clip(blobs + rng.normal(0, 40, blobs.shape), 0, 255).astype(np.uint8)
    np.savez(folder / "noise.npz", images=images, labels=np.arange(IMAGES) % 10)
    target = wide_target()
    study = Study.create(folder / "s", model=target, layers=["relu"], images=str(folder / "noise.npz"))
    study.probe(device="cpu")
    study.explain(concepts="labels")
    study.evaluate()
    begun = time.perf_counter()
    write_report(folder / "report", [ReportInput("wide", study.store, study.view)])
    print(f"\nwritten in {time.perf_counter() - begun:.1f} s")
    return folder / "report"


def test_a_layer_of_two_thousand_units_stays_under_sixty_megabytes(wide: Path) -> None:
    sizes = {file.relative_to(wide).parts[0]: 0 for file in wide.rglob("*") if file.is_file()}
    for file in wide.rglob("*"):
        if file.is_file():
            sizes[file.relative_to(wide).parts[0]] += file.stat().st_size
    print("\n" + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items()))
    assert sum(sizes.values()) < 60e6
    assert (wide / "data" / "0" / "0" / "gallery.js").stat().st_size < 4e6


def test_it_opens_at_once_and_draws_only_what_is_seen(wide: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    begun = time.perf_counter()
    page.goto(f"file://{quote(str(wide))}/index.html#study=wide&layer=relu")
    page.wait_for_selector(".card img")
    first = time.perf_counter() - begun
    assert page.locator(".card").count() < 100
    begun = time.perf_counter()
    page.locator("input[name=q]").fill("1999")
    page.wait_for_function("document.querySelectorAll('.card').length === 1")
    print(f"\nfirst row after {first:.2f} s, found in {time.perf_counter() - begun:.2f} s")
    assert page.locator(".card").get_attribute("data-unit") == "1999"
    page.locator("input[name=q]").fill("")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_selector(".card[data-unit='1999']")
    assert page.locator(".card").count() < 100
    page.close()
