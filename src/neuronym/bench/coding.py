"""Frozen records as JSON and back, by the types of their fields.

A record is an object. Where many records of one sort follow each other and hold nothing but plain values they are a
table: ``{"fields": [...], "rows": ...}`` with a list for each record, so that it is one line of a file. Fields of the
type ``Json`` are kept as they are; other floats are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from neuronym.records import Json

T = TypeVar("T")
DIGITS = 6
"""Significant digits of a float in a file, unless its field has ``digits`` in its metadata."""

_PLAIN = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class MisfitError(ValueError):
    """JSON that is not the record it should be; the message says where and why."""


class _Whatever:
    """Stands for any JSON: the alias is recursive, and is not to be taken apart."""


def pack(record: object) -> dict[str, Json]:
    """A record as JSON, its fields in their order.

    Raises:
        ValueError: a float is NaN or infinite, for which JSON has no text.
    """
    hints = _hints(type(record))
    return {
        one.name: _pack(getattr(record, one.name), hints[one.name], one.metadata.get("digits", DIGITS))
        for one in fields(cast("Any", record))
    }


def unpack(record: type[T], value: object, place: str = "") -> T:
    """The record of a class that some JSON holds; fields with a default may be missing.

    Args:
        record: the class.
        value: what :func:`pack` made of one.
        place: where the value is, for messages.

    Raises:
        MisfitError: a field is missing, unknown or of another type.
    """
    given = _object(value, place)
    _check_names(record, list(given), place)
    return record(**{name: _unpack(_hints(record)[name], one, _join(place, name)) for name, one in given.items()})


def _hints(record: Any) -> dict[str, Any]:
    """The types of a record's fields."""
    return _looked_up(record)


@cache
def _looked_up(record: Any) -> dict[str, Any]:
    hints = get_type_hints(record, localns={"Json": _Whatever})
    return {field.name: hints[field.name] for field in fields(record)}


def _flat(hint: Any) -> bool:
    """Whether it is a record of plain values only."""
    return is_dataclass(hint) and all(_is_plain(_sure(one)[0]) for one in _hints(hint).values())


def _is_plain(hint: Any) -> bool:
    return hint in _PLAIN or get_origin(hint) is Literal


def _sure(hint: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was among it."""
    parts = get_args(hint)
    if get_origin(hint) not in (UnionType, Union) or type(None) not in parts:
        return hint, False
    (rest,) = (part for part in parts if part is not type(None))
    return rest, True


def _pack(value: Any, hint: Any, digits: int = DIGITS) -> Json:
    hint, _ = _sure(hint)
    parts = get_args(hint)
    if value is None or hint is _Whatever or _is_plain(hint):
        return _rounded(value, digits) if value is not None and hint is float else cast("Json", value)
    if is_dataclass(hint):
        return pack(value)
    if get_origin(hint) is Mapping:
        if _flat(parts[1]):
            return _table(parts[1], {key: _row(one) for key, one in value.items()})
        return {key: _pack(one, parts[1]) for key, one in value.items()}
    if _flat(parts[0]):
        return _table(parts[0], [_row(one) for one in value])
    return [_pack(one, part) for one, part in zip(value, _each(parts, len(value)), strict=True)]


def _table(record: type, rows: Json) -> Json:
    return {"fields": list(_hints(record)), "rows": rows}


def _row(record: object) -> list[Json]:
    return list(pack(record).values())


def _rounded(value: float, digits: int) -> float:
    if not math.isfinite(value):
        raise ValueError(f"a figure is {value}, for which JSON has no text")
    return float(f"{value:.{digits}g}")


def _each(parts: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """The types of a tuple's members."""
    return parts[:1] * count if parts[1:] == (...,) else parts


def _unpack(hint: Any, value: Any, place: str) -> Any:
    hint, may_be_none = _sure(hint)
    if hint is _Whatever or (value is None and may_be_none):
        return value
    if _is_plain(hint):
        return _plain(hint, value, place, " or null" if may_be_none else "")
    if is_dataclass(hint):
        return unpack(cast("type", hint), value, place)
    if get_origin(hint) is Mapping:
        return _entries(get_args(hint)[1], value, place)
    return _members(get_args(hint), value, place)


def _plain(hint: Any, value: Any, place: str, also: str) -> Any:
    """A plain value that was checked; a whole number is a float too."""
    if get_origin(hint) is Literal:
        if isinstance(value, str) and value in get_args(hint):
            return value
        raise MisfitError(f"{place} is {_shown(value)}, and should be one of {', '.join(get_args(hint))}{also}")
    if hint is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is hint and (hint is not float or math.isfinite(value)):
        return value
    raise MisfitError(f"{place} is {_shown(value)}, and should be {_PLAIN[hint]}{also}")


def _entries(hint: Any, value: Any, place: str) -> dict[str, Any]:
    """A mapping out of an object or a table with named rows."""
    if _flat(hint):
        return dict(_records(hint, value, place, dict))
    return {key: _unpack(hint, one, _join(place, key)) for key, one in _object(value, place).items()}


def _members(parts: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    """A tuple out of a list or a table."""
    if _flat(parts[0]):
        return tuple(one for _, one in _records(parts[0], value, place, list))
    given = _list(value, place)
    hints = _each(parts, len(given))
    if len(hints) != len(given):
        raise MisfitError(f"{place} has {len(given)} values, and should have {len(hints)}")
    return tuple(_unpack(hint, one, f"{place}[{at}]") for at, (hint, one) in enumerate(zip(hints, given, strict=True)))


def _records(record: type[T], value: Any, place: str, rows: type) -> Iterator[tuple[str, T]]:
    """The records of a table, with the names of its rows."""
    given = _object(value, place)
    if set(given) != {"fields", "rows"}:
        raise MisfitError(f"{place} is no table of 'fields' and 'rows'")
    names = [_plain(str, name, f"{place}.fields", "") for name in _list(given["fields"], f"{place}.fields")]
    _check_names(record, names, place)
    found = given["rows"]
    if rows is dict:
        pairs = [(key, _join(place, key), row) for key, row in _object(found, f"{place}.rows").items()]
    else:
        pairs = [(str(at), f"{place}[{at}]", row) for at, row in enumerate(_list(found, f"{place}.rows"))]
    for key, where, row in pairs:
        if len(_list(row, where)) != len(names):
            raise MisfitError(f"{where} has {len(row)} values for {len(names)} fields")
        yield key, unpack(record, dict(zip(names, row, strict=True)), where)


def _check_names(record: type, names: list[str], place: str) -> None:
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cast("Any", record))}
    where = place or "the file"
    for name in names:
        if name not in known:
            raise MisfitError(f"{where} has a field {name!r}, which this version of Neuronym does not know")
    if len(set(names)) != len(names):
        raise MisfitError(f"{where} has a field twice")
    for name, field in known.items():
        if name not in names and field.default is MISSING and field.default_factory is MISSING:
            raise MisfitError(f"{where} has no field {name!r}")


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MisfitError(f"{place or 'the file'} is {_shown(value)}, and should be an object")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise MisfitError(f"{place} is {_shown(value)}, and should be a list")
    return value


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: object) -> str:
    """A value in a message; of what is nested only its kind."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
