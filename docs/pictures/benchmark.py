"""A picture of the benchmark's page, for docs/benchmark.md.

neuronym bench --hosts analytic --report page
python docs/pictures/benchmark.py page
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from pages import FLAGS, HERE
from PIL import Image
from playwright.sync_api import sync_playwright


def main(folder: Path) -> None:
    """The kinds of units, and risk against coverage, of the first host."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1180, "height": 1200}, device_scale_factor=1.5)
        page.goto((folder / "index.html").absolute().as_uri())
        page.get_by_text("By kind of unit").first.evaluate("one => window.scrollTo(0, one.offsetTop - 80)")
        page.wait_for_timeout(500)
        picture = Image.open(BytesIO(page.screenshot()))
        picture.convert("RGB").save(HERE / "benchmark.webp", quality=82, method=6)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
