"""Page data as scripts that a browser loads from disk, where it may not fetch JSON."""

from __future__ import annotations

import json

from neuronym.present.pages import to_json

# A script that is written into a page ends at "</script", and begins a comment at "<!--". Everything that is not ASCII
# is escaped too, so that neither the charset of a page nor the line ends U+2028 and U+2029 matter.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def script(key: str, page: object) -> bytes:
    """A script that hands a page's data over under a key."""
    return f"neuronym.put({_literal(key)}, {_literal(to_json(page))});\n".encode("ascii")


def _literal(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escaped in _UNSAFE.items():
        text = text.replace(character, escaped)
    return text
