"""Objects named as ``package.module:attribute``, wherever such a name is accepted."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuronym.errors import UserError, nearest


def import_attribute(name: str, error: type[UserError]) -> object:
    """The object that ``package.module:attribute`` names; the current folder is searched first.

    Raises:
        error: the name has another form, or the module or the attribute cannot be had.
    """
    path, colon, attribute = name.partition(":")
    if not colon or not path or not attribute or path.startswith("."):
        raise error(f"{name!r} is not of the form package.module:callable.")
    with current_folder():
        try:
            module = importlib.import_module(path)
        except ImportError as problem:
            raise error(
                f"The module {path!r} cannot be imported: {problem}. The current folder ({Path.cwd()}) and the "
                "installed packages are searched."
            ) from problem
    if not hasattr(module, attribute):
        near = nearest(attribute, [key for key in vars(module) if not key.startswith("_")])
        raise error(f"The module {path!r} has no {attribute!r}. Nearest: {', '.join(near) or 'none'}.")
    found: object = getattr(module, attribute)
    return found


@contextmanager
def current_folder() -> Iterator[None]:
    """A block in which imports search the current folder first."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()  # the file may have been written a moment ago
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
