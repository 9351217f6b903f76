"""Draws ``table.svg``, what ``neuronym table STUDY --layer LAYER`` shows, from a real study.

python docs/pictures/table.py STUDY LAYER
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console

from neuronym.cli.showing import show_table
from neuronym.store.study_store import StudyStore


def draw(study: Path, layer: str, width: int = 92) -> str:
    """The picture, with the system's monospace font instead of one from the network."""
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor")
        show_table(StudyStore(study).table(layer), console)
    picture = console.export_svg(title=f"neuronym table {study.name} --layer {layer}")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return picture.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


if __name__ == "__main__":
    (Path(__file__).parent / "table.svg").write_text(draw(Path(sys.argv[1]), sys.argv[2]), encoding="utf-8")
