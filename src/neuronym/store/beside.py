"""Where what is made of a study goes that may only be read."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from neuronym.errors import NeuronymWarning
from neuronym.store.atomic import guarded


class Beside:
    """A temporary folder beside a study: made when it is first needed, gone with this object or with the process.

    Args:
        study: the study's folder.
        what: what goes there, in a word or two.
    """

    def __init__(self, study: Path, what: str) -> None:
        self._study, self._what = study, what

    @property
    def there(self) -> bool:
        """Whether anything was put there yet."""
        return "folder" in self.__dict__

    @cached_property
    def folder(self) -> Path:
        """The folder.

        Raises:
            StudyError: none can be made.
        """
        with guarded(Path(tempfile.gettempdir()), "make a temporary folder"):
            folder = Path(tempfile.mkdtemp(prefix=f"neuronym-{self._what}-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def warn(self, layers: Sequence[str]) -> None:
        """Say that what is made of some layers will be lost."""
        warnings.warn(
            f"The study {str(self._study)!r} may only be read, so the {self._what} of {', '.join(layers)} are made in "
            "a temporary folder and lost in the end. Copy the study to where you may write, to make them once.",
            NeuronymWarning,
            stacklevel=3,
        )
