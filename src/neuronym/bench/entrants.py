"""Who takes part in a benchmark: methods, each with one of its backends.

A row is written ``METHOD`` or ``METHOD?key=value&key=value``: the keys are the method's parameters, ``encoder`` (the
name of an image-text encoder, or ``none``) and ``concepts`` (a file, or labels). A method that takes an encoder and
names none becomes a row for each encoder of :data:`ENCODERS`, and one without where it can do without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuronym import plugins
from neuronym.errors import UserError

ENCODERS = ("oracle:world", "bundled:clip", "bundled:align")
"""Encoders that know the world: one that reads its tables, and two that look at its pictures."""

CONCEPTS = "labels:concept"
"""The world's own list of concepts, which methods choose among unless told otherwise."""

NONE = "none"


@dataclass(frozen=True)
class Entrant:
    """A method with all that it needs.

    Attributes:
        method: its name.
        encoder: the name of its encoder; None for none.
        concepts: where its concepts come from; None for a method that takes none.
        settings: its parameters, as the user wrote them.
        named: what of it is written in its name, in order.
    """

    method: str
    encoder: str | None
    concepts: str | None
    settings: Mapping[str, str] = field(default_factory=dict)
    named: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What the row is called; written after ``--methods`` it means the same row."""
        written = "&".join(f"{key}={value}" for key, value in self.named)
        return f"{self.method}?{written}" if written else self.method


def entrants(asked: Sequence[str], instead: Mapping[str, Sequence[str]] | None = None) -> list[Entrant]:
    """The rows that were asked for; of all installed methods if none were.

    Args:
        asked: rows.
        instead: for some methods the rows that stand for them if none were asked for.

    Raises:
        UserError: a name is of another form, or there is no such method or encoder, or it cannot run like this.
    """
    instead, installed = instead or {}, sorted(plugins.installed("method"))
    names = asked or [row for method in installed for row in instead.get(method, (method,))]
    found = [one for name in names for one in _read(name)]
    return list({one.name: one for one in found}.values())


def _read(name: str) -> list[Entrant]:
    method, _, query = name.partition("?")
    given = _pairs(name, query)
    takes = plugins.handed_in(plugins.method_class(method))
    encoder, concepts = given.get("encoder"), given.get("concepts")
    for key, value in (("encoder", encoder), ("concepts", concepts)):
        if value is not None and key not in takes:
            raise UserError(f"The row {name!r} gives {key}={value}, and the method {method} takes none. Leave it out.")
    if encoder not in (None, NONE):
        plugins.resolve("encoder", str(encoder))
    backends: list[str | None] = [encoder] if encoder is not None else [None]
    if encoder is None and "encoder" in takes:
        backends = [*ENCODERS, *([] if takes["encoder"] else [NONE])]
    settings = {key: value for key, value in given.items() if key not in ("encoder", "concepts")}
    rows = []
    for backend in backends:
        said = {
            **({} if backend is None else {"encoder": backend}),
            **({} if concepts is None else {"concepts": concepts}),
        }
        rows.append(
            Entrant(
                method,
                None if backend == NONE else backend,
                (concepts or CONCEPTS) if "concepts" in takes else None,
                settings,
                (*said.items(), *sorted(settings.items())),
            )
        )
    return rows


def _pairs(name: str, query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, equals, value = part.partition("=")
        if not equals or not key or not value:
            raise UserError(f"The row {name!r} has {part!r}. Write METHOD?key=value&key=value.")
        if key in found:
            raise UserError(f"The row {name!r} gives {key} twice. Give it once.")
        found[key] = value
    return found
