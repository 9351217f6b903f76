"""The picture of masks: the page of a unit, and below it the detectors of its layer.

neuronym explain --model bundled:resnet --layers resnet.encoder.stages.1,resnet.encoder.stages.2 \\
    --images bundled:world/explain/1200 --method net-dissect --out world
neuronym evaluate world
neuronym report world
python docs/pictures/masks.py world/report
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WIDTH = 1180
LAYER = "resnet.encoder.stages.1"
UNIT = 22
EXEMPLARS = 14
"""Two rows of them, so that the picture stays small."""


def shown(page: Page, address: str, first: str, last: str) -> Image.Image:
    """A page of the report from one element to the end of another, in its whole width."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(last)
    page.wait_for_timeout(1500)
    from_, to = (page.locator(one).bounding_box() for one in (first, last))
    assert from_ is not None
    assert to is not None
    high = to["y"] + to["height"] - from_["y"] + 10
    taken = page.screenshot(clip={"x": 0, "y": from_["y"], "width": WIDTH, "height": high})
    return Image.open(BytesIO(taken)).convert("RGB")


def main(report: Path) -> None:
    """Take the picture."""
    index = (report / "index.html").absolute().as_uri()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 1000}, color_scheme="light", device_scale_factor=1.5
        )
        unit = f"{index}#study=world&layer={LAYER}&unit={UNIT}&show=masks"
        layer = f"{index}#study=world&layer={LAYER}"
        parts = [
            shown(page, unit, ".bar", f".tiles > li:nth-child({EXEMPLARS})"),
            shown(page, layer, ".detectors", ".detectors"),
        ]
        browser.close()
    picture = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)))
    for at, part in enumerate(parts):
        picture.paste(part, (0, sum(one.height for one in parts[:at])))
    picture.save(HERE / "masks.webp", quality=78, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
