"""Measure what the version of the benchmark is and write it to ``src/neuronym/bench/leaderboard/frozen.json``.

Run after ``VERSION`` in ``src/neuronym/bench/version.py`` was raised. The fingerprints of a version never change, for
scores of one version are to be compared; where they would, raise the version first.

    python benchmarks/freeze.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from neuronym.bench.leaderboard import frozen
from neuronym.bench.version import VERSION
from neuronym.store.atomic import write_json

PLACE = Path(frozen.__file__).with_name(frozen.FILE)


def main() -> None:
    measured = {host.name: frozen.fingerprint(host) for host in frozen.FROZEN}
    if PLACE.is_file():
        there = frozen.frozen()
        if there.version == VERSION and there.hosts != measured:
            sys.exit(f"Version {VERSION} is frozen, and what is installed differs. Raise VERSION in bench/version.py.")
    write_json(PLACE, {"version": VERSION, "hosts": measured})
    print(f"{PLACE}: version {VERSION}")


if __name__ == "__main__":
    main()
