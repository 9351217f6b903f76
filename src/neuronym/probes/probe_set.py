"""The probe images of a study, indexed once, and read again by their records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from neuronym.errors import ProbeError
from neuronym.probes.decode import content_id, decode
from neuronym.probes.labels import ImageLabels, class_table, join, own_tables, read_labels
from neuronym.probes.opening import open_source
from neuronym.probes.reading import Candidate, Outcome, Reading, read_all
from neuronym.probes.sources import Source
from neuronym.probes.split import assign
from neuronym.probes.superclasses import Classes, numbered, read_superclasses
from neuronym.records import ImageRecord, LabelTable, SkippedImage, Split

Given = str | Path | Source
"""What images can be given as: a path, or a source of one's own."""


@dataclass(frozen=True, eq=False)
class ProbeSet:
    """Probe images with stable ids. It can be pickled, forked and used from several threads at once.

    Attributes:
        images: sorted by split (explain, then test), then by id; no two have the same content.
        labels: the label table, its rows in the order of ``images``; None without labels.
        skipped: images that could not be used.
        duplicates: how many images were left out because one with the same content is in the set.
        sources: what the user gave, in order.
        notes: sentences for the user about how the set was made, for example images without a row in the label table.
        opened: the sources that are open; others are opened by name when an image of theirs is loaded.
    """

    images: tuple[ImageRecord, ...]
    labels: LabelTable | None
    skipped: tuple[SkippedImage, ...]
    duplicates: int
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    opened: dict[str, Source] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        keys = [(record.split, record.id) for record in self.images]
        if any(earlier >= later for earlier, later in pairwise(keys)):
            raise ValueError("images of a probe set must be different and sorted by split and id")
        if self.labels is not None and len(self.labels.values) != len(self.images):
            raise ValueError(f"{len(self.labels.values)} rows of labels for {len(self.images)} images")

    @classmethod
    def restore(
        cls,
        images: Sequence[ImageRecord],
        labels: LabelTable | None,
        skipped: Sequence[SkippedImage],
        duplicates: int,
        sources: Sequence[str],
        notes: Sequence[str] = (),
        opened: Mapping[str, Source] | None = None,
    ) -> ProbeSet:
        """A working set from records alone, without looking at any image; the arguments are the attributes.

        ``opened`` is needed only for sources of one's own, which no path leads to.
        """
        return cls(tuple(images), labels, tuple(skipped), duplicates, tuple(sources), tuple(notes), dict(opened or {}))

    def __len__(self) -> int:
        return len(self.images)

    def load(self, index: int) -> Image.Image:
        """Image ``index``, upright 8-bit RGB.

        Raises:
            ProbeError: it cannot be read any more, or its content is not what it was when the set was made.
        """
        record = self.images[index]
        where = f"The probe image {record.member!r} of {record.source!r}"
        try:
            data = self.source(record.source).read(record.member)
            if content_id(data) == record.id:
                return decode(data)
        except OSError as error:
            raise ProbeError(f"{where} cannot be read: {error.strerror or error}. Put it back.") from error
        except ProbeError as error:
            raise ProbeError(f"{where} cannot be read: {error}") from error
        raise ProbeError(f"{where} has changed since it was indexed. Put the old one back, or make a new study.")

    def count(self, split: Split | None = None) -> int:
        """How many images a split has, or the whole set."""
        return sum(split in (None, record.split) for record in self.images)

    def ids(self, split: Split | None = None) -> tuple[str, ...]:
        """The ids of a split or of the whole set, in the order of ``images``."""
        return tuple(record.id for record in self.images if split in (None, record.split))

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits over the ids and splits: equal for sets with the same images, wherever they lie."""
        hasher = hashlib.blake2b(digest_size=16)
        for record in self.images:
            hasher.update(f"{record.id}:{record.split}\n".encode())
        return hasher.hexdigest()

    def source(self, name: str) -> Source:
        """The source of images that :class:`ImageRecord` names so, opened if it is not.

        Raises:
            ProbeError: nothing of that name can be opened.
        """
        source = self.opened.get(name)
        if source is None:
            # Two threads may open it at once; setdefault lets both go on with the same one.
            source = self.opened.setdefault(name, open_source(name))
        return source


def index(
    paths: Sequence[Given],
    *,
    seed: int = 0,
    test_fraction: float = 0.3,
    labels: str | Path | None = None,
    superclasses: str | Path | None = None,
    test_paths: Sequence[Given] | None = None,
    progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> ProbeSet:
    """Reads all images of folders, lists, arrays, archives, datasets and shards once and makes a probe set of them.

    Args:
        paths: where the images are; see :func:`neuronym.probes.opening.open_source`.
        seed: decides the split, and which images ``limit`` takes.
        test_fraction: the share of images that descriptions are judged on; see :func:`neuronym.probes.split.assign`.
        labels: a CSV of classes or concepts; see :func:`neuronym.probes.labels.read_labels`. Its classes replace
            those that the sources know.
        superclasses: a JSON or CSV file; see :func:`neuronym.probes.superclasses.read_superclasses`. Class numbers
            in it are those of the label table's column ``index``, or else those of the arrays' ``class_names``, or
            else positions among the sorted class names.
        test_paths: the test images, instead of a share of ``paths``; an image given as both is tested only.
        progress: called with the numbers of images done and in all.
        limit: take only that many images, chosen by ``seed``: for a quick look.

    Raises:
        ProbeError: a path, a label file or a number cannot be used, or no image of a split is usable.
    """
    if limit is not None and limit < 1:
        raise ProbeError(f"The limit is {limit} images. Give at least 1, or none.")
    given = [(_open(path), False) for path in _listed(paths)]
    given += [(_open(path), True) for path in _listed(test_paths or ())]
    if not given:
        raise ProbeError("No probe images were given. Give a folder, a list, an array file or a zip of images.")
    opened = {source.name: source for source, _ in reversed(given)}
    members = [(source, test, member) for source, test in given for member in source.members()]
    candidates = [Candidate(i, source, member, test) for i, (source, test, member) in enumerate(members)]
    outcomes = read_all(candidates, seed=seed, limit=limit, progress=progress)
    found = _collect(outcomes)
    names = tuple(source.name for source, _ in given)
    _check_usable(found, names, len(candidates))

    records, table, notes = _label(found.records, list(opened.values()), labels, superclasses)
    if test_paths is None:
        splits = assign([r.id for r in records], [r.label for r in records], seed, test_fraction)
    else:
        splits = ["test" if record.id in found.tested else "explain" for record in records]
        _check_splits(splits)
        if found.both:
            notes.append(f"{found.both} images were given both to explain and to test; they are used to test only.")
    records = [replace(record, split=split) for record, split in zip(records, splits, strict=True)]
    order = sorted(range(len(records)), key=lambda i: (records[i].split, records[i].id))
    return ProbeSet(
        tuple(records[i] for i in order),
        None if table is None else table.rows(np.array(order)),
        tuple(found.skipped),
        found.duplicates,
        names,
        tuple(notes),
        opened,
    )


@dataclass
class _Found:
    records: list[ImageRecord]
    skipped: list[SkippedImage]
    tested: set[str]
    duplicates: int
    both: int


def _listed(paths: Sequence[Given]) -> list[Given]:
    """A string is a sequence too; whoever gives one path means one path."""
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _open(given: Given) -> Source:
    return open_source(given) if isinstance(given, str | Path) else given


def _collect(outcomes: Sequence[tuple[Candidate, Outcome]]) -> _Found:
    """One record for each content: that of the first image with it, and the first label that one has."""
    records: dict[str, ImageRecord] = {}
    explained: set[str] = set()
    found = _Found([], [], set(), 0, 0)
    for candidate, outcome in outcomes:
        source, (member, label) = candidate.source.name, candidate.member
        if not isinstance(outcome, Reading):
            readable = member.encode(errors="backslashreplace").decode()
            found.skipped.append(SkippedImage(source, readable, outcome))
            continue
        (found.tested if candidate.test else explained).add(outcome.id)
        earlier = records.get(outcome.id)
        if earlier is None:
            records[outcome.id] = ImageRecord(outcome.id, source, member, outcome.height, outcome.width, label)
            continue
        found.duplicates += 1
        if earlier.label is None and label is not None:
            records[outcome.id] = replace(earlier, label=label)
    found.records = list(records.values())
    found.both = len(found.tested & explained)
    return found


def _check_usable(found: _Found, names: Sequence[str], looked_at: int) -> None:
    if found.records:
        return
    where = ", ".join(repr(name) for name in names)
    if not looked_at:
        raise ProbeError(f"There are no images in {where}. Check the path; other files than images are not counted.")
    reasons = "; ".join(f"{skipped.member!r}: {skipped.reason}" for skipped in found.skipped[:3])
    raise ProbeError(
        f"None of the {looked_at} images in {where} can be read: {reasons}"
        f"{' ...' if len(found.skipped) > 3 else ''}. Check the files."
    )


def _check_splits(splits: Sequence[Split]) -> None:
    if "test" not in splits:
        raise ProbeError("None of the images given for testing is usable. Check them, or give more or a higher limit.")
    if "explain" not in splits:
        raise ProbeError(
            "All usable images were given for testing, and none is left to explain with. "
            "Give other images for one of the two, or a higher limit."
        )


def _label(
    records: Sequence[ImageRecord],
    sources: Sequence[Source],
    labels: str | Path | None,
    superclasses: str | Path | None,
) -> tuple[list[ImageRecord], LabelTable | None, list[str]]:
    """The records with their final classes, the label table in their order, and notes."""
    said = None if labels is None else read_labels(labels, records)
    notes = [] if said is None else _gaps(said, str(labels))
    if said is not None and said.classes is not None:
        records = [replace(record, label=label) for record, label in zip(records, said.classes, strict=True)]
    classes = [record.label for record in records]
    above = None if superclasses is None else read_superclasses(superclasses, _classes(classes, sources, said))
    own = own_tables(records, sources)
    return list(records), join([class_table(classes), above, said.concepts if said else None, own]), notes


def _gaps(said: ImageLabels, name: str) -> list[str]:
    gaps = []
    if said.images_without_row:
        gaps.append(f"{said.images_without_row} images have no row in {name!r} and count as showing none of it.")
    if said.rows_without_image:
        gaps.append(f"{said.rows_without_image} rows of {name!r} name no image of the set.")
    return gaps


def _classes(labels: Sequence[str | None], sources: Sequence[Source], said: ImageLabels | None) -> Classes:
    """The images' classes, numbered by the label table, or else by the arrays, or else by their sorted names."""
    if said is not None and said.classes is not None:
        if said.indices is not None:
            return Classes(labels, said.indices, said.known, None)
        return numbered(labels, said.known, said.known)
    lists = {tuple(names) for source in sources if (names := getattr(source, "class_names", None))}
    if len(lists) > 1:
        raise ProbeError(
            "The sources number their classes differently, so that class numbers of super-classes are ambiguous. "
            "Give a label table with the columns 'class' and 'index'."
        )
    known = {label for label in labels if label is not None}
    return numbered(labels, list(lists.pop()) if lists else sorted(known), known)
