"""A page as one file: it runs the scripts in it and no others, and asks nothing of any server."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_PART = re.compile("@([A-Z]+)@")


def asset(package: str, name: str) -> str:
    """The text of a file in the folder ``site`` of a package."""
    return files(package).joinpath("site", name).read_text("utf-8")


def one_file(
    template: str,
    scripts: Mapping[str, str],
    styles: Mapping[str, str],
    content: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """A template with its parts in their places, which are called ``@NAME@``; nothing in a part is taken for a place.

    Args:
        template: a page whose content security policy has the places ``@SCRIPTS@`` and ``@STYLES@`` for what may run;
            ``@ICON@`` is the address of Neuronym's icon.
        scripts: by the names of their places.
        styles: the same.
        content: everything else, as HTML.
    """
    parts = {
        "SCRIPTS": " ".join(map(_allowed, scripts.values())),
        "STYLES": " ".join(map(_allowed, styles.values())),
        "ICON": _icon(),
        **scripts,
        **styles,
        **content,
    }
    return _PART.sub(lambda found: parts[found[1]], template).encode("utf-8", "replace")


def _icon() -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(asset('neuronym.present', 'icon.svg').encode()).decode()}"


def _allowed(text: str) -> str:
    """How a content security policy names a script or style that stands in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
