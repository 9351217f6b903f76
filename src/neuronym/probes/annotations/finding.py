"""The choice of annotations: those of the images' own sources, or those that a path leads to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuronym.errors import ProbeError
from neuronym.probes.annotations.annotator import Annotator
from neuronym.probes.annotations.broden import is_broden, read_broden
from neuronym.probes.annotations.joined import join
from neuronym.probes.annotations.panoptic import read_panoptic
from neuronym.probes.annotations.simple import NAMES, read_simple
from neuronym.probes.annotations.stacked import read_stack
from neuronym.probes.annotations.subjects import Subjects

if TYPE_CHECKING:
    from neuronym.probes.probe_set import ProbeSet
    from neuronym.probes.sources import Source

_LAYOUTS = (
    "a folder of masks with names.csv, a folder of the Broden layout (index.csv and label.csv), a panoptic .json of "
    "COCO, or an .npz with images and masks"
)


def find_annotations(path: str | Path | None, probe: ProbeSet) -> Annotator | None:
    """Who knows what is where in the images of a probe set.

    Args:
        path: a folder of masks, a Broden folder, a panoptic JSON file of COCO or an array file; None for what the
            images' own sources know.
        probe: the images.

    Returns:
        The annotator; None if no path is given and no source knows anything.

    Raises:
        ProbeError: nothing is at the path, it is none of these, its tables are not as they must be, or it annotates
            other images.
    """
    return _own(probe) if path is None else _given(str(path), Subjects.of_study(probe.images))


def _given(name: str, subjects: Subjects) -> Annotator:
    place = Path(name).expanduser()
    if not place.exists():
        raise ProbeError(f"There are no annotations at {name!r}: no such file or folder. Check the path.")
    suffix = place.suffix.lower()
    if place.is_dir() and is_broden(place):
        return read_broden(name, place, subjects)
    if place.is_dir() and (place / NAMES).is_file():
        return read_simple(name, place, subjects)
    if place.is_file() and suffix == ".json":
        return read_panoptic(name, place, subjects)
    if place.is_file() and suffix == ".npz":
        return read_stack(name, subjects)
    raise ProbeError(f"{name!r} holds no annotations. Give {_LAYOUTS}.")


def _own(probe: ProbeSet) -> Annotator | None:
    used = {record.source for record in probe.images}
    # In the order in which the user gave them, so that concepts are numbered alike whatever the split.
    names = [name for name in dict.fromkeys((*probe.sources, *sorted(used))) if name in used]
    parts = {name: part for name in names if (part := _of(probe.source(name))) is not None}
    if not parts:
        return None
    return join(parts)


def _of(source: Source) -> Annotator | None:
    if not hasattr(source, "annotations"):
        return None
    found = source.annotations()
    if found is not None and not isinstance(found, Annotator):
        raise ProbeError(
            f"The annotations of {source.name!r} are a {type(found).__name__}, which is no annotator. It must have "
            "name, concepts, stamp, notes and masks; see neuronym.probes.annotations.Annotator."
        )
    return found
