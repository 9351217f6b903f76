"""Reading labels that someone enters: tables of units with descriptions, checked against the hosts of the version."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuronym.bench.hosts import Host
from neuronym.bench.leaderboard.frozen import FROZEN, check_version
from neuronym.errors import UserError, unknown_name
from neuronym.evaluate.label_layouts import Cells, folded, layout_of
from neuronym.evaluate.label_reading import listed
from neuronym.probes.tables import Table, read_table
from neuronym.records import Candidate, Explanation, Unit

_KIND = "table of labels"
_READ = ("version", "host", "layer", "unit", "description", "score", "candidates")
_NOTHING = "the table says nothing of it"


@dataclass(frozen=True)
class Entry:
    """What someone enters.

    Attributes:
        labels: the hosts that something is said of, with explanations by unit; blank descriptions abstain.
        notes: sentences on what the tables leave out.
    """

    labels: Mapping[Host, Mapping[int, Explanation]]
    notes: tuple[str, ...]


def read_entry(paths: Sequence[str | Path], name: str) -> Entry:
    """The labels of one or several tables, for some or all hosts.

    A table has the columns ``unit``, from 0, ``description``, and ``host`` or ``layer``; it may have ``version``,
    ``score`` (more is surer) and ``candidates`` (further texts with ``;`` between them). What ``neuronym table --format
    csv`` writes of a study of a host is such a table too.

    Args:
        paths: the tables.
        name: who says it, for the records.

    Raises:
        UserError: a table cannot be read, lacks a column, is for another version, or says nothing; it names a host, a
            layer or a unit that there is none of, or a unit twice; a unit or a score is no number.
    """
    found: dict[Host, dict[int, Explanation]] = {}
    lines: dict[tuple[str, int], str] = {}
    for path in paths:
        table = read_table(path, _KIND)
        titles = _titles(table)
        _check_units(table, titles)
        for cells, line in zip((dict(zip(titles, row, strict=True)) for row in table.rows), table.lines, strict=True):
            where = f"at line {line} of {str(path)!r}"
            if cells.get("version"):
                check_version(_whole(cells["version"]), f"The {_KIND} {str(path)!r} is, at line {line}, for")
            host, unit = _host(cells, where), int(_whole(cells["unit"]))
            if other := lines.get((host.name, unit)):
                raise UserError(f"Unit {unit} of the host {host.name} stands {other} and {where}. Keep one row of it.")
            lines[host.name, unit] = where
            found.setdefault(host, {})[unit] = _explanation(cells, Unit(host.layer, unit), name, where)
    return _entry(found, paths)


def _entry(found: Mapping[Host, dict[int, Explanation]], paths: Sequence[str | Path]) -> Entry:
    labels, notes = {}, []
    for host in FROZEN:
        said = sum(one.state == "described" for one in found.get(host, {}).values())
        if said:
            labels[host] = found[host]
            if said < len(host.units()):
                notes.append(f"{host.name}: {said} of {len(host.units())} units have a description.")
        elif host in found:
            notes.append(f"{host.name}: none of its units has a description, and it is left out.")
    if not labels:
        tables = "has no description in any of its" if len(paths) == 1 else "have no description in any of their"
        names = listed(repr(str(path)) for path in paths)
        raise UserError(f"The {_KIND}{'s' if len(paths) > 1 else ''} {names} {tables} rows. Fill some in.")
    return Entry(labels, tuple(notes))


def _titles(table: Table) -> list[str]:
    """The columns' titles in lower case, after it was made sure that the needed ones are there, each once."""
    titles = [folded(title) for title in table.header]
    for title, count in Counter(titles).items():
        if count > 1 and title in _READ:
            raise UserError(f"The {_KIND} {table.path!r} has {count} columns {title!r}. Keep one.")
    lacks = [name for name in ("unit", "description") if name not in titles]
    lacks += [] if {"host", "layer"}.intersection(titles) else ["host or layer"]
    if lacks:
        raise UserError(
            f"The {_KIND} {table.path!r} has the columns {listed((title or repr('') for title in table.header), 8)}, "
            f"and lacks {' and '.join(lacks)}. Rename or add columns."
        )
    return titles


def _check_units(table: Table, titles: Sequence[str]) -> None:
    """Refuse units that are no numbers, or that no host has."""
    lacking: dict[Host, dict[str, int]] = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        cells = dict(zip(titles, row, strict=True))
        unit = _whole(cells["unit"])
        if not re.fullmatch("[0-9]+", unit):
            raise UserError(
                f"The {_KIND} {table.path!r} has {cells['unit']!r} for a unit at line {line}. Units are whole numbers "
                "from 0."
            )
        host = _host(cells, f"at line {line} of {table.path!r}")
        if len(unit) > 9 or int(unit) >= len(host.units()):
            lacking.setdefault(host, {}).setdefault(unit if len(unit) < 10 else f"{unit[:9]}…", line)
    for host, units in lacking.items():
        first = next(iter(units.values()))
        raise UserError(
            f"The {_KIND} {table.path!r} has, from line {first}, labels for unit{'s' if len(units) > 1 else ''} "
            f"{listed(units)} of the host {host.name}, whose layer {host.layer!r} has {len(host.units())} units, "
            "counted from 0. Correct their numbers."
        )


def _whole(text: str) -> str:
    """A number as tables that were once floating point write it, 3.0, without its zeros; other texts as they are."""
    return re.sub(r"(?<=[0-9])\.0+$", "", text)


def _host(cells: Cells, where: str) -> Host:
    """The host that a row is about, by its name or its layer."""
    name, layer = cells.get("host", ""), cells.get("layer", "")
    if not name and not layer:
        raise UserError(f"There is no host and no layer {where}. Fill one in.")
    hosts, layers = {host.name: host for host in FROZEN}, {host.layer: host for host in FROZEN}
    if name and name not in hosts:
        raise unknown_name("leaderboard host", name, hosts, f"It is named {where}.")
    if layer and layer not in layers:
        raise unknown_name("leaderboard layer", layer, layers, f"It is named {where}.")
    if name and layer and hosts[name] is not layers[layer]:
        raise UserError(
            f"The host {name} has the layer {hosts[name].layer!r}, and {layer!r} is named {where}. Correct one of them."
        )
    return hosts[name] if name else layers[layer]


def _explanation(cells: Cells, unit: Unit, name: str, where: str) -> Explanation:
    """What a row says of its unit."""
    description = " ".join(cells["description"].split())
    if not description:
        return Explanation(unit, name, name, "abstained", reason=_NOTHING)
    return Explanation(
        unit,
        name,
        name,
        "described",
        description,
        _score(cells.get("score", ""), where),
        # Their order is all that a table says of them.
        tuple(Candidate(text, -float(rank)) for rank, text in enumerate(_candidates(cells, description))),
    )


def _score(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise UserError(f"The score {text!r} {where} is no finite number. Correct it, or leave it blank.")
    return score


def _candidates(cells: Cells, description: str) -> list[str]:
    """The description, then the other candidates."""
    layout = layout_of(list(cells))
    if layout is not None and layout.name == "Neuronym":
        others = [text for text, _ in layout.said({**cells, "score": ""})]
    else:
        others = [" ".join(text.split()) for text in cells.get("candidates", "").split(";")]
    return list(dict.fromkeys([description, *filter(None, others)]))
