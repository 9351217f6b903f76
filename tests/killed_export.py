"""A program that exports a small benchmark, to be killed in the middle.

python killed_export.py FOLDER
"""

from __future__ import annotations

import sys
from dataclasses import replace

from neuronym.bench.leaderboard.export import export
from neuronym.bench.leaderboard.frozen import SETTINGS

SMALL = replace(SETTINGS, explain=200, test=100, draws=100)

if __name__ == "__main__":
    export(sys.argv[1], images=True, settings=SMALL)
