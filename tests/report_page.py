"""The report in a real browser: what is seen, what goes wrong, and what it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest


@dataclass
class Seen:
    """A browser's page with everything that went wrong in it, and what it asked for."""

    page: Any
    folder: Path
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, address: str = "") -> None:
        """Show what stands behind the ``#``, and wait until it is there."""
        self.page.goto(f"file://{quote(str(self.folder))}/index.html#{address}")
        self.page.wait_for_function(
            "address => document.body.dataset.ready === address", arg=f"#{address}" * bool(address)
        )

    def settled(self) -> None:
        self.page.wait_for_function("() => document.body.dataset.ready === location.hash")

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_text_contents()]

    def data(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def data_of_run(self, place: int) -> str:
        """The id of a run, whatever page is open."""
        marker = json.loads((self.folder / "report.json").read_text("utf-8"))
        return str(marker["report"]["studies"][0]["runs"][place]["id"])


def failure(request: Any) -> list[str]:
    """What is wrong with a request that failed; one that leaving the page cut short is no failure."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed: {request.failure} {request.url}"]


def watched(browser: Any, folder: Path, **options: Any) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
    seen = Seen(context.new_page(), folder)
    seen.page.on("console", lambda message: seen.problems.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.problems.append("a dialog"))
    seen.page.on("requestfailed", lambda request: seen.problems.extend(failure(request)))
    context.on("request", lambda request: seen.requests.append(request.url))
    yield seen
    pwned = seen.page.evaluate("typeof pwned")
    context.close()
    assert seen.problems == []
    assert pwned == "undefined"
    assert seen.requests
    for url in seen.requests:
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc) == ("file", "")
        assert Path(unquote(parts.path)).resolve().is_relative_to(folder.resolve())


GALLERY = "study=spots&layer=relu"


def units(seen: Seen) -> list[int]:
    """The units of the gallery that are drawn, in order."""
    return [int(one) for one in seen.data("[...document.querySelectorAll('.item a')].map(a => a.dataset.unit)")]


def fixed(value: float) -> str:
    """A number as figures show it."""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return text.replace("-", "\u2212") if text.strip("-0.") else text.replace("-", "")


def percent(share: float) -> str:
    """A share as figures show it."""
    value = 100 * share
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.0f} %" if value == 0 or value >= 99.95 else f"{value:.1f} %"


def check_bullet(card: Any, found: dict[str, Any]) -> None:
    """Where the bar, the interval and the floor are drawn, on a line from -0.2 to 1."""
    whole = card.locator(".bullet").bounding_box()

    def at(value: float) -> float:
        return float(whole["x"] + whole["width"] * (min(max(value, -0.2), 1) + 0.2) / 1.2)

    bar, band, floor = (card.locator(f".bullet-{part}").bounding_box() for part in ("bar", "band", "floor"))
    for box, left, right in (
        (bar, min(found["value"], 0), max(found["value"], 0)),
        (band, found["low"], found["high"]),
        (floor, found["floor"], found["floor"]),
    ):
        assert box["x"] == pytest.approx(at(left), abs=1.5)
        assert box["x"] + box["width"] == pytest.approx(at(right), abs=1.5)


CONTRAST = """() => {
  const parts = text => {
    const found = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(') ? found.map((part, at) => at < 3 ? 255 * part : part) : found;
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const element of document.querySelectorAll('main *, header *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const aside = element.closest('.hidden, .slash, [aria-disabled=true], option, title');
    if (!own || aside || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [front, back] = [light(parts(element.closest('svg') ? style.fill : style.color)), light(ground(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) bad.push(`${element.className} ${element.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


def check_contrast(seen: Seen) -> None:
    """Every text is at least 4.5 times as light or dark as its ground (WCAG AA)."""
    assert seen.page.evaluate(CONTRAST) == []
