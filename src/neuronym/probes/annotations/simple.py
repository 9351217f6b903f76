"""A folder of masks: grey or palette PNG files named like their images, and ``names.csv`` for what values mean.

    names.csv     value,name[,category][,plane]; a value with a blank name means nothing
    masks/        a mask for each image, by the same path or file name with the ending .png; with a column ``plane``
                  in sub-folders of these names, and what lies in different planes may overlap
    scenes.csv    image,name[,category]: what is true of a whole image; any number of rows an image; may be left out
    images/       the images, where the folder is given as them

The masks may also lie in the folder itself. A category that is not given is ``object``, in scenes.csv ``scene``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import concept_of
from neuronym.probes.annotations.files import Entry, FileAnnotator, Plane
from neuronym.probes.annotations.label_images import SUFFIX, integers
from neuronym.probes.annotations.legend import Legend, Numbering
from neuronym.probes.annotations.subjects import BY_FILE, BY_STEM, Subjects, unused
from neuronym.probes.sources import is_image_name
from neuronym.probes.tables import Table, read_table
from neuronym.probes.walking import walk

NAMES, SCENES = "names.csv", "scenes.csv"
IMAGES, MASKS = "images", "masks"

_OBJECT, _SCENE = "object", "scene"


def is_masked(folder: Path) -> bool:
    """Whether a folder holds images and their masks."""
    return (folder / NAMES).is_file() and (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def read_simple(name: str, root: Path, subjects: Subjects) -> FileAnnotator:
    """What a folder of masks says of some images.

    Args:
        name: what the user typed.
        root: the folder, which has ``names.csv``.
        subjects: the images.

    Raises:
        ProbeError: a table is not as the module says, there are no masks, or they are of other images.
    """
    numbering = Numbering(str(root / NAMES))
    legends = _legends(read_table(root / NAMES, "table of names"), numbering)
    planes, masks_without_image = _place(root, legends, subjects)
    whole, rows_without_image = _scenes(root, subjects, numbering)
    keys = planes.keys() | whole.keys()
    entries = {key: Entry(tuple(planes.get(key, ())), tuple(whole.get(key, ()))) for key in keys}
    scenes_only = len(keys) - len(planes)
    notes = (*unused(name, masks_without_image), *_notes(root, scenes_only, rows_without_image))
    return FileAnnotator(name, numbering.concepts, notes, root, subjects.by, entries)


def _place(root: Path, legends: Mapping[str, Legend], subjects: Subjects) -> tuple[dict[str, list[Plane]], int]:
    """The masks of each image, and how many are of none."""
    folder = root / MASKS if (root / MASKS).is_dir() else root
    planes: dict[str, list[Plane]] = defaultdict(list)
    without_image = 0
    for plane, legend in legends.items():
        names = _masks(folder / plane)
        found = subjects.pair(names, BY_STEM, str(folder / plane))
        without_image += found.count(None)
        for name, subject in zip(names, found, strict=True):
            if subject is not None:
                file = (folder / plane / name).relative_to(root)
                planes[subject.key].append(Plane(file.as_posix(), legend, integers))
    return planes, without_image


def _masks(folder: Path) -> list[str]:
    """The masks below a folder, sorted.

    Raises:
        ProbeError: there are none, or they are no PNG files.
    """
    found = sorted(file for file in walk(folder) if is_image_name(file)) if folder.is_dir() else []
    if not found:
        raise ProbeError(f"There are no masks in {str(folder)!r}. Put PNG files there, named like the images.")
    for file in found:
        if PurePosixPath(file).suffix.lower() != SUFFIX:
            raise ProbeError(f"The mask {str(folder / file)!r} is no PNG. Save masks as PNG, which keeps every number.")
    return found


def _legends(table: Table, numbering: Numbering) -> dict[str, Legend]:
    """What values mean in each plane; the only plane of a table without such a column is ``.``."""
    names = table.column(table.need("name"))
    concepts = map(concept_of, names, table.texts("category", _OBJECT))
    planes = _planes(table)
    numbers: dict[str, dict[int, int | None]] = {plane: {} for plane in planes}
    for value, concept, plane, line in zip(_values(table), concepts, planes, table.lines, strict=True):
        if value in numbers[plane]:
            raise ProbeError(f"The value {value} stands twice in {table.path!r}, again at line {line}. Keep one line.")
        numbers[plane][value] = numbering.name(value, concept)
    remedy = f"Give it a line in {table.path!r}, with a blank name to leave it out."
    return {plane: Legend(found, remedy) for plane, found in numbers.items()}


def _values(table: Table) -> list[int]:
    for line, cell in zip(table.lines, cells := table.column(table.need("value")), strict=True):
        if not (cell.isascii() and cell.isdecimal()):
            raise ProbeError(
                f"The value {cell!r} at line {line} of {table.path!r} is not a whole number. Give the value that the "
                "pixels of the masks have."
            )
    return [int(cell) for cell in cells]


def _planes(table: Table) -> list[str]:
    if not table.find("plane"):
        return ["."] * len(table.rows)
    for line, cell in zip(table.lines, cells := table.texts("plane"), strict=True):
        if len(PurePosixPath(cell).parts) != 1 or cell == "..":
            raise ProbeError(
                f"The plane {cell!r} at line {line} of {table.path!r} is not the name of a folder. Name the sub-folder "
                f"of {MASKS!r} that has its masks."
            )
    return cells


def _scenes(root: Path, subjects: Subjects, numbering: Numbering) -> tuple[dict[str, list[int]], int]:
    """The concepts of whole images, and how many rows name no image."""
    if not (root / SCENES).is_file():
        return {}, 0
    table = read_table(root / SCENES, "table of scenes")
    found = subjects.find(table.column(table.need("image")), BY_FILE, table.path)
    concepts = map(concept_of, table.column(table.need("name")), table.texts("category", _SCENE))
    whole: dict[str, list[int]] = defaultdict(list)
    for subject, concept in zip(found, concepts, strict=True):
        if subject is not None and concept is not None:
            whole[subject.key].append(numbering.number(concept))
    return whole, found.count(None)


def _notes(root: Path, scenes_only: int, rows: int) -> tuple[str, ...]:
    path = str(root / SCENES)
    notes = (
        (scenes_only, f"{scenes_only} images of {path!r} have scenes and no mask, and count as showing nothing else."),
        (rows, f"{rows} rows of {path!r} name no image of the set."),
    )
    return tuple(note for count, note in notes if count)
