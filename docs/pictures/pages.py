"""Pictures of the report of a demonstration, for the README.

neuronym demo --out demo
python docs/pictures/pages.py demo/report
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAGES = {
    "unit": ("#study=resnet&layer=resnet.encoder.stages.2&unit={unit}", (1180, 980), "light"),
    "gallery": ("#study=resnet&layer=resnet.encoder.stages.2&sort=r", (1180, 760), "dark"),
}


def take(browser: Browser, name: str, address: str, size: tuple[int, int], scheme: str) -> None:
    """One picture, half again as large in pixels for sharp screens, as WebP."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=1.5
    )
    page.goto(address)
    page.wait_for_timeout(1500)
    picture = Image.open(BytesIO(page.screenshot()))
    picture.convert("RGB").save(HERE / f"{name}.webp", quality=82, method=6)
    page.close()


def main(report: Path, unit: str) -> None:
    """Take all pictures."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for name, (fragment, size, scheme) in PAGES.items():
            address = (report / "index.html").absolute().as_uri() + fragment.replace("{unit}", unit)
            take(browser, name, address, size, scheme)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "118")
