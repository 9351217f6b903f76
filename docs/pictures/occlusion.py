"""The picture of occlusion: exemplars of a unit with its activation, its occlusion field and its patch.

neuronym demo --out demo
python docs/pictures/occlusion.py demo/report $(basename demo/resnet/runs/occlusion-vocab-*)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from masks import FLAGS, HERE, WIDTH, shown
from playwright.sync_api import sync_playwright

LAYER = "resnet.encoder.stages.2"
UNIT = 6
EXEMPLARS = 4


def main(report: Path, run: str) -> None:
    """Take the picture."""
    index = (report / "index.html").absolute().as_uri()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 1000}, color_scheme="light", device_scale_factor=1.5
        )
        unit = f"{index}#study=resnet&layer={LAYER}&unit={UNIT}&run={run}&show=occlusion"
        picture = shown(page, unit, ".bar", f".tiles > li:nth-child({EXEMPLARS})")
        browser.close()
    picture.save(HERE / "occlusion.webp", quality=80, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
