"""Anyone's labels: read from a CSV, and fitted to the layers that they are about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import UserError, unknown_name
from neuronym.evaluate.label_reading import LabelFile, LabelRow, listed, read_label_file
from neuronym.records import Candidate, Explanation, Unit

__all__ = [
    "Fitted",
    "LabelFile",
    "LabelRow",
    "Placed",
    "check_units",
    "fit",
    "looks_from_one",
    "parse_given",
    "place",
    "read_label_file",
]


@dataclass(frozen=True)
class Fitted:
    """A file's labels as explanations of a study's units, and what has to be said of them."""

    explanations: tuple[Explanation, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """A file's rows, each under the name of the layer that it is about."""

    rows: tuple[tuple[str, LabelRow], ...]
    notes: tuple[str, ...]


def parse_given(text: str) -> tuple[str | None, str]:
    """What ``[LAYER=]FILE`` names: the layer, if one is given, and the file.

    An existing file or folder whose name holds ``=`` is itself.

    Raises:
        UserError: there is nothing before or after the ``=``.
    """
    layer, equals, path = text.partition("=")
    if not equals or Path(text).expanduser().exists():
        return None, text
    if not layer.strip() or not path.strip():
        raise UserError(
            f"{text!r} is not of the form FILE or LAYER=FILE. Name the layer and the file, or the file alone."
        )
    return layer.strip(), path.strip()


def fit(file: LabelFile, layers: Mapping[str, int], *, layer: str | None = None, run: str) -> Fitted:
    """A file's labels as explanations of the units of a study; all are in the state ``described``.

    Args:
        file: the labels.
        layers: the study's layers and how many units each has, in order.
        layer: where the labels belong, if the user says so; see :func:`place`.
        run: the id of the run that the explanations belong to.

    Raises:
        UnknownNameError: the study has no such ``layer``.
        UserError: the layer of the labels cannot be told, none of them is of a layer of the study, or a unit is beyond
            the last of its layer.
    """
    placed = place(file, list(layers), layer)
    for name in dict.fromkeys(name for name, _ in placed.rows):
        check_units(file, [row for where, row in placed.rows if where == name], name, layers[name])
    made = [_explanation(name, row, _named(file.name), run) for name, row in placed.rows]
    return Fitted(tuple(made), (*file.notes, *placed.notes))


def place(file: LabelFile, layers: Sequence[str], layer: str | None = None) -> Placed:
    """The rows of a file under the names of the layers that they are about.

    A ``layer`` that the user gives takes a file without a column of layers, or with one layer only, whatever the file
    calls it; of a file with several it takes the rows of that layer. Otherwise the file's column of layers decides;
    without one, the layer whose name is a word of the file's name (``resnet50_layer3.csv``), or the only layer.

    Args:
        file: the labels.
        layers: the layers that there are.
        layer: where the labels belong, if the user says so.

    Raises:
        UnknownNameError: there is no such ``layer``.
        UserError: the layer cannot be told, or no row is of a layer that there is.
    """
    if layer is not None:
        if layer not in layers:
            raise unknown_name("layer", layer, layers)
        if len(file.layers) > 1:
            return _of_layers(file, [layer])
        notes = [f"{file.path}: its layer {one!r} was read as {layer!r}." for one in file.layers if one != layer]
        return Placed(tuple((layer, row) for row in file.rows), tuple(notes))
    if file.has_layers:
        return _of_layers(file, layers)
    name, notes = _layer_by_name(file, layers)
    return Placed(tuple((name, row) for row in file.rows), tuple(notes))


def check_units(file: LabelFile, rows: Sequence[LabelRow], layer: str, count: int) -> None:
    """Refuse units that a layer of ``count`` units does not have.

    Raises:
        UserError: there is one; or the units look as if they were counted from 1.
    """
    units = {row.unit for row in rows}
    if looks_from_one(file, units, count):
        raise UserError(
            f"The label file {file.path!r} has a unit {count} and no unit 0 for layer {layer!r} of {count} units: it "
            "looks as if units were counted from 1. If they are, give --first-unit 1."
        )
    for row in rows:
        if row.unit >= count:
            raise UserError(
                f"The label file {file.path!r} has unit {row.unit + file.first_unit} at line {row.line}, but layer "
                f"{layer!r} has {count} units, {file.first_unit} to {count - 1 + file.first_unit}. "
                "Check that the labels are of this layer."
            )


def looks_from_one(file: LabelFile, units: Collection[int], count: int) -> bool:
    """Whether units that were read as counted from 0 look as if the file counted the ``count`` units from 1."""
    return file.first_unit == 0 and 0 not in units and max(units) == count


def _of_layers(file: LabelFile, layers: Sequence[str]) -> Placed:
    """The rows of some layers, by the file's own column."""
    rows = tuple((row.layer, row) for row in file.rows if row.layer is not None and row.layer in layers)
    if not rows:
        one = f" For a file of one layer, say which it is, such as {layers[0]}=FILE." if layers else ""
        raise UserError(
            f"The label file {file.path!r} is of the layers {listed(file.layers)}, none of which is among "
            f"{listed(layers)}.{one}"
        )
    others = Counter(row.layer for row in file.rows if row.layer is not None and row.layer not in layers)
    if not others:
        return Placed(rows, ())
    total = sum(others.values())
    which = f"{'layer' if len(others) == 1 else 'layers'} {listed(others)}"
    verb = "row was" if total == 1 else "rows were"
    return Placed(rows, (f"{file.path}: {total:,} {verb} left out, of {which}.",))


def _layer_by_name(file: LabelFile, layers: Sequence[str]) -> tuple[str, list[str]]:
    """The layer of a file that has no column of them, and what has to be said of the choice."""
    found = [name for name in layers if _is_word_of(re.escape(name), file.name)]
    found = [name for name in found if not any(name != other and name in other for other in found)]
    if len(found) == 1:
        return found[0], []
    # A file of layer3 is no file of layer4, even where layer4 is all that there is.
    akin = r"[0-9]+".join(map(re.escape, re.split(r"[0-9]+", layers[0]))) if len(layers) == 1 else ""
    if len(layers) == 1 and not (akin != re.escape(layers[0]) and _is_word_of(akin, file.name)):
        return layers[0], [f"{file.path}: it names no layer, so its labels were read as those of {layers[0]!r}."]
    raise UserError(
        f"The label file {file.path!r} has no column of layers, and its name does not tell which of {listed(layers)} "
        f"it is about. Say so, for example {layers[0]}=FILE."
    )


def _is_word_of(pattern: str, text: str) -> bool:
    """Whether a name occurs whole in a text: ``layer3`` does in ``net_layer3``, not in ``layer30`` or ``layer3.0``."""
    return re.search(rf"(?<![A-Za-z0-9])(?<![A-Za-z0-9]\.){pattern}(?!\.?[A-Za-z0-9])", text, re.IGNORECASE) is not None


def _named(name: str) -> str:
    """A file's name as the name of a method: letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "labels"


def _explanation(layer: str, row: LabelRow, method: str, run: str) -> Explanation:
    scored = dict(zip(reversed(row.texts), reversed(row.scores), strict=True))
    candidates = tuple(Candidate(text, scored[text] or 0.0) for text in dict.fromkeys(row.texts))
    unit = Unit(layer, row.unit)
    return Explanation(unit, method, run, "described", row.texts[0], row.scores[0], candidates)
