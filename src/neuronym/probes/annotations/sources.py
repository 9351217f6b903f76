"""Folders that hold images and their annotations."""

from __future__ import annotations

from pathlib import Path

from neuronym.probes.annotations import broden, simple
from neuronym.probes.annotations.annotator import Annotator
from neuronym.probes.annotations.subjects import Subjects
from neuronym.probes.folder import FolderSource
from neuronym.probes.sources import Member


class MaskedFolderSource:
    """The images in ``images`` of a folder of masks (:mod:`neuronym.probes.annotations.simple`).

    They are named by their paths below ``images`` and labelled like those of a folder.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._root = Path(name).expanduser()
        self._images = FolderSource(str(self._root / simple.IMAGES))

    def members(self) -> list[Member]:
        """As :meth:`Source.members`."""
        return self._images.members()

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        return self._images.read(member)

    def annotations(self) -> Annotator:
        """As :class:`Source` says."""
        return simple.read_simple(self.name, self._root, Subjects.of_source(one.name for one in self.members()))


class BrodenSource:
    """The images that the index of a Broden folder lists (:mod:`neuronym.probes.annotations.broden`), without labels.

    They are named by their paths below ``images``. The folder's own split is not used.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._root = Path(name).expanduser()

    def members(self) -> list[Member]:
        """As :meth:`Source.members`, in the order of the index."""
        return [Member(name, None) for name in broden.image_names(self._root)]

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        return (self._root / broden.IMAGES / member).read_bytes()

    def annotations(self) -> Annotator:
        """As :class:`Source` says."""
        return broden.read_broden(self.name, self._root, Subjects.of_source(broden.image_names(self._root)))
