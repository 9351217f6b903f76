"""A program that imports labels and keeps evaluations and is killed again and again; it fails if anything was lost.

It forks, because starting Python anew for every kill would take seconds each. What a writer has finished, it tells
through a pipe.

    python killed_judge.py STUDY KILLS
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch

from forking import fork
from neuronym.labelling import import_labels
from neuronym.records import Assessment, Figure, Score
from neuronym.store.study_store import StudyStore
from neuronym.study import Study

SOURCE = "labels"


def write(folder: Path, first: int) -> Iterator[tuple[str, int]]:
    """Labels and an evaluation of them for each number from ``first`` on; tells what is done."""
    store = Study.open(folder).store
    judged = import_number(store, folder, 0)
    for number in range(first, first + 1000):
        import_number(store, folder, number)
        yield "labels", number
        keep_number(store, judged, number)
        yield "figures", number


def import_number(store: StudyStore, folder: Path, number: int) -> str:
    """Every unit is described by the number."""
    rows = [f"{layer.name},{unit},number {number}" for layer in store.layers for unit in range(layer.units)]
    path = folder.parent / f"labels{number}.csv"
    path.write_text("\n".join(["layer,unit,description", *rows]))
    return import_labels(store, path, first_unit=None, summary="mean")[0]


def keep_number(store: StudyStore, run: str, number: int) -> None:
    """Every value of an evaluation is the number."""
    value = float(number)
    ids = [f"{run}/{layer.name}:{unit}" for layer in store.layers for unit in range(layer.units)]
    made_with = {"run": run, "source": SOURCE, "at": datetime.now(UTC).isoformat(), "decides": True}
    with store.lock():
        store.write_evaluation(
            made_with,
            [Score(one, "pearson", SOURCE, "test", value) for one in ids],
            [Assessment(one, SOURCE, "weak", value, value, value, value) for one in ids],
            [Figure(run, "head", SOURCE, "descriptions", "pearson", 1, value, value, value)],
        )


def check(folder: Path, finished: dict[str, int]) -> tuple[int, int]:
    """What is recorded is whole, and all that was finished is; the last labels and the last figures."""
    store = StudyStore(folder)
    units = sum(layer.units for layer in store.layers)
    numbers = set()
    for run in store.runs:
        said = store.explanations(run)["description"].to_pylist()
        assert len(said) == units, (run, len(said))
        [text] = set(said)
        numbers.add(int(text.removeprefix("number ")))
    labels = max(numbers, default=0)
    assert numbers == set(range(labels + 1)) or not numbers, numbers
    assert finished.get("labels", 0) <= labels
    tables = (store.scores(), store.assessments(), store.figures())
    values = {value for table in tables for value in table["value"].to_pylist()}
    assert len(values) <= 1, values  # all three are of one evaluation
    assert not values or [len(table) for table in tables] == [units, units, 1]
    assert len(store.table()) == units * len(store.runs)
    figures = int(values.pop()) if values else 0
    assert finished.get("figures", 0) <= figures <= labels, (finished, figures, labels)
    return labels, figures


def killed(folder: Path, first: int, turns: int, seconds: float) -> list[tuple[str, int]]:
    """What a writer finished before it was killed, ``seconds`` after it had finished ``turns`` things."""
    receive, send = os.pipe()

    def work() -> None:
        os.close(receive)
        os.write(send, b"begun 0\n")
        for what, number in write(folder, first):
            os.write(send, f"{what} {number}\n".encode())

    child = fork(work)
    os.close(send)
    with os.fdopen(receive) as told:
        lines = [told.readline() for _ in range(turns + 1)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        lines += list(told)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    return [(what, int(number)) for what, number in map(str.split, lines[1:])]


def left_behind(folder: Path) -> int:
    """Partial files, folders of evaluations that are not recorded, and runs that are not."""
    store = StudyStore(folder)
    partial = len(list(folder.rglob(".*partial")))
    runs = len(list((folder / "runs").iterdir())) - len(store.runs) if (folder / "runs").is_dir() else 0
    return partial + runs + len(list((folder / "scores").glob("*/*/*"))) - len(store.evaluations())


def main(folder: Path, kills: int) -> None:
    """Kills a writer at random moments and looks at what it left, each time."""
    torch.set_num_threads(1)
    random.seed(0)
    check(folder, {})  # Arrow's first use takes longer than many turns; once for all children
    done: dict[str, int] = {}
    interrupted = 0
    for _ in range(kills):
        for what, number in killed(folder, done.get("labels", 0) + 1, random.randint(0, 3), random.uniform(0, 0.04)):
            done[what] = number
        interrupted += left_behind(folder) > 0
        labels, figures = check(folder, done)
        done = {"labels": labels, "figures": figures}
    print("finished", sum(done.values()), "interrupted", interrupted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
