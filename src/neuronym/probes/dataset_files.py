"""Which files a Hugging Face dataset on disk consists of, by split."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from neuronym.errors import ProbeError, nearest
from neuronym.probes.choice import Choice
from neuronym.probes.sources import TABLE_EXTENSIONS
from neuronym.probes.walking import walk

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"

# The hub's train-00000-of-00002, or shard-000; a name of digits alone says nothing of its split.
_SHARD = re.compile(r"(?P<split>.*?)(?:[-_](?P<number>\d+)-of-(?P<count>\d+)|[-_]\d{3,})")


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` of ``datasets`` wrote the folder, for one split or for several."""
    return (folder / _SPLITS).is_file() or _is_one(folder)


def _is_one(folder: Path) -> bool:
    return (folder / _STATE).is_file() and (folder / _INFO).is_file()


def dataset_files(name: str, place: Path, choice: Choice) -> tuple[Path, ...]:
    """The files of the chosen split in the order of their rows; at least one.

    Args:
        name: what the user typed, for messages.
        place: a folder that ``save_to_disk`` wrote, a folder of Parquet or Arrow files, or one such file.
        choice: its split; needed where there are several.

    Raises:
        ProbeError: no split or one that does not exist is chosen, or files are missing or damaged.
    """
    if place.is_file():
        return _only(name, (place,), choice)
    if _is_one(place):
        return _only(name, _saved_files(place), choice)
    if (place / _SPLITS).is_file():
        splits = _strings(place / _SPLITS, _json(place / _SPLITS).get("splits"))
        return _saved_files(place / _choose(name, place, splits, choice))
    files = _by_split(place)
    if not files:
        raise ProbeError(f"{name!r} holds no Parquet or Arrow files any more. Put them back.")
    split = _choose(name, place, list(files), choice)
    _check_complete(name, split, files[split])
    return tuple(place / file for file in files[split])


def _only(name: str, files: tuple[Path, ...], choice: Choice) -> tuple[Path, ...]:
    if choice.split:
        raise ProbeError(f"{name!r} chooses the split {choice.split!r} of what has no splits. Leave it out.")
    return files


def _choose(name: str, place: Path, splits: Sequence[str], choice: Choice) -> str:
    if not choice.split and len(splits) == 1:
        return splits[0]
    known = f"{str(place)!r} has the splits {', '.join(splits)}"
    if not choice.split:
        raise ProbeError(f"{known}. Choose one: {str(place) + str(Choice(splits[0], choice.image, choice.label))!r}.")
    endings = tuple(mark + choice.split for mark in "/-")
    found = [split for split in splits if split == choice.split]
    found = found or [split for split in splits if split.endswith(endings)]
    if len(found) != 1:
        near = ", ".join(nearest(choice.split, splits) or splits[:8])
        raise ProbeError(f"{known}, and {'several are' if found else 'none is'} {choice.split!r}. Nearest: {near}.")
    return found[0]


def _saved_files(folder: Path) -> tuple[Path, ...]:
    """The Arrow files of one split as ``save_to_disk`` wrote it."""
    state = _json(folder / _STATE)
    if state.get("_indices_data_files"):
        raise ProbeError(
            f"The dataset {str(folder)!r} was saved with an index of its rows by an old version of datasets. Load it "
            "with that version, and save the result of flatten_indices()."
        )
    listed = state.get("_data_files")
    listed = listed if isinstance(listed, list) else []
    names = [file.get("filename") if isinstance(file, dict) else None for file in listed]
    files = tuple(folder / file for file in _strings(folder / _STATE, names))
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ProbeError(
            f"{len(missing)} of the {len(files)} files of the dataset {str(folder)!r} are missing: "
            f"{missing[0].name!r}{' ...' if len(missing) > 1 else ''}. Save it again, or copy the whole folder."
        )
    return files


def _json(path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ProbeError(f"{str(path)!r} cannot be read: {error.strerror}. Save the dataset again.") from error
    except ValueError as error:
        raise ProbeError(f"{str(path)!r} is not JSON: {error}. Save the dataset again.") from error
    return found if isinstance(found, dict) else {}


def _strings(path: Path, values: object) -> list[str]:
    """Names of files or folders that lie beside a file; at least one."""
    names = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    if not isinstance(values, list) or not names or len(names) < len(values) or any("/" in name for name in names):
        raise ProbeError(f"{str(path)!r} does not say of what the dataset consists. Save it again.")
    return names


def _by_split(folder: Path) -> dict[str, list[str]]:
    """All Parquet and Arrow files below a folder, sorted, by the split that their paths tell."""
    grouped: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for file in sorted(walk(folder)):
        path = PurePosixPath(file)
        # Files that datasets keeps of its intermediate results lie beside the data in its cache.
        if path.suffix.lower() in TABLE_EXTENSIONS and not path.name.startswith("cache-"):
            grouped[_split_of(path)].append(file)
    shared = _shared_folders(list(grouped))
    return {"/".join(parts[shared:]): files for parts, files in grouped.items()}


def _split_of(path: PurePosixPath) -> tuple[str, ...]:
    """The parts of a split's name: the folders, and the file's name without number and ending."""
    if path.stem.isdecimal():
        return path.parts[:-1]
    shard = _SHARD.fullmatch(path.stem)
    return (*path.parts[:-1], shard["split"] if shard else path.stem)


def _shared_folders(names: Sequence[tuple[str, ...]]) -> int:
    """How many folders all names begin with; a name's last part is not counted."""
    shared = 0
    while all(len(name) > shared + 1 for name in names) and len({name[shared] for name in names}) == 1:
        shared += 1
    return shared


def _check_complete(name: str, split: str, files: Sequence[str]) -> None:
    """Raise if the files' own count says that some are missing: rows would bear other numbers, hence other images."""
    shards = [shard for file in files if (shard := _SHARD.fullmatch(PurePosixPath(file).stem)) and shard["count"]]
    missing = sorted({*range(int(shards[0]["count"]))} - {int(shard["number"]) for shard in shards}) if shards else []
    if missing:
        raise ProbeError(
            f"{len(missing)} of the {shards[0]['count'].lstrip('0')} files of the split {split!r} of {name!r} are "
            f"missing, the first of them number {missing[0]}. Download the rest, or give the files one by one."
        )
