"""A zip archive of image files."""

from __future__ import annotations

import zipfile
import zlib
from functools import partial
from pathlib import Path

from neuronym.errors import ProbeError
from neuronym.probes.decode import UnreadableImageError
from neuronym.probes.handles import Handle
from neuronym.probes.sources import Member, is_image_name, members_by_folder, shared_folder


class ArchiveSource:
    """All images in a zip file, labelled by the first folder inside it, after a folder that all of them share."""

    def __init__(self, name: str) -> None:
        self.name = name
        # One open archive for all threads: it locks itself, and its table of contents may be large.
        self._archive = Handle(partial(_open_archive, name), inherit=False)

    def members(self) -> list[Member]:
        """As :meth:`Source.members`; names are paths inside the archive."""
        entries = {info.filename for info in self._archive.get().infolist() if not info.is_dir()}
        names = [name for name in entries if is_image_name(name)]
        return members_by_folder(names, prefix=shared_folder(names))

    def read(self, member: str) -> bytes:
        """As :meth:`Source.read`."""
        try:
            return self._archive.get().read(member)
        except KeyError as error:
            raise UnreadableImageError("it is no longer in the archive") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            # RuntimeError: encrypted; NotImplementedError: an unknown compression.
            raise UnreadableImageError(str(error)) from error


def _open_archive(name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(Path(name).expanduser())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ProbeError(f"The archive {name!r} cannot be read: {error}. Copy or download it again.") from error
