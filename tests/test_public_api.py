"""What ``import neuronym`` offers, name by name."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module, metadata
from pathlib import Path

import pytest

import neuronym

PUBLIC = [
    "Assessment",
    "Box",
    "Candidate",
    "ConceptSet",
    "ConceptSource",
    "Evidence",
    "Exemplar",
    "Explainer",
    "Explanation",
    "Figure",
    "Geometry",
    "ImageGenerator",
    "ImageRecord",
    "ImageTextEncoder",
    "LabelTable",
    "LayerInfo",
    "LayerView",
    "MethodError",
    "NeuronymError",
    "NeuronymWarning",
    "NonFiniteError",
    "Preprocessing",
    "ProbeError",
    "ProbeSet",
    "Region",
    "Scene",
    "Score",
    "Study",
    "StudyError",
    "Target",
    "TargetError",
    "Unit",
    "UnknownNameError",
    "UserError",
    "World",
    "__version__",
    "write_rating",
    "write_report",
]
CLASSES = [name for name in PUBLIC if name[0].isupper()]


def test_the_public_names_are_these() -> None:
    assert sorted(neuronym.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(neuronym))
    everything: dict[str, object] = {}
    exec("from neuronym import *", everything)
    assert set(PUBLIC) <= set(everything)


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_name_is_a_documented_class(name: str) -> None:
    found = getattr(neuronym, name)
    assert inspect.isclass(found)
    assert found.__name__ == name
    # A dataclass without a docstring gets its signature for one.
    assert len(inspect.getdoc(found) or "") > 20
    assert not (inspect.getdoc(found) or "").startswith(f"{name}(")
    for member, value in vars(found).items():
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"


def test_the_public_functions_are_documented() -> None:
    functions = [name for name in PUBLIC if name not in (*CLASSES, "__version__")]
    assert functions == ["write_rating", "write_report"]
    for name in functions:
        assert inspect.isfunction(getattr(neuronym, name))
        assert "Args:" in (inspect.getdoc(getattr(neuronym, name)) or "")


def test_the_exceptions_are_one_tree() -> None:
    errors = [getattr(neuronym, name) for name in PUBLIC if name.endswith("Error")]
    assert all(issubclass(error, neuronym.NeuronymError) for error in errors)
    assert all(issubclass(error, neuronym.UserError) for error in errors if error is not neuronym.NeuronymError)
    # Work goes on after it.
    assert issubclass(neuronym.NeuronymWarning, UserWarning)
    assert not issubclass(neuronym.NeuronymWarning, neuronym.NeuronymError)


def test_type_checkers_see_the_same_names_as_programs() -> None:
    tree = ast.parse(Path(neuronym.__file__).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    said = {
        alias.name: node.module
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted([*said, "__version__"]) == PUBLIC
    for name, module in said.items():
        assert getattr(neuronym, name) is getattr(import_module(str(module)), name)


def test_the_version_is_that_of_the_package() -> None:
    assert neuronym.__version__ == metadata.version("neuronym")


def test_an_unknown_name_is_refused_and_modules_can_still_be_imported() -> None:
    with pytest.raises(AttributeError, match=r"^module 'neuronym' has no attribute 'Neuron'$"):
        _ = neuronym.Neuron  # type: ignore[attr-defined]
    from neuronym import records

    assert neuronym.Unit is records.Unit
