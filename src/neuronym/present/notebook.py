"""How units and studies show themselves in a notebook: HTML that needs nothing from outside.

Everything that comes from data is escaped, styles are inline, and colours are those of the notebook's own text, so that
the fragments read on light and dark grounds.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.present.colours import table
from neuronym.present.figures_page import FigureView, RunFigures
from neuronym.present.gather import ReportInput, probe_view
from neuronym.present.labels import Said
from neuronym.present.metrics import ABOVE_RANDOM, HEADLINE
from neuronym.present.pages import RunView
from neuronym.present.thumbnails import Size, encode
from neuronym.present.unit_page import HeldOutView, MethodLabel
from neuronym.present.units import as_bytes, place_image
from neuronym.records import Exemplar, LayerInfo, Summary
from neuronym.store.layer_view import LayerView

_SIZE = Size(160, 80, exact=True)
_MUTED = "opacity:.68"
_CELL = (
    "text-align:left;padding:4px 18px 4px 0;border:0;border-top:1px solid rgba(128,128,128,.3);vertical-align:baseline"
)
_STANDINGS = ("supported", "weak", "unsupported")
_SERIF = "font-family:ui-serif,Charter,Georgia,serif"


def unit_html(study: ReportInput, layer: str, index: int, *, summary: Summary | None = None, count: int = 8) -> str:
    """A unit: what the runs say, and its strongest exemplars with the activation drawn on them.

    Args:
        study: the study.
        layer: the name of one of its layers.
        index: position of the unit in the layer.
        summary: whose exemplars are shown; those of the first run if None.
        count: how many exemplars.

    Raises:
        UnknownNameError: the study has no such layer.
        StudyError: the activation pass is not done, or something in the folder is damaged.
        IndexError: the layer has no such unit.
    """
    view, said = study.view(layer), Said(study.store)
    if not 0 <= index < view.layer.units:
        raise IndexError(f"unit {index} of the {view.layer.units} of {view.layer.name}")
    labels = said.layer(view.layer.name).get(index, ())
    head = f'<div style="{_MUTED}">{escape(study.name)} · unit {index} of {escape(view.layer.name)}</div>'
    told = "".join(_label(label, said.runs) for label in labels) or "<div>No method has looked at it.</div>"
    if view.constant[index]:
        return f"<div>{head}{told}<div><b>It has one value on every explain image.</b></div></div>"
    chosen = summary or _summary(labels, said.runs)
    exemplars = view.exemplars(index, chosen)[:count]
    low = float(view.quantile(0.5)[index])
    high = max((float(one.map.max()) for one in exemplars if one.map is not None), default=low)
    images = "".join(_figure(view, one, low, high) for one in exemplars)
    strip = f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin-top:8px;align-items:flex-end">{images}</div>'
    return f"<div>{head}{told}{strip}</div>"


def study_html(study: ReportInput) -> str:
    """A study: its model, its images, and what came out of every layer."""
    store, said = study.store, Said(study.store)
    target = store.manifest.spec.get("target")
    model = str(target.get("name", "")) if isinstance(target, dict) else ""
    images = probe_view(store)
    words = f"{images.images:,} images, {images.explain:,} to explain and {images.test:,} to test"
    rows = "".join(
        _layer_rows(layer, said.figures(layer.name, said.layer(layer.name)), said.runs) for layer in store.layers
    )
    names = ("layer", "units", "method", "described", *_STANDINGS, "mean held-out r", "above random", "judged by")
    head = "".join(f'<th style="{_CELL};border-top:0;font-weight:400;{_MUTED}">{name}</th>' for name in names)
    return (
        f'<div>{_big(study.name)}<div style="{_MUTED}">{escape(model)} · {escape(words)}</div>'
        f'<table style="border-collapse:collapse;margin-top:8px"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


@dataclass(frozen=True)
class UnitShown:
    """A unit of a study, which shows itself in a notebook: what was said of it, and its strongest exemplars.

    Attributes:
        study: the study.
        layer: the name of one of its layers.
        index: position of the unit in the layer.
    """

    study: ReportInput = field(repr=False)
    layer: str
    index: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.index}"

    def _repr_html_(self) -> str:
        return unit_html(self.study, self.layer, self.index)


def _layer_rows(layer: LayerInfo, made: Sequence[RunFigures], runs: Sequence[RunView]) -> str:
    if not made:
        return _row([layer.name, f"{layer.units:,}", *["-"] * (5 + len(_STANDINGS))])
    return "".join(
        _row([layer.name, f"{layer.units:,}", runs[one.run].title, f"{one.described:,}", *_judged(one, runs[one.run])])
        for one in made
    )


def _judged(one: RunFigures, run: RunView) -> list[str]:
    """The cells of what was found on held-out images."""
    if run.evaluation is None or not one.rows:
        return ["-"] * (3 + len(_STANDINGS))
    above = one.figure(ABOVE_RANDOM)
    share = "-" if above is None or above.value is None else f"{above.value:.1%} of {above.units:,}"
    states = [f"{one.states.get(state, 0):,}" for state in _STANDINGS]
    return [*states, _mean(one.figure(HEADLINE)), share, run.evaluation.source]


def _mean(figure: FigureView | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    return f"{figure.value:.2f}{_interval(figure.low, figure.high)}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"


def _row(cells: Sequence[str]) -> str:
    inner = "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in cells)
    return f"<tr>{inner}</tr>"


def _label(label: MethodLabel, runs: Sequence[RunView]) -> str:
    title = next((run.title for run in runs if run.id == label.run), label.method)
    if label.description is not None:
        text = _big(label.description)
    else:
        text = f"<b>{escape(label.state)}</b>: {escape(label.reason or '')}"
    notes = [title] if label.score is None else [title, f"score {_number(label.score)}"]
    if label.held_out is not None:
        notes += _found(label.state, label.held_out)
    told = escape(" · ".join(notes))
    return f'<div>{text} <span style="{_MUTED}">{told}</span></div>'


def _found(state: str, found: HeldOutView) -> list[str]:
    """What held-out images say of a description, in words."""
    if found.value is None:
        return [f"not scored, because {found.unscored}"]
    notes = [state, f"held-out r {found.value:.2f}{_interval(found.low, found.high)}"]
    if found.floor is not None:
        notes.append(f"random reaches {found.floor:.2f}")
    return notes if found.resolved else [*notes, f"its text says nothing to {found.source}"]


def _figure(view: LayerView, one: Exemplar, low: float, high: float) -> str:
    record = view.images("explain")[one.index]
    name = record.label or record.member
    image = view.image(one.index)
    if one.map is not None:
        image = overlaid(image, as_bytes(one.map, low, high), place_image(view, one.index)[0])
    data = base64.b64encode(encode(image, _SIZE)).decode()
    alt = escape(f"Exemplar {one.rank + 1} of unit {one.unit.index}: {name}, activation {_number(one.value)}")
    shown = "pixelated" if max(image.size) <= 96 else "auto"
    return (
        f'<figure style="margin:0;width:{round(112 * record.width / record.height)}px;max-width:260px">'
        f'<img src="data:image/webp;base64,{data}" alt="{alt}" title="{escape(record.member)}" '
        f'style="display:block;width:100%;border-radius:6px;image-rendering:{shown}">'
        f'<figcaption style="font-size:12px;display:flex;justify-content:space-between;gap:6px;{_MUTED}">'
        f'<span style="overflow:hidden;text-overflow:ellipsis;white-space:nowrap">{escape(name)}</span>'
        f"<span>{_number(one.value)}</span></figcaption></figure>"
    )


def overlaid(
    image: Image.Image, values: npt.NDArray[np.uint8], frame: tuple[float, float, float, float]
) -> Image.Image:
    """An image with an activation map drawn on it as heat.

    Args:
        image: the upright RGB image.
        values: the map, uint8 [rows, columns].
        frame: where the map lies, as fractions of the image's width and height.
    """
    width, height = image.size
    left, top, right, bottom = (
        round(part * size) for part, size in zip(frame, (width, height, width, height), strict=True)
    )
    size = (max(1, right - left), max(1, bottom - top))
    field = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))
    rise = ((field / 255 - 0.06) / 0.64).clip(0, 1)
    alpha = np.rint(255 * 0.88 * rise * rise * (3 - 2 * rise)).astype(np.uint8)
    drawn = image.convert("RGB")
    drawn.paste(Image.fromarray(table()[field]), (left, top), Image.fromarray(alpha))
    return drawn


def _summary(labels: Sequence[MethodLabel], runs: Sequence[RunView]) -> Summary:
    """The summary of the first run that looked at a unit, if its exemplars are kept."""
    used = next((run.summary for label in labels for run in runs if run.id == label.run), "mean")
    return "max" if used == "max" else "mean"


def _big(text: str) -> str:
    return f'<span style="font-size:1.35em;{_SERIF}">{escape(text)}</span>'


def _number(value: float) -> str:
    return f"{value:.3g}"
