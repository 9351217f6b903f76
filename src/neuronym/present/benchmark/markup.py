"""HTML out of elements: whatever is not markup already is text, and is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

_VOID = {"br", "wbr", "input", "col"}


class Markup(str):
    """Text that is HTML already; made by :func:`tag` and :func:`joined` alone."""

    __slots__ = ()


Content: TypeAlias = str | Markup | Iterable["Content"] | None
"""What an element holds; None is nothing."""

Attribute: TypeAlias = str | float | bool | None


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """An element.

    Args:
        name: of the element.
        content: markup stays as it is, any other text is escaped.
        attributes: an underscore at the end is dropped and the others become hyphens, so that ``class_`` and
            ``aria_label`` can be written; None and False leave one out, True gives it no value.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{joined(content)}</{name}>")


def joined(content: Content) -> Markup:
    """Any content as one piece of markup."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(content, quote=False))
    return Markup("".join(map(joined, content)))


def said(text: str, class_: str | None = None) -> Markup:
    """Text of a method, a label or a name: its direction stays its own."""
    return tag("bdi", text, class_=class_)


def hidden(text: str) -> Markup:
    """Words for screen readers alone."""
    return tag("span", text, class_="hidden")


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'
