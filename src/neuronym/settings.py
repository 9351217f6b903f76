"""What a user sets a field of a method to, read as the field's type says."""

from __future__ import annotations

import inspect
import math
import sys
import types
from collections.abc import Set
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neuronym.errors import MethodError

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple: "texts"}


def read_setting(cls: type, method: str, key: str, given: object, default: object) -> object:
    """The value of the field ``key`` of a method's class.

    Args:
        cls: the class, a dataclass.
        method: how the user wrote the method.
        key: the name of the field.
        given: a text, as from the command line, is read as the field's type says; anything else has to be of it.
        default: the field's default, which tells the type where the annotation cannot be understood.

    Raises:
        MethodError: the value is not of the field's type, or not a finite number.
    """
    accepted = _accepted(cls, key, default)
    value = _read(given, accepted) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given
    if float in accepted and int not in accepted and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # 10 and 10.0 are one setting, and so one run
    if not _fits(value, accepted):
        known = [
            words for kind, words in _WORDS.items() if kind in accepted and not (kind is int and float in accepted)
        ]
        known += ["none"] * (type(None) in accepted)
        raise MethodError(
            f"The parameter {key} of {method} takes {' or '.join(known)}, got {given!r}; by default it is {default!r}."
        )
    return value


def _accepted(cls: type, key: str, default: object) -> Set[type]:
    """The types of the field, among those of ``_WORDS`` and None; all of them if nothing tells."""
    known = {*_WORDS, type(None)}
    found = _types(_annotation(cls, key))
    if found and found <= known:
        return found
    return {type(default)} if default is not None and type(default) in known else known


def _annotation(cls: type, key: str) -> object:
    """The field's annotation, or None where it names what is imported for type checkers only."""
    owner = next(one for one in cls.__mro__ if key in inspect.get_annotations(one))
    # A class of this one annotation, because those of the other fields may be impossible to evaluate.
    alone = type(owner.__name__, (), {"__annotations__": {key: inspect.get_annotations(owner)[key]}})
    try:
        return get_type_hints(alone, vars(sys.modules[owner.__module__]), dict(vars(owner)))[key]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return None


def _types(annotation: object) -> set[type]:
    origin: Any = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return {kind for part in get_args(annotation) for kind in _types(part)}
    if origin is Literal:
        return {type(value) for value in get_args(annotation)}
    kind = annotation if origin is None else origin
    return {kind} if isinstance(kind, type) else set()


def _read(text: str, accepted: Set[type]) -> object:
    """The text as the narrowest of the types that it can be; itself where it can be none."""
    word = text.strip().lower()
    if type(None) in accepted and word in ("none", "null"):
        return None
    if bool in accepted and word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        if kind in accepted:
            try:
                return kind(text)
            except ValueError:
                continue
    return (text,) if tuple in accepted and str not in accepted else text


def _fits(value: object, accepted: Set[type]) -> bool:
    if isinstance(value, bool):
        return bool in accepted
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, tuple) and not all(isinstance(part, str) for part in value):
        return False
    return isinstance(value, tuple(accepted))
