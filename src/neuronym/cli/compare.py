"""``neuronym compare``: labels beside what is known of the units, as texts; no images, no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from neuronym.cli import options as given
from neuronym.cli.console import errors, output
from neuronym.errors import UserError, unknown_name

if TYPE_CHECKING:
    from neuronym.evaluate.text_match import Match


def compare(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="A CSV of texts known of the units: people's annotations (layer, unit, summary) or names.",
        ),
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--labels",
            help="Labels to score: [LAYER=]FILE in any layout that evaluate reads, or a folder of CSV files, one set, "
            "whose names tell the layers; may be repeated.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="What each of the --labels is called, in their order; equal names are one set."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="Only this layer; what it is called where the reference names none."),
    ] = None,
    first_unit: Annotated[
        list[str] | None,
        typer.Option(
            "--first-unit",
            help="What files count units from, if their layout does not say: 1 for all --labels, NAME=1 for one set, "
            "reference=1 for the reference; may be repeated.",
        ),
    ] = None,
    similarity: Annotated[
        list[str] | None,
        typer.Option(
            "--similarity",
            help="How alike texts are: token-f1 (the default), encoder:NAME, sentence:NAME or bertscore:NAME; may be "
            "repeated.",
        ),
    ] = None,
    references: Annotated[
        str, typer.Option("--references", help="What becomes of several references of one unit: mean or max.")
    ] = "mean",
    common: Annotated[
        bool, typer.Option("--common", help="Add a table over the units that all sets and the reference share.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides halves, random labels and intervals.")] = 0,
    device: given.Device = "auto",
    write: Annotated[str | None, typer.Option("--json", help="Write all figures there.")] = None,
) -> None:
    """Compare labels with known names or people's words, beside a constant, random and shuffled labels."""
    from neuronym import plugins
    from neuronym.cli.showing_match import show_match
    from neuronym.evaluate.label_sets import REFERENCE, given_sets, read_reference, read_set
    from neuronym.evaluate.similarities import text_similarity
    from neuronym.evaluate.text_match import match
    from neuronym.execute.devices import choose_device

    if not labels:
        raise UserError("There are no labels to compare. Give --labels FILE at least once.")
    if write is not None and Path(write).expanduser().is_dir():
        raise UserError(f"--json {write!r} is a folder. Name a file.")
    asked = given_sets(labels, names or ())
    first = _first_units(first_unit or (), [one.name for one in asked], REFERENCE)
    chosen = choose_device(device)
    alike = [
        text_similarity(name, lambda encoder: plugins.encoder(encoder, chosen), chosen)
        for name in dict.fromkeys(similarity or ("token-f1",))
    ]
    known = read_reference(reference, layer=layer, first_unit=first.get(REFERENCE))
    read = [read_set(one, known, first_unit=first.get(one.name)) for one in asked]
    for note in dict.fromkeys(note for notes in (known.notes, *(notes for _, notes in read)) for note in notes):
        errors().print(note, markup=False, highlight=False, soft_wrap=True)
    made: list[Match] = []
    for one in alike:
        for only in (False, True) if common else (False,):
            sets = [labelled for labelled, _ in read]
            made.append(match(known.texts, sets, one, combine=cast("Any", references), common=only, seed=seed))
            show_match(made[-1], output())
    if write is not None:
        _write(made, write)


def _first_units(values: Sequence[str], names: Sequence[str], reference: str) -> dict[str, int]:
    """The first unit of each set, and of the reference, that one was given for.

    Raises:
        UnknownNameError: no set has such a name.
        UserError: it is neither 0 nor 1.
    """
    found: dict[str, int] = {}
    for value in values:
        name, equals, number = value.rpartition("=")
        if number not in ("0", "1"):
            raise UserError(f"--first-unit {value!r} is none of 0, 1, NAME=0 and NAME=1.")
        if equals and name not in (*names, reference):
            raise unknown_name("set of labels", name, (*names, reference))
        for one in (name,) if equals else names:
            found[one] = int(number)
    return found


def _write(made: Sequence[Match], path: str) -> None:
    from neuronym.store.atomic import write_bytes

    text = json.dumps([asdict(one) for one in made], indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(Path(path).expanduser(), f"{text}\n".encode())
    errors().print(f"All figures written to {path}.", markup=False, highlight=False, soft_wrap=True)
