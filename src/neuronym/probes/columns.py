"""Which columns of a dataset hold the images and their labels, by the types that ``datasets`` writes into its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from neuronym.errors import ProbeError, nearest
from neuronym.probes.choice import Choice

LABEL_COLUMNS = ("label", "labels", "class")
"""Names by which a column is taken for the labels where its type does not say it, in this order."""

Features = Mapping[str, object]
"""The type of each column as ``datasets`` describes it, for example ``{"image": {"_type": "Image"}}``."""


@dataclass(frozen=True)
class Columns:
    """Where a row's image and its label are.

    Attributes:
        image: the column of images.
        shape: the shape of its arrays, None in it where it varies; None where images are files.
        label: the column of labels, if there is one.
        classes: whether the labels are numbers of classes, -1 for none.
        class_names: the class at each number.
    """

    image: str
    shape: tuple[int | None, ...] | None
    label: str | None
    classes: bool
    class_names: tuple[str, ...] | None


def features_of(schema: Any) -> Features:
    """The types that ``datasets`` wrote into an Arrow schema; empty where it wrote none."""
    text = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        found = json.loads(text)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def choose_columns(name: str, schema: Any, features: Features, choice: Choice) -> Columns:
    """The columns of images and labels: those chosen, or those that their types single out.

    Args:
        name: what the user typed, for messages.
        schema: an Arrow schema.
        features: see :data:`Features`.
        choice: what the user chose.

    Raises:
        ProbeError: a chosen column does not exist or holds something else, or none or several could be meant.
    """
    types = {field.name: storage(field.type) for field in schema}
    image = _choose_image(name, types, features, choice)
    label = _choose_label(name, {key: kind for key, kind in types.items() if key != image}, features, choice)
    feature = _feature(features, label or "")
    names = feature.get("names")
    classes = feature.get("_type") == "ClassLabel"
    return Columns(
        image,
        _shape(_feature(features, image)) if _is_array(types[image]) else None,
        label,
        classes,
        tuple(map(str, names)) if classes and isinstance(names, list) else None,
    )


def storage(kind: Any) -> Any:
    """The type in which an Arrow type is stored: extension types are known only where ``datasets`` was imported."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _choose_image(name: str, types: Mapping[str, Any], features: Features, choice: Choice) -> str:
    if choice.image:
        _check_exists(name, choice.image, types)
        if not any(test(types[choice.image], _feature(features, choice.image)) for test in _IMAGE_TESTS):
            raise ProbeError(
                f"The column {choice.image!r} of {name!r} holds {types[choice.image]}, not images. {_IMAGE_TYPES}"
            )
        return choice.image
    for test in _IMAGE_TESTS:
        found = [column for column, kind in types.items() if test(kind, _feature(features, column))]
        if len(found) == 1:
            return found[0]
        if found:
            raise ProbeError(
                f"{name!r} has several columns of images: {', '.join(found)}. Choose one: "
                f"{_example(name, Choice(choice.split, found[0], choice.label))}."
            )
    shown = ", ".join(f"{column} ({kind})" for column, kind in types.items()) or "none"
    raise ProbeError(f"{name!r} has no column of images; its columns are: {shown}. {_IMAGE_TYPES}")


def _choose_label(name: str, types: Mapping[str, Any], features: Features, choice: Choice) -> str | None:
    if choice.label:
        _check_exists(name, choice.label, types)
        if not _is_label(types[choice.label]):
            raise ProbeError(
                f"The column {choice.label!r} of {name!r} holds {types[choice.label]}, not labels. Choose a column of "
                "class numbers or of strings."
            )
        return choice.label
    classes = [column for column in types if _feature(features, column).get("_type") == "ClassLabel"]
    if len(classes) == 1:
        return classes[0]
    candidates = classes or [column for column, kind in types.items() if _is_label(kind)]
    lowered = {column.lower(): column for column in candidates}
    named = [lowered[usual] for usual in LABEL_COLUMNS if usual in lowered]
    if classes and not named:
        raise ProbeError(
            f"{name!r} has several columns of classes: {', '.join(classes)}. Choose one: "
            f"{_example(name, Choice(choice.split, choice.image, classes[0]))}."
        )
    return named[0] if named else None


def _check_exists(name: str, column: str, types: Mapping[str, Any]) -> None:
    if column not in types:
        near = ", ".join(nearest(column, types) or list(types)[:8]) or "none"
        raise ProbeError(f"{name!r} has no column {column!r} beside the images'. Nearest: {near}.")


def _example(name: str, choice: Choice) -> str:
    return repr(f"{name.rpartition('#')[0] or name}{choice}")


def _feature(features: Features, column: str) -> Mapping[str, Any]:
    found = features.get(column)
    return found if isinstance(found, dict) else {}


def _shape(feature: Mapping[str, Any]) -> tuple[int | None, ...]:
    shape = feature.get("shape")
    return tuple(side if isinstance(side, int) else None for side in shape) if isinstance(shape, Sequence) else ()


def _is_image(kind: Any, feature: Mapping[str, Any]) -> bool:
    """A column of the type Image; or of its storage, if it is not that of another type (sounds are stored so too)."""
    if "_type" in feature:
        return bool(feature["_type"] == "Image")
    return pa.types.is_struct(kind) and any(part.name == "bytes" and _is_binary(part.type, {}) for part in kind)


def _is_binary(kind: Any, _: Mapping[str, Any]) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_pixels(kind: Any, feature: Mapping[str, Any]) -> bool:
    typed = feature.get("_type") in ("Array2D", "Array3D")
    return typed and feature.get("dtype") == "uint8" and _is_array(kind)


def _is_array(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


_IMAGE_TESTS: tuple[Callable[[Any, Mapping[str, Any]], bool], ...] = (_is_image, _is_binary, _is_pixels)
_IMAGE_TYPES = (
    "Images are columns of the type Image, of the bytes of image files, or of uint8 arrays (Array3D, Array2D)."
)


def _is_label(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))
