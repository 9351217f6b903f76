"""Label files joined into sets, each one method's labels, beside a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronym.errors import UserError, unknown_name
from neuronym.evaluate.label_files import LabelFile, LabelRow, looks_from_one, parse_given, place, read_label_file
from neuronym.evaluate.text_scoring import LabelSet
from neuronym.records import Unit

REFERENCE = "reference"
"""What the reference is called where the first unit of one file is given."""


@dataclass(frozen=True)
class Reference:
    """Known texts of units.

    Attributes:
        texts: by unit; the layer is empty where the file names none.
        layers: the layers, of which a set of labels may have others.
        notes: what has to be said of the file, a sentence each.
    """

    texts: Mapping[Unit, tuple[str, ...]]
    layers: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GivenSet:
    """A set as the user gave it: its name and its files, each with its layer if one was said."""

    name: str
    files: tuple[tuple[str | None, Path], ...]


def given_sets(labels: Sequence[str], names: Sequence[str] = ()) -> list[GivenSet]:
    """The sets that ``[LAYER=]FILE`` or a folder of CSV files each stand for; those of one name are one set.

    Args:
        labels: as they were given; a folder is one set, whose files' names tell the layers.
        names: as many; by default a file's name without its ending, or the folder's, after the name of the folder
            around it where two are alike.

    Raises:
        UserError: not as many names as labels, or a folder without a CSV file or with a layer said.
    """
    if names and len(names) != len(labels):
        raise UserError(
            f"There are {len(labels)} --labels and {len(names)} --name. Give each of the labels a name, in the same "
            "order, or none."
        )
    read = [_files(one) for one in labels]
    found: dict[str, list[tuple[str | None, Path]]] = {}
    for name, (_, files) in zip(names or _names([path for path, _ in read]), read, strict=True):
        found.setdefault(name, []).extend(files)
    return [GivenSet(name, tuple(files)) for name, files in found.items()]


def read_reference(path: str | Path, *, layer: str | None = None, first_unit: int | None = None) -> Reference:
    """The known texts of units, from a file in any layout; all texts of a unit count.

    Args:
        path: the file.
        layer: only this one; where the file names no layers, what its layer is called.
        first_unit: see :func:`neuronym.evaluate.label_files.read_label_file`.

    Raises:
        UnknownNameError: the file names layers, and not this one.
        UserError: the file cannot be read.
    """
    file = read_label_file(path, first_unit=first_unit)
    if not file.has_layers:
        only = layer or ""
        return Reference({Unit(only, row.unit): row.texts for row in file.rows}, (only,), file.notes)
    if layer is not None and layer not in file.layers:
        raise unknown_name("layer of the reference", layer, file.layers)
    rows = [row for row in file.rows if layer in (None, row.layer)]
    return Reference({Unit(row.layer or "", row.unit): row.texts for row in rows}, file.layers, file.notes)


def read_set(given: GivenSet, reference: Reference, *, first_unit: int | None = None) -> tuple[LabelSet, list[str]]:
    """A set's labels by unit, and what has to be said of its files.

    Raises:
        UserError: a file cannot be read, its layer cannot be told, its units look as if they were counted from 1 and
            ``first_unit`` was not given, or two files describe one unit differently.
    """
    texts: dict[Unit, str] = {}
    source: dict[Unit, str] = {}
    notes: list[str] = []
    for layer, path in given.files:
        file = read_label_file(path, first_unit=first_unit)
        rows, said = _placed(file, reference, layer)
        notes += [*file.notes, *said]
        if first_unit is None:
            _check_counting(file, rows, reference)
        for name, row in rows:
            unit = Unit(name, row.unit)
            if texts.setdefault(unit, row.texts[0]) != row.texts[0]:
                raise UserError(
                    f"The labels {given.name!r} describe unit {unit} as {texts[unit]!r} in {source[unit]!r} and as "
                    f"{row.texts[0]!r} in {file.path!r}. Give sets of their own different names with --name."
                )
            source[unit] = file.path
    return LabelSet(given.name, texts), notes


def _placed(
    file: LabelFile, reference: Reference, layer: str | None
) -> tuple[Sequence[tuple[str, LabelRow]], Sequence[str]]:
    """The rows of a file by layers of the reference, which may be one without a name."""
    if reference.layers != ("",):
        placed = place(file, reference.layers, layer)
        return placed.rows, placed.notes
    if layer is not None or len(file.layers) > 1:
        which = ", ".join(file.layers) or layer
        raise UserError(
            f"The reference names no layer, and {file.path!r} is of {which}. Say with --layer which one the reference "
            "is of."
        )
    return [("", row) for row in file.rows], []


def _check_counting(file: LabelFile, rows: Sequence[tuple[str, LabelRow]], reference: Reference) -> None:
    """Refuse units that look as if they were counted from 1, where the reference has all units of a layer."""
    for layer in dict.fromkeys(name for name, _ in rows):
        known = {unit.index for unit in reference.texts if unit.layer == layer}
        units = {row.unit for name, row in rows if name == layer}
        if known == set(range(len(known))) and looks_from_one(file, units, len(known)):
            raise UserError(
                f"The label file {file.path!r} has a unit {len(known)} and no unit 0, where the reference has 0 to "
                f"{len(known) - 1}: it looks as if units were counted from 1. If they are, give --first-unit 1, if "
                "not, --first-unit 0."
            )


def _files(given: str) -> tuple[Path, list[tuple[str | None, Path]]]:
    """The path of ``[LAYER=]FILE`` or of a folder, and its files."""
    layer, text = parse_given(given)
    path = Path(text).expanduser()
    if not path.is_dir():
        return path, [(layer, path)]
    files = sorted(one for one in path.iterdir() if one.suffix.lower() in (".csv", ".tsv") and one.is_file())
    if layer is not None:
        raise UserError(f"--labels {given!r} names a layer for a folder. Name one for each file, or none.")
    if not files:
        raise UserError(f"The folder {text!r} holds no CSV files of labels. Name a file, or the folder around them.")
    return path, [(None, one) for one in files]


def _names(paths: Sequence[Path]) -> list[str]:
    """A name for each set, by as little of its path as tells it from the others."""
    plain = [path.name if path.is_dir() else path.stem for path in paths]
    longer = [f"{path.resolve().parent.name}/{name}" for path, name in zip(paths, plain, strict=True)]
    return [long if plain.count(name) > 1 else name for name, long in zip(plain, longer, strict=True)]
