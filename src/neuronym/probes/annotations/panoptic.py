"""The panoptic segmentation of COCO: a JSON file that names segments, and PNG files that show them.

The number of a pixel's segment is R + 256 G + 256² B; 0 is nothing. The PNG files are beside the JSON file, in a
folder called like it, or where ``file_name`` leads from there. A category is a concept of its name: of the category
``object`` if it is a thing (``isthing`` 1), else ``stuff``. Super-categories are not read, crowds count like others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import concept_of
from neuronym.probes.annotations.files import Entry, FileAnnotator, Plane
from neuronym.probes.annotations.label_images import colours
from neuronym.probes.annotations.legend import Legend, Numbering
from neuronym.probes.annotations.subjects import BY_FILE, BY_STEM, Subjects, unused
from neuronym.probes.tables import read_text
from neuronym.records import MaskConcept

_THING, _STUFF = "object", "stuff"
_REMEDY = "Give its segment and category in the JSON file."


def read_panoptic(name: str, path: Path, subjects: Subjects) -> FileAnnotator:
    """What a panoptic JSON file says of some images.

    Args:
        name: what the user typed.
        path: the JSON file.
        subjects: the images.

    Raises:
        ProbeError: the file is of another kind, or its images are others.
    """
    content = _content(path)
    try:
        segments = [(_segments(one), str(one["file_name"])) for one in content["annotations"]]
        files = _image_files(content)
        images = [files.get(one["image_id"], str(one["file_name"])) for one in content["annotations"]]
        numbering = Numbering(str(path))
        categories = _categories(content, numbering)
    except (KeyError, TypeError, AttributeError) as error:
        raise _other_kind(path, f"it lacks {error}" if isinstance(error, KeyError) else str(error)) from error
    found = subjects.pair(images, BY_FILE if files else BY_STEM, str(path))
    folder = path.stem if (path.parent / path.stem).is_dir() else "."
    entries = {}
    for subject, (mapping, file) in zip(found, segments, strict=True):
        if subject is not None:
            numbers = {segment: _category(path, categories, category) for segment, category in mapping.items()}
            plane = Plane((Path(folder) / file).as_posix(), Legend({0: None} | numbers, _REMEDY), colours)
            entries[subject.key] = Entry((plane,))
    notes = unused(name, found.count(None))
    return FileAnnotator(name, numbering.concepts, notes, path.parent, subjects.by, entries)


def _content(path: Path) -> Mapping[str, Any]:
    text = read_text(path, "annotation file")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter of lists in lists without end
        raise ProbeError(f"The annotation file {str(path)!r} is no JSON: {error}. Save it again.") from error
    if not isinstance(content, dict):
        raise _other_kind(path, f"it is a {type(content).__name__}, not an object")
    return content


def _other_kind(path: Path, why: str) -> ProbeError:
    return ProbeError(
        f"{str(path)!r} is no panoptic file of COCO: {why}. Give a panoptic_*.json, with 'annotations' that have "
        "'segments_info', and 'categories'."
    )


def _image_files(content: Mapping[str, Any]) -> dict[object, str]:
    """The file of each image, by the image's id; empty where the file does not list the images."""
    return {one["id"]: str(one["file_name"]) for one in content.get("images", ())}


def _segments(annotation: Mapping[str, Any]) -> dict[int, int]:
    """The category of each segment."""
    return {one["id"]: one["category_id"] for one in annotation["segments_info"]}


def _categories(content: Mapping[str, Any], numbering: Numbering) -> dict[int, int | None]:
    """The number of the concept of each category."""
    concepts: dict[int, MaskConcept | None] = {
        one["id"]: concept_of(one["name"], _THING if one.get("isthing", 1) else _STUFF) for one in content["categories"]
    }
    return {category: numbering.name(category, concept) for category, concept in concepts.items()}


def _category(path: Path, categories: Mapping[int, int | None], category: int) -> int | None:
    try:
        return categories[category]
    except (KeyError, TypeError):  # JSON may have a list there
        raise ProbeError(
            f"A segment of {str(path)!r} is of the category {category}, which 'categories' does not name. Give it a "
            "name there."
        ) from None
