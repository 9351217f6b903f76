"""Layers whose units have known names, as those of a classifier's last layer do: descriptions beside the names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neuronym.errors import MethodError
from neuronym.evaluate.label_files import check_units, place, read_label_file
from neuronym.evaluate.text_scoring import LabelSet, fold, synonyms
from neuronym.records import Explanation, LayerInfo, Unit

CLASSES = "classes"
"""The model's own class names as the truth."""

Names = Mapping[Unit, tuple[str, ...]]
"""What each unit is known to be; several names are alternatives."""


def names_of_classes(layers: Sequence[LayerInfo], class_names: Sequence[str] | None) -> Names:
    """The names of the units of the last layer that has one for each class.

    Raises:
        MethodError: the model names no classes, or no layer of the study has as many units.
    """
    if not class_names:
        raise MethodError("The model does not name its classes. Give --truth FILE with layer, unit and description.")
    fitting = [layer for layer in layers if layer.units == len(class_names) and layer.map_size in (None, (1, 1))]
    if not fitting:
        raise MethodError(
            f"No layer of the study has {len(class_names)} units, one for each class of the model. Explain its last "
            "layer, or give --truth FILE."
        )
    layer = fitting[-1].name
    return {Unit(layer, at): (name,) for at, name in enumerate(class_names)}


def names_of_file(
    path: str, layers: Mapping[str, int], *, layer: str | None = None, first_unit: int | None = None
) -> Names:
    """The names in a label file of any layout, for units of the study's layers.

    Args:
        path: the file.
        layers: the study's layers with their numbers of units.
        layer: the layer of a file that names none.
        first_unit: see :func:`neuronym.evaluate.label_files.read_label_file`.

    Raises:
        UserError: the file cannot be read, is of none of the layers, or names a unit that its layer does not have.
    """
    file = read_label_file(path, first_unit=first_unit)
    rows = place(file, list(layers), layer).rows
    for name in dict.fromkeys(name for name, _ in rows):
        check_units(file, [row for where, row in rows if where == name], name, layers[name])
    return {Unit(name, row.unit): row.texts for name, row in rows}


def sets_of(explanations: Iterable[Explanation], names: Names, titles: Mapping[str, str]) -> list[LabelSet]:
    """The descriptions of units with known names, a set for each run that has any.

    Args:
        explanations: of any runs.
        names: what is known.
        titles: what each run is called.
    """
    texts: dict[str, dict[Unit, str]] = {}
    for one in explanations:
        if one.description is not None and one.unit in names:
            texts.setdefault(one.run, {})[one.unit] = one.description
    return [LabelSet(titles[run], some) for run, some in texts.items()]


def found_among(explanations: Iterable[Explanation], names: Names, count: int) -> dict[str, tuple[int, int]]:
    """By run, for how many units a known name is among the first ``count`` candidates, and of how many units.

    The description is the first candidate, whether or not the method lists it as one.
    """
    found: dict[str, tuple[int, int]] = {}
    for one in explanations:
        if one.description is None or one.unit not in names:
            continue
        listed = dict.fromkeys([one.description, *(candidate.text for candidate in one.candidates)])
        known = set().union(*map(synonyms, names[one.unit]))
        hit = any(fold(text) in known for text in list(listed)[:count])
        hits, units = found.get(one.run, (0, 0))
        found[one.run] = (hits + hit, units + 1)
    return found
