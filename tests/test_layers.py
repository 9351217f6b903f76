"""Arrows between the layers run one way, in every import of every file."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_rules import LEVELS, imports, violations

SOURCE = Path(__file__).parents[1] / "src"


def test_no_import_of_the_package_breaks_a_rule() -> None:
    found = violations(SOURCE)
    assert not found, "imports against the layers of tests/import_rules.py:\n" + "\n".join(found)


def test_the_checker_sees_the_whole_package() -> None:
    files = sorted((SOURCE / "neuronym").rglob("*.py"))
    seen = {found.module for file in files for found in imports(SOURCE, file)}
    assert len(files) > 60
    # At the top of a file, in a function, under TYPE_CHECKING, of a module from its package, by a relative path.
    assert {
        "torch",
        "neuronym.records",
        "timm",
        "neuronym.study",
        "neuronym.store._parquet",
        "neuronym.plugins",
    } <= seen
    layers = {layer for level in LEVELS for layer in level}
    assert {file.relative_to(SOURCE / "neuronym").parts[0].removesuffix(".py") for file in files} <= {
        *layers,
        "__init__",
    }


@pytest.mark.parametrize(
    ("file", "line", "text"),
    [
        ("store/a.py", "import neuronym.study", "'store' imports 'study', which lies above it; arrows point down only"),
        (
            "records.py",
            "def f():\n    from neuronym.cli import main",
            "'records' imports 'cli', which lies above it; arrows point down only",
        ),
        (
            "explain/a.py",
            "if TYPE_CHECKING:\n    from neuronym.plugins import resolve",
            "'explain' imports 'plugins', which lies above it; arrows point down only",
        ),
        (
            "errors.py",
            "from neuronym.records import Unit",
            "'errors' imports 'records', which lies above it; arrows point down only",
        ),
        (
            "importing.py",
            "from neuronym.records import Unit",
            "'importing' imports 'records'; siblings never import each other",
        ),
        ("store/a.py", "from ..functional import x", "'store' imports 'functional'; siblings never import each other"),
        (
            "store/__init__.py",
            "from .. import probes",
            "'store' imports 'probes', which lies above it; arrows point down only",
        ),
        (
            "store/deep/a.py",
            "from ...study import Study",
            "'store' imports 'study', which lies above it; arrows point down only",
        ),
        (
            "evaluate/a.py",
            "from neuronym import explain",
            "'evaluate' imports 'explain'; siblings never import each other",
        ),
        (
            "targets/a.py",
            "from neuronym import probes as p",
            "'targets' imports 'probes'; siblings never import each other",
        ),
        (
            "probes/a.py",
            "import_module('neuronym.cli')",
            "'probes' imports 'cli', which lies above it; arrows point down only",
        ),
        (
            "asking.py",
            "from neuronym.study import Study",
            "'asking' imports 'study', which lies above it; arrows point down only",
        ),
        (
            "present/a.py",
            "from neuronym.functional import x",
            "'present' imports 'functional'; it may import errors, records, store only",
        ),
        ("demo.py", "from neuronym.recipes.bundled import make", "'demo' imports 'recipes'; only cli may"),
        (
            "world/a.py",
            "from neuronym.training.classifier import train_classifier",
            "'world' imports 'training'; siblings never import each other",
        ),
        ("present/a.py", "import torch.nn", "'present' imports 'torch', and is to work without it"),
        ("store/a.py", "def f():\n    import torch", "'store' imports 'torch', and is to work without it"),
        (
            "functional/a.py",
            "from transformers import CLIPModel",
            "'functional' imports 'transformers', and is to work without it",
        ),
        (
            "cli/a.py",
            "from neuronym import Study",
            "'cli' imports the package's public names, which hides where they come from; import their modules",
        ),
        (
            "novelty.py",
            "from neuronym.errors import UserError",
            "'novelty' has no place among the layers; give it one in import_rules.py",
        ),
    ],
)
def test_a_planted_violation_is_found_and_told(file: str, line: str, text: str, tmp_path: Path) -> None:
    package = tmp_path / "neuronym"
    for layer in (
        "store",
        "functional",
        "probes",
        "explain",
        "targets",
        "evaluate",
        "present",
        "cli",
        "world",
        "store/deep",
    ):
        (package / layer).mkdir(parents=True)
    (package / "__init__.py").write_text("from neuronym.study import Study\n")
    place = package / file
    place.write_text(f'"""A module."""\nimport os\n{line}\n')
    number = 3 + line.count("\n")
    assert violations(tmp_path) == [f"neuronym/{file}:{number}: {text}"]


def test_what_points_down_is_allowed(tmp_path: Path) -> None:
    package = tmp_path / "neuronym"
    (package / "cli").mkdir(parents=True)
    (package / "present").mkdir()
    (package / "cli" / "a.py").write_text("import torch\nfrom neuronym.study import Study\nfrom . import b\n")
    (package / "cli" / "b.py").write_text("from neuronym.recipes.bundled import make\n")
    (package / "present" / "a.py").write_text(
        "import pandas\nfrom neuronym.store.query import export\nfrom ..records import Unit\n"
    )
    assert violations(tmp_path) == []
