"""Which units are rated, which descriptions of them, and in what order: drawn by a seed, blind to methods."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import pyarrow.compute as pc

from neuronym.errors import StudyError, UserError, unknown_name
from neuronym.present.gather import ReportInput
from neuronym.present.labels import Said
from neuronym.records import Json, LayerInfo, Summary, digest
from neuronym.store.layer_view import LayerView
from neuronym.store.rating_key import KeyItem, KeyOption, RatingKey


@dataclass(frozen=True)
class Asked:
    """What is asked of a page.

    Attributes:
        layers: names of layers; all of the study if None.
        runs: ids of runs; all of the study if None.
        units: how many units at most, over all layers.
        images: how many exemplars of each at most.
        seed: of the draw and of the order of units and descriptions.
    """

    layers: Sequence[str] | None = None
    runs: Sequence[str] | None = None
    units: int = 20
    images: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """What a page shows.

    Attributes:
        key: what is behind the page.
        eligible: how many units could have been drawn.
        positions: the explain image of each id that is shown, with the layer whose input it is.
    """

    key: RatingKey
    eligible: int
    positions: Mapping[str, tuple[LayerView, int]]


def draw(given: ReportInput, asked: Asked) -> Drawn:
    """Draw the units of a page, evenly from the layers as far as they have enough.

    A unit can be drawn if at least one run describes it and it is not constant. Descriptions that differ only in case,
    blanks and a final stop are one. Tokens depend on what is shown only: runs and methods leave no trace in them.

    Raises:
        UserError: a number is not positive, or a list names nothing.
        UnknownNameError: the study has no such layer or run.
        StudyError: the activation pass is not done, nothing was explained, or no unit can be rated.
    """
    _check(asked)
    given.store.require_probe()
    titles = _titles(given, asked.runs)
    layers = _layers(given, asked.layers)
    views = {layer.name: given.view(layer.name) for layer in layers}
    said = _described(given, list(titles), list(views))
    eligible = [
        [(name, unit) for unit in sorted(said.get(name, {})) if not constant[unit]]
        for name, view in views.items()
        for constant in [view.constant]
    ]
    count = sum(map(len, eligible))
    if not count:
        raise StudyError(_nothing(given, any(said.values())))
    summary = _summary(given, list(titles))
    positions: dict[str, tuple[LayerView, int]] = {}
    items = []
    for layer, unit in _drawn(eligible, asked):
        shown = views[layer].exemplars(unit, summary, maps=False)[: asked.images]
        positions |= {one.image_id: (views[layer], one.index) for one in shown}
        items.append(_item(given, asked, layer, unit, [one.image_id for one in shown], said[layer][unit]))
    page = digest([[one.item, [option.option for option in one.options]] for one in items])
    return Drawn(RatingKey(page, given.name, asked.seed, summary, titles, tuple(items)), count, positions)


def _check(asked: Asked) -> None:
    for name, value in (("--units", asked.units), ("--images", asked.images)):
        if value < 1:
            raise UserError(f"{name} is {value}. Give at least 1.")
    for name, values in (("--layers", asked.layers), ("--runs", asked.runs)):
        if values is not None and not values:
            raise UserError(f"{name} names nothing. Name some, or leave it out for all of them.")


def _titles(given: ReportInput, asked: Sequence[str] | None) -> dict[str, str]:
    """The chosen runs with what they are called, the earliest first."""
    known = {run.id: run.title for run in Said(given.store).runs}
    if not known:
        raise StudyError(_nothing(given, explained=False))
    for run in asked or ():
        if run not in known:
            raise unknown_name("run", run, known)
    return {run: title for run, title in known.items() if asked is None or run in asked}


def _layers(given: ReportInput, asked: Sequence[str] | None) -> list[LayerInfo]:
    wanted = None if asked is None else {given.store.layer(name).name for name in asked}
    return [layer for layer in given.store.layers if wanted is None or layer.name in wanted]


def _nothing(given: ReportInput, explained: bool) -> str:
    place = str(given.store.folder)
    if explained:
        return f"All units that were described in {place!r} are constant: they have no images to rate by."
    return f"No unit of {place!r} was described by what was asked for. Run `neuronym explain` first, or ask for more."


def _described(
    given: ReportInput, runs: Sequence[str], layers: Sequence[str]
) -> dict[str, dict[int, list[tuple[str, str]]]]:
    """By layer and unit: each run with its description."""
    said: dict[str, dict[int, list[tuple[str, str]]]] = {}
    for run in runs:
        rows = given.store.explanations(run).filter(pc.field("description").is_valid())
        for row in rows.select(["layer", "unit", "description"]).to_pylist():
            text = " ".join(row["description"].split())
            if text and row["layer"] in layers:
                said.setdefault(row["layer"], {}).setdefault(row["unit"], []).append((run, text))
    return said


def _summary(given: ReportInput, runs: Sequence[str]) -> Summary:
    """The summary that all runs describe, if its exemplars are kept; otherwise the mean, as published studies do."""
    asked = {run.summary for run in Said(given.store).runs if run.id in runs}
    return "max" if asked == {"max"} else "mean"


def _drawn(eligible: Sequence[Sequence[tuple[str, int]]], asked: Asked) -> list[tuple[str, int]]:
    """Some units, one from each layer in turn, in an order that tells nothing of their layer."""
    dice = random.Random(f"neuronym rate {asked.seed}")
    mixed = [dice.sample(one, len(one)) for one in eligible]
    turns: Iterator[tuple[str, int] | None] = chain.from_iterable(zip_longest(*mixed))
    chosen = [one for one in turns if one is not None][: asked.units]
    dice.shuffle(chosen)
    return chosen


def _item(
    given: ReportInput, asked: Asked, layer: str, unit: int, images: Sequence[str], said: Sequence[tuple[str, str]]
) -> KeyItem:
    """A unit with its distinct descriptions, shuffled by the seed."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for run, text in said:
        alike.setdefault(text.casefold().removesuffix("."), []).append((run, text))
    # From texts alone: the order in which runs were made does not decide anything that is shown.
    texts = {min(text for _, text in same): tuple(run for run, _ in same) for same in alike.values()}
    item = _token("u", [given.store.manifest.key, layer, unit, list(images), sorted(texts)])
    order = sorted(texts)
    random.Random(f"{asked.seed} {item}").shuffle(order)
    options = tuple(KeyOption(_token("d", [item, text]), text, texts[text]) for text in order)
    return KeyItem(item, layer, unit, tuple(images), options, len(options) > 1)


def _token(kind: str, shown: Json) -> str:
    """A letter and hex digits: a spreadsheet takes it for text, never for a number."""
    return kind + digest(shown, 12)
