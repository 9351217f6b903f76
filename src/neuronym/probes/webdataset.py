"""Images in tar shards, as the package webdataset writes them, read where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from neuronym.probes.decode import UnreadableImageError
from neuronym.probes.handles import Handle
from neuronym.probes.shards import Index, scan
from neuronym.probes.sources import Member, members_by_folder, shared_folder


class ShardSource:
    """All images in tar files; nothing is unpacked.

    Files whose names agree up to the first dot are a sample: its first image is a member, its class is what its
    ``.cls`` says or the key ``label``, ``class`` or ``cls`` of its ``.json``. A sample without image is a member that
    cannot be read, so that it is counted among the skipped. Shards that hold nothing but image files are read like a
    zip: every image, labelled by its folder.

    The headers of a shard are read once, when it is first needed; an image is then one read at its offset.

    Args:
        name: what the user typed.
        shards: the path of each shard, by the name that its members begin with; ``""`` where there is only one.
    """

    def __init__(self, name: str, shards: Mapping[str, Path]) -> None:
        self.name = name
        self._paths = dict(shards)
        self._indices = {shard: Handle(partial(scan, path), inherit=True) for shard, path in shards.items()}

    def members(self) -> list[Member]:
        """As :meth:`Source.members`; names are paths inside the shard, after the shard's own name and a ``/``."""
        with ThreadPoolExecutor(8, thread_name_prefix="neuronym-shards") as pool:
            indices = dict(zip(self._indices, pool.map(Handle.get, self._indices.values()), strict=True))
        if any(index.paired for index in indices.values()):
            return [member for shard, index in indices.items() for member in _samples(shard, index)]
        names = {image for index in indices.values() for image in index.images}
        labels = dict(members_by_folder(names, shared_folder(names)))
        return [
            Member(_join(shard, image), labels[image])
            for shard, index in indices.items()
            for image in sorted(index.images)
        ]

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        shard, inside = self._locate(member)
        index = self._indices[shard].get()
        if inside not in index.images:
            raise UnreadableImageError(
                "its sample has no image" if inside in index.empty else "it is no longer in the shard"
            )
        place = index.images[inside]
        if place is None:
            raise UnreadableImageError("it is a link or lies in pieces in the shard, not a plain file")
        offset, size = place
        # A file of one's own for every read: threads and forked processes share no position, and a thousand shards
        # do not use up the files that a process may have open.
        with self._paths[shard].open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) < size:
            raise UnreadableImageError("the shard ends before the image does")
        return data

    def _locate(self, member: str) -> tuple[str, str]:
        """The shard of a member, and the member's name in it."""
        if "" in self._paths:
            return "", member
        at = 0
        while (at := member.find("/", at + 1)) > 0:
            if member[:at] in self._paths:
                return member[:at], member[at + 1 :]
        raise UnreadableImageError("its shard is not among those given")


def _samples(shard: str, index: Index) -> list[Member]:
    return [Member(_join(shard, sample.image or sample.key), sample.label) for sample in index.samples]


def _join(shard: str, inside: str) -> str:
    return f"{shard}/{inside}" if shard else inside
