"""What is not imported: the package costs nothing until it is used, and the light verbs need no torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from neuronym.records import ImageRecord, LayerInfo
from neuronym.store.manifest import Manifest
from neuronym.store.study_store import StudyStore, layer_entry

HEAVY = {
    "torch",
    "torchvision",
    "transformers",
    "numpy",
    "numba",
    "pyarrow",
    "zarr",
    "PIL",
    "typer",
    "rich",
    "jaxtyping",
}

MODULES = 40
"""How many modules ``import neuronym`` may add to a Python that has just started; it adds about 30, typing's."""

ZOOS = "torchvision|transformers|timm|open_clip"
"""Each brings torch's compiler or more: two seconds and up at every start of the program that imports it."""

RUN = """
import sys
from neuronym.cli import main
sys.argv = ["neuronym", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("modules:", *sorted(name for name in sys.modules if "." not in name))
"""


def _python(code: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _imported_by(*arguments: str | Path) -> set[str]:
    return set(_python(RUN, *arguments).rpartition("modules:")[2].split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import neuronym; print(*set(sys.modules) - before)"
    added = _python(code).split()
    assert "neuronym" in added
    assert not HEAVY & set(added)
    assert [name for name in added if name.startswith("neuronym.")] == []
    assert len(added) <= MODULES


def test_records_and_errors_are_light() -> None:
    code = "import sys, neuronym; neuronym.Unit('conv', 3); neuronym.UserError('x'); print(*sys.modules)"
    assert not HEAVY & set(_python(code).split())


@pytest.mark.parametrize("asked", ["--help", "--version", "explain --help", "table --help"])
def test_help_and_version_import_no_library_of_numbers(asked: str) -> None:
    imported = _imported_by(*asked.split())
    assert "typer" in imported  # this is the program, and no other module of its name
    assert not {"torch", "torchvision", "transformers", "numpy", "numba", "pyarrow", "PIL"} & imported


def test_a_table_is_shown_without_torch(tmp_path: Path) -> None:
    layer = LayerInfo("conv", False, None, "Conv2d", 2, (4, 4), "nchw")
    spec = {"layers": [layer_entry(layer)], "probe": {"labels": None}}
    StudyStore.create(tmp_path / "study", Manifest(spec), [ImageRecord("a", "s", "m", 4, 4)], [], None)
    for asked in ((), ("--format", "csv")):
        imported = _imported_by("table", tmp_path / "study", *asked)
        assert "pyarrow" in imported
        assert not {"torch", "torchvision", "transformers", "numba", "PIL"} & imported


def test_networks_of_others_are_imported_where_they_are_used() -> None:
    """No module imports their packages when it is imported itself."""
    texts = {file: file.read_text(encoding="utf-8") for file in (Path(__file__).parents[1] / "src").rglob("*.py")}
    assert [file.name for file, text in texts.items() if re.search(r"^ +from torchvision", text, re.MULTILINE)]
    assert not [file for file, text in texts.items() if re.search(rf"^(from|import) ({ZOOS})\b", text, re.MULTILINE)]
