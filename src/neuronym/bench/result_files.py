"""The file of a benchmark's result: small JSON whose lines can be compared from one version to the next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from neuronym.bench.coding import MisfitError, pack, unpack
from neuronym.errors import UserError
from neuronym.probes.tables import read_text
from neuronym.records import Json
from neuronym.records.benchmark import BenchHost, Benchmark
from neuronym.store.atomic import write_bytes

FORMAT = "neuronym-benchmark"
SCHEMA = 1
_KIND = "benchmark file"


def write_benchmark(result: Benchmark, path: str | Path) -> None:
    """Writes a result whole or not at all: a line for what is said of a unit, floats with six significant digits.

    Raises:
        ValueError: a figure is NaN or infinite.
        StudyError: the file cannot be written, see :func:`neuronym.store.atomic.write_bytes`.
    """
    write_lines(Path(path).expanduser(), {"format": FORMAT, "schema": SCHEMA, **pack(result)})


def read_benchmark(path: str | Path) -> Benchmark:
    """The result in a file that :func:`write_benchmark` made; fields that came later have their defaults.

    Raises:
        UserError: the file cannot be read, is no JSON, no result of a benchmark, of a newer schema, or damaged.
    """
    content = _content(str(path), read_text(path, _KIND))
    try:
        result = unpack(Benchmark, {name: value for name, value in content.items() if name not in ("format", "schema")})
        _check(result)
    except MisfitError as error:
        raise UserError(
            f"The {_KIND} {str(path)!r} is damaged or of another version: {error}. Run the benchmark again, or update "
            "neuronym."
        ) from error
    return result


def write_lines(path: Path, value: Json) -> None:
    """Writes JSON with a line for every list of plain values and for every other plain value.

    Raises:
        ValueError: the value holds NaN or infinity.
        StudyError: see :func:`neuronym.store.atomic.write_bytes`.
    """
    write_bytes(path, f"{''.join(_pieces(value, 0))}\n".encode())


def _pieces(value: Any, depth: int) -> Iterator[str]:
    """The text of a value, in pieces; ``depth`` is how far it is indented."""
    nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))
    if not nested or not value:
        yield _line(value)
    else:
        named = isinstance(value, dict)
        yield "{" if named else "["
        for at, one in enumerate(value):
            yield f"{',' if at else ''}\n{' ' * (depth + 1)}"
            if named:
                yield f"{_line(one)}: "
            yield from _pieces(value[one] if named else one, depth + 1)
        yield f"\n{' ' * depth}{'}' if named else ']'}"


def _line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _content(path: str, text: str) -> dict[str, Any]:
    """The fields of the file, after it was made sure that it is one of ours.

    Raises:
        UserError: it is not.
    """
    try:
        content = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"The {_KIND} {path!r} is not JSON: it is cut off, damaged, or something else. Check the path, or run the "
            "benchmark again."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"The file {path!r} is not the result of a benchmark: its format is not {FORMAT!r}. Check the path."
        )
    schema = content.get("schema")
    if type(schema) is not int or schema < 1:
        raise UserError(f"The {_KIND} {path!r} has the schema {schema!r}, which is none. Run the benchmark again.")
    if schema > SCHEMA:
        raise UserError(
            f"The {_KIND} {path!r} has schema {schema}; this version of Neuronym reads schema {SCHEMA}. Update "
            "neuronym."
        )
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _check(result: Benchmark) -> None:
    """Refuse what the types allow and nobody could tell apart.

    Raises:
        MisfitError: two hosts, rows or units have the same name, or something is said of a unit that the host lacks.
    """
    _once("the file", "host", (host.name for host in result.hosts))
    for host in result.hosts:
        _check_host(host)


def _check_host(host: BenchHost) -> None:
    place, units = f"host {host.name!r}", {unit.unit for unit in host.units}
    _once(place, "row", (row.name for row in host.rows))
    _once(place, "unit", (unit.unit for unit in host.units))
    for row in host.rows:
        _once(f"row {row.name!r} of {place}", "unit", (one.unit for one in row.said))
        for one in row.said:
            if one.unit not in units:
                raise MisfitError(f"row {row.name!r} of {place} has unit {one.unit}, which the host has not")


def _once(place: str, what: str, names: Iterable[str | int]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise MisfitError(f"{place} has {count} {what}s {name!r}")
