"""A program whose children fill a gallery's cache and are killed, and which forks while it renders itself.

It forks, because starting Python anew for every kill would take seconds each, and is a program of its own, because
pytest has threads.

    python killed_gallery.py kills|forks FOLDER
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from forking import fork
from neuronym.world.gallery import CHUNK, Gallery, renderer_key
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes


def fill(seed: int) -> None:
    """Renders and keeps chunk after chunk."""
    gallery = Gallery(seed)
    for position in range(100):
        gallery.chunk(position)


def kills(folder: Path) -> str:
    """Kills writers at random moments; what they left is whole, and another process goes on with it."""
    random.seed(0)
    for number in range(12):
        child = fork(lambda seed=number % 3: fill(seed))  # type: ignore[misc]
        time.sleep(random.uniform(0.02, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    kept, partial = sorted(folder.rglob("*.npy")), list(folder.rglob(".*partial"))
    for path in kept:
        assert np.load(path, allow_pickle=False).shape == (CHUNK, 64, 64, 3), path
    for seed in range(3):
        images = Gallery(seed).chunk(0)
        assert np.array_equal(images, render(draw_scenes(seed, range(CHUNK)))[0])
    return f"kept {len(kept)} partial {len(partial)}"


def forks(folder: Path) -> str:
    """Forks again and again while another thread renders and writes; every child can render at once."""
    end = threading.Event()

    def busy() -> None:
        seed = 1000
        while not end.is_set():
            Gallery(seed).chunk(0)
            seed += 1

    thread = threading.Thread(target=busy)
    thread.start()
    gallery = Gallery(7, marked=True, noise=0.02)
    late = []
    for number in range(12):
        time.sleep(0.01 * number)
        child = fork(lambda position=number: gallery.chunk(position))  # type: ignore[misc]
        deadline = time.monotonic() + 20
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                late.append(number)
                break
            time.sleep(0.01)
    end.set()
    thread.join()
    assert not late, f"children {late} waited for a thread that they do not have"
    assert len(list(folder.rglob("*.npy"))) >= 12
    return "forked 12"


if __name__ == "__main__":
    renderer_key()  # compiled, once for all children
    os.environ["NEURONYM_CACHE"] = sys.argv[2]
    print({"kills": kills, "forks": forks}[sys.argv[1]](Path(sys.argv[2])))
